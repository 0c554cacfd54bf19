"""How a bundle is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.commitview import short_ref
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.remotes.manifest import Manifest


@dataclass(frozen=True, slots=True)
class BundleView:
    """Shows a bundle that was created or verified; `size` in bytes."""

    done: str
    file: str
    manifest: Manifest
    size: int

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(console.safe(self.file))
            return
        objects = sum(pack.objects for pack in self.manifest.packs)
        verb = "wrote" if self.done == "created" else "whole:"
        console.line(f"{verb} {console.safe(self.file)}, {human_size(self.size)}, {plural(objects, 'object')}")
        for name, value in sorted(self.manifest.refs.items()):
            console.line(f"  {console.safe(short_ref(name))}  {console.style(value.short, 'yellow')}")
        if self.done == "created":
            console.hint(f"`sovr clone {self.file}` gets the pod out of it; `sovr bundle verify` checks it")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "done": self.done,
            "file": self.file,
            "bytes": self.size,
            "objects": sum(pack.objects for pack in self.manifest.packs),
            "head": short_ref(self.manifest.head),
            "refs": [{"name": name, "id": str(value)} for name, value in sorted(self.manifest.refs.items())],
        }
