"""What is measured, step by step, and in which order: every repetition of every tool in a fresh folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import measure
from data import LARGE_NAME, DataSets
from disk import Room, Sizes, copy, creation_time, first_difference, measure_sizes
from tools import MESSAGES, Command, Place, Tool

STATUS_ROUNDS = 5
"""Times that the status is taken in each repetition: it is short, and changes nothing."""

EDITS = 10
"""Files that are edited in the sets of many files."""

STEPS = {
    "init": "init",
    "commit": "first commit",
    "status": "status, no change",
    "push": "push to a folder",
    "clone": "clone with checkout",
    "clone-scripts": "clone without payload",
    "edit": "commit of the edits",
    "push-edit": "push of the edits",
}
"""The steps in the order in which they happen, with their titles."""

_UNCHANGED = ("init", "commit", "status", "push", "clone", "clone-scripts")
_EDITED = ("edit", "push-edit")
SETS = {
    "small": tuple(STEPS),
    "large": _UNCHANGED,
    "edit": _EDITED,
    "mixed": tuple(STEPS),
}
"""The steps that are shown for each set. `edit` goes on where `large` ends."""

_WRITTEN = ("cp+sync", "tar+sync")
LIMITS: dict[tuple[str, str], tuple[str, ...]] = {
    **{(name, step): _WRITTEN for name in ("small", "large", "mixed") for step in ("commit", "push")},
    **{(name, "status"): ("read",) for name in ("small", "large", "mixed")},
    **{(name, "clone"): ("cp", "tar") for name in ("small", "large", "mixed")},
    **{(name, step): ("cp+sync",) for name in ("small", "mixed") for step in _EDITED},
    ("edit", "edit"): ("read",),
}
"""The tools whose fastest is the physical limit of a step in a set: all bytes copied and on the disk for a commit or a
push, copied for a clone, the metadata of all files for a status. What must be done for an edited large file is to
read it once; what has to be written of it depends on the tool."""


class Record(NamedTuple):
    """One measured step: the set, tool and step, the repetition, and what it took."""

    data: str
    tool: str
    step: str
    repetition: int
    seconds: float
    peak: int
    anonymous: int


class Outcome:
    """All that was found out."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.sizes: dict[tuple[str, str, str], Sizes] = {}
        """By set, tool and step: the store after `commit` and `edit`, the remote after the pushes; the last
        repetition's."""
        self.failures: dict[tuple[str, str, str], str] = {}
        """By set, tool and step: why there is no figure."""
        self.creation: list[float] = []
        """Seconds that the file system took to create an empty file, before each repetition of each tool."""


def run_all(
    sets: set[str],
    tools: list[Tool],
    data: DataSets,
    work: Path,
    *,
    repeat: int,
    timeout: float,
    say: Callable[[str], None],
) -> Outcome:
    """Measure all tools on all sets, `repeat` times, in turn; the order moves on with every repetition.

    A tool that fails or takes longer than `timeout` seconds in a step is left out of the rest of its set.
    """
    outcome = Outcome()
    room = Room(work / "done", *needed_space(data, sets))
    room.clear()
    shutil.rmtree(work / "run", ignore_errors=True)
    for group in ({"small"}, {"large", "edit"}, {"mixed"}):
        wanted = sets & group
        for repetition in range(repeat if wanted else 0):
            shift = repetition % len(tools)
            for tool in tools[shift:] + tools[:shift]:
                if any(key[0] in wanted and key[1] == tool.name for key in outcome.failures):
                    continue
                say(f"{'+'.join(sorted(wanted))}: {tool.name}, {repetition + 1} of {repeat}")
                room.make()
                _Scenario(tool, wanted, data, Place(work / "run"), repetition, timeout, outcome).run()
                room.put_away(work / "run")
        room.clear()
    return outcome


def environment(tool: Tool, place: Place) -> dict[str, str]:
    """The whole environment of a tool: nothing of the caller's but the path to programs."""
    beside = str(Path(tool.path).parent)
    return {
        "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(place.home),
        "XDG_CONFIG_HOME": str(place.home / "config"),
        "XDG_CACHE_HOME": str(place.home / "cache"),
        "XDG_STATE_HOME": str(place.home / "state"),
        "LC_ALL": "C.UTF-8",
        **tool.environment(place),
    }


class _StepFailed(Exception):
    pass


