"""What the values of a recipe mean: each function checks one, and returns it in the form the program uses.

Every function raises Fault with the path it was given.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from sovrgit.pod.recipe_lines import Fault, Path, shown

Scalar: TypeAlias = str | int | float | bool
"""The value of a parameter."""

MAX_TIMEOUT = 366 * 24 * 3600
"""Seconds: a year. Longer ones are slips of the keyboard, and very long ones overflow the system's timers."""

MAX_BUDGET = 10**9
"""GLM: the whole supply of the token."""

BUDGET_DECIMALS = 18
"""Digits behind the point that GLM, an ERC-20 token, can express."""

_MAX_SHORT_TEXT = 100
"""Characters in a duration or an amount."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DURATION_PART = re.compile(rf"({_AMOUNT.pattern})(s|min|m|h|d)")
_DURATION = re.compile(rf"{_DURATION_PART.pattern}(?: ?{_DURATION_PART.pattern})*")
_UNIT_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def check_name(path: Path, name: str) -> str:
    """A name that can be the name of a folder: `sovr clone` makes one of it."""
    if not name.strip():
        raise Fault("is empty; give the pod a name", path)
    if "/" in name or "\0" in name:
        raise Fault("a name with a slash or NUL cannot be the name of a folder", path)
    if name in (".", "..") or name.lower() == ".sovr":
        raise Fault(f"`{name}` cannot be the name of a pod's folder", path)
    return name


def check_text(path: Path, text: str) -> str:
    """Text that says something, and that can be handed to a program."""
    if not text.strip():
        raise Fault("is empty", path)
    if "\0" in text:
        raise Fault("has a NUL character in it", path)
    return text


def check_path(path: Path, text: str) -> str:
    """A relative path inside the pod, returned without `.` components and slash at the end; `.` is the pod itself."""
    if text.startswith(("/", "\\")) or _DRIVE.match(text):
        raise Fault(f"`{shown(text)}` is absolute; give a path inside the pod, such as `{_suggestion(text)}`", path)
    return _inside(path, text)


def check_own_folder(path: Path, text: str) -> str:
    """A folder inside the pod, as `check_path`, that is not the pod itself: a run clears or fills it."""
    folder = check_path(path, text)
    if folder == ".":
        raise Fault("is the pod itself; a run needs a folder of its own for this", path)
    return folder


def check_external_path(path: Path, text: str) -> str:
    """A path inside another pod, as `check_path`; a leading slash stands for that pod's root and is kept."""
    _inside(path, text.lstrip("/") or text)
    return text


def plain_path(text: str) -> str:
    """The path without empty and `.` components; `.` if nothing is left."""
    return "/".join(part for part in text.split("/") if part not in ("", ".")) or "."


def _inside(path: Path, text: str) -> str:
    if not text:
        raise Fault("is empty; give a path inside the pod", path)
    if _CONTROL.search(text):
        raise Fault("has a control character in it", path)
    parts = re.split(r"[/\\]", text)
    if ".." in parts:
        raise Fault(f"`{shown(text)}` leads out of the pod with `..`", path)
    if any(part.lower() == ".sovr" for part in parts):
        raise Fault(f"`{shown(text)}` is in `.sovr`, the repository's own folder", path)
    return plain_path(text)


def _suggestion(text: str) -> str:
    parts = [part for part in re.split(r"[/\\]", text) if part not in ("", ".", "..") and not part.endswith(":")]
    return shown(parts[-1]) if parts else "payload"


def is_inside(path: str, folder: str) -> bool:
    """Whether a plain path is `folder` or lies below it."""
    return folder == "." or path == folder or path.startswith(folder + "/")


def check_timeout(path: Path, value: str | int | float) -> float:
    """A duration in seconds: a number, or text such as `90s`, `15m`, `1h30m`."""
    if isinstance(value, str):
        seconds = _seconds(path, value)
    elif value > MAX_TIMEOUT:
        seconds = float("inf")  # an integer can be too large for float()
    else:
        seconds = float(value)
    if seconds <= 0:
        raise Fault("should be more than 0 seconds", path)
    if seconds > MAX_TIMEOUT:
        raise Fault(f"is more than a year ({MAX_TIMEOUT} seconds)", path)
    return seconds


def _seconds(path: Path, text: str) -> float:
    if len(text) <= _MAX_SHORT_TEXT:
        if _AMOUNT.fullmatch(text):
            return float(text)
        if _DURATION.fullmatch(text):
            return sum(float(count) * _UNIT_SECONDS[unit] for count, unit in _DURATION_PART.findall(text))
    raise Fault(f"`{shown(text)}` is not a duration; write seconds, or text such as `90s`, `15m`, `1h30m`", path)


def check_amount(path: Path, text: str, *, written_as_text: bool) -> str:
    """An amount of GLM as a plain decimal, from text or from the source of a JSON number."""
    from decimal import Decimal, InvalidOperation

    if written_as_text and (len(text) > _MAX_SHORT_TEXT or _AMOUNT.fullmatch(text) is None):
        raise Fault(f"`{shown(text)}` is not an amount; write a decimal such as `0.5`", path)
    try:
        amount = Decimal(text)
    except InvalidOperation:  # an exponent beyond what the type can hold
        raise Fault("is out of range", path) from None
    if amount < 0:
        raise Fault("is negative", path)
    # Compared before it is written out: `1e-999999` would be a megabyte of zeros.
    if amount and (amount > MAX_BUDGET or amount.adjusted() < -BUDGET_DECIMALS):
        raise Fault(f"should be between 1e-{BUDGET_DECIMALS} and {MAX_BUDGET} GLM, or 0", path)
    plain = format(amount if amount else Decimal(0), "f")
    if len(plain.partition(".")[2]) > BUDGET_DECIMALS:
        raise Fault(f"has more than {BUDGET_DECIMALS} digits behind the point", path)
    return plain


def check_whole(path: Path, value: int | float, *, minimum: int = 1, maximum: int = 1_000_000) -> int:
    """A whole number in bounds. `3.0` is one, as in JSON Schema."""
    if value != value // 1:
        raise Fault("should be a whole number", path)
    if not minimum <= value <= maximum:
        raise Fault(f"should be between {minimum} and {maximum}", path)
    return int(value)


def check_positive(path: Path, value: int | float, *, maximum: int = 1_000_000) -> float:
    """A number above zero."""
    if not 0 < value <= maximum:
        raise Fault(f"should be more than 0 and at most {maximum}", path)
    return float(value)


def parameter_text(value: Scalar) -> str:
    """The value of a parameter as a run gets it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_params(path: Path, values: dict[str, Any]) -> dict[str, Scalar]:
    """The defaults of parameters: names to text, numbers or booleans."""
    for name, value in values.items():
        if not name.strip() or _CONTROL.search(name):
            raise Fault("a parameter's name is empty or has a control character in it", (*path, name))
        if not isinstance(value, str | int | float | bool):
            raise Fault("should be text, a number, `true` or `false`", (*path, name))
        if isinstance(value, str) and "\0" in value:
            raise Fault("has a NUL character in it", (*path, name))
    return values
