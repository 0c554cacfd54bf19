"""Limits, networks, and the prices of offers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sovrgit.devnet.golem.providers import make_providers
from sovrgit.runs.golem.limits import DEFAULT_CAPS, Limits, Price, network_of, plain, platform_of, price_of


def offer(coefficients: Any, vector: Any = ("golem.usage.duration_sec", "golem.usage.cpu_sec"), **others: Any) -> Any:
    return {
        "golem.com.pricing.model": "linear",
        "golem.com.pricing.model.linear.coeffs": coefficients,
        "golem.com.usage.vector": list(vector) if isinstance(vector, tuple) else vector,
        **others,
    }


def test_platforms() -> None:
    assert platform_of("hoodi") == "erc20-hoodi-tglm" and platform_of("polygon") == "erc20-polygon-glm"
    assert network_of("erc20-mainnet-glm") == "mainnet" and network_of("erc20-mainnet-tglm") == ""
    with pytest.raises(ValueError, match="no such network"):
        platform_of("nowhere")


def test_prices_per_second_become_prices_per_hour() -> None:
    price = price_of(offer([0.0001, 0.0002, 0.5]))
    assert price == Price(Decimal("0.5"), Decimal("0.36"), Decimal("0.72"))
    swapped = price_of(offer([0.0002, 0.0001, 0.5], ("golem.usage.cpu_sec", "golem.usage.duration_sec")))
    assert swapped == price
    assert price.cost(Decimal(3600), Decimal(1800)) == Decimal("1.22")


def test_a_counter_that_is_free_may_be_any() -> None:
    assert price_of(offer([1.0, 0.0, 0.0], ("golem.usage.duration_sec", "golem.usage.gib"))).hour == 3600


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (offer([1.0, 1.0]), "do not fit"),
        (offer([1.0, 1.0, 1.0], "golem.usage.duration_sec"), "do not fit"),
        (offer(None), "do not fit"),
        (offer([-1.0, 1.0, 1.0]), "not numbers"),
        (offer([float("nan"), 1.0, 1.0]), "not numbers"),
        (offer([float("inf"), 1.0, 1.0]), "not numbers"),
        (offer(["1", 1.0, 1.0]), "not numbers"),
        (offer([True, 1.0, 1.0]), "not numbers"),
        (offer([1.0, 1.0, 1.0], ("golem.usage.duration_sec", "golem.usage.gib")), "not understood"),
        (offer([1.0, 1.0, 1.0]) | {"golem.com.pricing.model": "by-mood"}, "only `linear`"),
        ({}, "only `linear`"),
    ],
)
def test_prices_that_cannot_be_told(given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        price_of(given)


@pytest.mark.parametrize(
    ("cap", "named"), [("per_start", "per start"), ("per_hour", "per hour"), ("per_cpu_hour", "per CPU hour")]
)
def test_each_cap_is_named(cap: str, named: str) -> None:
    price = Price(Decimal(1), Decimal(1), Decimal(1))
    one = Decimal(1)
    fair = Limits(frozenset(), one, per_start=one, per_hour=one, per_cpu_hour=one)
    assert fair.objection(price) == ""
    others = {"per_start": one, "per_hour": one, "per_cpu_hour": one} | {cap: Decimal("0.99")}
    assert named in Limits(frozenset(), one, **others).objection(price)


def test_the_default_caps_let_every_provider_of_the_devnet_pass() -> None:
    for provider in make_providers(64, "none", "process"):
        assert Limits(frozenset(), Decimal(1)).objection(price_of(provider.offer({}))) == ""
    assert Limits(frozenset(), Decimal(1)).per_hour == DEFAULT_CAPS.hour


@pytest.mark.parametrize("budget", ["-1", "NaN", "Infinity"])
def test_limits_that_limit_nothing(budget: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Limits(frozenset(), Decimal(budget))
    with pytest.raises(ValueError, match="more than 0 s"):
        Limits(frozenset(), Decimal(1), seconds=0)


def test_amounts_are_written_without_exponents() -> None:
    assert [plain(Decimal(one)) for one in ("1E-9", "0E-9", "1.500", "2E+3")] == ["0.000000001", "0", "1.5", "2000"]
