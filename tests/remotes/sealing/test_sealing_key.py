"""Keys of pods: their text finds typos, their fingerprint stands for them, and they do not show."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing_lab import KEY, LABELS, OTHER_KEY

from sovrgit.errors import ConfigInvalid
from sovrgit.remotes.sealing.key import KEY_SIZE, PodKey
from sovrgit.remotes.sealing.labels import MANIFEST, Label, Purpose, hidden_name

TEXT = KEY.reveal()
DIGITS = "abcdefghijklmnopqrstuvwxyz234567"


@given(st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE))
def test_every_key_comes_back(secret: bytes) -> None:
    key = PodKey(secret)
    text = key.reveal()
    assert PodKey.parse(text) == PodKey.parse(f" {text.upper()}\n") == key
    assert len(text) == 58
    assert set(text) <= {*DIGITS, "1"}


def test_new_keys_differ_and_come_from_the_given_source() -> None:
    assert PodKey.new() != PodKey.new()
    assert PodKey.new(lambda count: bytes(range(count))) == KEY


@given(st.integers(2, len(TEXT) - 1), st.sampled_from(DIGITS))
def test_one_wrong_character_is_noticed(place: int, digit: str) -> None:
    text = TEXT[:place] + digit + TEXT[place + 1 :]
    if text != TEXT:
        with pytest.raises(ConfigInvalid, match="a character of it is wrong"):
            PodKey.parse(text)


def test_two_neighbours_that_changed_places_are_noticed() -> None:
    for place in range(2, len(TEXT) - 1):
        text = TEXT[:place] + TEXT[place + 1] + TEXT[place] + TEXT[place + 2 :]
        if text != TEXT:
            with pytest.raises(ConfigInvalid):
                PodKey.parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it does not begin with `k1`"),
        ("k2" + TEXT[2:], "it does not begin with `k1`"),
        (TEXT[2:], "it does not begin with `k1`"),
        (TEXT[:-1], "a key has 58 characters, and yours has 57"),
        (TEXT + "a", "a key has 58 characters, and yours has 59"),
        ("k1", "a key has 58 characters, and yours has 2"),
        (TEXT[:9] + "8" + TEXT[10:], "a key has letters and the digits 2 to 7 only: look at character 10 of yours"),
        (TEXT[:9] + " " + TEXT[10:], "a key has letters and the digits 2 to 7 only: look at character 10 of yours"),
        (TEXT[:-1] + "ſ", "a key has letters and the digits 2 to 7 only: look at character 58 of yours"),
        (TEXT[:-1] + "=", "a key has letters and the digits 2 to 7 only: look at character 58 of yours"),
    ],
)
def test_mistakes_are_told_without_the_key(text: str, reason: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        PodKey.parse(text, "the key in the keyring")
    assert refused.value.message == f"the key in the keyring: {reason}"
    assert TEXT[4:12] not in refused.value.message + refused.value.hint + repr(refused.value.fields)


def test_a_key_has_32_bytes() -> None:
    for wrong in (b"", bytes(31), bytes(33), bytearray(32)):
        with pytest.raises(ValueError, match="32 bytes"):
            PodKey(wrong)  # type: ignore[arg-type] # a bytearray could be changed later


def test_it_does_not_show() -> None:
    shown = [str(KEY), repr(KEY), f"{KEY}", f"{KEY!r:>80}", repr([KEY]), "%s" % KEY, repr({"key": KEY})]  # noqa: UP031
    secret = KEY.derived("")[:0] + bytes(range(32))
    forms = (TEXT, TEXT[2:], secret.hex(), repr(secret)[2:-1], base64.b64encode(secret).decode())
    for text in shown:
        assert f"PodKey({KEY.fingerprint[:10]}…)" in text
        assert not any(form[:8] in text for form in forms)
    with pytest.raises(TypeError):
        json.dumps(KEY)


def test_it_is_a_value() -> None:
    assert copy.deepcopy(KEY) == pickle.loads(pickle.dumps(KEY)) == KEY != OTHER_KEY
    assert len({KEY, PodKey(bytes(range(32))), OTHER_KEY}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        KEY._secret = bytes(32)  # type: ignore[misc] # that it is refused is the test


def test_what_is_derived_differs_by_use_and_key() -> None:
    names = [hidden_name(key, label) for key in (KEY, OTHER_KEY) for label in LABELS]
    found = [*names, KEY.fingerprint, OTHER_KEY.fingerprint, KEY.derived("one use").hex(), KEY.derived("another").hex()]
    assert len({*found}) == len(found)
    assert all(len(text) == 64 and set(text) <= set("0123456789abcdef") for text in found)
    assert hidden_name(KEY, MANIFEST) == names[0]


def test_labels_cannot_be_taken_for_one_another() -> None:
    for label in LABELS:
        purpose, name = label
        for other in (Label(purpose, name + "x"), Label(purpose, name[:-1]), Label(purpose, purpose + name)):
            assert label.encode() != other.encode()
    assert {label.purpose for label in LABELS} == {*Purpose}
