"""What commands share that bring commits into a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovrgit.commands.app import App
from sovrgit.ui.mergeview import MergedView

if TYPE_CHECKING:
    from sovrgit.pod.merge import Merged


def show_merged(app: App, merged: Merged, label: str, done: str = "brought in") -> int:
    """Show what came of it; the exit code."""
    app.show(MergedView(merged, label, done))
    return 1 if merged.outcome == "conflicts" else 0
