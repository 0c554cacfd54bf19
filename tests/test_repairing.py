"""Repairing: what can be made anew is, what a remote has comes back, and what is lost is named with who needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sovrgit.pod.check as checking
from sovrgit.errors import RemoteUnavailable, SovrError
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.pod.check import check_pod
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS
from sovrgit.remotes import base
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.locations import add_remote
from sovrgit.remotes.push import PushRequest, push
from sovrgit.repairing import check_remote, repair_pod
from sovrgit.store.format import PackClass

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)
PRECIOUS = b"precious " * 1000


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pod]:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)
    with Pod.create(tmp_path / "pod") as made:
        yield made


def record(pod: Pod, **files: bytes) -> ObjectId:
    for name, content in files.items():
        (pod.root / name).write_bytes(content)
    return commit(pod, CommitRequest(ANN, "Change")).id


def shared(pod: Pod, tmp_path: Path) -> DirectoryRemote:
    add_remote(pod, "origin", "remote", tmp_path)
    remote = DirectoryRemote(tmp_path / "remote")
    push(pod, remote, PushRequest("origin", [f"{HEADS}main"], 1, {}))
    return remote


def damage(pod: Pod, kind: PackClass = PackClass.CONTENT) -> None:
    """Flip a byte in the middle of a pack."""
    info = next(info for info in pod.store.packs() if info.kind is kind)
    path = pod.store.pack_path(info.id)
    data = bytearray(path.read_bytes())
    path.unlink()  # the remote may have the same file
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    pod.close()


def reopened(pod: Pod) -> Pod:
    pod.close()
    return Pod(pod.root)


def test_a_sound_pod_stays_as_it_is(pod: Pod) -> None:
    record(pod, a=PRECIOUS)
    packs = set(pod.store.packs())
    done = repair_pod(pod, time_ns=2, since_ns=0)
    assert done.before.is_sound and done.after.is_sound and done.losses == () and done.asked == ()
    assert set(pod.store.packs()) == packs and not (pod.folder / "damaged").exists()


def test_damage_is_mended_from_a_remote(pod: Pod, tmp_path: Path) -> None:
    record(pod, a=PRECIOUS, b=b"beside it " * 1000)
    shared(pod, tmp_path)
    damage(pod)
    with reopened(pod) as again:
        assert not check_pod(again).is_sound
        done = repair_pod(again, time_ns=2, since_ns=0)
        assert done.after.is_sound and len(done.mended.aside) == 1 and done.mended.saved == 1
        assert done.asked == (("origin", ""),) and done.received_bytes > 0
        assert [path.name for path in (again.folder / "damaged").iterdir()] == [f"{done.mended.aside[0]}.pack"]
        assert again.store.read_entry(b"", next(iter(again.store.tree(again.head_tree()).entries))) == PRECIOUS


@pytest.mark.parametrize("kind", list(PackClass))
def test_a_pack_that_is_gone_comes_back(pod: Pod, tmp_path: Path, kind: PackClass) -> None:
    record(pod, a=PRECIOUS)
    shared(pod, tmp_path)
    info = next(info for info in pod.store.packs() if info.kind is kind)
    pod.store.pack_path(info.id).unlink()
    with reopened(pod) as again:
        assert repair_pod(again, time_ns=2, since_ns=0).after.is_sound


def test_what_is_lost_is_named(pod: Pod) -> None:
    first = record(pod, a=PRECIOUS)
    record(pod, a=b"other")
    (pod.root / "d").mkdir()
    last = record(pod, **{"d/copy": PRECIOUS})
    damage(pod)
    with reopened(pod) as again:
        done = repair_pod(again, time_ns=2, since_ns=0)
        assert not done.after.is_sound and done.asked == ()
        (loss,) = done.losses
        assert (loss.id, loss.path, set(loss.commits)) == (blob_id(PRECIOUS), b"d/copy", {first, last})


def test_a_remote_that_fails_is_told_and_the_next_one_asked(pod: Pod, tmp_path: Path) -> None:
    record(pod, a=PRECIOUS)
    shared(pod, tmp_path)
    add_remote(pod, "broken", "nowhere", tmp_path)
    damage(pod)
    with reopened(pod) as again:
        done = repair_pod(again, time_ns=2, since_ns=0)
        assert done.after.is_sound
        assert [name for name, problem in done.asked if problem] == ["broken"]


def test_the_catalogue_is_made_anew(pod: Pod) -> None:
    record(pod, a=PRECIOUS)
    with_lie = pod.store._shelf.catalogue
    with_lie._change(lambda database: database.execute("UPDATE objects SET offset = offset + 1"))
    problems = check_pod(pod).problems
    assert any("catalogue differs" in problem for problem in problems)
    assert repair_pod(pod, time_ns=2, since_ns=0).after.is_sound
    assert checking.check_pod(pod).is_sound


def test_refs_come_back_from_the_journal(pod: Pod) -> None:
    record(pod, a=b"1")
    last = record(pod, a=b"2")
    (pod.folder / "refs").write_text("sovr refs 1\nHEAD refs/heads/ma")
    with reopened(pod) as again:
        done = repair_pod(again, time_ns=2, since_ns=0)
        assert done.mended.refs and done.after.is_sound
        assert again.head() == last


def test_the_reflog_is_checked_as_far_back_as_it_is_kept(pod: Pod) -> None:
    record(pod, a=b"1")
    lost = commit(pod, CommitRequest(ANN, "amended", amend=True)).id
    first = pod.refs.journal()[0]["changes"][0][2]  # type: ignore[index]
    for info in pod.store.packs():
        if any(str(item) == first for item, _ in pod.store.contents(info.id)):
            pod.store.pack_path(info.id).unlink()
    with reopened(pod) as again:
        problems = check_pod(again).problems
        assert any(problem.startswith("reflog of refs/heads/main: ") for problem in problems)
        assert not any("reflog" in problem for problem in check_pod(again, since_ns=2_000_000_000 * 10**9).problems)
        assert lost


# --- remotes ---------------------------------------------------------------------------------------------------------


def test_a_sound_remote(pod: Pod, tmp_path: Path) -> None:
    record(pod, a=PRECIOUS)
    shared(pod, tmp_path)
    found = check_remote(pod, "origin")
    assert found.is_sound and found.checked == found.packs == 2 and found.size > 0


def test_damage_at_a_remote(pod: Pod, tmp_path: Path) -> None:
    record(pod, a=PRECIOUS)
    shared(pod, tmp_path)
    victim = max((tmp_path / "remote/packs").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.unlink()
    victim.write_bytes(data)
    found = check_remote(pod, "origin")
    assert len(found.problems) == 1 and not found.is_sound
    victim.unlink()
    assert len(check_remote(pod, "origin").problems) == 1


def test_a_sample(pod: Pod, tmp_path: Path) -> None:
    for number in range(6):
        record(pod, a=os.urandom(5000))
        remote = DirectoryRemote(tmp_path / "remote")
        if number == 0:
            add_remote(pod, "origin", "remote", tmp_path)
        push(pod, remote, PushRequest("origin", [f"{HEADS}main"], number + 1, {}))
    whole = check_remote(pod, "origin")
    part = check_remote(pod, "origin", sample=25)
    assert part.checked == round(whole.packs / 4) and part.packs == whole.packs
    assert check_remote(pod, "origin", sample=0.001).checked == 1


def test_an_interrupted_check_goes_on(pod: Pod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(pod, a=PRECIOUS)
    shared(pod, tmp_path)
    real = DirectoryRemote.get_pack
    calls = []

    def interrupted(self: DirectoryRemote, pack: ObjectId, *rest: object) -> None:
        calls.append(pack)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, pack, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(DirectoryRemote, "get_pack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_remote(pod, "origin")
    found = check_remote(pod, "origin")
    assert (found.checked, found.earlier, found.is_sound) == (1, 1, True)
    assert check_remote(pod, "origin").earlier == 0
    assert os.listdir(pod.temporary) == []


def test_a_remote_with_nothing(pod: Pod, tmp_path: Path) -> None:
    add_remote(pod, "origin", "remote", tmp_path)
    with pytest.raises(RemoteUnavailable):
        check_remote(pod, "origin")
    with pytest.raises(SovrError):
        check_remote(pod, "other")
