"""Texts that are the same but for the numbers in them: tables, CSV, logs. Read line by line, of any length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import zip_longest

from sovrgit.objects.place import TextPlace
from sovrgit.pod.recipe_compare import Numeric
from sovrgit.runs.compare.result import CannotCompare, Compared, Content, Deviation, Different, Same, within

MAX_LINE = 1 << 20
"""Bytes of a line, its end included."""

MAX_NUMBER = 400
"""Characters of a number: more than the largest float has digits. Longer ones are text."""

# The groups give nothing back, so that no text takes quadratic time.
_NUMBER = re.compile(rb"((?<![\w.])[-+]?(?>\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+(?![\w.]))")
"""A number as most programs print it, which stands by itself: neither `a1` nor `1.2.3` nor `10ms` has one."""


def compare_numbers(one: Content, other: Content, rule: Numeric) -> Compared:
    """Compare two texts; numbers are compared as 64-bit floats, or exactly if nothing is tolerated.

    Raises:
        CannotCompare: if a line is too long.
    """
    seen, beyond = Deviation(), Deviation()
    first: TextPlace | None = None
    for line, (left, right) in enumerate(zip_longest(_lines(one), _lines(other)), 1):
        if left == right:
            continue
        if left is None or right is None:
            what = "ends" if right is None else "goes on"
            return Different(first or TextPlace(line, 1), _joined(str(beyond), f"{what} at line {line}"))
        before, after = _NUMBER.split(left), _NUMBER.split(right)
        for number, (mine, theirs) in enumerate(zip(before, after, strict=False)):
            if mine == theirs:
                continue
            if number % 2 == 0 or len(mine) > MAX_NUMBER or len(theirs) > MAX_NUMBER:
                return Different(
                    first or _place(line, before[:number], mine, theirs), _joined(str(beyond), "other text")
                )
            if not _close(rule, mine, theirs):
                first = first or _place(line, before[:number])
                beyond.add(float(mine), float(theirs))
            elif float(mine) != float(theirs):
                seen.add(float(mine), float(theirs))
        if len(before) != len(after):
            shorter = min(len(before), len(after))
            return Different(first or _place(line, before[:shorter]), _joined(str(beyond), "other text"))
    if first is not None:
        return Different(first, str(beyond))
    return Same(str(seen))


def _close(rule: Numeric, one: bytes, other: bytes) -> bool:
    if rule.relative == rule.absolute == 0:
        try:
            return Decimal(one.decode()) == Decimal(other.decode())
        except InvalidOperation:  # an exponent beyond what the type can hold
            return False
    left, right = float(one), float(other)
    # Beyond the floats nothing is known of how far they are apart.
    return not (math.isinf(left) or math.isinf(right)) and within(rule, left, right)


def _place(line: int, before: list[bytes], mine: bytes = b"", theirs: bytes = b"") -> TextPlace:
    """Behind some pieces of a line, and what two texts have in common."""
    same = next(
        (at for at, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), min(len(mine), len(theirs))
    )
    return TextPlace(line, len((b"".join(before) + mine[:same]).decode("utf-8", "replace")) + 1)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _lines(content: Content) -> Iterator[bytes]:
    """The lines with their ends.

    Raises:
        CannotCompare: if one is too long.
    """
    parts: list[bytes] = []
    length = 0
    for piece in content.stream():
        first, *others = bytes(piece).split(b"\n")
        parts.append(first)
        length += len(first)
        for other in others:
            if length >= MAX_LINE:
                break
            yield b"".join(parts) + b"\n"
            parts, length = [other], len(other)
        if length >= MAX_LINE:
            raise CannotCompare(f"a line of more than {MAX_LINE >> 20} MiB")
    if length:
        yield b"".join(parts)
