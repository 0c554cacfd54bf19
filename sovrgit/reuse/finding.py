"""Looking for the result of a run key: all places at once, within a time, the best result first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sovrgit.errors import ObjectInvalid, ObjectMissing, SovrError
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS, RefChange
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.networks import Networks
from sovrgit.reuse.asking import Asking
from sovrgit.reuse.bringing import Shelf, bring_run, bring_verdict, read_records
from sovrgit.reuse.cache import Known, RecordCache
from sovrgit.reuse.hasty import Deadline, hasty
from sovrgit.reuse.judging import Judged, Keys, checks_of, judge
from sovrgit.reuse.places import registries, remote_places
from sovrgit.reuse.reading import Budget, Read, Seen, Told
from sovrgit.runs.known import is_here, misplaced, others_here
from sovrgit.runs.reused import Check, Finder, FoundRun, Lookup, Wanted

FILE = "cache/runs.sqlite"
"""The cache, in the folder of the pod."""


_REFUSALS_TOLD = 3

_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a look-up may cost.

    Args:
        patience: seconds for reading what is new at all places together; as many for the records of those that fit.
        getting: seconds for getting a result, and more for a large one.
        records: runs, and verdicts on one, that are looked at of one place.
        tries: results that are got, if one after the other turns out to be damaged.
        verdicts: verdicts that are brought along with a result.
        budget: what is read of one place.
    """

    patience: float = 20.0
    getting: float = 60.0
    records: int = 32
    tries: int = 4
    verdicts: int = 2
    budget: Budget = _BUDGET


@dataclass(slots=True)
class _Candidate:
    """A run that claims the key, and the places that have it; none if it is here."""

    id: ObjectId
    run: Run
    here: bool = False
    seen: list[Seen] = field(default_factory=list)


class _Ranked(NamedTuple):
    candidate: _Candidate
    judged: Judged


def finder(
    rule: str,
    keys: Keys,
    networks: Networks | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = SILENT,
) -> Finder:
    """What looks for the results of others, to be given to a run.

    Args:
        rule: whose results may be taken. `own`: those in this pod that are signed by the user's own key; nothing is
            asked. `trusted`: those that a key with a name here stands for. `any`: all.
        networks: how to reach networks, and the registries; without it only remotes on this machine are asked.
    """

    def find(pod: Pod, wanted: Wanted) -> Lookup:
        with RecordCache(pod.folder / FILE) as cache:
            return _Search(pod, wanted, rule, keys, networks, limits or Limits(), progress, cache).find()

    return find


