"""Makes commands out of functions: what each of them takes, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.completable import global_words, make_completable
from sovrgit.commands.talking import GlobalOptions

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class SovrCommand(click.Command):
    """A command that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        make_completable(self.params)
        self.params += global_options()

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The options of the command, and those of all commands."""
        found = super().shell_complete(ctx, incomplete)
        return found + global_words(incomplete) if incomplete.startswith("-") else found


def sovr_command(name: str, **attributes: Any) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command out of a function that gets the `App` first and returns an exit code, or None for 0."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        return click.command(name, cls=SovrCommand, **attributes)(click.pass_obj(function))

    return decorate


def global_options() -> list[click.Parameter]:
    """The options that every command takes, each of which changes the `App`'s options."""

    def option(*names: str, sets: Callable[[GlobalOptions, Any], None], **attributes: Any) -> click.Option:
        def apply(ctx: click.Context, _: click.Parameter, value: Any) -> None:
            if value not in (None, False, 0):
                sets(ctx.ensure_object(App).options, value)

        return click.Option(names, expose_value=False, hidden=True, is_eager=True, callback=apply, **attributes)

    return [
        option("--json", is_flag=True, sets=lambda options, _: setattr(options, "as_json", True)),
        option("-q", "--quiet", is_flag=True, sets=lambda options, _: setattr(options, "verbosity", -1)),
        option("-v", "--verbose", count=True, sets=lambda options, value: setattr(options, "verbosity", value)),
        option(
            "--color",
            type=click.Choice(["always", "never", "auto"]),
            sets=lambda options, value: setattr(options, "color", value),
        ),
        option("--no-pager", is_flag=True, sets=lambda options, _: setattr(options, "pager", False)),
        option("-y", "--yes", is_flag=True, sets=lambda options, _: setattr(options, "yes", True)),
    ]
