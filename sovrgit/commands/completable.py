"""What commands need so that shells can complete them; the words themselves are looked for only then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def make_completable(parameters: Iterable[click.Parameter]) -> None:
    """Let shells offer words for parameters, as `sovrgit.commands.candidates` knows them."""
    for parameter in parameters:
        # click has a place for it only where each parameter is made.
        setattr(parameter, "shell_complete", partial(_complete, parameter))  # noqa: B010 - a method is no attribute


def _complete(parameter: click.Parameter, ctx: click.Context, incomplete: str) -> Sequence[CompletionItem[str]]:
    from sovrgit.commands.completing import complete

    found = complete(ctx, parameter, incomplete)
    return type(parameter).shell_complete(parameter, ctx, incomplete) if found is None else found


_GLOBAL = {
    "--json": "one JSON document instead of text",
    "--quiet": "say less",
    "--verbose": "say more",
    "--color": "always, never or auto",
    "--no-pager": "never send output through a pager",
    "--yes": "answer every question with yes",
}


def global_words(incomplete: str) -> list[CompletionItem[str]]:
    """The long options that every command takes, for shells that complete them."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(name, help=text) for name, text in _GLOBAL.items() if name.startswith(incomplete)]
