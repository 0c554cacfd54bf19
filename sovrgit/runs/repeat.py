"""Repeating a recorded run in a clean place, and comparing what came out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.errors import Unsupported
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.objects.verdict import Finding, OutputDifference, Verdict
from sovrgit.pod.checkout import write_tree
from sovrgit.pod.index import Index
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS, RefChange
from sovrgit.pod.scan import scan
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treediff import diff_trees, walk
from sovrgit.runs.executor import Cancel, Event, Executor
from sovrgit.runs.inputs import Inputs, read_recipe, subtree
from sovrgit.runs.run import RunRequest, make_plan, make_record, record_run
from sovrgit.store.files import reporting, temporary_name


@dataclass(frozen=True, slots=True)
class Repeated:
    """A repeated run."""

    id: ObjectId
    run: Run


@dataclass(frozen=True, slots=True)
class Verified:
    """A verdict and the repeated run that it rests on."""

    id: ObjectId
    verdict: Verdict
    repeated: Repeated


def recorded_inputs(pod: Pod, run: Run) -> Inputs:
    """The inputs that a record names.

    Raises:
        ObjectMissing: if they are not all here.
        Unsupported: if they cannot be used.
    """
    recipe_id, recipe = read_recipe(pod.store, run.input)
    if recipe.golem is None:
        raise Unsupported(what="repeating this run", reason="its recipe has no command")
    return Inputs(recipe_id, recipe, recipe.golem, run.input)


def rerun(
    pod: Pod,
    identity: ObjectId,
    executor: Executor,
    request: RunRequest,
    sink: Callable[[Event], None],
    cancel: Cancel,
    *,
    keep: Path | None = None,
) -> Repeated:
    """Repeat a run from its recorded inputs, in a folder of its own; the working tree is not touched.

    Args:
        request: its arguments are not used: command and parameters are the recorded ones.
        keep: where to leave the folder; it is removed otherwise.

    Raises:
        ObjectMissing, IntegrityFailure: if the inputs cannot be had.
        SovrError: if the folder or the record cannot be written.
    """
    recorded = pod.store.run(identity)
    inputs = recorded_inputs(pod, recorded)
    place = keep if keep is not None else temporary_name(pod.temporary, "rerun")
    try:
        with reporting(place):
            place.mkdir(parents=True)
        write_tree(pod.store, recorded.input, place)
        with reporting(place):
            for folder in (inputs.golem.payload_folder, *inputs.outputs, inputs.golem.log_folder):
                (place / folder).mkdir(parents=True, exist_ok=True)
        plan = make_plan(place, inputs, recorded.command, _as_recorded(request, recorded))
        executor.prepare(plan)
        outcome = executor.run(plan, sink, cancel)
        output, log = _collect(pod, place, inputs)
        run = make_record(
            executor,
            _as_recorded(request, recorded),
            inputs,
            outcome,
            recorded.key,
            recorded.command,
            output,
            log,
            repeats=identity,
        )
        with pod.store.session() as session:
            repeated = session.add(Kind.RUN, run.encode())
            session.commit()
        record_run(pod, repeated, outcome.finished_ns)
        return Repeated(repeated, run)
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)


def verify(
    pod: Pod,
    identity: ObjectId,
    executor: Executor,
    request: RunRequest,
    sink: Callable[[Event], None],
    cancel: Cancel,
) -> Verified:
    """Repeat a run and record whether its outputs come out the same, file by file.

    Raises:
        Unsupported: if the run did not succeed, so that there is nothing to compare with.
        SovrError: as for `rerun`.
    """
    recorded = pod.store.run(identity)
    if not recorded.succeeded:
        raise Unsupported(
            what="verifying a run that did not succeed",
            reason="it has no result that could be confirmed",
            hint=f"`sovr rerun {identity.short}` repeats it",
        )
    repeated = rerun(pod, identity, executor, request, sink, cancel)
    verdict = compare(pod, identity, recorded, repeated, request.author.name)
    with pod.store.session() as session:
        verdict_id = session.add(Kind.VERDICT, verdict.encode())
        session.commit()
    with pod.lock():
        change = RefChange(f"{VERDICTS}{verdict_id}", None, verdict_id)
        pod.refs.update([change], command="verify", time_ns=verdict.time)
    return Verified(verdict_id, verdict, repeated)


def compare(pod: Pod, identity: ObjectId, recorded: Run, repeated: Repeated, by: str) -> Verdict:
    """Compare the outputs of two runs, file by file."""
    run = repeated.run
    before, after = recorded.output or EMPTY_TREE_ID, run.output or EMPTY_TREE_ID
    if not run.succeeded:
        return Verdict(
            Finding.INCOMPARABLE,
            identity,
            repeated.id,
            run.finished,
            0,
            reason=f"the repeat {run.status}: {run.reason}",
            by=by,
        )
    kinds = {"added": "added", "removed": "removed", "modified": "changed", "type": "changed"}
    differences = tuple(
        OutputDifference(change.path, kinds[change.kind]) for change in diff_trees(pod.store, before, after)
    )
    return Verdict(
        Finding.DIFFERS if differences else Finding.IDENTICAL,
        identity,
        repeated.id,
        run.finished,
        _count(pod, before),
        differences,
        by=by,
    )


def _count(pod: Pod, tree: ObjectId) -> int:
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0)
    return sum(1 for _, entry in walk(pod.store, top, b"") if not entry.is_directory)


def _as_recorded(request: RunRequest, recorded: Run) -> RunRequest:
    return replace(request, parameters=recorded.parameters, arguments=())


def _collect(pod: Pod, place: Path, inputs: Inputs) -> tuple[ObjectId | None, ObjectId | None]:
    """Store what a run has left in its own folder: outputs and logs."""
    with reporting(place):
        found = scan(place, Index(), b"", lambda _: (), pod.temporary)
    with pod.store.session() as session:
        tree = take_snapshot(place, found, Index(), session).tree
        session.commit()
    with pod.store.session() as session:
        output = subtree(pod.store, session, tree, inputs.outputs)
        log = subtree(pod.store, session, tree, [inputs.golem.log_folder])
        session.commit()
    return output, log
