"""The lineage index: which run made what, kept in SQLite so that questions cost little.

Derived from commits and records alone; deleting it loses nothing. Bringing it up to date costs what is new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.database import Database, Row
from sovrgit.lineage.gather import Gatherer, parents_first
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.pod.pod import Pod
from sovrgit.store.files import reporting

_Answer = TypeVar("_Answer")


class KnownRun(NamedTuple):
    """A run, its id, and the commit that it made, if there is one."""

    id: ObjectId
    run: Run
    commit: ObjectId | None


class Maker(NamedTuple):
    """A run that left a file or a folder in its output, and the path it had there."""

    run: ObjectId
    path: bytes


class Making(NamedTuple):
    """A run that left something in its output, the path it had there, and the commits that name the run.

    `made` is the commit that it made, if there is one; of `commits`, parents come before children.
    """

    run: ObjectId
    path: bytes
    made: ObjectId | None
    commits: tuple[ObjectId, ...]


class RunInput(NamedTuple):
    """A run, the tree of its inputs, and when it began and ended, in nanoseconds since 1970."""

    run: ObjectId
    input: ObjectId
    started: int
    finished: int


class ExternalUse(NamedTuple):
    """A run that used something of another pod, and the path that it has there."""

    run: RunInput
    path: str


_FILE = "lineage.sqlite"


def forget_index(pod: Pod) -> None:
    """Have the index made anew when it is next opened: commits have parents here that they did not have.

    Raises:
        ReadOnly, StorageFailure: as the operating system reports.
    """
    with reporting(pod.folder):
        for ending in ("", "-wal", "-shm"):
            (pod.folder / f"{_FILE}{ending}").unlink(missing_ok=True)


class LineageIndex:
    """The index of one pod, brought up to date when it is opened.

    Its commits and verdicts are those that refs lead to now. Runs are remembered for as long as their records are
    here, because a result that is known need not be computed again.
    """

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._database = Database(pod.folder / _FILE)
        self.update()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> LineageIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self) -> int:
        """Take in commits and records that are new; the number of commits that were."""
        while True:
            try:
                return Gatherer(self._pod, self._database).gather()
            except sqlite3.DatabaseError as error:
                self._database.recover(error)

    # --- runs ---------------------------------------------------------------------------------------------------

    def succeeded_with(self, key: ObjectId) -> KnownRun | None:
        """The latest successful run with a run key whose output is here."""
        return next(self.all_succeeded_with(key), None)

    def all_succeeded_with(self, key: ObjectId) -> Iterator[KnownRun]:
        """The successful runs with a run key whose output is here, the latest first.

        Those that are no repetitions come first: to check a result is no reason to replace it.
        """
        for row in self._ask(
            "SELECT id, made FROM runs WHERE key = ? AND status = ? ORDER BY repeats IS NOT NULL, started DESC",
            (key, RunStatus.SUCCEEDED),
        ):
            known = self._known(row)
            # The record decides, not the index: what it says is taken for a result.
            if known is not None and known.run.key == key and known.run.succeeded and self._is_whole(known.run):
                yield known

    def runs(self, limit: int = -1) -> Iterator[KnownRun]:
        """All runs, or at most `limit`, the latest first, a task before its pods. Records are read when asked for."""
        for row in self._ask("SELECT id, made FROM runs ORDER BY finished DESC, started, id DESC"):
            if limit == 0:
                return
            known = self._known(row)
            if known is not None:
                limit -= 1
                yield known

    def run(self, identity: ObjectId) -> KnownRun:
        """One run.

        Raises:
            ObjectMissing: if its record is not here.
        """
        return KnownRun(identity, self._pod.store.run(identity), self.commit_made_by(identity))

    def commit_made_by(self, run: ObjectId) -> ObjectId | None:
        """The commit that a run made, if there is one."""
        rows = self._ask("SELECT made FROM runs WHERE id = ?", (run,))
        return _optional(rows[0][0]) if rows else None

    def inputs(self) -> list[RunInput]:
        """The input tree of every run, the earliest first."""
        rows = self._ask("SELECT id, input, started, finished FROM runs ORDER BY started, id")
        return [RunInput(ObjectId(run), ObjectId(tree), started, finished) for run, tree, started, finished in rows]

    def repeats_of(self, run: ObjectId) -> list[ObjectId]:
        """The runs that repeat a run, the earliest first."""
        return _ids(self._ask("SELECT id FROM runs WHERE repeats = ? ORDER BY started, id", (run,)))

    def tasks_of(self, run: ObjectId) -> list[tuple[ObjectId, str]]:
        """The tasks that a run is part of, the earliest first, and what it is called there."""
        return [(ObjectId(task), name) for task, name in self._ask(_TASKS, (run,))]

    # --- what they made -----------------------------------------------------------------------------------------

    def makers(self, content: ObjectId) -> list[Maker]:
        """The runs that left a file with this content, or this very folder, in their output, the earliest first."""
        rows = self._ask(
            "SELECT run, path FROM outputs JOIN runs ON runs.id = run WHERE outputs.id = ? ORDER BY started, run, path",
            (content,),
        )
        return [Maker(ObjectId(run), path) for run, path in rows]

    def makings(self, content: ObjectId) -> list[Making]:
        """The same with the commits of each run, for the price of one question."""
        found: dict[tuple[bytes, bytes], tuple[bytes | None, list[bytes]]] = {}
        for run, path, made, commit in self._ask(_MAKINGS, (content,)):
            commits = found.setdefault((run, path), (made, []))[1]
            if commit is not None:
                commits.append(commit)
        return [
            Making(ObjectId(run), path, _optional(made), tuple(map(ObjectId, commits)))
            for (run, path), (made, commits) in found.items()
        ]

    def output_ids(self) -> set[bytes]:
        """The ids of everything that a run put out."""
        return {row[0] for row in self._ask("SELECT DISTINCT id FROM outputs")}

    def users_of_external(self, content: ObjectId) -> list[ExternalUse]:
        """The runs that used this content as payload of another pod, the earliest first."""
        rows = self._ask(_EXTERNAL_USES, (content,))
        return [
            ExternalUse(RunInput(ObjectId(run), ObjectId(tree), start, end), path)
            for run, tree, start, end, path in rows
        ]

    def external_ids(self) -> set[bytes]:
        """The ids of everything that a run used as payload of another pod."""
        return {row[0] for row in self._ask("SELECT DISTINCT id FROM externals")}

    def verdicts_on(self, run: ObjectId) -> list[ObjectId]:
        """The verdicts on a run, the latest first."""
        return _ids(self._ask("SELECT id FROM verdicts WHERE run = ? ORDER BY time DESC, id", (run,)))

    def judged_runs(self) -> set[ObjectId]:
        """The runs that there is a verdict on."""
        return set(_ids(self._ask("SELECT DISTINCT run FROM verdicts")))

    def judged_repeats(self, run: ObjectId) -> set[ObjectId]:
        """The repetitions of a run that there is a verdict on."""
        return set(_ids(self._ask("SELECT repeat FROM verdicts WHERE run = ?", (run,))))

    # --- commits ------------------------------------------------------------------------------------------------

    def commits_of(self, run: ObjectId) -> list[ObjectId]:
        """The commits that a run made, or whose output was taken from it; parents come before children."""
        return _ids(self._ask("SELECT id FROM commits WHERE run = ? ORDER BY position", (run,)))

    def has_commit(self, commit: ObjectId) -> bool:
        """Whether refs lead to a commit."""
        return bool(self._ask("SELECT 1 FROM commits WHERE id = ?", (commit,)))

    def place_of(self, commit: ObjectId) -> str:
        """The name of the remote that a commit was first found at; nothing if it is not from a remote."""
        rows = self._ask("SELECT place FROM commits WHERE id = ?", (commit,))
        return str(rows[0][0]) if rows else ""

    def ancestry(self, commit: ObjectId) -> dict[ObjectId, int]:
        """The commits that can be reached, the first one included, each with a number above those of its ancestors.

        A commit that no ref leads to is walked down to those that the index knows.
        """
        unknown: dict[ObjectId, tuple[ObjectId, ...]] = {}
        known: list[ObjectId] = []
        stack = [commit]
        while stack:
            current = stack.pop()
            if current in unknown:
                continue
            if self._ask("SELECT 1 FROM commits WHERE id = ?", (current,)):
                known.append(current)
            elif self._pod.store.has(current):
                unknown[current] = self._pod.store.commit(current).parents
                stack += unknown[current]
        positions: dict[ObjectId, int] = {}
        for start in known:
            if start not in positions:
                positions |= {ObjectId(item): position for item, position in self._ask(_ANCESTORS, (start,))}
        top = max(positions.values(), default=0)
        for current in parents_first(unknown, lambda item: (0, item)):
            top += 1
            positions[current] = top
        return positions

    def forks(self) -> list[ObjectId]:
        """The commits that begin a fork, the newest first."""
        return _ids(self._ask("SELECT id FROM commits WHERE fork ORDER BY position DESC"))

    def _is_whole(self, run: Run) -> bool:
        return run.output is None or self._pod.store.has(run.output)

    def _known(self, row: Row) -> KnownRun | None:
        identity = ObjectId(row[0])
        try:
            return KnownRun(identity, self._pod.store.run(identity), _optional(row[1]))
        except ObjectMissing:
            # Nothing leads to it any more, and it was removed.
            return None

    def _ask(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        return self._with_recovery(lambda: self._database.execute(query, values).fetchall())

    def _with_recovery(self, question: Callable[[], _Answer]) -> _Answer:
        while True:
            try:
                return question()
            except sqlite3.DatabaseError as error:
                self._database.recover(error)
                self.update()


_ANCESTORS = """
WITH RECURSIVE reached(id) AS (
    VALUES (?) UNION SELECT parent FROM parents JOIN reached ON child = reached.id
) SELECT id, position FROM reached JOIN commits USING (id)
"""


_MAKINGS = """
SELECT runs.id, path, made, commits.id FROM outputs JOIN runs ON runs.id = outputs.run
LEFT JOIN commits ON commits.run = runs.id
WHERE outputs.id = ? ORDER BY started, runs.id, path, position
"""

_TASKS = "SELECT task, name FROM members JOIN runs ON runs.id = task WHERE run = ? ORDER BY started, task, name"

_EXTERNAL_USES = """
SELECT run, input, started, finished, path FROM externals JOIN runs ON runs.id = run
WHERE externals.id = ? ORDER BY started, run, path
"""


def _ids(rows: list[Row]) -> list[ObjectId]:
    return [ObjectId(row[0]) for row in rows]


def _optional(value: bytes | None) -> ObjectId | None:
    return None if value is None else ObjectId(value)
