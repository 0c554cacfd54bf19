"""The local executor, with real processes over real pipes. Children signal by pipes and FIFOs; nothing sleeps."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import select
import shutil
import signal
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sovrgit.errors import PathNotFound, StorageFailure, StorageFull
from sovrgit.runs.executor import Cancel, Event, Finished, Outcome, Output, Plan, Started
from sovrgit.runs.local import LocalExecutor
from sovrgit.runs.log import plain, read_log

NEVER = 3600.0
PATIENCE = 20.0
"""Seconds after which a test gives up; nothing waits that long when all is well."""

READY = "import os, signal, subprocess, sys, time\ndef ready(): print('ready', flush=True)\n"


class Bench:
    """A pod folder, an executor, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "run.log"
        self.executor = LocalExecutor(drain=NEVER)
        self.events: list[Event] = []
        self.cancel = Cancel()
        self.on: Callable[[Event], None] = lambda event: None

    def plan(self, *argv: str, **changes: object) -> Plan:
        values = {"environment": {"PATH": os.defpath}, "grace": NEVER, **changes}
        return Plan(argv=argv, folder=self.folder, log_file=self.log, **values)  # type: ignore[arg-type] # tests

    def run(self, *argv: str, **changes: object) -> Outcome:
        return self.executor.run(self.plan(*argv, **changes), self.sink, self.cancel)

    def python(self, code: str, *arguments: str, **changes: object) -> Outcome:
        return self.run(sys.executable, "-c", READY + code, *arguments, **changes)

    def sink(self, event: Event) -> None:
        self.events.append(event)
        self.on(event)

    def on_ready(self, action: Callable[[], object]) -> None:
        """Do something once, when the child has printed its first bytes."""

        def act(event: Event) -> None:
            if isinstance(event, Output):
                self.on = lambda event: None
                action()

        self.on = act

    @property
    def pid(self) -> int:
        (pid,) = (event.pid for event in self.events if isinstance(event, Started))
        return pid

    def output(self, stream: str = "stdout") -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, Output) and event.stream == stream)

    def notes(self) -> list[str]:
        with self.log.open("rb") as file:
            return [line.text.decode() for line in read_log(file) if line.stream == "note"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "pod"
    folder.mkdir()
    bench = Bench(folder)
    yield bench
    bench.cancel.close()


@pytest.fixture(params=["descriptor", "polling"])
def watching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to learn of a process's end."""

    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    if request.param == "polling":
        monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)


