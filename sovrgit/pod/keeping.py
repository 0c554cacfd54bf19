"""Storing what a command is about to overwrite, so that it can be brought back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from sovrgit.errors import FileUnstable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.reading import unreadable
from sovrgit.pod.refs import Rewritten
from sovrgit.pod.treediff import Change
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.store.session import WriteSession


def keep_old(pod: Pod, changes: Iterable[Change]) -> Rewritten:
    """Store the old sides of changes that are about to be made, as they are on disk; the two sides as trees.

    The trees hold nothing but the paths of the changes.

    Raises:
        FileUnstable: if a file is gone, or changes while it is read.
        StorageFailure: if a file cannot be read.
        StorageFull, ReadOnly: if it cannot be stored.
    """
    before, after = TreeEditor(pod.store), TreeEditor(pod.store)
    with pod.store.session() as session:
        for path, old, new in changes:
            if old is not None:
                before.put(path, old if old.is_directory else _stored(pod, session, path, old))
            if new is not None:
                after.put(path, new)
        rewritten = Rewritten(before.write(session), after.write(session))
        session.commit()
    return rewritten


def _stored(pod: Pod, session: WriteSession, path: bytes, entry: TreeEntry) -> TreeEntry:
    full = os.path.join(os.fsencode(pod.root), path)
    try:
        if entry.kind is EntryKind.SYMLINK:
            target = os.readlink(full)
            return entry._replace(id=session.add(Kind.BLOB, target), size=len(target))
        # Not blocking, in case a pipe has taken the file's place.
        descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            first = os.fstat(descriptor)
            if not stat.S_ISREG(first.st_mode):
                raise FileUnstable(path=os.fsdecode(path))
            digest, size = session.add_stream(file.readinto)
            last = os.fstat(descriptor)
    except OSError as error:
        raise unreadable(error, os.fsdecode(path)) from error
    if size != last.st_size or (first.st_ctime_ns, first.st_size) != (last.st_ctime_ns, last.st_size):
        raise FileUnstable(path=os.fsdecode(path))
    return entry._replace(id=ObjectId(digest), size=size)
