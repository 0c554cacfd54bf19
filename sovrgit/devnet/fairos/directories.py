"""The directories of a pod, as one session knows them: a list of names that is read once and written back whole.

Nothing is locked and nothing is compared before it is written, so that two sessions lose each other's names, as they do
with FairOS.
"""

from __future__ import annotations

from sovrgit.devnet.fairos.causes import (
    BAD_DIRECTORY_NAME,
    BAD_ENTRY_NAME,
    DELETED_FEED,
    DELETED_RESOURCE,
    DIRECTORY_EXISTS,
    DIRECTORY_NAME_TOO_LONG,
    NO_SUCH_DIRECTORY,
    Cause,
    Panic,
)
from sovrgit.devnet.fairos.files import SMALLEST_BLOCK, Files
from sovrgit.devnet.fairos.metadata import DIRECTORY_MODE, Inode
from sovrgit.devnet.fairos.paths import INDEX, ROOT, base, joined, parent

FILE = "_F_"
DIRECTORY = "_D_"
LONGEST_NAME = 100
"""Bytes of the name of a directory."""


class Directories:
    """The directories of one pod in one session."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, Inode] = {}

    def inode(self, path: str) -> Inode:
        """A directory, from the cache if it was seen before.

        Raises:
            Cause: if it is not there.
            Panic: if a file has this path.
        """
        known = self._known.get(path)
        if known is not None:
            return known
        try:
            data = self._files.read(joined(path, INDEX))
        except Cause:
            raise self._no_inode(path) from None
        inode = Inode.parse(data)
        self._known[path] = inode
        return inode

    def _no_inode(self, path: str) -> Exception:
        """What the server meets when it looks for a directory in the way of its first version, at the path itself."""
        try:
            self._files.fresh(path)
        except Cause as cause:
            return Cause(DELETED_RESOURCE if cause.message == DELETED_FEED else NO_SUCH_DIRECTORY)
        return Panic("a file's metadata is no directory")

    def present(self, path: str) -> bool:
        """Whether there is such a directory."""
        try:
            self.inode(path)
        except Cause:
            return False
        return True

    def names(self, path: str, kind: str) -> list[str]:
        """The names of one kind in a directory.

        Raises:
            Cause: if it is not there.
        """
        return [name.removeprefix(kind) for name in self.inode(path).names if name.startswith(kind)]

    def listed(self, path: str) -> tuple[list[Inode], list[str]]:
        """The directories in a directory, without those that cannot be found, and the paths of its files.

        Raises:
            Cause: if it is not there.
        """
        directories = []
        for name in self.names(path, DIRECTORY):
            try:
                directories.append(self.inode(joined(path, name)))
            except Cause:
                continue
        return directories, [joined(path, name) for name in self.names(path, FILE)]

    def refresh(self, path: str = ROOT) -> None:
        """Look up again the files of all directories that are in the cached listings."""
        try:
            inode = self.inode(path)
        except Cause:
            # A pod without a root is taken for an empty one.
            return
        for name in inode.names:
            if name.startswith(FILE):
                self._files.refresh(joined(path, name.removeprefix(FILE)))
            elif name.startswith(DIRECTORY):
                self.refresh(joined(path, name.removeprefix(DIRECTORY)))

    def forget(self) -> None:
        """Empty the cache."""
        self._known = {}

    # --- changing -----------------------------------------------------------------------------------------------

    def make_root(self) -> None:
        """Make the first directory of a new pod."""
        now = self._files.now()
        self._write(Inode("", ROOT, now, now, now))

    def make(self, path: str) -> None:
        """Make a directory in one that is there.

        Raises:
            Cause: if the name is bad or taken, or there is no such place.
        """
        above, name = parent(path), base(path)
        if not name or name.startswith(ROOT):
            raise Cause(BAD_DIRECTORY_NAME)
        if len(name.encode()) > LONGEST_NAME:
            raise Cause(DIRECTORY_NAME_TOO_LONG)
        if not self.present(above):
            raise Cause(NO_SUCH_DIRECTORY)
        if self.present(joined(above, name)):
            raise Cause(DIRECTORY_EXISTS)
        now = self._files.now()
        self._write(Inode(above, name, now, now, now, DIRECTORY_MODE))
        self.add(above, name, DIRECTORY)

    def add(self, path: str, name: str, kind: str) -> None:
        """Write a name into the list of a directory.

        Raises:
            Cause: if it is not there, or the pod is another's.
        """
        if not path:
            raise Cause(BAD_DIRECTORY_NAME)
        if not name:
            raise Cause(BAD_ENTRY_NAME)
        inode = self._to_change(path)
        inode.names = [*inode.names, kind + name]
        inode.modified = self._files.now()
        self._write(inode)

    def drop(self, path: str, name: str, kind: str) -> None:
        """Take a name out of the list of a directory.

        Raises:
            Cause: if it is not there, or the pod is another's.
        """
        if not path:
            raise Cause(BAD_DIRECTORY_NAME)
        if not name:
            raise Cause(BAD_ENTRY_NAME)
        inode = self._to_change(path)
        inode.names = [known for known in inode.names if known != kind + name]
        inode.modified = self._files.now()
        self._write(inode)

    def remove(self, path: str) -> None:
        """Remove a directory and all that its listing names.

        Raises:
            Cause: if it, or something in it, is not there.
        """
        if not path or parent(path) == "." or base(path) == ".":
            raise Cause(BAD_DIRECTORY_NAME)
        whole = ROOT if parent(path) == ROOT and base(path) == ROOT else joined(parent(path), base(path))
        self._empty(self._to_change(whole), path)
        self._remove_inode(path)

    def remove_root(self) -> None:
        """Remove everything that the listings of a pod name.

        Raises:
            Cause: if something is not there.
        """
        root = self._known.get(ROOT)
        if root is None:
            raise Cause(NO_SUCH_DIRECTORY)
        self._empty(root, ROOT)
        self._remove_inode(ROOT)

    def _empty(self, inode: Inode, path: str) -> None:
        for entry in inode.names:
            if entry.startswith(FILE):
                name = entry.removeprefix(FILE)
                self._files.remove(joined(path, name))
                self.drop(path, name, FILE)
            elif entry.startswith(DIRECTORY):
                self.remove(joined(path, entry.removeprefix(DIRECTORY)))

    def _remove_inode(self, path: str) -> None:
        above, name = parent(path), base(path)
        whole = ROOT if above == ROOT and name == ROOT else joined(above, name)
        self._files.remove(joined(whole, INDEX))
        self._known.pop(whole, None)
        if above and not (above == ROOT and whole == ROOT):
            # The list that is changed is that of the directory above the parent: a mistake of the server.
            self.drop(parent(above), base(whole), DIRECTORY)

    def _to_change(self, path: str) -> Inode:
        try:
            return self.inode(path)
        except Cause:
            raise Cause(NO_SUCH_DIRECTORY) from None

    def _write(self, inode: Inode) -> None:
        path = joined(inode.path, inode.name)
        self._files.upload(inode.encode(), path, INDEX, SMALLEST_BLOCK, "gzip")
        self._known[path] = inode
