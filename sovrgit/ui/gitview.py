"""How an exchange with Git is shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.commitview import short_ref
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import plural
from sovrgit.ui.transferview import move_document, moved_lines

if TYPE_CHECKING:
    from sovrgit.gitexchange import Exported, Imported
    from sovrgit.gitexchange.exporting import MovedRef

_SHOWN = 10
"""Names of a list that are shown to people."""

_SHORT = 10


@dataclass(frozen=True, slots=True)
class GitImportedView:
    """Shows what came from Git; `created` says whether the pod was made of it."""

    done: Imported
    repository: str
    name: str
    created: bool

    def text(self, console: Console) -> None:
        """Print it for people."""
        done = self.done
        if console.verbosity < 0:
            console.line(str(done.head or ""))
            return
        if self.created:
            console.line(f"made a pod in {console.safe(str(done.pod.root))}")
        else:
            for line in moved_lines(console, done.moved):
                console.line(line)
        if done.commits:
            console.note(f"{plural(done.commits, 'commit')} and {plural(done.files, 'file')} came from Git")
        elif not done.moved:
            console.note("nothing new in the Git repository")
        if done.pointers:
            files = plural(done.pointers, "file")
            console.note(f"{files} are pointers of Git LFS: what they stand for is not in the history, and not here")
        if done.submodules:
            console.note(f"submodules are not imported, and given back on export: {_listed(console, _paths(done))}")
        if done.skipped:
            console.note(f"left out, because they cannot be had here: {_listed(console, done.skipped)}")
        if done.waiting:
            console.note(f"left as they are here: {_listed(console, [short_ref(ref) for ref in done.waiting])}")
            branch = next((short_ref(ref) for ref in done.waiting if ref.startswith("refs/heads/")), None)
            if branch is not None:
                console.hint(f"`sovr merge {self.name}/{branch}` on `{branch}` brings both together")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        done = self.done
        return {
            "done": "imported",
            "repository": self.repository,
            "folder": str(done.pod.root),
            "created": self.created,
            "head": None if done.head is None else str(done.head),
            "commits": done.commits,
            "files": done.files,
            "moved": [move_document(move) for move in done.moved],
            "waiting": done.waiting,
            "skipped": done.skipped,
            "lfs_pointers": done.pointers,
            "submodules": [path_fields(path) for path in done.submodules],
        }


@dataclass(frozen=True, slots=True)
class GitExportedView:
    """Shows what went to Git."""

    done: Exported
    repository: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        done = self.done
        if console.verbosity < 0:
            console.lines([move.new.hex() for move in done.moved])
            return
        for move in done.moved:
            console.line(_moved(console, move))
        if not done.moved:
            console.note("the Git repository is up to date")
        if done.objects:
            commits, objects = plural(done.commits, "commit"), plural(done.objects, "object")
            console.note(f"wrote {commits}, {objects}, to {console.safe(str(done.repository))}")
        if done.pointers:
            console.note(f"{plural(done.pointers, 'large file')} went to Git LFS")
        if done.empty_folders:
            console.note("empty folders are left out: Git cannot hold them")
        if done.changed:
            console.note(f"{plural(len(done.changed), 'commit')} that came from Git changed since, and got another id")
        if done.skipped:
            console.note(f"left out, because Git cannot have them: {_listed(console, done.skipped)}")
        if done.created:
            console.hint(f"`git clone {shlex.quote(self.repository)}` makes a working tree of it")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        done = self.done
        return {
            "done": "exported",
            "repository": self.repository,
            "folder": str(done.repository),
            "created": done.created,
            "commits": done.commits,
            "objects": done.objects,
            "git_moved": [
                {"ref": move.name, "old": None if move.old is None else move.old.hex(), "new": move.new.hex()}
                for move in done.moved
            ],
            "notes": done.notes,
            "lfs_pointers": done.pointers,
            "empty_folders": done.empty_folders,
            "changed": [str(commit) for commit in done.changed],
            "skipped": done.skipped,
        }


def _moved(console: Console, move: MovedRef) -> str:
    what = move.new.hex()[:_SHORT]
    what = f"new {what}" if move.old is None else f"{move.old.hex()[:_SHORT]}..{what}"
    return f"  {console.safe(short_ref(move.name))}  {console.style(what, 'yellow')}"


def _paths(done: Imported) -> list[str]:
    return [path.decode("utf-8", "backslashreplace") for path in done.submodules]


def _listed(console: Console, names: Sequence[str]) -> str:
    shown = ", ".join(f"`{console.safe(name)}`" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"
