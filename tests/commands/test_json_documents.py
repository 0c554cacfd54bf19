"""`--json`: every command prints one document, as its schema says."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from command_lab import Cli, schema

from sovrgit.commands.catalogue import names

SCHEMAS = sorted(entry.name.removesuffix(".json") for entry in files("sovrgit.ui").joinpath("schemas").iterdir())


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema, the outermost included."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def test_every_command_has_a_schema() -> None:
    assert set(SCHEMAS) == {*names(), "error"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert schema(name)["description"].endswith(".")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_described(name: str) -> None:
    loaded = schema(name)
    for part in parts(loaded):
        for key, field in part.get("properties", {}).items():
            if isinstance(field, dict) and set(field) != {"const"}:
                assert field.get("description", "").endswith("."), key


@pytest.mark.parametrize("name", SCHEMAS)
def test_fields_may_be_added(name: str) -> None:
    assert all(part.get("additionalProperties", True) is not False for part in parts(schema(name)))


def test_what_has_one_name_is_one_thing() -> None:
    known: dict[str, Any] = {}
    for name in SCHEMAS:
        for key, definition in schema(name).get("$defs", {}).items():
            assert known.setdefault(key, definition) == definition, (name, key)


def test_definitions_are_used() -> None:
    for name in SCHEMAS:
        loaded = schema(name)
        used = {part["$ref"].rpartition("/")[2] for part in parts(loaded) if isinstance(part.get("$ref"), str)}
        assert used == set(loaded.get("$defs", {})), name


# --- the documents ------------------------------------------------------------------------------------------------


def test_working(cli: Cli) -> None:
    made = cli.json("init", "pod", "--template", "hello-world")
    assert (made["name"], made["kind"], made["folder"]) == ("hello-world", "compute", str(cli.folder / "pod"))
    pod = cli.at(cli.folder / "pod")
    assert pod.json("status")["commit"] is None
    commit = pod.json("commit", "-m", "One\n\nmore")
    assert (commit["message"], commit["branch"], commit["left_out"]) == ("One\n\nmore", "main", [])
    pod.write("recipe.json", pod.read("recipe.json").replace('"1.0"', '"1.1"'))
    pod.write("payload/name.txt", "Ada\n")
    pod.write("payload/blob.bin", b"\0\1\2")
    assert [change["change"] for change in pod.json("status")["changes"]] == ["added", "modified", "modified"]
    changes = {change["path"]: change for change in pod.json("diff")["changes"]}
    assert changes["recipe.json"]["keys"] == [{"key": "version", "change": "changed", "old": '"1.0"', "new": '"1.1"'}]
    assert changes["payload/blob.bin"]["binary"] and changes["payload/blob.bin"]["old"] is None
    assert (changes["payload/name.txt"]["added_lines"], changes["payload/name.txt"]["removed_lines"]) == (1, 1)
    assert len(pod.json("diff", "HEAD", "HEAD", code=0)["changes"]) == 0
    restored = pod.json("restore", "payload/name.txt")
    assert restored["revision"] == "HEAD" and [entry["path"] for entry in restored["restored"]] == ["payload/name.txt"]
    assert pod.json("cat", "recipe.json")["kind"] == "blob"
    assert {entry["path"] for entry in pod.json("ls")["entries"]} >= {"recipe.json", "payload", "output"}
    (logged,) = pod.json("log")["commits"]
    assert logged["id"] == commit["id"] and logged["refs"] == ["HEAD -> main"]
    assert pod.json("fsck")["sound"]


def test_settings(pod: Cli) -> None:
    assert pod.json("config", "user.name", code=1)["settings"] == []
    (setting,) = pod.json("config", "user.name", "Ben")["settings"]
    file = str(pod.folder / ".sovr" / "config")
    assert (setting["name"], setting["value"], setting["file"], setting["scope"]) == ("user.name", "Ben", file, "pod")
    # The environment says another name.
    hidden = {**setting, "counts": False}
    assert pod.json("config", "user.name")["settings"] == [hidden]
    assert pod.json("config")["settings"] == [hidden]
    *_, named = pod.json("config", "user.name", "--show-origin")["settings"]
    assert named == {**setting, "value": "Ann", "file": "", "scope": "environment", "origin": "SOVR_AUTHOR_NAME"}
    assert pod.json("config", "--unset", "user.name")["settings"] == []
    assert pod.json("config")["settings"] == []


def test_special_files_are_listed(pod: Cli) -> None:
    os.mkfifo(pod.folder / "pipe")
    pod.write("more.txt", "")
    assert pod.json("commit", "-m", "x")["left_out"] == [{"path": "pipe"}]


def test_running(pod: Cli) -> None:
    first = pod.json("run", "-p", "size=3", "--", "--fast")
    assert first["status"] == "succeeded" and not first["reused"] and first["commit"]["run"] == first["id"]
    assert first["argv"] == ["sh", "script/run.sh", "--fast"] and first["parameters"] == {"size": "3"}
    again = pod.json("run", "-p", "size=3", "--", "--fast")
    assert (again["reused"], again["id"], again["commit"]) == (True, first["id"], None)
    (line,) = pod.json("logs")["lines"]
    assert (line["stream"], line["text"]) == ("stdout", "working")
    assert pod.json("logs", "--file", "run.log")["text"].startswith("# sovr log 1\n")
    repeated = pod.json("rerun", first["id"])
    assert repeated["repeats"] == first["id"]
    verdict = pod.json("verify")
    assert (verdict["finding"], verdict["run"], verdict["files"]) == ("identical", first["id"], 1)
    runs = pod.json("runs")["runs"]
    assert [run["verdict"] for run in runs] == [None, None, "identical"]
    assert len(pod.json("runs", "-n", "1")["runs"]) == 1
    assert pod.json("lineage", "output/out.txt")["direction"] == "up"
    assert pod.json("trust")["exec"] == "sh script/run.sh"


def test_a_failed_run_is_printed_and_told(pod: Cli) -> None:
    pod.script("echo seen >> payload/in.txt; exit 3")
    said = pod("--json", "run", code=60)
    document = json.loads(said.out)
    jsonschema.Draft202012Validator(schema("run")).validate(document)
    assert (document["exit_code"], document["commit"]) == (3, None)
    assert document["changed_inputs"] == [{"path": "payload/in.txt"}]
    assert json.loads(said.err.splitlines()[-1])["error"]["fields"]["run"] == document["id"][:10]
    pod.script("kill -9 $$")
    said = pod("--json", "run", code=60)
    assert json.loads(said.out)["signal"] == 9


def test_what_the_command_prints_is_not_among_the_data(pod: Cli) -> None:
    pod.script("printf 'to out'; printf 'to err' >&2; exit 1")
    said = pod("--json", "run", code=60)
    assert len(said.lines) == 1 and set(said.err.splitlines()[0]) == set("to outerr")
    assert json.loads(said.err.splitlines()[-1])["error"]["code"] == "RunFailed"


def test_a_verdict_that_differs(pod: Cli) -> None:
    pod.script("date +%N > output/out.txt; cp payload/in.txt output/")
    pod("run")
    verdict = pod.json("verify", code=1)
    (difference,) = verdict["differences"]
    assert (difference["path"], difference["change"], difference["rule"]) == ("output/out.txt", "changed", "")
    assert difference["where"]["line"] == 1
    (repeat,) = verdict["repeats"]
    assert repeat["id"] == verdict["id"] and repeat["repeated"]["repeats"] == verdict["run"]
    assert not verdict["confirmed"]


def test_showing(pod: Cli) -> None:
    run = pod.json("run")
    commit = pod.json("show")
    assert (commit["kind"], commit["run"]) == ("commit", run["id"])
    shown = pod.json("show", run["id"])
    assert shown["kind"] == "run" and shown["commits"] == [commit["id"]]
    verdict = pod.json("verify")
    assert pod.json("show", verdict["id"])["kind"] == "verdict"
    assert pod.json("show", run["id"])["verdicts"][0]["id"] == verdict["id"]
    tree = pod.json("show", "HEAD:")
    assert tree["kind"] == "tree" and tree["id"] == commit["tree"]
    assert pod.json("show", "HEAD:recipe.json")["kind"] == "blob"


def test_sharing(pod: Cli) -> None:
    shared = str(pod.folder.parent / "shared")
    assert pod.json("remote", "add", "origin", "../shared")["remotes"] == [{"name": "origin", "location": shared}]
    assert pod.json("remote")["remotes"] == pod.json("remote", "list")["remotes"]
    pushed = pod.json("push")
    assert pushed["generation"] == 1 and [move["ref"] for move in pushed["moved"]] == ["refs/heads/main"]
    assert pod.json("push")["moved"] == []
    above = pod.at(pod.folder.parent)
    cloned = above.json("clone", "shared", "copy")
    assert cloned["commit"] == pod.json("log")["commits"][0]["id"]
    forked = above.json("fork", "shared", "mine")
    mine = above.at(above.folder / "mine")
    assert mine.json("show")["fork"]["pod"] == "pod" and mine.json("show")["id"] == forked["commit"]
    pod("commit", "--allow-empty", "-m", "more")
    pod("push")
    copy = above.at(above.folder / "copy")
    assert len(copy.json("fetch")["moved"]) == 1
    pulled = copy.json("pull")
    assert (pulled["moved"], pulled["changed_paths"]) == ([], 0)
    assert pulled["commit"] == pod.json("log")["commits"][0]["id"]
    assert pod.json("remote", "remove", "origin")["remotes"] == []


def test_the_demo(cli: Cli) -> None:
    jsonschema.Draft202012Validator.check_schema(schema("demo"))
    assert cli.failure("demo", "a", "b", code=2)["code"] == "Usage"


def test_names_that_are_not_text(pod: Cli) -> None:
    pod.write("payload/\udcff\udcfe.txt", "x")
    (change,) = pod.json("status")["changes"]
    assert change["path"] == "payload/\ufffd\ufffd.txt"
    assert base64.b64decode(change["path_b64"]) == b"payload/\xff\xfe.txt"
    pod.script('for file in payload/*; do echo y >> "$file"; done; cp payload/* output/')
    changed = pod.json("run")["changed_inputs"]
    assert {"path": change["path"], "path_b64": change["path_b64"]} in changed
    (found,) = [entry for entry in pod.json("ls", "-r")["entries"] if entry["path"].startswith("payload/\ufffd")]
    assert found["path_b64"] == change["path_b64"]


def test_a_folder_whose_name_is_no_text(cli: Cli) -> None:
    made = cli.json("init", "p\udcff", "--template", "hello-world", "--name", "x")
    assert made["folder"] == str(cli.folder / "p\ufffd")
