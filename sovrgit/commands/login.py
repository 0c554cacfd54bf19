"""`sovr login`: log in at a FairOS server, or make an account there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import InputNeeded, LoginFailed, SovrError
from sovrgit.ui.loginview import LoginView

if TYPE_CHECKING:
    from sovrgit.credentials.finding import FoundLogin
    from sovrgit.credentials.logins import Login
    from sovrgit.remotes.fairos.address import ServerAddress
    from sovrgit.remotes.fairos.client import FairOS
    from sovrgit.remotes.fairos.session import Account

_LONGEST_LINE = 1 << 16


@sovr_command("login")
@click.option("--server", metavar="URL", help="The server; otherwise the setting `fairos.server`, or the one here.")
@click.option("--user", metavar="NAME", help="The user name; asked for if not given.")
@click.option("--new", is_flag=True, help="Make a new account of this name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.option("--signature-stdin", is_flag=True, help="Log in with a wallet's signature, read from standard input.")
@click.option("--mnemonic-stdin", is_flag=True, help="With `--new`: make it of the twelve words on standard input.")
def command(
    app: App,
    server: str | None,
    user: str | None,
    new: bool,
    password_stdin: bool,
    signature_stdin: bool,
    mnemonic_stdin: bool,
) -> None:
    """Log in at a FairOS server, and keep the login for later commands.

    It is tried at the server first. It is kept in the keyring of the system, or where there is none in a file that
    only you can read; `sovr whoami` says where. Several lines on standard input come in the order signature, password,
    words.
    """
    from sovrgit.commands.accounts import environment_login, fairos_server, kept_secrets
    from sovrgit.credentials.finding import keep_login
    from sovrgit.credentials.logins import SignatureLogin
    from sovrgit.remotes.fairos.client import FairOS

    if signature_stdin and (user or new):
        raise click.UsageError("a signature stands for an account of its own: no `--user` and no `--new` with it")
    if mnemonic_stdin and not new:
        raise click.UsageError("`--mnemonic-stdin` goes with `--new`")
    address = fairos_server(app, server)
    if not address.private:
        app.console.warn(f"the connection to {address} is not encrypted: others on the way can read the password")
    old = None
    login: Login
    if signature_stdin:
        login = SignatureLogin.parse(_line("signature"), _line("password") if password_stdin else "")
    else:
        old = None if user or new or password_stdin else _offered(app, address)
        login = old.login if old is not None else _asked(app, user, new=new, password_stdin=password_stdin)
    with FairOS(address, None if new else login) as fairos:
        if new:
            account, words = _made(app, fairos, login, _line("mnemonic") if mnemonic_stdin else None)
        else:
            account, words = fairos.log_in(), ""
        try:
            place = keep_login(address.identity, kept_secrets(app), login, account.address)
        except SovrError:
            if words:
                # The account is there, and this is the only chance to see its words.
                app.show(LoginView(str(address), account.user, account.address, None, words))
            raise
        app.show(LoginView(str(address), account.user, account.address, place, words))
    if old is not None:
        app.console.hint(f"delete `{old.old}`: the password in it is open to everybody who can read the file")
    if environment_login(app, address) is not None:
        app.console.warn("the login in the environment (SOVR_FAIROS_…) wins over this one")


def _offered(app: App, address: ServerAddress) -> FoundLogin | None:
    """The login that the first Sovr CLI left, if the user wants to take it over."""
    from sovrgit.commands.accounts import old_files
    from sovrgit.credentials.finding import old_login

    found = old_login(old_files(app, address))
    if found is None or not app.confirm(
        f"take the login from `{found.place}`", "run `sovr login --yes`, or give `--user` and `--password-stdin`"
    ):
        return None
    return found


def _asked(app: App, user: str | None, *, new: bool, password_stdin: bool) -> Login:
    from sovrgit.credentials.logins import PasswordLogin

    if not app.may_ask and not (user and password_stdin):
        raise InputNeeded(question="user name and password", answer="give `--user NAME` and `--password-stdin`")
    name: str = user or click.prompt("User name", err=True)
    if password_stdin:
        return PasswordLogin(name, _line("password"))
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=new, err=True)
    return PasswordLogin(name, password)


def _made(app: App, fairos: FairOS, login: Login, words: str | None) -> tuple[Account, str]:
    """A new account, and its words if they are new too."""
    from sovrgit.credentials.logins import PasswordLogin

    assert isinstance(login, PasswordLogin)
    made = fairos.sign_up(login.user, login.password, words)
    if not made.complete:
        app.show(LoginView(str(fairos.address), login.user, made.address, None, made.mnemonic))
        raise LoginFailed(
            server=fairos.address,
            reason=f"the account `{made.address}` cannot pay for entering its name in the register",
            hint=f"send it 0.01 of the chain's coin, then `sovr login --new --user {login.user} --mnemonic-stdin`",
        )
    return fairos.log_in(), made.mnemonic


def _line(what: str) -> str:
    """One line of standard input, without its end."""
    line = sys.stdin.buffer.readline(_LONGEST_LINE).decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not line:
        raise click.UsageError(f"standard input has no {what}")
    return line
