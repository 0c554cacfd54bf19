"""Verifying a run: it is repeated, once or several times, and what comes out is compared with what it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.errors import ProvidersTooFew, RecipeInvalid, RunCancelled, Unsupported
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.receipts import Provider, summary_of
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, Golem, parse_recipe
from sovrgit.pod.refs import VERDICTS, RefChange
from sovrgit.runs.compare.outputs import Rules, compare_outputs
from sovrgit.runs.executor import Cancel, Event, Executor
from sovrgit.runs.record import RunRequest
from sovrgit.runs.repeat import Repeated, recorded_inputs, rerun
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.runs.golem.executor import GolemExecutor

MOST_REPEATS = 1000
"""Each can take long and cost money; more than a thousand is a slip of the keyboard."""

_MOST_AVOIDED = 10_000
_LONGEST_ID = 100
"""Bounds of what is taken from the record of a stranger: providers, and characters of their ids."""

_WEIGHT = (Finding.IDENTICAL, Finding.AGREES, Finding.INCOMPARABLE, Finding.DIFFERS)
"""What counts for several verdicts together if one of them says so: the last ones before the first ones."""


@dataclass(frozen=True, slots=True)
class Checks:
    """How thoroughly to verify.

    Attributes:
        times: how often to repeat the run; once, or as often as `providers` needs, if None.
        providers: how many different providers shall repeat it, those of the run not counted.
        exact: compare byte by byte, whatever the recipe allows.
    """

    times: int | None = None
    providers: int | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        for name, number in (("times", self.times), ("providers", self.providers)):
            if number is not None and not 1 <= number <= MOST_REPEATS:
                raise ValueError(f"`{name}` is 1 to {MOST_REPEATS}, not {number}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A verdict and the repeated run that it rests on."""

    id: ObjectId
    verdict: Verdict
    repeated: Repeated


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying a run: every repeat with its verdict, in order.

    Attributes:
        before: the providers that computed the run itself.
        providers: the others that repeated it, each once.
        wanted: how many others there were to be; None if nobody asked for a number.
        short: why there were fewer; empty if there were not.
        script_chose: whether a requestor script chose the providers, which `sovr` has no say in.
    """

    verified: tuple[Verified, ...]
    before: tuple[Provider, ...] = ()
    providers: tuple[Provider, ...] = ()
    wanted: int | None = None
    short: str = ""
    script_chose: bool = False

    @property
    def deciding(self) -> Verified:
        """The one that counts for all: the first that differs, else the first that could not be compared."""
        return max(self.verified, key=lambda one: _WEIGHT.index(one.verdict.finding))

    @property
    def id(self) -> ObjectId:
        """The deciding verdict's."""
        return self.deciding.id

    @property
    def verdict(self) -> Verdict:
        """The deciding one."""
        return self.deciding.verdict

    @property
    def repeated(self) -> Repeated:
        """The repeat that the deciding verdict rests on."""
        return self.deciding.repeated

    @property
    def confirmed(self) -> bool:
        """Whether every repeat came to the result of the run."""
        return all(one.verdict.finding.confirms for one in self.verified)


