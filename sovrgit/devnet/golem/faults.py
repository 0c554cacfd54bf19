"""What can be made to go wrong on the simulated market, and when."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any


class Kind(enum.StrEnum):
    """The kinds of faults; each says what is counted, and what `amount` means."""

    REJECTION = "rejection"
    """A provider rejects an agreement."""

    NO_ACTIVITY = "no-activity"
    """An activity cannot be created."""

    CRASH = "crash"
    """The provider's runtime dies in the middle of a `run` command, `amount` seconds (0) after it began."""

    FAILED_TRANSFER = "failed-transfer"
    """A `transfer` command fails after half of the bytes."""

    SLOW_PROVIDER = "slow-provider"
    """A command of any kind takes `amount` seconds (5) longer."""

    OVER_BILLING = "over-billing"
    """An invoice is `amount` times (10) what the offer's prices and the usage make."""

    GONE = "gone"
    """A provider disappears when a `run` command is to begin: no answer, no invoice, no offers any more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at some providers.

    Attributes:
        provider: a pattern (`*`, `?`) of the provider's name.
        first: the number of the matching occasion in which it begins, counted from 1 when the fault is set.
        times: how many occasions it hits; 0 for all from then on.
        amount: how much; each kind says of what, and what it is if it is None.
    """

    kind: Kind
    provider: str = "*"
    first: int = 1
    times: int = 1
    amount: float | None = None

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """A fault written as `KIND[,NAME=VALUE…]`, such as `crash,provider=devnet-1,times=0`, or as JSON.

        Raises:
            ValueError: saying what is wrong.
        """
        if spec.startswith("{"):
            return cls.of(json.loads(spec))
        kind, *settings = spec.split(",")
        given = {name.strip(): value for name, _, value in (setting.partition("=") for setting in settings)}
        return cls.of({"kind": kind.strip(), **given})

    @classmethod
    def of(cls, given: dict[str, Any]) -> Fault:
        """A fault from names and values, which may be texts.

        Raises:
            ValueError: saying what is wrong.
        """
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a fault of a provider has no `{min(unknown)}`")
        if str(given.get("kind")) not in list(Kind):
            raise ValueError(f"no such fault: `{given.get('kind')}`; there are {', '.join(Kind)}")
        amount = given.get("amount")
        return cls(
            Kind(str(given["kind"])),
            str(given.get("provider", "*")),
            int(_number("first", given.get("first", 1))),
            int(_number("times", given.get("times", 1))),
            None if amount is None else _number("amount", amount),
        )

    def spec(self) -> str:
        """What `parse` makes this fault of."""
        return json.dumps(asdict(self))

    def much(self, otherwise: float) -> float:
        """The amount."""
        return otherwise if self.amount is None else self.amount


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"`{name}` of a fault is a number, not `{value}`") from None
    if not 0 <= number < 1e9:
        raise ValueError(f"`{name}` of a fault is not `{value}`")
    return number


class Faults:
    """The faults that are set. Safe to change at any time."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._set: list[list[Any]] = []
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Set more faults."""
        with self._lock:
            self._set += [[fault, 0] for fault in faults]

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._set.clear()

    def left(self) -> list[Fault]:
        """The faults that may still hit."""
        with self._lock:
            return [fault for fault, seen in self._set if not fault.times or seen < fault.first - 1 + fault.times]

    def take(self, kind: Kind, provider: str) -> Fault | None:
        """The fault of a kind that hits a provider on this occasion, which counts for each that matches."""
        hit: Fault | None = None
        with self._lock:
            for counted in self._set:
                fault, seen = counted
                spent = fault.times and seen >= fault.first - 1 + fault.times
                if fault.kind is not kind or spent or not fnmatchcase(provider, fault.provider):
                    continue
                counted[1] += 1
                if hit is None and counted[1] >= fault.first:
                    hit = fault
        return hit
