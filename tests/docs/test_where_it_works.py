"""Every test that the page on poor surroundings names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/internals/where-it-works.md").read_text())


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_is_named_is_there(file: str, name: str) -> None:
    assert f"\ndef {name}(" in (ROOT / file).read_text()


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 20
