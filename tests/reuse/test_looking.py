"""Looking costs little, and whatever is wrong with a place, the pod is run."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reuse_lab import Person

from sovrgit.errors import RemoteUnavailable
from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.base import Transient
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.reuse.cache import PackRecords, RecordCache, RunRow
from sovrgit.reuse.finding import FILE, finder
from sovrgit.reuse.hasty import Deadline, hasty
from sovrgit.reuse.places import remote_places
from sovrgit.reuse.reading import Budget
from sovrgit.reuse.taking import Limits
from sovrgit.runs.reused import Wanted
from sovrgit.store.format import PackClass
from sovrgit.store.packreader import PackReader

VERBS = ("read_manifest", "get_range", "get_pack")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what is asked of folders."""
    counted: Counter[str] = Counter()

    def watch(verb: str) -> Callable[..., Any]:
        real = getattr(DirectoryRemote, verb)

        def watched(self: DirectoryRemote, *args: Any) -> Any:
            counted[verb] += 1
            return real(self, *args)

        return watched

    for verb in VERBS:
        monkeypatch.setattr(DirectoryRemote, verb, watch(verb))
    return counted


def test_a_look_costs_what_is_new(ann: Person, bob: Person, calls: Counter[str]) -> None:
    for number in range(5):
        ann.write("payload/in.txt", f"{number}\n")
        ann.run()
        ann.publish("shared")
    bob.write("payload/in.txt", "nothing that anybody has run\n")
    calls.clear()
    assert not bob.take().reused
    cold = calls.total()
    assert cold > 12  # each push has a pack
    calls.clear()
    bob.take(force=False)
    assert calls.total() == 0  # it is known here by now
    bob.write("payload/in.txt", "nor this\n")
    bob.take()
    assert calls == {"read_manifest": 1}
    ann.write("payload/in.txt", "new\n")
    ann.run()
    ann.publish("shared")
    calls.clear()
    bob.write("payload/in.txt", "nor that\n")
    bob.take()
    assert calls["read_manifest"] == 1 and calls["get_pack"] == 0 and calls["get_range"] <= 4


def test_a_hit_costs_little_whatever_else_there_is(ann: Person, bob: Person, calls: Counter[str]) -> None:
    bob.trusts(ann)
    for number in range(5):
        ann.write("payload/in.txt", f"{number}\n")
        ann.run()
        ann.publish("shared")
    bob.write("payload/in.txt", "3\n")
    calls.clear()
    assert bob.take().reused
    first = calls.total()
    bob.write("payload/in.txt", "4\n")
    calls.clear()
    assert bob.take().reused
    assert calls.total() < first and calls["read_manifest"] == 3 and calls["get_range"] < 12


def test_what_was_pushed_from_here_is_not_read_again(bob: Person, calls: Counter[str]) -> None:
    bob.run()
    bob.publish("shared")
    bob.write("payload/in.txt", "two\n")
    calls.clear()
    bob.take("any")
    assert calls == {"read_manifest": 1}