class Fifo:
    """A FIFO whose writing end a process holds until it is gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self) -> bytes:
        """What was written, after the last writer has gone."""
        data = b""
        while True:
            assert select.select([self._reader], [], [], PATIENCE)[0], "the process is still there"
            piece = os.read(self._reader, 100)
            if not piece:
                return data
            data += piece

    def wait(self) -> None:
        """Return when something can be read."""
        assert select.select([self._reader], [], [], PATIENCE)[0], "the process has not begun"

    def close(self) -> None:
        os.close(self._reader)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    fifo.close()


# --- ends of the command's own ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("watching")
def test_success(bench: Bench) -> None:
    outcome = bench.run("sh", "-c", "echo out; echo err >&2")
    assert (outcome.status, outcome.exit_code, outcome.signal, outcome.reason) == ("succeeded", 0, None, "")
    assert outcome.succeeded
    assert bench.output() == b"out\n"
    assert bench.output("stderr") == b"err\n"
    assert isinstance(bench.events[0], Started)
    assert bench.events[-1] == Finished(outcome)
    times = [event.at_ns for event in bench.events if not isinstance(event, Finished)]
    assert [outcome.started_ns, *times] == sorted([outcome.started_ns, *times])
    assert outcome.finished_ns > outcome.started_ns


@pytest.mark.usefixtures("watching")
def test_exit_code(bench: Bench) -> None:
    outcome = bench.run("sh", "-c", "exit 3")
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("failed", 3, None)
    assert outcome.reason == "exit code 3"
    assert bench.notes() == ["exit code 3"]


@pytest.mark.usefixtures("watching")
def test_death_by_a_signal(bench: Bench) -> None:
    outcome = bench.run("sh", "-c", "kill -SEGV $$")
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("failed", None, signal.SIGSEGV)
    assert outcome.reason == "killed by SIGSEGV"


def test_no_process_and_no_descriptor_is_left(bench: Bench) -> None:
    before = len(os.listdir("/dev/fd"))
    bench.run("true")
    assert len(os.listdir("/dev/fd")) == before
    with pytest.raises(ProcessLookupError):
        os.kill(bench.pid, 0)


def test_a_lost_exit_status_is_no_success(bench: Bench) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        outcome = bench.run("true")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("failed", None, None)
    assert "exit status is lost" in outcome.reason


# --- commands that cannot be started ----------------------------------------------------------------------------


def start_failure(bench: Bench, *argv: str, **changes: object) -> tuple[int | None, str]:
    outcome = bench.run(*argv, **changes)
    assert outcome.status == "failed"
    assert bench.events == [Finished(outcome)]
    assert bench.notes() == [outcome.reason]
    return outcome.exit_code, outcome.reason


def test_missing_command(bench: Bench) -> None:
    assert start_failure(bench, "no-such-command") == (127, "there is no `no-such-command` on PATH")


def test_missing_script(bench: Bench) -> None:
    assert start_failure(bench, "script/run.sh") == (127, "there is no `script/run.sh` in the pod")


def test_missing_interpreter(bench: Bench) -> None:
    script = bench.folder / "run.sh"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    code, reason = start_failure(bench, "./run.sh")
    assert code == 127
    assert "interpreter that the first line of `./run.sh` names" in reason


def test_not_executable(bench: Bench) -> None:
    (bench.folder / "run.sh").write_text("#!/bin/sh\n")
    assert start_failure(bench, "./run.sh") == (126, "`./run.sh` is not executable")


def test_not_a_program(bench: Bench) -> None:
    (bench.folder / "run").write_bytes(b"\x00\x01\x02")
    (bench.folder / "run").chmod(0o755)
    assert start_failure(bench, "./run") == (126, "`./run` cannot be started: exec format error")


def test_a_folder(bench: Bench) -> None:
    (bench.folder / "script").mkdir()
    assert start_failure(bench, "./script") == (126, "`./script` is a folder")


def test_an_argument_that_no_program_can_get(bench: Bench) -> None:
    assert start_failure(bench, "echo", "a\0b") == (126, "`echo` cannot be started: embedded null byte")


def test_the_pod_is_gone(bench: Bench) -> None:
    bench.folder.rmdir()
    code, reason = start_failure(bench, "true")
    assert code == 126
    assert reason == f"cannot work in `{bench.folder}`: no such file or directory"


# --- timeout and cancelling -------------------------------------------------------------------------------------


def when_started(bench: Bench, fifo: Fifo) -> None:
    """Hold the executor until the child is ready, so that the timeout cannot come too early."""

    def act(event: Event) -> None:
        if isinstance(event, Started):
            fifo.wait()

    bench.on = act


class Clock:
    """A clock that can be put forward, for the module that watches processes."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.time_ns = time.time_ns
        self.monotonic_ns = time.monotonic_ns

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def forward(self) -> None:
        self._ahead += NEVER


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sovrgit.runs.process.time", clock)
    return clock


def test_a_clock_that_is_set_back_during_a_run(bench: Bench, clock: Clock) -> None:
    """The record says how long the run took, and not that it ended before it began."""

    def set_back() -> None:
        clock.time_ns = lambda: time.time_ns() - int(NEVER * 1e9)
        os.kill(bench.pid, signal.SIGUSR1)

    bench.on_ready(set_back)
    # It does not end before.
    outcome = bench.python("signal.signal(signal.SIGUSR1, lambda *_: sys.exit())\nready()\nsignal.pause()")
    assert outcome.status == "succeeded"
    assert outcome.finished_ns - outcome.started_ns == outcome.resources.wall_ns > 0


WAIT_ON_FIFO = "fifo = os.open(sys.argv[1], os.O_WRONLY)\nos.write(fifo, b'ready')\n"


@pytest.mark.usefixtures("watching")
def test_timeout(bench: Bench, clock: Clock) -> None:
    bench.on_ready(clock.forward)
    code = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); ready(); signal.pause()"
    outcome = bench.python(code, timeout=NEVER)
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("timed out", 4, None)
    assert outcome.reason == "took longer than 3600 s; ended after SIGTERM"
    assert bench.notes() == [outcome.reason]


@pytest.mark.usefixtures("watching")
def test_timeout_of_a_command_that_ignores_sigterm(bench: Bench, clock: Clock) -> None:
    bench.on_ready(clock.forward)
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready()\nwhile True: signal.pause()"
    outcome = bench.python(code, timeout=NEVER, grace=0.01)
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("timed out", None, signal.SIGKILL)
    assert outcome.reason == "took longer than 3600 s; ended after SIGKILL"


