"""Running a pod: inputs are stored, outputs are made anew, and what happened is recorded and committed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sovrgit.errors import Locked, ObjectMissing
from sovrgit.lineage.index import KnownRun, LineageIndex
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.commits import Committed, publish
from sovrgit.pod.lock import RUN_LOCK, locked
from sovrgit.pod.mergestate import refuse_unfinished
from sovrgit.pod.paths import is_within
from sovrgit.pod.pod import Pod
from sovrgit.pod.presence import get_paths
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe, recipe_warnings
from sovrgit.pod.refs import RUNS, RefChange, Rewritten
from sovrgit.pod.snapshot import Snapshot, take_snapshot
from sovrgit.pod.treediff import diff_trees, find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.aside import Aside, check_folders, recover
from sovrgit.runs.asking import ask, state_now
from sovrgit.runs.executor import Cancel, Event, Executor, Plan, Started
from sovrgit.runs.inputs import (
    Inputs,
    command_of,
    explain,
    external_folder,
    input_tree,
    read_inputs,
    run_key,
    subtree,
    with_defaults,
)
from sovrgit.runs.placing import note_left, place_external
from sovrgit.runs.record import LOG_NAME, RunRequest, make_plan, make_record, what_is_left
from sovrgit.runs.supplied import check_given, check_same, recorded_external
from sovrgit.store.files import reporting
from sovrgit.store.format import Codec
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore

__all__ = ["LOG_NAME", "Decision", "RunRequest", "RunResult", "alone", "record_run", "run_pod"]

_RUN_PATIENCE = 0.2
"""Seconds to wait for another run in the same pod: runs take long, so it is better to say so at once."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run.

    `reused` says that nothing was executed, because the result was known. `committed` is the commit that was made, if
    any. `changed` lists inputs that the run itself changed.
    """

    id: ObjectId
    run: Run
    reused: bool
    committed: Committed | None
    changed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Told before anything is executed: the known result that is taken, or why there is none.

    `warnings` tells what in the recipe is probably not meant.
    """

    known: KnownRun | None
    reasons: tuple[str, ...]
    command: tuple[str, ...]
    warnings: tuple[str, ...] = ()


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
        prepared = _prepare(pod, executor, request)
        with LineageIndex(pod) as index:
            known = None if request.force else index.succeeded_with(prepared.key)
            last = next(index.runs(1), None)
        gone = known if known is not None and not _is_here(pod.store, known.run.output) else None
        if known is not None and gone is None:
            decided(Decision(known, (), prepared.command))
            return _reuse(pod, request, prepared, known)
        reasons = _reasons(pod, prepared, last, gone, request)
        ask(pod, prepared.snapshot, prepared.inputs.golem, prepared.base, prepared.command, request)
        if request.fetch is not None:
            supplied = request.fetch()
            check_same(request.supplied, supplied)
            request = replace(request, supplied=supplied)
        place_external(pod, external_folder(prepared.inputs.golem), request.supplied, prepared.snapshot)
        plan = make_plan(pod.root, prepared.inputs, prepared.command, prepared.parameters, request)
        # What it cannot do is said before anything is touched.
        executor.prepare(plan)
        decided(Decision(None, reasons, prepared.command, tuple(recipe_warnings(prepared.inputs.recipe))))
        _get_inputs(pod, prepared.inputs)
        return _execute(pod, executor, request, prepared, plan, sink, cancel)


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


@dataclass(frozen=True, slots=True)
class _Prepared:
    inputs: Inputs
    snapshot: ObjectId
    base: ObjectId | None
    dirty: bool
    command: tuple[str, ...]
    parameters: Mapping[str, str]
    key: ObjectId


def _prepare(pod: Pod, executor: Executor, request: RunRequest) -> _Prepared:
    """Make the folders that are missing, store the state of the pod, and work out what the run depends on."""
    with reporting(pod.root / RECIPE_FILE):
        try:
            recipe = parse_recipe((pod.root / RECIPE_FILE).read_bytes())
        except FileNotFoundError:
            recipe = None
    if recipe is not None and recipe.golem is not None:
        folders = (recipe.golem.payload_folder, recipe.golem.output_folder, recipe.golem.log_folder)
        check_folders(pod.root, folders)
        with reporting(pod.root):
            for folder in folders:
                (pod.root / folder).mkdir(parents=True, exist_ok=True)
    with pod.lock():
        working, snapshot = state_now(pod)
        head = pod.head()
    with pod.store.session() as session:
        inputs = read_inputs(pod.store, session, snapshot.tree, executor.mode)
        committed = input_tree(pod.store, session, working.head_tree, inputs.golem)
        session.commit()
    check_given(pod.store, snapshot.tree, inputs, request.supplied)
    command = command_of(inputs.golem, request.arguments, executor.mode)
    parameters = with_defaults(inputs.golem, request.parameters)
    external = recorded_external(request.supplied)
    key = run_key(inputs, command, parameters, external, executor.name, executor.digest)
    return _Prepared(inputs, snapshot.tree, head, committed != inputs.tree, command, parameters, key)


