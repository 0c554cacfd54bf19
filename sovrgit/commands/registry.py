"""`sovr registry`: the user's own registry of pods, and those of others."""

from __future__ import annotations

import sys
from typing import Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.format import plural
from sovrgit.ui.registryview import RebuiltView, RegistriesView, SharedRegistryView

_LONGEST_LINE = 1 << 12


class _Registry(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


_server = click.option(
    "--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here."
)


@click.group("registry", cls=_Registry, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List pods for others to find, and remember their lists, for `sovr search`."""
    if ctx.invoked_subcommand is None:
        _show(ctx.ensure_object(App))


@command.command("list")
@click.pass_obj
def list_(app: App) -> None:
    """List the registries of others that are known here."""
    _show(app)


@command.command()
@_server
@click.option("--public-only", is_flag=True, help="Leave out pods whose recipe does not say `public`.")
@click.pass_obj
def rebuild(app: App, server: str | None, public_only: bool) -> None:
    """Look into all of your own pods, and write the registry of those that have a recipe.

    It is the pod `ComputePodRegistry`, in the form of the first Sovr CLI. The references of pods whose recipe says
    `public` are put into it. Nobody can read it before you share it.
    """
    from sovrgit.commands.accounts import connect, fairos_server
    from sovrgit.registry import own

    with connect(app, fairos_server(app, server)) as fairos:
        rebuilt = own.rebuild(fairos, public_only=public_only, progress=app.progress)
    app.show(RebuiltView(rebuilt))


@command.command()
@_server
@click.pass_obj
def share(app: App, server: str | None) -> int | None:
    """Print the reference by which others can read your registry, now and for ever."""
    from sovrgit.commands.accounts import connect, fairos_server
    from sovrgit.registry import own

    with connect(app, fairos_server(app, server)) as fairos:
        listed = own.written(fairos)
        private = sum(not pod.summary.public for pod in listed)
        question = f"{plural(private, 'pod')} in the registry not public: share names and descriptions nevertheless?"
        answer = "run it with `--yes`, or leave them out with `sovr registry rebuild --public-only`"
        if private and not app.confirm(question, answer):
            return 1
        reference = own.share(fairos)
    app.show(SharedRegistryView(reference, len(listed), sum(pod.reference is not None for pod in listed)))
    return None


@command.command()
@click.argument("reference")
@click.argument("name", required=False)
@_server
@click.pass_obj
def add(app: App, reference: str, name: str | None, server: str | None) -> None:
    """Remember the registry at REFERENCE, which is `-` to read it from standard input, as NAME.

    It is read once, to see that it is one. Its reference is kept where logins are.
    """
    from sovrgit.commands.accounts import connect, fairos_server, kept_secrets
    from sovrgit.registry.added import Added, added, free_name, read_added
    from sovrgit.registry.added import add as keep
    from sovrgit.remotes.fairos.reference import SharingReference

    found = SharingReference.parse(_line() if reference == "-" else reference)
    address = fairos_server(app, server)
    secrets = kept_secrets(app)
    registry = Added(name or free_name(added(secrets)), str(address), found)
    with connect(app, address) as fairos:
        pods = read_added(fairos, registry)
    app.show(RegistriesView([registry], len(pods), keep(secrets, registry)))


@command.command()
@click.argument("name")
@click.pass_obj
def remove(app: App, name: str) -> None:
    """Forget the registry NAME."""
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.registry.added import remove as forget

    forget(kept_secrets(app), name)
    if app.console.as_json:
        _show(app)
    else:
        app.console.note(f"removed {name}")


def _show(app: App) -> None:
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.registry.added import added

    app.show(RegistriesView(added(kept_secrets(app))))


def _line() -> str:
    return sys.stdin.buffer.readline(_LONGEST_LINE).decode("ascii", "replace")
