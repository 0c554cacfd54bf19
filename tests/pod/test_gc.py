"""Collecting garbage: nothing that is needed goes, what is of no use does, and others who are at work are safe."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_lab import Files, Lab, text
from test_treediff import FILES

from sovrgit.errors import IntegrityFailure, Locked, ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.pod import gc
from sovrgit.pod.check import check_pod
from sovrgit.pod.gc import DAY, Collected, GcRequest, collect, worthwhile
from sovrgit.pod.lock import GC_LOCK, locked
from sovrgit.pod.pod import Pod
from sovrgit.store import guard
from sovrgit.store.format import PackClass

NOW = 2_000_000_000 * 10**9
LARGE = os.urandom(3 << 20)


def run(lab: Lab, **options: object) -> Collected:
    return collect(lab.pod, GcRequest(NOW, grace_ns=0, **options))  # type: ignore[arg-type]


def garbage(lab: Lab, content: bytes = b"of no use" * 1000) -> ObjectId:
    with lab.pod.store.session() as session:
        identity = session.add(Kind.BLOB, content)
        session.commit()
    return identity


def later(lab: Lab) -> Lab:
    """The pod as a new process sees it."""
    lab.pod.close()
    return lab.reopened()


def test_what_is_needed_stays_and_the_rest_goes(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.put(b"large", LARGE)
    lab.commit()
    useless = garbage(lab)
    lab.put(b"a", b"2")
    lab.commit()
    before = lab.committed()
    done = run(lab)
    assert (done.objects, done.packs_before > done.packs_after) == (1, True)
    lab = later(lab)
    assert not lab.pod.store.has(useless)
    assert lab.committed() == before and check_pod(lab.pod).is_sound
    assert run(lab).objects == 0


def test_small_packs_become_one_of_each_class(lab: Lab) -> None:
    for number in range(12):
        lab.put(b"a", b"%d" % number)
        lab.put(b"large", os.urandom(5000))
        lab.commit()
    assert len(lab.pod.store.packs()) == 24
    done = run(lab)
    assert (done.packs_before, done.packs_after, done.objects) == (24, 2, 0)
    assert {info.kind for info in lab.pod.store.packs()} == set(PackClass)
    # The tables of contents of content packs are in metadata packs, as a commit leaves them.
    (metadata,) = (info for info in lab.pod.store.packs() if info.kind is PackClass.METADATA)
    assert sum(place.kind is Kind.TOC for _, place in lab.pod.store.contents(metadata.id)) == 1
    assert check_pod(later(lab).pod).is_sound


def test_a_dry_run_says_the_same_and_does_nothing(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    garbage(lab)
    packs = lab.pod.store.packs()
    told = run(lab, dry_run=True)
    assert lab.pod.store.packs() == packs
    assert run(lab).objects == told.objects == 1


def test_what_is_young_stays(lab: Lab) -> None:
    useless = garbage(lab)
    path = lab.pod.store.pack_path(lab.pod.store.packs()[0].id)
    written = path.stat().st_mtime_ns
    for age, young in ((13 * DAY, 1), (15 * DAY, 0)):
        done = collect(lab.pod, GcRequest(written + age))
        assert done.young == young
    assert not lab.pod.store.has(useless)


def test_what_the_journal_names_stays_for_a_time(lab: Lab) -> None:
    lab.put(b"a", b"1")
    lab.commit()
    lab.put(b"a", b"only in the amended commit")
    lost = lab.commit(amend=True).id
    lab.put(b"a", b"2")
    kept = lab.commit(amend=True)
    (lab.pod.folder / "index").unlink()
    moved = kept.commit.time * 10**9
    collect(lab.pod, GcRequest(moved + 89 * DAY, grace_ns=0))
    assert lab.pod.store.has(lost)
    for info in lab.pod.store.packs():
        os.utime(lab.pod.store.pack_path(info.id), (0, 0))
    done = collect(lab.pod, GcRequest(moved + 91 * DAY, grace_ns=0))
    assert done.objects == 6  # two commits that were amended, their trees and files
    assert not lab.pod.store.has(lost) and check_pod(lab.pod, since_ns=moved + DAY).is_sound


def test_what_the_index_names_stays(lab: Lab) -> None:
    """A snapshot that no commit names yet: a run is about to record it."""
    from sovrgit.pod.snapshot import take_snapshot
    from sovrgit.pod.worktree import WorkingTree

    lab.put(b"a", b"not committed")
    with lab.pod.lock(), lab.pod.store.session() as session:
        working = WorkingTree.look(lab.pod)
        tree = take_snapshot(lab.root, working.found, working.index, session).tree
        session.commit()
        working.save_index()
    assert run(lab).objects == 0
    assert lab.pod.store.has(tree) and lab.pod.store.has(blob_id(b"not committed"))


def test_damage_to_what_is_needed_removes_nothing(lab: Lab) -> None:
    for number in range(3):
        lab.put(b"a", os.urandom(5000))
        lab.commit(str(number))
    garbage(lab)
    victim = next(info for info in lab.pod.store.packs() if info.kind is PackClass.CONTENT)
    path = lab.pod.store.pack_path(victim.id)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    lab = later(lab)
    packs = set(lab.pod.store.packs())
    with pytest.raises(IntegrityFailure):
        run(lab)
    assert set(lab.pod.store.packs()) == packs and lab.stray() == []


def test_unreadable_refs_remove_nothing(lab: Lab) -> None:
    garbage(lab)
    (lab.pod.folder / "refs").write_text("nonsense")
    with pytest.raises(IntegrityFailure):
        run(lab)
    assert len(lab.pod.store.packs()) == 2


def test_a_missing_object_is_no_reason_to_stop(lab: Lab) -> None:
    lab.put(b"a", os.urandom(5000))
    lab.commit()
    content = next(info for info in lab.pod.store.packs() if info.kind is PackClass.CONTENT)
    lab.pod.store.pack_path(content.id).unlink()
    lab = later(lab)
    useless = garbage(lab)
    assert run(lab).objects == 1 and not lab.pod.store.has(useless)


def test_leftovers_of_killed_commands_go_and_outputs_put_aside_stay(lab: Lab) -> None:
    temporary = lab.pod.temporary
    (temporary / "pack-1-abc").write_bytes(b"x")
    (temporary / "checkout-1-abc").mkdir()
    (temporary / "checkout-1-abc/x").write_bytes(b"x")
    (temporary / "aside-1-abc").mkdir()
    assert run(lab).leftovers == 2
    assert os.listdir(temporary) == ["aside-1-abc"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(states=st.lists(FILES, min_size=1, max_size=5), amend=st.lists(st.booleans(), min_size=5, max_size=5))
def test_every_committed_state_can_still_be_read(lab: Lab, states: list[Files], amend: list[bool]) -> None:
    known: dict[ObjectId, Files] = {}
    for number, files in enumerate(states):
        lab.put_all(files)
        made = lab.commit(str(number), allow_empty=True, amend=amend[number] and number > 0).id
        known[made] = dict(files)
        garbage(lab, b"%d" % number)
    run(lab, few=2, kept_moves_ns=NOW)
    fresh = lab.reopened()
    from pod_lab import files_in_tree

    for commit, files in known.items():
        assert files_in_tree(fresh.pod.store, fresh.pod.store.commit(commit).tree) == files
    assert check_pod(fresh.pod).is_sound
    fresh.pod.close()


# --- others at work -------------------------------------------------------------------------------------------------


def test_somebody_who_writes_stops_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "ALONE_PATIENCE", 0.05)
    useless = garbage(lab)
    other = lab.reopened()
    with other.pod.store.session() as session:
        session.add(Kind.BLOB, b"x")
        with pytest.raises(Locked):
            run(lab)
        session.commit()
    assert lab.pod.store.has(useless)
    with pytest.raises(Locked):  # what it has stored, it may still be about to name
        run(lab)
    other.pod.close()
    assert run(lab).objects == 2


def test_what_is_named_in_the_meantime_stays(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody finds an object stored that was of no use when we looked, and names it."""
    lab.put(b"a", b"1")
    lab.commit()
    useless = garbage(lab, b"2")
    real = gc._plan

    def meanwhile(*arguments: object) -> object:
        plan = real(*arguments)  # type: ignore[arg-type]
        other = lab.reopened()
        other.put(b"a", b"2")
        other.commit("Names it")
        other.pod.close()
        return plan

    monkeypatch.setattr(gc, "_plan", meanwhile)
    run(lab)
    assert lab.pod.store.has(useless)
    assert check_pod(later(lab).pod).is_sound


