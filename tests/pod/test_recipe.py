"""What a recipe means, once it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe import ExternalPayload, Golem, Recipe, expand_exec, parse_recipe, recipe_warnings
from sovrgit.pod.recipe_lines import locate

FIRST_CLI = sorted((Path(__file__).parent / "recipes").glob("*.json"))


def read(**keys: object) -> Recipe:
    return parse_recipe(json.dumps({"name": "a", **keys}, indent=1).encode())


def golem(**keys: object) -> Golem:
    found = read(golem={"exec": "run.sh", **keys}).golem
    assert found is not None
    return found


def warnings(**keys: object) -> list[str]:
    return recipe_warnings(read(**keys))


@pytest.mark.parametrize("file", FIRST_CLI, ids=lambda file: file.stem)
def test_recipes_of_the_first_cli_are_valid(file: Path) -> None:
    recipe = parse_recipe(file.read_bytes())
    assert recipe.kind == ("task" if "task" in file.stem else "compute")
    expected = ["recipe.json:7, key `pods`: the list is empty, so there is nothing to run"]
    assert recipe_warnings(recipe) == (expected if file.stem == "wizard-task" else [])


def test_a_pod_of_the_first_cli() -> None:
    recipe = parse_recipe((FIRST_CLI[0].parent / "keras-xception.json").read_bytes())
    assert (recipe.name, recipe.version, recipe.author, recipe.public) == ("XCeption", "1.0", "someone", True)
    assert recipe.golem == Golem(
        command="python3 [@]script/script.py --model xception --images [@]payload/external/images",
        external=(ExternalPayload("a" * 64, "/images.zip"),),
    )
    assert recipe.golem.external[0].path == "images.zip"


def test_defaults() -> None:
    found = golem()
    assert (found.script_folder, found.payload_folder, found.output_folder) == ("script", "payload", "output")
    assert (found.log_folder, found.shared_output, found.external, found.timeout_seconds) == ("logs", None, (), None)


def test_kinds() -> None:
    assert read().kind == "data"
    assert read(pods=["x"]).kind == "task"
    assert read(golem={"run": "true"}).kind == "compute"
    assert read(golem={"exec": "x"}, pods=["x"]).kind == "compute"


def test_byte_order_mark_is_accepted() -> None:
    assert parse_recipe(b'\xef\xbb\xbf{"name": "a"}').name == "a"


@pytest.mark.parametrize(
    ("written", "read_as"), [("1.10", "1.10"), ("2", "2"), ('"v3"', "v3"), ("1e1", "1e1"), ("-0.50", "-0.50")]
)
def test_a_version_number_is_text_as_it_was_written(written: str, read_as: str) -> None:
    assert parse_recipe(f'{{"name": "a", "version": {written}}}'.encode()).version == read_as


def test_folders_are_made_plain() -> None:
    found = golem(script="./bin//", payload="a/./b/", output="out/", log="var/log")
    assert (found.script_folder, found.payload_folder, found.output_folder) == ("bin", "a/b", "out")
    assert found.log_folder == "var/log"
    assert golem(payload=".").payload_folder == "."


def test_the_output_folder_of_a_shared_part_is_its_first_component() -> None:
    found = golem(output={"share": "./results/final/"})
    assert (found.output_folder, found.shared_output) == ("results", "results/final")


def test_external_payload_in_object_form() -> None:
    assert golem(payload={"pod": "r", "files": ["/a", "b/c"]}).external == (
        ExternalPayload("r", "/a"),
        ExternalPayload("r", "b/c"),
    )


def test_log_counts_where_logs_is_given_too() -> None:
    assert golem(log="one", logs="two").log_folder == "one"
    assert golem(logs="two").log_folder == "two"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90.0), (0.5, 0.5), ("90", 90.0), ("90s", 90.0), ("15m", 900.0), ("15min", 900.0), ("1h30m", 5400.0),
     ("1h 30m", 5400.0), ("1.5h", 5400.0), ("2d", 172800.0)],
)  # fmt: skip
def test_timeouts(written: object, seconds: float) -> None:
    assert golem(timeout=written).timeout_seconds == golem(task_timeout=written).task_timeout_seconds == seconds


@pytest.mark.parametrize(
    ("written", "amount"), [('"0.50"', "0.50"), ("0.10", "0.10"), ("1", "1"), ("1e-3", "0.001"), ("0e-999999999", "0")]
)
def test_budgets_are_decimal_text(written: str, amount: str) -> None:
    recipe = parse_recipe(f'{{"name": "a", "golem": {{"exec": "x", "budget": {written}}}}}'.encode())
    assert recipe.golem is not None
    assert recipe.golem.budget == amount


def test_a_declared_job() -> None:
    found = golem(
        image="golem/alpine:latest",
        run=["sh", "-c", ""],
        each="payload/*.blend",
        resources={"memory_gib": 1.5, "threads": 2.0, "gpu": "none"},
        retries=2,
        network="hoodi",
        subnet="public",
        python=3.12,
        params={"n": 3, "name": "x", "fast": True},
    )
    assert found.run == ("sh", "-c", "")
    assert (found.resources.memory_gib, found.resources.threads, found.resources.storage_gib) == (1.5, 2, None)
    assert found.resources.extra == {"gpu": "none"}
    assert (found.image, found.each, found.retries) == ("golem/alpine:latest", "payload/*.blend", 2)
    assert (found.network, found.subnet, found.python) == ("hoodi", "public", "3.12")
    assert found.params == {"n": 3, "name": "x", "fast": True}
    assert golem(run="make all").run == "make all"


def test_a_task_is_a_chain_unless_it_says_otherwise() -> None:
    assert [pod.needs for pod in read(pods=["x", "y", "z"]).pods or ()] == [(), (0,), (1,)]
    graph = read(
        pods=[
            {"ref": "x", "name": "left"},
            {"ref": "y", "needs": []},
            {"ref": "x", "name": "both", "needs": ["left", "y", "left"], "note": 1},
        ]
    ).pods
    assert graph is not None
    assert [pod.needs for pod in graph] == [(), (), (0, 1)]
    assert graph[2].extra == {"note": 1}


def test_a_pod_of_a_task_is_meant_by_the_last_part_of_its_reference_too() -> None:
    pods = ["pods/x", {"ref": "pods/y", "name": "last"}, {"ref": "z", "needs": ["x"]}]
    assert (read(pods=pods).pods or ())[2].needs == (0,)
    # A name that was given counts more.
    pods = ["pods/x", {"ref": "pods/y", "name": "x"}, {"ref": "z", "needs": ["x"]}]
    assert (read(pods=pods).pods or ())[2].needs == (1,)


def test_a_task_has_payload_of_its_own() -> None:
    assert read(pods=["x"], payload="data").payload_folder == "data"
    assert read(pods=["x"], payload=[{"ref": "r", "data": "d"}]).external == (ExternalPayload("r", "d"),)


def test_unknown_keys_are_kept() -> None:
    recipe = read(colour="red", golem={"exec": "x", "deep": {"er": [1]}})
    assert recipe.extra == {"colour": "red"}
    assert recipe.golem is not None
    assert recipe.golem.extra == {"deep": {"er": [1]}}
    assert recipe_warnings(recipe) == []


def test_later_errors_can_name_the_line_too() -> None:
    recipe = read(golem={"exec": "x", "timeout": 5})
    assert recipe.invalid("golem.timeout", "no").message == "recipe.json:5, key `golem.timeout`: no"
    assert recipe.invalid("golem.image", "is needed").message == "recipe.json:3, key `golem.image`: is needed"


def test_likely_slips_are_suggested() -> None:
    assert warnings(golm={}) == ["recipe.json:3, key `golm`: is not known; did you mean `golem`?"]
    assert warnings(Pods=[]) == ["recipe.json:3, key `Pods`: is not known; did you mean `pods`?"]
    assert warnings(exec="x") == ["recipe.json:3, key `exec`: is not known here; it belongs inside `golem`"]
    assert warnings(golem={"exec": "x", "time-out": 1, "author": "me", "resources": {"memory": 1}}) == [
        "recipe.json:5, key `golem.time-out`: is not known; did you mean `timeout`?",
        "recipe.json:6, key `golem.author`: is not known here; it belongs outside of `golem`",
        "recipe.json:8, key `golem.resources.memory`: is not known; did you mean `memory_gib`?",
    ]
    assert warnings(pods=["x", {"ref": "y", "need": []}]) == [
        "recipe.json:7, key `pods[1].need`: is not known; did you mean `needs`?"
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"golem": {"exec": "x", "log": "a", "logs": "b"}}, "6, key `golem.logs`: has no effect, because `log`"),
        ({"golem": {"exec": "it's"}}, "4, key `golem.exec`: quotes do not match"),
        ({"golem": {"exec": "x", "output": "payload/out"}}, "5, key `golem.output`: is inside the payload folder"),
        ({"golem": {"exec": "x", "logs": "script"}}, "5, key `golem.logs`: is inside the script folder `script`"),
        (
            {"golem": {"exec": "x", "log": "a", "script": "a/b"}},
            "5, key `golem.log`: the script folder `a/b` is",
        ),
        ({"golem": {"exec": "x", "log": "output/logs"}}, "5, key `golem.log`: is inside the output folder"),
        ({"golem": {"exec": "x", "output": "logs/out"}}, "5, key `golem.output`: is inside the log folder"),
        (
            {"golem": {"exec": "x", "payload": "script/in"}},
            "5, key `golem.payload`: the payload folder `script/in`",
        ),
        ({"golem": {"exec": "x"}, "pods": ["y"]}, "6, key `pods`: has no effect"),
        ({"golem": {"exec": "x"}, "payload": "y"}, "6, key `payload`: has no effect here"),
        ({"name": "a" * 65}, "2, key `name`: is longer than 64 bytes"),
        ({"name": "what?"}, "2, key `name`: `what?` is awkward"),
        ({"name": " x"}, "2, key `name`: ` x` is awkward"),
    ],
)
def test_what_is_allowed_and_odd(keys: dict[str, Any], expected: str) -> None:
    found = warnings(**keys)
    assert len(found) == 1
    assert found[0].startswith(f"recipe.json:{expected}")


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("python3 script/a.py", ["python3", "script/a.py"]),
        ("python3 [@]script/a.py --in=[@]payload", ["python3", "/my pods/x/script/a.py", "--in=/my pods/x/payload"]),
        ("sh -c 'echo \"a b\"'", ["sh", "-c", 'echo "a b"']),
        ("python3  it's.py", ["python3", "", "it's.py"]),
        ("echo # not a comment", ["echo", "#", "not", "a", "comment"]),
    ],
)
def test_exec_becomes_an_argv(command: str, argv: list[str]) -> None:
    assert expand_exec(command, "/my pods/x") == argv
    assert expand_exec(command, "/my pods/x/") == argv


def test_exec_in_the_root_folder() -> None:
    assert expand_exec("[@]a", "/") == ["/a"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_the_reader_agrees_with_the_standard_library(value: object, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert locate(text.encode()).value == value


@given(VALUES, st.data())
def test_the_reader_refuses_what_the_standard_library_refuses(value: object, data: st.DataObject) -> None:
    text = json.dumps({"name": "a", "x": value})
    at = data.draw(st.integers(0, len(text) - 1))
    broken = text[:at] + data.draw(st.sampled_from(['"', ",", "}", "]", "{", "\\", "0", "", "/"])) + text[at + 1 :]
    try:
        pairs: list[bool] = []

        def unique(items: list[tuple[str, object]]) -> dict[str, object]:
            pairs.append(len(dict(items)) == len(items))
            return dict(items)

        expected = json.loads(broken, object_pairs_hook=unique)
    except ValueError:
        with pytest.raises(RecipeInvalid):
            parse_recipe(broken.encode())
    else:
        surrogates = any(0xD800 <= ord(c) < 0xE000 for c in json.dumps(expected, ensure_ascii=False))
        if all(pairs) and not surrogates and "Infinity" not in json.dumps(expected):
            assert locate(broken.encode()).value == expected


def test_lines_are_those_of_keys_and_items() -> None:
    located = locate(b'\n{"a": 1,\n "b": [\n  2,\n  {"c":\n 3}]}')
    assert located.lines == {(): 2, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5}
    assert located.numbers == {("a",): "1", ("b", 0): "2", ("b", 1, "c"): "3"}
