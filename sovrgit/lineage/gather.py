"""Bringing the lineage index up to date: what refs lead to now, and what they no longer lead to."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.database import Database
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import REMOTES

MAX_OUTPUTS = 1_000_000
"""Files and folders in the output of one run that can be found by their content. A record of others may name a tree
that holds the same folders over and over."""


class Gatherer:
    """One update of the index."""

    def __init__(self, pod: Pod, database: Database) -> None:
        self._pod = pod
        self._store = pod.store
        self._database = database
        self._met: set[ObjectId] = set()
        """Commits known before that new ones were found to build upon."""
        self._touched: set[ObjectId] = set()
        """Runs whose own commit has to be found out anew."""
        self._places: dict[ObjectId, str] = {}

    def gather(self) -> int:
        """Take in what is new; the number of commits that were.

        Raises:
            sqlite3.DatabaseError: if the file is damaged or cannot be written.
            IntegrityFailure: if a commit or record is damaged.
        """
        if self._covered() == set(self._pod.refs.read().values.values()) and not self._come():
            return 0
        with self._database.transaction():
            # Whoever holds the lock sees refs that are at least as new as those that the last one saw.
            names = self._pod.refs.read().values
            values = set(names.values())
            self._take_what_came()
            covered = self._covered()
            self._places = {value: _place(name) for name, value in names.items() if name.startswith(REMOTES)}
            new = self._take(values - covered)
            self._forget(covered - values, values)
            for run in self._touched:
                self._credit(run)
            self._database.execute("DELETE FROM refs")
            self._database.insert("refs", *((value,) for value in values))
        return new

    def _covered(self) -> set[ObjectId]:
        return self._all("SELECT id FROM refs")

    def _come(self) -> set[ObjectId]:
        """What was missing and is here now."""
        absent = self._all("SELECT id FROM absent")
        return absent - set(self._store.absent(list(absent))) if absent else absent

    def _take_what_came(self) -> None:
        come = self._come()
        if not all(self._store.kind(identity) is Kind.RUN for identity in come):
            # A commit that was missing may be older than much that is known, so that orders would come out wrong.
            self._database.clear()
            return
        for identity in come:
            self._database.execute("DELETE FROM absent WHERE id = ?", (identity,))
            self._add_run(identity)

    def _all(self, query: str, *values: object) -> set[ObjectId]:
        return {ObjectId(row[0]) for row in self._database.execute(query, values)}

    # --- what is new --------------------------------------------------------------------------------------------

    def _take(self, targets: Iterable[ObjectId]) -> int:
        tips: dict[ObjectId, str] = {}
        for target in sorted(targets):
            found = self._peel(target)
            if found is None:
                self._miss(target)
                continue
            identity, kind = found
            if kind is Kind.COMMIT:
                tips.setdefault(identity, self._places.get(target, ""))
            elif kind is Kind.RUN:
                self._add_run(identity)
            elif kind is Kind.VERDICT:
                verdict = self._store.verdict(identity)
                self._database.insert("verdicts", (identity, verdict.run, verdict.repeat, _stored(verdict.time)))
        commits, places = self._collect(tips)
        order = parents_first(
            {identity: commit.parents for identity, commit in commits.items()},
            lambda identity: (commits[identity].time, identity),
        )
        row = self._database.execute("SELECT COALESCE(MAX(position), 0) FROM commits").fetchone()
        for position, identity in enumerate(order, row[0] + 1):
            self._add_commit(identity, commits[identity], position, places[identity])
        return len(commits)

    def _peel(self, target: ObjectId) -> tuple[ObjectId, Kind] | None:
        try:
            while (kind := self._store.kind(target)) is Kind.TAG:
                target = self._store.tag(target).target
        except ObjectMissing:
            return None
        return target, kind

    def _miss(self, identity: ObjectId) -> None:
        self._database.insert("absent", (identity,))

    def _collect(self, tips: Mapping[ObjectId, str]) -> tuple[dict[ObjectId, Commit], dict[ObjectId, str]]:
        """The commits that are new, and for each the remote that it was found at; nothing for what is from here."""
        commits: dict[ObjectId, Commit] = {}
        places: dict[ObjectId, str] = {}
        stack = list(tips.items())
        while stack:
            current, place = stack.pop()
            if current in commits:
                continue
            if self._database.has("commits", current):
                self._met.add(current)
                continue
            try:
                commits[current] = self._store.commit(current)
            except ObjectMissing:
                self._miss(current)
                continue
            places[current] = place
            stack += [(parent, place) for parent in commits[current].parents]
        return commits, places

    def _add_commit(self, identity: ObjectId, commit: Commit, position: int, place: str) -> None:
        row = (identity, position, _stored(commit.time), commit.run, int(commit.fork is not None), place)
        self._database.insert("commits", row)
        self._database.insert("parents", *((identity, parent) for parent in commit.parents))
        if commit.run is not None:
            self._touched.add(commit.run)
            self._add_run(commit.run)

    def _add_run(self, identity: ObjectId) -> None:
        """Take in a run, and with that of a task those of its pods."""
        waiting = [identity]
        while waiting:
            current = waiting.pop()
            if self._database.has("runs", current):
                continue
            try:
                run = self._store.run(current)
            except ObjectMissing:
                self._miss(current)
                continue
            self._insert_run(current, run)
            waiting += [member.run for member in run.pods]

    def _insert_run(self, identity: ObjectId, run: Run) -> None:
        self._touched.add(identity)
        times = (_stored(run.started), _stored(run.finished))
        row = (identity, run.key, str(run.status), *times, run.input, run.base, None, run.repeats)
        self._database.insert("runs", row)
        self._database.insert("externals", *((one.id, identity, one.commit, one.path) for one in run.external))
        self._database.insert("members", *((member.run, identity, member.name) for member in run.pods))
        if run.output is not None:
            self._add_outputs(identity, run.output)

    def _add_outputs(self, run: ObjectId, tree: ObjectId) -> None:
        stack = [(b"", tree)]
        left = MAX_OUTPUTS
        while stack and left > 0:
            path, current = stack.pop()
            try:
                entries = self._store.tree(current).entries
            except ObjectMissing:
                self._miss(current)
                continue
            prefix = path + b"/" if path else b""
            left -= len(entries)
            rows = [(entry.id, run, prefix + entry.name) for entry in entries]
            self._database.insert("outputs", *rows)
            stack += [(prefix + entry.name, entry.id) for entry in entries if entry.is_directory]

    # --- what no ref leads to any more ----------------------------------------------------------------------------

    def _forget(self, gone: set[ObjectId], values: set[ObjectId]) -> None:
        """Drop verdicts and commits that can no longer be reached. A branch that only moved on costs nothing."""
        lost = gone - self._met
        for identity in lost:
            self._database.execute("DELETE FROM verdicts WHERE id = ?", (identity,))
        lost = {identity for identity in lost if not self._database.has("runs", identity)}
        if not lost:
            return
        parents: dict[bytes, list[bytes]] = {}
        for child, parent in self._database.execute("SELECT child, parent FROM parents"):
            parents.setdefault(child, []).append(parent)
        alive: set[bytes] = set()
        stack: list[bytes] = [found[0] for value in values if (found := self._peel(value)) is not None]
        while stack:
            current = stack.pop()
            if current not in alive:
                alive.add(current)
                stack += parents.get(current, ())
        for identity, run in self._database.execute("SELECT id, run FROM commits").fetchall():
            if identity not in alive:
                self._database.execute("DELETE FROM commits WHERE id = ?", (identity,))
                self._database.execute("DELETE FROM parents WHERE child = ?", (identity,))
                if run is not None:
                    self._touched.add(ObjectId(run))

    def _credit(self, run: ObjectId) -> None:
        """Find the commit that a run made; others that name it have taken its output later.

        A run commits on top of the commit that it began from; where none of the commits does so, the earliest counts.
        One that says that it took the output made none.
        """
        row = self._database.execute("SELECT base FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            return
        base = [] if row[0] is None else [row[0]]
        ranked = [
            ([item[0] for item in self._database.execute(_PARENTS, (identity,))] != base, time, position, identity)
            for identity, time, position in self._database.execute(_NAMING, (run,)).fetchall()
            if self._store.commit(ObjectId(identity)).reuse is None
        ]
        made = min(ranked)[-1] if ranked else None
        self._database.execute("UPDATE runs SET made = ? WHERE id = ?", (made, run))


def _place(name: str) -> str:
    """The remote that a ref was taken over from."""
    return name.removeprefix(REMOTES).partition("/")[0]


_PARENTS = "SELECT parent FROM parents WHERE child = ?"
_NAMING = "SELECT id, time, position FROM commits WHERE run = ?"


def _stored(time: int) -> int:
    """A time as SQLite takes it: records can say anything up to 64 bits without a sign."""
    return min(time, (1 << 63) - 1)


def parents_first(
    parents: dict[ObjectId, tuple[ObjectId, ...]], key: Callable[[ObjectId], tuple[int, ObjectId]]
) -> Sequence[ObjectId]:
    """Commits in an order in which parents come before children, and otherwise the least key first."""
    children: dict[ObjectId, list[ObjectId]] = {}
    waiting: dict[ObjectId, int] = {}
    for child, above in parents.items():
        inside = {parent for parent in above if parent in parents}
        waiting[child] = len(inside)
        for parent in inside:
            children.setdefault(parent, []).append(child)
    ready = [(key(item), item) for item, count in waiting.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, current = heapq.heappop(ready)
        order.append(current)
        for child in children.get(current, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (key(child), child))
    return order
