"""What a run may spend: networks, budget, and the highest prices. Prices of offers are read here too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

NETWORKS: Mapping[str, str] = {
    "hoodi": "tglm",
    "holesky": "tglm",
    "amoy": "tglm",
    "sepolia": "tglm",
    "polygon": "glm",
    "mainnet": "glm",
}
"""The payment networks by name, with the token of each. `tglm` is worth nothing, `glm` is money."""

REAL_MONEY = frozenset(name for name, token in NETWORKS.items() if token == "glm")

SECONDS_COUNTER = "golem.usage.duration_sec"
CPU_COUNTER = "golem.usage.cpu_sec"
"""What providers count; prices of anything else are not understood and therefore refused."""

MODEL = "golem.com.pricing.model"
COEFFICIENTS = "golem.com.pricing.model.linear.coeffs"
VECTOR = "golem.com.usage.vector"

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Price:
    """What an offer asks for, in tokens: for the start, for each hour, and for each hour of one processor."""

    start: Decimal
    hour: Decimal
    cpu_hour: Decimal

    def cost(self, seconds: Decimal, cpu_seconds: Decimal) -> Decimal:
        """What an activity costs that has lasted and used so much."""
        return self.start + (self.hour * seconds + self.cpu_hour * cpu_seconds) / _HOUR


DEFAULT_CAPS = Price(start=Decimal("0.1"), hour=Decimal("0.5"), cpu_hour=Decimal(1))
"""The highest prices that are accepted if the user sets none: some times what providers usually ask for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend.

    Attributes:
        platforms: the payment platforms that may be used.
        budget: in tokens; allocations that are open and what has been spent never come to more, together.
        per_start, per_hour, per_cpu_hour: agreements on offers with higher prices are refused.
        seconds: how long an allocation lives at most.
    """

    platforms: frozenset[str]
    budget: Decimal
    per_start: Decimal = field(default=DEFAULT_CAPS.start)
    per_hour: Decimal = field(default=DEFAULT_CAPS.hour)
    per_cpu_hour: Decimal = field(default=DEFAULT_CAPS.cpu_hour)
    seconds: float = 6 * 3600.0

    @property
    def caps(self) -> Price:
        """The highest prices, as one value."""
        return Price(self.per_start, self.per_hour, self.per_cpu_hour)

    def __post_init__(self) -> None:
        amounts = (self.budget, self.per_start, self.per_hour, self.per_cpu_hour)
        if not all(amount.is_finite() and amount >= 0 for amount in amounts):
            raise ValueError("a limit must be an amount of 0 or more")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError("an allocation must live for more than 0 s")

    def objection(self, price: Price) -> str:
        """Which cap a price passes, in words; empty if it passes none."""
        for what, asked, cap in (
            ("start", price.start, self.per_start),
            ("hour", price.hour, self.per_hour),
            ("CPU hour", price.cpu_hour, self.per_cpu_hour),
        ):
            if asked > cap:
                return f"the provider asks for {plain(asked)} per {what}, the cap is {plain(cap)}"
        return ""


def platform_of(network: str) -> str:
    """The payment platform of a network.

    Raises:
        ValueError: if there is no such network.
    """
    token = NETWORKS.get(network)
    if token is None:
        raise ValueError(f"no such network: `{network}`; there are {', '.join(NETWORKS)}")
    return f"erc20-{network}-{token}"


def network_of(platform: str) -> str:
    """The network of a payment platform; empty if it is of none that is known."""
    return next((name for name in NETWORKS if platform_of(name) == platform), "")


def price_of(offer: Mapping[str, Any]) -> Price:
    """The prices in the properties of an offer, which come per second.

    Raises:
        ValueError: if they cannot be told: saying why.
    """
    model = offer.get(MODEL)
    if model != "linear":
        raise ValueError(f"the offer's price model is {str(model)[:64]!r}, only `linear` is understood")
    coefficients, vector = offer.get(COEFFICIENTS), offer.get(VECTOR)
    if not isinstance(coefficients, list) or not isinstance(vector, list) or len(coefficients) != len(vector) + 1:
        raise ValueError("the offer's prices do not fit what it counts")
    numbers = [_number(one) for one in coefficients]
    known = {SECONDS_COUNTER: Decimal(0), CPU_COUNTER: Decimal(0)}
    for counter, number in zip(vector, numbers, strict=False):
        if counter in known:
            known[counter] += number
        elif number:
            raise ValueError(f"the offer has a price for {str(counter)[:64]!r}, which is not understood")
    return Price(numbers[-1], known[SECONDS_COUNTER] * _HOUR, known[CPU_COUNTER] * _HOUR)


def plain(amount: Decimal) -> str:
    """An amount as text, never with an exponent."""
    return f"{amount.normalize():f}" if amount else "0"


def _number(given: Any) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise ValueError("the offer's prices are not numbers of 0 or more")
    return Decimal(repr(given))
