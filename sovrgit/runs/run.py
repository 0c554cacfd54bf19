"""Running a pod: inputs are stored, outputs are made anew, and what happened is recorded and committed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sovrgit import __version__
from sovrgit.errors import RunNotTrusted
from sovrgit.lineage.index import KnownRun, LineageIndex
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus, Usage
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.commits import Committed, publish
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, RefChange
from sovrgit.pod.snapshot import Snapshot, take_snapshot
from sovrgit.pod.treediff import diff_trees
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.aside import Aside, check_folders, recover
from sovrgit.runs.executor import GRACE, Cancel, Event, Executor, Outcome, Plan
from sovrgit.runs.inputs import Inputs, argv_of, command_of, explain, input_tree, read_inputs, run_key, subtree
from sovrgit.runs.surroundings import platform_facts
from sovrgit.runs.trust import Proposal, approve, code_id, foreign_code, needs_approval
from sovrgit.store.files import reporting

LOG_NAME = "run.log"
"""The captured log's name in the log folder. The same for every run: the history keeps the earlier ones."""

_RUN_PATIENCE = 0.2
"""Seconds to wait for another run in the same pod: runs take long, so it is better to say so at once."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how.

    Args:
        author: who runs, and when.
        environment: the command's whole environment, and the part of it that is recorded.
        arguments: added to the command.
        parameters: given to the command as `SOVR_PARAM_<NAME>`.
        force: run even if the result is known.
        timeout: seconds; wins over the recipe's.
        allow_empty: a run without output counts as a success.
        commit_failed: commit what a failed run has left.
        approve: asked before scripts of other people are run.
    """

    author: Stamp
    environment: tuple[Mapping[str, str], Mapping[str, str]]
    approve: Callable[[Proposal], bool]
    arguments: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    timeout: float | None = None
    grace: float = GRACE
    allow_empty: bool = False
    commit_failed: bool = False


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
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Told before anything is executed: the known result that is taken, or why there is none."""

    known: KnownRun | None
    reasons: tuple[str, ...]
    command: tuple[str, ...]


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
        SovrError: if the pod cannot be read or written.
    """
    with locked(pod.folder / "run.lock", patience=_RUN_PATIENCE):
        recover(pod)
        prepared = _prepare(pod, executor, request)
        with LineageIndex(pod) as index:
            known = None if request.force else index.succeeded_with(prepared.key)
            last = next(index.runs(1), None)
        reasons = _reasons(pod, prepared, last, request)
        if known is not None:
            decided(Decision(known, (), prepared.command))
            return _reuse(pod, request, prepared, known)
        _ask(pod, prepared, request)
        decided(Decision(None, reasons, prepared.command))
        return _execute(pod, executor, request, prepared, sink, cancel)


@dataclass(frozen=True, slots=True)
class _Prepared:
    inputs: Inputs
    snapshot: ObjectId
    base: ObjectId | None
    dirty: bool
    command: tuple[str, ...]
    key: ObjectId


def _prepare(pod: Pod, executor: Executor, request: RunRequest) -> _Prepared:
    """Make the folders that are missing, store the state of the pod, and work out what the run depends on."""
    from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe

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
    with pod.lock(), pod.store.session() as session:
        working = WorkingTree.look(pod)
        snapshot = take_snapshot(pod.root, working.found, working.index, session)
        session.commit()
        working.save_index()
        head = pod.head()
    with pod.store.session() as session:
        inputs = read_inputs(pod.store, session, snapshot.tree)
        committed = input_tree(pod.store, session, working.head_tree, inputs.golem)
        session.commit()
    command = command_of(inputs.golem, request.arguments)
    key = run_key(inputs, command, request.parameters, (), executor.name)
    return _Prepared(inputs, snapshot.tree, head, committed != inputs.tree, command, key)


def _reasons(pod: Pod, prepared: _Prepared, last: KnownRun | None, request: RunRequest) -> tuple[str, ...]:
    if last is None:
        return ("it has not been run before",)
    if request.force:
        return ("it was asked for",)
    reasons = explain(pod.store, last.run, prepared.inputs, request.parameters)
    if last.run.command != prepared.command and not reasons:
        reasons = ["the command changed"]
    if not reasons and not last.run.succeeded:
        reasons = [f"the last run {_ended(last.run)}"]
    return tuple(reasons) or ("no successful run with these inputs is known here",)


def _ended(run: Run) -> str:
    return {RunStatus.CANCELLED: "was cancelled", RunStatus.TIMED_OUT: "timed out"}.get(run.status, "failed")


def _ask(pod: Pod, prepared: _Prepared, request: RunRequest) -> None:
    code = code_id(pod.store, prepared.snapshot, prepared.inputs.golem)
    if not needs_approval(pod, code, foreign_code(pod)):
        return
    origin = pod.config.get("pod.origin") or "another pod"
    author = pod.store.commit(prepared.base).author.name if prepared.base is not None else ""
    proposal = Proposal(" ".join(prepared.command), code, origin, author)
    if not request.approve(proposal):
        raise RunNotTrusted(command=proposal.command, origin=origin)
    approve(pod, code)


# --- a known result ---------------------------------------------------------------------------------------------


def _reuse(pod: Pod, request: RunRequest, prepared: _Prepared, known: KnownRun) -> RunResult:
    """Take the output of a run that is known, and commit it if it is not what the pod has."""
    with pod.lock():
        with pod.store.session() as session:
            here = subtree(pod.store, session, prepared.snapshot, prepared.inputs.outputs) or EMPTY_TREE_ID
            session.commit()
        changes = list(diff_trees(pod.store, here, known.run.output or EMPTY_TREE_ID))
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        working = WorkingTree.look(pod)
        with pod.store.session() as session:
            snapshot = take_snapshot(pod.root, working.found, working.index, session)
            if snapshot.tree == working.head_tree:
                session.commit()
                working.save_index()
                return RunResult(known.id, known.run, reused=True, committed=None)
            message = f"Take the output of run {known.id.short}"
            made = _commit(pod, snapshot, request, message, known.id)
            committed = publish(pod, session, working, snapshot, made, "run")
    return RunResult(known.id, known.run, reused=True, committed=committed)


