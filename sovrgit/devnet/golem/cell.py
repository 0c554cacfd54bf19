"""The process that commands of an activity run below: a program of its own, without anything else of `sovrgit`.

It is started as `python -I -S cell.py FD`. FD is a socket to the stand-in; standard input says, as a JSON object:

    mode       user (namespaces of an ordinary user), root (namespaces, then the user 65534), plain (no namespaces)
    base       an empty folder: where the new root is put together
    image      a folder that is the root, or the lowest layer of it; null for an empty one
    user       who commands are inside: the numbers of a user and a group
    visible    paths of this machine that can be seen inside, and not be changed
    volumes    folders of this machine by their paths inside, outer ones before those within them
    etc        small files by their paths inside
    room       bytes that may be written outside of the volumes

When all is set up it says `{"ready": true}`, otherwise `{"error": TEXT}`. Then it takes orders, a JSON object a line:
to run `argv` with two file descriptors for the output, answered with `code` and the processor time of all that has
ended so far; or to `kill` what runs. When the other end of the socket is closed, everything in here ends.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING or __name__ != "__main__":
    from sovrgit.devnet.golem import walls
else:
    # As a program of its own it finds what is beside it, and nothing else of `sovrgit`.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    import walls

_PROCESSES = 4096
_LONGEST_ORDER = 16 << 20


def main() -> int:
    """Set the place up, and take orders until the other side has gone."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    spec = json.load(sys.stdin)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if spec["mode"] != "plain":
            walls.enter(connection, spec)
    except OSError as error:
        _say(connection, {"error": f"{error.filename or 'namespaces'}: {(error.strerror or str(error)).lower()}"})
        return 1
    _say(connection, {"ready": True})
    Overseer(connection, spec["mode"], tuple(spec["user"])).work()
    return 0


# --- orders -------------------------------------------------------------------------------------------------------


class Overseer:
    """Runs one command after the other, and buries every process that ends."""

    def __init__(self, connection: socket.socket, mode: str, user: tuple[int, int]) -> None:
        self._connection = connection
        self._mode = mode
        self._user = user
        self._received = b""
        self._descriptors: list[int] = []
        self._running = 0
        self._woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)

    def work(self) -> None:
        """Take orders until there are no more."""
        while True:
            watched: list[Any] = [self._connection, self._woken]
            ready, _, _ = select.select(watched, [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._bury()
            if self._connection in ready and not self._receive():
                self._kill()
                return

    def _receive(self) -> bool:
        data, ancillary, _, _ = self._connection.recvmsg(1 << 16, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors += array.array("i", content)
        self._received += data
        if not data or len(self._received) > _LONGEST_ORDER:
            return False
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "kill" in order:
                self._kill()
            else:
                self._run(order)
        return True

    def _run(self, order: dict[str, Any]) -> None:
        out, err = self._descriptors[:2]
        del self._descriptors[:2]
        ours, theirs = socket.socketpair()
        self._running = os.fork()
        if not self._running:
            ours.close()
            _become(order, out, err, self._mode, self._user, theirs)
        os.close(out)
        os.close(err)
        theirs.close()
        with ours:
            # It says that it is in a user namespace of its own, if it wants to be, and waits to be somebody there.
            if ours.recv(1):
                with contextlib.suppress(OSError):
                    walls.write_maps(self._running, self._user, (walls.NOBODY, walls.NOBODY))
                    ours.sendall(b"y")

    def _kill(self) -> None:
        if self._mode != "plain":
            # This is the first process of its namespace: -1 stands for all others in there.
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                return
        elif self._running:
            try:
                os.killpg(self._running, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                # It has ended, or has not come as far as having a group of its own.
                os.kill(self._running, signal.SIGKILL)

    def _bury(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._running:
                self._running = 0
                used = resource.getrusage(resource.RUSAGE_CHILDREN)
                code = os.waitstatus_to_exitcode(status)
                _say(self._connection, {"code": code, "cpu": used.ru_utime + used.ru_stime})


def _become(
    order: dict[str, Any], out: int, err: int, mode: str, user: tuple[int, int], overseer: socket.socket
) -> NoReturn:
    """Be the command from now on."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        _limit(order["limits"], mode)
        who = _somebody(user, overseer) if mode == "root" else None
        os.closerange(3, 1024)
        if mode != "plain":
            walls.give_up_powers()
        if who is not None:
            os.setresgid(who[1], who[1], who[1])
            os.setresuid(who[0], who[0], who[0])
        os.chdir(order["folder"])
        argv = order["argv"]
        os.execvpe(argv[0], argv, order["environment"])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        os.write(2, f"{order['argv'][0]}: {(reason or 'cannot be run').lower()}\n".encode("utf-8", "replace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _limit(limits: dict[str, int], mode: str) -> None:
    wanted = [(resource.RLIMIT_DATA, limits["memory"]), (resource.RLIMIT_FSIZE, limits["storage"])]
    wanted += [(resource.RLIMIT_CORE, 0)] + ([(resource.RLIMIT_NPROC, _PROCESSES)] if mode != "plain" else [])
    for what, most in wanted:
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, most))


def _somebody(user: tuple[int, int], overseer: socket.socket) -> tuple[int, int]:
    """Who root becomes: 65534, under the numbers that an image asks for if that is allowed. They only show inside."""
    os.setgroups([])
    nobody = (walls.NOBODY, walls.NOBODY)
    if user == nobody or not walls.new_user_namespace():
        return nobody
    overseer.sendall(b"?")
    if not overseer.recv(1):
        raise PermissionError(1, "the user of the image cannot be had")
    return user


def _say(connection: socket.socket, what: dict[str, Any]) -> None:
    connection.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