def test_a_reader_goes_on(lab: Lab) -> None:
    for number in range(5):
        lab.put(b"a", b"%d" % number * 3000)
        lab.commit()
    other = lab.reopened()
    first = other.pod.store.commit(other.head)
    run(lab)
    assert bytes(other.pod.store.read(blob_id(b"4" * 3000), Kind.BLOB)) == b"4" * 3000
    assert other.pod.store.commit(other.head) == first
    with pytest.raises(ObjectMissing):
        other.pod.store.read(blob_id(b"never"), Kind.BLOB)
    other.pod.close()


KILLED = """
import os, sys
from pathlib import Path
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.pod import Pod

limit, count = int(sys.argv[2]), 0

def dying(real):
    def call(*arguments, **named):
        global count
        count += 1
        if count == limit:
            os._exit(9)
        return real(*arguments, **named)
    return call

pod = Pod(Path(sys.argv[1]))
for name in ("open", "write", "rename", "replace", "unlink", "fsync", "close"):
    setattr(os, name, dying(getattr(os, name)))
collect(pod, GcRequest(2_000_000_000 * 10**9, grace_ns=0))
os._exit(0)
"""


def test_killed_at_any_call(lab: Lab, tmp_path: Path) -> None:
    import shutil

    for number in range(4):
        lab.put(b"a", b"%d" % number * 3000)
        lab.commit(str(number))
    garbage(lab)
    wanted = lab.committed()
    lab.pod.close()
    (tmp_path / "killed.py").write_text(KILLED)
    ended = False
    for limit in (*range(1, 60, 3), 200):
        copy = tmp_path / f"copy-{limit}"
        shutil.copytree(lab.root, copy)
        done = subprocess.run([sys.executable, str(tmp_path / "killed.py"), str(copy), str(limit)], check=False)
        assert done.returncode in (0, 9)
        ended = ended or done.returncode == 0
        with Pod(copy) as pod:
            after = Lab(pod)
            assert check_pod(pod).is_sound
            assert after.committed() == wanted
            run(after)
            assert after.stray() == [] and check_pod(pod).is_sound
        if done.returncode == 0:
            break
    assert ended


