"""The catalogue: which pack holds which object, and where.

A cache in one SQLite file. It is brought up to date from the packs whenever the two differ, and rebuilt if it is
damaged; deleting it loses nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId
from sovrgit.store.format import Codec, PackClass, Toc

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
                    class INTEGER NOT NULL, objects INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS objects (id BLOB NOT NULL, pack INTEGER NOT NULL, kind INTEGER NOT NULL,
                      codec INTEGER NOT NULL, depth INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
                      size INTEGER NOT NULL, PRIMARY KEY (id, pack)) WITHOUT ROWID;
"""
_LOOKUP = (
    "SELECT kind, codec, depth, offset, stored, objects.size, packs.id FROM objects JOIN packs ON pack = number "
    "WHERE objects.id = ?"
)
_LOOKUP_ALL = (
    "SELECT objects.id, kind, codec, depth, offset, stored, objects.size, packs.id "
    "FROM objects JOIN packs ON pack = number"
)
_BATCH = 500
"""Ids in one question: below the limit of 999 values that older builds of SQLite have."""

_PATIENCE = 30.0
"""Seconds to wait for another process that writes to the file."""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT}
"""What SQLite reports of a file that is no catalogue. Anything else means that it is in use, or the disk is full."""

Answer = TypeVar("Answer")


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
    """Look-ups by id. Opened read-write where possible, else in memory (a read-only pod works, only slower).

    Args:
        path: the file.
        refill: adds all packs; called when the file turns out to be damaged and an empty one has taken its place.
    """

    def __init__(self, path: Path, refill: Callable[[], None]) -> None:
        self._path = path
        self._refill = refill
        self._replaced = False
        self._process = os.getpid()
        self.is_empty = True
        self._database = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def reset(self) -> None:
        """Forget everything."""
        # Not by removing the file: other processes may have it open, and SQLite finds its log by name.
        self._change(_forget)
        self.is_empty = True

    def find(self, wanted: ObjectId) -> list[Location]:
        """All places of an object; none if it is not here."""
        return self._ask(_location, _LOOKUP, wanted)

    def find_many(self, wanted: Iterable[ObjectId]) -> dict[ObjectId, Location]:
        """One place of each object that is here. Asked in batches, because a single question costs mostly its locks."""
        found: dict[ObjectId, Location] = {}
        waiting = list(wanted)
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            marks = ", ".join("?" * len(batch))
            for identity, location in self._ask(_located, f"{_LOOKUP_ALL} WHERE objects.id IN ({marks})", *batch):
                found.setdefault(identity, location)
        return found

    def has(self, wanted: bytes) -> bool:
        """Whether an object is here."""
        return not self.is_empty and bool(self._ask(bool, "SELECT 1 FROM objects WHERE id = ? LIMIT 1", wanted))

    def all_ids(self, limit: int) -> set[bytes] | None:
        """The ids of all objects, or None if there are more than `limit`."""
        ids = self._ask(bytes, "SELECT DISTINCT id FROM objects LIMIT ?", limit + 1)
        return None if len(ids) > limit else set(ids)

    def starting_with(self, prefix: str, limit: int) -> list[tuple[ObjectId, Kind]]:
        """Up to `limit` objects whose hexadecimal id begins with `prefix`, with their kinds."""
        low = bytes.fromhex(prefix.ljust(2 * ID_SIZE, "0"))
        high = bytes.fromhex(prefix.ljust(2 * ID_SIZE, "f"))
        query = "SELECT DISTINCT id, kind FROM objects WHERE id BETWEEN ? AND ? LIMIT ?"
        return self._ask(lambda digest, kind: (ObjectId(digest), Kind(kind)), query, low, high, limit)

    def packs(self) -> list[PackInfo]:
        """The packs that are covered."""
        query = "SELECT id, size, class, objects FROM packs ORDER BY number"
        return self._ask(lambda pack, size, kind, count: PackInfo(ObjectId(pack), size, PackClass(kind), count), query)

    def chunked(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """The chunked objects of a pack, in the pack's order."""
        return self._ask(
            _located,
            f"{_LOOKUP_ALL} WHERE packs.id = ? AND codec = ? ORDER BY offset",
            pack,
            int(Codec.CHUNKS),
        )

    def contents(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """Everything that the catalogue finds in a pack, in the pack's order."""
        return self._ask(
            _located,
            f"{_LOOKUP_ALL} WHERE packs.id = ? ORDER BY offset",
            pack,
        )

    def of_kind(self, kind: Kind) -> list[ObjectId]:
        """The ids of all objects of a kind."""
        return self._ask(ObjectId, "SELECT DISTINCT id FROM objects WHERE kind = ?", int(kind))

    def counts(self) -> dict[Kind, int]:
        """The number of objects of each kind, copies counted once."""
        query = "SELECT kind, COUNT(DISTINCT id) FROM objects GROUP BY kind"
        return dict(self._ask(lambda kind, count: (Kind(kind), count), query))

    def add(self, packs: Iterable[tuple[PackInfo, Toc]]) -> None:
        """Cover more packs, all or none."""
        wanted = list(packs)
        self._change(lambda database: self._insert(database, wanted))

    def _insert(self, database: sqlite3.Connection, packs: list[tuple[PackInfo, Toc]]) -> None:
        rows: list[tuple[bytes, int, int, int, int, int, int, int]] = []
        for info, toc in packs:
            if database.execute("SELECT 1 FROM packs WHERE id = ?", (info.id,)).fetchone():
                continue
            number = database.execute(
                "INSERT INTO packs (id, size, class, objects) VALUES (?, ?, ?, ?)",
                (info.id, info.size, info.kind, info.objects),
            ).lastrowid
            assert number is not None
            rows += [(row[0], number, *row[1:]) for row in toc.rows()]
        # In the order of the key, so that the tree's pages are filled one after the other.
        rows.sort()
        database.executemany(
            "INSERT OR IGNORE INTO objects (id, pack, kind, codec, depth, offset, stored, size) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        self.is_empty = self.is_empty and not rows

    def drop(self, packs: Iterable[ObjectId]) -> None:
        """Forget packs that are gone."""
        wanted = [(pack,) for pack in packs]
        self._change(lambda database: self._delete(database, wanted))

    def _delete(self, database: sqlite3.Connection, packs: list[tuple[ObjectId]]) -> None:
        database.executemany("DELETE FROM objects WHERE pack = (SELECT number FROM packs WHERE id = ?)", packs)
        database.executemany("DELETE FROM packs WHERE id = ?", packs)

    def _ask(self, convert: Callable[..., Answer], query: str, *values: object) -> list[Answer]:
        if os.getpid() != self._process:
            # SQLite's connections do not survive a fork. A child that gets here has met damage, and leaves it to us.
            raise RuntimeError("the catalogue was opened by another process")
        try:
            return [convert(*row) for row in self._database.execute(query, values)]
        except sqlite3.ProgrammingError:
            raise
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            self._replace(error)
        return [convert(*row) for row in self._database.execute(query, values)]

    def _change(self, change: Callable[[sqlite3.Connection], None]) -> None:
        try:
            self._transact(change)
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            self._replace(error)
            self._transact(change)

    def _transact(self, change: Callable[[sqlite3.Connection], None]) -> None:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            change(database)
            database.execute("COMMIT")
        except BaseException:
            # SQLite has gone back by itself after some failures, a full disk among them.
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    def _replace(self, error: Exception) -> None:
        """Go on with a catalogue that works: a new file once, if the old one is damaged, else memory."""
        self._database.close()
        if self._replaced or not _is_damage(error):
            self._database = self._open_memory()
        else:
            self._replaced = True
            self._unlink()
            self._database = self._open()
        self._refill()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._open_file()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                self._unlink()
                with contextlib.suppress(sqlite3.DatabaseError):
                    return self._open_file()
        # Read-only folder, or a file system SQLite cannot lock on: everything is derived, so memory will do.
        return self._open_memory()

    def _open_memory(self) -> sqlite3.Connection:
        return self._prepare(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

    def _open_file(self) -> sqlite3.Connection:
        return self._prepare(
            sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
        )

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}{suffix}")

    def _prepare(self, database: sqlite3.Connection) -> sqlite3.Connection:
        try:
            # Losing the last transactions in a power cut is fine, since the packs are compared at every start; half of
            # one is not, since a pack would count as known without its objects. So NORMAL, not OFF.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA cache_size = -32768")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != _SCHEMA_VERSION:
                if version:
                    raise sqlite3.DatabaseError("written by another version")
                database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
            self.is_empty = not database.execute("SELECT EXISTS (SELECT 1 FROM objects)").fetchone()[0]
        except BaseException:
            database.close()
            raise
        return database


def _forget(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM objects")
    database.execute("DELETE FROM packs")


_KINDS = {int(kind): kind for kind in Kind}
_CODECS = {int(codec): codec for codec in Codec}
_pack_id = lru_cache(maxsize=256)(ObjectId)


def _location(kind: int, codec: int, depth: int, offset: int, stored: int, size: int, pack: bytes) -> Location:
    # Tables, and one id a pack: a hundred thousand of these are made in a clone.
    return Location(_KINDS[kind], _CODECS[codec], depth, offset, stored, size, _pack_id(pack))


def _located(
    identity: bytes, kind: int, codec: int, depth: int, offset: int, stored: int, size: int, pack: bytes
) -> tuple[ObjectId, Location]:
    return ObjectId(identity), Location(_KINDS[kind], _CODECS[codec], depth, offset, stored, size, _pack_id(pack))


def _is_damage(error: Exception) -> bool:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    # No code: not SQLite's own finding, but a version or a value that means nothing here.
    return code is None or code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF in _DAMAGE
