"""Running a pod: inputs are stored, outputs are made anew, and what happened is recorded and committed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sovrgit.errors import Locked
from sovrgit.lineage.index import KnownRun, LineageIndex
from sovrgit.objects.commit import Commit, Reuse, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.commits import Committed, publish
from sovrgit.pod.lock import RUN_LOCK, locked
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import recipe_warnings
from sovrgit.pod.refs import RUNS, RefChange, Rewritten
from sovrgit.pod.snapshot import Snapshot, take_snapshot
from sovrgit.pod.treediff import diff_trees, find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.aside import Aside, recover
from sovrgit.runs.asking import ask
from sovrgit.runs.executor import Cancel, Event, Executor, Plan, Started
from sovrgit.runs.inputs import (
    external_folder,
    input_tree,
    subtree,
)
from sovrgit.runs.known import is_here, own_result
from sovrgit.runs.placing import note_left, place_external
from sovrgit.runs.preparing import Prepared, get_inputs, prepare, reasons_to_run
from sovrgit.runs.record import LOG_NAME, RunRequest, make_plan, make_record, what_is_left
from sovrgit.runs.reused import NOTHING, FoundRun
from sovrgit.runs.supplied import check_same
from sovrgit.store.files import reporting
from sovrgit.store.session import WriteSession

__all__ = ["LOG_NAME", "Decision", "RunRequest", "RunResult", "alone", "record_run", "run_pod"]

_RUN_PATIENCE = 0.2
"""Seconds to wait for another run in the same pod: runs take long, so it is better to say so at once."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run.

    `reused` says that nothing was executed, because the result was known; `found` whose it is, if it is not this pod's
    own, and `notices` what is to be told of the search for one. `committed` is the commit that was made, if any.
    `changed` lists inputs that the run itself changed.
    """

    id: ObjectId
    run: Run
    reused: bool
    committed: Committed | None
    changed: tuple[bytes, ...] = ()
    found: FoundRun | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Told before anything is executed: the known result that is taken, or why there is none.

    `warnings` tells what in the recipe is probably not meant. `found` is a result of somebody else's that is taken, and
    `notices` what is to be told of the search for one. `by` is who computed the known result, if that was another
    person than the one who wants it now.
    """

    known: KnownRun | None
    reasons: tuple[str, ...]
    command: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    found: FoundRun | None = None
    notices: tuple[str, ...] = ()
    by: str = ""


def run_pod(
    pod: Pod,
    executor: Executor,
    request: RunRequest,
    sink: Callable[[Event], None],
    decided: Callable[[Decision], None],
    cancel: Cancel,
) -> RunResult:
    """Run a pod and commit the result. A run that fails is recorded too, and the pod's outputs are as before.

    Raises:
        RecipeInvalid, Unsupported: if there is nothing that can be run.
        RunNotTrusted: if the scripts are somebody else's and were not approved.
        Locked: if the pod runs already.
        MergeUnfinished: if a merge waits for its conflicts to be resolved.
        PayloadClash: if external payload cannot be placed.
        SovrError: if the pod cannot be read or written.
    """
    refuse_unfinished(pod)
    # A key that is missing is told of now, and not when there is a result that could not be recorded.
    pod.find_signer()
    with alone(pod):
        recover(pod)
        prepared = prepare(pod, executor, request)
        wanted = prepared.wanted
        with LineageIndex(pod) as index:
            known = None if request.force else own_result(pod, index, wanted)
            last = next(index.runs(1), None)
        gone = known if known is not None and not is_here(pod.store, known.run.output) else None
        if known is not None and gone is None:
            by = "" if known.run.by == request.author.name else known.run.by
            decided(Decision(known, (), prepared.command, by=by))
            return _reuse(pod, request, prepared, known.id, known.run, Reuse("own"))
        lookup = NOTHING if request.force or request.find is None else request.find(pod, wanted)
        if (found := lookup.found) is not None:
            decided(Decision(None, (), prepared.command, found=found, notices=lookup.notices))
            result = _reuse(pod, request, prepared, found.id, found.run, found.reuse())
            if result.committed is None:
                record_run(pod, found.id, request.author.time * 1_000_000_000)
            return replace(result, found=found, notices=lookup.notices)
        reasons = reasons_to_run(pod, prepared, last, gone, request)
        ask(pod, prepared.snapshot, prepared.inputs.golem, prepared.base, prepared.command, request)
        if request.fetch is not None:
            supplied = request.fetch()
            check_same(request.supplied, supplied)
            request = replace(request, supplied=supplied)
        place_external(pod, external_folder(prepared.inputs.golem), request.supplied, prepared.snapshot)
        plan = make_plan(pod.root, prepared.inputs, prepared.command, prepared.parameters, request)
        # What it cannot do is said before anything is touched.
        executor.prepare(plan)
        warnings = tuple(recipe_warnings(prepared.inputs.recipe))
        decided(Decision(None, reasons, prepared.command, warnings, notices=lookup.notices))
        get_inputs(pod, prepared.inputs)
        return replace(_execute(pod, executor, request, prepared, plan, sink, cancel), notices=lookup.notices)