def test_when_it_is_worthwhile(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "MANY", 3)
    assert not worthwhile(lab.pod)
    for number in range(3):
        garbage(lab, b"%d" % number)
    assert worthwhile(lab.pod)


def test_two_at_once(lab: Lab) -> None:
    for number in range(6):
        lab.put(b"a", b"%d" % number)
        lab.commit()
    failures: list[BaseException] = []

    def one() -> None:
        mine = lab.reopened()
        try:
            run(mine)
        except BaseException as error:
            failures.append(error)
        finally:
            mine.pod.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    lab.pod.close()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert check_pod(lab.reopened().pod).is_sound


def test_one_that_has_begun_is_waited_for_or_named(lab: Lab) -> None:
    lab.put(b"a", b"x")
    lab.commit()
    with locked(lab.pod.folder / GC_LOCK):
        with pytest.raises(Locked, match=rf"process {os.getpid()}"):
            run(lab, patience=0)
        assert run(lab, dry_run=True, patience=0).objects == 0
    assert run(lab).leftovers == 0


def test_the_working_tree_is_left_alone(lab: Lab) -> None:
    lab.put(b"a", b"x")
    lab.commit()
    assert lab.on_disk() == {b"a": text(b"x")}
    run(lab)
    assert lab.on_disk() == {b"a": text(b"x")} and lab.changed() == {}
