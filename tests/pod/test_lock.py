"""The lock: one at a time, whoever dies lets go."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sovrgit.errors import Locked, StorageFailure
from sovrgit.pod.lock import locked
from sovrgit.store.processes import Holder, machine

PATIENCE = 60.0

HOLDER = """
import sys
from pathlib import Path
from sovrgit.pod.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process, pytest.raises(Locked) as refused, locked(path, patience=0):
        pytest.fail("both hold the lock")
    assert refused.value.fields["path"] == tmp_path
    assert re.fullmatch(rf"process {process.pid}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\dZ", who(refused))
    with locked(path, patience=0):
        assert path.read_bytes() == Holder.me()._replace(since=holder_of(path).since).encode()


def who(refused: pytest.ExceptionInfo[Locked]) -> str:
    return str(refused.value.fields["holder"])


def holder_of(path: Path) -> Holder:
    found = Holder.read(path.read_bytes())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "content",
    [b"", b"12\n", b"no holder", Holder(os.getpid(), "another birth", machine(), 5).encode()],
    ids=["empty", "short", "nonsense", "another process"],
)
def test_nobody_is_named_who_is_gone_or_not_known(tmp_path: Path, content: bytes) -> None:
    """The lock is held, and its file says what an earlier holder, or half of one, has left."""
    path = tmp_path / "lock"
    with locked(path):
        path.write_bytes(content)
        with pytest.raises(Locked, match="its id is not known"), locked(path, patience=0):
            pytest.fail("both hold the lock")


def test_a_second_process_waits(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    entered = threading.Event()

    def wait() -> None:
        with locked(path, patience=PATIENCE):
            entered.set()

    with holder(path) as process:
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        with pytest.raises(Locked), locked(path, patience=0.05):
            pytest.fail("both hold the lock")
        assert not entered.is_set()
        assert process.stdin is not None
        process.stdin.close()
        assert entered.wait(PATIENCE)
        thread.join(PATIENCE)


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        with locked(path, patience=0):
            pass


def test_an_exception_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked(path, patience=0):
        pass


def test_it_holds_between_threads(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(10):
            with locked(path, patience=PATIENCE):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert most == 1


def test_a_program_that_is_started_does_not_hold_it(tmp_path: Path) -> None:
    """A lock belongs to the open file: a child that inherited it would keep it after its parent has let go."""
    path = tmp_path / "lock"
    with locked(path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with child:
        with locked(path, patience=PATIENCE):
            pass
        assert child.poll() is None
        assert child.stdin is not None
        child.stdin.write(b"\n")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure), locked(tmp_path / "nowhere" / "lock"):
        pass


def test_a_file_system_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StorageFailure), locked(tmp_path / "lock", patience=0):
        pass


def test_a_full_disk_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    path = tmp_path / "lock"
    with locked(path), pytest.raises(Locked, match="its id is not known"), locked(path, patience=0):
        pass
