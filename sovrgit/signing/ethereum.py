"""Keys and signatures as Ethereum's wallets have them: ECDSA on secp256k1, over a text, by people with an address.

The form of the signed bytes is EIP-191 (https://eips.ethereum.org/EIPS/eip-191, version 0x45), that of addresses
EIP-55. The curve's arithmetic is OpenSSL's, by the library `cryptography`, which is loaded when it is first needed.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sovrgit.errors import ConfigInvalid
from sovrgit.objects.signature import ETHEREUM, Signature, low_s
from sovrgit.signing.keccak import keccak_256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey

_SECRET_SIZE: Final = 32
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A person's secret key. It does not show itself.

    Raises:
        ConfigInvalid: if the number is none that the curve allows.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key

        try:
            if len(self.secret) == _SECRET_SIZE:
                derive_private_key(int.from_bytes(self.secret), SECP256K1())
                return
        except ValueError:
            pass  # zero, or too large
        raise ConfigInvalid(file="key", reason="it is no secret key of secp256k1", hint="64 hex digits, not all zero")

    @classmethod
    def new(cls) -> SigningKey:
        """A key that nobody else has."""
        while True:
            try:
                return cls(secrets.token_bytes(_SECRET_SIZE))
            except ConfigInvalid:
                continue  # once in 2^128 times

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """The key that somebody pasted: 64 hex digits, with or without `0x`, as wallets export it.

        Raises:
            ConfigInvalid: if it is not one. The message does not show it.
        """
        digits = text.strip().removeprefix("0x")
        if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
            hint = "a wallet's secret key has 64 hex digits; words and passwords are not taken"
            raise ConfigInvalid(file="key", reason="it is no secret key: those have 64 hex digits", hint=hint)
        return cls(bytes.fromhex(digits))

    def export(self) -> str:
        """The key as wallets take it: whoever sees this can sign in its owner's name."""
        return f"0x{self.secret.hex()}"

    @property
    def public(self) -> bytes:
        """The public key: a compressed point."""
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = derive_private_key(int.from_bytes(self.secret), SECP256K1()).public_key()
        return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    @property
    def address(self) -> str:
        """Who this is, for everybody to know."""
        return address_of(self.public)

    def sign(self, text: str) -> Signature:
        """A signature over a text: the same each time (RFC 6979), so that signing again changes nothing."""
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        key = derive_private_key(int.from_bytes(self.secret), SECP256K1())
        r, s = decode_dss_signature(key.sign(message_hash(text), _ecdsa(deterministic=True)))
        return Signature(ETHEREUM, self.public, r.to_bytes(32) + low_s(s).to_bytes(32))


def fits(signature: Signature, text: str) -> bool:
    """Whether a signature was made over a text by the key it names. Its form has been checked."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, s = (int.from_bytes(half) for half in (signature.value[:32], signature.value[32:]))
    try:
        _point(signature.key).verify(encode_dss_signature(r, s), message_hash(text), _ecdsa(deterministic=False))
    except (InvalidSignature, ValueError):
        # The second: there is no point of the curve at this place.
        return False
    return True


def message_hash(text: str) -> bytes:
    """What a wallet signs when it is asked to sign a text."""
    data = text.encode()
    return keccak_256(b"\x19Ethereum Signed Message:\n%d%b" % (len(data), data))


@lru_cache(256)
def address_of(public: bytes) -> str:
    """The address of a public key, its letters capital or small as the checksum of EIP-55 has it.

    Raises:
        ValueError: if it is no point of the curve.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = _point(public).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _with_checksum(keccak_256(point[1:])[-20:].hex())


def parse_address(text: str) -> str:
    """An address in its one form.

    Raises:
        ConfigInvalid: if it is none, or its checksum says that a letter is wrong.
    """
    text = text.strip()
    if not _ADDRESS.fullmatch(text):
        hint = "an address is `0x` and 40 hex digits; `sovr key show` prints yours"
        raise ConfigInvalid(file="address", reason="it is no address of a key", hint=hint)
    digits = text[2:]
    address = _with_checksum(digits.lower())
    # In one case only, it has no checksum.
    if digits not in (digits.lower(), digits.upper()) and address != text:
        raise ConfigInvalid(file="address", reason="its checksum is wrong", hint="copy it again, all of it")
    return address


def _with_checksum(digits: str) -> str:
    marks = keccak_256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )


@lru_cache(256)
def _point(public: bytes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey

    return EllipticCurvePublicKey.from_encoded_point(SECP256K1(), public)


def _ecdsa(*, deterministic: bool) -> ECDSA:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    # The name only says how long a hash is: there is none for Keccak.
    return ECDSA(Prehashed(SHA256()), deterministic_signing=deterministic)
