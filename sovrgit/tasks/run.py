"""Running a task: planned, run side by side, recorded as one run that names those of its pods, and committed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from sovrgit.errors import NothingToCommit
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.payloads.bring import bring
from sovrgit.payloads.supplying import Supply, supply
from sovrgit.pod.commits import CommitRequest, Committed, commit
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.pod import Pod
from sovrgit.runs.executor import GRACE, Cancel, Event
from sovrgit.runs.record import RunRequest
from sovrgit.runs.run import RunResult, alone, record_run, run_pod
from sovrgit.runs.trust import code_of, proposal
from sovrgit.tasks.budget import Ledger
from sovrgit.tasks.carrying import carry
from sovrgit.tasks.events import StepEvent, TaskEvent, TaskSink
from sovrgit.tasks.finding import Reusing
from sovrgit.tasks.look import Look, looking
from sovrgit.tasks.means import Means
from sovrgit.tasks.places import forget_source, keep_source, place_of, ready_pod, recover_pods
from sovrgit.tasks.plan import Planned, TaskPlan
from sovrgit.tasks.record import TaskResult, record, take_known
from sovrgit.tasks.schedule import Schedule
from sovrgit.tasks.sources import Source, ask
from sovrgit.tasks.supply import at_commit


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What to run of a task, and how.

    Args:
        author, environment, grace, clock: as for `RunRequest`.
        parameters: each for the pods whose recipe has it, for every pod if none has; those of a matrix win.
        force: run everything even if the results are known.
        timeout: seconds for each pod; wins over the recipes'.
        allow_empty: a pod without output counts as a success.
        jobs: how many pods run at the same time.
        keep_going: after a failure, go on with what does not depend on it.
        update: get the pods anew from where they come.
        reusing: how results of others are looked for; None if they are not.
    """

    author: Stamp
    environment: tuple[Mapping[str, str], Mapping[str, str]]
    parameters: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    timeout: float | None = None
    grace: float = GRACE
    allow_empty: bool = False
    clock: Callable[[], int] = time.time_ns
    jobs: int = 1
    keep_going: bool = False
    update: bool = False
    reusing: Reusing | None = None


def plan_task(pod: Pod, request: TaskRequest, means: Means) -> TaskPlan:
    """What a run of the task would do. Nothing is run or committed; pods that are not here yet are got, and results of
    others that would be taken, on which it depends what comes next.

    Raises:
        RecipeInvalid, TaskInvalid, TaskPodUnavailable: if it cannot be run.
        Locked: if it is being run.
        SovrError: if the pod cannot be read or written.
    """
    with alone(pod), _looking(pod, request, means) as look:
        return look.plan