def _commit(pod: Pod, snapshot: Snapshot, request: RunRequest, message: str, run: ObjectId) -> Commit:
    head = pod.head()
    return Commit(
        tree=snapshot.tree,
        parents=() if head is None else (head,),
        author=request.author,
        message=message,
        run=run,
    )


# --- executing --------------------------------------------------------------------------------------------------


def _execute(
    pod: Pod,
    executor: Executor,
    request: RunRequest,
    prepared: _Prepared,
    sink: Callable[[Event], None],
    cancel: Cancel,
) -> RunResult:
    golem = prepared.inputs.golem
    plan = make_plan(pod.root, prepared.inputs, prepared.command, request)
    executor.prepare(plan)
    with Aside(pod, prepared.inputs.outputs) as aside:
        outcome = executor.run(plan, sink, cancel)
        with pod.lock(), pod.store.session() as session:
            working = WorkingTree.look(pod)
            snapshot = take_snapshot(pod.root, working.found, working.index, session)
            session.commit()
        with pod.store.session() as session:
            output = subtree(pod.store, session, snapshot.tree, prepared.inputs.outputs)
            log = subtree(pod.store, session, snapshot.tree, [golem.log_folder], prepared.snapshot)
            run = make_record(executor, request, prepared.inputs, outcome, prepared.key, prepared.command, output, log)
            run = _with_base(run, prepared)
            identity = session.add(Kind.RUN, run.encode())
            session.commit()
        changed = _changed_inputs(pod, prepared, snapshot)
        committed = None
        if run.succeeded or request.commit_failed:
            committed = _commit_result(pod, request, identity, run, working, snapshot)
            aside.keep_new()
        else:
            record_run(pod, identity, outcome.finished_ns)
    return RunResult(identity, run, reused=False, committed=committed, changed=changed)


def make_plan(root: Path, inputs: Inputs, command: Sequence[str], request: RunRequest) -> Plan:
    """The plan of a run in a folder that holds the inputs."""
    parameters = {f"SOVR_PARAM_{_variable(name)}": value for name, value in request.parameters.items()}
    return Plan(
        argv=argv_of(command, os.fspath(root)),
        folder=root,
        environment={**request.environment[0], **parameters},
        log_file=root / inputs.golem.log_folder / LOG_NAME,
        outputs=inputs.outputs,
        timeout=request.timeout if request.timeout is not None else inputs.golem.timeout_seconds,
        grace=request.grace,
    )


def _variable(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name).upper()


def make_record(
    executor: Executor,
    request: RunRequest,
    inputs: Inputs,
    outcome: Outcome,
    key: ObjectId,
    command: tuple[str, ...],
    output: ObjectId | None,
    log: ObjectId | None,
    repeats: ObjectId | None = None,
) -> Run:
    """The record of an execution. Without output it is no success, unless that was allowed."""
    status, reason = RunStatus(outcome.status), outcome.reason
    if status is RunStatus.SUCCEEDED and output is None and not request.allow_empty:
        status, reason = RunStatus.FAILED, f"left nothing in `{inputs.golem.output_folder}`"
    used = outcome.resources
    return Run(
        status=status,
        reason=reason,
        pod=inputs.recipe.name,
        recipe=inputs.recipe_id,
        input=inputs.tree,
        key=key,
        command=command,
        executor={"name": executor.name, "sovr": __version__, **executor.versions()},
        platform=platform_facts(),
        started=outcome.started_ns,
        finished=outcome.finished_ns,
        outputs=inputs.outputs,
        output=output,
        log=log,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        usage=Usage(
            used.wall_ns,
            used.user_ns or 0,
            used.system_ns or 0,
            used.max_rss_bytes or 0,
            used.read_bytes or 0,
            used.written_bytes or 0,
        ),
        parameters=request.parameters,
        environment=request.environment[1],
        by=request.author.name,
        repeats=repeats,
    )


def _with_base(run: Run, prepared: _Prepared) -> Run:
    return replace(run, base=prepared.base, dirty=prepared.dirty)


def _changed_inputs(pod: Pod, prepared: _Prepared, after: Snapshot) -> tuple[str, ...]:
    with pod.store.session() as session:
        tree = input_tree(pod.store, session, after.tree, prepared.inputs.golem)
        session.commit()
    changes = diff_trees(pod.store, prepared.inputs.tree, tree)
    return tuple(os.fsdecode(change.path) for change in changes)


def _commit_result(
    pod: Pod, request: RunRequest, identity: ObjectId, run: Run, working: WorkingTree, snapshot: Snapshot
) -> Committed:
    verb = "Run" if run.succeeded else "Failed run"
    made = _commit(pod, snapshot, request, f"{verb} of {run.pod}: {' '.join(run.command)}", identity)
    with pod.lock(), pod.store.session() as session:
        return publish(pod, session, working, snapshot, made, "run")


def record_run(pod: Pod, identity: ObjectId, time_ns: int) -> None:
    """Give a run that no commit names a ref of its own, so that it is kept and found."""
    with pod.lock():
        name = f"{RUNS}{identity}"
        if name not in pod.refs.read().values:
            pod.refs.update([RefChange(name, None, identity)], command="run", time_ns=time_ns)
