"""How payload of other pods is shown: how it stands, and what has changed in the lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.lockfile import LockedPayload
    from sovrgit.payloads.changing import Updated
    from sovrgit.payloads.state import PayloadState

_COLOURS = {"same": "green", "added": "green", "newer": "green", "moved": "yellow", "gone": "red", "unlocked": "yellow"}

_STANDING = {
    "same": "the other pod has not moved",
    "newer": "the other pod moved on, and has the same here",
    "moved": "the other pod has other content now",
    "gone": "the other pod does not have it any more",
    "unreachable": "the other pod cannot be asked",
    "unlocked": "not locked yet",
    "unknown": "the other pod keeps no history",
    "unused": "the recipe does not name it any more",
}


@dataclass(frozen=True, slots=True)
class PayloadStatesView:
    """Shows how each payload stands."""

    states: Sequence[PayloadState]

    def text(self, console: Console) -> None:
        """Print it for people."""
        if not self.states:
            console.note("the recipe names no payload of other pods")
            console.hint("`sovr payload add REFERENCE PATH` adds some")
            return
        for state in self.states:
            mark = console.style(f"{state.standing:<11}", _COLOURS.get(state.standing, "dim"))
            console.line(f"{mark}  {console.safe(state.path)}  from {console.safe(state.reference)}")
            console.line(f"             {', '.join(_details(state))}")
            if state.reason:
                console.line(f"             {console.safe(state.reason)}")
        standings = {state.standing for state in self.states}
        if standings & {"moved", "gone"}:
            console.hint("runs take what is locked; `sovr payload update` locks what there is now")
        elif standings & {"unlocked", "unused"}:
            console.hint("`sovr payload update` brings the lock up to date")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "action": "status",
            "payload": [
                {
                    "reference": state.reference,
                    "path": state.path,
                    "state": state.standing,
                    "here": state.here,
                    "locked": _document(state.locked),
                    "now": _document(state.now),
                    "reason": state.reason,
                }
                for state in self.states
            ],
            "written": False,
        }


@dataclass(frozen=True, slots=True)
class PayloadUpdatedView:
    """Shows what has changed in the lock. `action` is `update` or `add`."""

    updated: Updated
    action: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        for change in self.updated.changes:
            mark = console.style(f"{change.state:<5}", _COLOURS[change.state])
            sides = [side for side in (change.old, change.new) if side is not None]
            commits = list(dict.fromkeys(side.commit.short for side in sides))
            what = " to ".join(commits)
            kept = ", which has the same as now" if change.state == "newer" and len(commits) == 1 else ""
            console.line(f"{mark}  {console.safe(change.path)}  from {console.safe(change.reference)} at {what}{kept}")
        if not self.updated.changes:
            console.note("the recipe names no payload of other pods")
        elif self.updated.written:
            console.note("written to `recipe.lock`" if self.action == "update" else "added to the recipe, and locked")
            console.hint("commit it, so that others get the same payload")
        else:
            console.note("`recipe.lock` is up to date")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "action": self.action,
            "payload": [
                {
                    "reference": change.reference,
                    "path": change.path,
                    "state": change.state,
                    "locked": _document(change.new),
                    "before": _document(change.old),
                }
                for change in self.updated.changes
            ],
            "written": self.updated.written,
        }


def locked_lines(console: Console, locked: Sequence[LockedPayload]) -> Iterator[str]:
    """What is said of payload that was locked on the way."""
    for entry in locked:
        where = f"{console.safe(entry.path)} from {console.safe(entry.reference)}"
        yield f"locked {where} at {entry.commit.short}"
    if locked:
        yield f"written to `recipe.lock`: {plural(len(locked), 'payload')} of other pods"


def moved_line(state: PayloadState) -> str:
    """What is said of payload that is taken as locked though its pod has something else by now."""
    if state.now is None:
        return f"{state.path} from {state.reference} is gone there since it was locked"
    return f"{state.path} from {state.reference} has moved on to {state.now.commit.short} since it was locked"


def _details(state: PayloadState) -> Iterator[str]:
    if state.locked is not None:
        yield f"locked at {state.locked.commit.short}"
    if state.now is not None and (state.locked is None or state.now.commit != state.locked.commit):
        yield f"now at {state.now.commit.short}"
    yield "here" if state.here else "not here"
    yield _STANDING[state.standing]


def _document(payload: LockedPayload | None) -> dict[str, str] | None:
    from sovrgit.lockfile import KINDS

    if payload is None:
        return None
    kind = next(name for name, kind in KINDS.items() if kind is payload.kind)
    return {"commit": str(payload.commit), "id": str(payload.id), "kind": kind}
