"""`sovr payload`: what the recipe takes from other pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options

if TYPE_CHECKING:
    from sovrgit.payloads.source import Access


class _Payload(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


@click.group("payload", cls=_Payload, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show and lock what the recipe takes from other pods.

    A recipe names it as `golem.payload`: references and paths. `recipe.lock` says what that was when it was looked up,
    and runs take exactly that, whatever the other pods have by now. It is fetched when it is needed, put into
    `payload/external`, and never committed here.
    """
    if ctx.invoked_subcommand is None:
        ctx.exit(_show(ctx.ensure_object(App), check=False))


@command.command()
@click.option("--check", is_flag=True, help="The exit code is 1 if something has moved, or is not locked.")
@click.pass_obj
def status(app: App, check: bool) -> int:
    """Tell of each payload what is locked, whether it is here, and whether the other pod has moved on."""
    return _show(app, check=check)


@command.command()
@click.argument("references", nargs=-1, metavar="[REFERENCE]...")
@click.pass_obj
def update(app: App, references: tuple[str, ...]) -> None:
    """Look up anew what payload is, all of it or that from REFERENCE, and write it into `recipe.lock`.

    Nothing is fetched but what is needed to know it; the next run gets the rest. Of a pod that has moved on with all of
    its payload the same, the lock keeps the commit, so that no run is repeated for it; with REFERENCE it gets the new
    one.
    """
    from sovrgit.payloads import changing
    from sovrgit.ui.payloadview import PayloadUpdatedView

    app.show(PayloadUpdatedView(changing.update(_access(app), references), "update"))


@command.command()
@click.argument("reference")
@click.argument("path")
@click.pass_obj
def add(app: App, reference: str, path: str) -> None:
    """Let the recipe take PATH, a file, folder or archive, from the pod that REFERENCE names, and lock it.

    A reference is the path or `file://` address of a pod or of a folder that was pushed to, the name of a remote, a
    sharing reference, or the name of a pod of your FairOS account; behind an `@`, a branch, a tag or a commit. `-`
    reads it from standard input. PATH `.` stands for all of it.
    """
    from sovrgit.commands.getting import typed_reference
    from sovrgit.payloads import changing
    from sovrgit.payloads.reference import from_root
    from sovrgit.ui.payloadview import PayloadUpdatedView

    text = from_root(app.pod, typed_reference(reference), app.folder)
    app.show(PayloadUpdatedView(changing.add(_access(app), text, path), "add"))


def _show(app: App, *, check: bool) -> int:
    from sovrgit.payloads.state import states
    from sovrgit.ui.payloadview import PayloadStatesView

    found = states(_access(app))
    app.show(PayloadStatesView(found))
    return 1 if check and not all(state.is_settled for state in found) else 0


def _access(app: App) -> Access:
    from sovrgit.payloads.source import Access

    return Access(app.pod, app.networks, app.now_ns(), app.progress)
