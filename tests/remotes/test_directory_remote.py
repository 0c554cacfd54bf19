"""A folder as a remote: how packs are shared and copied, and what its file system may do."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from remote_suite import pack_file, silent
from transfer_lab import MAIN, Lab, cloned, forward, manifest_of

from sovrgit.errors import (
    HistoryDiverged,
    IntegrityFailure,
    ReadOnly,
    RemoteDamaged,
    RemoteStale,
    RemoteUnavailable,
    StorageFailure,
    StorageFull,
)
from sovrgit.objects.codec import MAX_METADATA_SIZE
from sovrgit.objects.ids import blob_id
from sovrgit.remotes import directory
from sovrgit.remotes.base import Transient
from sovrgit.remotes.directory import DirectoryRemote


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def stored(place: Path, folder: Path, data: bytes = b"pack" * 100) -> tuple[DirectoryRemote, Path]:
    """A remote with one pack; where it lies."""
    remote = DirectoryRemote(place)
    pack, source = pack_file(folder, data)
    remote.put_pack(pack, source, silent)
    return remote, place / "packs" / f"{pack}.pack"


def got(remote: DirectoryRemote, path: Path, target: Path) -> os.stat_result:
    data = path.read_bytes()
    remote.get_pack(blob_id(data), len(data), target, silent)
    assert target.read_bytes() == data
    return target.stat()


# --- links and copies -------------------------------------------------------------------------------------------------


def test_own_pack_is_shared(place: Path, tmp_path: Path) -> None:
    remote, path = stored(place, tmp_path)
    assert got(remote, path, tmp_path / "got").st_ino == path.stat().st_ino


@pytest.mark.parametrize("mode", [0o466, 0o464, 0o446])
def test_pack_that_others_may_write_to_is_copied(place: Path, tmp_path: Path, mode: int) -> None:
    remote, path = stored(place, tmp_path)
    path.chmod(mode)
    found = got(remote, path, tmp_path / "got")
    assert found.st_ino != path.stat().st_ino
    assert found.st_mode & 0o222 == 0


def test_pack_of_somebody_else_is_copied(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, path = stored(place, tmp_path)
    monkeypatch.setattr(directory.os, "geteuid", lambda: path.stat().st_uid + 1)
    assert got(remote, path, tmp_path / "got").st_ino != path.stat().st_ino


def test_symbolic_link_is_followed_not_shared(place: Path, tmp_path: Path) -> None:
    remote, path = stored(place, tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    got(remote, path, tmp_path / "got")
    assert not (tmp_path / "got").is_symlink()
    assert (tmp_path / "got").stat().st_ino != (tmp_path / "elsewhere").stat().st_ino


def test_other_file_system(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, path = stored(place, tmp_path)

    def other(*_: object) -> int:
        raise OSError(errno.EXDEV, "other device")

    monkeypatch.setattr(directory.os, "link", other)
    monkeypatch.setattr(directory.os, "copy_file_range", other, raising=False)
    assert got(remote, path, tmp_path / "got").st_ino != path.stat().st_ino


def test_push_never_shares(lab: Lab, place: Path) -> None:
    """What is pushed is there because this disk's files may be lost: it must be a copy."""
    lab.commit({"a": b"1"})
    lab.push(DirectoryRemote(place))
    inodes = {path.stat().st_ino for path in lab.pod.store.packs_folder.iterdir()}
    assert not inodes & {path.stat().st_ino for path in (place / "packs").iterdir()}


# --- what stands in the way -------------------------------------------------------------------------------------------


def test_pipe_in_place_of_a_file_does_not_wait(place: Path, tmp_path: Path) -> None:
    (place / "packs").mkdir(parents=True)
    remote = DirectoryRemote(place)
    os.mkfifo(place / "manifest")
    with pytest.raises(StorageFailure):
        remote.read_manifest()
    pack = blob_id(b"x")
    os.mkfifo(place / "packs" / f"{pack}.pack")
    with pytest.raises(StorageFailure):
        remote.get_pack(pack, 0, tmp_path / "got", silent)


