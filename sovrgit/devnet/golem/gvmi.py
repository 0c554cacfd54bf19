"""Images for Golem's virtual machine: what a file of the form GVMI is, and what it says about how to use it.

    a squashfs
    4 bytes    the CRC-32 of what follows, little end first
    JSON       the configuration of a container, as Docker writes it
    8 digits   the length of the JSON

So ya-runtime-vm reads it, from the end. An image is known by the SHA3-224 of all of the file.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

WORK = "/golem/work"
VOLUMES = ("/golem/input", "/golem/output", WORK, "/golem/resource", "/golem/resources")
"""What images for Golem use as volumes; those of an image that does not say."""

MAGIC = b"hsqs"
_CHECKSUM, _LENGTH = 4, 8
_LONGEST_JSON = 1 << 20
_MOST_VOLUMES = 64
_DEEPEST = 16
_NOT_VOLUMES = ("/proc", "/dev", "/sys")
_MOST_USERS = (1 << 32) - 2


class BadImage(Exception):
    """A file that is no image, or one that cannot be used: why, in words that follow its name."""


@dataclass(frozen=True, slots=True)
class Config:
    """What an image says about how it is used.

    Attributes:
        environment: variables of its commands.
        user: who they are: the numbers of a user and a group.
        folder: where they begin.
        volumes: the folders that files can be put into and got from.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] = (0, 0)
    folder: str = WORK
    volumes: tuple[str, ...] = VOLUMES

    @classmethod
    def of(cls, given: Any) -> Config:
        """The configuration from what is in an image.

        Raises:
            BadImage: if it has no meaning.
        """
        if not isinstance(given, dict):
            raise BadImage("has a configuration that is no object")
        variables, folder = given.get("Env") or [], given.get("WorkingDir") or "/"
        volumes = given.get("Volumes") or {}
        if not isinstance(variables, list) or not all(isinstance(one, str) and "\0" not in one for one in variables):
            raise BadImage("has an `Env` that is no list of texts")
        if not isinstance(folder, str) or not folder.startswith("/") or "\0" in folder:
            raise BadImage("has a `WorkingDir` that is no path")
        if not isinstance(volumes, dict) or len(volumes) > _MOST_VOLUMES:
            raise BadImage(f"has `Volumes` that are no object of up to {_MOST_VOLUMES}")
        pairs = (one.partition("=") for one in variables)
        environment = {name: value for name, mark, value in pairs if name and mark}
        return cls(environment, _user(given.get("User")), folder, tuple(sorted({_volume(one) for one in volumes})))


@dataclass(frozen=True, slots=True)
class Image:
    """An image, ready to be the root of activities.

    Attributes:
        sha3: the SHA3-224 of the file; for a folder the hash that it was named by.
        size: bytes of the file, or of all files of a folder.
        root: where its files are.
        config: what it says.
        whole: whether it is all there is; otherwise it lies over the view of this machine.
    """

    sha3: str
    size: int
    root: Path
    config: Config
    whole: bool

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of its commands."""
        return self.config.environment

    @property
    def user(self) -> tuple[int, int]:
        """Who its commands are inside."""
        return self.config.user

    @property
    def folder(self) -> str:
        """Where its commands begin."""
        return self.config.folder


def read_config(file: BinaryIO) -> tuple[Config, int]:
    """The configuration of an image, and how many bytes of the file are the squashfs.

    Raises:
        BadImage: if it is none.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise BadImage("is no image: it does not begin as a squashfs does")
    if size < len(MAGIC) + _CHECKSUM + _LENGTH:
        raise BadImage("is no image: it ends too early")
    file.seek(-_LENGTH, os.SEEK_END)
    digits = file.read(_LENGTH)
    if not (digits.isascii() and digits.isdigit()):
        raise BadImage("has no configuration at its end: it is a squashfs, but no image for Golem")
    length = int(digits)
    squashfs = size - _LENGTH - length - _CHECKSUM
    if length > _LONGEST_JSON or squashfs < len(MAGIC):
        raise BadImage(f"says that its configuration has {length} bytes, which cannot be")
    file.seek(squashfs)
    checksum, text = file.read(_CHECKSUM), file.read(length)
    if zlib.crc32(text) != int.from_bytes(checksum, "little"):
        raise BadImage("is damaged: the checksum of its configuration is another one")
    try:
        return Config.of(json.loads(text)), squashfs
    except (ValueError, RecursionError):
        raise BadImage("has a configuration that is no JSON") from None


def _user(given: Any) -> tuple[int, int]:
    if not given:
        return 0, 0
    parts = given.split(":") if isinstance(given, str) else []
    if len(parts) not in (1, 2) or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadImage(f"has a `User` that is not written in numbers: {str(given)[:64]!r}")
    user, group = int(parts[0]), int(parts[1]) if len(parts) == 2 else 0
    if max(user, group) > _MOST_USERS:
        raise BadImage(f"has a `User` beyond all numbers: {given[:64]!r}")
    return user, group


def _volume(given: str) -> str:
    names = [name for name in given.split("/") if name not in ("", ".")]
    path = "/" + "/".join(names)
    known = given.startswith("/") and names and len(names) <= _DEEPEST and ".." not in names and "\0" not in given
    if not known or any(path == other or path.startswith(f"{other}/") for other in _NOT_VOLUMES):
        raise BadImage(f"has a volume that cannot be one: {given[:64]!r}")
    return path
