"""Keys, addresses and signatures are those of Ethereum's wallets."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import curve_reference as curve
import pytest

from sovrgit.errors import ConfigInvalid
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.signature import low_s, signed_text
from sovrgit.signing.ethereum import SigningKey, address_of, fits, message_hash, parse_address
from sovrgit.signing.keccak import keccak_256

SECRET = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
KEY = SigningKey.parse(SECRET)
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_is_that_of_its_authors(data: bytes, digest: str) -> None:
    assert keccak_256(data).hex() == digest


def test_keccak_differs_from_sha3_in_the_padding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the standard's padding in its place, hashlib says what every length must give."""
    import inspect

    import sovrgit.signing.keccak as module

    source = inspect.getsource(module.keccak_256).replace('b"\\x01"', 'b"\\x06"')
    changed = dict(vars(module))
    exec(compile(source, "keccak", "exec"), changed)
    for length in (0, 1, 134, 135, 136, 137, 271, 272, 300):
        data = bytes(number % 251 for number in range(length))
        assert changed["keccak_256"](data) == hashlib.sha3_256(data).digest()


def test_what_web3_signs_is_what_is_signed_here() -> None:
    """The example in the documentation of web3.js, `eth.accounts.sign`."""
    assert KEY.address == ADDRESS
    assert message_hash("Some data").hex() == "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"
    assert KEY.sign("Some data").value.hex() == (
        "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029"
    )


def test_the_key_can_be_recovered_from_a_signature() -> None:
    signature = KEY.sign("Some data")
    r, s = (int.from_bytes(half) for half in (signature.value[:32], signature.value[32:]))
    found = {curve.recovered(message_hash("Some data"), r, s, odd) for odd in (False, True)}
    assert KEY.public in found


def test_a_signature_is_for_one_text_and_one_key() -> None:
    signature = KEY.sign("text")
    assert fits(signature, "text")
    assert not fits(signature, "texts")
    assert not fits(replace(signature, key=SigningKey.new().public), "text")
    for place in range(0, 64, 7):
        value = bytearray(signature.value)
        value[place] ^= 1
        assert not fits(replace(signature, value=bytes(value)), "text")


def test_the_other_s_fits_too_and_is_the_one_that_is_never_made() -> None:
    """Why the form allows the smaller one only."""
    signature = KEY.sign("text")
    s = int.from_bytes(signature.value[32:])
    other = replace(signature, value=signature.value[:32] + (curve.N - s).to_bytes(32))
    assert fits(other, "text") and low_s(curve.N - s) == s


def test_a_key_that_is_no_point_fits_nothing() -> None:
    assert not fits(replace(KEY.sign("text"), key=b"\2" + bytes(31) + b"\5"), "text")


def test_signing_again_gives_the_same() -> None:
    assert KEY.sign("text") == KEY.sign("text")


def test_the_text_says_what_is_signed() -> None:
    assert signed_text(Kind.RUN, ObjectId(bytes(32))) == f"sovrgit run v1 {'00' * 32}"


@pytest.mark.parametrize("text", ["", "0x", "00" * 32, "ff" * 32, "12" * 31, "12" * 33, "zz" * 32, "secret words"])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        SigningKey.parse(text)
    assert not text or text not in f"{raised.value.message} {raised.value.hint} {raised.value.fields}"


def test_a_key_does_not_show_itself() -> None:
    assert SECRET[2:20] not in repr(KEY) and KEY.export() == SECRET
    assert SigningKey.new() != SigningKey.new()


def test_addresses() -> None:
    assert address_of(KEY.public) == ADDRESS
    # Without capitals there is no checksum.
    assert parse_address(f" {ADDRESS.lower()}\n") == ADDRESS == parse_address(ADDRESS)
    # The first example of EIP-55.
    assert parse_address("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed") == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    for wrong in (ADDRESS.replace("E3", "e3"), ADDRESS[:-1], ADDRESS[2:], f"{ADDRESS}0", ""):
        with pytest.raises(ConfigInvalid):
            parse_address(wrong)
