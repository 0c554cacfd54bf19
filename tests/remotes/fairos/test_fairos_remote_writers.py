"""Two writers at one pod: on this machine one waits, from two machines the loser finds out. Nothing is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from remote_lab import UPLOAD, OnRealServer, OnStandIn, User, at_request, reference_in
from transfer_lab import MAIN, Lab

from sovrgit.errors import HistoryDiverged, RemoteDiverged, RemoteStale, SovrError
from sovrgit.pod.refs import HEADS
from sovrgit.remotes.locations import open_remote
from sovrgit.remotes.push import PushRequest, push

PATIENCE = 20.0


@pytest.fixture
def ann(url: str, tmp_path: Path) -> User:
    return User(url, tmp_path / "ann")


def _base(ann: User) -> Lab:
    """A pod that was pushed once."""
    lab = ann.lab(files={"a": b"1"})
    ann.push(lab)
    return lab


def _other(user: User, name: str = "other", location: str = "fairos:pod") -> Lab:
    """Another clone of it that its owner may push from."""
    copy = Lab(user.clone(location, name, nobody=False).pod)
    copy.clock += 1_000_000
    return copy


def _push_branch(user: User, lab: Lab, branch: str, remote: str = "origin") -> None:
    """Push the head under the name of a branch."""
    name = lab.move(HEADS + branch, lab.head)
    opened = open_remote(lab.pod, remote, user.networks())
    try:
        push(lab.pod, opened, PushRequest(remote, [name], 1, {"name": "lab"}))
    finally:
        opened.close()


class Writers:
    """Two writers."""

    # --- two clones on one machine --------------------------------------------------------------------------------

    def test_two_clones_here_wait_for_each_other(self, ann: User) -> None:
        lab, other = _base(ann), _other(ann)
        lab.commit({"a": b"2"})
        other.commit({"b": b"2"})
        began = threading.Event()
        uploads: list[str] = []

        def look(request: httpx.Request) -> None:
            name = threading.current_thread().name
            if f"{request.method} {request.url.path}" == UPLOAD:
                uploads.append(name.partition("-")[0])
            began.set()

        ann.wire.before = look
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(_push_branch, ann, lab, "one")
            assert began.wait(PATIENCE)
            second = pool.submit(_push_branch, ann, other, "two")
            first.result(PATIENCE)
            second.result(PATIENCE)
        ann.wire.before = None
        manifest = ann.manifest(reference_in(lab.pod, "fairos:pod"))
        assert manifest.refs == {MAIN: manifest.refs[MAIN], HEADS + "one": lab.head, HEADS + "two": other.head}
        assert manifest.generation == 3
        other.pod.close()

    def test_second_clone_fetches_first(self, ann: User) -> None:
        lab, other = _base(ann), _other(ann)
        lab.commit({"a": b"2"})
        other.commit({"b": b"2"})
        ann.push(lab)
        with pytest.raises(RemoteStale, match="fetch first") as failed:
            ann.push(other)
        assert "sovr pull" in failed.value.hint
        ann.fetch(other)
        with pytest.raises(HistoryDiverged):
            ann.push(other)
        assert other.refs["refs/remotes/origin/main"] == lab.head
        other.pod.close()

    # --- two machines ---------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_two_machines_at_any_moment(self, ann: User, moment: str) -> None:
        """No lock is shared. Whichever way the calls interleave: each branch is at the remote, or its pusher knows that
        it is not, and then brings it there. The branches of both are in every clone in the end."""
        lab = _base(ann)
        machine = ann.elsewhere("machine")
        other = _other(machine)
        losses = 0
        number = 0
        calls = 1
        while number < calls:
            number += 1
            lab.commit({"a": b"mine %d" % number})
            other.commit({"b": b"other %d" % number})
            told: list[SovrError | None] = []
            meanwhile = partial(_try_and_tell, told, machine, other, f"other{number}")
            ann.wire.seen.clear()
            setattr(ann.wire, moment, at_request(number, meanwhile))
            mine = _tried(ann, lab, f"mine{number}")
            setattr(ann.wire, moment, None)
            calls = max(calls, len(ann.wire.seen))
            if not told:
                meanwhile()
            for user, pod, branch, failure in ((ann, lab, "mine", mine), (machine, other, "other", told[0])):
                losses += _brought_there(user, pod, f"{branch}{number}", failure)
        refs = ann.manifest(reference_in(lab.pod, "fairos:pod")).refs
        assert refs.keys() == {MAIN} | {
            f"{HEADS}{name}{at}" for name in ("mine", "other") for at in range(1, number + 1)
        }
        assert number > 6 and losses > 0
        copy = Lab(ann.clone("fairos:pod", "all", nobody=False).pod)
        assert copy.problems() == ()
        copy.pod.close()
        other.pod.close()

    def test_loser_of_a_race_that_both_won_finds_out(self, ann: User) -> None:
        """The other one looks, and then both write: the last one stays."""
        lab = _base(ann)
        machine = ann.elsewhere("machine")
        other = _other(machine)
        lab.commit({"a": b"2"})
        other.commit({"b": b"2"})
        _race(ann, lab, machine, other)
        # The other one was told that all is well. Its next look at the remote shows that it is not.
        kept = other.refs["refs/remotes/origin/theirs"]
        for action in (lambda: machine.fetch(other), lambda: machine.push(other)):
            with pytest.raises(RemoteDiverged, match="does not lead back to the one seen before") as failed:
                action()
            assert "--accept-divergence" in failed.value.hint
        assert (other.head, other.refs["refs/remotes/origin/theirs"]) == (kept, kept)
        # Both sides are kept: what the remote has comes along, and what is here is pushed again.
        machine.fetch(other, accept=True)
        assert other.refs["refs/remotes/origin/ours"] == lab.head
        _push_branch(machine, other, "theirs")
        refs = ann.manifest(reference_in(lab.pod, "fairos:pod")).refs
        assert (refs[HEADS + "ours"], refs[HEADS + "theirs"]) == (lab.head, kept)
        assert ann.fetch(lab).manifest.refs == refs
        other.pod.close()

    def test_reader_of_the_losing_side_finds_out(self, ann: User) -> None:
        lab = _base(ann)
        machine = ann.elsewhere("machine")
        other = _other(machine)
        reader = ann.elsewhere("reader")
        copy = Lab(reader.clone(reference_in(lab.pod, "fairos:pod")).pod)
        lab.commit({"a": b"2"})
        other.commit({"b": b"2"})
        _race(ann, lab, machine, other, meanwhile=lambda: reader.fetch(copy, nobody=True))
        seen = copy.refs
        assert "refs/remotes/origin/theirs" in seen
        with pytest.raises(RemoteDiverged):
            reader.fetch(copy, nobody=True)
        assert copy.refs == seen
        reader.fetch(copy, nobody=True, accept=True)
        assert copy.refs["refs/remotes/origin/ours"] == lab.head
        assert copy.files(seen["refs/remotes/origin/theirs"])["b"] == b"2"
        copy.pod.close()
        other.pod.close()

    def test_two_machines_that_make_the_pod_at_once(self, ann: User) -> None:
        """The pod is one, and one of them is told to fetch first."""
        lab, machine = ann.lab(), ann.elsewhere("machine")
        other = machine.lab("other", {"b": b"1"})
        told: list[SovrError | None] = []

        def meanwhile(request: httpx.Request) -> None:
            if request.url.path == "/v1/pod/new" and not told:
                told.append(None)
                told[0] = _tried(machine, other, None)

        ann.wire.before = meanwhile
        mine = _tried(ann, lab, None)
        ann.wire.before = None
        assert told == [None]
        assert isinstance(mine, RemoteStale)
        manifest = ann.manifest(reference_in(lab.pod, "fairos:pod"))
        assert manifest.refs == {MAIN: other.head}


def _tried(user: User, lab: Lab, branch: str | None) -> SovrError | None:
    """Push; how it failed."""
    try:
        _push_branch(user, lab, branch) if branch is not None else user.push(lab)
    except SovrError as error:
        return error
    return None


def _try_and_tell(told: list[SovrError | None], user: User, lab: Lab, branch: str) -> None:
    told.append(_tried(user, lab, branch))


def _brought_there(user: User, lab: Lab, branch: str, failure: SovrError | None) -> int:
    """Do what the message says until the branch is there; how often that took another push."""
    assert failure is None or isinstance(failure, RemoteStale | RemoteDiverged), failure
    for pushes in range(3):
        try:
            manifest = user.fetch(lab).manifest
        except RemoteDiverged:
            manifest = user.fetch(lab, accept=True).manifest
        if manifest.refs.get(HEADS + branch) == lab.head:
            return pushes
        _push_branch(user, lab, branch)
    raise AssertionError("it does not get there")


def _race(ann: User, lab: Lab, machine: User, other: Lab, meanwhile: object = None) -> None:
    """Let another machine push a whole manifest between the last look of a push and its write."""
    looks: list[object] = []

    def late(request: httpx.Request) -> None:
        call = f"{request.method} {request.url.path}"
        if call == "GET /public-file" and request.url.params["filePath"] == "/sovr/manifest":
            looks.append(None)
        if call == UPLOAD and len(looks) == 2:
            looks.append(None)
            _push_branch(machine, other, "theirs")
            if callable(meanwhile):
                meanwhile()

    ann.wire.before = late
    _push_branch(ann, lab, "ours")
    ann.wire.before = None
    assert len(looks) > 3


class TestOnStandIn(OnStandIn, Writers):
    pass


class TestOnRealServer(OnRealServer, Writers):
    pass
