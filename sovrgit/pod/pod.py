"""The pod: a folder with its repository. Finds and makes it, and holds the parts together."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sovrgit.errors import IntegrityFailure, NotAPod, NotFetched, ObjectMissing, PodExists, Unsupported
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.config import Config
from sovrgit.pod.lock import locked
from sovrgit.pod.paths import REPOSITORY
from sovrgit.pod.reading import unreadable
from sovrgit.pod.refs import RefStore
from sovrgit.pod.shallow import read_shallow
from sovrgit.pod.sparse import SPARSE_FILE
from sovrgit.store.files import reporting, write_atomic

if TYPE_CHECKING:
    from sovrgit.objects.signature import Record, Signer
    from sovrgit.store.store import ObjectStore

_FOLDERS = {"packs", "tmp", "remotes"}

Supply: TypeAlias = Callable[[Collection[ObjectId]], None]
"""Brings objects here, or raises what is in the way."""

_NAMED = 3
"""Objects that an error names."""

_FORMAT_NAME = b"sovr pod "
_FORMAT = _FORMAT_NAME + b"1\n"
_UNFINISHED = b"sovr clone\n"
"""Stands in the place of the format while a clone is made: what is there was not checked yet."""
_UNFINISHED_HINT = "a clone was interrupted here; the same `sovr clone` goes on with it, or remove the folder"


class Pod:
    """A working folder and its repository under `.sovr/`.

    `find_signer` gives what signs the commits and records that are made here, or None. It is asked when one is made.

    Args:
        root: the folder that holds `.sovr`.
        unfinished: whether it may be a clone that was not finished.

    Raises:
        NotAPod: if it does not.
        Unsupported: if a newer version of sovr made it.
        IntegrityFailure, StorageFailure: if it cannot be told.
    """

    def __init__(self, root: Path, *, unfinished: bool = False) -> None:
        self.root = root
        self.folder = root / REPOSITORY
        try:
            written = (self.folder / "format").read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotAPod(path=root) from None
        except OSError as error:
            raise unreadable(error, os.fspath(self.folder / "format")) from error
        if written == _UNFINISHED and not unfinished:
            raise NotAPod(path=root, hint=_UNFINISHED_HINT)
        if not written.startswith(_FORMAT_NAME) and written != _UNFINISHED:
            raise IntegrityFailure(
                what=f"the pod at `{root}`", reason="its file `.sovr/format` is not what it should be"
            )
        if written not in (_FORMAT, _UNFINISHED):
            raise Unsupported(what=f"the pod at `{root}`", reason="it was made by a newer version of sovr")
        self.refs = RefStore(self.folder)
        self.config = Config(self.folder / "config")
        self.index_path = self.folder / "index"
        self.supply: Supply | None = None
        """Brings objects here that were left at a remote."""
        self.find_signer: Callable[[], Signer | None] = _nobody

    @classmethod
    def find(cls, start: Path) -> Pod:
        """The pod that `start` lies in.

        Raises:
            NotAPod: if it lies in none.
            StorageFailure: if that cannot be told.
        """
        folder = Path(os.path.abspath(start))
        for candidate in (folder, *folder.parents):
            path = candidate / REPOSITORY / "format"
            try:
                if stat.S_ISREG(path.stat().st_mode):
                    return cls(candidate)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise unreadable(error, os.fspath(path)) from error
        raise NotAPod(path=start)

    @classmethod
    def create(cls, root: Path, *, unfinished: bool = False) -> Pod:
        """Make an empty repository in a folder, which may hold files already.

        Args:
            unfinished: it does not count as a pod before `finish`.

        Raises:
            PodExists: if the folder is a pod, or holds what is left of one.
            StorageFull, ReadOnly, StorageFailure: nothing is left behind.
        """
        from sovrgit.store.store import ObjectStore

        folder = root / REPOSITORY
        if (folder / "format").exists():
            raise PodExists(path=root, reason="is a pod already", hint="go on working in it")
        with reporting(folder):
            made = [place for place in (root, *root.parents) if not place.exists()]
            root.mkdir(parents=True, exist_ok=True)
            _clear_unfinished(folder)
            try:
                folder.mkdir()
            except FileExistsError:
                raise PodExists(
                    path=folder,
                    reason="is there, but without the file `format` that makes it a pod",
                    hint="it may hold commits: keep it, and move it away before you make a new pod",
                ) from None
            try:
                ObjectStore.create(folder)
                (folder / "remotes").mkdir()
                RefStore(folder).create()
                # Last, because this is what makes the folder a pod.
                write_atomic(folder / "format", _UNFINISHED if unfinished else _FORMAT)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                for place in made:
                    with contextlib.suppress(OSError):
                        place.rmdir()
                raise
        return cls(root, unfinished=unfinished)

    @staticmethod
    def is_unfinished(root: Path) -> bool:
        """Whether a folder holds a clone that was interrupted."""
        try:
            return (root / REPOSITORY / "format").read_bytes() == _UNFINISHED
        except OSError:
            return False

    def finish(self) -> None:
        """Let a pod that was made unfinished count as one.

        Raises:
            StorageFull, ReadOnly, StorageFailure: as the operating system reports.
        """
        write_atomic(self.folder / "format", _FORMAT)

    @cached_property
    def store(self) -> ObjectStore:
        """The objects."""
        # Loading it costs as much as the rest of `status`, which often can do without.
        from sovrgit.store.store import ObjectStore

        store = ObjectStore(self.folder, self._bring)
        store.shallow = read_shallow(self.folder)
        return store

    def _bring(self, wanted: Collection[ObjectId]) -> None:
        if not self.is_partial:
            raise ObjectMissing(id=next(iter(wanted)))
        if self.supply is None:
            raise NotFetched(id=", ".join(item.short for item in islice(wanted, _NAMED)))
        self.supply(wanted)

    @property
    def is_partial(self) -> bool:
        """Whether content of this pod may have been left at a remote."""
        return (self.folder / SPARSE_FILE).exists()

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

    def sign(self, record: Record) -> Record:
        """A commit or record that is made here, signed if such are signed.

        Raises:
            SigningKeyMissing, ConfigInvalid, StorageFailure: if it is to be signed and cannot be.
        """
        from sovrgit.objects.signature import sign

        return sign(record, self.find_signer())

    def close(self) -> None:
        """Let go of all files."""
        if "store" in self.__dict__:
            self.store.close()

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _nobody() -> None:
    """Nobody signs."""


def _clear_unfinished(folder: Path) -> None:
    """Remove what is left of a pod whose making was interrupted: empty folders, and refs that name nothing."""
    try:
        names = set(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    files = names - _FOLDERS
    if any(os.listdir(folder / name) for name in names & _FOLDERS):
        return
    if all(name == "refs" or name.startswith(".new-") for name in files) and not _names_commits(folder, files):
        shutil.rmtree(folder)


def _names_commits(folder: Path, files: set[str]) -> bool:
    try:
        return "refs" in files and bool(RefStore(folder).read().values)
    except IntegrityFailure:
        return True
