"""Rules for outputs: what a recipe says, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sovrgit.pod.recipe import Golem, parse_recipe, recipe_warnings
from sovrgit.pod.recipe_compare import Exact, Ignore, Image, Json, Numeric, Rule, rule_text


def golem(compare: dict[str, Any]) -> Golem:
    found = parse_recipe(json.dumps({"name": "a", "golem": {"exec": "x", "compare": compare}}).encode()).golem
    assert found is not None
    return found


RULES: list[tuple[Any, Rule, str]] = [
    ("exact", Exact(), '"exact"'),
    ("ignore", Ignore(), '"ignore"'),
    ({"numeric": {}}, Numeric(), '{"numeric":{"absolute":0,"relative":0}}'),
    ({"numeric": {"relative": 1e-6}}, Numeric(relative=1e-6), '{"numeric":{"absolute":0,"relative":1e-06}}'),
    (
        {"json": {"ignore": ["b", "a"]}},
        Json(ignore=("b", "a")),
        '{"json":{"absolute":0,"ignore":["b","a"],"relative":0}}',
    ),
    ({"json": {"absolute": 2}}, Json(absolute=2.0), '{"json":{"absolute":2,"ignore":[],"relative":0}}'),
    ({"image": {"difference": 0.01}}, Image(difference=0.01), '{"image":{"difference":0.01,"pixels":0}}'),
]


@pytest.mark.parametrize(("written", "rule", "text"), RULES)
def test_rules(written: Any, rule: Rule, text: str) -> None:
    assert golem({"a": written}).compare == {"a": rule}
    assert rule_text(rule) == text
    # What a verdict says can be put into a recipe.
    assert golem({"a": json.loads(text)}).compare == {"a": rule}


def test_the_order_of_the_file_is_kept() -> None:
    assert list(golem({"z/*": "exact", "./a//b": "ignore", "*": "exact"}).compare) == ["z/*", "a/b", "*"]


def test_a_pattern_with_the_output_folder_in_it_is_probably_a_mistake() -> None:
    recipe = parse_recipe(
        b'{"name": "a", "golem": {"exec": "x", "compare": {"output/a": "exact", "outputs": "exact"}}}'
    )
    (warning,) = recipe_warnings(recipe)
    assert 'key `golem.compare["output/a"]`: paths are below `output`' in warning
