"""Where the commands of an activity run: in namespaces of their own where this machine allows it, else without."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sovrgit.devnet.golem.gvmi import WORK, Image
from sovrgit.devnet.golem.memory import Group, Groups
from sovrgit.devnet.golem.walls import NOBODY

NAMESPACES = "namespaces"
NONE = "none"

_CELL = Path(__file__).with_name("cell.py")
_PATIENCE = 20.0
"""Seconds for a cell to be set up, or to end."""

_PIECE = 1 << 16
_ROOM = 128 << 20
"""Bytes outside of the volumes, as in the VM runtime."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ETC = {
    "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}:nobody:/root:/bin/sh\n",
    "/etc/group": f"root:x:0:\nnogroup:x:{NOBODY}:\n",
    "/etc/hosts": "127.0.0.1 localhost golem\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class CellGone(Exception):
    """The process that runs commands has ended: it was closed, or it died."""


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: the exit code; the number of a signal, negative.
        timed_out: whether it was killed because its time was over.
    """

    code: int
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use: bytes of memory, and bytes of one file."""

    memory: int
    storage: int


class Sandbox:
    """How commands are kept apart on this machine.

    Attributes:
        kind: `namespaces` or `none`.
        reason: why there are no namespaces; empty if there are.
        owner: the user that commands run as and that files belong to, None for that of this process.
        memory: whose memory is limited: that of an `activity` with all its processes, or of each `process`.
    """

    def __init__(self, scratch: Path, *, allowed: bool = True) -> None:
        """Find out, by trying.

        Args:
            scratch: a folder to try it in.
            allowed: whether to use namespaces at all.
        """
        self._mode = "root" if os.geteuid() == 0 else "user"
        self.kind, self.reason = NAMESPACES, ""
        self._groups: Groups | None = None
        if not allowed:
            self.reason = "namespaces were not asked for"
        elif not sys.platform.startswith("linux"):
            self.reason = f"there are none on {sys.platform}"
        else:
            self.reason = self._attempt(scratch)
        if self.reason:
            self.kind, self._mode = NONE, "plain"
        self.owner = NOBODY if self._mode == "root" else None
        if self.kind == NAMESPACES:
            self._groups = Groups()
        self.memory = "activity" if self._groups is not None and self._groups.usable else "process"

    def open(
        self,
        folder: Path,
        volumes: Mapping[str, Path],
        image: Image | None = None,
        user: tuple[int, int] | None = None,
        memory: int | None = None,
    ) -> Cell:
        """A new place for commands.

        Args:
            folder: an empty folder of its own.
            volumes: folders by their paths inside.
            image: what the root is; a view of this machine if None.
            user: who commands are inside; as the image says if None.
            memory: bytes that all processes together may use, where that can be limited.

        Raises:
            CellGone: if it cannot be set up, saying why.
        """
        try:
            group = self._groups.open(memory) if self._groups is not None and memory is not None else None
        except OSError as error:
            raise CellGone(f"the memory cannot be limited: {error.strerror}") from error
        return Cell(self._mode, folder, volumes, image, user, group)

    def _attempt(self, scratch: Path) -> str:
        try:
            cell = self.open(scratch, {"/golem/work": scratch.parent})
        except CellGone as error:
            return str(error)
        cell.close()
        return ""


