"""Patterns of paths: `*` and `?` stay within a name, `**` is any number of folders.

Both patterns and paths may be somebody else's, so no regular expression is made of them: the time is bounded by the
product of their lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

P = TypeVar("P")
I = TypeVar("I")  # noqa: E741 - an item, beside its pattern P


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path is meant by a pattern."""
    parts = pattern.split("/")
    if not any("*" in part or "?" in part for part in parts):
        return lambda path: path == pattern
    names = [_Name(part) for part in parts]
    return lambda path: _fits(names, path.split("/"), _any_folders, lambda name, given: name.fits(given))


class _Name:
    """The pattern of one name."""

    __slots__ = ("plain", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = "*" not in text and "?" not in text

    def fits(self, name: str) -> bool:
        if self.plain:
            return self.text == name
        return _fits(self.text, name, lambda letter: letter == "*", lambda letter, given: letter in ("?", given))


def _any_folders(name: _Name) -> bool:
    return name.text == "**"


def _fits(pattern: Sequence[P], items: Sequence[I], is_star: Callable[[P], bool], one: Callable[[P, I], bool]) -> bool:
    """Whether a sequence fits a pattern in which stars stand for any number of items.

    The last star alone ever takes one more: what an earlier one could take besides, the last one could as well.
    """
    at = taken = 0
    star, after = -1, 0
    while taken < len(items):
        if at < len(pattern) and is_star(pattern[at]):
            star, after = at, taken
            at += 1
        elif at < len(pattern) and one(pattern[at], items[taken]):
            at += 1
            taken += 1
        elif star >= 0:
            after += 1
            at, taken = star + 1, after
        else:
            return False
    return all(is_star(part) for part in pattern[at:])