def test_timeout_of_a_silent_command(bench: Bench, fifo: Fifo) -> None:
    when_started(bench, fifo)
    assert bench.python(WAIT_ON_FIFO + "signal.pause()", fifo.path, timeout=0.01).status == "timed out"


def test_timeout_reaches_the_whole_group(bench: Bench, fifo: Fifo) -> None:
    when_started(bench, fifo)
    code = "if os.fork(): os.wait()\n" + WAIT_ON_FIFO + "signal.pause()"
    outcome = bench.python(code, fifo.path, timeout=0.01)
    assert outcome.status == "timed out"
    assert fifo.read() == b"ready"


@pytest.mark.usefixtures("watching")
def test_cancel(bench: Bench) -> None:
    bench.on_ready(bench.cancel.request)
    outcome = bench.python("signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); ready(); signal.pause()")
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("cancelled", 7, None)
    assert outcome.reason == "cancelled; ended after SIGINT"


def test_cancelled_even_if_the_command_ends_well(bench: Bench) -> None:
    bench.on_ready(bench.cancel.request)
    outcome = bench.python("signal.signal(signal.SIGINT, lambda *_: sys.exit(0)); ready(); signal.pause()")
    assert (outcome.status, outcome.exit_code) == ("cancelled", 0)


def test_cancel_of_a_command_that_ignores_sigint(bench: Bench, clock: Clock) -> None:
    def act(event: Event) -> None:
        if isinstance(event, Output):
            clock.forward() if bench.cancel.requested else bench.cancel.request()

    bench.on = act
    code = """
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"no"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
os.write(1, b"ready")
while True: signal.pause()
"""
    outcome = bench.python(code)
    assert (outcome.status, outcome.exit_code) == ("cancelled", 5)
    assert outcome.reason == "cancelled; ended after SIGTERM"


def test_cancel_of_a_command_that_ignores_both(bench: Bench) -> None:
    bench.on_ready(bench.cancel.request)
    code = "for number in signal.SIGINT, signal.SIGTERM: signal.signal(number, signal.SIG_IGN)\n"
    outcome = bench.python(code + "ready()\nwhile True: signal.pause()", grace=0.01)
    assert (outcome.status, outcome.signal) == ("cancelled", signal.SIGKILL)


@pytest.mark.usefixtures("watching")
def test_cancel_twice_kills_at_once(bench: Bench) -> None:
    def twice() -> None:
        bench.cancel.request()
        bench.cancel.request()

    bench.on_ready(twice)
    code = "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    # With a broken second request, SIGTERM would come after the grace period, and the exit code would be 5.
    outcome = bench.python(code + "ready(); signal.pause()", grace=5.0)
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("cancelled", None, signal.SIGKILL)


def test_second_request_while_the_first_is_served(bench: Bench) -> None:
    def again(event: Event) -> None:
        if isinstance(event, Output):
            bench.cancel.request()  # first for `ready`, then for `caught`

    bench.on = again
    code = "signal.signal(signal.SIGINT, lambda *_: os.write(1, b'caught\\n'))\n"
    outcome = bench.python(code + "ready()\nwhile True: signal.pause()")
    assert (outcome.status, outcome.signal) == ("cancelled", signal.SIGKILL)
    assert bench.output() == b"ready\ncaught\n"


def test_cancelled_before_the_start(bench: Bench) -> None:
    bench.cancel.request()
    outcome = bench.run("true")
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("cancelled", None, None)
    assert bench.events == [Finished(outcome)]


def test_cancel_from_a_signal_handler(bench: Bench) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: bench.cancel.request())
    try:
        outcome = bench.python("ready(); os.kill(os.getppid(), signal.SIGUSR1); signal.pause()")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert outcome.status == "cancelled"


def test_in_another_thread(bench: Bench) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(bench.python("ready(); signal.pause()")))
    began = threading.Event()
    bench.on_ready(began.set)
    thread.start()
    assert began.wait(PATIENCE)
    bench.cancel.request()
    thread.join(PATIENCE)
    assert [outcome.status for outcome in outcomes] == ["cancelled"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("kind", [Started, Output])
def test_an_exception_in_the_sink_leaves_no_process(
    bench: Bench, fifo: Fifo, error: type[BaseException], kind: type
) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, kind):
            fifo.wait()
            raise error

    bench.on = fail
    with pytest.raises(error):
        bench.python("os.fork()\n" + WAIT_ON_FIFO + "ready()\nsignal.pause()", fifo.path)
    assert fifo.read() in (b"ready", b"readyready")  # the child's, and its own child's
    with pytest.raises(ProcessLookupError):
        os.kill(bench.pid, 0)


# --- what a command leaves behind -------------------------------------------------------------------------------

