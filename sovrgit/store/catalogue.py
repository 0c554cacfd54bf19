"""The catalogue: which pack holds which object, and where.

A cache in one SQLite file. It is brought up to date from the packs whenever the two differ, and rebuilt if it is
damaged; deleting it loses nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId
from sovrgit.store.format import Codec, PackClass, Toc

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE packs (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
                    class INTEGER NOT NULL, objects INTEGER NOT NULL);
CREATE TABLE objects (id BLOB NOT NULL, pack INTEGER NOT NULL, kind INTEGER NOT NULL, codec INTEGER NOT NULL,
                      depth INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL, size INTEGER NOT NULL,
                      PRIMARY KEY (id, pack)) WITHOUT ROWID;
"""
_LOOKUP = (
    "SELECT kind, codec, depth, offset, stored, objects.size, packs.id FROM objects JOIN packs ON pack = number "
    "WHERE objects.id = ?"
)


class Location(NamedTuple):
    """Where an object is. `size` is the object's own, in bytes; `stored` that of its payload in the pack."""

    kind: Kind
    codec: Codec
    depth: int
    offset: int
    stored: int
    size: int
    pack: ObjectId


class PackInfo(NamedTuple):
    """A pack that the catalogue covers."""

    id: ObjectId
    size: int
    kind: PackClass
    objects: int


class Catalogue:
    """Look-ups by id. Opened read-write where possible, else in memory (a read-only pod works, only slower)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = self._open()
        self.is_empty = not self._database.execute("SELECT EXISTS (SELECT 1 FROM objects)").fetchone()[0]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def reset(self) -> None:
        """Forget everything."""
        self._database.close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}{suffix}")
        self._database = self._open()
        self.is_empty = True

    def find(self, wanted: ObjectId) -> list[Location]:
        """All places of an object; none if it is not here."""
        return [
            Location(Kind(kind), Codec(codec), depth, offset, stored, size, ObjectId(pack))
            for kind, codec, depth, offset, stored, size, pack in self._database.execute(_LOOKUP, (wanted,))
        ]

    def has(self, wanted: bytes) -> bool:
        """Whether an object is here."""
        query = "SELECT 1 FROM objects WHERE id = ? LIMIT 1"
        return not self.is_empty and self._database.execute(query, (wanted,)).fetchone() is not None

    def starting_with(self, prefix: str, limit: int) -> list[tuple[ObjectId, Kind]]:
        """Up to `limit` objects whose hexadecimal id begins with `prefix`, with their kinds."""
        low = bytes.fromhex(prefix.ljust(2 * ID_SIZE, "0"))
        high = bytes.fromhex(prefix.ljust(2 * ID_SIZE, "f"))
        rows = self._database.execute(
            "SELECT DISTINCT id, kind FROM objects WHERE id BETWEEN ? AND ? LIMIT ?", (low, high, limit)
        )
        return [(ObjectId(digest), Kind(kind)) for digest, kind in rows]

    def packs(self) -> list[PackInfo]:
        """The packs that are covered."""
        rows = self._database.execute("SELECT id, size, class, objects FROM packs ORDER BY number")
        return [PackInfo(ObjectId(pack), size, PackClass(kind), count) for pack, size, kind, count in rows]

    def contents(self, pack: ObjectId) -> Iterator[tuple[ObjectId, Location]]:
        """Everything that the catalogue finds in a pack, in the pack's order."""
        rows = self._database.execute(
            "SELECT objects.id, kind, codec, depth, offset, stored, objects.size FROM objects "
            "JOIN packs ON pack = number WHERE packs.id = ? ORDER BY offset",
            (pack,),
        )
        for digest, kind, codec, depth, offset, stored, size in rows:
            yield ObjectId(digest), Location(Kind(kind), Codec(codec), depth, offset, stored, size, pack)

    def counts(self) -> dict[Kind, int]:
        """The number of objects of each kind, copies counted once."""
        rows = self._database.execute("SELECT kind, COUNT(DISTINCT id) FROM objects GROUP BY kind")
        return {Kind(kind): count for kind, count in rows}

    def add(self, packs: Iterable[tuple[PackInfo, Toc]]) -> None:
        """Cover more packs, all or none."""
        with self._transaction() as database:
            for info, toc in packs:
                if database.execute("SELECT 1 FROM packs WHERE id = ?", (info.id,)).fetchone():
                    continue
                number = database.execute(
                    "INSERT INTO packs (id, size, class, objects) VALUES (?, ?, ?, ?)",
                    (info.id, info.size, info.kind, info.objects),
                ).lastrowid
                # In the order of the key, so that the tree's pages are filled one after the other.
                rows = sorted(toc.rows())
                database.executemany(
                    f"INSERT OR IGNORE INTO objects (pack, id, kind, codec, depth, offset, stored, size) "
                    f"VALUES ({number}, ?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
                self.is_empty = self.is_empty and not rows

    def drop(self, packs: Iterable[ObjectId]) -> None:
        """Forget packs that are gone."""
        with self._transaction() as database:
            for pack in packs:
                database.execute("DELETE FROM objects WHERE pack = (SELECT number FROM packs WHERE id = ?)", (pack,))
                database.execute("DELETE FROM packs WHERE id = ?", (pack,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        for attempt in (self._open_file, self._recreate):
            try:
                return attempt()
            except sqlite3.DatabaseError:
                continue
        # Read-only folder, or a file system SQLite cannot lock on: everything is derived, so memory will do.
        return self._prepare(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

    def _open_file(self) -> sqlite3.Connection:
        return self._prepare(sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30))

    def _recreate(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}{suffix}")
        return self._open_file()

    def _prepare(self, database: sqlite3.Connection) -> sqlite3.Connection:
        try:
            # Losing the last transactions in a power cut is fine: the packs are compared at every start.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA cache_size = -32768")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != _SCHEMA_VERSION:
                if version:
                    raise sqlite3.DatabaseError("written by another version")
                database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
        except BaseException:
            database.close()
            raise
        return database
