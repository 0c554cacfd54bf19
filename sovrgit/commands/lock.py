"""`sovr lock`: what the images in the recipe are, written down."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command


@sovr_command("lock")
@click.option("--check", is_flag=True, help="Only tell whether the lock is up to date; the exit code is 1 if not.")
@click.option("--registry", metavar="URL", help="Ask this registry of images.")
def command(app: App, check: bool, registry: str | None) -> int:
    """Look up what the tags of images in the recipe stand for, and write their hashes into `recipe.lock`.

    A tag can be moved to another image at any time; runs take the image that is locked. Commit the file with the
    recipe.
    """
    from sovrgit.lockfile import REGISTRY, Lock, read_lock, read_recipe_file, relock, resolver, tags_of, write_lock
    from sovrgit.ui.lockview import LockView

    root = app.pod.root
    chosen = (registry, app.setting("golem.registry"), REGISTRY)
    address = next(value for value in chosen if value)
    before = read_lock(root)
    after, changes = relock(before or Lock(), tags_of(read_recipe_file(root)), resolver(address))
    current = all(change.state == "same" for change in changes)
    write = not check and not current
    if write:
        write_lock(root, after)
    app.show(LockView(changes, current, write, check))
    return 1 if check and not current else 0
