"""Making pods of ours: the same commit for everybody, asked about before it runs, and nothing left after a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_lab import DATE_SECONDS, RECIPE, entry, link, zipped, zipped_files
from firstcli_lab import FILES, no_pause, raw_put, recipe, store_first

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import ArchiveInvalid, PodExists, RemoteUnavailable, UnsafeName
from sovrgit.objects.commit import Stamp
from sovrgit.objects.tree import EntryKind
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find, walk
from sovrgit.pod.worktree import WorkingTree
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.firstcli.adopt import (
    MESSAGE,
    ORIGIN,
    UNKNOWN_AUTHOR,
    Adopted,
    adopt_archive,
    clone_first,
    folder_name,
)
from sovrgit.remotes.firstcli.look import FirstPod, look
from sovrgit.remotes.firstcli.reading import NamedPod, ReferredPod
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.trust import approve, proposal
from sovrgit.store.session import WriteSession


def adopt(data: bytes, folder: Path) -> Adopted:
    archive = folder.parent / f"{folder.name}.bytes"
    archive.write_bytes(data)
    return adopt_archive(archive, folder, origin="fairos:3f2a…", time_ns=7, name="blender.zip")


def committed(adopted: Adopted) -> dict[bytes, EntryKind]:
    store = adopted.pod.store
    return {
        path: found.kind
        for entry in store.tree(adopted.commit.tree).entries
        for path, found in walk(store, entry, entry.name)
    }


def test_an_archive_becomes_a_pod(tmp_path: Path) -> None:
    adopted = adopt(zipped_files(FILES), tmp_path / "pod")
    with adopted.pod as pod:
        assert committed(adopted) == dict.fromkeys(map(str.encode, FILES), EntryKind.FILE)
        assert (adopted.commit.message, adopted.commit.parents) == (MESSAGE, ())
        assert adopted.commit.author == Stamp("reza", "", DATE_SECONDS)
        assert pod.head() == adopted.head == pod.refs.read().values[ORIGIN]
        assert pod.config.get("pod.origin") == "fairos:3f2a…" and pod.config.get("pod.foreign") == "true"
        assert adopted.warnings == () and adopted.size == (tmp_path / "pod.bytes").stat().st_size
        assert WorkingTree.look(pod).changes() == []
        assert check_pod(pod).is_sound
        assert list(pod.temporary.iterdir()) == []
    Pod.find(tmp_path / "pod").close()


def test_two_clones_are_the_same(tmp_path: Path) -> None:
    data = zipped_files(FILES)
    first = adopt(data, tmp_path / "one")
    old = os.umask(0o077)
    try:
        second = adopt(data, tmp_path / "two")
    finally:
        os.umask(old)
    assert first.head == second.head
    # Known for ever: whoever clones an old pod in ten years has this id.
    assert str(first.head) == "e11b7c90087c99cccf2a33692a37e3b5675d9aafeaf287c9501deb947b23a0c4"
    for made in (first, second):
        made.pod.close()


def test_everything_is_kept(tmp_path: Path) -> None:
    data = zipped(
        ("recipe.json", RECIPE),
        (entry("script/run.sh", 0o100755), b"#!/bin/sh\n"),
        (entry("output/"), b""),
        (entry("deep/"), b""),
        (entry("deep/er/"), b""),
        ("deep/er/file", b"x"),
        ("large.bin", bytes(range(256)) * 8192),
        link("latest", "deep/er/file"),
    )
    with (adopted := adopt(data, tmp_path / "pod")).pod as pod:
        kinds = committed(adopted)
        assert kinds[b"script/run.sh"] is EntryKind.EXECUTABLE and kinds[b"latest"] is EntryKind.SYMLINK
        assert kinds[b"output"] is EntryKind.DIRECTORY and b"deep/er/file" in kinds and b"large.bin" in kinds
        assert WorkingTree.look(pod).changes() == []
        assert (pod.root / "latest").read_text() == "x"
        sizes = len(RECIPE) + len("#!/bin/sh\n") + 1 + 256 * 8192 + len("deep/er/file")
        assert pod.store.tree(adopted.commit.tree).size == sizes


def test_what_the_pod_ignores_is_committed_too(tmp_path: Path) -> None:
    """A `creds.json` that is in no commit counts as the user's own: this one must not."""
    data = zipped_files({**FILES, ".sovrignore": b"creds.json\nscript/\n", "creds.json": b"{}"})
    with (adopted := adopt(data, tmp_path / "pod")).pod as pod:
        assert {b"creds.json", b"script/blender.py"} <= committed(adopted).keys()
        assert WorkingTree.look(pod).changes() == []


