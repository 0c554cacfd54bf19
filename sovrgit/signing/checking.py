"""Checking signatures of objects: of one, and of all that arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from sovrgit.errors import SignatureInvalid
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.signature import SIGNED, Signed, kind_of, signed_text, unsigned_id

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

SIGNED_KINDS = frozenset({Kind.COMMIT, Kind.RUN, Kind.VERDICT})
"""The kinds that can be signed."""


_MARK: Final = b"\xa6" + SIGNED.encode()
"""The key of a signature as it is encoded: text of six bytes."""


class SignedBy(NamedTuple):
    """A signature that was found good: whose. `address` is empty if its scheme is not known here."""

    scheme: str
    address: str


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signed what arrived: how many objects by address, and how many in schemes that are not known here."""

    addresses: Mapping[str, int] = field(default_factory=dict)
    schemes: Mapping[str, int] = field(default_factory=dict)


NOBODY: Final = Signers()


def check_signature(record: Signed, identity: ObjectId) -> SignedBy | None:
    """Who signed an object; None if nobody did.

    Args:
        identity: the object's id, for the message.

    Raises:
        SignatureInvalid: if the signature is not by the key it names, or not for this object.
    """
    signature = record.signature
    if signature is None:
        return None
    if not signature.is_known:
        return SignedBy(signature.scheme, "")
    from sovrgit.signing.ethereum import address_of, fits

    kind = kind_of(record)
    if not fits(signature, signed_text(kind, unsigned_id(record))):
        raise SignatureInvalid(
            what=f"{kind.label} {identity.short}", reason="is forged: the key that it names has not made it for this"
        )
    return SignedBy(signature.scheme, address_of(signature.key))


def read_signed(store: ObjectStore, identity: ObjectId, kind: Kind) -> Signed:
    """An object of a kind that can be signed."""
    if kind is Kind.COMMIT:
        return store.commit(identity)
    return store.run(identity) if kind is Kind.RUN else store.verdict(identity)


def check_all(store: ObjectStore, objects: Iterable[tuple[ObjectId, Kind]]) -> tuple[Signers, set[ObjectId]]:
    """Check every signature among these objects. Who has signed, and which of those that can be signed are not.

    Raises:
        SignatureInvalid: for the first one that is forged.
        ObjectMissing, IntegrityFailure, ObjectInvalid: if an object cannot be read.
    """
    addresses: Counter[str] = Counter()
    schemes: Counter[str] = Counter()
    unsigned: set[ObjectId] = set()
    for identity, kind in objects:
        if kind in SIGNED_KINDS:
            # Most objects are not signed, and need not be decoded to see that.
            may_be = _MARK in bytes(store.read(identity, kind))
            found = check_signature(read_signed(store, identity, kind), identity) if may_be else None
            if found is None:
                unsigned.add(identity)
            elif found.address:
                addresses[found.address] += 1
            else:
                schemes[found.scheme] += 1
    return Signers(dict(addresses), dict(schemes)), unsigned


def refuse_stripped(records: Iterable[tuple[ObjectId, Signed]], unsigned: Collection[ObjectId]) -> None:
    """Refuse objects that are those which are known already, without the signature that these have.

    Args:
        records: what is known.
        unsigned: what has come without a signature.

    Raises:
        SignatureInvalid: for the first one.
    """
    for identity, record in records:
        if record.signature is not None and unsigned_id(record) in unsigned:
            what = f"{kind_of(record).label} {identity.short}"
            raise SignatureInvalid(what=what, reason="was taken away: now it is offered as if nobody had signed it")