def verify(
    pod: Pod,
    identity: ObjectId,
    executor: Executor,
    request: RunRequest,
    sink: Callable[[Event], None],
    cancel: Cancel,
    checks: Checks = Checks(),
    told: Callable[[Verified], None] = lambda _: None,
) -> Verification:
    """Repeat a run and record whether its outputs come out the same, output by output.

    On Golem a declared job goes to others than the providers that computed it before, if there are others; with
    `checks.providers` to others only.

    Args:
        told: of every verdict as soon as it is recorded.

    Raises:
        Unsupported: if the run did not succeed, so that there is nothing to compare with, or if there are no providers
            where several are wanted.
        ProvidersTooFew: if not even one could be had of those that are wanted.
        RunCancelled: if a repeat was interrupted, which says nothing about the run.
        SovrError: as for `rerun`.
    """
    recorded = pod.store.run(identity)
    if not recorded.succeeded:
        raise Unsupported(
            what="verifying a run that did not succeed",
            reason="it has no result that could be confirmed",
            hint=f"`sovr rerun {identity.short}` repeats it",
        )
    golem = _on_golem(executor)
    if checks.providers is not None and golem is None:
        raise Unsupported(
            what="having it repeated by different providers",
            reason="it is repeated on this machine",
            hint="name a place with providers: `--on devnet`, or `--on golem`",
        )
    rules = _rules(recorded_inputs(pod, recorded).golem, checks)
    before, others, failed = _Providers(), _Providers(), _Providers()
    before.add(recorded)
    done: list[Verified] = []
    short = ""
    for _ in range(checks.times or checks.providers or 1):
        if golem is not None:
            golem.avoid = before.ids | others.ids | failed.ids
            wanted = checks.providers is not None and len(others.found) < checks.providers
            # What a script does, nobody can tell it.
            golem.only_new = wanted and golem.mode == "declared"
        repeated = rerun(pod, identity, executor, request, sink, cancel)
        if repeated.run.status is RunStatus.CANCELLED:
            raise RunCancelled(run=repeated.id.short)
        if golem is not None and golem.only_new and not repeated.run.succeeded and not _providers_of(repeated.run):
            # That nobody else was there says nothing about the run.
            short = repeated.run.reason
            break
        (others if repeated.run.succeeded else failed).add(repeated.run, without=before)
        one = _judge(pod, identity, recorded, repeated, rules, request.author.name)
        done.append(one)
        told(one)
        if checks.times is None and checks.providers is not None and len(others.found) >= checks.providers:
            break
    if checks.providers is not None and not done:
        raise ProvidersTooFew(wanted=checks.providers, found=0, reason=short)
    if checks.providers is not None and not short and len(others.found) < checks.providers:
        repeats = "1 repeat" if len(done) == 1 else f"{len(done)} repeats"
        short = f"{repeats} had no more" + ("; its script chooses them" if golem and golem.mode == "script" else "")
    script_chose = golem is not None and golem.mode == "script"
    return Verification(tuple(done), before.found, others.found, checks.providers, short, script_chose)


def compare(pod: Pod, identity: ObjectId, recorded: Run, repeated: Repeated, rules: Rules, by: str) -> Verdict:
    """Compare the outputs of two runs, output by output."""
    run = repeated.run
    if not run.succeeded:
        reason = f"the repeat {run.status}: {run.reason}"
        return Verdict(Finding.INCOMPARABLE, identity, repeated.id, run.finished, 0, reason=reason, by=by)
    found = compare_outputs(pod.store, recorded.output, run.output, rules)
    return Verdict(
        found.finding,
        identity,
        repeated.id,
        run.finished,
        found.files,
        tuple(found.differences),
        found.reason,
        by,
        tuple(found.within),
        tuple(found.undecided),
        tuple(found.ignored),
        found.unlisted,
    )


def has_rules(pod: Pod, run: Run) -> tuple[bool, bool]:
    """Whether a run has rules for its outputs, and whether the recipe on disk has others, which do not count for it."""
    recorded = recorded_inputs(pod, run).golem.compare
    with reporting(pod.root / RECIPE_FILE):
        try:
            golem = parse_recipe((pod.root / RECIPE_FILE).read_bytes()).golem
        except (FileNotFoundError, RecipeInvalid):
            # Of a recipe that cannot be read it is told when it is to be run.
            return bool(recorded), False
    return bool(recorded), golem is not None and list(golem.compare.items()) != list(recorded.items())


def _judge(pod: Pod, identity: ObjectId, recorded: Run, repeated: Repeated, rules: Rules, by: str) -> Verified:
    verdict = pod.sign(compare(pod, identity, recorded, repeated, rules, by))
    with pod.store.session() as session:
        verdict_id = session.add(Kind.VERDICT, verdict.encode())
        session.commit()
    with pod.lock():
        change = RefChange(f"{VERDICTS}{verdict_id}", None, verdict_id)
        pod.refs.update([change], command="verify", time_ns=verdict.time)
    return Verified(verdict_id, verdict, repeated)


def _rules(golem: Golem, checks: Checks) -> Rules:
    return Rules(golem.output_folder, {} if checks.exact else golem.compare)


def _on_golem(executor: Executor) -> GolemExecutor | None:
    if not executor.mode:
        return None
    from sovrgit.runs.golem.executor import GolemExecutor

    return executor if isinstance(executor, GolemExecutor) else None


class _Providers:
    """Providers, each once by its id: names are their own choice."""

    def __init__(self) -> None:
        self._known: dict[str, Provider] = {}

    @property
    def found(self) -> tuple[Provider, ...]:
        return tuple(self._known.values())

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._known)

    def add(self, run: Run, without: _Providers | None = None) -> None:
        for provider in _providers_of(run):
            identity = provider.id.lower()
            if len(self._known) < _MOST_AVOIDED and (without is None or identity not in without._known):
                self._known.setdefault(identity, provider)


def _providers_of(run: Run) -> list[Provider]:
    summary = summary_of(run.golem)
    return [one for one in summary.providers if 0 < len(one.id) <= _LONGEST_ID] if summary is not None else []
