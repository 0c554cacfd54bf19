"""Patterns of paths."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sovrgit.pod.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("a/b.txt", ["a/b.txt"], ["a/b-txt", "b.txt", "a/b.txt/c", "a"]),
        ("*.txt", ["a.txt", ".txt"], ["a/b.txt", "a.txt.gz", "a.TXT"]),
        ("a?c", ["abc", "aéc"], ["ac", "a/c", "abbc"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a", "ab"]),
        ("**/*.csv", ["x.csv", "a/x.csv", "a/b/x.csv"], ["x.csv/a"]),
        ("a/**/b/**/c", ["a/b/c", "a/x/b/y/z/c", "a/b/b/c"], ["a/c", "a/b/c/d"]),
        ("**", ["a", "a/b"], []),
        ("a**b", ["ab", "axb"], ["a/b"]),
        ("*", ["a", "\udcff"], ["a/b"]),
        ("[a]", ["[a]"], ["a"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], others: list[str]) -> None:
    means = matcher(pattern)
    assert [path for path in [*fits, *others] if means(path)] == fits


def as_expression(pattern: str) -> re.Pattern[str]:
    """The same as a regular expression, which may take for ever."""
    parts = []
    for name in pattern.split("/"):
        if name == "**":
            parts.append(r"(?:[^/]+/)*")
            continue
        parts.append("".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in name) + "/")
    return re.compile("".join(parts), re.DOTALL)


NAMES = st.text("ab", min_size=1, max_size=4)


@given(
    st.lists(st.text("ab*?", min_size=1, max_size=4) | st.just("**"), min_size=1, max_size=5).map("/".join),
    st.lists(NAMES, min_size=1, max_size=5).map("/".join),
)
@example("**/a/**/b", "a/a/b/b")
def test_they_mean_what_expressions_mean(pattern: str, path: str) -> None:
    assert matcher(pattern)(path) == (as_expression(pattern).fullmatch(path + "/") is not None)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 400 + "b", "a" * 4000),
        ("**/a/" * 150 + "b", "a/" * 1500 + "c"),
        ("**/*a*a*a*a*b/" * 60, "aaaaaaaa/" * 300),
    ],
    ids=["stars", "folders", "both"],
)
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    # As expressions these would outlast the universe.
    assert not matcher(pattern)(path)
