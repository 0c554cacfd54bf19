"""The place that commands run in: namespaces, and a root put together from mounts. A part of `cell`, alone like it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import stat
import struct
from typing import Any

NOBODY = 65534
_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWUTS, NEWIPC, NEWPID and NEWNET (clone(2))."""

_NEW_USER = 0x10000000
_NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2
_SET_DEATH_SIGNAL, _DROP_CAPABILITY, _NO_NEW_PRIVILEGES = 1, 24, 38
_MOUNT_SETATTR = 442
"""The number of this system call, the same everywhere (Linux 5.12)."""

_RECURSIVE = 0x8000
_ONLY_READ = 1 | 2
"""MOUNT_ATTR_RDONLY and MOUNT_ATTR_NOSUID."""

_DEVICES = ("null", "zero", "full", "random", "urandom")
_FOR_ALL = ("tmp", "dev/shm", "run", "var/tmp")
"""Folders that everybody may write to."""

_LIBC = ctypes.CDLL(None, use_errno=True)


def enter(connection: socket.socket, spec: dict[str, Any]) -> None:
    """Go into new namespaces, as their first process; returns there only.

    Raises:
        OSError: if something of it is not allowed here.
    """
    if spec["mode"] == "user":
        user, group = os.getuid(), os.getgid()
        _check(_LIBC.unshare(_NAMESPACES | _NEW_USER), "unshare")
        write_maps("self", spec["user"], (user, group))
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


def write_maps(process: int | str, inside: tuple[int, int], outside: tuple[int, int]) -> None:
    """Say who a user and a group outside are in the new user namespace of a process."""
    texts = {"uid_map": f"{inside[0]} {outside[0]} 1", "gid_map": f"{inside[1]} {outside[1]} 1"}
    for name, text in {"setgroups": "deny", **texts}.items():
        with open(f"/proc/{process}/{name}", "w") as file:
            file.write(text)


def new_user_namespace() -> bool:
    """Go into a user namespace in which nobody is anybody yet. Whether that is allowed."""
    return bool(_LIBC.unshare(_NEW_USER) == 0)


def give_up_powers() -> None:
    """Give up all powers, for good: the namespaces could be left, or the root be made writable, with them."""
    capability = 0
    while _LIBC.prctl(_DROP_CAPABILITY, capability, 0, 0, 0) == 0:
        capability += 1
    _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")


# --- the root -----------------------------------------------------------------------------------------------------


def _build(spec: dict[str, Any]) -> None:
    base: str = spec["base"]
    owned = spec["mode"] == "root"
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, f"size={spec['room']},mode=0755")
    if spec["image"] is not None:
        base = _lay_over(base, spec["image"], owned)
    for path in spec["visible"]:
        _show(path, base)
    for path, text in spec["etc"].items():
        _folder(base, os.path.dirname(path))
        with open(os.open(base + path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o644), "w") as file:
            file.write(text)
    for name in ("proc", "dev", "root"):
        _folder(base, name)
    if spec["image"] is not None:
        # Whatever the image has there, it is not seen; and what is written there takes of the same room.
        os.mkdir(f"{spec['base']}/dev", 0o755)
        _mount(f"{spec['base']}/dev", f"{base}/dev", None, _BIND)
    for name in _FOR_ALL:
        if not os.path.lexists(f"{base}/{name}"):
            os.chmod(_folder(base, name), 0o1777)
    _mount("proc", f"{base}/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for name in _DEVICES:
        os.close(os.open(f"{base}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        _mount(f"/dev/{name}", f"{base}/dev/{name}", None, _BIND)
    for name, to in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{to}", f"{base}/dev/{name}")
    for inside, folder in spec["volumes"].items():
        place = _folder(base, inside)
        _mount(folder, place, None, _BIND)
        _mount(None, place, None, _BIND | _REMOUNT | _NOSUID | _NODEV)
    if owned:
        for path in (base, f"{base}/root", f"{base}/golem"):
            if os.path.isdir(path) and not os.path.islink(path):
                os.chown(path, NOBODY, NOBODY)
    os.chdir(base)
    # The old root comes to lie over the new one, and is taken away from there: no folder is needed for it.
    _check(_LIBC.pivot_root(b".", b"."), "pivot_root")
    _check(_LIBC.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _lay_over(base: str, image: str, owned: bool) -> str:
    """Make an image the root, with room in memory for what is written. The folder where it is."""
    for name in ("lower", "upper", "work", "root"):
        os.mkdir(f"{base}/{name}", 0o755)
    if owned:
        os.chown(f"{base}/upper", NOBODY, NOBODY)
    _mount(image, f"{base}/lower", None, _BIND)
    # Names of folders of this machine may have characters in them that mean something here.
    os.chdir(base)
    options = "lowerdir=lower,upperdir=upper,workdir=work"
    flags = _NOSUID | _NODEV
    try:
        _mount("overlay", "root", "overlay", flags, options if owned else f"{options},userxattr")
    except OSError as error:
        if owned or error.errno != errno.EINVAL:
            raise
        # A kernel or a tmpfs without the attributes of users; some folders cannot be replaced then.
        _mount("overlay", "root", "overlay", flags, options)
    return f"{base}/root"


def _folder(base: str, inside: str) -> str:
    """A folder inside, which is made if there is none. No link on the way is followed: an image may have them."""
    place = base
    for name in inside.strip("/").split("/"):
        place = f"{place}/{name}"
        try:
            mode = os.lstat(place).st_mode
        except FileNotFoundError:
            os.mkdir(place, 0o755)
            continue
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, "the image has something else than a folder there", inside)
    return place


def _show(path: str, base: str) -> None:
    """Let something of this machine be seen inside, if it is there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    target = f"{_folder(base, os.path.dirname(path))}/{os.path.basename(path)}" if path.count("/") > 1 else base + path
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(path), target)
        return
    if stat.S_ISDIR(mode):
        _folder(base, path)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o644))
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