def test_manifest_that_is_too_large(place: Path) -> None:
    place.mkdir()
    with open(place / "manifest", "wb") as file:
        file.truncate(MAX_METADATA_SIZE + 1)
    with pytest.raises(RemoteDamaged, match="too large"):
        DirectoryRemote(place).read_manifest()


def test_file_in_place_of_the_folder(place: Path) -> None:
    place.write_bytes(b"")
    with pytest.raises(RemoteUnavailable):
        DirectoryRemote(place).read_manifest()


def test_network_share_that_lost_touch(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, _ = stored(place, tmp_path)

    def stale(*_: object, **__: object) -> int:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(directory.os, "open", stale)
    with pytest.raises(Transient):
        remote.read_manifest()


def test_read_only_remote_can_be_cloned_and_not_pushed_to(
    lab: Lab, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.commit({"a": b"1"})
    lab.push(DirectoryRemote(place))
    before = manifest_of(DirectoryRemote(place))
    copy = cloned(DirectoryRemote(place), tmp_path / "clone")
    copy.commit({"a": b"2"})
    opened = os.open

    def guarded(path: object, flags: int, *rest: int, **more: int) -> int:
        if str(path).startswith(str(place)) and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *rest, **more)  # type: ignore[arg-type]

    # Permissions would not keep out the superuser, who may be running this.
    monkeypatch.setattr(os, "open", guarded)
    with pytest.raises(ReadOnly):
        copy.push(DirectoryRemote(place))
    assert manifest_of(DirectoryRemote(place)) == before
    assert cloned(DirectoryRemote(place), tmp_path / "other").working() == {"a": b"1"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_here_is_told_from_one_there(
    lab: Lab, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    lab.commit({"a": b"1"})
    remote = DirectoryRemote(place)
    lab.push(remote)
    copy = cloned(remote, tmp_path / "clone")
    lab.commit({"a": b"2"})
    before = lab.refs, manifest_of(remote), set(os.listdir(place / "packs"))

    def full(*_: object) -> int:
        raise OSError(code, "full")

    with monkeypatch.context() as patched:
        patched.setattr(directory, "_copy_some", full)
        with pytest.raises(StorageFull, match="remote"):
            lab.push(remote)
    assert (lab.refs, manifest_of(remote), set(os.listdir(place / "packs"))) == before
    lab.push(remote)
    before_fetch = copy.refs, copy.packs()
    monkeypatch.setattr(directory, "_copy_some", full)
    monkeypatch.setattr(directory, "_link", lambda *_: False)
    with pytest.raises(StorageFull, match="clone"):
        copy.fetch(remote)
    assert (copy.refs, copy.packs(), copy.stray()) == (*before_fetch, [])


def test_disk_that_stores_something_else(
    lab: Lab, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, path = stored(place, tmp_path)
    good = path.read_bytes()
    monkeypatch.setattr(directory, "_copy_some", lambda inside, outside, count: os.write(outside, bytes(count)))
    pack, source = pack_file(tmp_path, good)
    with pytest.raises(RemoteDamaged):
        remote.put_pack(pack, source, silent)
    # The good copy under the name is still there, and no other file.
    assert list((place / "packs").iterdir()) == [path]
    assert path.read_bytes() == good


def test_local_pack_that_is_damaged_is_not_the_remotes_fault(
    lab: Lab, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovrgit.remotes import packing

    monkeypatch.setattr(packing, "FOLD_BELOW", 1)
    lab.commit({"a": b"1"})
    (path,) = lab.pod.store.packs_folder.iterdir()
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + b"!")
    with pytest.raises(IntegrityFailure):
        lab.push(DirectoryRemote(place))
    assert not place.exists()


# --- races ------------------------------------------------------------------------------------------------------------


def _rivals(place: Path, tmp_path: Path) -> tuple[Lab, Lab]:
    lab = Lab.create(tmp_path / "one")
    lab.commit({"base": b"0"})
    lab.push(DirectoryRemote(place))
    other = cloned(DirectoryRemote(place), tmp_path / "two")
    lab.commit({"one": b"1"})
    other.commit({"two": b"2"})
    return lab, other


def _judge(place: Path, tmp_path: Path, lab: Lab, other: Lab, won: list[bool]) -> None:
    """One won; the other can fetch, both have everything, and the loser can build upon it."""
    assert sorted(won) == [False, True]
    winner, loser = (lab, other) if won[0] else (other, lab)
    remote = DirectoryRemote(place)
    assert manifest_of(remote).refs == {MAIN: winner.head}
    loser.fetch(remote)
    with pytest.raises(HistoryDiverged):
        forward(loser.pod, "origin")
    assert loser.problems() == winner.problems() == ()
    files = {**loser.files(loser.head), **loser.files(winner.head)}
    assert set(files) == {"base", "one", "two"}
    loser.move(MAIN, loser.add_commit(files, [loser.head, winner.head]))
    loser.push(remote)
    assert cloned(remote, tmp_path / "judge").working() == files


def test_two_pushes_at_once_from_threads(place: Path, tmp_path: Path) -> None:
    lab, other = _rivals(place, tmp_path)
    # Each stands at the manifest, with its packs sent, until the other one does too.
    together = threading.Barrier(2)

    class Meeting(DirectoryRemote):
        def publish(self, manifest: bytes, expected: bytes | None) -> None:
            together.wait(30)
            super().publish(manifest, expected)

    def attempt(rival: Lab) -> bool:
        try:
            rival.push(Meeting(place))
        except RemoteStale:
            return False
        return True

    # A catalogue belongs to the thread that opened it: each gets its own pod.
    rivals = [Lab(type(rival.pod)(rival.root)) for rival in (lab, other)]
    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(attempt, rivals))
    _judge(place, tmp_path, lab, other, won)


def _push_from_a_process(root: Path, place: Path, ready: object, go: object, answers: object) -> None:
    from sovrgit.pod.pod import Pod

    lab = Lab(Pod(root))
    publish = DirectoryRemote.publish

    def waiting(self: DirectoryRemote, manifest: bytes, expected: bytes | None) -> None:
        ready.release()  # type: ignore[attr-defined]
        go.wait(30)  # type: ignore[attr-defined]
        publish(self, manifest, expected)

    DirectoryRemote.publish = waiting  # type: ignore[method-assign]
    try:
        lab.push(DirectoryRemote(place))
        answers.put((str(root), True))  # type: ignore[attr-defined]
    except RemoteStale:
        answers.put((str(root), False))  # type: ignore[attr-defined]


def test_two_pushes_at_once_from_processes(place: Path, tmp_path: Path) -> None:
    lab, other = _rivals(place, tmp_path)
    context = multiprocessing.get_context("spawn")
    ready, go, answers = context.Semaphore(0), context.Event(), context.Queue()
    started = [
        context.Process(target=_push_from_a_process, args=(rival.root, place, ready, go, answers))
        for rival in (lab, other)
    ]
    for process in started:
        process.start()
    assert all(ready.acquire(timeout=60) for _ in started)
    go.set()
    found = dict(answers.get(timeout=60) for _ in started)
    for process in started:
        process.join(60)
    _judge(place, tmp_path, lab, other, [found[str(lab.root)], found[str(other.root)]])


def test_two_first_pushes_of_strangers(place: Path, tmp_path: Path) -> None:
    one, two = Lab.create(tmp_path / "one"), Lab.create(tmp_path / "two")
    one.commit({"one": b"1"})
    two.commit({"two": b"2"})
    one.push(DirectoryRemote(place))
    with pytest.raises(RemoteStale):
        two.push(DirectoryRemote(place))
    assert manifest_of(DirectoryRemote(place)).refs == {MAIN: one.head}
