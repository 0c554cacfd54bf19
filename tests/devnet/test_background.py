"""Finding, starting and ending a process in the background."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sovrgit.devnet.background import Background
from sovrgit.errors import DevnetFailed
from sovrgit.store.processes import birth_of

PATIENCE = 30.0

# A process that records itself, as `sovr devnet start --foreground` does, and waits for a signal.
RECORDS = """
import signal, sys
from pathlib import Path
from sovrgit.devnet.background import Background
from sovrgit.store.processes import birth_of
background = Background(Path(sys.argv[1]), birth_of)
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
background.record(1234, "http://127.0.0.1:1234", Path("/data"), 1700000000)
signal.pause()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "fairos.json"


@pytest.fixture
def background(state: Path) -> Background:
    return Background(state, birth_of)


def fails_with(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.stderr.write({text!r}); sys.exit(84)"]


def test_there_is_none_at_first(background: Background) -> None:
    assert background.find() is None and background.stop() is None


def test_what_is_recorded_is_found_and_forgotten(background: Background, state: Path) -> None:
    recorded = background.record(1, "http://127.0.0.1:1", Path("/data"), 1_700_000_000)
    assert recorded == background.find() and recorded.pid == os.getpid()
    assert state.stat().st_mode & 0o077 == 0
    background.forget()
    assert background.find() is None and not state.exists()
    background.forget()


def test_a_number_that_another_process_has_now_says_nothing(state: Path) -> None:
    births = {os.getpid(): "monday"}
    background = Background(state, lambda pid: births.get(pid, ""))
    background.record(1, "http://127.0.0.1:1", Path("/data"), 0)
    assert background.find() is not None

    births[os.getpid()] = "tuesday"
    assert background.find() is None
    assert background.stop() is None and not state.exists()

    background.record(1, "http://127.0.0.1:1", Path("/data"), 0)
    births.clear()
    assert background.find() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "null", '{"pid": ' + "9" * 400 + "}"])
def test_a_damaged_file_says_nothing(background: Background, state: Path, text: str) -> None:
    state.parent.mkdir()
    state.write_text(text)
    assert background.find() is None and background.stop() is None


@pytest.mark.parametrize("pid", [-1, 0, 1, "4711", None, 1.5])
def test_a_number_that_is_none_is_never_sent_a_signal(state: Path, pid: object) -> None:
    background = Background(state, lambda _: "always the same")
    background.record(1, "http://127.0.0.1:1", Path("/data"), 0)
    given = json.loads(state.read_text())
    state.write_text(json.dumps({**given, "pid": pid}))
    assert background.find() is None and background.stop() is None


def test_starting_and_ending(background: Background, state: Path) -> None:
    running = background.start([sys.executable, "-c", RECORDS, str(state)])
    assert running == background.find() and birth_of(running.pid) == running.birth
    with pytest.raises(DevnetFailed, match="runs already, at http"):
        background.start([sys.executable, "-c", RECORDS, str(state)])
    with pytest.raises(DevnetFailed, match="runs already"):
        background.record(2, "http://127.0.0.1:2", Path("/data"), 0)
    background.forget()

    assert background.stop() == running
    assert birth_of(running.pid) != running.birth
    assert background.find() is None and not state.exists()


def test_one_that_was_killed_is_no_longer_found(background: Background, state: Path) -> None:
    running = background.start([sys.executable, "-c", RECORDS, str(state)])
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: background.find() is None)
    assert state.exists()
    again = background.start([sys.executable, "-c", RECORDS, str(state)])
    assert again.pid != running.pid
    background.stop()


def test_one_that_does_not_want_to_end_is_killed(background: Background, state: Path) -> None:
    running = background.start([sys.executable, "-c", RECORDS, str(state), "stubborn"])
    assert background.stop(patience=0.2) == running
    assert birth_of(running.pid) != running.birth


def test_the_failure_of_the_process_is_that_of_starting_it(background: Background) -> None:
    document = {"error": {"message": "port 1 is taken", "hint": "another one"}}
    with pytest.raises(DevnetFailed, match="port 1 is taken") as caught:
        background.start(fails_with(f"some line\n{json.dumps(document)}\n"))
    assert caught.value.hint == "another one" and caught.value.exit_code == 84


@pytest.mark.parametrize("text", ["", "Traceback\n", "{}\n", '{"error": {}}\n', '{"error": 1}\n'])
def test_a_process_that_ends_without_a_reason(background: Background, text: str) -> None:
    with pytest.raises(DevnetFailed, match="ended before it began to serve") as caught:
        background.start(fails_with(text))
    assert str(background.log) in caught.value.hint and background.log.read_text() == text


def test_a_process_that_never_serves_is_ended(background: Background, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    waits = f"import os, signal; open({str(note)!r}, 'w').write(str(os.getpid())); signal.pause()"
    with pytest.raises(DevnetFailed, match="does not begin to serve within 1 s"):
        background.start([sys.executable, "-c", waits], patience=1.0)
    assert not note.exists() or birth_of(int(note.read_text())) == ""


def test_it_outlives_whoever_started_it(background: Background, state: Path) -> None:
    starts = (
        "import sys; from pathlib import Path; from sovrgit.devnet.background import Background;"
        "from sovrgit.store.processes import birth_of;"
        "Background(Path(sys.argv[1]), birth_of).start([sys.executable, '-c', sys.argv[2], sys.argv[1]])"
    )
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", starts, str(state), RECORDS], capture_output=True, text=True, check=True
    )
    assert said.stderr == said.stdout == ""
    assert background.find() is not None
    assert background.stop() is not None


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