def test_its_scripts_are_asked_about_once(tmp_path: Path) -> None:
    with (adopted := adopt(zipped_files(FILES), tmp_path / "pod")).pod as pod:
        golem = read_recipe(pod.store, adopted.commit.tree)[1].golem
        assert golem is not None
        proposed = proposal(pod, adopted.commit.tree, golem, "python3", "reza")
        assert proposed is not None and proposed.origin == "fairos:3f2a…" and proposed.changed == ()
        approve(pod, proposed.code, proposed.files)
        assert proposal(pod, adopted.commit.tree, golem, "python3", "reza") is None
        # What the user adds themselves is not asked about, as in every clone.
        (pod.root / "script" / "own.py").write_text("mine")
        made = commit(pod, CommitRequest(Stamp("Ann", "", DATE_SECONDS), "Mine"))
        assert proposal(pod, made.commit.tree, golem, "python3", "Ann") is None


@pytest.mark.parametrize(
    ("text", "author", "warns"),
    [
        (recipe("x", author=" Reza S. "), "Reza S.", False),
        (recipe("x"), UNKNOWN_AUTHOR, False),
        (recipe("x", author=""), UNKNOWN_AUTHOR, False),
        (recipe("x", author=7), UNKNOWN_AUTHOR, True),
        (recipe("x", author="a\x1b[31m"), UNKNOWN_AUTHOR, False),
        (recipe("x", author="\ud800"), UNKNOWN_AUTHOR, True),
        (recipe("x", author="n" * 201), UNKNOWN_AUTHOR, False),
        (recipe("", author="reza"), "reza", True),
        (b"{", UNKNOWN_AUTHOR, True),
        (b"[" * 10_000, UNKNOWN_AUTHOR, True),
        (b"[]", UNKNOWN_AUTHOR, True),
        (b"\xff", UNKNOWN_AUTHOR, True),
        (b" " * (1 << 20) + b"{}", UNKNOWN_AUTHOR, True),
        (None, UNKNOWN_AUTHOR, True),
    ],
)
def test_recipes_of_all_kinds(tmp_path: Path, text: bytes | None, author: str, warns: bool) -> None:
    files = {"script/x.py": b""} | ({} if text is None else {"recipe.json": text})
    with (adopted := adopt(zipped_files(files), tmp_path / "pod")).pod:
        assert adopted.commit.author.name == author
        assert bool(adopted.warnings) == warns


def test_a_recipe_that_is_a_link(tmp_path: Path) -> None:
    data = zipped(("other.json", RECIPE), link("recipe.json", "other.json"))
    with (adopted := adopt(data, tmp_path / "pod")).pod:
        assert "no `recipe.json`" in adopted.warnings[0] and adopted.commit.author.name == UNKNOWN_AUTHOR


def test_repositories_are_told_of(tmp_path: Path) -> None:
    data = zipped_files({**FILES, ".git/config": b"[core]", ".SOVR/config": b"", "a/.git": b"gitdir: /"})
    with (adopted := adopt(data, tmp_path / "pod")).pod as pod:
        assert adopted.warnings == tuple(
            f"`{name}` was left out: it is a repository of its own" for name in (".git", ".SOVR", "a/.git")
        )
        assert find(pod.store, adopted.commit.tree, b".git") is None and not (pod.root / ".git").exists()
        assert pod.config.get("pod.foreign") == "true"


@pytest.mark.parametrize("existed", [False, True])
def test_nothing_is_left_after_a_failure(tmp_path: Path, existed: bool) -> None:
    if existed:
        (tmp_path / "pod").mkdir()
    for data, error in ((zipped_files({"a": b"", "../b": b""}), UnsafeName), (b"no archive", ArchiveInvalid)):
        with pytest.raises(error):
            adopt(data, tmp_path / "pod")
        assert (tmp_path / "pod").exists() == existed
        assert not existed or list((tmp_path / "pod").iterdir()) == []


