"""Which of our objects is which of Git's. A cache: without it, both are read and hashed again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgpack

from sovrgit.gitexchange.ids import GitId
from sovrgit.gitexchange.oddities import NONE, Oddities, Oddity
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.paths import GIT_CACHE

PLAIN = 0
"""The form of a commit whose large files are files. Other forms are the bytes from which they are pointers."""

_VERSION = 1
_SCHEMA = """
CREATE TABLE contents (git BLOB PRIMARY KEY, ours BLOB NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX contents_by_ours ON contents (ours);
CREATE TABLE history (git BLOB NOT NULL, ours BLOB NOT NULL, form INTEGER NOT NULL, odd BLOB,
                      PRIMARY KEY (ours, form)) WITHOUT ROWID;
CREATE INDEX history_by_git ON history (git);
CREATE TABLE pointers (ours BLOB PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """A file or folder of ours, with its size in bytes."""

    id: ObjectId
    size: int


class Cache:
    """The pairs that are known. What is added is remembered by `save`, which the objects must have preceded.

    A file that is damaged, or of another version, is made anew; without one that can be written, memory serves.

    Args:
        folder: the pod's repository.
        exists: whether one of our objects is there: what was collected as garbage is forgotten.
    """

    def __init__(self, folder: Path, exists: Callable[[ObjectId], bool]) -> None:
        self._exists = exists
        self._contents: dict[GitId, Known] = {}
        self._ours: dict[ObjectId, GitId] = {}
        self._history: dict[tuple[ObjectId, int], tuple[GitId, Oddities]] = {}
        self._commits: dict[GitId, ObjectId] = {}
        self._pointers: dict[ObjectId, str] = {}
        self._new: list[tuple[GitId, ObjectId, int]] = []
        self._path = folder / GIT_CACHE
        self._connection = _open(self._path)
        self.is_empty = self._one("SELECT 1 FROM history LIMIT 1") is None
        self._has_contents = self._one("SELECT 1 FROM contents LIMIT 1") is not None

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    # --- files and folders --------------------------------------------------------------------------------------

    def content(self, git: GitId) -> Known | None:
        """What one of Git's blobs and plain trees is here."""
        known = self._contents.get(git)
        if known is None and self._has_contents:
            row = self._one("SELECT ours, size FROM contents WHERE git = ?", git)
            if row is not None and self._exists(ObjectId(row[0])):
                known = self._contents[git] = Known(ObjectId(row[0]), row[1])
        return known

    def git_content(self, ours: ObjectId) -> GitId | None:
        """What one of our files and folders is in Git, if nothing in it is odd."""
        known = self._ours.get(ours)
        if known is None and self._has_contents:
            row = self._one("SELECT git FROM contents WHERE ours = ?", ours)
            if row is not None:
                known = self._ours[ours] = row[0]
        return known

    def add_content(self, git: GitId, ours: ObjectId, size: int) -> Known:
        """Remember a pair."""
        known = self._contents[git] = Known(ours, size)
        self._ours[ours] = git
        self._new.append((git, ours, size))
        return known

    # --- commits and tags ---------------------------------------------------------------------------------------

    def ours(self, git: GitId) -> ObjectId | None:
        """What one of Git's commits or tags is here."""
        known = self._commits.get(git)
        if known is None and not self.is_empty:
            row = self._one("SELECT ours FROM history WHERE git = ?", git)
            if row is not None and self._exists(ObjectId(row[0])):
                known = self._commits[git] = ObjectId(row[0])
        return known

    def git(self, ours: ObjectId, form: int) -> tuple[GitId, Oddities] | None:
        """What one of our commits or tags is in Git, and what is odd in its tree."""
        known = self._history.get((ours, form))
        if known is None and not self.is_empty:
            row = self._one("SELECT git, odd FROM history WHERE ours = ? AND form = ?", ours, form)
            if row is not None:
                known = self._history[ours, form] = row[0], _unpacked(row[1])
        return known

    def add(self, git: GitId, ours: ObjectId, form: int, oddities: Oddities = NONE) -> None:
        """Remember a pair."""
        self._history[ours, form] = git, oddities
        self._commits[git] = ours

    def oddities(self, ours: ObjectId) -> Oddities:
        """What is odd in the tree of a commit that is known in any form."""
        known = self._history.get((ours, PLAIN))
        if known is not None:
            return known[1]
        row = self._one("SELECT odd FROM history WHERE ours = ? LIMIT 1", ours)
        return NONE if row is None else _unpacked(row[0])

    # --- large files --------------------------------------------------------------------------------------------

    def pointer(self, ours: ObjectId) -> str | None:
        """The SHA-256 by which LFS knows one of our files."""
        digest = self._pointers.get(ours)
        if digest is None:
            row = self._one("SELECT digest FROM pointers WHERE ours = ?", ours)
            digest = None if row is None else str(row[0])
        return digest

    def add_pointer(self, ours: ObjectId, digest: str) -> None:
        """Remember a pair."""
        self._pointers[ours] = digest

    def save(self) -> None:
        """Write down what was added."""
        history = [(git, ours, form, _packed(odd)) for (ours, form), (git, odd) in self._history.items()]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert("contents (git, ours, size)", self._new)
            self._insert("history (git, ours, form, odd)", history)
            self._insert("pointers (ours, digest)", self._pointers.items())
            self._connection.execute("COMMIT")
            self._new.clear()
        except sqlite3.OperationalError:
            # That it cannot be written costs time later, and nothing else.
            pass
        except sqlite3.DatabaseError:
            # It is damaged: the next one begins with a new one.
            self._path.unlink(missing_ok=True)

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * (table.count(",") + 1))
        self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.DatabaseError:
            # What a damaged cache does not tell is found out anew.
            return None
        return row


def _packed(oddities: Oddities) -> bytes | None:
    if not oddities:
        return None
    data: bytes = msgpack.packb([[path, *oddity] for path, oddity in oddities.items()])
    return data


def _unpacked(data: bytes | None) -> Oddities:
    return NONE if data is None else {path: Oddity(mode, link) for path, mode, link in msgpack.unpackb(data)}


def _open(path: Path) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return _prepared(sqlite3.connect(path, isolation_level=None))
        except sqlite3.OperationalError:
            break
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                os.unlink(path)
    return _prepared(sqlite3.connect(":memory:", isolation_level=None))


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("written by another version")
        if not version:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        # A power cut may take the whole file with it, which is a cache.
        connection.execute("PRAGMA synchronous = OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
