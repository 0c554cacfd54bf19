"""How the help is shown: topics as text for the terminal's width, or as Markdown in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sovrgit.help.markdown import Block, Code, Heading, Item, Paragraph, Table, blocks, spans
from sovrgit.ui.console import Console

WIDEST = 100
"""Columns of text: longer lines are hard to read."""

_NARROWEST = 24
"""Columns that the last cell of a row needs to stand beside the others."""

_STYLES = {"code": "cyan", "strong": "bold", "emphasis": "bold"}

_Word: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TopicView:
    """Shows a topic."""

    name: str
    markdown: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        before: Block | None = None
        for block in blocks(self.markdown):
            if before is not None and not (isinstance(block, Item) and isinstance(before, Item)):
                console.line()
            console.lines(list(_lines(block, console)))
            before = block

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"topic": self.name, "text": self.markdown}


@dataclass(frozen=True, slots=True)
class TextView:
    """Shows a text as it is: the help of a command."""

    name: str
    content: str

    def text(self, console: Console) -> None:
        """Print it for people."""
        console.line(self.content)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"topic": self.name, "text": self.content}


@dataclass(frozen=True, slots=True)
class OverviewView:
    """Shows what there is help about."""

    commands: str
    topics: Sequence[tuple[str, str]]

    def text(self, console: Console) -> None:
        """Print it for people."""
        console.line(self.commands)
        console.line()
        console.line("Topics:")
        width = max(len(name) for name, _ in self.topics)
        for name, summary in self.topics:
            console.line(f"  {name:<{width}}  {summary}")
        console.line()
        console.line("`sovr help TOPIC` or `sovr help COMMAND` explains one.")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        topics = [{"name": name, "summary": summary} for name, summary in self.topics]
        return {"topic": None, "text": self.commands, "topics": topics}


def _lines(block: Block, console: Console) -> Iterator[str]:
    width = min(console.width, WIDEST)
    match block:
        case Heading():
            yield console.style(block.text if block.level > 1 else block.text.upper(), "bold")
        case Paragraph():
            yield from wrapped(block.text, console, width)
        case Item():
            indent = "  " * block.depth
            first, *rest = wrapped(block.text, console, width - len(indent) - 2)
            yield f"{indent}* {first}"
            yield from (f"{indent}  {line}" for line in rest)
        case Code():
            yield from (f"    {line}".rstrip() for line in block.lines)
        case Table():
            yield from _table(block, console, width)


def _table(table: Table, console: Console, width: int) -> Iterator[str]:
    heading, *rows = table.rows
    shown = [*([heading] if any(heading) else []), *rows]
    widths = [max(_length(row[column], console) for row in shown) for column in range(len(heading) - 1)]
    before = sum(widths) + 2 * len(widths)
    beside = width - before >= _NARROWEST
    for row in shown:
        cells = []
        for cell, columns in zip(row, widths, strict=False):
            cells.append(_painted(cell, console) + " " * (columns - _length(cell, console)))
        if row is heading:
            cells = [console.style(cell, "bold") for cell in cells]
        last = list(wrapped(row[-1], console, width - before if beside else width - 4)) or [""]
        if row is heading:
            last = [console.style(line, "bold") for line in last]
        if beside:
            yield "  ".join([*cells, last[0]]).rstrip()
            yield from (" " * before + line for line in last[1:])
        else:
            yield "  ".join(cells).rstrip()
            yield from (f"    {line}" for line in last)


def wrapped(text: str, console: Console, width: int) -> Iterator[str]:
    """Lines of at most so many columns, in their styles; a longer word has a line of its own."""
    line: list[str] = []
    length = 0
    for word in _words(text, console):
        columns = sum(len(piece) for piece, _ in word)
        if line and length + 1 + columns > width:
            yield " ".join(line)
            line, length = [], 0
        length += columns + (1 if line else 0)
        line.append("".join(console.style(piece, _STYLES[style]) if style else piece for piece, style in word))
    if line:
        yield " ".join(line)


def _words(text: str, console: Console) -> Iterator[_Word]:
    word: _Word = []
    for span in spans(text):
        # Without colours, backticks tell what is to be typed.
        shown = f"`{span.text}`" if span.style == "code" and not console.colour else span.text
        for index, piece in enumerate(shown.split(" ")):
            if index and word:
                yield word
                word = []
            if piece:
                word.append((piece, span.style))
    if word:
        yield word


def _painted(text: str, console: Console) -> str:
    return " ".join(wrapped(text, console, 1 << 30))


def _length(text: str, console: Console) -> int:
    words = list(_words(text, console))
    return sum(len(piece) for word in words for piece, _ in word) + max(len(words) - 1, 0)
