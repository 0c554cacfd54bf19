"""The file behind the lineage index: SQLite, made anew when damaged, replaced by memory when it cannot be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = tuple[Any, ...]

_SCHEMA_VERSION = 4
_SCHEMA = """
CREATE TABLE commits (id BLOB PRIMARY KEY, position INTEGER NOT NULL, time INTEGER NOT NULL, run BLOB,
                      fork INTEGER NOT NULL, place TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parents (child BLOB NOT NULL, parent BLOB NOT NULL, PRIMARY KEY (child, parent)) WITHOUT ROWID;
CREATE TABLE runs (id BLOB PRIMARY KEY, key BLOB NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL,
                   finished INTEGER NOT NULL, input BLOB NOT NULL, base BLOB, made BLOB, repeats BLOB) WITHOUT ROWID;
CREATE TABLE outputs (id BLOB NOT NULL, run BLOB NOT NULL, path BLOB NOT NULL,
                      PRIMARY KEY (id, run, path)) WITHOUT ROWID;
CREATE TABLE externals (id BLOB NOT NULL, run BLOB NOT NULL, origin BLOB NOT NULL, path TEXT NOT NULL,
                        PRIMARY KEY (id, run, path)) WITHOUT ROWID;
CREATE TABLE members (run BLOB NOT NULL, task BLOB NOT NULL, name TEXT NOT NULL,
                      PRIMARY KEY (run, task, name)) WITHOUT ROWID;
CREATE TABLE verdicts (id BLOB PRIMARY KEY, run BLOB NOT NULL, repeat BLOB NOT NULL, time INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE refs (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE absent (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX commits_by_run ON commits (run);
CREATE INDEX commits_by_position ON commits (position);
CREATE INDEX runs_by_key ON runs (key, status);
CREATE INDEX runs_by_time ON runs (started);
CREATE INDEX runs_by_original ON runs (repeats);
CREATE INDEX verdicts_by_run ON verdicts (run);
"""
_TABLES = ("commits", "parents", "runs", "outputs", "externals", "members", "verdicts", "refs", "absent")

_WAIT = 30.0
"""Seconds to wait for another process that writes."""

_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH}
"""Failures that a new file cures: it is no database, or not the one that this version writes."""


class _OtherVersion(sqlite3.DatabaseError):
    """The file was written by a version with another schema."""


class Database:
    """A connection that survives its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._renewed = False
        self._in_memory = False
        self._connection = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def execute(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        return self._connection.execute(query, values)

    def insert(self, table: str, *rows: Row) -> None:
        """Put rows into a table; those that are in it already are left alone."""
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)

    def has(self, table: str, identity: bytes) -> bool:
        """Whether a table has a row with an id."""
        return self.execute(f"SELECT 1 FROM {table} WHERE id = ?", (identity,)).fetchone() is not None

    def clear(self) -> None:
        """Empty every table."""
        for table in _TABLES:
            self.execute(f"DELETE FROM {table}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block counts, or nothing. Other processes wait with writing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # The failure itself may have ended the transaction, and is what matters.
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.DatabaseError):
                    self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def recover(self, error: sqlite3.DatabaseError) -> None:
        """Go on after a failure with an empty database: a new file for a damaged one, else memory.

        Raises:
            sqlite3.DatabaseError: the same again, if it is a mistake in the program.
        """
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError) or self._in_memory:
            raise error
        self._connection.close()
        if _is_damage(error) and not self._renewed:
            self._remove()
            self._connection = self._open()
        else:
            self._connection = self._memory()

    def _open(self) -> sqlite3.Connection:
        while True:
            try:
                return _prepare(
                    sqlite3.connect(self._path, isolation_level=None, timeout=_WAIT, check_same_thread=False)
                )
            except sqlite3.DatabaseError as error:
                # A busy file is somebody's and is not touched; nor is one that cannot be written.
                if self._renewed or not _is_damage(error):
                    return self._memory()
                self._remove()

    def _remove(self) -> None:
        self._renewed = True
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}{suffix}")

    def _memory(self) -> sqlite3.Connection:
        self._in_memory = True
        return _prepare(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    if isinstance(error, _OtherVersion):
        return True
    # The lower byte is the class of the failure (https://www.sqlite.org/rescode.html).
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _DAMAGE


def _prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        if _version(connection) != _SCHEMA_VERSION:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            # Asked again under the lock: another process may have just made it.
            version = _version(connection)
            if version not in (0, _SCHEMA_VERSION):
                raise _OtherVersion("written by another version")
            if not version:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            connection.execute("COMMIT")
        # With a write-ahead log this loses the last transactions in a power cut, but never leaves half of one.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
