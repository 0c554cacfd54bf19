"""`sovr trust`: approve the scripts of a pod that came from somebody else, and name the keys of others."""

from __future__ import annotations

from typing import Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.errors import RecipeInvalid
from sovrgit.ui.trustview import TrustView


class _Trust(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


@click.group("trust", cls=_Trust, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Approve the scripts of the last commit, so that `sovr run` does not ask; or name the keys of others.

    The approval is for these scripts: when others are pulled, `sovr run` asks again. A key that has a name approves
    nothing: the name is shown where something is signed with it.
    """
    if ctx.invoked_subcommand is None:
        _approve(ctx.ensure_object(App))


@command.command()
@click.argument("address")
@click.argument("name")
@click.pass_obj
def key(app: App, address: str, name: str) -> None:
    """Know the key ADDRESS by a NAME from now on. Ask the person for the address, and not a pod of theirs."""
    from sovrgit.commands.signatures import known_keys
    from sovrgit.signing.ethereum import parse_address

    if not name.strip():
        raise click.UsageError("the name is empty")
    known_keys(app).name(parse_address(address), name.strip())
    _list(app)


@command.command()
@click.pass_obj
def keys(app: App) -> None:
    """List the keys that you know by name."""
    _list(app)


@command.command()
@click.argument("address")
@click.pass_obj
def forget(app: App, address: str) -> int | None:
    """Know the key ADDRESS no longer."""
    from sovrgit.commands.signatures import known_keys
    from sovrgit.signing.ethereum import parse_address

    if not known_keys(app).forget(parse_address(address)):
        app.console.note("this key was not known")
        return 1
    _list(app)
    return None


def _list(app: App) -> None:
    from sovrgit.commands.signatures import known_keys
    from sovrgit.ui.signatureview import KnownKeysView

    app.show(KnownKeysView(known_keys(app).read()))


def _approve(app: App) -> None:
    import shlex

    from sovrgit.runs.inputs import command_of, read_recipe
    from sovrgit.runs.trust import approve, code_of

    tree = app.pod.head_tree()
    recipe = read_recipe(app.pod.store, tree)[1]
    if recipe.golem is None:
        raise RecipeInvalid(file=recipe.file, at="", reason="there is nothing in it that could be run")
    code = code_of(app.pod.store, tree, recipe.golem)
    approve(app.pod, code.id, code.files)
    app.show(TrustView(code.id, shlex.join(command_of(recipe.golem, ())), len(code.files)))
