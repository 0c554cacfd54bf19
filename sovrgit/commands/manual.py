"""Help and man pages of all commands and topics, made from the commands themselves and the texts in `sovrgit/help`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sovrgit import __version__
from sovrgit.commands.aliases import aliases
from sovrgit.commands.catalogue import ALIASES, COMMANDS, names
from sovrgit.commands.main import cli
from sovrgit.help.markdown import Block, Code, Heading, Paragraph, blocks
from sovrgit.help.roff import Page, Term
from sovrgit.help.topics import TOPICS, text_of
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.commands.app import App


def overview(app: App) -> str:
    """The help of `sovr` itself."""
    return cli.get_help(_root(app))


def command_help(app: App, words: list[str]) -> str:
    """The help of a command, as its `--help` prints it.

    Raises:
        click.UsageError: if there is no such command, and no such topic.
    """
    own = aliases(app)
    if len(words) == 1 and words[0] in own:
        return f"`{words[0]}` is an alias of `{own[words[0]]}`"
    context = _root(app)
    for word in words:
        group = context.command
        child = group.get_command(context, word) if isinstance(group, click.Group) else None
        if child is None:
            raise click.UsageError(_no_such_topic(" ".join(words), own))
        context = click.Context(child, parent=context, info_name=word)
    return context.command.get_help(context)


def _no_such_topic(name: str, own: dict[str, str]) -> str:
    import difflib

    command = name.partition(" ")[0]
    if command != name and command in names():
        return f"no help about `{name}`; `sovr help {command}` explains the command"
    near = [ALIASES[name]] if name in ALIASES else difflib.get_close_matches(name, [*TOPICS, *names(), *own], 1, 0.6)
    meant = f"did you mean `{near[0]}`?" if near else "`sovr help` lists all"
    return f"no help about `{name}`; {meant}"


def _root(app: App | None = None) -> click.Context:
    return click.Context(cli, obj=app, info_name="sovr", help_option_names=["-h", "--help"])


# --- man pages ----------------------------------------------------------------------------------------------------


def write_pages(folder: Path) -> list[Path]:
    """Write all man pages into `man1` and `man7` of a folder; their paths.

    Raises:
        StorageFull, ReadOnly, StorageFailure: if they cannot be written.
    """
    written = []
    with reporting(folder):
        for name, section, text in pages():
            path = folder / f"man{section}" / f"{name}.{section}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")
            written.append(path)
    return written


def pages() -> Iterator[tuple[str, int, str]]:
    """Every man page: name, section, text."""
    yield "sovr", 1, _program()
    for topic in COMMANDS.values():
        for name, summary in topic.items():
            yield f"sovr-{name}", 1, _command(name, summary)
    for name, summary in TOPICS.items():
        yield f"sovr-{name}", 7, _topic(name, summary)


def _program() -> str:
    page = Page("sovr", 1, "Git for compute pods", __version__)
    _synopsis(page, _root())
    page.section("Description")
    page.blocks(_described(cli))
    page.section("Options")
    page.terms(_options(cli))
    page.section("Commands")
    for topic, commands in COMMANDS.items():
        page.subsection(topic)
        page.terms([Term([f"sovr-{name}(1)"], text) for name, text in commands.items()])
    page.section("Topics")
    page.terms([Term([f"sovr-{name}(7)"], text) for name, text in TOPICS.items()])
    return page.text()


def _command(name: str, summary: str) -> str:
    root = _root()
    command = cli.get_command(root, name)
    assert command is not None
    page = Page(f"sovr-{name}", 1, summary, __version__)
    context = click.Context(command, parent=root, info_name=name)
    _synopsis(page, context)
    page.section("Description")
    page.blocks(_described(command))
    _options_section(page, command)
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            assert child is not None
            page.section(f"sovr {name} {child_name}")
            page.usage(f"sovr {name} {child_name}", _usage(click.Context(child, parent=context, info_name=child_name)))
            page.blocks(_described(child))
            page.terms(_options(child))
    page.section("See also")
    page.blocks([Paragraph("**sovr**(1), **sovr-revisions**(7), **sovr-exit-codes**(7)")])
    return page.text()


def _topic(name: str, summary: str) -> str:
    page = Page(f"sovr-{name}", 7, summary, __version__)
    page.section("Description")
    for block in blocks(text_of(name)):
        if isinstance(block, Heading):
            if block.level > 1:
                page.section(block.text)
        else:
            page.blocks([block])
    page.section("See also")
    page.blocks([Paragraph("**sovr**(1)")])
    return page.text()


def _synopsis(page: Page, context: click.Context) -> None:
    page.section("Synopsis")
    page.usage(context.command_path, _usage(context))


def _usage(context: click.Context) -> str:
    return " ".join(context.command.collect_usage_pieces(context))


def _options_section(page: Page, command: click.Command) -> None:
    page.section("Options")
    page.terms(_options(command))
    page.blocks([Paragraph("The options of all commands are described in **sovr**(1).")])


def _options(command: click.Command) -> list[Term]:
    found = []
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = [*option.opts, *option.secondary_opts]
            value = "" if option.is_flag or option.count else option.make_metavar(click.Context(command))
            found.append(Term(names, option.help or "", value))
    return found


def _described(command: click.Command) -> list[Block]:
    """A command's text: paragraphs as they are, those that click is told not to wrap as code."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        if part.startswith("\b"):
            found.append(Code(tuple(part.removeprefix("\b").strip("\n").splitlines())))
        else:
            found.append(Paragraph(" ".join(part.split())))
    return found
