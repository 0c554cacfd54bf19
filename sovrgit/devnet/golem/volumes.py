"""The volumes of an activity: files go in and out by their paths inside, and no link leads out of them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from sovrgit.devnet.golem.gvmi import VOLUMES

_DEEPEST = 64


class NotInContainer(Exception):
    """There is no such file in a volume, or it is not a plain one."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Transfer error: IO error: path not found in container: {path}")


class Volumes:
    """Folders of this machine that are volumes inside.

    Attributes:
        folders: the folders by their paths inside.
    """

    def __init__(self, folder: Path, owner: int | None, paths: Sequence[str] = VOLUMES) -> None:
        """Make them below a folder.

        Args:
            owner: the user that commands run as, None for the one of this process.
            paths: where they are inside.
        """
        self._owner = owner
        self.folders: dict[str, Path] = {}
        for number, inside in enumerate(paths):
            place = folder / f"vol-{number}"
            place.mkdir(parents=True)
            if owner is not None:
                os.chown(place, owner, owner)
            self.folders[inside] = place

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[BinaryIO]:
        """A file to be read.

        Raises:
            NotInContainer: if there is none.
        """
        with self._parent(path, make=False) as (folder, name):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except OSError:
                raise NotInContainer(path) from None
        with _plain(descriptor, "rb", path) as file:
            yield file

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """A file to be written; folders on the way are made.

        Raises:
            NotInContainer: if it is not in a volume, or in the place of something else.
        """
        with self._parent(path, make=True) as (folder, name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            try:
                descriptor = os.open(name, flags, 0o644, dir_fd=folder)
            except OSError:
                raise NotInContainer(path) from None
        with _plain(descriptor, "wb", path) as file:
            if self._owner is not None:
                os.fchown(file.fileno(), self._owner, self._owner)
            yield file

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """The folder of a file, opened name by name so that no link is followed, and the name in it."""
        root, names = self._split(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(root, flags)
        try:
            for name in names[:-1]:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=folder)
                        if self._owner is not None:
                            os.chown(name, self._owner, self._owner, dir_fd=folder, follow_symlinks=False)
                inner = os.open(name, flags, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder, names[-1]
        except OSError:
            raise NotInContainer(path) from None
        finally:
            os.close(folder)

    def _split(self, path: str) -> tuple[Path, list[str]]:
        names = [name for name in path.split("/") if name not in ("", ".")]
        if path.startswith("/") and len(names) <= _DEEPEST and ".." not in names and "\0" not in path:
            # The innermost one: a volume may be within another.
            for length in range(len(names) - 1, 0, -1):
                found = self.folders.get("/" + "/".join(names[:length]))
                if found is not None:
                    return found, names[length:]
        raise NotInContainer(path)


@contextlib.contextmanager
def _plain(descriptor: int, mode: str, path: str) -> Iterator[BinaryIO]:
    """An opened file, if it is a plain one: a pipe or a device might never end."""
    with os.fdopen(descriptor, mode) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotInContainer(path)
        yield file  # type: ignore[misc] # a binary mode gives a binary file
