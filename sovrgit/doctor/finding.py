"""What came of looking at one thing."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["ok", "problem", "unknown"]
"""`unknown` is what could not be looked at, because of another problem."""


class Finding(NamedTuple):
    """What was found of one thing; `mend` says what to do about it, and names the command if there is one."""

    what: str
    state: State
    detail: str
    mend: str = ""


def ok(what: str, detail: str) -> Finding:
    """It is as it should be."""
    return Finding(what, "ok", detail)


def problem(what: str, detail: str, mend: str) -> Finding:
    """It is not."""
    return Finding(what, "problem", detail, mend)


def unknown(what: str, detail: str) -> Finding:
    """It could not be looked at."""
    return Finding(what, "unknown", detail)
