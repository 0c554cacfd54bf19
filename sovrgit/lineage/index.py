"""The lineage index: which run made what, kept in SQLite so that questions cost little.

Derived from commits and records alone; deleting it loses nothing. Bringing it up to date costs what is new.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, VERDICTS
from sovrgit.pod.treediff import walk

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE commits (id BLOB PRIMARY KEY, time INTEGER NOT NULL, run BLOB) WITHOUT ROWID;
CREATE TABLE runs (id BLOB PRIMARY KEY, key BLOB NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL,
                   made BLOB, repeats BLOB) WITHOUT ROWID;
CREATE TABLE outputs (blob BLOB NOT NULL, run BLOB NOT NULL, path BLOB NOT NULL,
                      PRIMARY KEY (blob, run, path)) WITHOUT ROWID;
CREATE TABLE verdicts (id BLOB PRIMARY KEY, run BLOB NOT NULL, repeat BLOB NOT NULL, time INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE INDEX runs_by_key ON runs (key, status);
CREATE INDEX runs_by_time ON runs (started);
CREATE INDEX verdicts_by_run ON verdicts (run);
"""


class KnownRun(NamedTuple):
    """A run, its id, and the first commit that was found to be made by it."""

    id: ObjectId
    run: Run
    commit: ObjectId | None


class Maker(NamedTuple):
    """A run that left a file in its output, and the path it had there."""

    run: ObjectId
    path: bytes


class LineageIndex:
    """The index of one pod, brought up to date when it is opened."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._path = pod.folder / "lineage.sqlite"
        self._database = self._open()
        self.update()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> LineageIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self) -> int:
        """Take in commits and records that are new; the number of commits that were."""
        refs = self._pod.refs.read()
        store = self._pod.store
        new: list[ObjectId] = []
        stack = []
        runs: list[ObjectId] = []
        verdicts: list[ObjectId] = []
        for name, value in refs.values.items():
            if name.startswith(RUNS):
                runs.append(value)
            elif name.startswith(VERDICTS):
                verdicts.append(value)
            elif not self._has("commits", value) and store.kind(value) is Kind.COMMIT:
                stack.append(value)
        seen = set(stack)
        while stack:
            current = stack.pop()
            new.append(current)
            for parent in store.commit(current).parents:
                if parent not in seen and not self._has("commits", parent) and store.has(parent):
                    seen.add(parent)
                    stack.append(parent)
        runs = [run for run in runs if not self._has("runs", run)]
        verdicts = [verdict for verdict in verdicts if not self._has("verdicts", verdict)]
        if new or runs or verdicts:
            with self._transaction():
                # Oldest first, so that a run is credited to the commit that brought it.
                for identity in sorted(new, key=lambda item: (store.commit(item).time, item)):
                    self._add_commit(identity)
                for run in runs:
                    self._add_run(run, None)
                for verdict in verdicts:
                    self._add_verdict(verdict)
        return len(new)

    def succeeded_with(self, key: ObjectId) -> KnownRun | None:
        """The latest successful run with a run key."""
        row = self._database.execute(
            "SELECT id, made FROM runs WHERE key = ? AND status = ? ORDER BY started DESC LIMIT 1",
            (key, RunStatus.SUCCEEDED),
        ).fetchone()
        return self._known(row) if row else None

    def runs(self, limit: int = -1) -> Iterator[KnownRun]:
        """All runs, the latest first."""
        rows = self._database.execute("SELECT id, made FROM runs ORDER BY started DESC, id LIMIT ?", (limit,))
        return (self._known(row) for row in rows.fetchall())

    def run(self, identity: ObjectId) -> KnownRun:
        """One run.

        Raises:
            ObjectMissing: if its record is not here.
        """
        row = self._database.execute("SELECT id, made FROM runs WHERE id = ?", (identity,)).fetchone()
        return self._known(row or (identity, None))

    def makers(self, blob: ObjectId) -> list[Maker]:
        """The runs that left a file with this content in their output, the earliest first."""
        rows = self._database.execute(
            "SELECT outputs.run, path FROM outputs JOIN runs ON runs.id = outputs.run WHERE blob = ? ORDER BY started",
            (blob,),
        )
        return [Maker(ObjectId(run), path) for run, path in rows]

    def verdicts_on(self, run: ObjectId) -> list[ObjectId]:
        """The verdicts on a run, the latest first."""
        rows = self._database.execute("SELECT id FROM verdicts WHERE run = ? ORDER BY time DESC", (run,))
        return [ObjectId(row[0]) for row in rows]

    def commits_of(self, run: ObjectId) -> list[ObjectId]:
        """The commits that a run made, or whose output was taken from it."""
        rows = self._database.execute("SELECT id FROM commits WHERE run = ? ORDER BY time", (run,))
        return [ObjectId(row[0]) for row in rows]

    def _known(self, row: tuple[bytes, bytes | None]) -> KnownRun:
        identity = ObjectId(row[0])
        return KnownRun(identity, self._pod.store.run(identity), ObjectId(row[1]) if row[1] else None)

    def _has(self, table: str, identity: ObjectId) -> bool:
        query = f"SELECT 1 FROM {table} WHERE id = ?"
        return self._database.execute(query, (identity,)).fetchone() is not None

    def _add_commit(self, identity: ObjectId) -> None:
        commit = self._pod.store.commit(identity)
        self._database.execute("INSERT INTO commits VALUES (?, ?, ?)", (identity, commit.time, commit.run))
        if commit.run is not None and not self._has("runs", commit.run):
            self._add_run(commit.run, identity)

    def _add_run(self, identity: ObjectId, made: ObjectId | None) -> None:
        store = self._pod.store
        run = store.run(identity)
        self._database.execute(
            "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            (identity, run.key, str(run.status), run.started, made, run.repeats),
        )
        if run.output is not None:
            top = TreeEntry(b"", EntryKind.DIRECTORY, run.output, 0)
            # Content that was not fetched is no reason to know nothing of the rest.
            with contextlib.suppress(ObjectMissing):
                self._database.executemany(
                    "INSERT OR IGNORE INTO outputs VALUES (?, ?, ?)",
                    ((entry.id, identity, path) for path, entry in walk(store, top, b"") if not entry.is_directory),
                )

    def _add_verdict(self, identity: ObjectId) -> None:
        verdict = self._pod.store.verdict(identity)
        row = (identity, verdict.run, verdict.repeat, verdict.time)
        self._database.execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?)", row)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        for renew in (False, True):
            try:
                return _connect(self._path, renew=renew)
            except sqlite3.DatabaseError:
                continue
        return _prepare(sqlite3.connect(":memory:", isolation_level=None))


def _connect(path: Path, *, renew: bool) -> sqlite3.Connection:
    if renew:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{path}{suffix}")
    return _prepare(sqlite3.connect(path, isolation_level=None, timeout=30))


def _prepare(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != _SCHEMA_VERSION:
            if version:
                raise sqlite3.DatabaseError("written by another version")
            database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database