class _Scenario:
    """One repetition of one tool on one set."""

    def __init__(
        self, tool: Tool, sets: set[str], data: DataSets, place: Place, repetition: int, timeout: float, to: Outcome
    ) -> None:
        self._tool = tool
        self._sets = sets
        self._data = data
        self._place = place
        self._repetition = repetition
        self._timeout = timeout
        self._to = to
        self._environment = environment(tool, place)

    def run(self) -> None:
        try:
            for step in self._steps():
                self._advance(step)
        except _StepFailed:
            return

    def _steps(self) -> Iterator[str]:
        for step in STEPS:
            if any(step in SETS[name] for name in self._sets) or step in ("init", "commit", "push"):
                yield step

    def _set_of(self, step: str) -> str | None:
        return next((name for name in self._sets if step in SETS[name]), None)

    def _source(self) -> Path:
        if "small" in self._sets:
            return self._data.small
        return self._data.mixed if "mixed" in self._sets else self._data.large

    def _advance(self, step: str) -> None:
        tool, place = self._tool, self._place
        match step:
            case "init":
                self._make_folders()
                self._measure(step, tool.init(place))
                self._untimed(tool.setup(place))
            case "commit":
                self._measure(step, tool.commit(place, MESSAGES["commit"]))
                self._size(step, tool.stores(place))
            case "status":
                for _ in range(STATUS_ROUNDS):
                    self._measure(step, tool.status(place))
            case "push" | "push-edit":
                pushing = tool.push(place)
                self._measure(step, pushing)
                self._size(step, (place.remote,) if pushing else ())
            case "clone":
                cloning = tool.clone(place)
                if tool.wants_clone_folder:
                    place.clone.mkdir()
                self._measure(step, cloning)
                if cloning and self._repetition == 0:
                    self._check_clone(step)
            case "clone-scripts":
                self._measure(step, tool.clone_scripts(place))
            case "edit":
                self._edit()
                self._measure(step, tool.commit(place, MESSAGES["edit"]))
                self._size(step, tool.stores(place))

    def _make_folders(self) -> None:
        for folder in (self._place.work, self._place.store, self._place.remote, self._place.home):
            folder.mkdir(parents=True)
        self._to.creation.append(creation_time(self._place.root / "empty"))
        copy(self._source(), self._place.payload)

    def _edit(self) -> None:
        """Change the working folder as an editor would: new content under another name, then renamed."""
        if "edit" in self._sets:
            new = self._place.payload / f"{LARGE_NAME}.new"
            copy(self._data.edited / LARGE_NAME, new, touch=True)
            new.rename(self._place.payload / LARGE_NAME)
            return
        files = sorted(path for path in self._place.payload.rglob("*") if path.is_file())
        for path in files[:: max(1, len(files) // EDITS)][:EDITS]:
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(path.read_bytes() + b"one more line\n")
            new.rename(path)

    def _measure(self, step: str, wanted: Command | None) -> None:
        if wanted is None:
            return
        subprocess.run(["sync", "-f", self._place.root], check=True)
        taken = measure.run(
            wanted.argv,
            folder=wanted.folder or self._place.work,
            environment=self._environment,
            timeout=self._timeout,
        )
        name = self._set_of(step)
        if taken.failure:
            self._fail(step, taken.failure)
        if name:
            self._to.records.append(
                Record(
                    *(name, self._tool.name, step, self._repetition),
                    *(taken.seconds, taken.peak, taken.anonymous),
                )
            )

    def _untimed(self, wanted: Command | None) -> None:
        if wanted is None:
            return
        taken = measure.run(
            wanted.argv,
            folder=wanted.folder or self._place.work,
            environment=self._environment,
            timeout=self._timeout,
            memory=False,
        )
        if taken.failure:
            self._fail("init", taken.failure)

    def _size(self, step: str, folders: tuple[Path, ...]) -> None:
        if not folders or (step in _EDITED and not self._tool.keeps_history):
            return
        for name in self._sets:
            self._to.sizes[name, self._tool.name, step] = measure_sizes(folders)

    def _check_clone(self, step: str) -> None:
        """A clone that differs from the data has not earned its time."""
        different = first_difference(self._source(), self._tool.cloned(self._place))
        if different:
            self._fail(step, f"the clone differs in {different}")

    def _fail(self, step: str, reason: str) -> None:
        for name in self._sets:
            self._to.failures[name, self._tool.name, step] = reason
        raise _StepFailed


def needed_space(data: DataSets, sets: set[str]) -> tuple[int, int]:
    """Bytes and files that the largest scenario takes: the data, store, remote, clone, and what edits add."""
    folders = [data.small] * ("small" in sets) + [data.mixed] * ("mixed" in sets)
    folders += [data.large] * bool(sets & {"large", "edit"})
    size = max((measure_sizes((folder,)).allocated for folder in folders), default=0)
    count = max((sum(len(names) for _, _, names in os.walk(folder)) for folder in folders), default=0)
    return size * 7, count * 5
