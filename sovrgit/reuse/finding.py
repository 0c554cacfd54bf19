"""Looking for the result of a run key: all places at once, within a time, the best result first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sovrgit.errors import ObjectInvalid, RemoteUnavailable, SovrError
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.networks import Networks
from sovrgit.reuse.asking import Asking
from sovrgit.reuse.bringing import Shelf, read_records
from sovrgit.reuse.cache import Known, RecordCache
from sovrgit.reuse.hasty import Deadline
from sovrgit.reuse.judging import Keys
from sovrgit.reuse.places import Registry, registries, remote_places
from sovrgit.reuse.reading import Read, Seen, Told
from sovrgit.reuse.taking import Candidate, Limits, Taking, opened
from sovrgit.runs.known import Ownership, looking_at, others_here
from sovrgit.runs.reused import Finder, Lookup, Wanted

FILE = "cache/runs.sqlite"
"""The cache, in the folder of the pod."""

Candidates = dict[ObjectId, Candidate]
Verdicts = dict[ObjectId, dict[ObjectId, Verdict]]


def finder(
    rule: str,
    keys: Keys,
    networks: Networks | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = SILENT,
    once: bool = False,
) -> Finder:
    """What looks for the results of others, to be given to a run.

    Args:
        rule: whose results may be taken. `own`: those in this pod that are signed by the user's own key; nothing is
            asked. `trusted`: those that a key with a name here stands for. `any`: all.
        networks: how to reach networks, and the registries; without it only remotes on this machine are asked.
        once: look at the places of a pod only once, however many results are looked for in it, and ask none again that
            was lost meanwhile. For the results of a task.
    """
    bounds = limits or Limits()
    around: dict[tuple[Path, frozenset[str]], list[Seen]] = {}

    def find(pod: Pod, wanted: Wanted, ownership: Ownership | None = None) -> Lookup:
        with looking_at(pod, ownership) as owned:
            candidates, verdicts = _here(pod, wanted, bounds, owned)
        if rule == "own":
            return Taking(pod, wanted, rule, keys, _no_shelf, [], bounds).take(candidates, verdicts)
        hurried = None if networks is None else networks.in_a_hurry()
        with RecordCache(pod.folder / FILE) as cache:
            mark = (pod.root, wanted.names)
            search = _Search(pod, wanted, keys, hurried, bounds, cache, around.get(mark) if once else None)
            around[mark] = search.look(candidates, verdicts)
            taking = Taking(pod, wanted, rule, keys, search.shelf, search.notices, bounds, progress, search.lose)
            return taking.take(candidates, verdicts)

    return find


def _no_shelf(_: Seen) -> Shelf:
    raise AssertionError("nobody was asked")


def _here(pod: Pod, wanted: Wanted, limits: Limits, ownership: Ownership) -> tuple[Candidates, Verdicts]:
    """What has come with a fetch, and is nobody's here."""
    others = others_here(pod, wanted, ownership)
    candidates = {known.id: Candidate(known.id, known.run, here=True) for known in others}
    verdicts = {
        run: {item: pod.store.verdict(item) for item in ownership.index.verdicts_on(run)[: limits.records]}
        for run in candidates
    }
    return candidates, verdicts