GRANDCHILD = """
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    {prelude}
    fifo = os.open(sys.argv[1], os.O_WRONLY)
    os.write(fifo, b"alive")
    os.close(reader)
    os.close(writer)
    while True: signal.pause()
os.close(writer)
os.read(reader, 1)
print(pid, flush=True)
"""


@pytest.mark.usefixtures("watching")
def test_a_grandchild_left_behind_is_killed(bench: Bench, fifo: Fifo) -> None:
    silent = "null = os.open(os.devnull, os.O_WRONLY); os.dup2(null, 1); os.dup2(null, 2)"
    assert bench.python(GRANDCHILD.format(prelude=silent), fifo.path).succeeded
    assert fifo.read() == b"alive"


@pytest.mark.usefixtures("watching")
def test_a_grandchild_that_keeps_the_pipe_open_is_killed(bench: Bench, fifo: Fifo) -> None:
    bench.executor = LocalExecutor(drain=0.01)
    assert bench.python(GRANDCHILD.format(prelude="pass"), fifo.path).succeeded
    assert fifo.read() == b"alive"


@pytest.mark.usefixtures("watching")
def test_a_grandchild_that_escaped_does_not_hold_us_up(bench: Bench, fifo: Fifo) -> None:
    bench.executor = LocalExecutor(drain=0.01)
    outcome = bench.python(GRANDCHILD.format(prelude="os.setsid()"), fifo.path)
    os.kill(int(bench.output()), signal.SIGKILL)  # raises if it were gone
    assert outcome.succeeded
    assert fifo.read() == b"alive"


def test_last_words_of_a_helper_are_kept(bench: Bench) -> None:
    code = """
reader, writer = os.pipe()
if os.fork() == 0:
    os.close(writer)
    os.read(reader, 1)  # returns when the parent has ended
    print("last words", flush=True)
"""
    assert bench.python(code).succeeded
    assert bench.output() == b"last words\n"


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="the system cannot wait without reaping")
def test_what_is_in_the_pipe_at_the_end_is_read(bench: Bench) -> None:
    def wait(event: Event) -> None:
        if isinstance(event, Started):
            os.waitid(os.P_PID, event.pid, os.WEXITED | os.WNOWAIT)

    bench.executor = LocalExecutor(drain=0.0)
    bench.on = wait
    assert bench.python("os.write(1, b'x' * 60_000)").succeeded
    assert bench.output() == b"x" * 60_000


# --- output and log ---------------------------------------------------------------------------------------------


