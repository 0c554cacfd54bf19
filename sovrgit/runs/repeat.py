"""Repeating a recorded run in a clean place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.errors import PodExists, Unsupported
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.pod.index import Index
from sovrgit.pod.pod import Pod
from sovrgit.pod.scan import scan
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.writetree import write_tree
from sovrgit.runs.executor import Cancel, Event, Executor
from sovrgit.runs.inputs import Inputs, external_folder, read_recipe
from sovrgit.runs.record import Left, RunRequest, make_plan, make_record, what_is_left
from sovrgit.runs.run import record_run
from sovrgit.runs.supplied import Supplied, check_supplied, external_tree, own_entries
from sovrgit.store.files import reporting, temporary_name


@dataclass(frozen=True, slots=True)
class Repeated:
    """A repeated run."""

    id: ObjectId
    run: Run


def recorded_inputs(pod: Pod, run: Run) -> Inputs:
    """The inputs that a record names.

    Raises:
        ObjectMissing: if they are not all here.
        Unsupported: if they cannot be used.
    """
    recipe_id, recipe = read_recipe(pod.store, run.input)
    if recipe.golem is None:
        hint = "repeat the runs of its pods; `sovr show` names them" if run.pods else None
        raise Unsupported(what="repeating this run", reason="its recipe has no command", hint=hint)
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
        request: its arguments and parameters are not used: those of the record are. External payload must be what the
            record names.
        keep: where to leave the folder; it is removed otherwise.

    Raises:
        PodExists: if there is something at `keep`.
        PayloadUnavailable: if it is not given the external payload that the recorded run had.
        ObjectMissing, IntegrityFailure: if the inputs cannot be had.
        SovrError: if the folder or the record cannot be written.
    """
    pod.find_signer()  # it is told now if there is no key
    recorded = pod.store.run(identity)
    inputs = recorded_inputs(pod, recorded)
    check_supplied(recorded, request.supplied)
    place = keep if keep is not None else temporary_name(pod.temporary, "rerun")
    if os.path.lexists(place):
        raise PodExists(path=place, reason="exists already, and the run needs a clean place")
    try:
        with reporting(place):
            place.mkdir(parents=True)
        write_tree(pod.store, _with_external(pod, recorded, inputs, request.supplied), place)
        with reporting(place):
            for folder in (inputs.golem.payload_folder, *inputs.outputs, inputs.golem.log_folder):
                (place / folder).mkdir(parents=True, exist_ok=True)
        command, parameters = recorded.command, recorded.parameters
        plan = make_plan(place, inputs, command, parameters, request)
        executor.prepare(plan)
        outcome = executor.run(plan, sink, cancel)
        left = _collect(pod, place, inputs, recorded)
        # What was enough then is enough now.
        allowed = replace(request, allow_empty=recorded.succeeded and recorded.output is None)
        run = make_record(executor, allowed, inputs, command, parameters, recorded.key, outcome, left)
        run = pod.sign(replace(run, repeats=identity))
        with pod.store.session() as session:
            repeated = session.add(Kind.RUN, run.encode())
            session.commit()
        record_run(pod, repeated, outcome.finished_ns)
        return Repeated(repeated, run)
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)


def _with_external(pod: Pod, recorded: Run, inputs: Inputs, supplied: Sequence[Supplied]) -> ObjectId:
    """The tree of the inputs with external payload in its place."""
    if not supplied:
        return recorded.input
    folder = external_folder(inputs.golem)
    own = own_entries(pod.store, recorded.input, folder)
    with pod.store.session() as session:
        external = external_tree(pod.store, session, supplied, own)
        session.commit()
        editor = TreeEditor(pod.store, recorded.input)
        for entry in pod.store.tree(external).entries:
            editor.put(folder.encode() + b"/" + entry.name, entry)
    with pod.store.session() as session:
        tree = editor.write(session)
        session.commit()
    return tree


def _collect(pod: Pod, place: Path, inputs: Inputs, recorded: Run) -> Left:
    """Store what a run has left in its own folder: outputs and logs."""

    def tracked(path: str) -> frozenset[bytes]:
        """What the recorded run left counts here too, whatever `.sovrignore` says."""
        return _names(pod, recorded.output, path) | _names(pod, recorded.log, path)

    with reporting(place):
        found = scan(place, Index(), b"", tracked, pod.temporary, hidden=[external_folder(inputs.golem)])
    with pod.store.session() as session:
        tree = take_snapshot(place, found, Index(), session).tree
        session.commit()
    with pod.store.session() as session:
        left = what_is_left(pod.store, session, tree, place, inputs)
        session.commit()
    return left


def _names(pod: Pod, tree: ObjectId | None, path: str) -> frozenset[bytes]:
    """The names that a tree has in a folder."""
    if tree is not None and path:
        found = find(pod.store, tree, os.fsencode(path))
        tree = found.id if found is not None and found.is_directory else None
    return frozenset(entry.name for entry in pod.store.tree(tree).entries) if tree is not None else frozenset()
