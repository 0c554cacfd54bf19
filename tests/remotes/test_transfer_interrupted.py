"""Interruptions at every single call: nothing is lost, and what was done is not done again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from faulty import Call, Crash, FaultyRemote, answer_lost, answers, crashes, crashes_after, in_turn, unreachable
from memory import MemoryRemote
from transfer_lab import MAIN, Lab, cloned, manifest_of

from sovrgit.errors import RemoteStale
from sovrgit.remotes.base import Transient
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.state import RemoteState

pytestmark = pytest.mark.usefixtures("small")


def _histories(lab: Lab, noise: random.Random) -> None:
    """A pod of several packs, pushed in part."""
    lab.commit({str(number): noise.randbytes(900) for number in range(25)})


def _calls_of(transfer: Callable[[FaultyRemote], object], remote: MemoryRemote) -> int:
    counted = FaultyRemote(remote)
    transfer(counted)
    return len(counted.calls)


@pytest.mark.parametrize("crash", [crashes, crashes_after])
def test_push_that_crashes_at_any_call(tmp_path: Path, noise: random.Random, crash: Callable[..., object]) -> None:
    lab = Lab.create(tmp_path / "lab")
    lab.commit({"a": b"1"})
    first = MemoryRemote()
    lab.push(first)
    start, packs = first.manifest, dict(first.packs)
    state = RemoteState.load(lab.pod.folder, "origin")
    lab.commit({str(number): noise.randbytes(900) for number in range(20)})
    total = _calls_of(lab.push, first)
    assert total > 6
    for index in range(total):
        remote = MemoryRemote()
        remote.manifest, remote.packs = start, dict(packs)
        state.save(lab.pod.folder, "origin")
        with pytest.raises(Crash):
            lab.push(FaultyRemote(remote).at_call(index, crash))
        # The remote is whole, as it was or as it will be.
        copy = cloned(remote, tmp_path / f"between{index}")
        assert copy.problems() == ()
        verified = RemoteState.load(lab.pod.folder, "origin").uploaded
        again = FaultyRemote(remote)
        remote.sent.clear()
        lab.push(again)
        assert not verified & set(remote.sent)
        assert manifest_of(remote).refs == {MAIN: lab.head}
        assert cloned(remote, tmp_path / f"after{index}").working() == lab.working()
        assert lab.stray() == []
    assert lab.problems() == ()


def test_pushed_packs_are_remembered_one_by_one(lab: Lab, remote: MemoryRemote, noise: random.Random) -> None:
    _histories(lab, noise)
    with pytest.raises(Crash):
        lab.push(FaultyRemote(remote).on("publish", crashes))
    sent = set(remote.sent)
    assert len(sent) > 3
    assert RemoteState.load(lab.pod.folder, "origin").uploaded == sent
    remote.sent.clear()
    pushed = lab.push(remote)
    assert (remote.sent, pushed.sent_packs, pushed.sent_bytes) == ([], 0, 0)
    assert RemoteState.load(lab.pod.folder, "origin").uploaded == frozenset()


def test_pushed_packs_are_remembered_while_others_are_sent(
    lab: Lab, remote: MemoryRemote, noise: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed has no time to write down what it has done."""
    _histories(lab, noise)
    written = threading.Event()
    save = RemoteState.save

    def watched(state: RemoteState, folder: Path, name: str) -> None:
        save(state, folder, name)
        if state.uploaded:
            written.set()

    def waits(call: Call) -> object:
        assert written.wait(10)
        return call.proceed()

    monkeypatch.setattr(RemoteState, "save", watched)
    # Two are in flight at once; the fourth begins when two have arrived.
    lab.push(FaultyRemote(remote).on("put_pack", waits, range(3, 4)))


def test_pack_that_the_remote_lost_since_is_sent_again(lab: Lab, remote: MemoryRemote, noise: random.Random) -> None:
    _histories(lab, noise)
    with pytest.raises(Crash):
        lab.push(FaultyRemote(remote).on("publish", crashes))
    lost = remote.sent[0]
    del remote.packs[lost]
    remote.sent.clear()
    lab.push(remote)
    assert remote.sent == [lost]


def test_more_commits_after_an_interrupted_push(lab: Lab, remote: MemoryRemote, noise: random.Random) -> None:
    for number in range(12):
        lab.commit({f"{number}/{part}": noise.randbytes(900) for part in range(4)})
    with pytest.raises(Crash):
        lab.push(FaultyRemote(remote).on("publish", crashes))
    first = len(remote.sent)
    lab.commit({"more": noise.randbytes(900)})
    remote.sent.clear()
    lab.push(remote)
    # Only the last content pack and the metadata differ.
    assert 0 < len(remote.sent) < first / 2


