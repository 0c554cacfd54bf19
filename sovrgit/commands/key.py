"""`sovr key`: the key that the user signs with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import SovrCommand, global_options
from sovrgit.ui.signatureview import KeyView

if TYPE_CHECKING:
    from sovrgit.signing.ethereum import SigningKey

_LONGEST_LINE = 1 << 12


class _Key(click.Group):
    command_class = SovrCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


_replace = click.option("--replace", is_flag=True, help="Forget the key that is kept: it may be lost for ever.")


@click.group("key", cls=_Key, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Make, show and take the key that commits, runs and verdicts are signed with.

    There is one a person. It has the form of an Ethereum wallet's key, so it can be yours. It is kept in the keyring of
    the system, or where there is none in a file that only you can read.
    """
    if ctx.invoked_subcommand is None:
        _show(ctx.ensure_object(App))


@command.command()
@_replace
@click.pass_obj
def new(app: App, replace: bool) -> None:
    """Make a key, and print its address."""
    from sovrgit.signing.ethereum import SigningKey

    _keep(app, SigningKey.new(), replace=replace, is_new=True)


@command.command("import")
@_replace
@click.pass_obj
def import_(app: App, replace: bool) -> None:
    """Take a key that you have: 64 hex digits, one line of standard input.

    It is read from there only, because others on the machine see the arguments of commands.
    """
    from sovrgit.signing.ethereum import SigningKey

    text: str
    if app.may_ask:
        text = click.prompt("Secret key", hide_input=True, err=True)
    else:
        text = sys.stdin.buffer.readline(_LONGEST_LINE).decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not text:
        raise click.UsageError("standard input has no key")
    _keep(app, SigningKey.parse(text), replace=replace)


@command.command()
@click.pass_obj
def show(app: App) -> None:
    """Print the address of your key, and where it is kept. The key itself is not shown."""
    _show(app)


@command.command()
@click.pass_obj
def export(app: App) -> int | None:
    """Print the key itself, to be kept elsewhere. Whoever sees it can sign in your name."""
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.commands.signatures import signs_by_default
    from sovrgit.signing.keeping import own_key

    kept = own_key(kept_secrets(app))
    if not app.confirm("print the secret key here", "run it with `--yes`"):
        return 1
    app.show(KeyView(kept.key.address, kept.place, signs_by_default(app), kept.key.export()))
    return None


def _keep(app: App, key: SigningKey, *, replace: bool, is_new: bool = False) -> None:
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.commands.signatures import known_keys, signs_by_default
    from sovrgit.signing.keeping import keep_key

    place = keep_key(kept_secrets(app), key, replace=replace)
    known = known_keys(app)
    if key.address not in known.read():
        # So that one's own work is not by a stranger.
        known.name(key.address, app.author().name)
    app.show(KeyView(key.address, place, signs_by_default(app), is_new=is_new))


def _show(app: App) -> None:
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.commands.signatures import signs_by_default
    from sovrgit.signing.keeping import own_key

    kept = own_key(kept_secrets(app))
    app.show(KeyView(kept.key.address, kept.place, signs_by_default(app)))
