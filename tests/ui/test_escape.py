"""Nothing that is shown can steer a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.ui.escape import display_width, quote_path, visible


@given(st.binary())
def test_visible_text_has_no_control_characters(content: bytes) -> None:
    shown = visible(content.decode("utf-8", "surrogateescape"))
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in shown.replace("\t", ""))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext ünï 中", "plain\ttext ünï 中"),
        ("\x1b[31mred\x07", "^[[31mred^G"),
        ("a\r", "a^M"),
        ("\x7f\x9b1m", "^?<U+009B>1m"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        (b"\xff\x80".decode("utf-8", "surrogateescape"), "<FF><80>"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("path", "quoted", "on_terminal"),
    [
        (b"a b/c'd", "a b/c'd", "a b/c'd"),
        (b'a"b', r'"a\"b"', r'"a\"b"'),
        (b"a\\b", r'"a\\b"', r'"a\\b"'),
        (b"a\tb\nc\x1b", r'"a\tb\nc\033"', r'"a\tb\nc\033"'),
        ("ä".encode(), r'"\303\244"', "ä"),
        ("\u202e\x9b".encode(), r'"\342\200\256\302\233"', r'"\342\200\256\302\233"'),
        (b"\xff", r'"\377"', r'"\377"'),
    ],
)
def test_paths_are_quoted_like_git_does(path: bytes, quoted: str, on_terminal: str) -> None:
    text = path.decode("utf-8", "surrogateescape")
    assert quote_path(text) == quoted
    assert quote_path(text, terminal=True) == on_terminal


@given(st.binary(min_size=1).filter(lambda path: b"\0" not in path))
def test_quoted_paths_are_harmless(path: bytes) -> None:
    text = path.decode("utf-8", "surrogateescape")
    assert quote_path(text).isascii()
    assert quote_path(text).isprintable()
    shown = quote_path(text, terminal=True)
    assert visible(shown) == shown and "\t" not in shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("中文", 4), ("é", 1), ("e\u0301", 1), ("", 0)])
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width
