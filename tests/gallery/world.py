"""Where hostile things are visited: a pod beside a remote, and around them what nobody may touch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from forge import Forge

from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.branches import create_branch
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.remotes.directory import DirectoryRemote
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.push import PushRequest, push

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)
RECIPE = {"name": "pod", "golem": {"exec": "touch ../ran", "script": "script", "output": "output"}}
VISITOR = Path(__file__).parent / "visitor.py"

MOST_MEMORY = 700 << 20
"""Bytes that a command on a small hostile pod may take at most; the interpreter and libraries are 80 MB of it."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "clone": ("clone", "../there", "../new"),
    "fork": ("fork", "../there", "../new"),
    "verify": ("bundle", "verify", "../bundle"),
    "unbundle": ("clone", "../bundle", "../new"),
    "cat": ("cat", "HEAD:a"),
    "merge": ("merge", "side"),
    "switch": ("switch", "side"),
    "restore": ("restore", "."),
    "show": ("show", "HEAD"),
    "lineage": ("lineage", "a"),
    "bundle": ("bundle", "create", "../made.bundle"),
    "commit": ("commit", "-m", "More"),
    "blame": ("blame", "a"),
    "remote fsck": ("fsck", "--remote", "origin"),
    "repair": ("fsck", "--repair"),
    "abort": ("merge", "--abort"),
    "resolve": ("resolve", "a", "--done"),
}
"""What users would type. Words that are not here are commands without arguments."""


State: TypeAlias = dict[str, tuple[int, ...] | bytes]
"""Paths with what is known of them."""

Make: TypeAlias = Callable[["World"], object]
"""Makes a hostile thing in a world."""


class Specimen(NamedTuple):
    """One hostile thing. `answers` has commands and the exit codes that they must end with, in order: `fetch 55,
    status 0`. Some stand in `COMMANDS`, all others are as a user types them."""

    name: str
    make: Make
    answers: str


class Said(NamedTuple):
    """How a command ended, what it printed and started, and the memory it took, in bytes."""

    code: int
    out: str
    err: str
    started: list[str]
    memory: int


class Visitor:
    """The process that runs the commands."""

    def __init__(self, home: Path) -> None:
        environ = {
            **{"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SOVR_CONFIG": "", "HOME": os.fspath(home)},
            **{"SOVR_CREDENTIALS": "/nonexistent/credentials", "SOVR_AUTHOR_NAME": "Ann", "SOVR_NO_INPUT": "1"},
            **{"TERM": "dumb", "SOVR_AUTHOR_EMAIL": "ann@example.org"},
        }
        self._process = subprocess.Popen(
            [sys.executable, os.fspath(VISITOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )

    def __call__(self, folder: Path, *arguments: str) -> Said:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"folder": os.fspath(folder), "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        return Said(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def begin(folder: Path) -> Path:
    """What every world begins with: a pod, the remote that it was pushed to, and what nobody may touch."""
    for name in ("outside/canary", "outside/folder/canary"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("alive")
    root = folder / "pod"
    with Pod.create(root) as pod:
        for name in ("script", "output", "payload", "logs"):
            (root / name).mkdir()
        (root / "script/run.sh").write_text("touch ../ran\n")
        (root / "recipe.json").write_text(json.dumps(RECIPE))
        (root / "a").write_text("1\n2\n3\n")
        first = commit(pod, CommitRequest(ANN, "First")).id
        create_branch(pod, "side", first, time_ns=1)
        # Scripts of others are what a gallery is about.
        pod.config.set("pod.foreign", "true")
        pod.config.set("gc.auto", "false")
        push(pod, DirectoryRemote(folder / "there"), PushRequest("origin", ["refs/heads/main"], 1, {}))
    return folder


class World:
    """A folder with `pod/`, which was pushed to the remote `there/`, a forge for that remote, and a canary.

    Args:
        template: what `begin` has made.
    """

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.root = folder / "pod"
        self.there = folder / "there"
        shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
        with Pod(self.root) as pod:
            pod.config.set("remote.origin.url", os.fspath(self.there))
            head = pod.head()
        assert head is not None
        self.first = head
        self.sound = Manifest.decode((self.there / "manifest").read_bytes())
        self.forge = Forge(self.there)
        self.forge.packs = list(self.sound.packs)

    def next(self, refs: Mapping[str, ObjectId] | ObjectId, **fields: Any) -> Manifest:
        """Publish a manifest that continues the sound one."""
        values = {"repository": self.sound.repository, "generation": 2, "chain": (self.sound.id(),), "writer": "evil"}
        return self.forge.publish(refs, **(values | fields))

    def offer(self, tree: ObjectId) -> Manifest:
        """Publish a commit of this tree, as if somebody had gone on."""
        return self.next(self.forge.commit(tree, self.first))

    def here(self) -> Forge:
        """A forge whose packs lie in the pod itself, as if somebody had come with it."""
        return Forge(self.root / ".sovr")

    def point(self, **refs: ObjectId) -> None:
        """Write refs into the pod, branches by their name."""
        lines = ["sovr refs 1", "HEAD refs/heads/main"]
        named = {"main": self.first, "side": self.first, **refs}
        lines += [f"{value} refs/heads/{name}" for name, value in sorted(named.items())]
        (self.root / ".sovr/refs").write_text("\n".join([*lines, "end"]) + "\n")

    def surroundings(self) -> State:
        """Everything that is neither the pod nor a new one: what is in files, and whether they were touched."""
        return _state(self.folder, skip={"pod", "new", "made.bundle"})

    def pod_state(self) -> State:
        """The files of the pod, its refs, and what waits in it."""
        kept = {f".sovr/{name}" for name in ("refs", "merge", "config", "format")}
        state = _state(self.root, skip={".sovr"}, times=False)
        for name in kept:
            path = self.root / name
            if path.is_file():
                state[name] = path.read_bytes()
        return state


def _state(top: Path, skip: set[str], *, times: bool = True) -> State:
    found: State = {}
    for folder, folders, names in os.walk(top):
        if Path(folder) == top:
            folders[:] = [name for name in folders if name not in skip]
            names = [name for name in names if name not in skip]
        for name in (*folders, *names):
            path = Path(folder) / name
            label = os.fspath(path.relative_to(top))
            stat = os.lstat(path)
            found[label] = (stat.st_mode, stat.st_mtime_ns if times and not path.is_dir() else 0)
            if path.is_symlink():
                found[label + " ->"] = os.fsencode(os.readlink(path))
            elif path.is_file() and stat.st_size < 1 << 20:
                found[label + " ="] = path.read_bytes()
    return found
