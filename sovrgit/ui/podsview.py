"""How the pods of an account are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.escape import display_width
from sovrgit.ui.format import plural, relative_time

if TYPE_CHECKING:
    from sovrgit.registry.survey import Surveyed

_ALWAYS_SHOWN = ("compute", "task", "data", "output", "program", "sealed", "broken")
_COLOURS = {"compute": "green", "task": "cyan", "broken": "red"}
_WIDEST = 32
"""Columns that a name takes before the columns behind it move."""

GRANTS = "whoever has the reference of a pod can read all of it, now and for ever"


@dataclass(frozen=True, slots=True)
class PodsView:
    """Shows pods, with those that neither `sovr` nor the first Sovr CLI has stored if `all_kinds` says so.

    References are shown where they are known. `now` is in seconds since 1970.
    """

    server: str
    pods: Sequence[Surveyed]
    now: int
    all_kinds: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        shown = self._shown()
        if console.verbosity < 0:
            console.lines([one_line(console, pod.pod) for pod in shown])
            return
        width = max((min(display_width(one_line(console, pod.pod)), _WIDEST) for pod in shown), default=0)
        for pod in shown:
            console.line(self._row(console, pod, width).rstrip())
            if pod.reference is not None:
                console.line(f"  {pod.reference.reveal()}")
        hidden = len(self.pods) - len(shown)
        if hidden:
            others = plural(hidden, "other pod")
            console.note(f"{others} without a recipe; `sovr pods --all` shows {'it' if hidden == 1 else 'them'}")
        elif not shown:
            console.note(f"no pods at {self.server}")
            console.hint("`sovr push` to a remote `fairos:NAME` makes one")
        if any(pod.reference is not None for pod in shown):
            console.warn(GRANTS)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "server": self.server,
            "pods": [
                {
                    "pod": pod.pod,
                    "kind": pod.kind,
                    "stored_by": pod.tool or None,
                    "shared_with_me": pod.shared,
                    "name": pod.summary.name,
                    "version": pod.summary.version,
                    "author": pod.summary.author,
                    "description": pod.summary.description,
                    "public": pod.summary.public,
                    "private": pod.private,
                    "pushed_ns": pod.pushed,
                    "generation": pod.generation,
                    "trouble": pod.trouble or None,
                    "reference": pod.reference.reveal() if pod.reference is not None else None,
                }
                for pod in self._shown()
            ],
        }

    def _shown(self) -> list[Surveyed]:
        return [pod for pod in self.pods if self.all_kinds or pod.kind in _ALWAYS_SHOWN]

    def _row(self, console: Console, pod: Surveyed, width: int) -> str:
        name = one_line(console, pod.pod)
        padding = " " * max(width - display_width(name), 0)
        kind = console.style(f"{pod.kind:<8}", *([_COLOURS[pod.kind]] if pod.kind in _COLOURS else []))
        facts = [
            one_line(console, pod.summary.version),
            "private" if pod.private else "",
            "shared with you" if pod.shared else "",
            "by the first Sovr CLI" if pod.tool == "first-cli" else "",
            self._pushed(pod),
        ]
        told = ", ".join(fact for fact in facts if fact)
        text = one_line(console, pod.summary.description)
        trouble = console.style(one_line(console, pod.trouble), "yellow") if pod.trouble and pod.kind != "other" else ""
        rest = [part for part in (told and f"({told})", text, trouble) if part]
        return f"{console.style(name, 'bold')}{padding}  {kind}  {'  '.join(rest)}"

    def _pushed(self, pod: Surveyed) -> str:
        if pod.pushed is None:
            return ""
        return f"pushed {relative_time(pod.pushed // 1_000_000_000, self.now)}, generation {pod.generation}"


def one_line(console: Console, text: str) -> str:
    """Text of a stranger's as part of a line."""
    return console.safe(" ".join(text.split()))
