"""Cloning and forking: the same ids and files, and nothing left behind where it fails."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from faulty import FaultyRemote, garbled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import MemoryRemote
from transfer_lab import MAIN, Counter, Lab, clone_of, cloned, forward, manifest_of, small_constants

from sovrgit.errors import PodExists, RemoteDamaged, RemoteUnavailable, SovrError
from sovrgit.objects.commit import Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tag import Tag
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES
from sovrgit.pod.status import status
from sovrgit.remotes.clone import clone, fork
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.podremote import PodRemote

# --- the same again ---------------------------------------------------------------------------------------------------


def test_clone_is_the_same(lab: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random, small: None) -> None:
    lab.commit({"recipe.json": b"{}", "payload/large": noise.randbytes(50_000), "empty": b""})
    (lab.root / "script").mkdir()
    (lab.root / "script/run").write_bytes(b"#!/bin/sh\n")
    (lab.root / "script/run").chmod(0o755)
    (lab.root / "link").symlink_to("script/run")
    (lab.root / "output").mkdir()
    lab.commit()
    lab.push(remote)
    made = clone_of(remote, tmp_path / "clone")
    copy = Lab(made.pod)
    assert made.head == copy.head == lab.head
    assert copy.working() == lab.working()
    assert os.readlink(copy.root / "link") == "script/run"
    assert os.access(copy.root / "script/run", os.X_OK)
    assert (copy.root / "output").is_dir()
    assert status(copy.pod).changes == ()
    assert copy.problems() == ()
    assert copy.refs == {MAIN: lab.head, "refs/remotes/origin/main": lab.head}
    assert copy.pod.config.get("remote.origin.url") == "memory:"
    assert copy.pod.config.get("pod.foreign") == "true"


def test_clone_checks_out_the_branch_that_was_checked_out(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote, lab.move("refs/heads/other", lab.head))
    copy = cloned(remote, tmp_path / "clone")
    assert copy.pod.refs.read().head == "refs/heads/other"


def test_clone_tells_how_far_it_is(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1" * 100})
    lab.push(remote)
    counter = Counter()
    made = clone(remote, tmp_path / "clone", time_ns=1, progress=counter)
    assert counter.done == counter.total == made.fetched.received_bytes + 100
    assert not counter.is_open


def _edited(seed: int, at: int) -> bytes:
    data = bytearray(random.Random(seed).randbytes(4000))
    data[at : at + 3] = b"new"
    return bytes(data)


_NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/f", "g/h"])
_CONTENTS = st.one_of(
    st.sampled_from([b"", b"1", b"2", b"text " * 40]),
    # Long enough to be cut into chunks; versions share most of them.
    st.builds(_edited, st.integers(0, 1), st.integers(0, 3000)),
)
_FILES = st.dictionaries(_NAMES, _CONTENTS, max_size=5)


@st.composite
def _histories(draw: st.DrawFn) -> list[tuple[dict[str, bytes], list[int], bool, int]]:
    """Commits: files, the numbers of the parents, whether a run made it, and a step of the clock."""
    steps = []
    for number in range(draw(st.integers(1, 7))):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        steps.append((draw(_FILES), parents, draw(st.booleans()), draw(st.integers(-200, 300))))
    return steps


@given(_histories(), st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_history_arrives_whole(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[dict[str, bytes], list[int], bool, int]],
    data: st.DataObject,
) -> None:
    """Push after some commits, clone, push the rest, fetch: ids, files and records are the same at every step."""
    folder = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as patched:
        small_constants(patched)
        lab, remote, copy = Lab.create(folder / "lab"), MemoryRemote(), None
        made: list[ObjectId] = []
        runs: list[ObjectId] = []
        time = 1_700_000_000
        for number, (files, parents, has_run, step) in enumerate(history):
            time += step
            run = None
            if has_run:
                base = made[data.draw(st.integers(0, number - 1))] if number else None
                run = lab.add_run(files, {"out/x": b"%d" % number}, base=base, repeats=runs[-1] if runs else None)
                runs.append(run)
            made.append(lab.add_commit(files, [made[parent] for parent in parents], time=time, run=run))
            names = [lab.move(f"refs/heads/b{number}", made[-1])]
            if len(runs) > 1:
                names.append(lab.add_verdict(runs[-1], runs[-2]))
            if has_run:
                tag = Tag(f"t{number}", made[-1], Kind.COMMIT, Stamp("A", "a", 1), "Tag")
                names.append(lab.move(f"refs/tags/t{number}", lab.add(Kind.TAG, tag.encode())))
            if not data.draw(st.booleans()) and number + 1 < len(history):
                continue
            names = [name for name in lab.refs if not name.startswith(REMOTES)]
            lab.push(remote, *names)
            assert lab.push(remote, *names).moved == ()
            if copy is None:
                copy = cloned(remote, folder / "clone")
            else:
                copy.fetch(remote)
            assert copy.problems() == ()
            arrived = {name.replace(f"{REMOTES}origin/", HEADS): value for name, value in copy.refs.items()}
            assert arrived == {name: value for name, value in lab.refs.items() if not name.startswith(REMOTES)}
            for identity in made:
                assert copy.pod.store.commit(identity) == lab.pod.store.commit(identity)
                assert copy.files(identity) == lab.files(identity)
        assert copy is not None
        lab.pod.close()
        copy.pod.close()


# --- where it goes, and what is left ----------------------------------------------------------------------------------


def test_into_a_folder_with_something_in_it(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_bytes(b"mine")
    with pytest.raises(PodExists):
        cloned(remote, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(PodExists):
        cloned(remote, tmp_path / "file")


def test_into_an_empty_folder(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    (tmp_path / "empty").mkdir()
    assert cloned(remote, tmp_path / "empty").working() == {"a": b"1"}


@pytest.mark.parametrize("existed", [True, False])
def test_failure_leaves_nothing(lab: Lab, remote: MemoryRemote, tmp_path: Path, existed: bool) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    if existed:
        (tmp_path / "clone").mkdir()
    with pytest.raises(RemoteDamaged):
        cloned(FaultyRemote(remote).on("get_pack", garbled), tmp_path / "clone")
    assert list((tmp_path / "clone").iterdir()) == [] if existed else not (tmp_path / "clone").exists()


def test_failure_while_files_are_written_leaves_nothing(
    lab: Lab, remote: MemoryRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovrgit.errors import StorageFull
    from sovrgit.remotes import clone as module

    lab.commit({"a": b"1", "d/b": b"2"})
    lab.push(remote)
    (tmp_path / "clone").mkdir()
    write_tree = module.write_tree

    def full(*args: object) -> None:
        write_tree(*args)  # type: ignore[arg-type]
        raise StorageFull(path="there")

    monkeypatch.setattr(module, "write_tree", full)
    with pytest.raises(StorageFull):
        cloned(remote, tmp_path / "clone")
    assert list((tmp_path / "clone").iterdir()) == []


def test_clone_that_was_killed_is_no_pod(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    """What it has brought was not checked, so nobody may build on it."""
    from sovrgit.errors import NotAPod
    from sovrgit.remotes import clone as module

    lab.commit({"a": b"1"})
    lab.push(remote)
    process = os.fork()
    if process == 0:
        try:
            module.write_tree = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore
            clone_of(remote, tmp_path / "clone")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    for look in (lambda: Pod(tmp_path / "clone"), lambda: Pod.find(tmp_path / "clone")):
        with pytest.raises(NotAPod) as caught:
            look()
        assert "clone was interrupted" in caught.value.hint
    other = MemoryRemote()
    other.location, other.manifest, other.packs = "elsewhere:", remote.manifest, remote.packs
    with pytest.raises(PodExists, match="clone of something else"):
        clone_of(other, tmp_path / "clone")
    (tmp_path / "clone/mine").write_bytes(b"x")
    with pytest.raises(PodExists, match="other files"):
        clone_of(remote, tmp_path / "clone")
    (tmp_path / "clone/mine").unlink()
    assert cloned(remote, tmp_path / "clone").working() == lab.working()


def _fails(error: BaseException) -> Callable[[object], None]:
    def fault(call: object) -> None:
        raise error

    return fault


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RemoteUnavailable(location="there", reason="it is gone")])
def test_interrupted_clone_of_what_is_far_goes_on(
    lab: Lab, remote: MemoryRemote, tmp_path: Path, small: None, existed: bool, error: BaseException
) -> None:
    for number in range(3):
        lab.commit({f"{number}": bytes([number]) * 9000})
        lab.push(remote)
    remote.is_far = True
    place = tmp_path / "clone"
    if existed:
        place.mkdir()
    total = len(manifest_of(remote).packs)
    assert total > 2
    with pytest.raises(type(error)):
        cloned(FaultyRemote(remote).on("get_pack", _fails(error), range(total - 1, total)), place)
    kept = len(list((place / ".sovr/packs").iterdir()))
    assert kept > 0
    assert os.listdir(place) == [".sovr"]
    watched = FaultyRemote(remote)
    copy = cloned(watched, place)
    assert copy.working() == lab.working()
    assert copy.problems() == ()
    assert watched.calls.count("get_pack") == total - kept


def test_pack_of_an_interrupted_clone_is_not_believed(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1" * 9000})
    lab.push(remote)
    remote.is_far = True
    total = len(manifest_of(remote).packs)
    with pytest.raises(KeyboardInterrupt):
        cloned(
            FaultyRemote(remote).on("get_pack", _fails(KeyboardInterrupt()), range(total - 1, total)), tmp_path / "c"
        )
    (path,) = (tmp_path / "c/.sovr/packs").iterdir()
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RemoteDamaged):
        cloned(remote, tmp_path / "c")
    assert cloned(remote, tmp_path / "c").working() == lab.working()


def test_interrupted_clone_of_what_is_near_leaves_nothing(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1" * 9000})
    lab.push(remote)
    with pytest.raises(KeyboardInterrupt):
        cloned(FaultyRemote(remote).on("get_pack", _fails(KeyboardInterrupt()), range(1, 2)), tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_folder_that_cannot_be_made(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    lab.push(remote)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SovrError):
        cloned(remote, tmp_path / "file/clone")


def test_remote_without_a_branch(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    with pytest.raises(RemoteUnavailable, match="nothing has been pushed"):
        cloned(remote, tmp_path / "clone")
    lab.commit({"a": b"1"})
    lab.push(remote, lab.move("refs/tags/v1", lab.head))
    with pytest.raises(RemoteUnavailable, match="no branch"):
        cloned(remote, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damaged_remote(lab: Lab, tmp_path: Path, damage: str) -> None:
    lab.commit({"a": b"1", "b": b"2" * 5000})
    remote = DirectoryRemote(tmp_path / "remote")
    lab.push(remote)
    for path in (tmp_path / "remote/packs").iterdir():
        data = bytearray(path.read_bytes())
        path.unlink()
        if damage == "flipped":
            data[len(data) // 3] ^= 0x40
        elif damage == "cut":
            del data[-9:]
        if damage != "gone":
            path.write_bytes(data)
    with pytest.raises(RemoteDamaged):
        cloned(remote, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


# --- from a pod, and forks --------------------------------------------------------------------------------------------


def test_from_a_working_pod(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1", "b": b"2" * 5000})
    copy = cloned(PodRemote(lab.root), tmp_path / "clone")
    assert copy.working() == lab.working()
    new = lab.commit({"a": b"3"})
    fetched = copy.fetch(PodRemote(lab.root))
    assert [move.new for move in fetched.moved] == [new]
    forward(copy.pod, "origin")
    assert copy.working() == lab.working()
    assert copy.problems() == lab.problems() == ()


def test_work_goes_back_by_fetching_from_the_clone(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    copy = cloned(PodRemote(lab.root), tmp_path / "clone")
    theirs = copy.commit({"a": b"2"})
    lab.fetch(PodRemote(copy.root), remote_name="ben")
    assert lab.refs["refs/remotes/ben/main"] == theirs
    forward(lab.pod, "ben")
    assert lab.working() == {"a": b"2"}


def test_pod_whose_history_was_changed_is_followed(lab: Lab, tmp_path: Path) -> None:
    lab.commit({"a": b"1"})
    copy = cloned(PodRemote(lab.root), tmp_path / "clone")
    before = copy.head
    amended = lab.commit({"a": b"2"}, amend=True)
    copy.fetch(PodRemote(lab.root))
    assert (copy.head, copy.refs["refs/remotes/origin/main"]) == (before, amended)


def test_fork_names_its_origin(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    origin = lab.commit({"a": b"1"})
    lab.push(remote)
    made = clone(remote, tmp_path / "fork", time_ns=1, remote_name="upstream")
    identity = fork(made, "/some/where", "lab", Stamp("Ben", "b@example.org", 9), "Fork lab")
    copy = Lab(made.pod)
    commit = copy.pod.store.commit(identity)
    assert copy.head == identity
    assert (commit.fork, commit.parents, commit.tree) == (
        Fork("/some/where", origin, "lab"),
        (origin,),
        made.commit.tree,
    )
    assert status(copy.pod).changes == ()
    own = MemoryRemote()
    copy.push(own, remote_name="origin")
    assert manifest_of(own).refs == {MAIN: identity}
    assert cloned(own, tmp_path / "again").files(origin) == {"a": b"1"}
