"""Sharing references: mistakes are found, and the reference shows nowhere."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from fairos_lab import REFERENCE
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import ReferenceUnknown
from sovrgit.remotes.fairos.reference import SharingReference

SECRET = REFERENCE.reveal()


@pytest.mark.parametrize("form", ["{}", " {}\n", "fairos:{}", "0x{}"])
def test_forms_that_people_paste(form: str) -> None:
    assert SharingReference.parse(form.format(SECRET)) == REFERENCE
    assert SharingReference.parse(form.format(SECRET.upper())) == REFERENCE


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_every_reference_comes_back(digits: str) -> None:
    assert SharingReference.parse(digits).reveal() == digits


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (SECRET[:-1], "a sharing reference has 64 hex digits, and yours has 63"),
        (SECRET + "0", "a sharing reference has 64 hex digits, and yours has 65"),
        ("", "a sharing reference has 64 hex digits, and yours has 0"),
        (SECRET * 2, "these are 128 digits: the reference of a single file; ask for that of the pod"),
        (SECRET[:11] + "O" + SECRET[12:], "a sharing reference has hex digits only: look at character 12 of yours"),
        (SECRET[:40] + " " + SECRET[40:], "a sharing reference has hex digits only: look at character 41 of yours"),
        (SECRET[:-1] + "٣", "a sharing reference has hex digits only: look at character 64 of yours"),
    ],
)
def test_mistakes_are_told_without_the_reference(text: str, hint: str) -> None:
    with pytest.raises(ReferenceUnknown) as refused:
        SharingReference.parse(text)
    assert refused.value.hint == hint
    assert SECRET[4:20] not in refused.value.message + str(refused.value.fields)


def test_only_the_one_form_can_be_made() -> None:
    for text in (SECRET.upper(), SECRET[:-1], "g" * 64):
        with pytest.raises(ValueError):
            SharingReference(text)


def test_it_does_not_show() -> None:
    for shown in (str(REFERENCE), repr(REFERENCE), f"{REFERENCE}", f"{[REFERENCE]}", "%s" % REFERENCE):  # noqa: UP031
        assert shown.strip("[]") == "fairos:3f2a…"
    with pytest.raises(TypeError):
        json.dumps(REFERENCE)


def test_it_is_a_value() -> None:
    assert copy.deepcopy(REFERENCE) == pickle.loads(pickle.dumps(REFERENCE)) == REFERENCE
    assert len({REFERENCE, SharingReference.parse(SECRET)}) == 1
    with pytest.raises(AttributeError):
        REFERENCE._secret = "x"  # type: ignore[misc]


def test_the_fingerprint_is_short_and_its_own() -> None:
    from blake3 import blake3

    print_ = REFERENCE.fingerprint
    assert len(print_) == 16 and print_ == SharingReference.parse(SECRET).fingerprint
    assert print_ not in (SECRET[:16], blake3(SECRET.encode()).hexdigest()[:16])
    assert print_ != SharingReference.parse("a" * 64).fingerprint
