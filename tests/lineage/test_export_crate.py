"""Runs as RO-Crates: valid after the profile, and the questions of its authors answered by what is in them."""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests
from blake3 import blake3
from lineage_lab import Lab

from sovrgit.errors import ObjectMissing, PodExists, StorageFailure, Unsupported
from sovrgit.lineage.exports.crate import TERMS, to_crate
from sovrgit.lineage.exports.story import Story, gather
from sovrgit.lineage.exports.write import write_crate
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import External, RunStatus, Usage
from sovrgit.pod.pod import Pod
from sovrgit.runs.run import RunResult

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from golem_receipts import ADA, receipts

WFRUN = "https://w3id.org/ro/terms/workflow-run#"


def story_of(lab: Lab, run: ObjectId) -> Story:
    with lab.index() as index:
        return gather(lab.pod, index, run)


def rich(copied: tuple[Lab, RunResult]) -> Story:
    """A run that has something to say to every question."""
    lab, result = copied
    lab.verify(result.id)
    story = story_of(lab, result.id)
    run = replace(
        result.run,
        parameters={"learning rate": "0.1"},
        usage=Usage(2_500_000_000, 1_250_000_000, 0, 64 << 20),
        golem=receipts(),
        external=(External("somewhere", result.id, "payload/external/x", result.id),),
    )
    return replace(story, run=run)


class Graph:
    """The metadata of a crate, by the ids of its entities."""

    def __init__(self, text: str) -> None:
        graph = json.loads(text)["@graph"]
        self.entities: dict[str, Any] = {entity["@id"]: entity for entity in graph}
        assert len(self.entities) == len(graph)

    def of_type(self, kind: str) -> list[Any]:
        return [one for one in self.entities.values() if kind in one["@type"]]

    def all(self, values: Any) -> list[Any]:
        """The entities that a value points to."""
        return [self.entities[one["@id"]] for one in (values if isinstance(values, list) else [values])]

    @property
    def action(self) -> Any:
        (found,) = self.of_type("CreateAction")
        return found

    @property
    def workflow(self) -> Any:
        (found,) = self.all(self.entities["./"]["mainEntity"])
        return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Story]]:
    """A crate with all files, and what it was made of."""
    folder = tmp_path_factory.mktemp("exported")
    with Pod.create(folder / "lab") as pod:
        lab = Lab(pod)
        lab.recipe("sort -o output/sorted.txt payload/words.txt")
        lab.write("payload/words.txt", "pear\napple\n")
        lab.commit("First version")
        story = rich((lab, lab.run()))
        write_crate(pod, story, folder / "crate", with_files=True)
        yield folder / "crate", story


@pytest.fixture(scope="module")
def graph(exported: tuple[Path, Story]) -> Graph:
    return Graph((exported[0] / "ro-crate-metadata.json").read_text())