class Cell:
    """A place for the commands of one activity. `run` and `close` are for one thread, `shut` for any."""

    def __init__(
        self,
        mode: str,
        base: Path,
        volumes: Mapping[str, Path],
        image: Image | None,
        user: tuple[int, int] | None,
        group: Group | None,
    ) -> None:
        self.cpu = 0.0
        """Seconds of processor time that commands have used so far, of those that have ended."""

        self._group = group
        python = _python_folder()
        whole = image is not None and image.whole
        if user is None:
            user = image.user if image is not None else (NOBODY, NOBODY) if mode == "root" else (0, 0)
        spec = {
            "mode": mode,
            "base": str(base),
            "image": str(image.root) if image is not None else None,
            "user": user,
            "visible": [] if whole else [*_SYSTEM, *_SETTINGS, *([python] if python else [])],
            "volumes": {inside: str(volumes[inside]) for inside in sorted(volumes)},
            "etc": {} if whole else _ETC,
            "room": _ROOM,
        }
        self._places: dict[str, Path] = {}
        self._folder, home = WORK, "/root"
        search = f"{python}/bin:{SEARCH}" if python and not whole else SEARCH
        self._environment = {"PATH": search, "HOME": home, "LANG": "C.UTF-8"}
        if mode == "plain":
            self._places = dict(volumes)
            self._folder = str(volumes.get(WORK, base))
            self._environment["HOME"] = self._folder
        elif whole and image is not None:
            self._folder = image.folder
            self._environment = {"PATH": SEARCH, "HOME": home, **image.environment}
        self._connection, other = socket.socketpair()
        with other:
            argv = [sys.executable, "-I", "-S", str(_CELL), str(other.fileno())]
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(other.fileno(),), cwd="/"
            )
        assert self._process.stdin is not None
        if group is not None:
            # Before it knows what to do: what it starts is in the group as well.
            try:
                group.add(self._process.pid)
            except OSError as error:
                self.close()
                raise CellGone(f"the memory cannot be limited: {error.strerror}") from error
        # On the command line, commands inside could read it.
        with contextlib.suppress(BrokenPipeError), self._process.stdin as file:
            file.write(json.dumps(spec).encode())
        self._received = b""
        try:
            said = self._answer(time.monotonic() + _PATIENCE)
            if said is None or "ready" not in said:
                raise CellGone(str(said["error"]) if said else "nothing happens")
        except CellGone:
            self.close()
            raise

    def run(
        self,
        argv: Sequence[str],
        limits: Limits,
        seconds: float,
        sink: Callable[[str, bytes], None],
    ) -> Ended:
        """Run a command and wait until it has ended.

        Args:
            seconds: after which it is killed.
            sink: called with `stdout` or `stderr` and what was written there.

        Raises:
            CellGone: if the cell ends first.
        """
        order = {
            "argv": [self._translated(word) for word in argv],
            "limits": {"memory": limits.memory, "storage": limits.storage},
            "environment": self._environment,
            "folder": self._folder,
        }
        out, out_inside = os.pipe()
        err, err_inside = os.pipe()
        try:
            try:
                line = json.dumps(order).encode() + b"\n"
                # A message may be sent in part; the descriptors go with its first byte.
                socket.send_fds(self._connection, [line[:1]], [out_inside, err_inside])
                self._connection.sendall(line[1:])
            except OSError as error:
                raise CellGone("the cell has ended") from error
            finally:
                os.close(out_inside)
                os.close(err_inside)
            return self._follow({out: "stdout", err: "stderr"}, time.monotonic() + seconds, sink)
        finally:
            os.close(out)
            os.close(err)

    def shut(self) -> None:
        """Let everything that runs in here end, without waiting for it."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything that runs in here. Not while `run` is running."""
        self.shut()
        try:
            # It ends by itself, and what runs below it with it.
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._connection.close()
        if self._group is not None:
            self._group.close()

    def _follow(self, pipes: dict[int, str], deadline: float, sink: Callable[[str, bytes], None]) -> Ended:
        """Take what is written until the command has ended; who still writes then is not waited for."""
        timed_out = False
        open_pipes = dict(pipes)
        while True:
            left = None if timed_out else max(deadline - time.monotonic(), 0)
            watched: list[Any] = [*open_pipes, self._connection]
            ready, _, _ = select.select(watched, [], [], left)
            if not ready:
                timed_out = True
                self._order_to_kill()
            for pipe in [pipe for pipe in open_pipes if pipe in ready]:
                data = os.read(pipe, _PIECE)
                if data:
                    sink(open_pipes[pipe], data)
                else:
                    del open_pipes[pipe]
            if self._connection in ready:
                said = self._answer(None)
                assert said is not None
                self.cpu = float(said["cpu"])
                for pipe, name in open_pipes.items():
                    _drain(pipe, name, sink)
                return Ended(int(said["code"]), timed_out)

    def _order_to_kill(self) -> None:
        try:
            self._connection.sendall(b'{"kill": true}\n')
        except OSError as error:
            raise CellGone("the cell has ended") from error

    def _answer(self, deadline: float | None) -> dict[str, Any] | None:
        """The next thing that the cell says; None if it says nothing until then."""
        while b"\n" not in self._received:
            try:
                self._connection.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
                data = self._connection.recv(_PIECE)
            except TimeoutError:
                return None
            except OSError as error:
                raise CellGone("the cell has ended") from error
            finally:
                with contextlib.suppress(OSError):
                    self._connection.settimeout(None)
            if not data:
                raise CellGone("the cell has ended")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _translated(self, word: str) -> str:
        """A word of a command. Without namespaces what is at `/golem` inside is named by where it is."""
        if not self._places:
            return word
        names = "|".join(re.escape(name) for name in sorted(self._places, reverse=True))
        return re.sub(rf"(?<![\w./-])(?:{names})(?![\w.-])", lambda found: str(self._places[found[0]]), word)


def _drain(pipe: int, name: str, sink: Callable[[str, bytes], None]) -> None:
    """Take what is already in a pipe."""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(pipe, _PIECE):
            sink(name, data)


def _python_folder() -> str | None:
    """The folder of the Python that runs this, if it is not one that can be seen anyway."""
    folder = os.path.realpath(sys.base_prefix)
    return None if any(folder == known or folder.startswith(f"{known}/") for known in _SYSTEM) else folder
