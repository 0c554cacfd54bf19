"""What is known of other places' packs: which runs and verdicts are in which, and their tables of contents.

A pack never changes, so what was read of it once need not be read again: a look-up costs one manifest for each place,
and what is new. The file says where to look and not what is true; deleting it loses nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.store.files import reporting

_VERSION = 1
_SCHEMA = """
CREATE TABLE packs (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tables (source BLOB NOT NULL, pack BLOB NOT NULL, toc BLOB NOT NULL, PRIMARY KEY (source, pack));
CREATE TABLE runs (key BLOB NOT NULL, id BLOB NOT NULL, source BLOB NOT NULL, started INTEGER NOT NULL,
                   repeats INTEGER NOT NULL, signer TEXT NOT NULL, PRIMARY KEY (key, id, source)) WITHOUT ROWID;
CREATE TABLE verdicts (run BLOB NOT NULL, id BLOB NOT NULL, source BLOB NOT NULL, time INTEGER NOT NULL,
                       signer TEXT NOT NULL, PRIMARY KEY (run, id, source)) WITHOUT ROWID;
"""
_WAIT = 5.0
"""Seconds to wait for another process that writes."""

LARGEST = 1 << 29
"""Bytes of the file, above which it is made anew: whoever lists endless runs does not fill the disk."""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
"""What SQLite reports of a file that is none of ours. Anything else means that it is in use, or the disk is full."""

_NEWEST = (1 << 63) - 1


class RunRow(NamedTuple):
    """A successful run: its key and id, when it began, and the address it says that it is signed by."""

    key: ObjectId
    id: ObjectId
    started: int
    repeats: bool
    signer: str


class VerdictRow(NamedTuple):
    """A verdict on a run, when it was made, and the address it says that it is signed by."""

    run: ObjectId
    id: ObjectId
    time: int
    signer: str


class Known(NamedTuple):
    """The id of a run or verdict, the pack that has it, and the address it says that it is signed by."""

    id: ObjectId
    source: ObjectId
    signer: str


class PackRecords(NamedTuple):
    """What was read of one metadata pack. `tables` has its own table of contents and those that it holds, by pack."""

    source: ObjectId
    tables: dict[ObjectId, bytes]
    runs: list[RunRow]
    verdicts: list[VerdictRow]


class RecordCache:
    """The file. One that is damaged, cannot be written or is too large is replaced, or done without.

    Raises:
        ReadOnly, StorageFailure: if its folder cannot be made.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST) -> None:
        self._path = path
        with reporting(path.parent):
            path.parent.mkdir(exist_ok=True)
            if path.exists() and path.stat().st_size > largest:
                self._remove()
        self._connection = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> RecordCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_packs(self) -> set[bytes]:
        """The packs of which everything is known that is of interest."""
        return {row[0] for row in self._ask("SELECT id FROM packs")}

    def add(self, records: PackRecords) -> None:
        """Remember what a pack has."""
        source = records.source
        rows: list[tuple[str, Iterable[tuple[object, ...]]]] = [
            ("tables", ((source, pack, toc) for pack, toc in records.tables.items())),
            ("runs", ((run.key, run.id, source, _time(run.started), run.repeats, run.signer) for run in records.runs)),
            ("verdicts", ((item.run, item.id, source, _time(item.time), item.signer) for item in records.verdicts)),
            ("packs", [(source,)]),
        ]
        found = [(table, list(values)) for table, values in rows]
        try:
            self._insert(found)
        except sqlite3.DatabaseError as error:
            # What was known before is read again another time.
            self._renew(error)
            self._insert(found)

    def runs(self, key: ObjectId) -> list[Known]:
        """Successful runs with a run key: first those that say they are signed, then the latest that repeat none."""
        query = "SELECT id, source, signer FROM runs WHERE key = ? ORDER BY signer = '', repeats, started DESC, id"
        return self._known(query, key)

    def verdicts(self, run: ObjectId) -> list[Known]:
        """The verdicts on a run: those that say they are signed first, then the latest."""
        return self._known("SELECT id, source, signer FROM verdicts WHERE run = ? ORDER BY signer = '', time DESC", run)

    def tables(self, sources: Collection[bytes]) -> Iterator[tuple[ObjectId, bytes]]:
        """What is in the packs that some metadata packs describe, as they say."""
        for source in sources:
            for pack, toc in self._ask("SELECT pack, toc FROM tables WHERE source = ?", source):
                yield ObjectId(pack), toc

    def _insert(self, rows: list[tuple[str, list[tuple[object, ...]]]]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for table, values in rows:
                if values:
                    marks = ", ".join("?" * len(values[0]))
                    self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)

    def _known(self, query: str, value: ObjectId) -> list[Known]:
        return [Known(ObjectId(item), ObjectId(source), signer) for item, source, signer in self._ask(query, value)]

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._renew(error)
            return []

    def _renew(self, error: sqlite3.DatabaseError) -> None:
        """Go on with an empty file in the place of a damaged one; without a file, if it only cannot be used."""
        self._connection.close()
        if _is_damage(error):
            self._remove()
            self._connection = self._open()
        else:
            self._connection = _prepared(sqlite3.connect(":memory:", isolation_level=None))

    def _open(self) -> sqlite3.Connection:
        for _ in range(2):
            try:
                return _prepared(sqlite3.connect(self._path, isolation_level=None, timeout=_WAIT))
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    break
                self._remove()
        return _prepared(sqlite3.connect(":memory:", isolation_level=None))

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}{ending}")


class _OtherVersion(sqlite3.DatabaseError):
    """The file was written by a version with another schema."""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # What Python itself finds wrong has no code.
    return isinstance(error, _OtherVersion) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise _OtherVersion("the cache is of another version")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        if version == 0:
            connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _time(value: int) -> int:
    return min(value, _NEWEST)
