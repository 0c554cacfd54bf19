"""Choosing among results that were found, and taking the best one that can be had."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sovrgit.errors import ObjectMissing, RemoteUnavailable, SovrError
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS, RefChange
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.reuse.bringing import Shelf, bring_run, bring_verdict
from sovrgit.reuse.hasty import Deadline, hasty
from sovrgit.reuse.judging import Judged, Keys, checks_of, judge
from sovrgit.reuse.reading import Budget, Seen
from sovrgit.runs.known import is_here, misplaced
from sovrgit.runs.reused import Check, FoundRun, Lookup, Wanted

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
class Candidate:
    """A run that claims the key, and the places that have it; none if it is here."""

    id: ObjectId
    run: Run
    here: bool = False
    seen: list[Seen] = field(default_factory=list)

    def describe(self) -> str:
        """Which run, by whom, from where."""
        places = ", ".join(seen.place.name for seen in self.seen)
        return f"run {self.id.short} by {self.run.by or 'nobody'}{f' from {places}' if places else ''}"


class _Ranked(NamedTuple):
    candidate: Candidate
    judged: Judged


class Taking:
    """Takes the best of several results.

    Args:
        shelf: what a place holds.
        notices: what is told of the search so far; more is added.
        lost: told of a place that cannot be read any more, or not in time.
    """

    def __init__(
        self,
        pod: Pod,
        wanted: Wanted,
        rule: str,
        keys: Keys,
        shelf: Callable[[Seen], Shelf],
        notices: list[str],
        limits: Limits,
        progress: Progress = SILENT,
        lost: Callable[[Seen], None] = lambda _: None,
    ) -> None:
        self._pod = pod
        self._wanted = wanted
        self._rule = rule
        self._keys = keys
        self._shelf = shelf
        self._notices = notices
        self._limits = limits
        self._progress = progress
        self._lost = lost

    def take(
        self, candidates: Mapping[ObjectId, Candidate], verdicts: Mapping[ObjectId, Mapping[ObjectId, Verdict]]
    ) -> Lookup:
        """The best result that can be had, with all of it here.

        Args:
            verdicts: those on each candidate.
        """
        ranked: list[_Ranked] = []
        refused: list[str] = []
        for candidate in candidates.values():
            checks = checks_of(self._keys, candidate.id, list(verdicts.get(candidate.id, {}).items()))
            judged = judge(self._keys, self._rule, self._wanted, candidate.id, candidate.run, checks)
            if isinstance(judged, Judged):
                ranked.append(_Ranked(candidate, judged))
            elif self._rule != "own":
                refused.append(f"{candidate.describe()} was not taken: {judged}")
        ranked.sort(key=lambda item: (*item.judged.rank(item.candidate.run), item.candidate.id))
        self._notices += refused[:_REFUSALS_TOLD]
        if len(refused) > _REFUSALS_TOLD:
            self._notices.append(f"{len(refused) - _REFUSALS_TOLD} more runs were not taken")
        for item in ranked[: self._limits.tries]:
            found = self._had(item)
            if found is not None:
                others = _contradicting(found.run, candidates.values())
                if others:
                    runs = "1 other run" if others == 1 else f"{others} other runs"
                    self._notices.append(
                        f"results differ: {runs} of the same inputs left something else than run {found.id.short}"
                    )
                return Lookup(replace(found, others=others), tuple(self._notices))
        return Lookup(None, tuple(self._notices))

    def _had(self, item: _Ranked) -> FoundRun | None:
        """A result that is here, or was brought here from the first of its places that has it."""
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
                with opened(seen, deadline) as remote:
                    bring_run(self._pod, remote, self._shelf(seen), candidate.id, deadline, self._progress)
            except SovrError as error:
                self._notices.append(f"{candidate.describe()} was not taken: {error.message}")
                if isinstance(error, RemoteUnavailable):
                    self._lost(seen)
                continue
            if not self._is_fit(candidate):
                return None
            self._bring_verdicts(candidate, judged.checks)
            return replace(found, place=seen.where, remote=seen.place.name)
        return None

    def _is_fit(self, candidate: Candidate) -> bool:
        try:
            wrong = misplaced(self._pod.store, candidate.run, self._wanted)
            if not wrong and not is_here(self._pod.store, candidate.run.output):
                wrong = "its output is not all here"
        except ObjectMissing as error:
            wrong = error.message
        if wrong:
            self._notices.append(f"{candidate.describe()} was not taken: {wrong}")
        return not wrong

    def _bring_verdicts(self, candidate: Candidate, checks: Iterable[Check]) -> None:
        """Bring the verdicts that speak for a result along, so that what it rests on can be seen here and passed on."""
        agreeing = [check for check in checks if check.confirms]
        for check in agreeing[: self._limits.verdicts]:
            seen = next((seen for seen in candidate.seen if self._shelf(seen).find([check.id])), None)
            if seen is None:
                continue
            deadline = Deadline(self._limits.getting)
            try:
                with opened(seen, deadline) as remote:
                    bring_verdict(self._pod, remote, self._shelf(seen), check.id, deadline, self._progress)
            except SovrError as error:
                self._notices.append(f"verdict {check.id.short} was not brought along: {error.message}")
                continue
            name = f"{VERDICTS}{check.id}"
            with self._pod.lock():
                if name not in self._pod.refs.read().values:
                    change = RefChange(name, None, check.id)
                    self._pod.refs.update([change], command="run", time_ns=check.verdict.time)


@contextlib.contextmanager
def opened(seen: Seen, deadline: Deadline) -> Iterator[Remote]:
    """A place that was read before, for the length of a block.

    Raises:
        SovrError: if it cannot be opened or read any more.
    """
    place = seen.place.open()
    try:
        remote = hasty(place, deadline)
        # A pod on a network finds out with its manifest how it is to be read.
        remote.read_manifest()
        yield remote
    finally:
        place.close()


def _contradicting(run: Run, candidates: Iterable[Candidate]) -> int:
    return sum(candidate.run.output != run.output for candidate in candidates)
