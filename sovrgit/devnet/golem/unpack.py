"""Getting the files out of images. Neither who made one nor what is in it is trusted.

A GVMI is unpacked by `unsquashfs` in the sandbox, where it is nobody, has no network, and sees nothing but the file and
the folder to unpack to. What becomes of it are files, folders and links that belong to the user that commands run as.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from sovrgit.devnet.golem.gvmi import WORK, BadImage, Config, read_config
from sovrgit.devnet.golem.sandbox import SEARCH, Cell, CellGone, Limits, Sandbox
from sovrgit.devnet.golem.walls import NOBODY

MOST_BYTES = 16 << 30
MOST_FILES = 1_000_000
"""What an image may have in it. The largest ones of the registry have some GiB."""

_MEMORY = 4 << 30
_PATIENCE = 1800.0
"""Seconds for all of it to be unpacked."""

_PIECE = 1 << 20
_LISTED = re.compile(rb"^[-bcdlps][-rwxsStT]{9} +\d+/\d+ +(\d+(?:, *\d+)?) ")
_SAID = 2000
_NON_FATAL = 2
"""What `unsquashfs` ends with if something could not be made, such as a device, which only root can."""


def copy_folder(source: Path, target: Path, owner: int | None) -> int:
    """Copy what is in a folder: files, folders and links as they are. Everything else has no use in an image.

    Args:
        target: a new folder.
        owner: whom it is to belong to, None for the user of this process.

    Returns:
        the bytes of all files.

    Raises:
        BadImage: if there is too much of it.
        OSError: if it cannot be read or written.
    """
    copied = files = 0
    target.mkdir(mode=0o755)
    _hand_over(target, owner)
    for folder, inner, plain, descriptor in os.fwalk(source, onerror=_raise):
        place = target / os.path.relpath(folder, source)
        for name in (*inner, *plain):
            files += 1
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                os.symlink(os.readlink(name, dir_fd=descriptor), place / name)
            elif stat.S_ISDIR(mode):
                (place / name).mkdir(mode=0o755)
            elif stat.S_ISREG(mode):
                copied += _copy_file(descriptor, name, place / name, MOST_BYTES - copied)
            else:
                continue
            _hand_over(place / name, owner)
            _check(copied, files)
    return copied


def unpack_file(source: Path, folder: Path, sandbox: Sandbox, wanted: str | None) -> tuple[Config, str, int]:
    """Unpack a GVMI into `root` in a folder.

    Args:
        wanted: the SHA3-224 that it must have.

    Returns:
        what it says, its SHA3-224, and the bytes of the file.

    Raises:
        BadImage: if it is none, another one, too large, or cannot be unpacked here.
        OSError: if it cannot be read or written.
    """
    given, made, scratch = folder / "given", folder / "made", folder / "scratch"
    for place in (given, made, scratch):
        place.mkdir()
        _hand_over(place, sandbox.owner)
    try:
        with source.open("rb") as file:
            config, length = read_config(file)
            # What is hashed is what is unpacked, whoever writes to the file meanwhile.
            sha3, size = _copy_checked(file, given / "image", length)
    except FileNotFoundError:
        raise BadImage("does not exist") from None
    if wanted is not None and sha3 != wanted:
        raise BadImage(f"is another one: its SHA3-224 is {sha3}")
    tool = shutil.which("unsquashfs", path=SEARCH)
    if tool is None:
        raise BadImage(
            "is a squashfs, and `unsquashfs` is not installed: the package is `squashfs-tools` nearly everywhere"
        )
    _hand_over(given / "image", sandbox.owner)
    try:
        cell = sandbox.open(scratch, {"/golem/input": given, WORK: made}, user=(NOBODY, NOBODY))
        try:
            _check_list(cell, tool)
            _unpack(cell, tool)
        finally:
            cell.close()
    except CellGone as error:
        raise BadImage(f"cannot be unpacked: {error}") from error
    os.rename(made / "root", folder / "root")
    for place in (given, made, scratch):
        shutil.rmtree(place)
    return config, sha3, size


def _check_list(cell: Cell, tool: str) -> None:
    """Look at what is in an image before it is written somewhere."""
    left = said = b""
    found, files = 0, 0

    def take(name: str, data: bytes) -> None:
        nonlocal left, said, found, files
        if name == "stderr":
            said = (said + data)[-_SAID:]
            return
        *lines, left = (left + data).split(b"\n")
        for line in lines:
            listed = _LISTED.match(line)
            if listed is not None:
                files += 1
                found += int(listed[1]) if line.startswith(b"-") else 0
        left = left[-(1 << 16) :]

    ended = cell.run([tool, "-lln", "/golem/input/image"], Limits(_MEMORY, MOST_BYTES), _PATIENCE, take)
    if ended.code or not files:
        raise BadImage(f"cannot be read: {_last_of(said)}")
    _check(found, files)


def _unpack(cell: Cell, tool: str) -> None:
    said = bytearray()

    def take(name: str, data: bytes) -> None:
        said.extend(data)
        del said[:-_SAID]

    limits = Limits(_MEMORY, MOST_BYTES)
    argv = [tool, "-no-progress", "-no-xattrs", "-d", f"{WORK}/root", "/golem/input/image"]
    ended = cell.run(argv, limits, _PATIENCE, take)
    if ended.code not in (0, _NON_FATAL):
        raise BadImage(f"cannot be unpacked: {_last_of(said)}")
    # Else a folder that nobody may write to could not be removed any more.
    cell.run(["chmod", "-R", "u+rwX", f"{WORK}/root"], limits, _PATIENCE, take)


def _last_of(said: bytes | bytearray) -> str:
    """The last line of what a program said."""
    return said.decode("utf-8", "replace").strip().rpartition("\n")[2][:200] or "`unsquashfs` failed"


def _check(copied: int, files: int) -> None:
    if copied > MOST_BYTES:
        raise BadImage(f"has more than {MOST_BYTES >> 30} GiB in it")
    if files > MOST_FILES:
        raise BadImage(f"has more than {MOST_FILES} files in it")


def _copy_file(folder: int, name: str, target: Path, most: int) -> int:
    """Copy a file; the bytes of it. It may be executable, and nothing more."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    copied = 0
    with os.fdopen(descriptor, "rb") as file, target.open("xb") as out:
        os.fchmod(out.fileno(), 0o755 if os.fstat(descriptor).st_mode & 0o111 else 0o644)
        while piece := file.read(_PIECE):
            copied += len(piece)
            if copied > most:
                break
            out.write(piece)
    return copied


def _copy_checked(file: BinaryIO, target: Path, length: int) -> tuple[str, int]:
    """Copy the first bytes of a file; the SHA3-224 and the number of all of them."""
    hashed, size = hashlib.sha3_224(), 0
    file.seek(0)
    with target.open("xb") as out:
        while piece := file.read(_PIECE):
            hashed.update(piece)
            out.write(piece[: max(length - size, 0)])
            size += len(piece)
    return hashed.hexdigest(), size


def _raise(error: OSError) -> None:
    raise error


def _hand_over(path: Path, owner: int | None) -> None:
    if owner is not None:
        os.chown(path, owner, owner, follow_symlinks=False)
