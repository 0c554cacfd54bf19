"""Signatures as they stand in commits, runs and verdicts: their form, and what they are over. Nothing is computed here.

What a signature proves, and why it is inside the object: `docs/internals/signatures.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.codec import Fields, Value
from sovrgit.objects.ids import Kind, ObjectId

if TYPE_CHECKING:
    from sovrgit.objects.commit import Commit
    from sovrgit.objects.run import Run
    from sovrgit.objects.verdict import Verdict

SIGNED: Final = "signed"
"""The key under which a signature stands in an object's map."""

ETHEREUM: Final = "eip-191"
"""The one scheme so far: ECDSA on secp256k1 over a text, as wallets sign it (https://eips.ethereum.org/EIPS/eip-191)."""

PUBLIC_KEY_SIZE = 33
"""Bytes in a public key: a point of the curve, compressed (SEC 1, section 2.3.3)."""

SIGNATURE_SIZE = 64
"""Bytes in a signature: r and s, 32 bytes each, the most significant first."""

_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""The order of secp256k1 (SEC 2, section 2.4.1)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature: its scheme, the public key and the value.

    Of a scheme that is not known here, which a newer version wrote, everything is in `other`, and kept.
    """

    scheme: str
    key: bytes = b""
    value: bytes = b""
    other: Mapping[str, Value] = field(default_factory=dict, hash=False)

    @property
    def is_known(self) -> bool:
        """Whether the scheme is one that can be checked here."""
        return self.scheme == ETHEREUM

    def fields(self) -> dict[str, Value]:
        """The map that is encoded."""
        if not self.is_known:
            return {**self.other, "scheme": self.scheme}
        return {"scheme": self.scheme, "key": self.key, "value": self.value}


Signed: TypeAlias = "Commit | Run | Verdict"
"""What can be signed."""

Record = TypeVar("Record", "Commit", "Run", "Verdict")

Signer: TypeAlias = Callable[[Kind, ObjectId], Signature]
"""Signs an object of a kind, which has this id as long as it is not signed."""


def take_signature(fields: Fields, kind: Kind) -> Signature | None:
    """The signature among the fields of an object, None if there is none.

    Raises:
        ObjectInvalid: if it has not the form that its scheme has: one signature has one form.
    """
    if not fields.has(SIGNED):
        return None
    inner = fields.nested(SIGNED)
    scheme = inner.text("scheme")
    if scheme != ETHEREUM:
        return Signature(scheme, other=inner.rest())
    signature = Signature(scheme, inner.data("key"), inner.data("value"))
    inner.done()
    if wrong := _wrong(signature):
        raise ObjectInvalid(kind=kind.label, reason=f"`{SIGNED}` {wrong}")
    return signature


def _wrong(signature: Signature) -> str:
    """What is wrong with the form of a signature, or nothing."""
    if len(signature.key) != PUBLIC_KEY_SIZE or signature.key[0] not in (2, 3):
        return "has a key that is no compressed point"
    if len(signature.value) != SIGNATURE_SIZE:
        return f"has a value of {len(signature.value)} bytes"
    r, s = (int.from_bytes(half) for half in (signature.value[:32], signature.value[32:]))
    if not 0 < r < _ORDER or not 0 < s < _ORDER:
        return "has a value that is out of range"
    # Of s and its negative both fit; with both allowed, anybody could give a signed object another id.
    return "" if s <= _ORDER // 2 else "has the larger one of the two values that fit"


def low_s(s: int) -> int:
    """The smaller one of the two values that fit."""
    return min(s, _ORDER - s)


def kind_of(record: Signed) -> Kind:
    """The kind of an object that can be signed."""
    return Kind[type(record).__name__.upper()]


def unsigned_id(record: Signed) -> ObjectId:
    """The id that an object would have without its signature: what the signature is over."""
    return replace(record, signature=None).id()


def signed_text(kind: Kind, unsigned: ObjectId) -> str:
    """The text that is signed: the context that ids of this kind are hashed in, and the id."""
    return f"sovrgit {kind.label} v1 {unsigned}"


def sign(record: Record, signer: Signer | None) -> Record:
    """The object with a signature; without one, if nobody signs. One that it has does not count for a changed object.

    Raises:
        SigningKeyMissing, ConfigInvalid, StorageFailure: as the signer gives cause.
    """
    if signer is None:
        return record if record.signature is None else replace(record, signature=None)
    return replace(record, signature=signer(kind_of(record), unsigned_id(record)))
