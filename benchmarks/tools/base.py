"""What an adapter of a tool says: which command does each step."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

MESSAGES = {"commit": "first", "edit": "edits"}
"""Commit message or archive name for each of the two steps that commit."""


class Place(NamedTuple):
    """Where one repetition of one tool happens. The data lies in `work/payload` for every tool."""

    root: Path

    @property
    def work(self) -> Path:
        """The working folder."""
        return self.root / "work"

    @property
    def payload(self) -> Path:
        """The data in the working folder."""
        return self.work / "payload"

    @property
    def store(self) -> Path:
        """Where a tool that keeps its store outside of the working folder puts it."""
        return self.root / "store"

    @property
    def remote(self) -> Path:
        """The folder that is pushed to."""
        return self.root / "remote"

    @property
    def clone(self) -> Path:
        """The folder that is cloned into; it does not exist before, unless the tool wants it to."""
        return self.root / "clone"

    def clone_scripts(self, place: Place) -> Command | None:
        """Get the history and the files beside the payload, whose content stays at the remote."""
        return None

    @property
    def scripts(self) -> Path:
        """The folder that is cloned into without payload."""
        return self.root / "scripts"

    @property
    def home(self) -> Path:
        """The home folder of the tool, so that nobody's settings and caches count."""
        return self.root / "home"


class Command(NamedTuple):
    """One or more command lines, run one after the other as one step, in `folder` (the working folder if None)."""

    lines: tuple[tuple[str, ...], ...]
    folder: Path | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        """What is executed: the only line itself, or a shell that runs them all."""
        if len(self.lines) == 1:
            return self.lines[0]
        return ("sh", "-c", " && ".join(shlex.join(line) for line in self.lines))


def command(*lines: Sequence[str | Path], folder: Path | None = None) -> Command:
    """A command from its lines."""
    return Command(tuple(tuple(str(word) for word in line) for line in lines), folder)


class Tool:
    """A tool and how it does each step. A step that it has not is None.

    Every method is asked anew in every repetition and gives commands only; running them is not its business.
    """

    name: str
    """What `--tools` and the tables call it."""

    program: str
    """The executable that must be there."""

    needs: tuple[str, ...] = ()
    """Other executables that must be there."""

    version_arguments: tuple[str, ...] = ("--version",)
    """Arguments that print the version."""

    wants_clone_folder = False
    """Whether the folder to clone into has to exist."""

    keeps_history = True
    """Whether what was there before an edit can be had back; if not, the size of its store says nothing."""

    startup: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Arguments of the commands that are run in a tiny repository to see how fast the tool starts."""

    def __init__(self, path: str | None = None) -> None:
        self.path = path or _find(self.program)

    @property
    def missing(self) -> str:
        """The first executable that is not there; empty if the tool can be used."""
        if not self.path or not shutil.which(self.path):
            return self.program
        return next((name for name in self.needs if not _find(name)), "")

    def version(self) -> str:
        """The first line that the tool prints about itself."""
        argv = [self.path, *self.version_arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        lines = (done.stdout or done.stderr).strip().splitlines()
        return lines[0].strip() if lines else "unknown"

    def environment(self, place: Place) -> dict[str, str]:
        """Variables that the tool needs on top of path, home and language."""
        return {}

    def init(self, place: Place) -> Command | None:
        """Make an empty repository."""
        return None

    def setup(self, place: Place) -> Command | None:
        """What else has to be there and is not timed: settings, an empty remote."""
        return None

    def commit(self, place: Place, message: str) -> Command | None:
        """Record the state of the working folder. The message is one of `MESSAGES`."""
        return None

    def status(self, place: Place) -> Command | None:
        """Find out that nothing has changed."""
        return None

    def push(self, place: Place) -> Command | None:
        """Bring what is new to the remote."""
        return None

    def clone(self, place: Place) -> Command | None:
        """Get the data back, from the remote if the tool has one, into `place.clone`."""
        return None

    def cloned(self, place: Place) -> Path:
        """Where the data lies after the clone."""
        return place.clone / "payload"

    def stores(self, place: Place) -> tuple[Path, ...]:
        """The folders that hold the history."""
        return (place.store,)

    def remote(self, place: Place) -> Path | None:
        """The folder that was pushed to, if the tool pushes."""
        return place.remote


def _find(program: str) -> str:
    """Path of a program: on the path, or next to the Python that runs this."""
    beside = Path(sys.executable).with_name(program)
    return shutil.which(program) or (str(beside) if beside.exists() else "")
