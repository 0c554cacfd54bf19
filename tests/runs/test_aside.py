"""Earlier outputs during a run, and after a run that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_lab import Lab

from sovrgit.errors import ReadOnly, UnsafeName
from sovrgit.runs.aside import Aside, check_folders, recover
from sovrgit.runs.orphan import end_group
from sovrgit.store.processes import birth_of

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing waits that long when all is well."""

CHILD = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from pathlib import Path
from run_lab import Lab
from sovrgit.pod.pod import Pod
from sovrgit.runs.executor import Output
lab = Lab(Pod(Path(sys.argv[1])))
lab.on = lambda event: print(event.data.decode(), end="", flush=True) if isinstance(event, Output) else None
lab.run()
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of its own and waits to be ended."""
    process = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_outputs_are_gone_during_the_run_and_back_after_it(lab: Lab) -> None:
    lab.write("output/deep/old.txt", "old")
    with Aside(lab.pod, ["output"]):
        assert os.listdir(lab.root / "output") == []
        lab.write("output/new.txt", "new")
    assert os.listdir(lab.root / "output") == ["deep"]
    assert lab.read("output/deep/old.txt") == "old"
    assert list(lab.pod.temporary.iterdir()) == [] and not recover(lab.pod)


def test_new_outputs_stay_if_they_are_wanted(lab: Lab) -> None:
    lab.write("output/old.txt", "old")
    with Aside(lab.pod, ["output"]) as aside:
        lab.write("output/new.txt", "new")
        aside.keep_new()
    assert os.listdir(lab.root / "output") == ["new.txt"]
    assert list(lab.pod.temporary.iterdir()) == []


def test_what_a_killed_process_had_put_aside_comes_back(lab: Lab) -> None:
    lab.write("output/old.txt", "old")
    Aside(lab.pod, ["output"]).__enter__()
    lab.write("output/new.txt", "new")
    assert recover(lab.pod)
    assert os.listdir(lab.root / "output") == ["old.txt"]
    assert list(lab.pod.temporary.iterdir()) == [] and not recover(lab.pod)


def test_a_process_that_was_killed_before_it_moved_anything(lab: Lab) -> None:
    lab.write("output/old.txt", "old")
    (lab.pod.temporary / "aside-1-x").mkdir()
    note = {"place": "aside-1-x", "folders": ["output"]}
    (lab.pod.folder / "running").write_text(json.dumps(note))
    assert recover(lab.pod)
    assert lab.read("output/old.txt") == "old"


@pytest.mark.parametrize("script", ["rm -r deep; ln -s /etc deep", "rm -r deep; echo x > deep", "chmod -R a-w deep"])
def test_nothing_that_a_run_does_to_the_folder_is_in_the_way(lab: Lab, script: str) -> None:
    lab.write("deep/out/old.txt", "old")
    with Aside(lab.pod, ["deep/out"]):
        lab.write("deep/out/sub/new.txt", "new")
        subprocess.run(["sh", "-c", script], cwd=lab.root, check=True)
        etc = sorted(os.listdir("/etc"))
    assert lab.read("deep/out/old.txt") == "old"
    assert os.listdir(lab.root / "deep" / "out") == ["old.txt"]
    assert sorted(os.listdir("/etc")) == etc
    assert list(lab.pod.temporary.iterdir()) == []


def test_what_cannot_be_begun_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write("output/old.txt", "old")
    make = Path.mkdir

    def fail(self: Path, *args: object, **options: object) -> None:
        if self.name == "output":
            raise PermissionError(13, "Permission denied")
        make(self, *args, **options)  # type: ignore[arg-type] # a test

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(ReadOnly), Aside(lab.pod, ["output"]):
        pytest.fail("this must not be reached")
    assert lab.read("output/old.txt") == "old"
    assert not (lab.pod.folder / "running").exists()


@pytest.mark.parametrize("folder", ["link", "link/below", "real/link"])
def test_links_are_refused(lab: Lab, folder: str) -> None:
    (lab.root / "real").mkdir()
    (lab.root / "link").symlink_to("real")
    (lab.root / "real" / "link").symlink_to("..")
    with pytest.raises(UnsafeName):
        check_folders(lab.root, [folder])
    check_folders(lab.root, ["real/not/there"])


# --- processes --------------------------------------------------------------------------------------------------


def test_the_next_run_ends_what_a_killed_one_left_running(lab: Lab) -> None:
    lab.run()
    lab.script("echo half > output/out.txt; echo $$; while :; do sleep 3600; done")
    process = subprocess.Popen([sys.executable, "-c", CHILD, lab.root], stdout=subprocess.PIPE)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    assert birth_of(pid) and lab.read("output/out.txt") == "half\n"
    assert lab.pod.head() is not None and lab.runs() == 1

    lab.script("test ! -e output/out.txt; exit 1")
    lab.run()
    assert not birth_of(pid)
    assert lab.read("output/out.txt") == "one\n"


def test_a_process_with_the_same_number_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    assert not end_group(sleeper.pid, "another birth")
    assert not end_group(sleeper.pid, "")
    assert sleeper.poll() is None


def test_a_group_is_ended_by_its_leader(sleeper: subprocess.Popen[bytes]) -> None:
    birth = birth_of(sleeper.pid)
    assert birth == birth_of(sleeper.pid) != birth_of(os.getpid())
    assert end_group(sleeper.pid, birth)
    assert sleeper.wait(PATIENCE) == -signal.SIGKILL


def test_a_process_that_has_ended_has_no_birth(sleeper: subprocess.Popen[bytes]) -> None:
    birth = birth_of(sleeper.pid)
    sleeper.kill()
    deadline = time.monotonic() + PATIENCE
    while birth_of(sleeper.pid) and time.monotonic() < deadline:
        pass
    # It was not waited for, so there is still an entry of that number.
    assert birth_of(sleeper.pid) == "" and not end_group(sleeper.pid, birth)
