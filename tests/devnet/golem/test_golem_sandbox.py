"""What keeps commands apart from this machine, and what happens where nothing does."""

from __future__ import annotations

import glob
import sys
import threading
import uuid
from pathlib import Path

import pytest
from golem_lab import ACTIVITY, Requestor, run, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.memory import Groups
from sovrgit.devnet.golem.sandbox import Cell, CellGone, Limits, Sandbox

LIMITS = Limits(512 << 20, 1 << 20)


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    for name in ("scratch", "root", "work"):
        (tmp_path / name).mkdir()
    sandbox = Sandbox(tmp_path / "scratch")
    if sandbox.kind == "none":
        pytest.skip(f"no namespaces on this machine: {sandbox.reason}")
    if sandbox.owner is not None:
        (tmp_path / "work").chmod(0o777)
    return sandbox.open(tmp_path / "root", {"/golem/work": tmp_path / "work"})


def said(cell: Cell, *argv: str, seconds: float = 60) -> tuple[int, str]:
    """The exit code of a command and what it wrote."""
    pieces: list[bytes] = []
    ended = cell.run(argv, LIMITS, seconds, lambda _, data: pieces.append(data))
    return ended.code, b"".join(pieces).decode()


def test_a_command_sees_another_machine(cell: Cell, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    assert said(cell, "/bin/sh", "-c", f"cat {secret}")[0] != 0
    assert said(cell, "/bin/sh", "-c", "cat /etc/shadow")[0] != 0
    assert said(cell, "/bin/sh", "-c", "pwd; echo $HOME") == (0, "/golem/work\n/root\n")
    assert said(cell, "/bin/sh", "-c", "ls /home /srv /mnt 2>/dev/null")[1] == ""
    code, processes = said(cell, "/bin/sh", "-c", "echo /proc/[0-9]*")
    assert code == 0 and len(processes.split()) <= 3
    assert said(cell, "/bin/sh", "-c", "echo text > file && cat file") == (0, "text\n")
    assert (tmp_path / "work" / "file").read_text() == "text\n"
    cell.close()


def test_a_command_has_no_network_and_no_powers(cell: Cell) -> None:
    networks = said(cell, "/bin/sh", "-c", "cat /proc/net/dev")[1]
    assert [line.split(":")[0].strip() for line in networks.splitlines() if ":" in line] == ["lo"]
    powers = said(cell, "/bin/sh", "-c", "grep Cap /proc/self/status")[1]
    assert {line.split()[1] for line in powers.splitlines()} == {"0" * 16}
    for attempt in ("touch /usr/x", "mount -o remount,rw /usr", "echo x > /proc/sys/kernel/core_pattern", "kill -9 1"):
        code, _ = said(cell, "/bin/sh", "-c", attempt)
        assert code != 0 or attempt == "kill -9 1"
    # The first process lives on.
    assert said(cell, "/bin/sh", "-c", "kill -INT 1; kill -TERM 1; kill -9 1; echo here")[0] == 0
    cell.close()


def test_limits(cell: Cell, tmp_path: Path) -> None:
    assert said(cell, "python3", "-c", "bytearray(1 << 30)")[0] == 1
    assert said(cell, "/bin/sh", "-c", "head -c 2000000 /dev/zero > big")[0] != 0
    assert (tmp_path / "work" / "big").stat().st_size == LIMITS.storage
    # Outside of the volumes there is room in memory only, and not for everything.
    assert (
        said(cell, "/bin/sh", "-c", "for i in 1 2 3 4; do head -c 900000 /dev/zero > /tmp/$i || exit 1; done")[0] == 0
    )
    cell.close()


def test_a_limit_for_all_processes_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scratch", "root", "work"):
        (tmp_path / name).mkdir()
    sandbox = Sandbox(tmp_path / "scratch")
    if sandbox.memory == "process":
        pytest.skip("no control groups can be made on this machine")
    # Others on this machine make such groups, too.
    mark = uuid.uuid4()
    monkeypatch.setattr(uuid, "uuid4", lambda: mark)
    cell = sandbox.open(tmp_path / "root", {"/golem/work": tmp_path / "work"}, memory=96 << 20)
    alone = "import sys; bytearray(b'x') * (60 << 20); print('had', flush=True)"
    assert said(cell, "python3", "-c", alone) == (0, "had\n")
    script = "import subprocess, sys\n" + (
        "found = [subprocess.Popen([sys.executable, '-c', 'import time; x = b\"x\" * (60 << 20); time.sleep(600)'])"
        " for _ in range(2)]\nimport os\nprint(os.wait()[1])"
    )
    assert said(cell, "python3", "-c", script, seconds=30) == (0, "9\n")
    mine = f"/sys/fs/cgroup/**/sovr-devnet-{mark.hex}"
    assert len(glob.glob(mine, recursive=True)) == 1
    cell.close()
    assert glob.glob(mine, recursive=True) == []


def test_where_there_are_no_control_groups(tmp_path: Path) -> None:
    assert not Groups(tmp_path, tmp_path / "absent").usable
    (tmp_path / "cgroup").write_text("0::/a/b\n")
    assert not Groups(tmp_path, tmp_path / "cgroup").usable
    assert Groups(tmp_path, tmp_path / "cgroup").open(1) is None


def test_a_command_is_killed_when_its_time_is_over_and_the_next_one_runs(cell: Cell) -> None:
    ended = cell.run(["sh", "-c", "sleep 600 & sleep 600"], LIMITS, 0.2, lambda *_: None)
    assert ended.timed_out and ended.code == -9
    assert said(cell, "echo", "on") == (0, "on\n")
    cell.close()


def test_ending_it_ends_everything(cell: Cell, tmp_path: Path) -> None:
    beat = tmp_path / "work" / "beat"
    script = "(while :; do echo x >> beat; sleep 0.01; done) & echo started; sleep 600"
    gone: list[BaseException] = []

    def work() -> None:
        try:
            cell.run(["sh", "-c", script], LIMITS, 600, lambda *_: None)
        except CellGone as error:
            gone.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(beat.exists)
    cell.shut()
    worker.join()
    cell.close()
    assert len(gone) == 1
    size = beat.stat().st_size
    threading.Event().wait(0.1)
    assert beat.stat().st_size == size
    with pytest.raises(CellGone):
        said(cell, "true")


def test_python_and_volumes_are_there(bob: Requestor) -> None:
    found = bob.execute(
        bob.activity(), run("python3", "-c", "import json, ssl; print(open('/golem/work/f', 'w').write('x'))")
    )
    assert found[0]["stdout"] == "1\n", found
    listed = bob.shell(bob.activity(bob.agree(name="devnet-2")), "ls /golem; ls -A /golem/work")
    assert listed["stdout"].split() == ["input", "output", "resource", "resources", "work"]


def test_offers_say_what_keeps_commands_apart(bob: Requestor) -> None:
    offers = [event["proposal"]["properties"] for event in bob.events(bob.demand())]
    assert {offer["sovr.devnet.sandbox"] for offer in offers} == {"namespaces"}


def test_uploaded_files_belong_to_the_commands(bob: Requestor, tmp_path: Path) -> None:
    assert bob.files is not None
    source = tmp_path / "source"
    source.write_text("#!/bin/sh\necho ran\n")
    activity = bob.activity()
    transferred = {"transfer": {"from": bob.files.publish(source), "to": "container:/golem/input/a/run.sh"}}
    bob.execute(activity, transferred)
    found = bob.shell(activity, "cd /golem/input/a && chmod +x run.sh && ./run.sh && echo more >> run.sh && rm run.sh")
    assert found["stdout"] == "ran\n", found


def test_without_namespaces_it_says_so(golem: GolemStandIn, ada: Requestor) -> None:
    assert (golem.sandbox, golem.reason) == ("none", "namespaces were not asked for")
    found = ada.shell(ada.activity(), "cd /golem/work; pwd; echo $HOME; echo ${SECRET-unset}")
    here, home, secret = found["stdout"].split()
    assert here == home and here.startswith(str(golem.folder)) and secret == "unset"


def test_an_activity_that_is_ended_takes_its_processes_with_it(ada: Requestor, tmp_path: Path) -> None:
    activity = ada.activity()
    beat = tmp_path / "beat"
    ada.send(activity, run("sh", "-c", f"while :; do echo x >> {beat}; sleep 0.01; done"))
    wait_until(beat.exists)
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    folder = ada.golem.folder / "activities" / activity
    wait_until(lambda: not folder.exists())
    size = beat.stat().st_size
    threading.Event().wait(0.1)
    assert beat.stat().st_size == size


def test_where_there_are_no_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    assert Sandbox(tmp_path).reason == "there are none on plan9"
    monkeypatch.setattr(sys, "platform", "linux")
    sandbox = Sandbox(tmp_path / "absent" / "folder")
    assert sandbox.kind == "none" and sandbox.reason and sandbox.owner is None
