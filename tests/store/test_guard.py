"""Writers share, the collection of garbage is alone; with locks of the system and without them."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sovrgit.errors import Locked
from sovrgit.store import guard
from sovrgit.store.guard import Guard
from sovrgit.store.processes import Holder

SHARER = """
import errno, fcntl, sys
from pathlib import Path
from sovrgit.store.guard import Guard

def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, "no locks")

if sys.argv[2] == "without":
    fcntl.flock = flock
Guard(Path(sys.argv[1])).share()
print("shared", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["with", "without"])
def locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the file system has locks."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    if request.param == "without":
        monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(guard, "PATIENCE", 0.02)
    monkeypatch.setattr(guard, "ALONE_PATIENCE", 0.02)
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / ".sovr").mkdir()
    return tmp_path / ".sovr/use.lock"


def test_many_share_and_one_is_alone(path: Path, locks: str) -> None:
    first, second, third = Guard(path), Guard(path), Guard(path)
    first.share()
    second.share()
    me = f"process {os.getpid()}, since 2"
    with pytest.raises(Locked, match=rf"one that writes to it: {me}"), third.exclusive():
        pytest.fail("others write")
    first.release()
    with pytest.raises(Locked), third.exclusive():
        pytest.fail("another writes")
    second.release()
    with third.exclusive():
        with pytest.raises(Locked, match=rf"one that collects garbage: {me}"):
            first.share()
        with pytest.raises(Locked), first.exclusive():
            pytest.fail("both are alone")
    first.share()
    first.release()


def test_who_shares_can_be_alone_and_shares_afterwards(path: Path, locks: str) -> None:
    first, second = Guard(path), Guard(path)
    first.share()
    with first.exclusive(), pytest.raises(Locked):
        second.share()
    with pytest.raises(Locked), second.exclusive():
        pytest.fail("the first writes")
    first.release()


def test_a_process_that_is_killed_shares_no_longer(path: Path, locks: str) -> None:
    command = [sys.executable, "-c", SHARER, os.fspath(path), locks]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"shared\n"
        with pytest.raises(Locked, match=f"process {process.pid}, since 2"), Guard(path).exclusive():
            pytest.fail("another process writes")
        process.kill()
    with Guard(path).exclusive():
        pass
    assert not list(path.parent.glob("*.at-*"))


def test_what_a_power_cut_has_left_shares_nothing_and_other_machines_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = path.with_name("use.lock.at-1")
    left.touch()
    monkeypatch.setattr(guard, "ALONE_PATIENCE", 0.0)
    monkeypatch.setattr(guard, "flock", lambda *_: None)
    with Guard(path).exclusive():
        assert not left.exists()
    left.write_bytes(Holder(1, "whenever", "another", 5).encode())
    with pytest.raises(Locked, match="one that writes to it: process 1 on another machine"), Guard(path).exclusive():
        pytest.fail("nobody knows whether it runs")


def test_nobody_is_named_who_has_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last to share has written its name, and has let go; the first still shares."""
    monkeypatch.setattr(guard, "ALONE_PATIENCE", 0.0)
    first, second = Guard(path), Guard(path)
    first.share()
    second.share()
    second.release()
    with pytest.raises(Locked, match=r"\(one that writes to it\)"), Guard(path).exclusive():
        pytest.fail("the first writes")
    first.release()
