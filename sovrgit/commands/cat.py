"""`sovr cat`: print a file of a revision."""

from __future__ import annotations

import os

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import PathNotFound
from sovrgit.ui.showview import BlobView


@sovr_command("cat")
@click.argument("where")
def command(app: App, where: str) -> None:
    """Print a file: WHERE is PATH (of the last commit), REVISION:PATH, or the id of a file.

    The bytes are verified before they are printed.
    """
    from sovrgit.errors import RevisionNotFound
    from sovrgit.objects.ids import Kind
    from sovrgit.pod.revisions import resolve_any, resolve_path

    revision, colon, path = where.partition(":")
    try:
        if colon:
            entry = resolve_path(app.pod, revision or "HEAD", os.fsencode(path.strip("/")))
        else:
            entry = resolve_path(app.pod, "HEAD", app.in_pod(where))
        identity, is_folder = entry.id, entry.is_directory
    except PathNotFound:
        if colon:
            raise
        try:
            identity, kind = resolve_any(app.pod, where)
        except RevisionNotFound:
            raise PathNotFound(path=where, where="the last commit") from None
        is_folder = kind is not Kind.BLOB
    if is_folder:
        raise click.UsageError(f"`{where}` is not a file; `sovr show` or `sovr ls` lists it")
    app.pod.store.ensure([identity])
    app.show(BlobView(identity, app.pod.store.size(identity), app.pod.store.stream(identity)))
