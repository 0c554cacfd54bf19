"""run --reuse: whose results are taken, what is said of them, and where they are seen afterwards."""

from __future__ import annotations

import json

import pytest
from command_lab import Cli, words

from sovrgit.signing.ethereum import SigningKey

ANN = SigningKey(bytes(31) + b"\x11")


@pytest.fixture
def ann(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Has run the pod, signed, and shared it."""
    import io
    import sys

    pod.set(SOVR_CREDENTIALS=str(pod.folder.parent / "anns"), SOVR_CONFIG=str(pod.folder.parent / "config"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ANN.export().encode() + b"\n")))
    pod("key", "import")
    pod("trust", "forget", ANN.address)
    pod("config", "--user", "user.signing", "true")
    pod("run")
    pod.share()
    pod("config", "--user", "user.signing", "false")
    return pod


@pytest.fixture
def bob(ann: Cli) -> Cli:
    """Has the same inputs, and knows where Ann shares."""
    folder = ann.folder.parent / "bobs"
    made = ann.at(folder.parent)
    made.pod("bobs")
    for path in ("recipe.json", "script/run.sh", "payload/in.txt"):
        made.write(path, ann.read(path))
    made.set(SOVR_CREDENTIALS=str(folder.parent / "none"), SOVR_AUTHOR_NAME="Bob")
    made("remote", "add", "anns", "../shared")
    return made


def test_taking_a_result(ann: Cli, bob: Cli) -> None:
    ran = ann.json("runs")["runs"][0]["id"]
    bob("trust", "key", ANN.address, "Ann of the lab")
    said = bob("run", "--reuse", "trusted")
    first, second = said.err.splitlines()
    place = bob.folder.parent / "shared"
    assert first.startswith(f"found: run {ran[:10]} by Ann of ")
    assert first.endswith(f", at `anns` ({place}), had the same inputs; taking its output")
    assert second == f"  signed by Ann of the lab ({ANN.address}); nobody is known to have verified it"
    assert words(said.out) == "run <id> succeeded earlier\ncommitted as <id> Take the output of run <id>\n"
    assert bob.read("output/out.txt") == "one\n"
    reuse = {"rule": "trusted", "reference": str(place), "trusted": ANN.address}
    commit = bob.json("log")["commits"][0]
    assert commit["run"] == ran and commit["reuse"] == reuse
    (listed,) = bob.json("runs")["runs"]
    assert listed["id"] == ran and listed["taken"] == reuse and listed["commit"] is None
    assert bob("runs").out.endswith(f"(taken from {place})\n")
    assert bob.json("show", ran)["reused"] == [{"commit": commit["id"], **reuse}]
    assert f"Reused:    by {commit['id'][:10]}, taken from {place}" in bob("show", ran).out
    assert f"Reuse:  taken from {place}" in bob("show").out
    (edge,) = [edge for edge in bob.json("lineage")["edges"] if edge["relation"] == "taken-from"]
    assert edge["note"] == f"found at {place}, on the word of {ANN.address}"
    # The commit took the output, and is not shown as what the run has made.
    of_file = [edge["relation"] for edge in bob.json("lineage", "output/out.txt")["edges"]]
    assert "committed-in" not in of_file and {"made-by", "added-in", "taken-from"} <= set(of_file)
    page = bob.folder.parent / "page.html"
    bob("lineage", "--html", str(page))
    assert "output taken from run" in page.read_text() and "made by run" not in page.read_text()
    assert bob("fsck").code == 0


def test_as_json(ann: Cli, bob: Cli) -> None:
    document = bob.json("run", "--reuse", "any")
    assert document["reused"] and document["notices"] == []
    found = document["found"]
    assert (found["rule"], found["remote"], found["by"], found["others"]) == ("any", "anns", "Ann", 0)
    assert found["signed"] == {"scheme": "eip-191", "address": ANN.address, "name": None, "own": False}
    assert found["trusted"] is None and found["verdicts"] == []


def test_what_is_not_taken_is_said(ann: Cli, bob: Cli) -> None:
    bob("remote", "add", "gone", "../nowhere")
    document = bob.json("run", "--reuse", "trusted")
    assert not document["reused"] and document["found"] is None
    assert "is signed by" in document["notices"][-1] and "without a name here" in document["notices"][-1]


def test_it_is_said_before_scripts_of_others_are_asked_about(ann: Cli, bob: Cli) -> None:
    config = bob.folder / ".sovr" / "config"
    config.write_text(config.read_text() + '[pod]\n\tforeign = "true"\n')
    said = bob("run", "--reuse", "trusted", code=64)
    assert f"from anns was not taken: it is signed by {ANN.address}" in said.err
    assert said.err.index("was not taken") < said.err.index("has not been approved")


def test_whose_a_result_is_that_came_with_a_branch(ann: Cli, bob: Cli) -> None:
    ran = ann.json("runs")["runs"][0]["id"]
    clone = ann.at(ann.folder.parent)
    clone("clone", "shared", "theirs")
    theirs = ann.at(ann.folder.parent / "theirs")
    theirs.set(SOVR_AUTHOR_NAME="Bob")
    assert theirs("run").err.startswith(f"known: run {ran[:10]} by Ann of ")


def test_the_setting_is_the_users_alone(ann: Cli, bob: Cli) -> None:
    assert "decides whose results are believed" in bob("config", "run.reuse", "any", code=13).err
    config = bob.folder / ".sovr" / "config"
    config.write_text(config.read_text() + "[run]\n\treuse = any\n")
    said = bob("run")
    assert "`run.reuse` in" in said.err and "running, because" in said.err


def test_what_the_user_sets(ann: Cli, bob: Cli) -> None:
    bob("config", "--user", "run.reuse", "any")
    assert bob("run").err.startswith("found: run ")


def test_own_is_the_default_and_asks_nobody(ann: Cli, bob: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.reuse.finding.remote_places", None)
    assert "running, because" in bob("run").err
    assert not (bob.folder / ".sovr" / "cache").exists()


# --- in a task --------------------------------------------------------------------------------------------------


@pytest.fixture
def tasks(ann: Cli, bob: Cli) -> tuple[Cli, Cli]:
    """Ann has run a task of two pods and shared it; Bob has the same one, and has never run it."""
    made = []
    for cli in (ann, bob):
        cli.folder = cli.folder.parent / f"{cli.folder.name}-task"
        for name, script in (("first", "echo one > output/n"), ("second", "cat payload/external/n > output/m")):
            cli.write(f"pods/{name}/recipe.json", json.dumps({"name": name, "golem": {"exec": "sh script/run.sh"}}))
            cli.write(f"pods/{name}/script/run.sh", script + "\n")
        cli.write("recipe.json", json.dumps({"name": "lab", "pods": ["pods/first", "pods/second"]}))
        cli("init", "-q")
        cli("commit", "-q", "-m", "First version")
        made.append(cli)
    ann.set(SOVR_CREDENTIALS=str(bob.folder.parent / "anns"), SOVR_AUTHOR_NAME="Ann")
    ann("config", "--user", "user.signing", "true")
    ann("run")
    ann("remote", "add", "origin", "../shared-task")
    ann("push")
    ann("config", "--user", "user.signing", "false")
    bob.set(SOVR_CREDENTIALS=str(bob.folder.parent / "none"), SOVR_AUTHOR_NAME="Bob")
    bob("remote", "add", "anns", "../shared-task")
    return made[0], made[1]


def members(cli: Cli) -> dict[str, str]:
    """The runs of the pods of a task, by their names."""
    (pods,) = (run["pods"] for run in cli.json("runs")["runs"] if run["pods"])
    return {pod["name"]: pod["run"] for pod in pods}


def test_results_of_the_pods_of_a_task(tasks: tuple[Cli, Cli]) -> None:
    ann, bob = tasks
    runs = members(ann)
    refused = bob("run", "--plan", "--reuse", "trusted")
    assert refused.err.count("was not taken") == 1 and "2 to run, 0 known" in refused.out
    bob("trust", "key", ANN.address, "Ann of the lab")
    plan = bob.json("run", "--plan", "--reuse", "trusted")["plan"]
    assert (plan["to_run"], plan["known"], plan["notices"]) == (0, 2, [])
    shown = bob("run", "--plan", "--reuse", "trusted").out
    place = bob.folder.parent / "shared-task"
    assert shown.count(f"at `anns` ({place})") == 2 and shown.count(f"signed by Ann of the lab ({ANN.address}); ") == 2
    assert not (bob.folder / "output").exists() and "2 to run, 0 known" in bob("run", "--plan").out
    document = bob.json("run", "--reuse", "trusted")
    for step in document["steps"]:
        assert step["state"] == "known" and step["run"] == step["known"] == runs[step["name"]]
        assert (step["found"]["rule"], step["found"]["by"], step["found"]["trusted"]) == ("trusted", "Ann", ANN.address)
        assert step["found"]["place"] == str(place) and step["found"]["signed"]["name"] == "Ann of the lab"
    assert not document["reused"] and document["by"] == "Bob" and document["found"] is None
    assert bob.read("output/m") == "one\n"
    assert f"    Taken from {place}, on the word of {ANN.address}: first, second\n" in bob("show").out
    lineage = bob("lineage", "output/m").out
    assert f"run {runs['second'][:10]}" in lineage and "by Ann" in lineage
    assert {step["found"] for step in bob.json("run", "--plan")["plan"]["steps"]} == {None}
    assert bob("fsck").code == 0


def test_what_is_taken_is_said_while_the_task_runs(tasks: tuple[Cli, Cli]) -> None:
    ann, bob = tasks
    bob("config", "--user", "run.reuse", "any")
    first = members(ann)["first"]
    bob.write("pods/second/script/run.sh", "echo other > output/m\n")
    said = bob("run").err
    assert f"`first`: run {first[:10]} by Ann of " in said and "second: running, because" in said
    assert f"signed by {ANN.address}, which is not a key you know; nobody is known to have verified it" in said
