"""Answers to shells that complete a command line: which words may stand where the cursor is.

click finds out which parameter that is. The scripts in `sovrgit/ui/completion` ask, and get a line for each word: its
kind, the word and a remark, with tabs between them. Nothing is written, and what cannot be found is not offered.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from sovrgit import env
from sovrgit.commands.app import App
from sovrgit.errors import SovrError
from sovrgit.ui.escape import visible

_CURSOR = "\x01"
"""Put where the cursor is, so that the word there is known also if it is empty."""


class Completion(ShellComplete):
    """The answer for one command line, given up to the cursor."""

    name = "sovr"

    def __init__(self, cli: click.Command, app: App, line: str, breaks: str = "") -> None:
        super().__init__(cli, {"obj": app}, "sovr", env.COMPLETE.name)
        self._line = line
        self._breaks = breaks

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor without the program, and the one at it."""
        *words, last = split_arg_string(self._line + _CURSOR)
        return words[1:], last.partition(_CURSOR)[0]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What may stand at the cursor; nothing if that cannot be told."""
        try:
            found = super().get_completions(args, incomplete)
        except (click.ClickException, SovrError, OSError):
            # A message in the middle of what is being typed would help nobody; the command itself tells it.
            return []
        taken = self._taken(incomplete)
        return [
            CompletionItem(item.value[taken:] if item.type in ("plain", "path") else item.value, item.type, item.help)
            for item in found
            if _is_printable(item.value)
        ]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """A line of the answer."""
        return "\t".join((item.type, item.value, visible(item.help or "").replace("\t", " ")))

    def _taken(self, incomplete: str) -> int:
        """The characters of the word that the shell holds for words of their own, because a colon ends them."""
        return max((incomplete.rfind(character) + 1 for character in self._breaks if character in ":=@"), default=0)


def _is_printable(text: str) -> bool:
    # A tab or a line end would be read as the end of the word, anything else of that kind upsets the terminal.
    return text.isprintable()


def answer(app: App, cli: click.Command) -> int:
    """Print what a shell asks for; the exit code."""
    line = app.environ.get(env.LINE.name, "")
    made = Completion(cli, app, line, app.environ.get(env.BREAKS.name, ""))
    text = made.complete()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n" if text else b"")
    return 0


def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Sequence[CompletionItem[str]] | None:
    """What a parameter may be, or None if nothing is known but what click knows."""
    from sovrgit.commands.candidates import completer_of

    command = " ".join(word for word in (ctx.parent.info_name if ctx.parent else "", ctx.info_name) if word)
    completer = completer_of(command.removeprefix("sovr "), parameter.name or "")
    return completer(ctx.ensure_object(App), incomplete) if completer is not None else None