@contextlib.contextmanager
def alone(pod: Pod) -> Iterator[None]:
    """Be the only one that runs the pod.

    Raises:
        Locked: if it is being run.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(pod.folder / RUN_LOCK, patience=_RUN_PATIENCE))
        except Locked as error:
            hint = "the pod is being run; wait for that to finish, or work in a clone of it"
            raise Locked(path=pod.root, holder=error.fields["holder"], hint=hint) from None
        yield


# --- a known result ---------------------------------------------------------------------------------------------


def _reuse(pod: Pod, request: RunRequest, prepared: Prepared, identity: ObjectId, run: Run, reuse: Reuse) -> RunResult:
    """Take the output of a run that is known, and commit it if it is not what the pod has."""
    with pod.lock():
        with pod.store.session() as session:
            inputs = prepared.inputs
            here = subtree(pod.store, session, prepared.snapshot, inputs.outputs, without=inputs.golem.log_folder)
            session.commit()
        changes = list(diff_trees(pod.store, here or EMPTY_TREE_ID, run.output or EMPTY_TREE_ID))
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        working = WorkingTree.look(pod, here=[change.path for change in changes])
        with pod.store.session() as session:
            snapshot = take_snapshot(pod.root, working.found, working.index, session)
            session.commit()
        with pod.store.session() as session:
            if snapshot.tree == working.head_tree:
                working.save_index()
                return RunResult(identity, run, reused=True, committed=None)
            message = f"Take the output of run {identity.short}"
            made = replace(_commit(pod, snapshot, request.author, message, identity), reuse=reuse)
            rewritten = _rewritten(pod, session, prepared, snapshot)
            committed = publish(pod, session, working, snapshot, made, "run", rewritten=rewritten)
            working.keep_rules()
    return RunResult(identity, run, reused=True, committed=committed)


def _commit(pod: Pod, snapshot: Snapshot, author: Stamp, message: str, run: ObjectId) -> Commit:
    """The commit of what a run left. The caller holds the lock, so that the branch stays where it is."""
    head = pod.head()
    return Commit(
        tree=snapshot.tree,
        parents=() if head is None else (head,),
        author=author,
        message=message,
        run=run,
    )


# --- executing --------------------------------------------------------------------------------------------------


def _execute(
    pod: Pod,
    executor: Executor,
    request: RunRequest,
    prepared: Prepared,
    plan: Plan,
    sink: Callable[[Event], None],
    cancel: Cancel,
) -> RunResult:
    inputs = prepared.inputs
    with Aside(pod, inputs.outputs) as aside:

        def watched(event: Event) -> None:
            if isinstance(event, Started):
                aside.running(event.pid)
            sink(event)

        with reporting(plan.log_file.parent):
            # It may be in the output folder, which was put aside.
            plan.log_file.parent.mkdir(parents=True, exist_ok=True)
        try:
            outcome = executor.run(plan, watched, cancel)
        finally:
            note_left(pod, external_folder(inputs.golem), prepared.snapshot)
        author = request.author
        if request.clock is not None:
            author = author._replace(time=request.clock() // 1_000_000_000)
        with pod.lock(), pod.store.session() as session:
            # What the run did not make is gone with the outputs before it, here or not.
            working = WorkingTree.look(pod, here=[folder.encode() for folder in inputs.outputs])
            snapshot = take_snapshot(pod.root, working.found, working.index, session)
            session.commit()
        with pod.store.session() as session:
            left = what_is_left(pod.store, session, snapshot.tree, pod.root, inputs, prepared.snapshot)
            run = make_record(
                executor, request, inputs, prepared.command, prepared.parameters, prepared.key, outcome, left
            )
            run = pod.sign(replace(run, base=prepared.base, dirty=prepared.dirty))
            identity = session.add(Kind.RUN, run.encode())
            session.commit()
        changed = _changed_inputs(pod, prepared, snapshot)
        committed = None
        if run.succeeded or request.commit_failed:
            committed = _commit_result(pod, author, identity, run, working, snapshot, prepared)
            aside.keep_new()
        else:
            record_run(pod, identity, outcome.finished_ns)
    return RunResult(identity, run, reused=False, committed=committed, changed=changed)


def _changed_inputs(pod: Pod, prepared: Prepared, after: Snapshot) -> tuple[bytes, ...]:
    with pod.store.session() as session:
        tree = input_tree(pod.store, session, after.tree, prepared.inputs.golem)
        session.commit()
    changes = diff_trees(pod.store, prepared.inputs.tree, tree)
    return tuple(change.path for change in changes)


def _commit_result(
    pod: Pod,
    author: Stamp,
    identity: ObjectId,
    run: Run,
    working: WorkingTree,
    snapshot: Snapshot,
    prepared: Prepared,
) -> Committed:
    verb = "Run" if run.succeeded else "Failed run"
    with pod.lock(), pod.store.session() as session:
        made = _commit(pod, snapshot, author, f"{verb} of {run.pod}: {' '.join(run.command)}", identity)
        rewritten = _rewritten(pod, session, prepared, snapshot)
        committed = publish(pod, session, working, snapshot, made, "run", rewritten=rewritten)
        working.keep_rules()
        return committed


def _rewritten(pod: Pod, session: WriteSession, prepared: Prepared, after: Snapshot) -> Rewritten | None:
    """What the run has done to its own folders; what somebody edited meanwhile elsewhere is theirs."""
    golem = prepared.inputs.golem
    before = TreeEditor(pod.store, after.tree)
    for folder in (*prepared.inputs.outputs, golem.log_folder):
        before.put(folder.encode(), find(pod.store, prepared.snapshot, folder.encode()))
    tree = before.write(session)
    return Rewritten(tree, after.tree) if tree != after.tree else None


def record_run(pod: Pod, identity: ObjectId, time_ns: int) -> None:
    """Give a run that no commit names a ref of its own, so that it is kept and found."""
    with pod.lock():
        name = f"{RUNS}{identity}"
        if name not in pod.refs.read().values:
            pod.refs.update([RefChange(name, None, identity)], command="run", time_ns=time_ns)