@pytest.mark.parametrize("crash", [crashes, crashes_after])
def test_fetch_that_crashes_at_any_call(tmp_path: Path, noise: random.Random, crash: Callable[..., object]) -> None:
    lab = Lab.create(tmp_path / "lab")
    first = lab.commit({"a": b"1"})
    remote = MemoryRemote()
    lab.push(remote)
    manifest = remote.manifest
    second = lab.commit({str(number): noise.randbytes(900) for number in range(20)})
    lab.push(remote)
    later = remote.manifest
    remote.manifest = manifest
    counted = cloned(remote, tmp_path / "counted")
    remote.manifest = later
    total = _calls_of(counted.fetch, remote)
    assert total > 3
    for index in range(total):
        remote.manifest = manifest
        copy = cloned(remote, tmp_path / f"copy{index}")
        remote.manifest = later
        packs = copy.packs()
        with pytest.raises(Crash):
            copy.fetch(FaultyRemote(remote).at_call(index, crash))
        assert copy.refs["refs/remotes/origin/main"] == first
        assert copy.problems() == ()
        assert copy.stray() == []
        arrived = copy.packs() - packs
        again = FaultyRemote(remote)
        fetched = copy.fetch(again)
        assert again.calls.count("get_pack") == fetched.received_packs == total - 1 - len(arrived)
        assert copy.files(second) == lab.files(second)
        assert copy.problems() == ()


@pytest.mark.parametrize("fault", [unreachable, answer_lost])
def test_push_survives_a_failure_at_any_call(
    tmp_path: Path, noise: random.Random, fault: Callable[..., object]
) -> None:
    lab = Lab.create(tmp_path / "lab")
    _histories(lab, noise)
    total = _calls_of(lambda remote: lab.push(remote, remote_name="counted"), MemoryRemote())
    for index in range(total):
        remote = MemoryRemote()
        lab.push(FaultyRemote(remote).at_call(index, fault), remote_name=f"r{index}")
        assert manifest_of(remote).refs == {MAIN: lab.head}
        assert manifest_of(remote).generation == 1
        assert RemoteState.load(lab.pod.folder, f"r{index}").manifest == manifest_of(remote)
    assert lab.push(remote, remote_name=f"r{index}").moved == ()


@pytest.mark.parametrize("fault", [unreachable])
def test_fetch_survives_a_failure_at_any_call(
    tmp_path: Path, noise: random.Random, fault: Callable[..., object]
) -> None:
    lab = Lab.create(tmp_path / "lab")
    _histories(lab, noise)
    remote = MemoryRemote()
    lab.push(remote)
    total = _calls_of(lambda place: cloned(place, tmp_path / "counted"), remote)
    for index in range(total):
        copy = cloned(FaultyRemote(remote).at_call(index, fault), tmp_path / f"copy{index}")
        assert copy.working() == lab.working()


def test_clone_that_crashes_at_any_call_leaves_nothing(tmp_path: Path, noise: random.Random) -> None:
    lab = Lab.create(tmp_path / "lab")
    _histories(lab, noise)
    remote = MemoryRemote()
    lab.push(remote)
    total = _calls_of(lambda place: cloned(place, tmp_path / "counted"), remote)
    for index in range(total):
        with pytest.raises(Crash):
            cloned(FaultyRemote(remote).at_call(index, crashes), tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_lost_answer_to_the_manifest_when_somebody_builds_on_it(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    place = tmp_path / "remote"

    def built_upon(call: object) -> None:
        call.proceed()  # type: ignore[attr-defined]
        other = cloned(DirectoryRemote(place), tmp_path / "other")
        other.commit({"b": b"2"})
        other.push(DirectoryRemote(place))
        raise Transient(location="there", reason="no answer")

    pushed = lab.push(FaultyRemote(DirectoryRemote(place)).on("publish", in_turn(built_upon)))
    assert pushed.generation == 1
    assert manifest_of(DirectoryRemote(place)).generation == 2
    assert lab.fetch(DirectoryRemote(place)).received_packs == 1


def test_manifest_that_was_not_kept_is_noticed(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    before = remote.manifest
    lab.commit({"a": b"2"})
    forgetful = FaultyRemote(remote).on("publish", answers(None))
    with pytest.raises(RemoteStale):
        lab.push(forgetful)
    assert remote.manifest == before
    lab.push(remote)
    assert manifest_of(remote).refs == {MAIN: lab.head}


def test_manifest_that_shows_up_late(lab: Lab, remote: MemoryRemote) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    before = remote.manifest
    lab.commit({"a": b"2"})
    # The first read is the one before the push; then the old state is served twice more.
    lagging = FaultyRemote(remote, answers_vary=True).on("read_manifest", answers(before), range(3))
    lab.push(lagging)
    assert manifest_of(remote).refs == {MAIN: lab.head}
