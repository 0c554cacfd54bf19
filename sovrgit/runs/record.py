"""What every run has in common, wherever it happens: the request, the plan, and the record."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sovrgit import __version__
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run, RunStatus, Usage
from sovrgit.pod.ignore import IGNORE_FILE
from sovrgit.pod.recipe import Golem
from sovrgit.runs.executor import GRACE, Executor, Outcome, Plan
from sovrgit.runs.inputs import Inputs, argv_of, subtree
from sovrgit.runs.reused import Finder
from sovrgit.runs.supplied import Supplied, recorded_external
from sovrgit.runs.surroundings import platform_facts
from sovrgit.runs.trust import Proposal
from sovrgit.store.session import WriteSession
from sovrgit.store.store import ObjectStore

LOG_NAME = "run.log"
"""The captured log's name in the log folder. The same for every run: the history keeps the earlier ones."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how.

    Args:
        author: who runs, and when it was asked for.
        environment: the command's whole environment, and the part of it that is recorded.
        arguments: added to the command.
        parameters: given to the command as `SOVR_PARAM_<NAME>`.
        force: run even if the result is known.
        timeout: seconds; wins over the recipe's.
        allow_empty: a run without output counts as a success.
        commit_failed: commit what a failed run has left.
        supplied: external payload, which is put into its place before the command starts.
        fetch: brings external payload here when it turns out that something is going to be executed: what is in
            `supplied` then need not be here, and only has to say what records will.
        approve: asked before scripts of other people are run.
        grace: seconds between the signals that end the command.
        find: looks for a result that this pod does not have as its own; without it nobody is asked.
        clock: nanoseconds since 1970, looked at when the command has ended: the time of the commit. Without it that is
            the author's.
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
    supplied: tuple[Supplied, ...] = ()
    fetch: Callable[[], tuple[Supplied, ...]] | None = None
    find: Finder | None = None
    clock: Callable[[], int] | None = None


def make_plan(
    root: Path, inputs: Inputs, command: Sequence[str], parameters: Mapping[str, str], request: RunRequest
) -> Plan:
    """The plan of a run in a folder that holds the inputs."""
    variables = {f"SOVR_PARAM_{_variable(name)}": value for name, value in parameters.items()}
    return Plan(
        argv=argv_of(command, os.fspath(root)),
        folder=root,
        environment={**request.environment[0], **variables},
        log_file=root / inputs.golem.log_folder / LOG_NAME,
        outputs=inputs.outputs,
        timeout=request.timeout if request.timeout is not None else inputs.golem.timeout_seconds,
        grace=request.grace,
        command=tuple(command),
        recipe=inputs.recipe,
        variables=variables,
    )


def _variable(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name).upper()


class Left(NamedTuple):
    """What a run left in its folders: the trees of output and log, and if there is no output, what there is instead."""

    output: ObjectId | None
    log: ObjectId | None
    instead: str


def what_is_left(
    store: ObjectStore,
    session: WriteSession,
    tree: ObjectId,
    folder: Path,
    inputs: Inputs,
    before: ObjectId | None = None,
) -> Left:
    """What a run left in `folder`, whose whole state is `tree`. Of the logs, what is the same in `before` is older."""
    golem = inputs.golem
    output = subtree(store, session, tree, inputs.outputs, without=golem.log_folder)
    log = subtree(store, session, tree, [golem.log_folder], without=golem.output_folder, base=before)
    return Left(output, log, "" if output is not None else _instead(folder / golem.output_folder, golem))


def _instead(place: Path, golem: Golem) -> str:
    name = f"`{golem.output_folder}`"
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        return f"put {'a link' if place.is_symlink() else 'a file'} in the place of the folder {name}"
    log = place.parent / golem.log_folder
    for folder, _, files in os.walk(place):
        if files and not Path(folder).is_relative_to(log):
            return f"all that it left in {name} is ignored by `{IGNORE_FILE}`"
    return f"left nothing in {name}"


def make_record(
    executor: Executor,
    request: RunRequest,
    inputs: Inputs,
    command: tuple[str, ...],
    parameters: Mapping[str, str],
    key: ObjectId,
    outcome: Outcome,
    left: Left,
) -> Run:
    """The record of an execution. Without output it is no success, unless that was allowed."""
    status, reason = RunStatus(outcome.status), outcome.reason
    if status is RunStatus.SUCCEEDED and left.output is None and not request.allow_empty:
        status, reason = RunStatus.FAILED, left.instead
    used = outcome.resources
    return Run(
        status=status,
        reason=reason,
        pod=inputs.recipe.name,
        recipe=inputs.recipe_id,
        input=inputs.tree,
        key=key,
        command=command,
        executor={
            "name": executor.name,
            **({"mode": executor.mode} if executor.mode else {}),
            "sovr": __version__,
            **executor.versions(),
        },
        platform=platform_facts(),
        started=outcome.started_ns,
        finished=outcome.finished_ns,
        outputs=inputs.outputs,
        output=left.output,
        log=left.log,
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
        parameters=parameters,
        environment=request.environment[1],
        by=request.author.name,
        golem=outcome.golem,
        external=recorded_external(request.supplied),
    )
