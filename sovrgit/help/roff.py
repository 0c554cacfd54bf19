"""Man pages: blocks of text as roff, with the macros of man(7) that groff and mandoc share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sovrgit.help.markdown import Block, Code, Heading, Item, Paragraph, Table, spans


class Term(NamedTuple):
    """Something to type, with what stands behind it, and what it means."""

    names: Sequence[str]
    text: str
    value: str = ""


_FONTS = {"code": "B", "strong": "B", "emphasis": "I"}


class Page:
    """A man page that is being written."""

    def __init__(self, name: str, section: int, summary: str, version: str) -> None:
        title = escaped(name).upper()
        self._lines = [
            # Without a date: the same program makes the same pages.
            f'.TH "{title}" "{section}" "" "sovr {version}" "sovr manual"',
            ".nh",
            ".ad l",
            ".SH NAME",
            f"{escaped(name)} \\- {escaped(summary)}",
        ]

    def section(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f'.SH "{escaped(title).upper()}"')

    def subsection(self, title: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f'.SS "{escaped(title)}"')

    def usage(self, command: str, arguments: str) -> None:
        """The form of a command line."""
        self._paragraph()
        self._lines += [f"\\fB{escaped(command)}\\fR {escaped(arguments)}".rstrip()]

    def terms(self, terms: Iterable[Term]) -> None:
        """A list of what can be typed."""
        for term in terms:
            named = ", ".join(f"\\fB{escaped(name)}\\fR" for name in term.names)
            value = f" \\fI{escaped(term.value)}\\fR" if term.value else ""
            self._lines += [".TP", named + value, _styled(term.text)]

    def blocks(self, content: Iterable[Block]) -> None:
        """Text."""
        for block in content:
            match block:
                case Heading():
                    self.subsection(block.text)
                case Paragraph():
                    self._paragraph()
                    self._lines.append(_styled(block.text))
                case Item():
                    self._lines += [f'.IP "\\(bu" {2 + 2 * block.depth}', _styled(block.text)]
                case Code():
                    self._paragraph()
                    self._lines += [".RS 4", ".nf", *(escaped(line) for line in block.lines), ".fi", ".RE"]
                case Table():
                    self._table(block)

    def text(self) -> str:
        """The page."""
        return "\n".join(self._lines) + "\n"

    def _paragraph(self) -> None:
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")

    def _table(self, table: Table) -> None:
        # A list, because tables of tbl(1) do not wrap their cells.
        for first, *middle, last in table.rows[1:]:
            label = "  ".join(_styled(cell) for cell in (first, *middle) if cell)
            self._lines += [".TP", label, _styled(last)]


def _styled(text: str) -> str:
    parts = []
    for span in spans(text):
        font = _FONTS.get(span.style)
        plain = escaped(span.text)
        parts.append(f"\\f{font}{plain.removeprefix(_GUARD)}\\fR" if font else plain)
    line = "".join(parts)
    return line if line else _GUARD


_GUARD = "\\&"
"""Nothing, so that a line that begins with a dot is text."""


def escaped(text: str) -> str:
    """Text that roff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    text = "".join(character if character.isascii() else f"\\[u{ord(character):04X}]" for character in text)
    return _GUARD + text if text.startswith((".", "'")) else text
