"""How tags are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.commitview import stamp_document
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_time

if TYPE_CHECKING:
    from sovrgit.pod.tags import TagName


@dataclass(frozen=True, slots=True)
class TagsView:
    """Shows a list of tags."""

    tags: Sequence[TagName]

    def text(self, console: Console) -> None:
        """Print it for people."""
        width = max((len(tag.name) for tag in self.tags), default=0)
        for tag in self.tags:
            if console.verbosity < 0:
                console.line(console.safe(tag.name))
                continue
            what = "" if tag.kind.label == "commit" else f" ({tag.kind.label})"
            message = console.safe(tag.tag.message.partition("\n")[0]) if tag.tag else ""
            target = console.style(tag.target.short, "yellow")
            console.line(f"{console.safe(f'{tag.name:<{width}}')}  {target}{what} {message}".rstrip())
            if tag.tag is not None and console.verbosity > 0:
                tagger = tag.tag.tagger
                console.line(f"{'':<{width}}  by {console.safe(tagger.name)}, {human_time(tagger.time, tagger.zone)}")
        if not self.tags and console.verbosity >= 0:
            console.note("no tags yet")
            console.hint("`sovr tag NAME` makes one of the last commit")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"tags": [_document(tag) for tag in self.tags]}


@dataclass(frozen=True, slots=True)
class TagView:
    """Shows what was done to a tag: `made` or `removed`."""

    tag: TagName
    done: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            console.line(str(self.tag.id))
            return
        name = console.style(console.safe(self.tag.name), "bold")
        console.line(f"{self.done} {name}, {self.tag.kind.label} {console.style(self.tag.target.short, 'yellow')}")
        if self.done == "removed":
            console.hint("`sovr undo` brings it back")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"tags": [_document(self.tag)], "done": self.done}


def _document(tag: TagName) -> dict[str, Any]:
    return {
        "name": tag.name,
        "id": str(tag.id),
        "target": str(tag.target),
        "kind": tag.kind.label,
        "annotated": tag.tag is not None,
        "tagger": stamp_document(tag.tag.tagger) if tag.tag else None,
        "message": tag.tag.message if tag.tag else "",
    }
