"""Registries are read whatever they hold, and written so that the first Sovr CLI understands them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import RegistryInvalid
from sovrgit.registry import form
from sovrgit.registry.form import Listed, decode, encode, entry
from sovrgit.registry.summary import LONGEST, Summary
from sovrgit.remotes.fairos.reference import SharingReference

REFERENCE = SharingReference.parse("ab" * 32)
RECIPE = {"name": "blender", "version": "1.0", "author": "reza", "public": True, "golem": {"exec": "true"}}
SUMMARY = Summary("blender", "compute", "1.0", "reza", "", True)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["sovr", "golem", "pods", "name", "recipe", "sharing_reference", "reference", "time"]),
            inner,
        )
    ),
)


def test_there_and_back() -> None:
    listed = Listed("blender", SUMMARY, 17, 3, REFERENCE)
    data = encode({"blender": entry(RECIPE, listed), "plain": RECIPE})
    assert decode(data, "r") == [listed, Listed("plain", SUMMARY)]


def test_the_first_cli_finds_what_it_looks_for() -> None:
    # It prints every value, and puts a list under `sharing_references` into it.
    document = json.loads(encode({"blender": entry(RECIPE, Listed("blender", SUMMARY))}))
    for recipe in document.values():
        recipe["sharing_references"] = []
        assert {key: recipe[key] for key in RECIPE} == RECIPE


def test_the_list_of_shared_pods() -> None:
    rows = [{"recipe": {"name": "old"}, "sharing_reference": "cd" * 32}]
    rows.append({"recipe": RECIPE, "sharing_reference": REFERENCE.reveal()})
    assert decode(json.dumps({"blender": rows}).encode(), "r") == [Listed("blender", SUMMARY, reference=REFERENCE)]


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_anything_can_be_in_a_registry(document: dict[str, object]) -> None:
    for listed in decode(json.dumps(document).encode(), "r"):
        texts = [listed.pod, *listed.summary[:5]]
        assert all(isinstance(text, str) and len(text) <= LONGEST for text in texts)
        "".join(texts).encode()
        assert listed.summary.kind in ("compute", "task", "data")
        assert listed.pushed is None or listed.pushed >= 0


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"x"', b"null"])
def test_what_is_no_registry(data: bytes) -> None:
    with pytest.raises(RegistryInvalid, match="`theirs` is not one"):
        decode(data, "theirs")


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "MOST", 2)
    with pytest.raises(RegistryInvalid):
        decode(b'{"a": {}, "b": {}, "c": {}}', "r")
    with pytest.raises(RegistryInvalid):
        encode({"a": {}, "b": {}, "c": {}})
    monkeypatch.setattr(form, "LIMIT", 10)
    with pytest.raises(RegistryInvalid):
        encode({"a": {"name": "x"}})


def test_no_reference_is_shown() -> None:
    assert REFERENCE.reveal() not in repr(
        decode(encode({"b": entry(RECIPE, Listed("b", SUMMARY, reference=REFERENCE))}), "r")
    )
