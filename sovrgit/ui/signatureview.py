"""How signatures and keys are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import plural

if TYPE_CHECKING:
    from sovrgit.signing.checking import Signers


@dataclass(frozen=True, slots=True)
class ShownSignature:
    """A signature that was looked at. `name` is what the user calls the key, `problem` why it is not good; both may be
    empty, as may `address` where the scheme is not known here."""

    scheme: str
    address: str
    name: str = ""
    problem: str = ""

    def text(self, console: Console) -> str:
        """In words."""
        if self.problem:
            return console.style(f"FORGED: {console.safe(self.problem)}", "red", "bold")
        if not self.address:
            scheme = console.safe(self.scheme)
            return console.style(f"in a way that this version cannot check (`{scheme}`)", "yellow")
        if not self.name:
            return f"{self.address} {console.style('(not a key you know)', 'yellow')}"
        return f"{self.address} ({console.style(console.safe(self.name), 'green')})"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "scheme": self.scheme,
            "address": self.address or None,
            "name": self.name or None,
            "problem": self.problem or None,
        }


def signature_document(shown: ShownSignature | None) -> dict[str, Any] | None:
    """A signature as JSON, if there is one."""
    return None if shown is None else shown.document()


def note_signers(console: Console, signers: Signers, names: Mapping[str, str]) -> None:
    """Tell who has signed what arrived."""
    for address, count in signers.addresses.items():
        if address in names:
            console.note(f"{plural(count, 'object')} signed by {console.safe(names[address])}")
        else:
            console.note(f"{plural(count, 'object')} signed by {address}, which is not a key you know")
            console.hint(f"if you have asked whose it is: `sovr trust key {address} NAME`")
    for scheme, count in signers.schemes.items():
        amount = plural(count, "object")
        console.note(f"{amount} signed in a way that this version cannot check ({console.safe(scheme)})")


def signers_document(signers: Signers, names: Mapping[str, str]) -> dict[str, Any]:
    """Who has signed what arrived, as JSON."""
    return {
        "signers": [
            {"address": address, "name": names.get(address), "objects": count}
            for address, count in signers.addresses.items()
        ],
        "unchecked_signatures": [{"scheme": scheme, "objects": count} for scheme, count in signers.schemes.items()],
    }


@dataclass(frozen=True, slots=True)
class KeyView:
    """Shows the user's own key: its address and the place that has it; `secret` only if that was asked for."""

    address: str
    place: str
    signing: bool
    secret: str | None = field(default=None, repr=False)
    is_new: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if self.secret is not None:
            console.line(self.secret)
            return
        if console.verbosity < 0:
            console.line(self.address)
            return
        console.line(f"{self.address}  kept in {console.safe(self.place)}")
        if self.is_new:
            console.note("tell others this address; if the key is lost, nobody can make it again")
            console.hint("`sovr key export` prints it, to be kept elsewhere")
        if not self.signing:
            console.hint("`sovr config --user user.signing true` signs commits, runs and verdicts with it")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        secret = {} if self.secret is None else {"secret": self.secret}
        return {"address": self.address, "place": self.place, "signing": self.signing, **secret}


@dataclass(frozen=True, slots=True)
class KnownKeysView:
    """Shows the keys that the user knows by name."""

    keys: Mapping[str, str]

    def text(self, console: Console) -> None:
        """Print it for people."""
        for address, name in sorted(self.keys.items(), key=lambda row: (row[1], row[0])):
            console.line(address if console.verbosity < 0 else f"{address}  {console.safe(name)}")
        if not self.keys:
            console.hint("`sovr trust key ADDRESS NAME` names the key of somebody whom you have asked for it")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        rows = sorted(self.keys.items(), key=lambda row: (row[1], row[0]))
        return {"keys": [{"address": address, "name": name} for address, name in rows]}
