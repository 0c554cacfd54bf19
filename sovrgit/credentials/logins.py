"""The two ways to log in at a FairOS server, as values that do not show their secrets."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass, field
from typing import NamedTuple

from sovrgit.errors import ConfigInvalid

SIGNATURE_DIGITS = 64
"""The fewest hex digits of a signature: servers make the account's key of its first 32 bytes."""


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """The user name and password of an account that was signed up."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.user or not self.password:
            raise ConfigInvalid(file="login", reason="user name and password must not be empty", hint="")
        _check_text(self.user, "user name")
        _check_text(self.password, "password")


@dataclass(frozen=True, slots=True)
class SignatureLogin:
    """A wallet's signature, which stands for a private key. With another password it is another account."""

    signature: str = field(repr=False)
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        _check_text(self.password, "password")

    @classmethod
    def parse(cls, text: str, password: str = "") -> SignatureLogin:
        """The signature that somebody pasted, with or without `0x`.

        Raises:
            ConfigInvalid: if it is not one. The message does not show it.
        """
        digits = text.strip().removeprefix("0x").lower()
        if len(digits) < SIGNATURE_DIGITS or len(digits) % 2 or not set(digits) <= set(string.hexdigits):
            reason = f"it must be an even number of hex digits, {SIGNATURE_DIGITS} or more"
            raise ConfigInvalid(file="signature", reason=reason, hint="130 digits are usual; copy all of them")
        return cls(digits, password)


Login = PasswordLogin | SignatureLogin


class KeptLogin(NamedTuple):
    """A login as it is kept: with the address of the account, which is public, if it is known."""

    login: Login
    address: str | None


def encode(kept: KeptLogin) -> str:
    """The text that is kept in a store."""
    login = kept.login
    fields = {"password": login.password, "address": kept.address}
    if isinstance(login, PasswordLogin):
        fields["user"] = login.user
    else:
        fields["signature"] = login.signature
    return json.dumps(fields, sort_keys=True)


def decode(text: str, place: str) -> KeptLogin:
    """The login that was kept.

    Raises:
        ConfigInvalid: if the text is not one; it is not shown.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not all(isinstance(value, str | None) for value in fields.values()):
        raise _unreadable(place)
    password, address = fields.get("password") or "", fields.get("address")
    if fields.get("signature"):
        return KeptLogin(SignatureLogin.parse(fields["signature"], password), address)
    if not fields.get("user") or not password:
        raise _unreadable(place)
    return KeptLogin(PasswordLogin(fields["user"], password), address)


def _unreadable(place: str) -> ConfigInvalid:
    return ConfigInvalid(file=place, reason="the login kept there cannot be read", hint="run `sovr login` again")


def _check_text(text: str, what: str) -> None:
    """Bytes that are no text would end up in the message of an encoding error."""
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return
    raise ConfigInvalid(file=what, reason="it is not text in UTF-8", hint="check the encoding of the terminal")
