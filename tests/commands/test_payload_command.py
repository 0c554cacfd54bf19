"""`sovr payload`, and runs that take payload of another pod."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_lab import Cli


@pytest.fixture
def other(cli: Cli) -> Path:
    """A pod with something to take, beside the one that is worked in."""
    top = cli.folder
    cli.pod("data")
    cli.write("output/model.bin", "model\n")
    cli("commit", "-q", "-m", "Data")
    place = cli.folder
    cli.folder = top
    return place


@pytest.fixture
def taking(cli: Cli, other: Path) -> Cli:
    """A pod that puts out the payload that it takes."""
    cli.pod()
    cli.script("cat payload/external/model.bin > output/out.txt")
    cli("commit", "-q", "-m", "Takes a model")
    return cli


def test_adding_and_running(taking: Cli, other: Path) -> None:
    assert taking("payload").err.startswith("the recipe names no payload of other pods\n")
    assert taking.json("payload")["payload"] == [] and taking.json("payload", "update")["written"] is False
    taking.folder /= "script"
    said = taking("payload", "add", "../../data", "output/model.bin")
    taking.folder = taking.folder.parent
    assert said.out.startswith("added  output/model.bin  from ../data at ")
    row = {"ref": "../data", "data": "output/model.bin"}
    assert json.loads(taking.read("recipe.json"))["golem"]["payload"] == [row]
    (state,) = taking.json("payload", "status", "--check")["payload"]
    assert (state["state"], state["here"]) == ("same", False)
    assert taking("run").code == 0 and taking.read("output/out.txt") == "model\n"
    assert taking("status").out.endswith("clean\n")
    (state,) = taking.json("payload")["payload"]
    assert state["here"] and state["locked"] == state["now"]
    assert "not here" not in taking("payload").out
    taking("rerun", "HEAD")
    assert "identical" in taking("verify", "HEAD").out
    assert f"from {other}" in taking("lineage", "output/out.txt").out


def test_a_reference_that_has_moved(taking: Cli, other: Path) -> None:
    (added,) = taking.json("payload", "add", "../data", "output/model.bin")["payload"]
    assert (added["state"], added["before"], added["locked"]["kind"]) == ("added", None, "file")
    taking("run", "-q")
    pod, taking.folder = taking.folder, other
    taking.write("output/model.bin", "better\n")
    taking("commit", "-q", "-m", "Better")
    taking.folder = pod
    said = taking("payload", "status", "--check", code=1)
    assert said.out.startswith("moved        output/model.bin  from ../data\n") and "now at" in said.out
    assert "sovr payload update" in said.err
    said = taking("run").err
    assert said.startswith("known: ") and "output/model.bin from ../data has moved on to " in said
    assert "output/model.bin from ../data has moved on to " in taking("run", "--force").err
    assert taking.read("output/out.txt") == "model\n"
    assert taking.json("payload", "update", "../data")["payload"][0]["state"] == "moved"
    assert taking("payload", "update").err == "`recipe.lock` is up to date\n"
    assert "the payload `output/model.bin` of another pod changed" in taking("run").err
    assert taking.read("output/out.txt") == "better\n"


def test_a_run_says_what_it_locks(taking: Cli, other: Path) -> None:
    recipe = json.loads(taking.read("recipe.json"))
    recipe["golem"]["payload"] = [{"ref": "../data", "data": "output/model.bin"}]
    taking.write("recipe.json", json.dumps(recipe))
    assert taking("payload", "status", "--check", code=1).out.startswith("unlocked ")
    said = taking("run")
    assert said.err.startswith("locked output/model.bin from ../data at ")
    assert "written to `recipe.lock`: 1 payload of other pods\n" in said.err


def test_what_cannot_be_had(taking: Cli, other: Path) -> None:
    said = taking("payload", "add", "../nowhere", "x", code=44)
    assert "no such folder" in said.err
    said = taking("payload", "add", "../data", "output/x", code=22)
    assert said.err.startswith("error: no `output/x` in commit ")
    assert said.err.endswith("hint: there is `model.bin`\n")
    taking("payload", "add", "../data", "output/model.bin")
    other.rename(other.with_name("elsewhere"))
    assert taking("run", code=44).err.startswith("error: the payload `output/model.bin` of another pod cannot be had: ")
    assert taking("payload").out.startswith("unreachable  ")


def test_references_start_from_the_pods_folder(cli: Cli, other: Path) -> None:
    cli("init", "-q", "made", "--exec", "true", "--payload", "data", "output/model.bin", "--payload", "data@main", ".")
    assert [entry["ref"] for entry in json.loads(cli.read("made/recipe.json"))["golem"]["payload"]] == [
        "../data",
        "../data@main",
    ]
    cli.folder /= "made"
    assert [state["state"] for state in cli.json("payload")["payload"]] == ["unlocked", "unlocked"]
