"""Recipes that are broken, each in its own way, and where the message says it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe import Recipe, parse_recipe
from sovrgit.pod.recipe_lines import MAX_SIZE


def refused(text: str | bytes, file: str = "recipe.json") -> str:
    """The message for a recipe that must be refused."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(RecipeInvalid) as caught:
        parse_recipe(data, file)
    return caught.value.message


def pod(**golem: object) -> str:
    """A compute pod with these keys in `golem`, the first on line 4."""
    return json.dumps({"name": "a", "golem": {"exec": "run.sh", **golem}}, indent=1)


SYNTAX = {
    "empty": (b" \n", "recipe.json: the file is empty"),
    "utf-16": ('{"name": "a"}'.encode("utf-16"), "recipe.json: the file is UTF-16; save it as UTF-8"),
    "latin-1": (b'{\n"name": "\xe9"}', "recipe.json:2: not UTF-8 text (byte 12); save the file as UTF-8"),
    "list": (b"[]", "recipe.json:1: a recipe is an object"),
    "trailing comma": (b'{\n"name": "a",\n}', "recipe.json:2, column 12: a comma after the last entry"),
    "trailing comma in golem": (
        b'{"name": "a",\n"golem": {"exec": "x",}}',
        "recipe.json:2, column 22, key `golem`: a comma after the last entry",
    ),
    "two commas": (b'{"pods": ["a",, "b"]}', "recipe.json:1, column 15, key `pods[1]`: a comma too many"),
    "line comment": (b'{\n  // the name\n"name": "a"}', "recipe.json:2, column 3: JSON has no comments"),
    "hash comment": (b'{"name": "a", # the name\n}', "recipe.json:1, column 15: JSON has no comments"),
    "block comment": (b'/* */ {"name": "a"}', "recipe.json:1, column 1: JSON has no comments"),
    "single quotes": (b"{'name': 'a'}", "recipe.json:1, column 2: text is written in double quotes, not single ones"),
    "single-quoted value": (
        b"{\"name\": 'a'}",
        "recipe.json:1, column 10, key `name`: text is written in double quotes",
    ),
    "curly quotes": ("{“name”: 1}".encode(), "recipe.json:1, column 2: text is written in straight double quotes"),
    "bare key": (b'{name: "a"}', 'recipe.json:1, column 2: a key is written in double quotes: `"name"`'),
    "bare text": (b'{"name": abc}', 'recipe.json:1, column 10, key `name`: text is written in double quotes: `"abc"`'),
    "NaN": (b'{"name": NaN}', "recipe.json:1, column 10, key `name`: `NaN` is not a number that JSON knows"),
    "Infinity": (b'{"name": -Infinity}', "recipe.json:1, column 10, key `name`: not a number"),
    "Python's True": (b'{"public": True}', "recipe.json:1, column 12, key `public`: `True` is written `true` in JSON"),
    "no comma": (b'{"name": "a"\n"version": "1"}', "recipe.json:1, column 12, key `name`: a comma is missing after"),
    "no comma in a list": (b'["a" "b"]', "recipe.json:1, column 4, key `[0]`: a comma is missing after this entry"),
    "no colon": (b'{"name" "a"}', "recipe.json:1, column 9, key `name`: a colon is missing after the key `name`"),
    "no value": (b'{"name": }', "recipe.json:1, column 10, key `name`: a value is missing here, and `}` is found"),
    "no end": (
        b'{\n"golem": {\n"exec": "x"\n',
        "recipe.json:3, column 11, key `golem`: the file ends before the `{` of line 2",
    ),
    "wrong end": (
        b'{\n"pods": ["a"}',
        "recipe.json:2, column 13, key `pods`: the `[` of line 2 is closed by `}` instead",
    ),
    "open text": (b'{"name": "a\n}', 'recipe.json:1, column 10, key `name`: a `"` is missing'),
    "tab": (b'{"name": "a\tb"}', "recipe.json:1, column 12, key `name`: a tab inside of text is written `\\t`"),
    "control": (
        b'{"name": "\x1b[31m"}',
        "recipe.json:1, column 11, key `name`: a control character inside of text (U+001B)",
    ),
    "escape": (b'{"name": "C:\\pod"}', "recipe.json:1, column 13, key `name`: `\\p` means nothing in JSON"),
    "half a pair": (b'{"name": "\\ud83d"}', "recipe.json:1, column 10, key `name`: half of a surrogate pair"),
    "leading zero": (b'{"version": 01}', "recipe.json:1, column 13, key `version`: not a number as JSON writes it"),
    "huge number": (b'{"x": 1e999}', "recipe.json:1, column 7, key `x`: the number is too large"),
    "long number": (
        b'{"x": 1' + b"0" * 500 + b"}",
        "recipe.json:1, column 7, key `x`: a number of more than 400 characters",
    ),
    "two recipes": (b'{"name": "a"}\n{}', "recipe.json:2, column 1: something follows the end of the recipe"),
    "too deep": (b'{"x":' + b"[" * 5000, "recipe.json:1, column 37, key `x[0][0][0]`: nested more than 32 levels deep"),
    "too large": (b" " * (MAX_SIZE + 1), f"recipe.json: {MAX_SIZE + 1} bytes are too large for a recipe"),
    "conflict": (
        b'{"name": "a",\n<<<<<<< main\n"version": "1"\n=======\n"version": "2"\n>>>>>>> work\n}',
        "recipe.json:2, column 1: a merge conflict is not resolved",
    ),
    "key given twice": (
        b'{"name": "a", "golem": {\n"exec": "x",\n"log": "logs",\n"exec": "y"}}',
        "recipe.json:4, column 1, key `golem.exec`: the key is given twice, on lines 2 and 4",
    ),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_what_is_not_json_is_said_in_words_with_line_and_column(case: str) -> None:
    data, expected = SYNTAX[case]
    message = refused(data)
    assert message.startswith(expected)
    assert "\x1b" not in message


TYPES_AND_MEANING = {
    "no name": ('\n{"version": "1"}', ":2, key `name`: the key is missing"),
    "name is a number": ('{\n"name": 7}', ":2, key `name`: should be text, not a number"),
    "name is null": ('{\n"name": null}', ":2, key `name`: should be text, not null"),
    "blank name": ('{"name": " "}', ":1, key `name`: is empty"),
    "name with a slash": ('{"name": "a/b"}', ":1, key `name`: a name with a slash"),
    "name goes up": ('{"name": ".."}', ":1, key `name`: `..` cannot be the name"),
    "version is a list": (
        '{"name": "a",\n"version": [1]}',
        ":2, key `version`: should be a number or text, not a list",
    ),
    "public is text": ('{"name": "a",\n\n"public": "yes"}', ":3, key `public`: should be `true` or `false`, not text"),
    "golem is text": ('{"name": "a",\n"golem": "x"}', ":2, key `golem`: should be an object, not text"),
    "nothing to run": ('{"name": "a",\n"golem": {}}', ":2, key `golem.exec`: the key is missing"),
    "blank exec": (pod(exec=" "), ":4, key `golem.exec`: is empty"),
    "no program": (pod(exec="'' x"), ":4, key `golem.exec`: the name of the program is empty"),
    "exec is a list": (pod(exec=["x"]), ":4, key `golem.exec`: should be text, not a list"),
    "exec with NUL": (pod(exec="x\0"), ":4, key `golem.exec`: has a NUL"),
    "run is empty": (pod(run=[]), ":5, key `golem.run`: the list is empty"),
    "run has a number": (pod(run=["x", 2]), ":7, key `golem.run[1]`: should be text, not a number"),
    "run has NUL": (pod(run=["x", "\0"]), ":7, key `golem.run[1]`: has a NUL"),
    "absolute script": (pod(script="/home/me/x"), ":5, key `golem.script`: `/home/me/x` is absolute; give a path"),
    "drive": (pod(script="C:\\x"), ":5, key `golem.script`: `C:\\x` is absolute"),
    "backslash": (pod(script="\\\\host\\x"), ":5, key `golem.script`: `\\\\host\\x` is absolute"),
    "payload above": (pod(payload="a/../../b"), ":5, key `golem.payload`: `a/../../b` leads out of the pod"),
    "payload above, backslash": (pod(payload="a\\..\\b"), ":5, key `golem.payload`: `a\\"),
    "payload in .sovr": (pod(payload="x/.SOVR/y"), ":5, key `golem.payload`: `x/.SOVR/y` is in `.sovr`"),
    "payload is empty": (pod(payload=""), ":5, key `golem.payload`: is empty"),
    "payload with NUL": (pod(payload="a\0"), ":5, key `golem.payload`: has a control character"),
    "payload is a number": (pod(payload=3), ":5, key `golem.payload`: should be text, "),
    "external without data": (pod(payload=[{"ref": "r"}]), ":6, key `golem.payload[0].data`: the key is missing"),
    "external without ref": (pod(payload=[{"ref": "", "data": "x"}]), ":7, key `golem.payload[0].ref`: is empty"),
    "external above": (
        pod(payload=[{"ref": "r", "data": "/../x"}]),
        ":8, key `golem.payload[0].data`: `../x` leads out",
    ),
    "external files above": (
        pod(payload={"pod": "r", "files": ["ok", ".."]}),
        ":9, key `golem.payload.files[1]`: `..` leads out",
    ),
    "no external files": (pod(payload={"pod": "r", "files": []}), ":7, key `golem.payload.files`: the list is empty"),
    "output is the pod": (pod(output="./"), ":5, key `golem.output`: is the pod itself"),
    "output is payload": (pod(output="./payload/"), ":5, key `golem.output`: the payload folder `payload` is inside"),
    "output holds script": (
        pod(output="work", script="work/bin"),
        ":5, key `golem.output`: the script folder `work/bin` is inside the output folder `work`",
    ),
    "payload in the default output": (
        pod(payload="output/in"),
        ":5, key `golem.payload`: the payload folder `output/in` is inside the output folder `output`",
    ),
    "shared output is script": (pod(output={"share": "script/x"}), ":6, key `golem.output.share`: the script folder"),
    "shared output above": (pod(output={"share": "../x"}), ":6, key `golem.output.share`: `../x` leads out"),
    "log is the pod": (pod(log="."), ":5, key `golem.log`: is the pod itself"),
    "logs are output": (
        pod(logs="output"),
        ":5, key `golem.logs`: the log folder and the output folder are both `output`",
    ),
    "output is logs": (
        pod(output="logs"),
        ":5, key `golem.output`: the log folder and the output folder are both `logs`",
    ),
    "absolute each": (pod(each="/tmp/*"), ":5, key `golem.each`: `/tmp/*` is absolute"),
    "zero task timeout": (pod(task_timeout=0), ":5, key `golem.task_timeout`: should be more than 0 seconds"),
    "zero timeout": (pod(timeout=0), ":5, key `golem.timeout`: should be more than 0 seconds"),
    "timeout in words": (pod(timeout="soon"), ":5, key `golem.timeout`: `soon` is not a duration"),
    "long timeout": (pod(timeout=10**300), ":5, key `golem.timeout`: is more than a year"),
    "true timeout": (pod(timeout=True), ":5, key `golem.timeout`: should be a number or text, not `true` or `false`"),
    "half a retry": (pod(retries=0.5), ":5, key `golem.retries`: should be a whole number"),
    "negative retries": (pod(retries=-1), ":5, key `golem.retries`: should be between 0 and 100"),
    "budget in words": (pod(budget="much"), ":5, key `golem.budget`: `much` is not an amount"),
    "negative budget": (pod(budget=-1), ":5, key `golem.budget`: is negative"),
    "dust": (pod(budget=1e-30), ":5, key `golem.budget`: should be between 1e-18 and"),
    "too exact": (pod(budget="0.1234567890123456789"), ":5, key `golem.budget`: has more than 18 digits"),
    "unknown rule": (
        pod(compare={"a.json": {"same": {}}}),
        ':7, key `golem.compare["a.json"].same`: there is no rule `same`; the rules are `"exact"`, `"ignore"`, ',
    ),
    "rule without its object": (
        pod(compare={"a": "json"}),
        ':6, key `golem.compare.a`: `json` is not a rule by itself; write `{"json": {}}`',
    ),
    "unknown option": (
        pod(compare={"a": {"numeric": {"tolerance": 1}}}),
        ":8, key `golem.compare.a.numeric.tolerance`: has no meaning here; `numeric` knows `absolute` and `relative`",
    ),
    "tolerance of all": (
        pod(compare={"a": {"numeric": {"relative": 1}}}),
        ":8, key `golem.compare.a.numeric.relative`: should be less than 1",
    ),
    "ignored key with nothing in it": (
        pod(compare={"a": {"json": {"ignore": ["x", "a..b"]}}}),
        ":10, key `golem.compare.a.json.ignore[1]`: `a..b` has an empty part; a key with a dot in it is written `/a.b`",
    ),
    "two rules": (
        pod(compare={"a": "exact", "./a": "ignore"}),
        ':7, key `golem.compare["./a"]`: `a` has a rule already',
    ),
    "image elsewhere": (pod(devnet={"images": {"x": "../x"}}), ":7, key `golem.devnet.images.x`: "),
    "the pod as its image": (pod(devnet={"images": {"x": "."}}), ":7, key `golem.devnet.images.x`: is the pod itself"),
    "image without a name": (pod(devnet={"images": {" ": "x"}}), ':7, key `golem.devnet.images[" "]`: is empty'),
    "image that no rerun has": (
        pod(devnet={"images": {"x": "y"}}),
        ":7, key `golem.devnet.images.x`: `y` is neither in",
    ),
    "no memory": (pod(resources={"memory_gib": 0}), ":6, key `golem.resources.memory_gib`: should be more than 0"),
    "no threads": (pod(resources={"threads": 0}), ":6, key `golem.resources.threads`: should be between 1 and"),
    "list of params": (pod(params=[]), ":5, key `golem.params`: should be an object, not a list"),
    "param is a list": (pod(params={"odd name": []}), ':6, key `golem.params["odd name"]`: should be text, a number'),
    "blank image": (pod(image=""), ":5, key `golem.image`: is empty"),
    "pods is text": ('{"name": "a",\n"pods": "x"}', ":2, key `pods`: should be a list, not text"),
    "blank pod": ('{"name": "a", "pods": ["x",\n""]}', ":2, key `pods[1]`: is empty"),
    "pod without ref": ('{"name": "a", "pods": [\n{"name": "x"}]}', ":2, key `pods[0].ref`: the key is missing"),
    "unknown need": (
        '{"name": "a", "pods": ["x",\n{"ref": "y",\n"needs": ["z"]}]}',
        ":3, key `pods[1].needs[0]`: `z` is neither the name nor the reference",
    ),
    "ambiguous need": (
        '{"name": "a", "pods": ["x", "x",\n{"ref": "y", "needs": ["x"]}]}',
        ":2, key `pods[2].needs[0]`: `x` is the reference of 2 pods",
    ),
    "a matrix without a value": (
        '{"name": "a", "pods": [{"ref": "y",\n"matrix": {"C": []}}]}',
        ":2, key `pods[0].matrix.C`: is empty, so the pod would never run",
    ),
    "a matrix of a million": (
        f'{{"name": "a", "pods": [{{"ref": "y", "matrix": {{"a": {[*range(1000)]}, "b": {[*range(1000)]}}}}}]}}',
        ":1, key `pods[0].matrix`: has more than 10000 combinations",
    ),
    "a value of a matrix twice": (
        '{"name": "a", "pods": [{"ref": "y", "matrix": {"C": [true, "true"]}}]}',
        ":1, key `pods[0].matrix.C`: has the value `true` twice",
    ),
    "needs itself": (
        '{"name": "a", "pods": [{"ref": "y", "name": "b", "needs": ["b"]}]}',
        ":1, key `pods[0].needs[0]`: a pod cannot need itself",
    ),
    "circle": (
        '{"name": "a", "pods": [{"ref": "x", "needs": ["y"]},\n{"ref": "y", "name": "last"}]}',
        ":2, key `pods[1]`: pods need each other in a circle: ",
    ),
    "two names": (
        '{"name": "a", "pods": [{"ref": "x", "name": "n"},\n{"ref": "y",\n"name": "n"}]}',
        ":3, key `pods[1].name`: the name `n` is given twice",
    ),
}


@pytest.mark.parametrize("case", TYPES_AND_MEANING)
def test_what_has_no_meaning_is_said_with_line_and_key(case: str) -> None:
    text, expected = TYPES_AND_MEANING[case]
    assert refused(text).startswith("recipe.json" + expected)


def test_the_file_is_called_what_the_caller_calls_it() -> None:
    assert refused("{}", "pods/blender/recipe.json") == "pods/blender/recipe.json:1, key `name`: the key is missing"


def test_a_key_cannot_steer_the_terminal() -> None:
    message = refused(json.dumps({"name": "a", "golem": {"exec": "x", "params": {"a\x1b]0;x\x07": 1}}}))
    assert "\x1b" not in message
    assert "a\\x1b]0;x\\x07" in message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_recipe_or_refused(data: bytes) -> None:
    try:
        assert isinstance(parse_recipe(data), Recipe)
    except RecipeInvalid as error:
        assert error.message.startswith("recipe.json")
