"""JSON documents that are the same, whatever the order of their keys and the spaces in them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from sovrgit.objects.place import JsonPlace
from sovrgit.pod.recipe_compare import Json
from sovrgit.runs.compare.result import CannotCompare, Compared, Content, Deviation, Different, Same, within

MAX_SIZE = 16 << 20
"""Bytes of a document. It is read as a whole; larger tables are better written as text, and compared as `numeric`."""

MAX_MARKS = 4_000_000
"""Commas, colons and opening brackets in a document. With them, two documents take half a GiB at the very most."""

_MARKS = b",:[{"

MAX_POINTER = 1000
"""Characters of a pointer to a difference."""

Pointer: TypeAlias = "tuple[Pointer, str] | None"
"""The way to a value from the top: the way to what holds it, and its key there."""

States: TypeAlias = frozenset[tuple[int, int]]
"""How far each of the paths that are to be ignored has been followed: its number, and how many of its parts."""


def compare_json(one: Content, other: Content, rule: Json) -> Compared:
    """Compare two documents value by value.

    A number is compared as a 64-bit float, or as an integer if both are and nothing is tolerated.

    Raises:
        CannotCompare: if one of them is no JSON, or too large or deep to be read.
    """
    left, right = _read(one, "the recorded output"), _read(other, "the output of the repeat")
    ignored = _Ignored(rule)
    seen, beyond = Deviation(), Deviation()
    first: Pointer = None
    values = 0
    # Of every level what is still to be compared, not recursion and no list of all: there may be millions.
    waiting: list[Iterator[_Pair]] = [iter([_Pair(None, ignored.beginning, left, right)])]
    while waiting:
        pair = next(waiting[-1], None)
        if pair is None:
            waiting.pop()
            continue
        mine, theirs = pair.mine, pair.theirs
        if ignored.means(pair.states):
            continue
        if isinstance(mine, dict) and isinstance(theirs, dict):
            waiting.append(_inside(pair, _keys(mine, theirs), ignored))
        elif isinstance(mine, list) and isinstance(theirs, list):
            waiting.append(_inside(pair, range(max(len(mine), len(theirs))), ignored))
        elif not _same(rule, mine, theirs, seen, beyond):
            first = first if values else pair.way
            values += 1
    if not values:
        return Same(str(seen))
    counted = "1 value" if values == 1 else f"{values} values"
    return Different(JsonPlace(_pointer(first)), f"{counted} ({beyond})" if beyond.count else counted)


def _same(rule: Json, mine: Any, theirs: Any, seen: Deviation, beyond: Deviation) -> bool:
    """Whether two values are the same that hold no others; how far numbers are apart is noted."""
    if not (_is_number(mine) and _is_number(theirs)):
        return type(mine) is type(theirs) and bool(mine == theirs)
    near = within(rule, mine, theirs)
    if not near:
        beyond.add(mine, theirs)
    elif mine != theirs and mine == mine:
        seen.add(mine, theirs)
    return near


class _Pair(NamedTuple):
    """Two values at the same place."""

    way: Pointer
    states: States
    mine: Any
    theirs: Any


def _keys(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    yield from mine
    yield from (key for key in theirs if key not in mine)


def _inside(pair: _Pair, keys: Iterable[str | int], ignored: _Ignored) -> Iterator[_Pair]:
    """The values in two objects, or two lists."""
    for key in keys:
        name = str(key)
        states = ignored.follow(pair.states, name)
        yield _Pair((pair.way, name), states, _get(pair.mine, key), _get(pair.theirs, key))


class _Missing:
    """Stands for a value that is not there."""


_MISSING = _Missing()


def _get(holder: Any, key: str | int) -> Any:
    try:
        return holder[key]
    except (KeyError, IndexError):
        return _MISSING


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(content: Content, which: str) -> Any:
    if content.size > MAX_SIZE:
        raise CannotCompare(f"{which} has more than {MAX_SIZE >> 20} MiB, which is too large for JSON")
    data = content.read()
    if sum(data.count(mark) for mark in _MARKS) > MAX_MARKS:
        raise CannotCompare(f"{which} has too many values")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_float=_float)
    except RecursionError:
        raise CannotCompare(f"{which} is nested too deeply") from None
    except UnicodeDecodeError:
        raise CannotCompare(f"{which} is not UTF-8") from None
    except (_Refused, json.JSONDecodeError) as error:
        raise CannotCompare(f"{which} is no JSON that can be compared: {error}") from None
    except ValueError:  # the interpreter's limit for integers
        raise CannotCompare(f"{which} has a number with too many digits") from None


class _Refused(ValueError):
    """What the reader of the standard library would let pass."""


def _object(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("a key is given twice")
    return made


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused("a number is too large")
    return value


def _pointer(way: Pointer) -> str:
    parts: list[str] = []
    while way is not None:
        way, key = way
        parts.append("/" + key.replace("~", "~0").replace("/", "~1"))
    parts.reverse()
    # Of one that is too long, what holds the value.
    while sum(map(len, parts)) > MAX_POINTER:
        parts.pop()
    # JSON can name half of a surrogate pair, which UTF-8 cannot.
    return "".join(parts).encode("utf-8", "replace").decode()


class _Ignored:
    """The values that do not count, found while a document is gone through: no path is looked at twice."""

    def __init__(self, rule: Json) -> None:
        self._paths = [_parts(text) for text in rule.ignore]
        self.beginning: States = self._with_jumps({(number, 0) for number in range(len(self._paths))})

    def means(self, states: States) -> bool:
        """Whether the value that was come to does not count."""
        return any(done == len(self._paths[number]) for number, done in states)

    def follow(self, states: States, key: str) -> States:
        """How far it is with one more key."""
        if not states:
            return states
        further = set()
        for number, done in states:
            part = self._paths[number][done]
            if part is _ANY_DEPTH:
                further.add((number, done))
            elif part is _ANY_KEY or part == key:
                further.add((number, done + 1))
        return self._with_jumps(further)

    def _with_jumps(self, states: set[tuple[int, int]]) -> States:
        """With those that come from `**` standing for nothing."""
        for number, done in list(states):
            path = self._paths[number]
            while done < len(path) and path[done] is _ANY_DEPTH:
                done += 1
                states.add((number, done))
        return frozenset(states)


_ANY_KEY, _ANY_DEPTH = object(), object()


def _parts(text: str) -> list[object]:
    if text.startswith("/"):
        return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]
    words = {"*": _ANY_KEY, "**": _ANY_DEPTH}
    return [words.get(part, part) for part in text.split(".")]
