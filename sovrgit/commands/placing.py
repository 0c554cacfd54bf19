"""Where something runs: the options that `run`, `rerun` and `verify` share, and the typed yes before money is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sovrgit.commands.app import App

if TYPE_CHECKING:
    from sovrgit.objects.run import Run
    from sovrgit.runs.executor import Executor
    from sovrgit.runs.golem.choice import Choice, Place, Wish

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Placing:
    """What the options say."""

    on: Place | None
    network: str | None
    budget: Decimal | None
    spend: Decimal | None
    max_price: tuple[str, ...]
    subnet: str | None


def _amount(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    from sovrgit.executors import parse_amount

    try:
        return None if value is None else parse_amount(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def placing_options(function: F) -> F:
    """Give a command the options; it gets `placing`."""

    def wrapped(*args: Any, **given: Any) -> Any:
        names = ("on", "network", "budget", "spend", "max_price", "subnet")
        return function(*args, placing=Placing(**{name: given.pop(name) for name in names}), **given)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__click_params__ = list(getattr(function, "__click_params__", []))  # type: ignore[attr-defined] # as click does
    options = (
        click.option("--on", type=click.Choice(["local", "devnet", "golem"]), help="Where to run it."),
        click.option("--network", metavar="NAME", help="Run it on Golem, and pay on this network."),
        click.option("--budget", metavar="AMOUNT", callback=_amount, help="The most that it may cost, in GLM."),
        click.option("--spend", metavar="AMOUNT", callback=_amount, help="Agree to spend so much real money."),
        click.option(
            "--max-price",
            multiple=True,
            metavar="KIND=AMOUNT",
            help="Take no offer above this: start, hour or cpu-hour, in GLM.",
        ),
        click.option("--subnet", metavar="NAME", help="Where to look for providers."),
    )
    made: Any = wrapped
    for option in reversed(options):
        made = option(made)
    return made  # type: ignore[no-any-return] # the same function with other options


def place(
    app: App, placing: Placing, *, timeout: float | None = None, recorded: Run | None = None
) -> tuple[Executor, Choice]:
    """The executor that the options, the settings, and the recipe or the record lead to.

    Raises:
        SpendingRefused: if the user has not said enough to spend anything.
    """
    from sovrgit.executors import executor_for

    return executor_for(
        app.pod,
        wish_from(app, placing),
        app.environ,
        running_devnet,
        lambda *what: agreed(app, *what),
        timeout=timeout,
        recorded=recorded,
    )


def wish_from(app: App, placing: Placing) -> Wish:
    """What the options and the settings say of where to run."""
    from sovrgit.executors import wish_of
    from sovrgit.runs.golem.choice import Wish

    given = Wish(
        on=placing.on,
        network=placing.network or "",
        budget=placing.budget,
        spend=placing.spend,
        subnet=placing.subnet or "",
    )
    return wish_of(given, app.setting, _prices(placing.max_price))


def running_devnet() -> tuple[str, Path] | None:
    """The devnet that `sovr devnet start` has started: its address and its folder."""
    from sovrgit.commands.devnet import golem_background

    found = golem_background().find()
    return None if found is None else (found.url, Path(found.folder))


def _prices(given: tuple[str, ...]) -> dict[str, Decimal]:
    """The price caps that were typed."""
    from sovrgit.executors import parse_amount

    found = {}
    for text in given:
        kind, equals, amount = text.partition("=")
        if kind not in ("start", "hour", "cpu-hour") or not equals:
            raise click.UsageError(f"--max-price: `{text}` is not start=AMOUNT, hour=AMOUNT or cpu-hour=AMOUNT")
        try:
            found[kind] = parse_amount(amount)
        except ValueError as error:
            raise click.UsageError(f"--max-price: {error}") from None
    return found


def agreed(app: App, network: str, token: str, budget: Decimal) -> bool:
    """A typed yes: `--yes` is for questions about scripts, and is not enough to spend money."""
    from sovrgit.runs.golem.limits import plain

    if not app.may_ask:
        return False
    app.console.note(f"This run may spend up to {plain(budget)} {token.upper()} on {network}, which is real money.")
    answer: str = click.prompt("Type yes to agree", default="", show_default=False, err=True)
    return answer.strip().lower() == "yes"
