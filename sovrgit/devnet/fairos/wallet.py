"""The keys of a user. They have the shape of Ethereum's and mean nothing to it: nothing here is signed or encrypted."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from sovrgit.devnet.fairos.causes import BAD_MNEMONIC, Cause, Panic
from sovrgit.devnet.fairos.gotext import unhex

_WORDS = 12
_ENTROPY = 32
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "ai", "ou", "en")]


class Wallet(NamedTuple):
    """Where all keys of a user come from."""

    seed: str

    @classmethod
    def of_mnemonic(cls, mnemonic: str) -> Wallet:
        """The wallet of twelve words. Any will do: there is no list of them here.

        Raises:
            Cause: if there are not twelve.
        """
        if len(mnemonic.split(" ")) != _WORDS:
            raise Cause(BAD_MNEMONIC)
        return cls(_derived("mnemonic", mnemonic))

    @classmethod
    def of_signature(cls, signature: str, password: str) -> Wallet:
        """The wallet of somebody who shows a signature. Nothing is verified: it is a secret like any other.

        Raises:
            Cause: if it is not hexadecimal.
            Panic: if it is too short.
        """
        given = unhex(signature)
        if len(given) < _ENTROPY:
            raise Panic("the signature is too short")
        return cls(_derived("signature", given[:_ENTROPY].hex(), password))

    @property
    def address(self) -> str:
        """The user's address, 40 hexadecimal digits."""
        return self.pod_address(0)

    def pod_address(self, index: int) -> str:
        """The address of a pod, always the same for an index."""
        return _derived("address", self.seed, str(index))[:40]

    @property
    def public_key(self) -> str:
        """The user's public key, 130 hexadecimal digits."""
        return "04" + _derived("x", self.seed) + _derived("y", self.seed)


def new_mnemonic() -> str:
    """Twelve words that nobody has used."""
    return " ".join("".join(secrets.choice(_SYLLABLES) for _ in range(3)) for _ in range(_WORDS))


def _derived(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
