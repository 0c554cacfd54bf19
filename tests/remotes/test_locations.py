"""What locations mean, and the remotes that a pod knows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from transfer_lab import Lab

from sovrgit.errors import ReferenceUnknown, RemoteExists, RemoteUnavailable, RemoteUnknown, UnsafeName, Unsupported
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import (
    add_remote,
    default_remote,
    local_path,
    open_existing,
    open_location,
    open_remote,
    remotes,
    remove_remote,
)
from sovrgit.remotes.podremote import PodRemote
from sovrgit.remotes.state import RemoteState


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/absolute", "/absolute"),
        ("relative", "/base/relative"),
        ("../up", "/up"),
        (".", "/base"),
        ("~/home", "/base/~/home"),
        ("$HOME", "/base/$HOME"),
        ("with space", "/base/with space"),
        ("with%20percent", "/base/with%20percent"),
        ("file:///a/b", "/a/b"),
        ("file://localhost/a", "/a"),
        ("file:/a", "/a"),
        ("file:///with%20space", "/with space"),
        ("file:///with space", "/with space"),
        ("file:///a%25b", "/a%b"),
        ("file:///100%", "/100%"),
        ("file:///a#b?c", "/a#b?c"),
        ("file:///a/../b", "/b"),
        ("file:///~/x", "/~/x"),
        ("file:///%FF", "/\udcff"),
        ("./fairos:x", "/base/fairos:x"),
    ],
)
def test_paths(location: str, path: str) -> None:
    assert local_path(location, Path("/base")) == path


@pytest.mark.parametrize(
    "location", ["", "http://host/x", "https://host", "ssh:x", "file://host/x", "file:x", "file:///a%00b", "a\0b"]
)
def test_no_place_on_this_machine(location: str, tmp_path: Path) -> None:
    with pytest.raises(ReferenceUnknown):
        open_location(location, tmp_path)


def test_networks_that_this_version_does_not_reach(tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        open_location("swarm:abcdef", tmp_path)
    assert "sovr remote add" in caught.value.hint


@pytest.mark.parametrize("location", ["fairos:pod", "fairos+http://host/x", "0f" * 32])
def test_networks_that_there_is_no_way_to(location: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="nothing is known here of networks") as caught:
        open_location(location, tmp_path)
    assert "0f" * 32 not in str(caught.value)


def test_path_with_a_colon_that_exists(tmp_path: Path) -> None:
    (tmp_path / "http:x").mkdir()
    assert local_path("http:x", tmp_path) == str(tmp_path / "http:x")


def test_relative_folder_has_an_absolute_location(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert DirectoryRemote(Path("remote")).location == str(tmp_path / "remote")
    assert PodRemote(Path("lab")).location == str(lab.root)


def test_what_is_there_decides_the_kind(lab: Lab, tmp_path: Path) -> None:
    assert isinstance(open_location(str(lab.root), tmp_path), PodRemote)
    assert isinstance(open_location("lab", tmp_path), PodRemote)
    assert isinstance(open_location("nothing", tmp_path), DirectoryRemote)


def test_only_what_exists_can_be_read(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(RemoteUnavailable, match="no such folder"):
        open_existing("nothing", tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(RemoteUnavailable, match="neither a pod nor a remote"):
        open_existing("folder", tmp_path)
    with pytest.raises(RemoteUnavailable, match="no commit yet"):
        open_existing("lab", tmp_path)
    lab.commit({"a": b"1"})
    lab.push(DirectoryRemote(tmp_path / "folder"))
    assert open_existing("lab", tmp_path).kind == "pod"
    assert open_existing("folder", tmp_path).kind == "directory"


# --- the remotes of a pod ---------------------------------------------------------------------------------------------


def test_added_remotes_are_known(lab: Lab, tmp_path: Path) -> None:
    add_remote(lab.pod, "origin", "place with space", tmp_path)
    add_remote(lab.pod, "a.b-c_d", "file:///x%20y", tmp_path)
    assert remotes(lab.pod) == [("a.b-c_d", "/x y"), ("origin", str(tmp_path / "place with space"))]
    assert open_remote(lab.pod, "origin").location == str(tmp_path / "place with space")
    assert open_remote(lab.pod, "a.b-c_d").location == "/x y"
    assert not os.path.exists(tmp_path / "place with space")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", ".a", "a b", "a.lock", "x" * 65, "ä", "a\n"])
def test_names_that_no_remote_has(lab: Lab, tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeName):
        add_remote(lab.pod, name, "x", tmp_path)
    assert remotes(lab.pod) == []


def test_name_that_is_taken(lab: Lab, tmp_path: Path) -> None:
    add_remote(lab.pod, "origin", "x", tmp_path)
    with pytest.raises(RemoteExists):
        add_remote(lab.pod, "origin", "y", tmp_path)
    assert remotes(lab.pod) == [("origin", str(tmp_path / "x"))]


def test_removed_remote_is_forgotten(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    for name in ("origin", "origin2"):
        add_remote(lab.pod, name, name, tmp_path)
        lab.push(open_remote(lab.pod, name), remote_name=name)
    remove_remote(lab.pod, "origin")
    assert [setting.name for setting in remotes(lab.pod)] == ["origin2"]
    assert set(lab.refs) == {"refs/heads/main", "refs/remotes/origin2/main"}
    assert RemoteState.load(lab.pod.folder, "origin") == RemoteState()
    assert RemoteState.load(lab.pod.folder, "origin2").manifest is not None
    with pytest.raises(RemoteUnknown):
        remove_remote(lab.pod, "origin")
    with pytest.raises(RemoteUnknown):
        open_remote(lab.pod, "origin")


def test_remote_that_is_meant_when_none_is_named(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(RemoteUnknown) as caught:
        default_remote(lab.pod)
    assert "sovr remote add" in caught.value.hint
    add_remote(lab.pod, "backup", "x", tmp_path)
    assert default_remote(lab.pod) == "backup"
    add_remote(lab.pod, "other", "y", tmp_path)
    with pytest.raises(RemoteUnknown) as caught:
        default_remote(lab.pod)
    assert "backup, other" in caught.value.hint
    add_remote(lab.pod, "origin", "z", tmp_path)
    assert default_remote(lab.pod) == "origin"


def test_remote_of_another_place_can_be_added_under_the_same_name(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    for place in ("one", "two"):
        add_remote(lab.pod, "origin", place, tmp_path)
        assert lab.push(open_remote(lab.pod, "origin")).generation == 1
        remove_remote(lab.pod, "origin")