def test_it_is_no_pod_before_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look_at_it(self: WriteSession) -> None:
        with pytest.raises(Exception, match="is not in a pod"):
            Pod(tmp_path / "pod")
        seen.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(WriteSession, "commit", look_at_it)
    with pytest.raises(KeyboardInterrupt):
        adopt(zipped_files(FILES), tmp_path / "pod")
    assert seen and not (tmp_path / "pod").exists()


def test_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod" / "mine").write_text("kept")
    with pytest.raises(PodExists):
        adopt(zipped_files(FILES), tmp_path / "pod")
    assert [path.name for path in (tmp_path / "pod").iterdir()] == ["mine"]


@pytest.mark.parametrize(("name", "folder"), [("a b", "a b"), ("..", "pod"), ("a/b", "pod"), (".sovr", "pod")])
def test_names_of_folders(name: str, folder: str) -> None:
    assert folder_name(FirstPod(name)) == folder


# --- over a network ---------------------------------------------------------------------------------------------


def test_by_reference_and_by_name(tmp_path: Path, reza: FairOS, stranger: FairOS) -> None:
    reference = store_first(reza)
    ids = []
    for number, reader in enumerate((ReferredPod(stranger, reference), NamedPod(reza, "blender"))):
        found = look(reader, no_pause)
        assert isinstance(found, FirstPod)
        made = clone_first(reader, found, tmp_path / str(number), time_ns=0, pause=no_pause)
        with made.pod as pod:
            ids.append(made.head)
            assert (pod.root / "payload" / "cubes.blend").read_bytes() == FILES["payload/cubes.blend"]
            assert list(pod.temporary.iterdir()) == []
            origin = pod.config.get("pod.origin")
            assert origin == ("fairos:blender" if number else f"fairos:{reference.reveal()[:4]}…")
            everything = b"".join(path.read_bytes() for path in pod.folder.rglob("*") if path.is_file())
            assert reference.reveal().encode() not in everything
    assert ids[0] == ids[1]


def test_a_download_that_breaks_off(tmp_path: Path, standin: StandIn, reza: FairOS, stranger: FairOS) -> None:
    reader = ReferredPod(stranger, store_first(reza))
    standin.faults.add(Fault(Kind.RESET_DOWNLOAD, call="/public-file", file="/blender.zip", times=2, amount=30))
    clone_first(reader, FirstPod("blender"), tmp_path / "pod", time_ns=0, pause=no_pause).pod.close()
    standin.faults.add(Fault(Kind.SHORT_BODY, call="/public-file", file="/blender.zip", times=9, amount=30))
    with pytest.raises(RemoteUnavailable):
        clone_first(reader, FirstPod("blender"), tmp_path / "other", time_ns=0, pause=no_pause)
    assert not (tmp_path / "other").exists()


def test_an_archive_that_is_damaged_at_the_server(
    tmp_path: Path, standin: StandIn, reza: FairOS, stranger: FairOS
) -> None:
    reader = ReferredPod(stranger, store_first(reza))
    raw_put(reza, "blender", "blender.zip", zipped_files(FILES)[:-9])
    with pytest.raises(ArchiveInvalid, match=r"`blender\.zip`"):
        clone_first(reader, FirstPod("blender"), tmp_path / "pod", time_ns=0, pause=no_pause)
    assert not (tmp_path / "pod").exists()


def test_an_archive_that_is_too_large(
    tmp_path: Path, reza: FairOS, stranger: FairOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovrgit.remotes.firstcli import adopt as adopting

    monkeypatch.setattr(adopting, "MAX_ARCHIVE", 100)
    reader = ReferredPod(stranger, store_first(reza))
    with pytest.raises(ArchiveInvalid, match="more than 100 bytes"):
        clone_first(reader, FirstPod("blender"), tmp_path / "pod", time_ns=0, pause=no_pause)
    assert not (tmp_path / "pod").exists()
