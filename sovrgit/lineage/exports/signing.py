"""Signing an envelope with the user's key, and checking who has signed one.

The signature is over the text that DSSE's pre-authentication encoding is, as wallets sign a text (EIP-191): the key may
be a wallet's, which signs nothing else. `keyid` is the address; `publicKey`, which readers that do not know it ignore,
saves them from having to recover it.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sovrgit.errors import ObjectInvalid, SignatureInvalid
from sovrgit.lineage.exports.intoto import PAYLOAD_TYPE, EnvelopeSignature, Signer, encoded_for_signing
from sovrgit.objects.signature import ETHEREUM, PUBLIC_KEY_SIZE, SIGNATURE_SIZE, Signature
from sovrgit.signing.ethereum import SigningKey, address_of, fits


def signer_with(key: SigningKey) -> Signer:
    """What signs envelopes with a key."""

    def sign(data: bytes) -> EnvelopeSignature:
        made = key.sign(data.decode())
        return EnvelopeSignature(key.address, made.value, made.key)

    return sign


def signers_of(envelope: dict[str, Any]) -> list[str]:
    """The addresses of those who have signed an envelope; signatures of other schemes are passed over.

    Raises:
        ObjectInvalid: if it is no envelope of an in-toto statement.
        SignatureInvalid: if a signature is not by the key that it names.
    """
    try:
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise ValueError
        data = encoded_for_signing(base64.b64decode(envelope["payload"], validate=True))
        entries = [one for one in envelope["signatures"] if "publicKey" in one]
        found = [
            (str(one["keyid"]), bytes.fromhex(one["publicKey"]), base64.b64decode(one["sig"], validate=True))
            for one in entries
        ]
        text = data.decode()
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ObjectInvalid(kind="envelope", reason="it is none around an in-toto statement") from None
    return [_checked(*one, text) for one in found]


def _checked(address: str, public: bytes, value: bytes, text: str) -> str:
    is_whole = len(public) == PUBLIC_KEY_SIZE and len(value) == SIGNATURE_SIZE
    if not is_whole or not fits(Signature(ETHEREUM, public, value), text) or address_of(public) != address:
        raise SignatureInvalid(what="the envelope", reason="is forged: the key that it names has not made it for this")
    return address
