"""Whether a run on Golem has succeeded. The exit code of a requestor script says little: other facts decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sovrgit.objects.codec import Value
from sovrgit.objects.receipts import maps
from sovrgit.runs.executor import Outcome
from sovrgit.runs.golem.front.files import Moved
from sovrgit.runs.golem.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a requestor script has ended.

    Attributes:
        golem: the receipts, as `Run.golem` keeps them.
        tasks: what its SDK told of tasks, if it told anything.
        files: those that were moved.
        outputs: the folders in which results are expected.
        stopped: why a limit has stopped it, or empty.
        refused: what the gateway or the daemon has refused, or empty.
        declared: it was a job of ours, which has judged its tasks itself.
    """

    golem: Mapping[str, Value]
    tasks: Tasks
    files: Sequence[Moved]
    outputs: Sequence[Path]
    stopped: str = ""
    refused: str = ""
    declared: bool = False


def judge(ended: Outcome, facts: Facts) -> Outcome:
    """How a run on Golem has ended: a success only if nothing speaks against it.

    It is *partial* if it did not end well and yet some task was accepted, or some result is there.
    """
    if facts.stopped:
        return _bad(ended, facts, facts.stopped)
    if facts.declared:
        return ended if ended.succeeded or not facts.refused else replace(ended, reason=_because(ended.reason, facts))
    if ended.status in ("cancelled", "timed out"):
        return ended
    if ended.status != "succeeded":
        return _bad(ended, facts, _because(ended.reason, facts))
    reason = _objection(facts)
    return _bad(ended, facts, reason) if reason else ended


def _because(reason: str, facts: Facts) -> str:
    return f"{reason}; {facts.refused}" if facts.refused else reason


def _objection(facts: Facts) -> str:
    """Why a script that ended with exit code 0 has not succeeded."""
    tasks = facts.tasks
    if tasks.left:
        why = f": {tasks.reason}" if tasks.reason else ""
        return f"{tasks.left} of {tasks.count} tasks were not accepted{why}"
    if tasks.failed_jobs:
        return f"a job did not come to its end: {tasks.reason or 'no reason is known'}"
    empty = [one.path for one in _received(facts) if not one.size]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        return f"`{empty[0].name}`{more} was to be received from a provider, and is empty"
    if facts.golem.get("demands") and not _executed(facts.golem):
        found = "" if facts.golem.get("agreements") else ", as no provider took part"
        return f"the script asked for providers, and no command succeeded at any{found}"
    return ""


def _bad(ended: Outcome, facts: Facts, reason: str) -> Outcome:
    some = facts.tasks.accepted or any(one.size for one in _received(facts))
    return replace(ended, status="partial" if some and ended.signal is None else "failed", reason=reason)


def _received(facts: Facts) -> list[Moved]:
    """The files in the output that came from providers, if they are still there."""
    return [
        one
        for one in facts.files
        if one.direction == "out" and one.size is not None and any(one.path.is_relative_to(o) for o in facts.outputs)
    ]


def _executed(golem: Mapping[str, Value]) -> bool:
    """Whether any command but those that start the runtime has succeeded at a provider."""
    return any(
        command.get("result") == "Ok" and command.get("kind") not in ("deploy", "start", "terminate")
        for agreement in maps(golem.get("agreements"))
        for activity in maps(agreement.get("activities"))
        for command in maps(activity.get("commands"))
    )