def test_a_remote_that_has_too_much_is_read_bit_by_bit(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    for number in range(4):
        ann.write("payload/in.txt", f"{number}\n")
        ann.run()
        ann.publish("shared")
    limits = Limits(budget=Budget(packs=2))
    # What it has last is read first.
    for left in (3, 1):
        bob.write("payload/in.txt", f"nothing of this, {left}\n")
        bob.take(limits=limits)
        assert bob.notices == (f"shared: it has more than is read at once; {left} packs are left for the next time",)
    bob.write("payload/in.txt", "one\n")
    assert bob.take(limits=limits).reused and bob.notices == ()


def test_a_pack_with_more_records_than_can_be_read_in_time(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob.trusts(ann)
    run = ann.latest()[1]
    for number in range(20):
        ann.record(replace(run, started=run.started - number - 1))
    ann.publish("shared")
    clock = iter(range(100_000))
    # Every look at the clock takes a second.
    monkeypatch.setattr("sovrgit.reuse.finding.Deadline", lambda seconds: Deadline(seconds, lambda: next(clock)))
    assert bob.take(limits=Limits(patience=15)).reused
    assert any("has more records than can be read in time; some are left out" in text for text in bob.notices)
    # It is not begun again and again.
    with RecordCache(bob.pod.folder / FILE) as cache:
        assert cache.read_packs() and 0 < len(cache.runs(run.key)) < 20


def test_so_many_records_of_one_key_are_looked_at(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    said = ann.output({"output/out.txt": b"lie"})
    for number in range(20):
        ann.pod.find_signer = lambda: None
        ann.forge(lambda run, number=number: replace(run, output=said, started=10**19 + number))  # type: ignore[misc]
    ann.publish("shared")
    # The one that says it is signed by somebody who counts comes first, whatever the others say of their time.
    assert bob.take(limits=Limits(records=3)).reused and bob.read("output/out.txt") == "one"
    assert len(bob.notices) <= 4


# --- places that fail ------------------------------------------------------------------------------------------------


def test_a_remote_that_is_not_there(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    bob.knows("nowhere")
    assert bob.take().reused
    assert bob.notices == ("nowhere: nothing has been pushed to it yet",)
    bob.fetch("shared")
    shutil.rmtree(bob.folder / "shared")
    bob.write("payload/in.txt", "two\n")
    assert not bob.take().reused
    assert "shared: what it had is not there any more" in bob.notices


def test_a_remote_that_went_back(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    bob.fetch("shared")
    shutil.rmtree(bob.folder / "shared")
    bob.write("payload/in.txt", "two\n")
    bob.write("payload/in.txt", "one\n")
    (bob.folder / "shared").mkdir()
    # What was fetched is here all the same.
    assert bob.take().reused


@pytest.mark.parametrize("damage", [b"", b"\x80", b"not a manifest" * 100])
def test_a_manifest_that_is_none(ann: Person, bob: Person, damage: bytes) -> None:
    bob.trusts(ann)
    (bob.folder / "shared" / "manifest").write_bytes(damage)
    assert not bob.take().reused
    (notice,) = bob.notices
    assert notice.startswith("shared: the remote") and "is damaged" in notice


def test_packs_that_are_damaged(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    for path in (bob.folder / "shared" / "packs").iterdir():
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[40:] = bytes(len(data) - 40)
        path.write_bytes(data)
    assert not bob.take().reused and len(bob.notices) == 1


def test_packs_that_are_gone(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    for path in (bob.folder / "shared" / "packs").iterdir():
        path.unlink()
    assert not bob.take().reused and "is not there" in bob.notices[0]


def test_an_output_that_is_gone(ann: Person, bob: Person) -> None:
    """The record is there, and what it promises is not."""
    ann.says = random.Random(1).randbytes(10_000).hex()
    ann.run(force=True)
    ann.publish("shared")
    bob.trusts(ann)
    content = [path for path in (bob.folder / "shared" / "packs").iterdir() if _class(path) is PackClass.CONTENT]
    assert content
    for path in content:
        path.unlink()
    result = bob.take()
    # The other run has its output in a pack that is still there.
    assert result.reused and bob.read("output/out.txt") == "one"
    assert any("was not taken" in text and "is not there" in text for text in bob.notices)


def _class(path: Path) -> PackClass:
    with PackReader(path, ObjectId.parse(path.stem)) as reader:
        return reader.pack_class()


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets every folder fail after so many calls more."""
    left = [10**9]

    def limit(count: int) -> None:
        left[0] = count

    for verb in VERBS:
        real = getattr(DirectoryRemote, verb)

        def called(self: DirectoryRemote, *args: Any, real: Callable[..., Any] = real) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Transient(location=self.location, reason="the network is gone")
            return real(self, *args)

        monkeypatch.setattr(DirectoryRemote, verb, called)
    monkeypatch.setattr("sovrgit.reuse.hasty._PAUSE", 0)
    yield limit


def test_a_remote_that_goes_away_in_the_middle(
    ann: Person, bob: Person, breaking: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bob.trusts(ann)
    tries = 0
    while True:
        breaking(tries)
        result = bob.take()
        if result.reused:
            break
        assert result.run.succeeded and any("the network is gone" in text for text in bob.notices)
        bob.withdraw()
        _forget_runs(bob)
        tries += 1
    assert tries > 4 and bob.read("output/out.txt") == "one"
    assert not any("the network is gone" in text for text in bob.notices)
    breaking(10**9)
    bob.publish("other")


def _forget_runs(person: Person) -> None:
    """What was run here is not known any more, as if it had never been."""
    import json

    journal = person.pod.folder / "journal"
    assert journal.exists()
    lines = [line for line in journal.read_text().splitlines() if json.loads(line)["command"] == "commit"]
    journal.write_text("".join(f"{line}\n" for line in lines))
    shutil.rmtree(person.pod.folder / "cache")


def test_a_remote_that_does_not_answer(ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bob.trusts(ann)
    bob.knows("slow")
    let_go = threading.Event()
    real = DirectoryRemote.read_manifest

    def slow(self: DirectoryRemote) -> bytes | None:
        if self.location.endswith("slow"):
            let_go.wait(60)
        return real(self)

    monkeypatch.setattr(DirectoryRemote, "read_manifest", slow)
    try:
        assert bob.take(limits=Limits(patience=0.5)).reused
        assert bob.notices == ("slow: no answer within 0 s",) or bob.notices == ("slow: no answer within 1 s",)
    finally:
        let_go.set()


def test_what_breaks_in_a_thread_is_told(ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sovrgit.reuse.reading.decode_manifest", broken)
    with pytest.raises(ZeroDivisionError):
        bob.take()


# --- the cache -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000])
def test_a_cache_that_is_damaged(ann: Person, bob: Person, content: bytes) -> None:
    bob.trusts(ann)
    bob.write("payload/in.txt", "two\n")
    bob.take()
    bob.write("payload/in.txt", "one\n")
    (bob.pod.folder / FILE).write_bytes(content)
    for ending in ("-wal", "-shm"):
        (bob.pod.folder / f"{FILE}{ending}").unlink(missing_ok=True)
    assert bob.take().reused


def test_a_cache_of_another_version(ann: Person, bob: Person) -> None:
    bob.trusts(ann)
    (bob.pod.folder / "cache").mkdir()
    with sqlite3.connect(bob.pod.folder / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE packs (other TEXT)")
    assert bob.take().reused


def test_a_cache_that_is_too_large_begins_anew(bob: Person) -> None:
    path = bob.pod.folder / FILE
    key = ObjectId(bytes(32))
    with RecordCache(path) as cache:
        cache.add(PackRecords(key, {}, [RunRow(key, key, 1, False, "")], []))
        assert len(cache.runs(key)) == 1
    with RecordCache(path) as cache:
        assert len(cache.runs(key)) == 1
    with RecordCache(path, largest=100) as cache:
        assert cache.runs(key) == [] and cache.read_packs() == set()


def test_a_cache_that_somebody_else_writes_is_done_without(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovrgit.reuse.cache._WAIT", 0.01)
    bob.trusts(ann)
    with RecordCache(bob.pod.folder / FILE):
        pass
    other = sqlite3.connect(bob.pod.folder / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert bob.take().reused
    other.close()


# --- patience --------------------------------------------------------------------------------------------------------


def test_time_that_is_over(ann: Person) -> None:
    now = [0.0]
    deadline = Deadline(5, lambda: now[0])
    remote = hasty(ann.remote("shared"), deadline)
    assert remote.read_manifest() is not None
    now[0] = 6.0
    with pytest.raises(RemoteUnavailable, match="took longer than 5 s"):
        remote.read_manifest()
    deadline.extend(2)
    assert remote.read_manifest() is not None and deadline.left == 1.0


# --- for many results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("once", [False, True])
def test_places_are_looked_at_once(ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, once: bool) -> None:
    bob.run()
    wanted = Wanted(ann.latest()[1].key, ("output",), "log", "lab")
    asked = []
    monkeypatch.setattr("sovrgit.reuse.finding.remote_places", lambda *what: asked.append(what) or remote_places(*what))
    find = finder("any", bob.keys, once=once)
    assert all(find(bob.pod, wanted).found is not None for _ in range(3))
    assert len(asked) == (1 if once else 3)


@pytest.mark.parametrize("where", ["sovrgit.reuse.finding.opened", "sovrgit.reuse.taking.opened"])
def test_a_place_that_was_lost_is_not_asked_again(
    ann: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    bob.run()
    wanted = Wanted(ann.latest()[1].key, ("output",), "log", "lab")
    asked = []

    def gone(*what: object) -> None:
        asked.append(what)
        raise RemoteUnavailable(location="shared", reason="it is gone")

    monkeypatch.setattr(where, gone)
    find = finder("any", bob.keys, once=True)
    lookups = [find(bob.pod, wanted) for _ in range(3)]
    assert all(lookup.found is None for lookup in lookups) and len(asked) == 1
    assert [len(lookup.notices) for lookup in lookups] == [1, 0, 0] and "it is gone" in lookups[0].notices[0]
