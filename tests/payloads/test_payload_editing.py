"""Putting payload into the text of a recipe: one place changes, and the rest stays as it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import RecipeInvalid
from sovrgit.payloads.editing import with_payload
from sovrgit.pod.recipe import parse_recipe
from sovrgit.pod.recipe_types import ExternalPayload

ADDED = ExternalPayload("../data", "/output/model.bin")
ROW = {"ref": "../data", "data": "/output/model.bin"}


def added(text: str, entry: ExternalPayload = ADDED) -> str:
    return with_payload(text.encode(), entry).decode()


def test_a_recipe_without_any() -> None:
    text = '{\n  "name": "x",\n  "golem": {\n    "exec": "true"\n  }\n}\n'
    assert added(text) == (
        '{\n  "name": "x",\n  "golem": {\n    "exec": "true",\n    "payload": [\n      {\n        "ref": "../data",\n'
        '        "data": "/output/model.bin"\n      }\n    ]\n  }\n}\n'
    )


def test_everything_else_stays_as_it_is() -> None:
    text = (
        '{"version": 1.10,\n\t"name":   "ä\\u00e4", "mine": {"payload": [1e3]},\n'
        '\t"golem": {"payload":"payload", "exec" : "x"}}'
    )
    result = added(text)
    before, after = text.split('"payload":"payload"')
    assert result.startswith(before) and result.endswith(after)
    assert json.loads(result)["golem"]["payload"] == [ROW]


@pytest.mark.parametrize(
    "payload",
    ['[{"ref": "a", "data": "b"}]', '{"pod": "a", "files": ["b"]}'],
)
def test_to_others(payload: str) -> None:
    text = '{"name": "x", "golem": {"exec": "true", "payload": ' + payload + "}}"
    assert json.loads(added(text))["golem"]["payload"] == [{"ref": "a", "data": "b"}, ROW]


def test_to_a_task() -> None:
    text = '{"name": "x", "pods": ["y"]}'
    assert json.loads(added(text)) == {"name": "x", "pods": ["y"], "payload": [ROW]}


def test_line_endings_and_a_mark_at_the_beginning() -> None:
    data = b'\xef\xbb\xbf{\r\n    "name": "x",\r\n    "golem": {"exec": "true"}\r\n}\r\n'
    result = with_payload(data, ADDED)
    assert result.startswith(b"\xef\xbb\xbf{\r\n") and result.replace(b"\r\n", b"").count(b"\n") == 0
    assert parse_recipe(result).golem is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "x"}', "runs nothing"),
        ('{"name": "x", "golem": {"exec": "true", "payload": "inputs"}}', "names the folder `inputs`"),
        ('{"name": "x", "pods": ["y"], "payload": "inputs"}', "names a folder"),
        (
            '{"name": "x", "golem": {"exec": "true", "payload": [{"ref": "../data", "data": "output/model.bin"}]}}',
            "already",
        ),
        ('{"name": "x", "golem": ', "missing"),
    ],
)
def test_recipes_with_no_place_for_it(text: str, reason: str) -> None:
    with pytest.raises(RecipeInvalid, match=reason):
        added(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)


@given(
    unknown=st.dictionaries(st.text(min_size=1, max_size=8).map(lambda key: f"x-{key}"), JSON, max_size=4),
    indent=st.sampled_from([None, 1, 4, "\t"]),
    golem_first=st.booleans(),
)
def test_any_recipe_says_the_same_and_this(
    unknown: dict[str, object], indent: int | str | None, golem_first: bool
) -> None:
    golem = {"exec": "true", **unknown}
    document = {"golem": golem, "name": "x"} if golem_first else {"name": "x", **unknown, "golem": golem}
    result = json.loads(added(json.dumps(document, indent=indent)))
    assert result["golem"].pop("payload") == [ROW]
    assert result == document
