"""The Python API: where something runs, and what it may cost there."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from sovrgit.facade.base import PodBase, Where

if TYPE_CHECKING:
    from sovrgit.objects.run import Run
    from sovrgit.runs.executor import Executor
    from sovrgit.runs.golem.choice import Wish

Amount: TypeAlias = Decimal | str | int
"""Tokens; no float, as 0.1 is none."""


class Place(TypedDict, total=False):
    """Where something runs. What is left out is as the recipe, or the record that is repeated, has it.

    on: `local`, `devnet` or `golem`.
    network: the payment network; naming one means `golem`.
    budget: the most that it may cost. Nothing is run on `golem` without a network and a budget.
    spend: how much real money may be spent; needed on `polygon` and `mainnet`, where nobody is asked.
    max_price: the highest prices of offers, by `start`, `hour` and `cpu-hour`.
    subnet: where providers are looked for.
    python: the interpreter for requestor scripts; that of this program if it has yapapi.
    """

    on: str
    network: str
    budget: Amount
    spend: Amount
    max_price: Mapping[str, Amount]
    subnet: str
    python: Where


class Placing(PodBase):
    """Finds the executor."""

    def _executor(self, place: Place, timeout: float | None, recorded: Run | None = None) -> Executor:
        from sovrgit.executors import executor_for

        # There is nobody who could agree to spend money but in the arguments.
        return executor_for(
            self.repository,
            self._wish(place),
            self._environ,
            self._find_devnet,
            lambda *_: False,
            timeout=timeout,
            recorded=recorded,
        )[0]

    def _wish(self, place: Place) -> Wish:
        """What the arguments and the settings say of where to run."""
        from sovrgit.executors import parse_amount, wish_of
        from sovrgit.runs.golem.choice import PLACES, Wish
        from sovrgit.scopes import Scopes

        on = next((one for one in PLACES if one == place.get("on")), None)
        if on is None and place.get("on") is not None:
            raise ValueError(f"`on` is one of {', '.join(PLACES)}, not {place['on']!r}")
        budget, spend, python = place.get("budget"), place.get("spend"), place.get("python")
        given = Wish(
            on=on,
            network=place.get("network", ""),
            budget=None if budget is None else parse_amount(str(budget)),
            spend=None if spend is None else parse_amount(str(spend)),
            subnet=place.get("subnet", ""),
            python=None if python is None else Path(python),
        )
        caps = {name: parse_amount(str(amount)) for name, amount in place.get("max_price", {}).items()}
        if unknown := caps.keys() - {"start", "hour", "cpu-hour"}:
            raise ValueError(f"there is no price of the kind {min(unknown)!r}")
        return wish_of(given, Scopes(pod=self.repository.config).get, caps)
