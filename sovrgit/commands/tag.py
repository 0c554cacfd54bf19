"""`sovr tag`: list, make and remove tags."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.tagview import TagsView, TagView


@sovr_command("tag")
@click.argument("name", required=False)
@click.argument("target", required=False)
@click.option("-m", "--message", help="Make an annotated tag, with this message, who made it and when.")
@click.option("-d", "--delete", is_flag=True, help="Remove NAME.")
@click.option("-f", "--force", is_flag=True, help="Replace a tag that is there.")
def command(app: App, name: str | None, target: str | None, message: str | None, delete: bool, force: bool) -> None:
    """List tags, or give TARGET, the last commit if not given, a NAME that stays.

    TARGET is a revision or the id of a run, a verdict or a file. `sovr push` sends tags along.
    """
    from sovrgit.pod.revisions import resolve_any
    from sovrgit.pod.tags import create_tag, delete_tag, tags

    if name is None:
        if delete or message is not None:
            raise click.UsageError("which tag? give its name")
        app.show(TagsView(tags(app.pod)))
        return
    if delete:
        if target is not None or message is not None or force:
            raise click.UsageError("`--delete` takes the name of a tag, and nothing else")
        app.show(TagView(delete_tag(app.pod, name, time_ns=app.now_ns()), "removed"))
        return
    identity, _ = resolve_any(app.pod, target or "HEAD")
    tagger = app.author() if message is not None else None
    made = create_tag(app.pod, name, identity, time_ns=app.now_ns(), message=message or "", tagger=tagger, force=force)
    app.show(TagView(made, "made"))