def validate(crate: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the validator of the RO-Crate community finds wrong. It is given the contexts and no network."""
    from rocrate_validator import services
    from rocrate_validator.models import Severity
    from rocrate_validator.utils.http import HttpRequester

    names = ["containerImage", "ContainerImage", "environment", "resourceUsage", "sha256"]
    # The context that comes with the library is that of RO-Crate 1.3; what 1.1 calls by other addresses is put right.
    context = json.loads(files("rocrate").joinpath("data", "ro-crate.jsonld").read_text("utf-8"))
    workflow = "https://bioschemas.org/ComputationalWorkflow"
    context["@context"] |= {
        "ComputationalWorkflow": workflow,
        "FormalParameter": "https://bioschemas.org/FormalParameter",
        "input": f"{workflow}#input",
        "output": f"{workflow}#output",
    }
    contexts = {
        "https://w3id.org/ro/crate/1.1/context": json.dumps(context),
        TERMS: json.dumps({"@context": {name: WFRUN + name for name in names}}),
    }

    def get(address: str, *_: object, **__: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code = 200 if address in contexts else 404
        answer._content = contexts.get(address, "").encode()
        answer.url = address
        answer.headers["Content-Type"] = "application/ld+json"
        return answer

    monkeypatch.setattr(HttpRequester, "get", staticmethod(get), raising=False)
    monkeypatch.setattr(HttpRequester, "head", staticmethod(get), raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the libraries below the validator
        found = services.validate(
            services.ValidationSettings(
                rocrate_uri=str(crate),
                profile_identifier="workflow-run-crate-0.5",
                requirement_severity=Severity.REQUIRED,
                disable_remote_crate_download=True,
            )
        )
    return [f"{issue.check.identifier}: {issue.message}" for issue in found.get_issues()]


def test_crates_are_valid(exported: tuple[Path, Story], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert validate(exported[0], monkeypatch) == []
    named = tmp_path / "named"
    (named / "inputs").mkdir(parents=True)
    (named / "inputs" / "recipe.json").write_bytes((exported[0] / "inputs" / "recipe.json").read_bytes())
    to_crate(exported[1], with_files=False).metadata.write(named)
    assert validate(named, monkeypatch) == []
    metadata = named / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text().replace('"instrument"', '"nothing"'))
    assert validate(named, monkeypatch), "the validator sees what is wrong"


# --- the questions of the group (https://www.researchobject.org/workflow-run-crate/requirements) ---------------------


def test_which_image_was_used(graph: Graph) -> None:
    (image,) = graph.all(graph.action["containerImage"])
    (digest,) = graph.all(image["identifier"])
    assert (image["@type"], image["name"]) == ("ContainerImage", "golem/alpine:latest")
    assert (digest["propertyID"], digest["value"]) == ("sha3-224", "3" * 56)


def test_how_much_processor_and_memory_was_used(graph: Graph) -> None:
    used = {one["propertyID"]: (one["value"], one.get("unitText")) for one in graph.all(graph.action["resourceUsage"])}
    assert used["memory"] == (str(64 << 20), "bytes")
    assert (used["wall"], used["user"]) == (("2.5", "s"), ("1.25", "s"))
    assert used["cost"] == ("0.0025", "tglm")


def test_which_files_configured_it(graph: Graph) -> None:
    assert graph.workflow["@id"] == "inputs/recipe.json"
    assert graph.action["instrument"] == {"@id": "inputs/recipe.json"}
    assert "inputs/payload/words.txt" in {one["@id"] for one in graph.action["object"]}


def test_how_long_it_took(graph: Graph, exported: tuple[Path, Story]) -> None:
    from datetime import datetime

    started, ended = (datetime.fromisoformat(graph.action[name]) for name in ("startTime", "endTime"))
    run = exported[1].run
    assert abs((ended - started).total_seconds() - (run.finished - run.started) / 1e9) < 1e-5


def test_whether_it_succeeded(graph: Graph, exported: tuple[Path, Story]) -> None:
    assert graph.action["actionStatus"]["@id"].endswith("/CompletedActionStatus") and "error" not in graph.action
    story = exported[1]
    failed = replace(story, run=replace(story.run, status=RunStatus.FAILED, exit_code=3, reason=""))
    action = Graph(json.dumps(to_crate(failed, with_files=False).metadata.generate())).action
    assert action["actionStatus"]["@id"].endswith("/FailedActionStatus") and action["error"] == "failed, exit code 3"


def test_which_versions_of_software(graph: Graph, exported: tuple[Path, Story]) -> None:
    versions = {one["name"]: one["softwareVersion"] for one in graph.all(graph.workflow["softwareRequirements"])}
    run = exported[1].run
    assert versions["sovr"] == run.executor["sovr"] and versions["python"] == run.platform["python"]


def test_how_parameters_reached_the_command(graph: Graph) -> None:
    (value,) = [one for one in graph.all(graph.action["object"]) if one["@type"] == "PropertyValue"]
    (formal,) = graph.all(value["exampleOfWork"])
    assert (value["value"], formal["name"]) == ("0.1", "learning rate")
    assert formal in graph.all(graph.workflow["input"])
    assert "SOVR_PARAM_LEARNING_RATE" in formal["description"]


def test_what_the_command_and_its_environment_were(graph: Graph) -> None:
    assert "`sort -o output/sorted.txt payload/words.txt`" in graph.action["description"]
    assert {one["name"]: one["value"] for one in graph.all(graph.action["environment"])} == {"LC_ALL": "C"}


def test_which_files_came_out_and_that_they_are_these(graph: Graph, exported: tuple[Path, Story]) -> None:
    content = (exported[0] / "outputs" / "output" / "sorted.txt").read_bytes()
    assert content == b"apple\npear\n"
    (output,) = [one for one in graph.all(graph.action["result"]) if one["name"] == "output/sorted.txt"]
    assert output["sha256"] == hashlib.sha256(content).hexdigest()
    assert graph.all(output["identifier"])[0]["value"] == blake3(content).hexdigest()


def test_who_ran_it_and_who_computed_it(graph: Graph) -> None:
    assert [one["name"] for one in graph.all(graph.action["agent"])] == ["Ann"]
    first, *_ = graph.all(graph.action["participant"])
    assert (first["name"], first["identifier"]) == ("ada", ADA)


def test_whether_anybody_has_checked_it(graph: Graph) -> None:
    (verdict,) = graph.of_type("AssessAction")
    assert graph.all(verdict["object"]) == [graph.action]
    assert graph.all(verdict["result"])[0]["value"] == "identical"


# --- bad input ---------------------------------------------------------------------------------------------------


def test_names_that_lead_elsewhere_or_are_no_text(lab: Lab, tmp_path: Path) -> None:
    lab.recipe("cp payload/x output/x")
    lab.write("payload/x", "x")
    lab.write("payload/ro-crate-metadata.json", "{}")
    lab.write("payload/a b#?%2f\udcff\n.txt", "odd")
    (lab.root / "payload" / "link").symlink_to("/etc/passwd")
    lab.commit()
    result = lab.run()
    count = write_crate(lab.pod, story_of(lab, result.id), tmp_path / "crate", with_files=True)
    root = tmp_path / "crate"
    assert (root / "inputs" / "payload" / "a b#?%2f\udcff\n.txt").read_text() == "odd"
    assert not any(path.is_symlink() for path in root.rglob("*"))
    assert count == sum(path.is_file() for path in root.rglob("*")) - 1
    graph = Graph((root / "ro-crate-metadata.json").read_text())
    (link,) = [one for one in graph.of_type("File") if one["name"] == "payload/link"]
    assert link["@id"].startswith("ni:///sha-256;")


def test_nothing_is_left_and_nothing_replaced(copied: tuple[Lab, RunResult], tmp_path: Path) -> None:
    lab, result = copied
    story = story_of(lab, result.id)
    (tmp_path / "there").write_text("mine")
    with pytest.raises(PodExists):
        write_crate(lab.pod, story, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(StorageFailure):
        write_crate(lab.pod, story, tmp_path / "no folder" / "crate")
    lost = replace(story.files[-1], content=ObjectId(b"\x11" * 32))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ObjectMissing):
        write_crate(lab.pod, replace(story, files=(*story.files[:-1], lost)), tmp_path / "crate", with_files=True)
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_not_here_is_named(copied: tuple[Lab, RunResult], tmp_path: Path) -> None:
    lab, result = copied
    story = story_of(lab, result.id)
    gone = tuple(file if file.path == b"recipe.json" else replace(file, sha256=None) for file in story.files)
    assert write_crate(lab.pod, replace(story, files=gone), tmp_path / "crate", with_files=True) == 1
    graph = Graph((tmp_path / "crate" / "ro-crate-metadata.json").read_text())
    (words,) = [one for one in graph.of_type("File") if one["name"] == "payload/words.txt"]
    assert words["@id"].startswith("urn:blake3:") and "sha256" not in words
    with pytest.raises(ObjectMissing):
        to_crate(replace(story, files=()), with_files=False)


def test_without_the_library(copied: tuple[Lab, RunResult], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lab, result = copied
    monkeypatch.setitem(sys.modules, "rocrate", None)
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(Unsupported, match="`rocrate` is not installed") as failed:
        write_crate(lab.pod, story_of(lab, result.id), tmp_path / "crate")
    assert failed.value.hint == "install the extra `export`: `pip install 'sovrgit[export]'`"
    assert list(tmp_path.glob("*crate*")) == []
