"""Recipes of tasks as they were written for the first Sovr CLI, with pods that it stored on a FairOS server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from task_lab import TaskLab

sys.path += [str(Path(__file__).parents[1] / name) for name in ("remotes", "remotes/fairos", "remotes/firstcli")]

from archive_lab import zipped_files
from firstcli_lab import put, store_first
from remote_lab import Site, User

from sovrgit.errors import TaskPodUnavailable
from sovrgit.remotes.fairos.place import parse_place

KEYS = {"description": "A chain.", "version": "1.0", "author": "reza", "public": True}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "fairos")
    yield made
    made.close()


def store(user: User, name: str, script: str, **golem: Any) -> str:
    """Store a pod as that one did; its sharing reference."""
    folders = {"script": "script", "payload": "payload", "output": "output", "log": "logs"}
    recipe = json.dumps({"name": name, **KEYS, "golem": {"exec": "sh script/run.sh", **folders, **golem}}).encode()
    files = {"recipe.json": recipe, "script/run.sh": script.encode(), "payload/own.txt": b"own\n"}
    with user.client() as fairos:
        return store_first(fairos, name, files, recipe).reveal()


@pytest.fixture
def lab(lab: TaskLab, site: Site, tmp_path: Path) -> TaskLab:
    """Somebody who reads without a login."""
    lab.networks = User(site.url, tmp_path / "bob").networks(nobody=True)
    return lab


@pytest.fixture
def ann(site: Site, tmp_path: Path) -> User:
    return User(site.url, tmp_path / "ann")


def test_a_task_of_the_first_cli_runs_as_it_is(lab: TaskLab, ann: User) -> None:
    """Shared payload is unpacked for every pod, and what one puts out is in the payload of the next."""
    with ann.client() as fairos:
        data = store_first(fairos, "data").reveal()
        put(fairos, "data", "images.zip", zipped_files({"images/one.txt": b"im1\n"}))
    first = store(ann, "first", "cat payload/own.txt payload/external/images/one.txt > output/first.txt")
    second = store(
        ann,
        "second",
        "cat payload/external/first.txt payload/external/images/one.txt > output/second.txt",
        exec="sh [@]script/run.sh",
    )
    recipe = {"name": "chain", **KEYS, "payload": [{"ref": data, "data": "/images.zip"}], "pods": [first, second]}
    lab.write("recipe.json", json.dumps(recipe))
    result = lab.run()
    assert result.run.succeeded, [outcome.reason for outcome in result.outcomes]
    assert lab.files() == {"second.txt": "own\nim1\nim1\n"}
    # Nobody who is given the record is given the pods by that.
    shown = [parse_place(reference).location for reference in (first, second)]
    assert [member.reference for member in result.run.pods] == shown
    assert [member.name for member in result.run.pods] == ["pod-1", "pod-2"]
    written = repr(result.run) + repr(lab.members(result.run)) + lab.read("recipe.lock")
    assert not any(reference in written for reference in (data, first, second))
    assert lab.run().reused


def test_a_task_goes_on_although_its_pods_are_no_longer_to_be_had(lab: TaskLab, ann: User, site: Site) -> None:
    """Once they were got they are here, with all results."""
    lab.task(store(ann, "first", "echo 1 > output/n"), store(ann, "second", "exit 1"))
    assert not lab.run().run.succeeded
    site.close()
    lab.task(*json.loads(lab.read("recipe.json"))["pods"], lab.own_pod("more", "true"))
    lab.run()
    assert lab.states() == {"pod-1": "known", "pod-2": "failed", "more": "left out"}


def test_a_reference_that_leads_to_nothing_is_told_without_it(lab: TaskLab, ann: User) -> None:
    reference = store(ann, "first", "true")
    ann.delete_pod("first")
    lab.task(reference)
    with pytest.raises(TaskPodUnavailable) as error:
        lab.run()
    assert reference not in error.value.message + error.value.hint
    assert lab.pod.head() is None and not (lab.pod.folder / "tasks" / "pod-1").exists()
