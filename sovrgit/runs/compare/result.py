"""What is compared, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from sovrgit.objects.ids import Data
from sovrgit.objects.place import Place
from sovrgit.pod.recipe_compare import Tolerance


class Content(NamedTuple):
    """The content of a file: its size in bytes, and how to get it, piece by piece and as often as wanted."""

    size: int
    stream: Callable[[], Iterator[Data]]

    def read(self) -> bytes:
        """All of it; who asks has looked at the size."""
        return b"".join(self.stream())


class Same(NamedTuple):
    """Within the rule; `detail` says by how much it is not quite the same."""

    detail: str = ""


class Different(NamedTuple):
    """Not the same: the first place, where it is known, and how much is different."""

    where: Place | None = None
    detail: str = ""


class Undecided(NamedTuple):
    """It cannot be said, and why."""

    reason: str


Compared: TypeAlias = Same | Different | Undecided


class CannotCompare(Exception):
    """Raised inside a comparison with the reason why there can be none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def within(tolerance: Tolerance, one: float, other: float) -> bool:
    """Whether two numbers are as near to each other as is allowed; which one is first does not matter.

    A NaN is the same as a NaN, and an infinity as itself.
    """
    if one == other or (one != one and other != other):
        return True
    if tolerance.relative == tolerance.absolute == 0:
        # Integers are not made floats, of which several would be the same.
        return False
    try:
        return math.isclose(one, other, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)
    except OverflowError:  # an integer beyond the floats
        return False


@dataclass(slots=True)
class Deviation:
    """How far numbers that are not the same are apart: how many they are, and the most of it."""

    count: int = 0
    absolute: float = 0.0
    relative: float = 0.0

    def add(self, one: float, other: float) -> None:
        """Take notice of two numbers that are not the same."""
        self.count += 1
        try:
            apart = abs(float(one) - float(other))
            largest = max(abs(float(one)), abs(float(other)))
        except OverflowError:
            apart = largest = math.inf
        if math.isnan(apart) or math.isinf(apart):
            self.absolute = self.relative = math.inf
            return
        self.absolute = max(self.absolute, apart)
        self.relative = max(self.relative, apart / largest if largest else 0.0)

    def __str__(self) -> str:
        """In words; nothing if there were none."""
        if not self.count:
            return ""
        numbers = "1 number" if self.count == 1 else f"{self.count} numbers"
        if math.isinf(self.absolute):
            return f"{numbers}, without bounds apart"
        return f"{numbers}, at most {self.absolute:.3g} apart ({self.relative:.3g} relative)"
