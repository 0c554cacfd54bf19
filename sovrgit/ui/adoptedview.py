"""How a pod is shown that came from an archive of the first Sovr CLI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size

if TYPE_CHECKING:
    from sovrgit.objects.ids import ObjectId
    from sovrgit.remotes.firstcli.adopt import Adopted


@dataclass(frozen=True, slots=True)
class AdoptedView:
    """Shows such a pod. Its document has the fields of `sovr clone`, and what is wrong with it."""

    adopted: Adopted
    fork: ObjectId | None = None

    def text(self, console: Console) -> None:
        """Print it for people."""
        root = console.safe(str(self.adopted.pod.root))
        if console.verbosity < 0:
            console.line(root)
            return
        head = console.style((self.fork or self.adopted.head).short, "yellow")
        console.line(
            f"{'forked' if self.fork else 'cloned'} into {root} at {head} ({human_size(self.adopted.size)} received)"
        )
        for warning in self.adopted.warnings:
            console.warn(warning)
        console.note("the first Sovr CLI stored it, without history: its first commit here is the same for everybody")
        console.hint("`sovr ls` lists its files, `sovr run` runs it after asking")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "folder": str(self.adopted.pod.root),
            "commit": str(self.fork or self.adopted.head),
            "received_bytes": self.adopted.size,
            "received_packs": 0,
            "warnings": list(self.adopted.warnings),
        }
