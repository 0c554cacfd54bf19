"""The pod: a folder with its repository. Finds and makes it, and holds the parts together."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.errors import NotAPod, PodExists, Unsupported
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.config import Config
from sovrgit.pod.lock import locked
from sovrgit.pod.refs import RefStore
from sovrgit.pod.scan import REPOSITORY
from sovrgit.store.files import reporting, write_atomic

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

_FORMAT = b"sovr pod 1\n"


class Pod:
    """A working folder and its repository under `.sovr/`.

    Args:
        root: the folder that holds `.sovr`.

    Raises:
        NotAPod: if it does not.
        Unsupported: if a newer version of sovr made it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / REPOSITORY
        try:
            written = (self.folder / "format").read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotAPod(path=root) from None
        if written != _FORMAT:
            raise Unsupported(what=f"the pod at `{root}`", reason="it was made by a newer version of sovr")
        self.refs = RefStore(self.folder)
        self.config = Config(self.folder / "config")
        self.index_path = self.folder / "index"

    @classmethod
    def find(cls, start: Path) -> Pod:
        """The pod that `start` lies in.

        Raises:
            NotAPod: if it lies in none.
        """
        folder = Path(os.path.abspath(start))
        for candidate in (folder, *folder.parents):
            if (candidate / REPOSITORY / "format").is_file():
                return cls(candidate)
        raise NotAPod(path=start)

    @classmethod
    def create(cls, root: Path) -> Pod:
        """Make an empty repository in a folder, which may hold files already.

        Raises:
            PodExists: if the folder is a pod.
            StorageFull, ReadOnly, StorageFailure: nothing is left behind.
        """
        from sovrgit.store.store import ObjectStore

        folder = root / REPOSITORY
        if (folder / "format").exists():
            raise PodExists(path=root, reason="is a pod already", hint="go on working in it")
        with reporting(folder):
            root.mkdir(parents=True, exist_ok=True)
            folder.mkdir(exist_ok=True)
            try:
                ObjectStore.create(folder)
                (folder / "remotes").mkdir()
                RefStore(folder).create()
                # Last, because this is what makes the folder a pod.
                write_atomic(folder / "format", _FORMAT)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return cls(root)

    @cached_property
    def store(self) -> ObjectStore:
        """The objects."""
        # Loading it costs as much as the rest of `status`, which often can do without.
        from sovrgit.store.store import ObjectStore

        return ObjectStore(self.folder)

    @property
    def temporary(self) -> Path:
        """A folder for files in the making, on the pod's own file system."""
        return self.folder / "tmp"

    @contextlib.contextmanager
    def lock(self, *, patience: float | None = None) -> Iterator[None]:
        """Keep other processes from changing the pod for the length of a block.

        Raises:
            Locked: if another process is changing it and does not finish.
        """
        path = self.folder / "lock"
        with locked(path) if patience is None else locked(path, patience=patience):
            yield

    def head(self) -> ObjectId | None:
        """The commit that is checked out, None before the first one."""
        return self.refs.read().current()

    def head_tree(self) -> ObjectId:
        """The tree of the commit that is checked out; the empty tree before the first one."""
        head = self.head()
        return EMPTY_TREE_ID if head is None else self.store.commit(head).tree

    def close(self) -> None:
        """Let go of all files."""
        if "store" in self.__dict__:
            self.store.close()

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