def _get_inputs(pod: Pod, inputs: Inputs) -> None:
    """Bring here what the run may read and was left at a remote.

    Raises:
        NotFetched: if it cannot be had.
    """
    made = [folder.encode() for folder in (inputs.golem.output_folder, inputs.golem.log_folder)]
    absent = [item.path for item in WorkingTree.look(pod).absent]
    wanted = [path for path in absent if not any(is_within(path, folder) for folder in made)]
    if wanted:
        get_paths(pod, wanted)


def _reasons(
    pod: Pod, prepared: _Prepared, last: KnownRun | None, gone: KnownRun | None, request: RunRequest
) -> tuple[str, ...]:
    if last is None:
        return ("it has not been run before",)
    if request.force:
        return ("it was asked for",)
    if gone is not None:
        return (f"the output of run {gone.id.short}, which had the same inputs, is not all here",)
    external = recorded_external(request.supplied)
    reasons = explain(pod.store, last.run, prepared.inputs, prepared.parameters, external)
    if last.run.command != prepared.command and not reasons:
        reasons = ["the command changed"]
    if not reasons and not last.run.succeeded:
        reasons = [f"the last run {_ended(last.run)}"]
    return tuple(reasons) or ("no successful run with these inputs is known here",)


def _ended(run: Run) -> str:
    return {RunStatus.CANCELLED: "was cancelled", RunStatus.TIMED_OUT: "timed out"}.get(run.status, "failed")


# --- a known result ---------------------------------------------------------------------------------------------


def _is_here(store: ObjectStore, tree: ObjectId | None) -> bool:
    """Whether a tree is here with all that is in it. What was left at a remote is got."""
    if tree is None:
        return True
    try:
        entries = store.tree(tree).entries
        store.ensure(entry.id for entry in entries if not entry.is_directory)
        for entry in entries:
            if entry.is_directory:
                if not _is_here(store, entry.id):
                    return False
            elif store.location(entry.id).codec is Codec.CHUNKS and not all(map(store.has, store.chunks(entry.id))):
                return False
    except ObjectMissing:
        return False
    return True


def _reuse(pod: Pod, request: RunRequest, prepared: _Prepared, known: KnownRun) -> RunResult:
    """Take the output of a run that is known, and commit it if it is not what the pod has."""
    with pod.lock():
        with pod.store.session() as session:
            inputs = prepared.inputs
            here = subtree(pod.store, session, prepared.snapshot, inputs.outputs, without=inputs.golem.log_folder)
            session.commit()
        changes = list(diff_trees(pod.store, here or EMPTY_TREE_ID, known.run.output or EMPTY_TREE_ID))
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        working = WorkingTree.look(pod, here=[change.path for change in changes])
        with pod.store.session() as session:
            snapshot = take_snapshot(pod.root, working.found, working.index, session)
            if snapshot.tree == working.head_tree:
                session.commit()
                working.save_index()
                return RunResult(known.id, known.run, reused=True, committed=None)
            # It can be new in every part: logs are no inputs, and so not what is here already.
            session.commit()
        with pod.store.session() as session:
            message = f"Take the output of run {known.id.short}"
            made = _commit(pod, snapshot, request.author, message, known.id)
            rewritten = _rewritten(pod, session, prepared, snapshot)
            committed = publish(pod, session, working, snapshot, made, "run", rewritten=rewritten)
            working.keep_rules()
    return RunResult(known.id, known.run, reused=True, committed=committed)


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
    prepared: _Prepared,
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


def _changed_inputs(pod: Pod, prepared: _Prepared, after: Snapshot) -> tuple[bytes, ...]:
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
    prepared: _Prepared,
) -> Committed:
    verb = "Run" if run.succeeded else "Failed run"
    with pod.lock(), pod.store.session() as session:
        made = _commit(pod, snapshot, author, f"{verb} of {run.pod}: {' '.join(run.command)}", identity)
        rewritten = _rewritten(pod, session, prepared, snapshot)
        committed = publish(pod, session, working, snapshot, made, "run", rewritten=rewritten)
        working.keep_rules()
        return committed


def _rewritten(pod: Pod, session: WriteSession, prepared: _Prepared, after: Snapshot) -> Rewritten | None:
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
