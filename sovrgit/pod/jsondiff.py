"""Differences between two JSON documents (RFC 8259), by key."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from sovrgit.pod.align import Change, align

MAX_SIZE = 1 << 20
"""Bytes of a document; larger ones are data, for which a list of keys says little."""

MAX_DEPTH = 64
"""Levels of objects and arrays."""

MAX_CHANGES = 10_000
"""Changes that are listed; with more of them a comparison as text is as good."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys of objects and indexes of arrays, from the root."""

_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")


class ChangeKind(StrEnum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class JsonChange(NamedTuple):
    """One value that differs.

    Indexes in `old_path` count in the old document, those in `new_path` in the new one; a path is None on the side
    that does not have the value. `old` and `new` are compact JSON text, numbers as they were written.
    `retyped` marks an integer and a fraction of the same value, such as 1 and 1.0.
    """

    kind: ChangeKind
    old_path: Path | None
    new_path: Path | None
    old: str | None
    new: str | None
    retyped: bool = False

    @property
    def path(self) -> str:
        """The path as text, such as `metrics[3].f1`, in the new document if the value is there; `.` is the root."""
        path = self.old_path if self.new_path is None else self.new_path
        return path_text(path or ())


def path_text(path: Path) -> str:
    """A path as text: keys that are not plain words are quoted in brackets."""
    parts = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.replace("-", "_").isidentifier():
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{_quoted(step)}]")
    return "".join(parts) or "."


def json_changes(old: bytes, new: bytes) -> list[JsonChange] | None:
    """What differs between two documents, in the order of the old one, then of the new one.

    Numbers are compared by exact value and by type, so 1.0 is 1.00 and not 1. The order of keys and white space have
    no meaning. Items of arrays are aligned, so that one put in front is one change.

    Returns:
        The changes, or None if they should be looked at as text: a side is not a JSON object or array in UTF-8, names
        a key twice, is too large or too deep, or too much differs.
    """
    table: dict[Hashable, int] = {}
    try:
        old_node, new_node = _parse(old, table), _parse(new, table)
        changes: list[JsonChange] = []
        for change in _compare(old_node, new_node, (), ()):
            if len(changes) == MAX_CHANGES:
                return None
            changes.append(change)
    except (_NotComparable, ValueError, RecursionError):
        # ValueError: not UTF-8, not JSON, or an exponent of thousands of digits.
        return None
    return changes


class _NotComparable(Exception):
    pass


class _Number(str):
    """A number as it was written."""

    __slots__ = ()

    def exact(self) -> str:
        """The same text for the same value, of whatever type."""
        match = _NUMBER.fullmatch(self)
        if match is None:
            raise _NotComparable
        sign, whole, fraction, exponent = match.groups(default="")
        digits = (whole + fraction).lstrip("0")
        significant = digits.rstrip("0")
        power = int(exponent or 0) - len(fraction) + len(digits) - len(significant)
        return f"{sign}{significant}e{power}" if significant else "0"

    @property
    def is_fraction(self) -> bool:
        return "." in self or "e" in self or "E" in self


class _Node(NamedTuple):
    """A value with a number that equal values share, so that comparing is cheap at every depth."""

    number: int
    value: Any
    children: dict[str, _Node] | list[_Node] | None = None


def _parse(document: bytes, table: dict[Hashable, int]) -> _Node:
    if len(document) > MAX_SIZE:
        raise _NotComparable
    import json

    value = json.loads(
        document.decode(),
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_refuse_constant,
        object_pairs_hook=_object,
    )
    if not isinstance(value, dict | list):
        raise _NotComparable
    return _node(value, table, 1)


def _refuse_constant(name: str) -> None:
    raise _NotComparable  # NaN and Infinity, which Python writes and JSON does not know


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _NotComparable
    return result


def _node(value: Any, table: dict[Hashable, int], depth: int) -> _Node:
    if isinstance(value, dict | list) and depth > MAX_DEPTH:
        raise _NotComparable
    children: dict[str, _Node] | list[_Node] | None = None
    identity: Hashable
    if isinstance(value, dict):
        children = {key: _node(item, table, depth + 1) for key, item in value.items()}
        identity = frozenset((key, child.number) for key, child in children.items())
    elif isinstance(value, list):
        children = [_node(item, table, depth + 1) for item in value]
        identity = tuple([child.number for child in children])
    elif isinstance(value, _Number):
        # JSON has one notation for an integer, except for the negative zero.
        identity = ("fraction", value.exact()) if value.is_fraction else "0" if value == "-0" else value
    else:
        identity = (type(value), value)
    return _Node(table.setdefault(identity, len(table)), value, children)


def _compare(old: _Node, new: _Node, old_path: Path, new_path: Path) -> Iterator[JsonChange]:
    if old.number == new.number:
        return
    if isinstance(old.children, dict) and isinstance(new.children, dict):
        for key, child in old.children.items():
            if key in new.children:
                yield from _compare(child, new.children[key], (*old_path, key), (*new_path, key))
            else:
                yield _removed(child, (*old_path, key))
        for key, child in new.children.items():
            if key not in old.children:
                yield _added(child, (*new_path, key))
    elif isinstance(old.children, list) and isinstance(new.children, list):
        yield from _compare_lists(old.children, new.children, old_path, new_path)
    else:
        retyped = (
            isinstance(old.value, _Number) and isinstance(new.value, _Number) and old.value.exact() == new.value.exact()
        )
        texts = _text(old.value), _text(new.value)
        yield JsonChange(ChangeKind.CHANGED, old_path, new_path, *texts, retyped)


def _compare_lists(old: list[_Node], new: list[_Node], old_path: Path, new_path: Path) -> Iterator[JsonChange]:
    before, after = [node.number for node in old], [node.number for node in new]
    changes = align(before, after)
    if len(old) == len(new):
        # The rows of a table stay where they are: by position, unless items moved and that explains more.
        differing = [at for at, (left, right) in enumerate(zip(before, after, strict=True)) if left != right]
        if len(differing) <= sum(max(i_end - i, j_end - j) for i, i_end, j, j_end in changes):
            changes = [Change(at, at + 1, at, at + 1) for at in differing]
    for i, i_end, j, j_end in changes:
        while i < i_end and j < j_end:
            yield from _compare(old[i], new[j], (*old_path, i), (*new_path, j))
            i, j = i + 1, j + 1
        for index in range(i, i_end):
            yield _removed(old[index], (*old_path, index))
        for index in range(j, j_end):
            yield _added(new[index], (*new_path, index))


def _removed(node: _Node, path: Path) -> JsonChange:
    return JsonChange(ChangeKind.REMOVED, path, None, _text(node.value), None)


def _added(node: _Node, path: Path) -> JsonChange:
    return JsonChange(ChangeKind.ADDED, None, path, None, _text(node.value))


def _text(value: Any) -> str:
    """Compact JSON; the standard library's encoder would write numbers in its own way."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return {None: "null", True: "true", False: "false"}[value]


def _quoted(text: str) -> str:
    import json

    # A lone surrogate can be written in JSON and is not text; it stays escaped.
    lone = any("\ud800" <= character <= "\udfff" for character in text)
    return json.dumps(text, ensure_ascii=lone)
