"""How single objects are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Data, ObjectId
from sovrgit.objects.tree import Tree, TreeEntry
from sovrgit.objects.verdict import Verdict
from sovrgit.ui.commitview import commit_document, commit_lines
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.differenceview import DifferenceView
from sovrgit.ui.format import human_size
from sovrgit.ui.signatureview import ShownSignature, signature_document
from sovrgit.ui.verdictview import counted

_MODES = {"file": "-rw-", "executable": "-rwx", "symlink": "l---", "directory": "d---"}


@dataclass(frozen=True, slots=True)
class CommitShowView:
    """A commit and what it changed."""

    id: ObjectId
    commit: Commit
    differences: DifferenceView
    signature: ShownSignature | None = None
    verdicts: Sequence[Verdict] = ()

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.id))
            return
        console.lines(commit_lines(console, self.id, self.commit, (), self.signature, self.verdicts))
        console.line()
        self.differences.text(console)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "kind": "commit",
            **commit_document(self.id, self.commit),
            **self.differences.document(),
            "verdicts": counted(self.verdicts),
            "signature": signature_document(self.signature),
        }


@dataclass(frozen=True, slots=True)
class TreeView:
    """One folder of a revision."""

    id: ObjectId
    tree: Tree

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.id))
            return
        console.line(console.style(f"tree {self.id}", "yellow"))
        for entry in self.tree.entries:
            console.line(entry_line(console, entry.name, entry))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "kind": "tree",
            "id": str(self.id),
            "size": self.tree.size,
            "entries": [entry_document(entry.name, entry) for entry in self.tree.entries],
        }


@dataclass(frozen=True, slots=True)
class EntriesView:
    """Files of a revision, with their paths."""

    entries: Iterable[tuple[bytes, TreeEntry]]
    detailed: bool

    def text(self, console: Console) -> None:
        """Print it for people."""
        for path, entry in self.entries:
            slash = b"/" if entry.is_directory else b""
            console.line(entry_line(console, path, entry) if self.detailed else console.path(path + slash))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"entries": [entry_document(path, entry) for path, entry in self.entries]}


@dataclass(frozen=True, slots=True)
class BlobView:
    """The content of a file."""

    id: ObjectId
    size: int
    pieces: Iterator[Data]

    def text(self, console: Console) -> None:
        """Print the bytes as they are."""
        console.content(self.pieces)

    def document(self) -> dict[str, Any]:
        """The JSON document: about the file; `sovr cat` prints its content."""
        return {"kind": "blob", "id": str(self.id), "size": self.size}


def entry_line(console: Console, path: bytes, entry: TreeEntry) -> str:
    """A file on one line, with mode, size and id."""
    slash = b"/" if entry.is_directory else b""
    mode = _MODES[entry.kind.name.lower()]
    identity = console.style(entry.id.short, "dim")
    return f"{mode}  {human_size(entry.size):>9}  {identity}  {console.path(path + slash)}"


def entry_document(path: bytes, entry: TreeEntry) -> dict[str, Any]:
    """A file as JSON."""
    return {**path_fields(path), "kind": entry.kind.name.lower(), "id": str(entry.id), "size": entry.size}
