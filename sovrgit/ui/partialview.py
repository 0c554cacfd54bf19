"""How it is shown what of a pod is here, what came, and what went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.pod.presence import Got
    from sovrgit.remotes.dropping import Dropped
    from sovrgit.remotes.obtain import Obtained
    from sovrgit.remotes.usage import PathUsage, Usage


@dataclass(frozen=True, slots=True)
class GotView:
    """Shows what was got."""

    got: Got
    obtained: Obtained
    whole: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        got = self.got
        if got.files:
            console.line(f"got {plural(got.files, 'file')}, {human_size(got.size)}")
        elif not self.whole:
            console.line("it is here already")
        if self.whole:
            console.line("everything is here")
        if self.obtained.objects:
            console.note(f"received {human_size(self.obtained.bytes)} ({plural(self.obtained.objects, 'object')})")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "files": self.got.files,
            "bytes": self.got.size,
            "received_bytes": self.obtained.bytes,
            "received_objects": self.obtained.objects,
            "whole": self.whole,
        }


@dataclass(frozen=True, slots=True)
class DroppedView:
    """Shows what was dropped."""

    dropped: Dropped

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        dropped = self.dropped
        if not (dropped.files or dropped.objects):
            console.line("it is not here")
            return
        where = f"; {console.safe(dropped.remote)} has it" if dropped.remote else ""
        console.line(f"dropped {plural(dropped.files, 'file')}, {human_size(dropped.size)}{where}")
        console.note(f"{human_size(dropped.bytes)} of packs are free again")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "files": self.dropped.files,
            "bytes": self.dropped.size,
            "objects": self.dropped.objects,
            "freed_bytes": self.dropped.bytes,
            "remote": self.dropped.remote or None,
        }


@dataclass(frozen=True, slots=True)
class UsageView:
    """Shows what is where."""

    usage: Usage

    def text(self, console: Console) -> None:
        """Print it for people."""
        for path in self.usage.paths:
            name = console.path(path.path + (b"/" if path.is_directory else b""))
            console.line(f"{human_size(path.size):>10}  {_where(path):<18}  {name}")
        if console.verbosity < 0:
            return
        left = self.usage.size - self.usage.here
        share = f"of which {human_size(self.usage.here)} here" if left else "all of it here"
        console.line(f"{human_size(self.usage.size):>10}  {share}")
        packs = f"{human_size(self.usage.packs)} in packs here"
        remote = f", {human_size(self.usage.remote)} only at remotes" if self.usage.remote_objects else ""
        console.note(f"with all commits: {packs}{remote}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "paths": [
                {
                    **path_fields(path.path),
                    "kind": "directory" if path.is_directory else "file",
                    "bytes": path.size,
                    "here_bytes": path.here,
                }
                for path in self.usage.paths
            ],
            "bytes": self.usage.size,
            "here_bytes": self.usage.here,
            "pack_bytes": self.usage.packs,
            "remote_bytes": self.usage.remote,
            "remote_objects": self.usage.remote_objects,
        }


def _where(path: PathUsage) -> str:
    if path.here == path.size:
        return "here"
    return f"{human_size(path.here)} here" if path.here else "at a remote"