def test_output_is_live(bench: Bench, fifo: Fifo, tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    bench.on_ready(lambda: go.write_bytes(b"go"))
    # The child goes on only after its first line was seen.
    outcome = bench.python("ready(); open(sys.argv[1]).read(); print('done')", str(go))
    assert outcome.succeeded
    assert bench.output() == b"ready\ndone\n"


def test_binary_output_is_kept_as_it_is(bench: Bench) -> None:
    assert bench.python("os.write(1, bytes(range(256)) * 2); os.write(2, b'\\xff\\n\\xfe')").succeeded
    assert bench.output() == bytes(range(256)) * 2
    with bench.log.open("rb") as file:
        assert b"".join(plain(read_log(file), "stdout")) == bytes(range(256)) * 2
    with bench.log.open("rb") as file:
        assert b"".join(plain(read_log(file), "stderr")) == b"\xff\n\xfe"


def test_huge_output_in_bounded_memory(bench: Bench) -> None:
    size = 16 << 20
    seen, logged = hashlib.sha256(), hashlib.sha256()

    def sink(event: Event) -> None:
        if isinstance(event, Output):
            seen.update(event.data)

    code = f"block = bytes(range(1, 256)) * 257\nfor _ in range({size} // len(block)): os.write(1, block)"
    tracemalloc.start()
    try:
        outcome = bench.executor.run(bench.plan(sys.executable, "-c", READY + code), sink, bench.cancel)
        with bench.log.open("rb") as file:
            for piece in plain(read_log(file)):
                logged.update(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert outcome.succeeded
    block = bytes(range(1, 256)) * 257
    assert seen.digest() == logged.digest() == hashlib.sha256(block * (size // len(block))).digest()
    assert peak < 2 << 20


def test_over_the_log_limit_the_command_runs_on(bench: Bench) -> None:
    bench.executor = LocalExecutor(log_limit=1000)
    assert bench.python("print('x' * 9999)").succeeded
    assert bench.output() == b"x" * 9999 + b"\n"
    assert bench.notes()[-1] == "not kept: 10000 bytes of stdout and 0 bytes of stderr"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_ends_the_command(bench: Bench, fifo: Fifo) -> None:
    bench.log = Path("/dev/full")
    with pytest.raises(StorageFull, match="/dev/full"):
        bench.python(WAIT_ON_FIFO + "ready()\nsignal.pause()", fifo.path)
    assert fifo.read() == b"ready"


def test_a_link_in_place_of_the_log_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    bench.log.symlink_to(tmp_path / "precious")
    with pytest.raises(StorageFailure):
        bench.run("true")
    assert (tmp_path / "precious").read_bytes() == b"precious"


# --- surroundings of the command --------------------------------------------------------------------------------


def test_the_environment_is_exactly_the_plans(bench: Bench) -> None:
    env = shutil.which("env", path=os.defpath)
    assert env is not None
    assert bench.run(env, environment={"ONE": "1", "LONG": "a b\tc"}).succeeded
    assert sorted(bench.output().splitlines()) == [b"LONG=a b\tc", b"ONE=1"]


def test_commands_are_found_on_the_plans_path(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "greet").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "bin" / "greet").chmod(0o755)
    assert bench.run("greet", environment={"PATH": f"{tmp_path / 'bin'}:{os.defpath}"}).succeeded
    assert bench.output() == b"hello\n"


def test_the_working_folder_is_the_pod(bench: Bench) -> None:
    (bench.folder / "run.sh").write_text("#!/bin/sh\npwd -P\n")
    (bench.folder / "run.sh").chmod(0o755)
    assert bench.run("./run.sh").succeeded
    assert bench.output() == os.fsencode(bench.folder.resolve()) + b"\n"


def test_there_is_no_input_and_no_terminal(bench: Bench) -> None:
    code = "print(repr(sys.stdin.read()), os.getsid(0) == os.getpid() == os.getpgid(0))"
    assert bench.python(code).succeeded
    assert bench.output() == b"'' True\n"


def test_no_descriptor_but_the_three_is_passed_on(bench: Bench, tmp_path: Path) -> None:
    with (tmp_path / "open").open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        code = "print(sorted(int(n) for n in os.listdir('/dev/fd'))[:-1])"  # the last one is of the listing itself
        assert bench.python(code).succeeded
    assert bench.output() == b"[0, 1, 2]\n"


def test_prepare_makes_the_folders(bench: Bench) -> None:
    bench.log = bench.folder / "logs" / "run.log"
    plan = bench.plan("true", outputs=("output", "a/b"))
    for _ in range(2):
        bench.executor.prepare(plan)
    assert {path.relative_to(bench.folder).as_posix() for path in bench.folder.rglob("*")} == {
        *("output", "a", "a/b", "logs")
    }


def test_prepare_fails_clearly(bench: Bench) -> None:
    (bench.folder / "output").write_text("a file")
    with pytest.raises(StorageFailure, match="output"):
        bench.executor.prepare(bench.plan("true", outputs=("output",)))
    shutil.rmtree(bench.folder)
    with pytest.raises(PathNotFound):
        bench.executor.prepare(bench.plan("true"))


# --- resources --------------------------------------------------------------------------------------------------


def test_time_and_memory_of_the_command(bench: Bench) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)
    size = own + (50 << 20)
    code = f"data = b'x' * {size}\nwhile time.process_time() < 0.1: pass"
    used = bench.python(code).resources
    assert used.user_ns is not None and used.system_ns is not None and used.max_rss_bytes is not None
    assert used.user_ns > 0
    assert used.user_ns + used.system_ns >= 90_000_000
    assert used.wall_ns >= 50_000_000
    assert size < used.max_rss_bytes < size + (100 << 20)


def test_children_that_were_waited_for_count(bench: Bench) -> None:
    code = "subprocess.run([sys.executable, '-c', 'import time\\nwhile time.process_time() < 0.1: pass'])"
    used = bench.python(code).resources
    assert used.user_ns is not None and used.system_ns is not None
    assert used.user_ns + used.system_ns >= 90_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the parent's memory as the child's")
def test_our_own_memory_is_not_taken_for_the_commands(bench: Bench) -> None:
    assert bench.run("true").resources.max_rss_bytes is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts bytes")
def test_bytes_written_are_counted(bench: Bench) -> None:
    used = bench.python("f = open('out', 'wb'); f.write(b'x' * (1 << 20)); f.flush(); os.fsync(f.fileno())").resources
    assert used.read_bytes is not None and used.written_bytes is not None
    assert used.written_bytes in (0, *range(1 << 20, 4 << 20))  # a memory file system has no storage to write to