class _Search:
    """One look-up at other places. `notices` is what is to be told of it.

    Args:
        seen: the places, if somebody has looked around already.
    """

    def __init__(
        self,
        pod: Pod,
        wanted: Wanted,
        keys: Keys,
        networks: Networks | None,
        limits: Limits,
        cache: RecordCache,
        seen: list[Seen] | None = None,
    ) -> None:
        self.notices: list[str] = []
        self._pod = pod
        self._wanted = wanted
        self._keys = keys
        self._networks = networks
        self._limits = limits
        self._cache = cache
        self._seen = seen
        self._shelves: dict[str, Shelf] = {}

    def look(self, candidates: Candidates, verdicts: Verdicts) -> list[Seen]:
        """Add the runs that claim the key, and the verdicts on all of them; the places that were looked at."""
        if self._seen is None:
            self._seen = self._look_around()
        deadline = Deadline(self._limits.patience)
        for place in list(self._seen):
            self._add_candidates(place, candidates, deadline)
        for place in list(self._seen) if candidates else ():
            self._add_verdicts(place, candidates, verdicts, deadline)
        return self._seen

    def lose(self, seen: Seen) -> None:
        """Look at a place no more."""
        if self._seen is not None:
            # In place: the next look-up goes by the same list.
            self._seen[:] = [place for place in self._seen if place is not seen]

    def shelf(self, seen: Seen) -> Shelf:
        """What a place holds."""
        if seen.where not in self._shelves:
            self._shelves[seen.where] = Shelf(self._pod, seen.place.name, seen.manifest, self._cache)
        return self._shelves[seen.where]

    def _look_around(self) -> list[Seen]:
        """Read what is new everywhere, and what all places have now."""
        deadline = Deadline(self._limits.patience)
        seen: dict[bytes, Seen] = {}
        asking = Asking(self._pod, self._wanted.names, self._cache.read_packs(), self._limits.budget, deadline)
        for event in asking.ask(remote_places(self._pod, self._networks), self._registries()):
            if isinstance(event, Read):
                self._cache.add(event.records)
            elif isinstance(event, Told):
                self.notices.append(f"{event.place}: {event.text}")
            else:
                # A pod may be a remote, and listed in two registries besides.
                before = seen.get(event.manifest.repository)
                if before is None or before.manifest.generation < event.manifest.generation:
                    seen[event.manifest.repository] = event
        return list(seen.values())

    def _registries(self) -> list[Registry]:
        try:
            return registries(self._networks)
        except SovrError as error:
            self.notices.append(error.message)
            return []

    def _add_candidates(self, seen: Seen, candidates: Candidates, deadline: Deadline) -> None:
        rows = self._first(self._cache.runs(self._wanted.key), seen)
        for item in rows:
            if item in candidates and not candidates[item].here:
                candidates[item].seen.append(seen)
        for identity, data in self._records(seen, [row for row in rows if row not in candidates], Kind.RUN, deadline):
            try:
                candidates[identity] = Candidate(identity, Run.decode(data), seen=[seen])
            except ObjectInvalid:
                continue

    def _add_verdicts(self, seen: Seen, candidates: Candidates, verdicts: Verdicts, deadline: Deadline) -> None:
        rows = {row for item in candidates for row in self._first(self._cache.verdicts(item), seen)}
        known = {item for found in verdicts.values() for item in found}
        for identity, data in self._records(seen, sorted(rows - known), Kind.VERDICT, deadline):
            try:
                verdict = Verdict.decode(data)
            except ObjectInvalid:
                continue
            if verdict.run in candidates:
                verdicts.setdefault(verdict.run, {})[identity] = verdict

    def _first(self, rows: Sequence[Known], seen: Seen) -> list[ObjectId]:
        """The first of those that a place has: those with a signature that would count, as far as they say."""
        packs = {pack.id for pack in seen.manifest.packs}
        there = [row for row in rows if row.source in packs]
        if any(row.signer for row in there):
            counting = {*self._keys.names, self._keys.own} - {""}
            there.sort(key=lambda row: row.signer not in counting)
        return list(dict.fromkeys(row.id for row in there))[: self._limits.records]

    def _records(
        self, seen: Seen, wanted: Sequence[ObjectId], kind: Kind, deadline: Deadline
    ) -> list[tuple[ObjectId, bytes]]:
        if not wanted:
            return []
        try:
            with opened(seen, deadline) as remote:
                return list(read_records(self._pod, remote, self.shelf(seen), wanted, kind).items())
        except SovrError as error:
            self.notices.append(f"{seen.place.name}: {error.message}")
            if isinstance(error, RemoteUnavailable):
                self.lose(seen)
            return []
