"""The objects of a Git repository: loose ones and packs. Alternates, grafts and replacements are not followed."""

from __future__ import annotations

import mmap
import os
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from hashlib import sha1
from pathlib import Path

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange.ids import KINDS_BY_LABEL, GitId, GitKind, git_id
from sovrgit.gitexchange.inflate import STREAM_FROM, inflate, inflate_stream
from sovrgit.gitexchange.packs import Pack, Walked
from sovrgit.store.files import reporting

_LOOSE_HEADER = re.compile(rb"(commit|tree|blob|tag) (0|[1-9]\d{0,18})\0")
_MAX_LOOSE_HEADER = 32
_READ_FOR_HEADER = 4096
_PACK_NAME = re.compile(r"pack-[0-9a-f]+\.pack")


class GitObjects:
    """Objects by id. Every one is verified by its hash before it is returned.

    Args:
        folder: `objects` of a repository.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs: list[Pack] = []
        self._loose_folders: set[str] = set()
        self.reopen()

    def reopen(self) -> None:
        """Look again which packs there are."""
        self.close()
        packs = self._folder / "pack"
        with reporting(packs):
            self._loose_folders = {name for name in os.listdir(self._folder) if len(name) == 2}
            names = sorted(os.listdir(packs)) if packs.is_dir() else []
        for name in names:
            # A pack without an index is still being written, or what a crash has left.
            if _PACK_NAME.fullmatch(name) and (packs / name).with_suffix(".idx").exists():
                self._packs.append(Pack(packs / name))

    def close(self) -> None:
        """Let go of all files."""
        for pack in self._packs:
            pack.close()
        self._packs.clear()

    def __contains__(self, identity: GitId) -> bool:
        """Whether an object is here; one that has become loose since the repository was opened may not be seen."""
        if any(pack.offset(identity) is not None for pack in self._packs):
            return True
        name = identity.hex()
        return name[:2] in self._loose_folders and os.path.isfile(f"{self._folder}/{name[:2]}/{name[2:]}")

    def read(self, identity: GitId, kind: GitKind) -> bytes:
        """An object of a kind.

        Raises:
            GitDamaged: if it is not here, of another kind, or not what it should be.
        """
        found, data = self._read(identity)
        if found is not kind:
            raise self._damaged(identity, f"it is a {found.label.decode()} and should be a {kind.label.decode()}")
        return data

    def kind(self, identity: GitId) -> GitKind:
        """The kind of an object.

        Raises:
            GitDamaged: if it is not here.
        """
        for pack in self._packs:
            offset = pack.offset(identity)
            if offset is not None:
                return pack.kind_and_size(offset)[0]
        return self._loose(identity)[0]

    def blob(self, identity: GitId) -> bytes | Iterator[bytes]:
        """A file: its bytes, or if it is large its pieces.

        Raises:
            GitDamaged: if it is not here, of another kind, or not what it should be; of a large one at its end.
        """
        for pack in self._packs:
            offset = pack.offset(identity)
            if offset is not None:
                kind, size = pack.kind_and_size(offset)
                if kind is GitKind.BLOB and size is not None and size >= STREAM_FROM:
                    return self._verified(identity, size, pack.stream(offset))
                return self.read(identity, GitKind.BLOB)
        kind, size, view, start = self._loose(identity)
        if kind is GitKind.BLOB and size >= STREAM_FROM:
            return self._verified(identity, size, inflate_stream(view, 0, start + size, self._reason(identity)), start)
        return self.read(identity, GitKind.BLOB)

    def count(self) -> int:
        """The number of objects in packs."""
        return sum(map(len, self._packs))

    def walk(
        self, kinds: Collection[GitKind], wanted: Collection[GitId] | None = None
    ) -> Iterator[tuple[GitId, GitKind, bytes | Iterator[bytes]]]:
        """All objects of some kinds that are in packs, in the order that is read fastest; or those that are wanted,
        and then the loose ones, too. One that lies in two packs comes twice.

        Raises:
            GitDamaged: at the first that is not what it should be, or is not here.
        """
        missing = set() if wanted is None else set(wanted)
        for pack in self._packs:
            for item in pack.walk(kinds, None if wanted is None else missing):
                yield item.id, item.kind, self._content(pack, item)
                missing.discard(item.id)
        for identity in missing:
            kind = self.kind(identity)
            if kind not in kinds:
                raise self._damaged(identity, f"it is a {kind.label.decode()}")
            yield identity, kind, self.blob(identity) if kind is GitKind.BLOB else self.read(identity, kind)

    def _content(self, pack: Pack, item: Walked) -> bytes | Iterator[bytes]:
        if item.data is not None:
            return item.data
        if item.kind is not GitKind.BLOB:
            return self.read(item.id, item.kind)
        return self._verified(item.id, item.size, pack.stream(item.offset))

    def _read(self, identity: GitId) -> tuple[GitKind, bytes]:
        for pack in self._packs:
            offset = pack.offset(identity)
            if offset is not None:
                kind, data = pack.read(offset)
                break
        else:
            kind, size, view, start = self._loose(identity)
            data = inflate(view, 0, start + size, self._reason(identity))[start:]
        if git_id(kind, data) != identity:
            raise self._damaged(identity, "its content has another hash")
        return kind, data

    def _loose(self, identity: GitId) -> tuple[GitKind, int, memoryview, int]:
        """Kind, size, deflated bytes, and the length of the header in the inflated ones."""
        path = self._loose_path(identity)
        try:
            with reporting(path), path.open("rb") as file:
                is_large = os.fstat(file.fileno()).st_size >= STREAM_FROM
                deflated = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if is_large else file.read()
            header = zlib.decompressobj().decompress(memoryview(deflated)[:_READ_FOR_HEADER], _MAX_LOOSE_HEADER)
        except zlib.error:
            raise self._damaged(identity, "it cannot be inflated") from None
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise self._missing(identity) from None
            raise
        found = _LOOSE_HEADER.match(header)
        if found is None:
            raise self._damaged(identity, "it does not begin like an object")
        return KINDS_BY_LABEL[found[1]], int(found[2]), memoryview(deflated), found.end()

    def _verified(self, identity: GitId, size: int, pieces: Iterator[bytes], skip: int = 0) -> Iterator[bytes]:
        digest = sha1(b"blob %d\0" % size, usedforsecurity=False)
        for piece in pieces:
            piece, skip = piece[skip:], max(0, skip - len(piece))
            digest.update(piece)
            yield piece
        if digest.digest() != identity:
            raise self._damaged(identity, "its content has another hash")

    def _loose_path(self, identity: GitId) -> Path:
        name = identity.hex()
        return self._folder / name[:2] / name[2:]

    def _reason(self, identity: GitId) -> Callable[[str], Exception]:
        return lambda reason: self._damaged(identity, reason)

    def _damaged(self, identity: GitId, reason: str) -> GitDamaged:
        return GitDamaged(what=f"the object {identity.hex()}", reason=reason)

    def _missing(self, identity: GitId) -> GitDamaged:
        hint = None
        if (self._folder / "info" / "alternates").exists():
            hint = "objects of other repositories are not followed: `git repack -a -d` there brings them in"
        elif (self._folder.parent / "shallow").exists():
            hint = "the repository is shallow: `git fetch --unshallow` there gets the rest"
        elif any(self._folder.glob("pack/*.promisor")):
            hint = "the repository is a partial clone: `git fetch --refetch --no-filter` there gets the rest"
        return GitDamaged(what=f"the object {identity.hex()}", reason="it is missing", hint=hint)
