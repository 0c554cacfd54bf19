"""Looking for results of others for the pods of a task: at the places of the task, then at those of each pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import SovrError
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS, RefChange
from sovrgit.runs.known import Ownership
from sovrgit.runs.reused import NOTHING, Finder, FoundRun, Lookup, Wanted
from sovrgit.tasks.carrying import carry
from sovrgit.tasks.sources import Source


@dataclass(frozen=True, slots=True)
class Reusing:
    """Whose results a task may take, and what looks for them.

    Args:
        rule: one of `REUSE_RULES`, as for `sovrgit.reuse.finding.finder`. With `own` nobody is asked.
        find: looks in a pod, and at its places; at these only once, however many results are looked for.
    """

    rule: str
    find: Finder


def find_for(
    task: Pod,
    source: Source,
    tree: ObjectId,
    wanted: Wanted,
    reusing: Reusing,
    opened: Callable[[Path], Pod],
    ownership: Ownership,
) -> Lookup:
    """The result of somebody else for a pod of a task, with all of it in the repository of the task.

    Args:
        tree: the inputs of the pod, in the repository where its source is.
        opened: opens the pod in a folder.
        ownership: of the runs of the task.
    """
    if source.is_own or reusing.rule == "own":
        return reusing.find(task, wanted, ownership)
    with opened(source.home) as home:
        try:
            # What is brought here is checked whole, with what it was made of.
            carry(home.store, task, (tree, source.recipe_id))
            lookup = reusing.find(task, wanted, ownership)
            if lookup.found is not None:
                return lookup
            there = reusing.find(home, wanted._replace(also=()))
            if there.found is not None:
                _pass_on(home, task, there.found)
            return Lookup(there.found, (*lookup.notices, *there.notices))
        except SovrError as error:
            return NOTHING._replace(notices=(f"`{source.name}`: no result was looked for: {error.message}",))


def _pass_on(home: Pod, task: Pod, found: FoundRun) -> None:
    """Bring a result from the repository of a pod into that of the task, with the verdicts that speak for it."""
    verdicts = [check for check in found.checks if check.confirms and home.store.has(check.id)]
    carry(home.store, task, (found.id, *(check.id for check in verdicts)))
    with task.lock():
        values = task.refs.read().values
        for check in verdicts:
            if (name := f"{VERDICTS}{check.id}") not in values:
                task.refs.update([RefChange(name, None, check.id)], command="run", time_ns=check.verdict.time)
