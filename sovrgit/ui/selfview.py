"""Showing the pod of the program itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import plural
from sovrgit.ui.transferview import PushedView

if TYPE_CHECKING:
    from sovrgit.selfpod.persist import SelfPod


@dataclass(frozen=True, slots=True)
class SelfView:
    """Shows the pod that was made, the folder if it stays, and the push if there was one."""

    made: SelfPod
    folder: Path | None
    pushed: PushedView | None

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity >= 0:
            contents = self.made.contents
            known = "" if self.made.is_new else ", as it was"
            console.line(
                f"sovr {contents.version}: {plural(len(contents.files), 'file')} at "
                f"{console.style(self.made.commit.short, 'yellow')}{known}"
            )
        elif self.pushed is None:
            console.line(str(self.made.commit))
        if self.pushed is not None:
            self.pushed.text(console)
            if self.pushed.reference is not None and not self.pushed.pushed.moved:
                console.line(self.pushed.reference)
        if self.folder is not None and console.verbosity >= 0:
            place = console.safe(str(self.folder))
            console.note(f"the pod is in {place}")
            console.hint(f"`pip install {shlex.quote(place)}` installs it")
        elif self.pushed is not None:
            console.hint("whoever clones it installs it with `pip install ./sovr`")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "version": self.made.contents.version,
            "files": len(self.made.contents.files),
            "commit": str(self.made.commit),
            "tree": str(self.made.tree),
            "is_new": self.made.is_new,
            "folder": None if self.folder is None else str(self.folder),
            "push": None if self.pushed is None else self.pushed.document(),
        }
