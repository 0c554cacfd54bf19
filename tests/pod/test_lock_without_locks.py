"""The lock where the file system has none: numbered files that say who holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sovrgit.errors import Locked, StorageFull
from sovrgit.pod.lock import RUN_LOCK, locked, refuse_running
from sovrgit.store import claims, processes
from sovrgit.store.claims import Claim
from sovrgit.store.processes import Holder, birth_of, machine

PATIENCE = 60.0

NO_LOCKS = """
import errno, fcntl, sys
from pathlib import Path
from sovrgit.pod.lock import locked

def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, "no locks")

fcntl.flock = flock
"""
HOLDER = (
    NO_LOCKS
    + """
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
)
COUNTER = (
    NO_LOCKS
    + """
folder = Path(sys.argv[1])
input()
for _ in range(30):
    with locked(folder / "lock"):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""
)


@pytest.fixture(autouse=True)
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    lack(monkeypatch, errno.ENOLCK)


def lack(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)


def start(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def left_by(path: Path, holder: Holder) -> None:
    path.with_name(f"{path.name}.1").write_bytes(holder.encode())


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS])
def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    lack(monkeypatch, code)
    path = tmp_path / "lock"
    for _ in range(6):
        with (
            locked(path, patience=0),
            pytest.raises(Locked, match=rf"process {os.getpid()}, since 2"),
            locked(path, patience=0),
        ):
            pytest.fail("both hold the lock")
    assert sorted(os.listdir(tmp_path)) == ["lock", "lock.4", "lock.5", "lock.6"]


def test_another_process_is_refused_with_its_number_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start(HOLDER, path) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=f"process {process.pid}, since 2"), locked(path, patience=0):
            pytest.fail("both hold the lock")
        process.kill()
        process.wait(PATIENCE)
        with locked(path, patience=0):
            pass


def test_processes_that_race_all_finish_in_turn(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0")
    processes = [start(COUNTER, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert (tmp_path / "number").read_text() == "90"


def test_threads_that_race_all_finish_in_turn(tmp_path: Path) -> None:
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(10):
            with locked(tmp_path / "lock", patience=PATIENCE):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert most == 1


def test_a_stale_one_of_a_process_that_is_gone_is_taken_over(tmp_path: Path) -> None:
    with start("input()") as process:
        gone = Holder(process.pid, birth_of(process.pid), machine(), 5)
        left_by(tmp_path / "lock", gone)
        with (
            pytest.raises(Locked, match=f"process {process.pid}, since 1970-01-01 00:00:05Z"),
            locked(tmp_path / "lock", patience=0),
        ):
            pytest.fail("it runs")
        process.communicate(b"\n")
    with locked(tmp_path / "lock", patience=0):
        pass


def test_a_stale_one_whose_number_another_process_has_got_is_taken_over(tmp_path: Path) -> None:
    left_by(tmp_path / "lock", Holder.me()._replace(birth="an earlier one"))
    with locked(tmp_path / "lock", patience=0):
        pass


def test_another_machine_is_believed_to_live_and_the_file_is_named(tmp_path: Path) -> None:
    left_by(tmp_path / "lock", Holder(1, "whenever", "another", 5))
    with pytest.raises(Locked) as refused, locked(tmp_path / "lock", patience=0):
        pytest.fail("nobody knows whether it runs")
    assert refused.value.fields["holder"] == "process 1 on another machine, since 1970-01-01 00:00:05Z"
    assert refused.value.hint.endswith(f"remove `{tmp_path / 'lock.1'}`")


def test_one_that_says_nothing_is_waited_for_and_then_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was killed between making the file and writing into it, or is about to write."""
    (tmp_path / "lock.7").touch()
    with pytest.raises(Locked, match="its id is not known"), locked(tmp_path / "lock", patience=0):
        pytest.fail("somebody may be writing")
    monkeypatch.setattr(claims, "WRITING", 0.1)
    with locked(tmp_path / "lock", patience=PATIENCE):
        assert (tmp_path / "lock.8").exists()


def test_who_has_slept_since_it_looked_steps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile the lock was taken, let go of and taken again, and the number that it chose is no longer there."""
    path = tmp_path / "lock"
    sleeper, holder = Claim(path), Claim(path)
    real = Claim._create

    def late(self: Claim, number: int) -> bool:
        if self is sleeper:
            monkeypatch.setattr(Claim, "_create", real)
            for _ in range(4):
                with locked(path, patience=0):
                    pass
            assert holder.take() and not (tmp_path / "lock.1").exists()
        return real(self, number)

    monkeypatch.setattr(Claim, "_create", late)
    assert not sleeper.take()
    assert holder.is_mine and not (tmp_path / "lock.1").exists()
    holder.release()
    assert sleeper.take()


def test_a_full_disk_says_so_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFull), locked(tmp_path / "lock", patience=0):
            pytest.fail("nobody else would know")
    assert os.listdir(tmp_path) == ["lock"]
    with locked(tmp_path / "lock", patience=0):
        pass


def test_an_exception_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with locked(tmp_path / "lock", patience=0):
        pass


def test_a_run_is_seen(tmp_path: Path) -> None:
    refuse_running(tmp_path, tmp_path)
    with locked(tmp_path / RUN_LOCK), pytest.raises(Locked, match=rf"\(a run: process {os.getpid()}, since 2"):
        refuse_running(tmp_path, tmp_path)
    refuse_running(tmp_path, tmp_path)


def test_a_process_is_known_where_the_system_does_not_tell_its_birth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "birth_of", lambda pid: "")
    with start("input()") as process:
        holder = Holder(process.pid, "", machine(), 5)
        assert not holder.is_gone
        process.communicate(b"\n")
    assert holder.is_gone
    assert not Holder(1, "", machine(), 5).is_gone  # of another user
    assert Holder(1 << 70, "", machine(), 5).is_gone


@pytest.mark.parametrize(
    "data",
    [b"", b"1\n", b"1\nb\nm\n5", b"1\nb\nm\nx\n", b"x\nb\nm\n5\n", b"1\nb\nm\n5\n\n", b"9" * 5000 + b"\n\n\n1\n"],
)
def test_what_is_no_holder_is_none(data: bytes) -> None:
    assert Holder.read(data) is None


def test_a_time_that_no_calendar_has_is_left_out() -> None:
    assert str(Holder(1, "b", machine(), 1 << 80)) == "process 1"
