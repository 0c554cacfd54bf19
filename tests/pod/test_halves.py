"""Storing with two processes: the same result as with one, whatever happens to the second."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sovrgit.errors import FileUnstable, SovrError, StorageFull
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.pod import halves, secondprocess, snapshot
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.index import Folder
from sovrgit.pod.pod import Pod
from sovrgit.pod.status import status
from sovrgit.store.session import WriteSession

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    pod = Pod.create(tmp_path / "pod")
    for folder in range(12):
        place = pod.root / f"f{folder}" / "inner"
        place.mkdir(parents=True)
        for name in range(9):
            (place / f"{name}.txt").write_text(f"{folder} {name}\n" * (folder + 1))
        (place / "link").symlink_to("0.txt")
        (place.parent / "empty").mkdir()
    return pod


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "WORTHWHILE", 1)
    monkeypatch.setattr(secondprocess, "can_fork", lambda: True)


def made(pod: Pod) -> ObjectId:
    return commit(pod, CommitRequest(ANN, "all")).commit.tree


def in_child(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something when the child begins to store."""
    parent, store = os.getpid(), snapshot._store

    def hooked(root: str, folders: dict[str, Folder], paths: list[str], session: WriteSession) -> None:
        if os.getpid() != parent:
            action()
        store(root, folders, paths, session)

    monkeypatch.setattr(snapshot, "_store", hooked)


def test_two_processes_make_what_one_makes(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = made(pod)
    assert status(pod).is_clean
    assert check_pod(pod).is_sound
    assert len({info.id for info in pod.store.packs()}) > 1
    monkeypatch.setattr(secondprocess, "can_fork", lambda: False)
    pod.index_path.unlink()
    (pod.root / "f0" / "inner" / "new").write_text("x")
    changed = made(pod)
    (pod.root / "f0" / "inner" / "new").unlink()
    assert changed != tree
    assert made(pod) == tree


def test_a_child_that_is_killed_costs_time_only(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    in_child(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
    made(pod)
    assert status(pod).is_clean
    assert check_pod(pod).is_sound
    assert not list(pod.temporary.iterdir())


def test_an_error_in_the_child_is_the_commands_error(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise FileUnstable(path="f9/inner/1.txt")

    in_child(monkeypatch, fail)
    with pytest.raises(FileUnstable, match=r"f9/inner/1\.txt"):
        made(pod)
    assert pod.head() is None
    assert not list(pod.temporary.iterdir())
    assert not list(pod.store.packs_folder.iterdir())


def test_a_failure_here_ends_the_child(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, store = os.getpid(), snapshot._store_file
    release, hold = os.pipe()

    def hooked(descriptor: int, name: str, path: str, folder: Folder, position: int, session: WriteSession) -> None:
        if os.getpid() == parent:
            raise StorageFull(path=path)
        os.read(release, 1)  # for ever: the parent does not write
        store(descriptor, name, path, folder, position, session)

    children: list[int] = []
    fork = os.fork

    def remembered() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", remembered)
    monkeypatch.setattr(snapshot, "_store_file", hooked)
    with pytest.raises(StorageFull):
        made(pod)
    os.close(release)
    os.close(hold)
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)
    assert not list(pod.temporary.iterdir())


def test_files_that_are_known_are_not_stored_again(pod: Pod) -> None:
    made(pod)
    before = {info.id for info in pod.store.packs()}
    pod.index_path.unlink()
    (pod.root / "f0" / "inner" / "new").write_text("something else")
    done = commit(pod, CommitRequest(ANN, "more"))
    assert done.new_objects == 5  # the file, three trees, the commit
    assert len({info.id for info in pod.store.packs()} - before) <= 3


def test_errors_survive_the_way_between_processes() -> None:
    error = StorageFull(path="/x", hint="make room")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SovrError)
    assert (type(again), str(again), again.hint) == (StorageFull, str(error), "make room")


def test_shares_are_about_equal() -> None:
    assert secondprocess.split(["a", "b", "c", "d"], [10, 1, 1, 8]) == (["a"], ["b", "c", "d"])
    assert secondprocess.split([], []) == ([], [])
