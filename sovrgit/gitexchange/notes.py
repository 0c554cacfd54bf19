"""Run records as Git notes: `git log --notes=sovr` shows them below the commits that the runs made.

There is one commit of notes and no history of them, so that a pod gives the same ids however often it is exported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sovrgit.errors import GitDamaged
from sovrgit.gitexchange.commitform import GitCommit, read_commit, write_commit
from sovrgit.gitexchange.ids import GIT_ID_SIZE, GitId, GitKind, git_id
from sovrgit.gitexchange.people import read_stamp, stamp_line
from sovrgit.gitexchange.treeform import DIRECTORY, MODES, Row, split_tree, write_tree
from sovrgit.objects.codec import decode
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EntryKind

if TYPE_CHECKING:
    from sovrgit.gitexchange.objects import GitObjects
    from sovrgit.gitexchange.sink import PackSink

NOTES_REF = b"refs/notes/sovr"

_AUTHOR = Stamp("sovr", "", 0, 0)
_NAME = re.compile(rb"[0-9a-f]+")
_MAX_LEVELS = 20


def run_as_json(identity: ObjectId, run: Run) -> bytes:
    """A run record for people and programs that do not know our objects: its fields, with ids and paths as text."""
    fields = decode(run.encode(), kind=Kind.RUN)
    record = {"run": str(identity), **{key: _readable(value) for key, value in fields.items()}}
    return (json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def notes_in(objects: GitObjects, commit: GitId) -> tuple[dict[GitId, GitId], int]:
    """The notes that there are, by what they are on; and the time of their commit, in seconds since 1970.

    Raises:
        GitDamaged: if they cannot be read.
    """
    parts = read_commit(commit, objects.read(commit, GitKind.COMMIT))
    found: dict[GitId, GitId] = {}
    waiting = [(b"", parts.tree)]
    while waiting:
        prefix, item = waiting.pop()
        for mode, name, target in split_tree(item, objects.read(item, GitKind.TREE)):
            path = prefix + name
            if mode == DIRECTORY and len(path) < 2 * _MAX_LEVELS and _NAME.fullmatch(path):
                waiting.append((path, target))
            elif len(path) == 2 * GIT_ID_SIZE and _NAME.fullmatch(path):
                found[bytes.fromhex(path.decode())] = target
            else:
                reason = f"`{path.decode('utf-8', 'backslashreplace')}` in it is no note"
                raise GitDamaged(what="`refs/notes/sovr`", reason=reason)
    return found, read_stamp(parts.committer).time


def write_notes(sink: PackSink, notes: Mapping[GitId, GitId], time: int) -> GitId:
    """Store a commit of notes, in folders by the first two digits.

    Args:
        time: of the commit, in seconds since 1970.
    """
    folders: dict[bytes, list[Row]] = {}
    for commit, blob in notes.items():
        name = commit.hex().encode()
        folders.setdefault(name[:2], []).append((MODES[EntryKind.FILE], name[2:], blob))
    rows: list[Row] = []
    for name, inner in folders.items():
        rows.append((DIRECTORY, name, _put(sink, GitKind.TREE, write_tree(inner))))
    tree = _put(sink, GitKind.TREE, write_tree(rows))
    line = stamp_line(_AUTHOR._replace(time=time))
    made = GitCommit(tree, (), line, line, b"", b"Runs, recorded by sovr\n", True)
    return _put(sink, GitKind.COMMIT, write_commit(made))


def put_note(sink: PackSink, identity: ObjectId, run: Run) -> GitId:
    """Store a run record."""
    return _put(sink, GitKind.BLOB, run_as_json(identity, run))


def _put(sink: PackSink, kind: GitKind, raw: bytes) -> GitId:
    git = git_id(kind, raw)
    sink.add(kind, git, len(raw), (raw,))
    return git


def _readable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if len(value) == len(bytes(32)) else value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value
