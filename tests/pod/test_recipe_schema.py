"""The JSON Schema and the parser say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe import parse_recipe, recipe_schema
from sovrgit.pod.recipe_compare import Image, Json, Numeric
from sovrgit.pod.recipe_fields import (
    DevnetFields,
    ExternalFields,
    FilesFields,
    GolemFields,
    RecipeFields,
    ResourcesFields,
    ShareFields,
    TaskPodFields,
)

SCHEMA: dict[str, Any] = json.loads(recipe_schema())
VALIDATOR = Draft202012Validator(SCHEMA)
FIRST_CLI = sorted((Path(__file__).parent / "recipes").glob("*.json"))


def golem(**keys: object) -> dict[str, object]:
    return {"name": "a", "golem": {"exec": "x", **keys}}


def anything(*values: object) -> tuple[object, ...]:
    """Values of different types, which a bare tuple would have the type checker name one by one."""
    return values


GOOD: list[dict[str, object]] = [
    {"name": "a"},
    {"name": "a", "version": 1.0, "unknown": {"x": [None]}},
    {"name": "..."},
    {"name": "a", "pods": []},
    {"name": "a", "pods": ["x", {"ref": "y", "name": "n", "needs": ["x"]}], "payload": "data"},
    {"name": "a", "pods": [{"ref": "y", "each": "*.csv", "matrix": {"C": [1, "x", True], "seed": [0.5]}}]},
    {"name": "a", "golem": {"run": "make"}},
    {"name": "a", "golem": {"run": ["make", ""]}},
    golem(script=".", payload="./", output="./out", log="a/.b/..c", logs="log s"),
    golem(payload=[]),
    golem(payload=[{"ref": "r", "data": "/"}]),
    golem(payload={"pod": "r", "files": ["/a.zip"]}, output={"share": "output/x", "more": 1}),
    golem(timeout=1.5, retries=3.0, budget=0, python=3, network="n", subnet="s", image="i", each="payload/*"),
    golem(timeout="1h 30m", budget="0.5", python="3.11", params={"a": 1, "b": "x", "c": False}),
    golem(devnet={}),
    golem(devnet={"images": {"golem/blender:latest": "script/devnet", "9a3b": "./payload/a.gvmi"}, "x": 1}),
    golem(timeout="0.5s", resources={"memory_gib": 0.5, "storage_gib": 2, "threads": 1, "workers": 3, "x": []}),
    golem(exec="'a b' c"),
    golem(compare={}),
    golem(compare={"a/./b.txt": "exact", "*.log": "ignore", "**/?.json": {"json": {}}}),
    golem(compare={"a": {"json": {"ignore": ["a", "a.*.b", "/a.b/c", "**.x"], "relative": 0.5, "absolute": 3}}}),
    golem(compare={"a": {"numeric": {"relative": 1e-6}}, "b": {"image": {"difference": 0.01, "pixels": 0}}}),
]

OUTSIDE = ["", "/x", "..", "a/..", "../a", "a/../b", "a\\..", "\\x", "C:/x", ".sovr", "a/.Sovr/b", "a\0", "a\n", 1]

BAD: list[object] = [
    [],
    {},
    {"name": 1},
    {"name": None},
    *({"name": name} for name in ("", " ", ".", "..", "a/b", "a\0", ".Sovr")),
    *({"name": "a", key: None} for key in ("description", "version", "author", "public", "golem", "pods", "payload")),
    {"name": "a", "public": "yes"},
    {"name": "a", "version": True},
    {"name": "a", "golem": {}},
    {"name": "a", "pods": "x"},
    *({"name": "a", "pods": [pod]} for pod in ("", 1, {}, {"ref": 1}, {"ref": " "}, {"ref": "x", "name": "a/b"})),
    {"name": "a", "pods": [{"ref": "x", "needs": "y"}]},
    *({"name": "a", "pods": [{"ref": "x", "each": value}]} for value in OUTSIDE),
    *(
        {"name": "a", "pods": [{"ref": "x", "matrix": value}]}
        for value in anything([], {"a": 1}, {"a": []}, {"a": [[]]}, {"a": [None]}, {"a": ["\0"]}, {"": [1]})
    ),
    {"name": "a", "payload": "/x"},
    *(golem(exec=value) for value in anything("", " ", 1, ["x"], "x\0", "'' x", '""')),
    *(golem(run=value) for value in anything("", [], [""], ["x", 1], ["x", "\0"], 1)),
    *(golem(**{key: value}) for key in ("script", "payload", "output", "log", "logs", "each") for value in OUTSIDE),
    *(golem(**{key: value}) for key in ("output", "log", "logs") for value in anything(".", "./", ".//.", "././")),
    *(golem(output=value) for value in anything({}, {"share": ""}, {"share": "."}, {"share": "/x"}, {"share": 1}, [])),
    *(
        golem(payload=value)
        for value in anything([{}], ["x"], [{"ref": "x"}], [{"ref": "", "data": "x"}], {}, {"pod": "x"})
    ),
    *(golem(payload=[{"ref": "x", "data": value}]) for value in anything("", "..", "/../x", "a\0", "/.sovr/x")),
    golem(payload={"pod": "x", "files": []}),
    *(
        golem(timeout=value)
        for value in anything(0, -1, 1e9, True, "", "0", "0s", "x", "1x", "1h  2m", "-1", "1e3", "h")
    ),
    *(golem(retries=value) for value in anything(-1, 0.5, 101, "1", True)),
    *(golem(budget=value) for value in anything(-1, 1e10, "", "x", "-1", "1e3", "1.", ".5", "0." + "1" * 19, True)),
    *(
        golem(**{key: value})
        for key in ("image", "network", "subnet", "python")
        for value in anything("", " ", "\0", [])
    ),
    *(
        golem(resources=value)
        for value in anything([], {"memory_gib": 0}, {"threads": 0}, {"threads": 1.5}, {"workers": "1"})
    ),
    *(golem(devnet=value) for value in anything([], {"images": []}, {"images": {"x": "/x"}}, {"images": {"x": 1}})),
    *(golem(compare=value) for value in anything([], "exact", {"": "exact"}, {"/a": "exact"}, {"a" * 1001: "exact"})),
    golem(compare={f"{number}": "exact" for number in range(1001)}),
    *(
        golem(compare={"a": value})
        for value in anything(
            *(None, 1, [], {}, "same", "json", {"json": {}, "numeric": {}}, {"exact": {}}, {"tolerance": 1}),
            *({"json": value} for value in anything(None, [], {"ignored": []}, {"ignore": "a"}, {"ignore": [1]})),
            *({"json": {"ignore": [value]}} for value in anything("", ".", "a.", ".a", "a..b", "a" * 1001)),
            {"json": {"ignore": ["a"] * 101}},
            *({"numeric": {"relative": value}} for value in anything("1", True, -0.1, 1, None)),
            *({"numeric": {"absolute": value}} for value in anything(-1, 1e301, [])),
            *({"image": {"difference": value}} for value in anything(-0.1, 1, 255)),
            {"image": {"pixels": 1}},
            {"image": {"relative": 0}},
        )
    ),
    *(golem(params=value) for value in anything([], {"": 1}, {"a\n": 1}, {"a": []}, {"a": None}, {"a": "\0"})),
]

BEYOND_SCHEMA: list[dict[str, object]] = [
    golem(compare={"a": "exact", "./a": "ignore"}),
    golem(output="payload"),
    golem(output="logs"),
    golem(script="output"),
    golem(devnet={"images": {"x": "elsewhere"}}),
    {"name": "a", "pods": [{"ref": "x", "needs": ["y"]}]},
    {"name": "a", "pods": [{"ref": "x", "name": "n"}, {"ref": "y", "name": "n"}]},
    {"name": "a", "pods": [{"ref": "x", "matrix": {"a": [1, "1"]}}]},
    {"name": "a", "pods": [{"ref": "x", "matrix": {"a": [*range(101)], "b": [*range(100)]}}]},
    {"name": "a", "pods": [{"ref": "x", "each": "*", "matrix": {"item": [1]}}]},
]
"""What only the parser can refuse: relations between values."""


def parses(value: object) -> bool:
    try:
        parse_recipe(json.dumps(value).encode())
    except RecipeInvalid:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", FIRST_CLI, ids=lambda file: file.stem)
def test_recipes_of_the_first_cli_fit_the_schema(file: Path) -> None:
    assert VALIDATOR.is_valid(json.loads(file.read_bytes()))


@pytest.mark.parametrize("value", GOOD, ids=json.dumps)
def test_both_accept(value: object) -> None:
    assert parses(value)
    assert VALIDATOR.is_valid(value)


@pytest.mark.parametrize("value", BAD, ids=json.dumps)
def test_both_refuse(value: object) -> None:
    assert not parses(value)
    assert not VALIDATOR.is_valid(value)


@pytest.mark.parametrize("value", BEYOND_SCHEMA, ids=json.dumps)
def test_the_parser_refuses_more(value: object) -> None:
    assert not parses(value)
    assert VALIDATOR.is_valid(value)


def test_the_schema_knows_the_keys_that_the_parser_knows() -> None:
    definitions = SCHEMA["$defs"]
    _, external, several = definitions["payload"]["anyOf"]
    for fields, schema in (
        (RecipeFields, SCHEMA),
        (GolemFields, definitions["golem"]),
        (ResourcesFields, definitions["golem"]["properties"]["resources"]),
        (DevnetFields, definitions["golem"]["properties"]["devnet"]),
        (ShareFields, definitions["golem"]["properties"]["output"]["anyOf"][1]),
        (TaskPodFields, definitions["taskPod"]),
        (ExternalFields, external["items"]),
        (FilesFields, several),
    ):
        assert list(schema["properties"]) == list(fields.__struct_fields__)


def test_every_key_is_described() -> None:
    def properties(node: object) -> Iterator[tuple[str, dict[str, object]]]:
        if isinstance(node, list):
            for item in node:
                yield from properties(item)
        elif isinstance(node, dict):
            found = node.get("properties")
            yield from found.items() if isinstance(found, dict) else ()
            for item in node.values():
                yield from properties(item)

    keys = list(properties(SCHEMA))
    assert len(keys) > 30
    assert [key for key, schema in keys if not schema.get("description")] == []


def test_the_schema_knows_the_rules_that_the_parser_knows() -> None:
    words, kinds = SCHEMA["$defs"]["compareRule"]["anyOf"]
    assert words["enum"] == ["exact", "ignore"]
    known = {
        name: set(kind.__struct_fields__) for name, kind in (("json", Json), ("numeric", Numeric), ("image", Image))
    }
    assert {name: set(kind["properties"]) for name, kind in kinds["properties"].items()} == known


FIELDS = (RecipeFields, GolemFields, ResourcesFields, ShareFields, TaskPodFields, ExternalFields, FilesFields)
KEYS = st.sampled_from(sorted({name for fields in FIELDS for name in fields.__struct_fields__}))
TEXT = st.sampled_from(["", ".", "..", "a", "output", "a/b", "1h", "0.5", "\0", "'"]) | st.text(max_size=5)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXT, inner, max_size=5),
    max_leaves=15,
)


@given(
    top=st.dictionaries(KEYS, JSON, max_size=3),
    inner=st.dictionaries(KEYS, JSON, max_size=4),
    form=st.sampled_from(["plain", "golem", "pods"]),
)
def test_any_json_is_refused_with_its_line_or_fits_the_schema(
    top: dict[str, object], inner: dict[str, object], form: str
) -> None:
    value: dict[str, object] = {"name": "a", **top}
    if form == "golem":
        value["golem"] = {"exec": "x", **inner}
    if form == "pods":
        value["pods"] = ["x", {"ref": "y", **inner}]
    try:
        recipe = parse_recipe(json.dumps(value, indent=1).encode())
    except RecipeInvalid as error:
        assert error.message.startswith("recipe.json:")
    else:
        assert VALIDATOR.is_valid(value)
        assert set(recipe.extra) == set(value) - set(RecipeFields.__struct_fields__)
