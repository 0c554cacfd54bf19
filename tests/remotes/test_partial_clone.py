"""Clones that leave content at the remote: what comes, what is fetched for it, and what status makes of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faulty import FaultyRemote, in_turn, unreachable
from memory import MemoryRemote
from partial_lab import Partial
from transfer_lab import Lab, cloned, forward

from sovrgit.errors import LocalChanges, NotFetched, PathNotFound, RemoteDamaged, RemoteUnavailable
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, blob_id
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.merge import MergeRequest, merge
from sovrgit.pod.resolve import abort, resolve
from sovrgit.pod.revisions import resolve_tree
from sovrgit.pod.switch import move_to, restore
from sovrgit.pod.undo import undo
from sovrgit.store.format import PackClass
from sovrgit.store.packreader import PackReader

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def files(noise: random.Random) -> dict[str, bytes]:
    return {
        "recipe.json": b"{}",
        "script/run.py": b"print()\n",
        "script/long.py": noise.randbytes(700),
        "payload/large": noise.randbytes(30_000),
        "payload/deep/er": noise.randbytes(300),
        "payload/small": b"small",
        "output/result": noise.randbytes(500),
    }


@pytest.fixture
def pushed(lab: Lab, remote: MemoryRemote, files: dict[str, bytes]) -> Lab:
    lab.commit(files)
    lab.push(remote)
    return lab


def content_packs(remote: MemoryRemote, tmp_path: Path) -> set[object]:
    found = set()
    for pack, data in remote.packs.items():
        path = tmp_path / f"look-{pack.short}"
        path.write_bytes(data)
        with PackReader(path, pack) as reader:
            if reader.pack_class() is PackClass.CONTENT:
                found.add(pack)
    return found


def test_without_payload_no_content_pack_is_fetched(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    assert made.working() == {path: data for path, data in files.items() if not path.startswith(("payload", "output"))}
    assert made.changes() == {}
    assert made.absent() == ["output", "payload"]
    assert not content_packs(remote, tmp_path) & set(remote.got)
    assert made.check().is_sound
    assert made.check().promised == 3
    assert made.stray() == []


def test_a_path_is_got_and_stays(pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    assert made.get("payload/deep").files == 1
    assert made.working()["payload/deep/er"] == files["payload/deep/er"]
    assert made.absent() == ["output", "payload/large", "payload/small"]
    made.get("payload")
    assert made.absent() == ["output"]
    (made.root / "payload/large").unlink()
    assert made.changes() == {"payload/large": "removed"}
    assert made.get("payload").files == 0


def test_only_some_paths(pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]) -> None:
    made = Partial.only(remote, tmp_path / "clone", "payload/deep", "script/run.py")
    assert set(made.working()) == {"recipe.json", "script/run.py", "payload/deep/er"}
    assert made.changes() == {}
    with pytest.raises(PathNotFound):
        Partial.only(remote, tmp_path / "other", "nothing")
    assert not (tmp_path / "other").exists()


def test_everything_makes_it_whole(pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]) -> None:
    pushed.commit({"payload/large": files["payload/large"][5000:] + b"more"})
    pushed.push(remote)
    made = Partial.clone(remote, tmp_path / "clone")
    made.get_all()
    assert made.working() == pushed.working()
    assert not made.pod.is_partial
    assert made.problems() == ()
    whole = cloned(remote, tmp_path / "whole")
    assert made.pod.store.counts()[Kind.BLOB] == whole.pod.store.counts()[Kind.BLOB]
    # And goes on as one.
    pushed.commit({"payload/next": b"n" * 3000})
    pushed.push(remote)
    made.fetch(remote)
    assert made.pod.store.has(blob_id(b"n" * 3000))


def test_content_is_read_on_first_use(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    assert b"".join(made.pod.store.stream(blob_id(files["payload/large"]))) == files["payload/large"]
    assert bytes(made.pod.store.read(blob_id(files["output/result"]), Kind.BLOB)) == files["output/result"]
    assert made.absent() == ["output", "payload"]


def test_without_a_supply_it_is_said_what_is_missing(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    made.pod.supply = None
    with pytest.raises(NotFetched, match="left at a remote") as caught:
        made.get("payload")
    assert "sovr get" in caught.value.hint
    assert made.working().keys() == {"recipe.json", "script/run.py", "script/long.py"}


def test_an_own_file_in_the_place_counts(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    made.write("payload/large", b"mine")
    made.write("payload/new", b"new")
    assert made.changes() == {"payload/large": "modified", "payload/new": "added"}
    made.get("payload/deep")
    assert made.changes() == {"payload/large": "modified", "payload/new": "added"}
    made.commit()
    assert made.changes() == {}
    (made.root / "payload/large").unlink()
    (made.root / "payload/new").unlink()
    assert made.changes() == {"payload/large": "removed", "payload/new": "removed"}


def test_a_file_in_the_place_of_a_folder(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    made.write("payload", b"a file")
    assert made.changes()["payload"] == "added"
    made.commit()
    assert made.changes() == {}
    assert "payload" in made.working()


def test_a_folder_that_is_removed_keeps_what_was_left_out(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    made.get("payload/small")
    (made.root / "payload/small").unlink()
    (made.root / "payload").rmdir()
    assert made.changes() == {"payload/small": "removed"}
    made.commit()
    assert made.changes() == {}
    assert made.absent() == ["output", "payload/deep", "payload/large"]


def test_switching_carries_along_what_was_left_out(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes], noise: random.Random
) -> None:
    first = pushed.head
    second = pushed.commit(
        {"payload/large": noise.randbytes(4000), "payload/more": noise.randbytes(200), "script/run.py": b"2"}
    )
    pushed.push(remote)
    made = Partial.clone(remote, tmp_path / "clone")
    for target in (first, second):
        move_to(made.pod, target, command="switch", time_ns=1)
        assert made.changes() == {}
        assert made.absent() == ["output", "payload"]
        assert "payload/large" not in made.working()
    assert made.working()["script/run.py"] == b"2"
    undo(made.pod, time_ns=2)
    assert made.changes() == {}
    made.get("payload/large")
    assert made.working()["payload/large"] == files["payload/large"]
    move_to(made.pod, second, command="switch", time_ns=1)
    assert made.working()["payload/large"] == pushed.working()["payload/large"]
    assert made.changes() == {}


def test_pulling_gets_what_is_wanted_and_nothing_else(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    pushed.commit(
        {"payload/large": noise.randbytes(20_000), "script/long.py": noise.randbytes(900), "new": noise.randbytes(800)}
    )
    pushed.push(remote)
    before = made.size()
    made.fetch(remote)
    forward(made.pod, "origin")
    assert made.size() - before < 12_000
    assert made.changes() == {}
    here = made.working()
    assert here == {path: data for path, data in pushed.working().items() if not path.startswith(("payload", "output"))}


def test_a_commit_is_that_of_a_whole_clone(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made, whole = Partial.clone(remote, tmp_path / "clone"), cloned(remote, tmp_path / "whole")
    for pod in (made, whole):
        pod.write("script/run.py", b"print(2)\n")
        pod.write("payload/own", b"own" * 100)
    assert made.commit() == whole.commit()
    pushed_there = made.push(remote)
    assert pushed_there.sent_bytes < 3000
    pushed.fetch(remote)
    forward(pushed.pod, "origin")
    assert pushed.problems() == ()
    assert pushed.working() == whole.working()


def test_pushing_elsewhere_gets_what_is_missing(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made, other = Partial.clone(remote, tmp_path / "clone"), MemoryRemote()
    made.pod.supply = None
    with pytest.raises(NotFetched):
        made.push(other, remote_name="other")
    assert other.manifest is None
    made.pod.supply = made.supply
    made.push(other, remote_name="other")
    assert cloned(other, tmp_path / "again").working() == pushed.working()


def test_restoring_what_was_left_out(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    pushed.commit({"payload/large": b"changed"})
    pushed.push(remote)
    made = Partial.clone(remote, tmp_path / "clone")
    restore(made.pod, resolve_tree(made.pod, "HEAD~1"), [b"payload/large"], time_ns=1)
    assert made.working()["payload/large"] == files["payload/large"]
    assert made.changes() == {"payload/large": "modified"}
    assert "payload/deep" in made.absent()
    undo(made.pod, time_ns=2)
    assert made.changes() == {}
    assert "payload/large" not in made.working()


def test_garbage_is_collected_and_nothing_that_is_promised_is_lost(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    for number in range(3):
        made.commit({"a": str(number).encode() * 40})
    made.drop("script/long.py")
    for _ in range(2):
        collect(made.pod, GcRequest(2**62, grace_ns=0))
        assert made.check().is_sound
    made.get_all()
    assert made.changes() == {}
    assert made.problems() == ()


def test_a_large_folder_comes_though_it_is_chunked(lab: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    lab.commit({f"payload/file{number}": str(number).encode() for number in range(300)})
    assert lab.pod.store.chunks(lab.pod.store.tree(lab.pod.head_tree()).entries[0].id)
    lab.push(remote)
    made = Partial.clone(remote, tmp_path / "clone")
    assert made.absent() == ["payload"]
    assert made.check().is_sound
    made.get_all()
    assert made.working() == lab.working()


def test_content_packs_without_a_table_are_asked_for_theirs(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovrgit.remotes import promises

    monkeypatch.setattr(promises.Promises, "described", lambda _: frozenset())
    made = Partial.clone(remote, tmp_path / "clone")
    assert remote.ranges
    made.get_all()
    assert made.working() == pushed.working()


# --- dropping ---------------------------------------------------------------------------------------------------


def test_what_is_dropped_can_be_got_again(pushed: Lab, remote: MemoryRemote, files: dict[str, bytes]) -> None:
    made = Partial(pushed.pod, remote)
    before = made.size()
    dropped = made.drop("payload/large")
    assert dropped.remote == "origin"
    assert before - made.size() > 25_000
    assert made.changes() == {}
    assert made.absent() == ["payload/large"]
    assert made.check().promised == 1
    assert made.drop("payload/large").objects == 0
    made.get("payload/large")
    assert made.working() == files
    assert made.problems() == ()


def test_content_that_another_file_has_stays(lab: Lab, remote: MemoryRemote, noise: random.Random) -> None:
    data = noise.randbytes(5000)
    lab.commit({"a": data, "b": data})
    lab.push(remote)
    made = Partial(lab.pod, remote)
    assert made.drop("a").objects == 0
    assert made.working() == {"b": data}
    assert made.drop("b").objects > 0
    assert made.absent() == ["a", "b"]
    made.get("a")
    assert made.working() == {"a": data}
    assert made.changes() == {}


def test_what_is_not_proven_is_not_dropped(pushed: Lab, remote: MemoryRemote, files: dict[str, bytes]) -> None:
    from sovrgit.errors import NotProven

    made = Partial(pushed.pod, remote)
    made.commit({"payload/new": b"new" * 500})
    with pytest.raises(NotProven, match="does not hold all of it"):
        made.drop("payload")
    made.write("payload/small", b"changed")
    with pytest.raises(LocalChanges):
        made.drop("payload/small")
    for pack in list(remote.packs):
        data = bytearray(remote.packs[pack])
        for position in range(60, len(data), 97):
            data[position] ^= 1
        remote.packs[pack] = bytes(data)
    with pytest.raises(NotProven):
        made.drop("payload/large")
    with pytest.raises(PathNotFound):
        made.drop("nothing")
    assert made.working().keys() == {*files, "payload/new"}
    assert not made.pod.is_partial
    assert made.problems() == ()


# --- faults -----------------------------------------------------------------------------------------------------


def test_an_interrupted_get_goes_on(pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    made.supply.remote = FaultyRemote(remote).on("get_pack", unreachable, range(2, 1000))
    with pytest.raises(RemoteUnavailable):
        made.get("payload", "output")
    assert made.changes() == {}
    assert made.stray() == []
    arrived = list(remote.got)
    made.supply.remote = remote
    made.get("payload", "output")
    assert len(remote.got) == len(set(remote.got)), arrived
    assert made.working() == files


def test_a_range_that_lies(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    def lies(call: object) -> bytes:
        data = bytearray(call.proceed())  # type: ignore[attr-defined]
        data[-1] ^= 1
        return bytes(data)

    made = Partial.clone(remote, tmp_path / "clone")
    made.supply.remote = FaultyRemote(remote).on("get_range", lies).on("get_pack", unreachable)
    with pytest.raises(RemoteDamaged):
        made.get("payload/deep")
    assert made.changes() == {}
    assert made.check().is_sound
    # Once is nothing where answers vary.
    made.supply.remote = FaultyRemote(remote, answers_vary=True).on("get_range", in_turn(lies))
    assert made.get("payload/deep").files == 1


def test_a_remote_that_is_gone(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    remote.packs.clear()
    with pytest.raises(RemoteDamaged, match="is not there"):
        made.get("payload")
    assert made.changes() == {}
    made.commit({"script/run.py": b"goes on"})
    assert made.changes() == {}


def test_of_two_remotes_the_other_one_is_asked(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    made, other = Partial.clone(remote, tmp_path / "clone"), MemoryRemote()
    other.location = "elsewhere:"
    pushed.push(other, remote_name="other")
    made.pod.config.set("remote.other.url", other.location)
    made.supply.others["other"] = other
    made.fetch(other, remote_name="other")
    remote.packs.clear()
    made.get("payload", "output")
    assert made.working() == files


def test_a_list_that_lies_stands_for_nothing(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, files: dict[str, bytes]
) -> None:
    """Whoever commits the file of which a remote sent a wrong list has it all the same."""
    made = Partial.clone(remote, tmp_path / "clone")
    assert not made.pod.store.has(blob_id(files["payload/large"]))
    made.write("payload/large", files["payload/large"])
    assert made.changes() == {}
    made.commit({"script/run.py": b"2"})
    assert b"".join(made.pod.store.stream(blob_id(files["payload/large"]))) == files["payload/large"]


# --- merging ----------------------------------------------------------------------------------------------------


def test_merging_carries_along_and_writes_conflicts(
    pushed: Lab, remote: MemoryRemote, tmp_path: Path, noise: random.Random
) -> None:
    made = Partial.clone(remote, tmp_path / "clone")
    pushed.commit(
        {"payload/large": noise.randbytes(3000), "payload/small": b"theirs\n", "script/run.py": b"theirs\n" * 30}
    )
    pushed.push(remote)
    made.write("payload/small", b"ours\n")
    made.commit({"own": b"1"})
    made.fetch(remote)
    theirs = made.refs["refs/remotes/origin/main"]
    ann = Stamp("Ann", "ann@example.org", 1)
    merged = merge(made.pod, MergeRequest(theirs, "theirs", ann), time_ns=1)
    assert [conflict.path for conflict in merged.conflicts] == [b"payload/small"]
    assert b"<<<<<<<" in made.working()["payload/small"]
    assert "payload/large" not in made.working() and made.changes()["payload/large"] == "modified"
    abort(made.pod, time_ns=2)
    assert made.changes() == {}
    merge(made.pod, MergeRequest(theirs, "theirs", ann), time_ns=3)
    resolve(made.pod, [b"payload/small"], "theirs", time_ns=4)
    commit(made.pod, CommitRequest(made.who(), None))
    assert made.changes() == {}
    made.push(remote)
    whole = cloned(remote, tmp_path / "whole")
    assert whole.working() == {**pushed.working(), "own": b"1"}
    assert whole.problems() == ()


def test_a_conflict_in_what_was_left_out_is_written(pushed: Lab, remote: MemoryRemote, tmp_path: Path) -> None:
    pushed.commit({"payload/text": b"1\n2\n3\n"})
    pushed.push(remote)
    made = Partial.clone(remote, tmp_path / "clone")
    made.get("payload/text")
    made.commit({"payload/text": b"1\nours\n3\n"})
    made.push(remote, "refs/heads/main", remote_name="origin")
    made.drop("payload/text")
    assert made.absent() == ["output", "payload"]
    base = made.pod.store.commit(made.head).parents[0]
    other = made.add_commit({**pushed.files(base), "payload/text": b"1\ntheirs\n3\n"}, [base])
    ann = Stamp("Ann", "ann@example.org", 1)
    merged = merge(made.pod, MergeRequest(other, "other", ann), time_ns=1)
    assert merged.outcome == "conflicts"
    assert b"ours" in made.working()["payload/text"] and b"theirs" in made.working()["payload/text"]
    abort(made.pod, time_ns=2)
    assert made.changes() == {} and "payload/text" not in made.working()