def run_task(
    pod: Pod,
    request: TaskRequest,
    means: Means,
    sink: TaskSink,
    planned: Callable[[TaskPlan, Committed | None], None],
    cancel: Cancel,
) -> TaskResult:
    """Run a task and commit the result. A task that fails is recorded too; what has succeeded is taken the next time.

    What the task starts from is committed first, so that the records of its pods can name it.

    Args:
        sink: told what happens, from several threads, one at a time.
        planned: told what will be done, before anything is run, and the commit of what it starts from, if one was made.
        cancel: a request ends all pods that run, and starts nothing new.

    Raises:
        RecipeInvalid, TaskInvalid, TaskPodUnavailable: if it cannot be run.
        SpendingRefused: if the user has not said enough to spend anything. Nothing was run.
        RunNotTrusted: if scripts of a pod are somebody else's and were not approved. Nothing was run.
        Locked: if it is being run.
        SovrError: if the pod cannot be read or written.
    """
    refuse_unfinished(pod)
    # A key that is missing is told of now, and not when there is a result that could not be recorded.
    pod.find_signer()
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone(pod))
        recover_pods(pod, means)
        look = stack.enter_context(_looking(pod, request, means))
        known = take_known(pod, look, request.author)
        if known is not None:
            planned(look.plan, None)
            return known
        means.agree([planned.prepared.placement for planned in look.plan.to_run])
        approved = _ask(pod, look, means)
        begun = _commit_inputs(pod, look, request.author)
        base = begun.id if begun is not None else pod.head()
        assert base is not None
        planned(look.plan, begun)
        started = request.clock()
        execution = _Execution(pod, look, base, request, means, approved, sink, cancel)
        outcomes = execution.run()
        finished = request.clock()
        return record(
            pod,
            look,
            outcomes,
            author=request.author._replace(time=finished // 1_000_000_000),
            started=started,
            finished=finished,
            cancelled=cancel.requested,
            base=base,
            begun=begun,
        )


def _looking(pod: Pod, request: TaskRequest, means: Means) -> AbstractContextManager[Look]:
    return looking(
        pod,
        request.parameters,
        means,
        force=request.force,
        update=request.update,
        reusing=request.reusing,
    )


def _commit_inputs(pod: Pod, look: Look, author: Stamp) -> Committed | None:
    """Commit what the task starts from; None if it is committed."""
    if pod.head() is not None and pod.head_tree() == look.snapshot:
        return None
    with contextlib.suppress(NothingToCommit):
        return commit(pod, CommitRequest(author, f"Inputs of {look.recipe.name}", allow_empty=pod.head() is None))
    return None


# --- approval ---------------------------------------------------------------------------------------------------

Approved: TypeAlias = Mapping[ObjectId, tuple[ObjectId, Collection[ObjectId]]]
"""By the tree of a source what was approved of its scripts: the id of all, and those of the single files."""


def _ask(pod: Pod, look: Look, means: Means) -> Approved:
    """Have the scripts of everything that may run approved, if they are somebody else's.

    Raises:
        RunNotTrusted: if they are not.
    """
    approved: dict[ObjectId, tuple[ObjectId, Collection[ObjectId]]] = {}
    for planned in look.plan.to_run:
        source, command = planned.prepared.source, " ".join(planned.prepared.command)
        if not source.foreign or source.tree in approved:
            continue
        with contextlib.ExitStack() as stack:
            home = pod if source.is_own else stack.enter_context(means.open(source.home))
            # That it stands in a commit of the task makes it nobody's own.
            proposed = proposal(home, source.tree, source.golem, command, source.author, recorded=True)
            if proposed is not None:
                ask(home, proposed, means)
            code = code_of(home.store, source.tree, source.golem)
            approved[source.tree] = code.id, code.files.keys()
    return approved


# --- executing --------------------------------------------------------------------------------------------------


class _Execution:
    """Executes the steps of a task, each in a pod of its own."""

    def __init__(
        self,
        pod: Pod,
        look: Look,
        base: ObjectId,
        request: TaskRequest,
        means: Means,
        approved: Approved,
        sink: TaskSink,
        cancel: Cancel,
    ) -> None:
        self._base = base
        self._pod = pod
        self._look = look
        self._request = request
        self._means = means
        self._approved = approved
        self._tell = sink
        self._lock = threading.Lock()
        self._cancel = cancel
        wishes = {position: _own_budget(planned) for position, planned in enumerate(look.plan.steps) if planned.costs}
        self._ledger = Ledger(means.budget, wishes)
        self.run = Schedule(
            look.plan,
            look.planner,
            self._work,
            self._ledger,
            self._sink,
            cancel,
            known=self._keep,
            jobs=request.jobs,
            keep_going=request.keep_going,
        ).run

    def _sink(self, event: TaskEvent) -> None:
        with self._lock:
            self._tell(event)

    def _work(self, position: int) -> RunResult:
        """Execute a step; called in a thread of its own, so it opens what it needs."""
        planned = self._look.plan.steps[position]
        source, step = planned.prepared.source, planned.step
        with self._means.open(self._pod.root) as task, self._ready(planned) as pod:
            supplied = at_commit(planned.supplied or (), self._base)
            own, ours = self._own_payload(pod, source), supplied[len(source.external) :]
            for item in ours:
                bring(task.store, pod, item.entry)
            executor = self._means.executor(pod, self._ledger.take(position))
            request = RunRequest(
                self._request.author,
                self._request.environment,
                # It was asked before; what has changed since must not run.
                lambda _: False,
                parameters=planned.parameters,
                force=self._request.force,
                timeout=self._request.timeout,
                grace=self._request.grace,
                allow_empty=self._request.allow_empty,
                supplied=supplied,
                fetch=lambda: (*own.fetch(), *ours),
                clock=self._request.clock,
            )

            def told(event: Event) -> None:
                self._sink(StepEvent(step, event))

            forget_source(pod)
            result = run_pod(pod, executor, request, told, lambda _: None, self._cancel)
            if not result.changed:
                keep_source(pod, source)
            carry(pod.store, task, [result.id])
            record_run(task, result.id, result.run.finished)
            return result

    def _keep(self, planned: Planned) -> None:
        """Have a result of somebody else's kept, as one that was taken here, whatever becomes of the task."""
        if planned.found is not None:
            record_run(self._pod, planned.found.id, self._request.clock())

    def _own_payload(self, pod: Pod, source: Source) -> Supply:
        """The payload of other pods that a pod asks for itself."""
        if not source.external:
            return Supply((), lambda: ())
        return supply(self._means.access(pod))

    def _ready(self, planned: Planned) -> Pod:
        source: Source = planned.prepared.source
        name = self._look.plan.graph.names[planned.step.entry]
        return ready_pod(
            place_of(self._pod.folder, name, planned.step),
            source,
            source.commit or self._base,
            self._request.author,
            self._means,
            self._approved.get(source.tree),
        )


def _own_budget(planned: Planned) -> Decimal | None:
    """What the recipe of a pod says that it may spend."""
    budget = planned.prepared.source.golem.budget
    return None if budget is None else Decimal(budget)
