"""Who there is: names, and passwords as salted hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from typing import Any

from sovrgit.devnet.fairos.causes import (
    BAD_PASSWORD,
    BAD_USER_NAME,
    NO_SUCH_USER,
    PASSWORD_TOO_SHORT,
    USER_EXISTS,
    WRONG_PASSWORD,
    Cause,
)
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.wallet import Wallet, new_mnemonic

SHORTEST_PASSWORD = 12
"""Bytes."""

_NAME = re.compile(r"[a-z0-9_-]+")
_HASHING: dict[str, Any] = {"n": 1 << 12, "r": 8, "p": 1, "dklen": 32}
"""Some ten milliseconds: tests log in by the hundred, and nothing of value is behind these passwords."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in. `mnemonic` is known only at the moment when it was made up."""

    name: str
    wallet: Wallet
    mnemonic: str = ""

    @property
    def name_hash(self) -> str:
        """64 hexadecimal digits that stand for the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()


def sign_up(network: Network, name: str, password: str, mnemonic: str) -> User:
    """Make a user, or give one whose mnemonic is known another password.

    Raises:
        Cause: if the name or the password is bad, or the name is another's.
    """
    if len(password.encode()) < SHORTEST_PASSWORD:
        raise Cause(PASSWORD_TOO_SHORT)
    if not _NAME.fullmatch(name):
        raise Cause(BAD_USER_NAME)
    made = "" if mnemonic else new_mnemonic()
    wallet = Wallet.of_mnemonic(mnemonic or made)
    salt = os.urandom(16)
    hashed = _hashed(password, salt).hex()
    record = {"address": wallet.address, "seed": wallet.seed, "salt": salt.hex(), "password": hashed}
    if not network.put_user(name, record):
        raise Cause(USER_EXISTS)
    return User(name, wallet, made)


def log_in(network: Network, name: str, password: str) -> User:
    """The user with a name and password.

    Raises:
        Cause: `NO_SUCH_USER` or `BAD_PASSWORD`.
    """
    record = network.user(name)
    if record is None:
        raise Cause(NO_SUCH_USER)
    if not _proves(record, password):
        raise Cause(BAD_PASSWORD)
    return User(name, Wallet(str(record["seed"])))


def exists(network: Network, name: str) -> bool:
    """Whether a name is taken."""
    return network.user(name) is not None


def check(network: Network, name: str, password: str) -> None:
    """See that a user may be deleted. That is all there is to deleting one: what was written to Swarm stays there.

    Raises:
        Cause: if the user has no name, or the password is not the right one.
    """
    record = network.user(name)
    if record is None:
        raise Cause(BAD_USER_NAME)
    if not _proves(record, password):
        raise Cause(WRONG_PASSWORD)


def _proves(record: dict[str, Any], password: str) -> bool:
    try:
        salt, expected = bytes.fromhex(record["salt"]), bytes.fromhex(record["password"])
    except (KeyError, TypeError, ValueError):
        # The folder is damaged.
        return False
    return hmac.compare_digest(_hashed(password, salt), expected)


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_HASHING)
