"""The Markdown of the help: what is understood, and that the pages use nothing else."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from sovrgit.help.markdown import Code, Heading, Item, Paragraph, Span, Table, blocks, spans
from sovrgit.help.roff import Page, escaped
from sovrgit.help.topics import GENERATED, TOPICS, text_of

EVERYTHING = """\
# Title

Two lines
of text.
* first
  goes on
  * inside
* second

```sh
  as it is

| no table |
```
| a | b |
| --- | --- |
| `x\\|y` | **z** |
"""


def test_every_kind_of_block() -> None:
    assert blocks(EVERYTHING) == [
        Heading(1, "Title"),
        Paragraph("Two lines of text."),
        Item(0, "first goes on"),
        Item(1, "inside"),
        Item(0, "second"),
        Code(("  as it is", "", "| no table |")),
        Table((("a", "b"), ("`x|y`", "**z**"))),
    ]
    assert blocks("") == [] and blocks("```\nopen") == [Code(("open",))]


def test_styles_in_a_text() -> None:
    assert list(spans("a `b*c*` **d** *e* [f `g`](h.md) 2 * 3 * 4")) == [
        Span("a ", ""),
        Span("b*c*", "code"),
        Span(" ", ""),
        Span("d", "strong"),
        Span(" ", ""),
        Span("e", "emphasis"),
        Span(" ", ""),
        Span("f ", ""),
        Span("g", "code"),
        Span(" 2 * 3 * 4", ""),
    ]


@pytest.mark.parametrize("topic", TOPICS)
def test_pages_use_only_what_is_understood(topic: str) -> None:
    text = text_of(topic)
    assert text.startswith("# ") and TOPICS[topic][0].isupper() and not TOPICS[topic].endswith(".")
    plain = re.sub(r"(?s)^```.*?^```", "", text, flags=re.MULTILINE)
    assert not re.search(r"^(?:\d+\.|[-+] |>|    |~~~|:|<)|!\[|__|^\t", re.sub(r"`[^`]*`", "", plain), re.MULTILINE)
    for block in blocks(text):
        if isinstance(block, Table):
            assert len({len(row) for row in block.rows}) == 1 and len(block.rows) > 1
        elif isinstance(block, Paragraph | Item):
            assert block.text.count("`") % 2 == 0
        elif isinstance(block, Code):
            assert max(map(len, block.lines)) <= 76


def test_there_are_no_other_pages() -> None:
    found = {path.name.removesuffix(".md") for path in files("sovrgit.help").iterdir() if path.name.endswith(".md")}
    assert found == set(TOPICS)
    used = "".join(files("sovrgit.help").joinpath(f"{name}.md").read_text("utf-8") for name in TOPICS)
    assert set(re.findall(r"<!-- generated: (\w+) -->", used)) == set(GENERATED)


def test_nothing_in_a_text_is_taken_for_roff() -> None:
    assert escaped(r".x \n -- é…") == r"\&.x \en \-\- \[u00E9]\[u2026]"
    page = Page("x", 1, "y", "0")
    page.blocks([Paragraph(".SH evil"), Code(("'br", ".so /etc/passwd")), Item(0, "`.sovr` is ours")])
    requests = [line for line in page.text().splitlines() if line.startswith((".", "'"))]
    assert {line.split()[0] for line in requests} == {
        ".TH",
        ".nh",
        ".ad",
        ".SH",
        ".PP",
        ".RS",
        ".nf",
        ".fi",
        ".RE",
        ".IP",
    }
