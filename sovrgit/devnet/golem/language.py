"""The language of constraints on Golem's market: `(&(golem.inf.mem.gib>=0.5)(golem.runtime.name=vm))`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

Constraint = Callable[[Mapping[str, Any]], bool]
"""Says whether properties are as wanted."""

_DEEPEST = 64
_LONGEST = 1 << 16
_COMPARISON = re.compile(r"\s*([^()=<>!&|\s]+?)\s*(<=|>=|!=|<>|=|<|>)([^()]*)\)")


def parse(text: str) -> Constraint:
    """What constraints mean. `()` and nothing at all are met by everything.

    Raises:
        ValueError: if they are malformed.
    """
    if len(text) > _LONGEST:
        raise ValueError("constraints are too long")
    stripped = text.strip()
    if stripped in ("", "()"):
        return lambda _: True
    found, end = _expression(stripped, 0, 0)
    if stripped[end:].strip():
        raise ValueError(f"unexpected text after constraints, at {end}")
    return found


def _expression(text: str, at: int, depth: int) -> tuple[Constraint, int]:
    """The expression that begins at a place, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("constraints are nested too deeply")
    at = _skipped(text, at)
    if text[at : at + 1] != "(":
        raise ValueError(f"`(` is missing at {at}")
    at = _skipped(text, at + 1)
    operator = text[at : at + 1]
    if operator not in ("&", "|", "!"):
        return _comparison(text, at)
    parts: list[Constraint] = []
    at = _skipped(text, at + 1)
    while text[at : at + 1] == "(":
        part, at = _expression(text, at, depth + 1)
        parts.append(part)
        at = _skipped(text, at)
    if text[at : at + 1] != ")":
        raise ValueError(f"`)` is missing at {at}")
    return _joined(operator, parts), at + 1


def _joined(operator: str, parts: list[Constraint]) -> Constraint:
    if operator == "&":
        return lambda properties: all(part(properties) for part in parts)
    if operator == "|":
        return lambda properties: any(part(properties) for part in parts)
    if len(parts) != 1:
        raise ValueError("`!` stands before one constraint")
    return lambda properties: not parts[0](properties)


def _comparison(text: str, at: int) -> tuple[Constraint, int]:
    found = _COMPARISON.match(text, at)
    if found is None:
        raise ValueError(f"no comparison at {at}")
    name, operator, wanted = found[1], found[2], found[3].strip()
    # The type of a value may be said in its name: it has no bearing on JSON values.
    name = name.partition("@")[0]

    def holds(properties: Mapping[str, Any]) -> bool:
        if name not in properties:
            return False
        value = properties[name]
        values = value if isinstance(value, list) else [value]
        return any(_compared(one, operator, wanted) for one in values) or (wanted == "*" and operator == "=")

    return holds, found.end()


def _compared(value: Any, operator: str, wanted: str) -> bool:
    if operator in ("=", "!=", "<>"):
        return _equal(value, wanted) == (operator == "=")
    left, right = _orderable(value), _orderable(wanted)
    if left is None or right is None:
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, int | float):
        number = _orderable(wanted)
        return number is not None and number == value
    return fnmatchcase(str(value), wanted.replace("[", "[[]").replace("?", "[?]"))


def _orderable(value: Any) -> float | None:
    """A number, or a time as one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return None


def _skipped(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
