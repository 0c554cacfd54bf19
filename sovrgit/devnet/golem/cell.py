"""The process that commands of an activity run below: a program of its own, without anything else of `sovrgit`.

It is started as `python -I -S cell.py FD`. FD is a socket to the stand-in; standard input says, as a JSON object:

    mode       user (namespaces of an ordinary user), root (namespaces, then the user 65534), plain (no namespaces)
    base       an empty folder: where the new root is put together
    visible    paths of this machine that can be seen inside, and not be changed
    volumes    folders of this machine by their paths inside
    etc        small files by their paths inside
    room       bytes that may be written outside of the volumes

When all is set up it says `{"ready": true}`, otherwise `{"error": TEXT}`. Then it takes orders, a JSON object a line:
to run `argv` with two file descriptors for the output, answered with `code` and the processor time of all that has
ended so far; or to `kill` what runs. When the other end of the socket is closed, everything in here ends.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
from typing import Any, NoReturn

NOBODY = 65534
_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWUTS, NEWIPC, NEWPID and NEWNET (clone(2))."""

_NEW_USER = 0x10000000
_NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 2, 4, 4096, 16384, 1 << 18
_DETACH = 2
_SET_DEATH_SIGNAL, _DROP_CAPABILITY, _NO_NEW_PRIVILEGES = 1, 24, 38
_MOUNT_SETATTR = 442
"""The number of this system call, the same everywhere (Linux 5.12)."""

_RECURSIVE = 0x8000
_ONLY_READ = 1 | 2
"""MOUNT_ATTR_RDONLY and MOUNT_ATTR_NOSUID."""

_PROCESSES = 4096
_LONGEST_ORDER = 16 << 20
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Set the place up, and take orders until the other side has gone."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    spec = json.load(sys.stdin)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if spec["mode"] != "plain":
            _enter(connection, spec)
    except OSError as error:
        _say(connection, {"error": f"{error.filename or 'namespaces'}: {(error.strerror or str(error)).lower()}"})
        return 1
    _say(connection, {"ready": True})
    Overseer(connection, spec["mode"]).work()
    return 0


# --- a place of its own -------------------------------------------------------------------------------------------


def _enter(connection: socket.socket, spec: dict[str, Any]) -> None:
    """Go into new namespaces, as their first process; returns there only."""
    user, group = os.getuid(), os.getgid()
    if spec["mode"] == "user":
        _check(_LIBC.unshare(_NAMESPACES | _NEW_USER), "unshare")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    else:
        _check(_LIBC.unshare(_NAMESPACES), "unshare")
    first = os.fork()
    if first:
        connection.close()
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    _build(spec)
    _loopback()
    socket.sethostname("golem")


def _build(spec: dict[str, Any]) -> None:
    base: str = spec["base"]
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, f"size={spec['room']},mode=0755")
    for path in spec["visible"]:
        _show(path, base)
    os.makedirs(f"{base}/etc", exist_ok=True)
    for path, text in spec["etc"].items():
        with open(base + path, "w") as file:
            file.write(text)
    for name in ("proc", "dev", "root"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    for name in ("tmp", "dev/shm", "run", "var/tmp"):
        os.makedirs(f"{base}/{name}")
        os.chmod(f"{base}/{name}", 0o1777)
    _mount("proc", f"{base}/proc", "proc", _NOSUID | _NODEV | 8)
    for name in _DEVICES:
        os.close(os.open(f"{base}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        _mount(f"/dev/{name}", f"{base}/dev/{name}", None, _BIND)
    for name, to in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{to}", f"{base}/dev/{name}")
    for inside, folder in spec["volumes"].items():
        os.makedirs(base + inside, exist_ok=True)
        _mount(folder, base + inside, None, _BIND)
        _mount(None, base + inside, None, _BIND | 32 | _NOSUID | _NODEV)
    if spec["mode"] == "root":
        for path in (base, f"{base}/root", f"{base}/golem"):
            os.chown(path, NOBODY, NOBODY)
    old = f"{base}/.old"
    os.mkdir(old)
    _check(_LIBC.pivot_root(base.encode(), old.encode()), "pivot_root")
    os.chdir("/")
    _check(_LIBC.umount2(b"/.old", _DETACH), "umount")
    os.rmdir("/.old")


def _show(path: str, base: str) -> None:
    """Let something of this machine be seen inside, if it is there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    target = base + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(path), target)
        return
    if stat.S_ISDIR(mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(path, target, None, _BIND | _REC)
    # set, clear, propagation, user namespace: struct mount_attr.
    attributes = struct.pack("QQQQ", _ONLY_READ, 0, 0, 0)
    _check(
        _LIBC.syscall(_MOUNT_SETATTR, -100, target.encode(), _RECURSIVE, attributes, len(attributes)), "mount_setattr"
    )


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    _check(_LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _loopback() -> None:
    """Bring up `lo`, the only network there is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


# --- orders -------------------------------------------------------------------------------------------------------


class Overseer:
    """Runs one command after the other, and buries every process that ends."""

    def __init__(self, connection: socket.socket, mode: str) -> None:
        self._connection = connection
        self._mode = mode
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
        self._running = os.fork()
        if not self._running:
            _become(order, out, err, self._mode)
        os.close(out)
        os.close(err)

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


def _become(order: dict[str, Any], out: int, err: int, mode: str) -> NoReturn:
    """Be the command from now on."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 1024)
        _limit(order["limits"], mode)
        if mode != "plain":
            _drop(mode)
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


def _drop(mode: str) -> None:
    """Give up all powers, for good: the namespaces could be left, or the root be made writable, with them."""
    capability = 0
    while _LIBC.prctl(_DROP_CAPABILITY, capability, 0, 0, 0) == 0:
        capability += 1
    _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    if mode == "root":
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _say(connection: socket.socket, what: dict[str, Any]) -> None:
    connection.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
