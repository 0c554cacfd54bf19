"""What is looked at before a pod is run: its inputs, its run key, and why it is to be run at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sovrgit.lineage.index import KnownRun
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.pod.paths import is_within
from sovrgit.pod.pod import Pod
from sovrgit.pod.presence import get_paths
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.aside import check_folders
from sovrgit.runs.asking import state_now
from sovrgit.runs.executor import Executor
from sovrgit.runs.inputs import (
    Inputs,
    command_of,
    explain,
    input_tree,
    read_inputs,
    run_key,
    with_defaults,
)
from sovrgit.runs.record import RunRequest
from sovrgit.runs.reused import Wanted
from sovrgit.runs.supplied import check_given, recorded_external
from sovrgit.store.files import reporting


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run of which all is known but what comes out.

    Attributes:
        snapshot: the tree of the pod as it is on disk.
        base: the commit that is checked out.
        dirty: whether the inputs are not those of that commit.
        key: the run key.
    """

    inputs: Inputs
    snapshot: ObjectId
    base: ObjectId | None
    dirty: bool
    command: tuple[str, ...]
    parameters: Mapping[str, str]
    key: ObjectId

    @property
    def wanted(self) -> Wanted:
        """The result that is looked for."""
        return Wanted(self.key, self.inputs.outputs, self.inputs.golem.log_folder, self.inputs.recipe.name)


def prepare(pod: Pod, executor: Executor, request: RunRequest) -> Prepared:
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
    return Prepared(inputs, snapshot.tree, head, committed != inputs.tree, command, parameters, key)


def get_inputs(pod: Pod, inputs: Inputs) -> None:
    """Bring here what the run may read and was left at a remote.

    Raises:
        NotFetched: if it cannot be had.
    """
    made = [folder.encode() for folder in (inputs.golem.output_folder, inputs.golem.log_folder)]
    absent = [item.path for item in WorkingTree.look(pod).absent]
    wanted = [path for path in absent if not any(is_within(path, folder) for folder in made)]
    if wanted:
        get_paths(pod, wanted)


def reasons_to_run(
    pod: Pod, prepared: Prepared, last: KnownRun | None, gone: KnownRun | None, request: RunRequest
) -> tuple[str, ...]:
    """Why the pod is run, in words. At least one reason.

    Args:
        last: the run before, whatever it was.
        gone: a run with the same inputs, of whose output something is not here.
    """
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
