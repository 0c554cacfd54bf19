"""clone --no-payload and --only, get, drop, du: what they print, and that others get what they need."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_lab import Cli

import sovrgit
from sovrgit.errors import NotProven

LARGE = "payload/large.txt"


@pytest.fixture
def part(pod: Cli) -> Cli:
    """A clone without payload of a pod that was pushed."""
    pod.write(LARGE, "line\n" * 2000)
    pod("commit", "-m", "Large")
    pod.share()
    above = pod.at(pod.folder.parent)
    above("clone", "--no-payload", "shared", "part")
    return above.at(above.folder / "part")


def test_a_run_gets_its_inputs_and_a_known_result_needs_none(pod: Cli, part: Cli) -> None:
    assert not (part.folder / LARGE).exists()
    assert "left at a remote: payload/" in part("status").out
    pod("run")
    pod("push")
    part("pull")
    reused = part.json("run", "--yes")
    assert reused["reused"] and not (part.folder / LARGE).exists()
    part.json("run", "--yes", "--force")
    assert (part.folder / LARGE).read_text() == "line\n" * 2000
    assert part.json("status")["changes"] == []
    assert part.json("verify")["finding"] == "identical"


def test_getting_and_dropping(part: Cli) -> None:
    assert part("cat", LARGE).out == "line\n" * 2000
    got = part.json("get", LARGE)
    assert (got["files"], got["bytes"], got["received_objects"], got["whole"]) == (1, 10_000, 0, False)
    assert part("get", LARGE).out == "it is here already\n"
    assert [path["path"] for path in part.json("status")["absent"]] == ["payload/in.txt"]
    assert part.json("du", "payload")["here_bytes"] > 10_000
    dropped = part.json("drop", LARGE)
    assert (dropped["files"], dropped["bytes"], dropped["remote"]) == (1, 10_000, "origin")
    assert not (part.folder / LARGE).exists()
    usage = part.json("du")
    assert usage["here_bytes"] < usage["bytes"] and usage["remote_objects"] > 0
    assert "at a remote" in part("du", LARGE).out
    assert part.json("fsck")["promised"] == 1
    part.write("script/own.sh", "echo\n")
    part("commit", "-m", "Own")
    assert part.failure("drop", "script", code=37)["code"] == "NotProven"
    assert part("get", code=2).err.startswith("error: name PATHS, or say --all")
    assert part.json("get", "--all")["whole"]
    assert part("fsck").out.startswith("everything is whole")
    assert part.json("status")["absent"] == []


def test_differences_are_told_without_content_and_shown_with_it(pod: Cli, part: Cli) -> None:
    pod.write(LARGE, "line\n" * 2000 + "more\n" * 2000)
    pod("commit", "-m", "More")
    pod("push")
    part("pull")
    assert part("diff", "--name-only", "HEAD~1", "HEAD").out == f"{LARGE}\n"
    assert LARGE in part("diff", "--stat", "HEAD~1", "HEAD").out
    assert LARGE in part("diff", "--stat", "HEAD~1").out
    assert part.json("du", LARGE)["here_bytes"] == 0
    assert part("diff", "HEAD~1").out.count("+more") == 2000
    assert part.json("status")["changes"] == []
    assert len(part.json("log", "HEAD", LARGE)["commits"]) == 2


def test_only_and_depth(part: Cli) -> None:
    above = part.at(part.folder.parent)
    above("clone", "--only", "script", "--depth", "1", "shared", "cut")
    cut = above.at(above.folder / "cut")
    assert {path.name for path in cut.folder.iterdir()} >= {"recipe.json", "script"}
    assert not (cut.folder / "payload").exists()
    assert len(cut.json("log")["commits"]) == 1
    cut("fetch", "--unshallow")
    assert len(cut.json("log")["commits"]) == len(part.json("log")["commits"]) == 2
    assert above("clone", "--no-payload", "--only", "x", "shared", "no", code=2).out == ""
    assert above("clone", "--only", "nothing", "shared", "no", code=22).out == ""


def test_a_remote_that_is_gone_is_said(part: Cli) -> None:
    (part.folder.parent / "shared").rename(part.folder.parent / "gone")
    said = part.failure("get", LARGE, code=55)
    assert "is not there" in said["message"]
    assert part.json("status")["changes"] == []


def test_from_python(part: Cli, tmp_path: Path) -> None:
    with sovrgit.clone(str(part.folder.parent / "shared"), tmp_path / "api", payload=False, environ={}) as pod:
        assert pod.is_partial
        assert pod.read(LARGE) == b"line\n" * 2000
        assert pod.get(LARGE).files == 1
        assert pod.drop(LARGE).files == 1
        assert pod.usage(LARGE).here == 0
        with pytest.raises(NotProven):
            pod.drop(LARGE.replace("large", "in"), remote="other")
        pod.get_all()
        assert not pod.is_partial
