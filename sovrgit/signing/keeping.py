"""The user's own key: kept where logins are, never shown unless that is asked for."""

from __future__ import annotations

from typing import NamedTuple

from sovrgit.credentials.stores import Secrets
from sovrgit.errors import ConfigInvalid, SigningKeyExists, SigningKeyMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.signature import Signature, Signer, signed_text
from sovrgit.signing.ethereum import SigningKey

NAMESPACE = "signing key"
_NAME = "own"
"""One key a person."""


class KeptKey(NamedTuple):
    """A key and the place that has it."""

    key: SigningKey
    place: str


def own_key(secrets: Secrets) -> KeptKey:
    """The user's key.

    Raises:
        SigningKeyMissing: if there is none.
        ConfigInvalid, StorageFailure: if it cannot be read.
    """
    found = secrets.find(NAMESPACE, _NAME)
    if found is None:
        hint = None
        if secrets.passed_over:
            hint = f"{secrets.passed_over[-1].message}; unlock it if there should be one, or run `sovr key new`"
        raise SigningKeyMissing(hint=hint)
    try:
        return KeptKey(SigningKey.parse(found.value), found.place)
    except ConfigInvalid:
        hint = "run `sovr key import --replace` with your copy of it"
        raise ConfigInvalid(file=found.place, reason="the key in it is none", hint=hint) from None


def keep_key(secrets: Secrets, key: SigningKey, *, replace: bool = False) -> str:
    """Keep a key as the user's own; the place.

    Raises:
        SigningKeyExists: if there is another one, and it is not to be replaced.
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if it cannot be kept.
    """
    if not replace and (found := secrets.find(NAMESPACE, _NAME)) is not None:
        kept = own_key(secrets).key
        if kept == key:
            return found.place
        raise SigningKeyExists(address=kept.address)
    return secrets.keep(NAMESPACE, _NAME, key.export())


def signer_of(key: SigningKey) -> Signer:
    """What signs with a key."""

    def sign(kind: Kind, unsigned: ObjectId) -> Signature:
        return key.sign(signed_text(kind, unsigned))

    return sign
