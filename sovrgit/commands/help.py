"""`sovr help`: explains commands and topics, with nothing but what is installed."""

from __future__ import annotations

from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.helpview import OverviewView, TextView, TopicView


@sovr_command("help")
@click.argument("name", required=False, metavar="[COMMAND|TOPIC]")
@click.argument("child", required=False, metavar="")
@click.option(
    "--man", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write man pages there."
)
def command(app: App, name: str | None, child: str | None, folder: Path | None) -> None:
    """Explain a command or a topic. Without one, list what there is.

    The same texts are the man pages, which `--man DIR` writes into `DIR/man1` and `DIR/man7`.
    """
    from sovrgit.commands.manual import command_help, overview, write_pages
    from sovrgit.help.topics import TOPICS, text_of

    if folder is not None:
        if name is not None:
            raise click.UsageError("`--man` writes all pages, and takes no name")
        written = write_pages(app.folder / folder)
        app.show(TextView("man", "\n".join(str(path) for path in written)))
        return
    with app.paged():
        if name is None:
            app.show(OverviewView(overview(app), list(TOPICS.items())))
        elif name in TOPICS and child is None:
            app.show(TopicView(name, text_of(name)))
        else:
            words = [name] if child is None else [name, child]
            app.show(TextView(" ".join(words), command_help(app, words)))
