"""Which executor a recipe is for, and what a run on it may spend: the rules, in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from sovrgit.errors import SpendingRefused
from sovrgit.pod.recipe import Golem, expand_exec
from sovrgit.runs.golem.limits import DEFAULT_CAPS, NETWORKS, REAL_MONEY, Limits, Price, plain, platform_of
from sovrgit.store.files import reporting

Place: TypeAlias = Literal["local", "devnet", "golem"]
Mode: TypeAlias = Literal["", "script", "declared"]

PLACES: tuple[Place, ...] = ("local", "devnet", "golem")
DEVNET_NETWORK = "hoodi"
DEVNET_BUDGET = Decimal(100)
"""Tokens that a run on the devnet may spend if nobody says how many. It has ten times as many, worth nothing."""

_MARGIN = 600.0
"""Seconds that an allocation outlives the run: invoices come after the work."""

_FOR_PYTHON = ("yapapi", "golem_core", "golem_workers", "ray_on_golem")
_LONGEST_SCRIPT = 1 << 20
_IMPORTS = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+(" + "|".join(_FOR_PYTHON).encode() + rb")\b"
    rb"|(?:from|require\(|import\(?)[ \t]*[\"'](@golem-sdk/[\w./-]+|yajsapi)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user has said, on the command line or in the settings that are the user's alone.

    Attributes:
        on: where to run; None if nobody said.
        network: of `--network`.
        known_network: of the user's settings, for runs that are to be on Golem.
        budget: in tokens.
        spend: how much real money may be spent: of `--spend`, never of a setting.
        subnet: where providers are looked for; the recipe's, or the script's own, if it is empty.
        python: the interpreter for requestor scripts.
    """

    on: Place | None = None
    network: str = ""
    known_network: str = ""
    budget: Decimal | None = None
    spend: Decimal | None = None
    caps: Price = field(default=DEFAULT_CAPS)
    subnet: str = ""
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a recipe runs, and how.

    Attributes:
        because: says in words what led there, if it was not the user.
        needs_python: whether what runs is known to need yapapi, or another SDK for Python.
    """

    place: Place
    mode: Mode
    because: str = ""
    needs_python: bool = False


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run may spend, and where."""

    network: str
    limits: Limits

    @property
    def platform(self) -> str:
        """The payment platform."""
        return platform_of(self.network)


def choose(golem: Golem, folder: Path, wish: Wish) -> Choice:
    """Where a recipe runs: where the user said, else on the devnet if it is for Golem, else on this machine.

    A network that is named on the command line means Golem itself.
    """
    sdk, because = _for_golem(golem, folder)
    place: Place = wish.on or ("golem" if wish.network else "devnet" if because else "local")
    if place == "local":
        return Choice("local", "")
    mode = mode_of(golem)
    said = because if wish.on is None and not wish.network else ""
    return Choice(place, mode, said, needs_python=mode == "declared" or sdk in _FOR_PYTHON)


def mode_of(golem: Golem) -> Mode:
    """How a recipe runs on Golem: as a declared job if it names an image and what to run in it, else by its script."""
    return "declared" if golem.run is not None and (golem.image is not None or golem.command is None) else "script"


def spending(
    place: Place, golem: Golem, wish: Wish, timeout: float | None, confirm: Callable[[str, str, Decimal], bool]
) -> Spending:
    """What a run may spend. A recipe can make it less, and never more.

    Args:
        timeout: seconds that the run may take.
        confirm: asked for a typed yes to spend real money: with the network, the token and the amount.

    Raises:
        SpendingRefused: if the user has not said enough to spend anything, or does not want to.
    """
    if place == "devnet":
        network, budget = wish.network or DEVNET_NETWORK, wish.budget if wish.budget is not None else DEVNET_BUDGET
        _check_network(network)
        return Spending(network, _limits(network, _lowered(budget, golem), wish.caps, timeout))
    network = wish.network or wish.known_network
    if not network:
        named = f" (`{golem.network}` in the recipe is only what it is meant for)" if golem.network else ""
        raise SpendingRefused(
            reason=f"no network was named{named}",
            hint=f"name it with `--network` ({', '.join(NETWORKS)}), or run it on the devnet: `--on devnet`",
        )
    _check_network(network)
    amounts = [amount for amount in (wish.budget, wish.spend) if amount is not None]
    if not amounts:
        raise SpendingRefused(
            reason="there is no budget",
            hint="say how much the run may cost with `--budget AMOUNT`, or `sovr config --user golem.budget AMOUNT`",
        )
    budget = _lowered(min(amounts), golem)
    if network in REAL_MONEY and wish.spend is None and not confirm(network, NETWORKS[network], budget):
        raise SpendingRefused(
            reason=f"tokens on `{network}` are real money, and nobody agreed to spend {plain(budget)}",
            hint=f"agree with `--spend {plain(budget)}`, or use a test network: `--network {DEVNET_NETWORK}`",
        )
    return Spending(network, _limits(network, budget, wish.caps, timeout))


def _check_network(network: str) -> None:
    if network not in NETWORKS:
        raise SpendingRefused(reason=f"there is no network `{network}`", hint=f"the networks are {', '.join(NETWORKS)}")


def _lowered(budget: Decimal, golem: Golem) -> Decimal:
    return budget if golem.budget is None else min(budget, Decimal(golem.budget))


def _limits(network: str, budget: Decimal, caps: Price, timeout: float | None) -> Limits:
    platforms = frozenset({platform_of(network)})
    if timeout is None:
        return Limits(platforms, budget, caps.start, caps.hour, caps.cpu_hour)
    return Limits(platforms, budget, caps.start, caps.hour, caps.cpu_hour, timeout + _MARGIN)


def _for_golem(golem: Golem, folder: Path) -> tuple[str, str]:
    """The SDK that a recipe's script uses, and why it is a recipe for Golem; empty if it is a plain command."""
    sdk, script = _sdk(golem, folder)
    for key in ("image", "each", "network", "subnet", "budget"):
        if getattr(golem, key) is not None:
            return sdk, f"the recipe has `{key}`"
    return sdk, f"`{script}` uses {sdk}" if sdk else ""


def _sdk(golem: Golem, folder: Path) -> tuple[str, str]:
    """The SDK of Golem that a script imports which the command names, and that script; empty if there is none."""
    for part in expand_exec(golem.command, str(folder)) if golem.command is not None else ():
        path = folder / part
        if not path.is_relative_to(folder) or ".." in Path(part).parts or path.is_symlink() or not path.is_file():
            continue
        with reporting(path), path.open("rb") as file:
            found = _IMPORTS.search(file.read(_LONGEST_SCRIPT))
        if found is not None:
            return (found[1] or found[2]).decode(), str(path.relative_to(folder))
    return "", ""
