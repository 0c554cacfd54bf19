"""How it is shown which commit each line comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.ui.commitview import stamp_document
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_time

if TYPE_CHECKING:
    from sovrgit.pod.blame import BlamedLine

_LONGEST_NAME = 16
"""Characters of an author's name that are shown."""


@dataclass(frozen=True, slots=True)
class BlameView:
    """Shows the lines of a file, each with its commit."""

    path: bytes
    lines: Sequence[BlamedLine]
    commits: Mapping[ObjectId, Commit]

    def text(self, console: Console) -> None:
        """Print it for people."""
        names = {item: commit.author.name[:_LONGEST_NAME] for item, commit in self.commits.items()}
        width = max(map(len, names.values()), default=0)
        digits = len(str(len(self.lines)))
        paths = {line.path for line in self.lines}
        for number, line in enumerate(self.lines, 1):
            author = self.commits[line.commit].author
            text = console.safe(os.fsdecode(line.content.rstrip(b"\r\n")))
            if console.verbosity < 0:
                console.line(str(line.commit))
                continue
            where = f" {console.path(line.path)}" if len(paths) > 1 or line.path != self.path else ""
            date = human_time(author.time, author.zone).partition(" ")[0]
            who = console.safe(f"{names[line.commit]:<{width}}")
            head = console.style(line.commit.short, "yellow")
            console.line(f"{head}{where} {who} {date} {number:>{digits}}  {text}".rstrip())

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            **path_fields(self.path),
            "lines": [
                {
                    "number": number,
                    "commit": str(line.commit),
                    "author": stamp_document(self.commits[line.commit].author),
                    "original": {**path_fields(line.path), "number": line.number},
                    "text": line.content.rstrip(b"\r\n").decode("utf-8", "replace"),
                }
                for number, line in enumerate(self.lines, 1)
            ],
        }
