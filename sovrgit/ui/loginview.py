"""How logins are shown. Of the secrets in them only the words of a new account, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sovrgit.ui.console import Console

_BY_SIGNATURE = "a wallet's signature"


@dataclass(frozen=True, slots=True)
class LoginView:
    """Shows a login that was tried.

    `place` is where it is kept, None if it is not. `words` are those of a new account, or empty.
    """

    server: str
    user: str | None
    address: str
    place: str | None
    words: str = field(default="", repr=False)

    def text(self, console: Console) -> None:
        """Print it for people."""
        address = console.safe(self.address)
        if console.verbosity < 0 or self.place is None:
            console.line(address)
        else:
            console.line(f"logged in at {self.server} as {console.safe(self.user or _BY_SIGNATURE)} ({address})")
            console.note(f"the login is kept in {self.place}")
        if self.words:
            _show_words(console, self.words)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "server": self.server,
            "user": self.user,
            "address": self.address,
            "kept_in": self.place,
            "mnemonic": self.words or None,
        }


@dataclass(frozen=True, slots=True)
class LogoutView:
    """Shows the places that a login was removed from."""

    server: str
    places: Sequence[str]

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.places:
            console.note(f"logged out of {self.server}: the login was removed from {' and '.join(self.places)}")
        else:
            console.note(f"no login was kept for {self.server}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"server": self.server, "removed_from": list(self.places)}


@dataclass(frozen=True, slots=True)
class WhoamiView:
    """Shows the login that counts; `place` is None if there is none."""

    server: str
    user: str | None = None
    address: str | None = None
    place: str | None = None
    checked: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.place is None:
            console.note(f"not logged in at {self.server}")
            console.hint(f"`sovr login --server {self.server}` logs in, with `--new` it makes an account")
            return
        if console.verbosity < 0:
            console.line(console.safe(self.user or self.address or _BY_SIGNATURE))
            return
        rows = {
            "server": self.server,
            "user": self.user or f"none, {_BY_SIGNATURE}",
            "address": self.address or "not known here; `sovr whoami --check` asks the server",
            "login in": self.place,
        }
        for name, value in rows.items():
            console.line(f"{console.style(f'{name:<8}', 'bold')}  {console.safe(value)}")
        if self.checked:
            console.note("the server takes the login")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "server": self.server,
            "logged_in": self.place is not None,
            "user": self.user,
            "address": self.address,
            "kept_in": self.place,
            "checked": self.checked,
        }


def _show_words(console: Console, words: str) -> None:
    console.line()
    console.line(f"  {console.style(console.safe(words), 'bold')}")
    console.line()
    console.note(
        "These twelve words are the account itself, and are shown this once. Whoever has them has the account and all\n"
        "its pods; whoever has lost both them and the password has lost it. Write them down, on paper."
    )
