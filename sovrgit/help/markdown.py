"""The part of Markdown that the help is written in, taken apart: headings, paragraphs, lists, code, tables.

Not a Markdown library: its readers are the pages that are shipped here, and a test that they use nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; 1 is the page's own."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is wrapped."""

    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list; `depth` 1 is inside another one."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that stay as they are."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first one is the heading, with empty cells if there is none."""

    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Paragraph | Item | Code | Table

Style: TypeAlias = Literal["", "code", "strong", "emphasis"]


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style


_HEADING = re.compile(r"(#{1,4}) (.+)")
_ITEM = re.compile(r"(\s*)\* (.+)")
_RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")
_SPAN = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\([^)]+\)")


def blocks(text: str) -> list[Block]:
    """The blocks of a page."""
    return list(_blocks(text.splitlines()))


def spans(text: str) -> Iterator[Span]:
    """The styles in a text. Of a link, its words stay."""
    position = 0
    for match in _SPAN.finditer(text):
        if match.start() > position:
            yield Span(text[position : match.start()], "")
        code, strong, emphasis, link = match.groups()
        if code:
            yield Span(code, "code")
        elif strong:
            yield Span(strong, "strong")
        elif emphasis:
            yield Span(emphasis, "emphasis")
        else:
            yield from spans(link)
        position = match.end()
    if position < len(text):
        yield Span(text[position:], "")


def _blocks(lines: list[str]) -> Iterator[Block]:
    index = 0
    while index < len(lines):
        line = lines[index]
        start = index
        index += 1
        if not line.strip():
            continue
        if line.startswith("```"):
            while index < len(lines) and not lines[index].startswith("```"):
                index += 1
            yield Code(tuple(lines[start + 1 : index]))
            index += 1
        elif heading := _HEADING.fullmatch(line):
            yield Heading(len(heading[1]), heading[2])
        elif line.startswith("|"):
            while index < len(lines) and lines[index].startswith("|"):
                index += 1
            yield Table(tuple(_cells(row) for row in lines[start:index] if not _RULE.fullmatch(row.strip())))
        else:
            item = _ITEM.fullmatch(line)
            while index < len(lines) and _continues(lines[index]):
                index += 1
            words = [line.strip() for line in ([item[2]] if item else [line]) + lines[start + 1 : index]]
            yield Item(len(item[1]) // 2, " ".join(words)) if item else Paragraph(" ".join(words))


def _continues(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("```", "|", "#")) and not _ITEM.fullmatch(line)


def _cells(row: str) -> tuple[str, ...]:
    inner = row.strip().removeprefix("|").removesuffix("|")
    return tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner))
