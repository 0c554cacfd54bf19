"""Reading values that the daemon sent: nothing in them is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sovrgit.runs.golem.calls.routes import ID

_LARGEST = Decimal(10) ** 15
_FINEST = -60
"""What lies between the amounts that are understood: tokens have 18 digits behind the point."""

_DEEPEST = 32


def mapping(given: Any) -> Mapping[str, Any]:
    """A map; an empty one if it is none."""
    return given if isinstance(given, dict) else {}


def items(given: Any) -> list[Any]:
    """A list; an empty one if it is none."""
    return given if isinstance(given, list) else []


def text(given: Any) -> str:
    """Text; empty if it is none."""
    return given if isinstance(given, str) else ""


def id_of(given: Any) -> str:
    """An id; empty if it is none."""
    return given if isinstance(given, str) and ID.fullmatch(given) else ""


def amount(given: Any) -> Decimal | None:
    """An amount of money, 0 or more; None if it is none."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        made = Decimal(given) if isinstance(given, str) else Decimal(repr(given))
    except InvalidOperation:
        return None
    if not made.is_finite() or not 0 <= made <= _LARGEST:
        return None
    exponent = made.as_tuple().exponent
    return made if isinstance(exponent, int) and exponent >= _FINEST else None


def nanoseconds(given: Any) -> int | None:
    """The time that text in the form of ISO 8601 says, since 1970; None if it says none."""
    try:
        moment = datetime.fromisoformat(text(given))
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def flat(properties: Any, prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Properties with dotted names, however they were nested."""
    made: dict[str, Any] = {}
    for name, value in mapping(properties).items():
        if isinstance(value, dict) and depth < _DEEPEST:
            made |= flat(value, f"{prefix}{name}.", depth + 1)
        else:
            made[prefix + name] = value
    return made