class _Search:
    """One look-up."""

    def __init__(
        self,
        pod: Pod,
        wanted: Wanted,
        rule: str,
        keys: Keys,
        networks: Networks | None,
        limits: Limits,
        progress: Progress,
        cache: RecordCache,
    ) -> None:
        self._pod = pod
        self._wanted = wanted
        self._rule = rule
        self._keys = keys
        self._networks = networks
        self._limits = limits
        self._progress = progress
        self._cache = cache
        self._notices: list[str] = []
        self._shelves: dict[str, Shelf] = {}

    def find(self) -> Lookup:
        """The best result that can be had."""
        with LineageIndex(self._pod) as index:
            candidates = {
                known.id: _Candidate(known.id, known.run, here=True)
                for known in others_here(self._pod, index, self._wanted)
            }
            verdicts = {item: self._verdicts_here(index, item) for item in candidates}
        if self._rule != "own":
            seen = self._look_around()
            deadline = Deadline(self._limits.patience)
            for place in seen:
                self._add_candidates(place, candidates, deadline)
            for place in seen if candidates else ():
                self._add_verdicts(place, candidates, verdicts, deadline)
        return self._choose(candidates, verdicts)

    def _verdicts_here(self, index: LineageIndex, run: ObjectId) -> dict[ObjectId, Verdict]:
        store = self._pod.store
        return {item: store.verdict(item) for item in index.verdicts_on(run)[: self._limits.records] if store.has(item)}

    # --- all places -----------------------------------------------------------------------------------------------

    def _look_around(self) -> list[Seen]:
        """Read what is new everywhere, and what all places have now."""
        deadline = Deadline(self._limits.patience)
        seen: dict[bytes, Seen] = {}
        asking = Asking(self._pod, self._wanted.name, self._cache.read_packs(), self._limits.budget, deadline)
        for event in asking.ask(remote_places(self._pod, self._networks), registries(self._networks)):
            if isinstance(event, Read):
                self._cache.add(event.records)
            elif isinstance(event, Told):
                self._notices.append(f"{event.place}: {event.text}")
            else:
                # A pod may be a remote, and listed in two registries besides.
                before = seen.get(event.manifest.repository)
                if before is None or before.manifest.generation < event.manifest.generation:
                    seen[event.manifest.repository] = event
        return list(seen.values())

    # --- what fits ------------------------------------------------------------------------------------------------

    def _add_candidates(self, seen: Seen, candidates: dict[ObjectId, _Candidate], deadline: Deadline) -> None:
        packs = {pack.id for pack in seen.manifest.packs}
        rows = self._first(self._cache.runs(self._wanted.key), packs)
        for item in rows:
            if item in candidates and not candidates[item].here:
                candidates[item].seen.append(seen)
        for identity, data in self._records(seen, [row for row in rows if row not in candidates], Kind.RUN, deadline):
            try:
                run = Run.decode(data)
            except ObjectInvalid:
                continue
            candidates[identity] = _Candidate(identity, run, seen=[seen])

    def _add_verdicts(
        self,
        seen: Seen,
        candidates: dict[ObjectId, _Candidate],
        verdicts: dict[ObjectId, dict[ObjectId, Verdict]],
        deadline: Deadline,
    ) -> None:
        packs = {pack.id for pack in seen.manifest.packs}
        rows = {row for item in candidates for row in self._first(self._cache.verdicts(item), packs)}
        known = {item for found in verdicts.values() for item in found}
        for identity, data in self._records(seen, sorted(rows - known), Kind.VERDICT, deadline):
            try:
                verdict = Verdict.decode(data)
            except ObjectInvalid:
                continue
            if verdict.run in candidates:
                verdicts.setdefault(verdict.run, {})[identity] = verdict

    def _first(self, rows: Sequence[Known], packs: set[ObjectId]) -> list[ObjectId]:
        """The first of those that are in some packs: those with a signature that would count, as far as they say."""
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
            with _opened(seen, deadline) as remote:
                return list(read_records(self._pod, remote, self._shelf(seen), wanted, kind).items())
        except SovrError as error:
            self._notices.append(f"{seen.place.name}: {error.message}")
            return []

    def _shelf(self, seen: Seen) -> Shelf:
        if seen.where not in self._shelves:
            self._shelves[seen.where] = Shelf(self._pod, seen.place.name, seen.manifest, self._cache)
        return self._shelves[seen.where]

    # --- what is taken --------------------------------------------------------------------------------------------

    def _choose(
        self, candidates: dict[ObjectId, _Candidate], verdicts: dict[ObjectId, dict[ObjectId, Verdict]]
    ) -> Lookup:
        ranked: list[_Ranked] = []
        refused: list[str] = []
        for candidate in candidates.values():
            checks = checks_of(self._keys, candidate.id, list(verdicts.get(candidate.id, {}).items()))
            judged = judge(self._keys, self._rule, self._wanted, candidate.id, candidate.run, checks)
            if isinstance(judged, Judged):
                ranked.append(_Ranked(candidate, judged))
            elif self._rule != "own":
                refused.append(f"{_origin(candidate)} was not taken: {judged}")
        ranked.sort(key=lambda item: (*item.judged.rank(item.candidate.run), item.candidate.id))
        self._notices += refused[:_REFUSALS_TOLD]
        if len(refused) > _REFUSALS_TOLD:
            self._notices.append(f"{len(refused) - _REFUSALS_TOLD} more runs were not taken")
        for item in ranked[: self._limits.tries]:
            found = self._take(item)
            if found is not None:
                others = _contradicting(found.run, candidates.values())
                if others:
                    runs = "1 other run" if others == 1 else f"{others} other runs"
                    self._notices.append(
                        f"results differ: {runs} of the same inputs left something else than run {found.id.short}"
                    )
                return Lookup(replace(found, others=others), tuple(self._notices))
        return Lookup(None, tuple(self._notices))

    def _take(self, item: _Ranked) -> FoundRun | None:
        """Bring a result here, from the first of its places that has it."""
        candidate, judged = item
        found = FoundRun(
            candidate.id,
            candidate.run,
            self._rule,
            signed=judged.signed,
            checks=judged.checks,
            trusted=judged.trusted,
        )
        if candidate.here:
            return found if self._is_fit(candidate) else None
        for seen in candidate.seen:
            deadline = Deadline(self._limits.getting)
            try:
                with _opened(seen, deadline) as remote:
                    bring_run(self._pod, remote, self._shelf(seen), candidate.id, deadline, self._progress)
            except SovrError as error:
                self._notices.append(f"{_origin(candidate)} was not taken: {error.message}")
                continue
            if not self._is_fit(candidate):
                return None
            self._bring_verdicts(candidate, judged.checks)
            return replace(found, place=seen.where, remote=seen.place.name)
        return None

    def _is_fit(self, candidate: _Candidate) -> bool:
        try:
            wrong = misplaced(self._pod.store, candidate.run, self._wanted)
            if not wrong and not is_here(self._pod.store, candidate.run.output):
                wrong = "its output is not all here"
        except ObjectMissing as error:
            wrong = error.message
        if wrong:
            self._notices.append(f"{_origin(candidate)} was not taken: {wrong}")
        return not wrong

    def _bring_verdicts(self, candidate: _Candidate, checks: Iterable[Check]) -> None:
        """Bring the verdicts that speak for a result along, so that what it rests on can be seen here and passed on."""
        for check in [check for check in checks if check.verdict.finding is Finding.IDENTICAL][: self._limits.verdicts]:
            for seen in candidate.seen:
                shelf = self._shelf(seen)
                if not shelf.find([check.id]):
                    continue
                deadline = Deadline(self._limits.getting)
                try:
                    with _opened(seen, deadline) as remote:
                        bring_verdict(self._pod, remote, shelf, check.id, deadline, self._progress)
                except SovrError as error:
                    self._notices.append(f"verdict {check.id.short} was not brought along: {error.message}")
                    break
                self._name_verdict(check)
                break

    def _name_verdict(self, check: Check) -> None:
        name = f"{VERDICTS}{check.id}"
        with self._pod.lock():
            if name not in self._pod.refs.read().values:
                self._pod.refs.update([RefChange(name, None, check.id)], command="run", time_ns=check.verdict.time)


@contextlib.contextmanager
def _opened(seen: Seen, deadline: Deadline) -> Iterator[Remote]:
    opened = seen.place.open()
    try:
        remote = hasty(opened, deadline)
        # A pod on a network finds out with its manifest how it is to be read.
        remote.read_manifest()
        yield remote
    finally:
        opened.close()


def _origin(candidate: _Candidate) -> str:
    places = ", ".join(seen.place.name for seen in candidate.seen)
    return f"run {candidate.id.short} by {candidate.run.by or 'nobody'}{f' from {places}' if places else ''}"


def _contradicting(run: Run, candidates: Iterable[_Candidate]) -> int:
    return sum(candidate.run.output != run.output for candidate in candidates)
