"""Files as they lie on a FairOS server, and pods of the first Sovr CLI, as a source of payload."""

from __future__ import annotations

import os
from pathlib import Path

from sovrgit.errors import ArchiveInvalid, PathNotFound, PayloadUnavailable, RemoteUnavailable
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.payloads.source import WHOLE, Access, Found
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.remotes.base import with_retries
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent
from sovrgit.remotes.firstcli.adopt import MAX_ARCHIVE, MESSAGE, UNKNOWN_AUTHOR, clone_first, store_file
from sovrgit.remotes.firstcli.look import FirstPod, OtherPod, look
from sovrgit.remotes.firstcli.reading import PodReader


class FileSource:
    """Files as they lie on a FairOS server, and what the first Sovr CLI has stored there.

    There are no commits, so that one is made which depends on content alone: it is the same for everybody.
    """

    def __init__(self, folder: Path, reader: PodReader, location: str, access: Access) -> None:
        self.location = location
        self._folder = folder
        self._reader = reader
        self._access = access
        self._side = Pod.create(folder / "files", unfinished=True)
        self._adopted: Pod | None = None

    def find(self, path: str, commit: ObjectId | None = None) -> Found:
        found = self._file(path) or self._in_archive(path)
        if commit is not None and found.commit != commit:
            raise PayloadUnavailable(
                path=path,
                reason=f"the pod at `{self.location}` has other content now, and keeps no history",
                hint="`sovr payload update` locks what there is now",
            )
        return found

    def get(self, found: Found) -> None:
        """Everything is here since it was found."""

    def close(self) -> None:
        """Let go of the files."""
        self._side.close()
        if self._adopted is not None:
            self._adopted.close()

    def _file(self, path: str) -> Found | None:
        """A file at its place in the pod, as the first CLI took payload from there."""
        target = self._folder / "file"

        def attempt() -> bool:
            try:
                with open(target, "wb") as file:
                    return self._reader.fetch(f"/{path}", MAX_ARCHIVE, file.write).cut
            except (FileAbsent, FolderAbsent):
                target.unlink()
                return False

        if path == WHOLE:
            return None
        if with_retries(attempt, self._access.pause):
            raise ArchiveInvalid(archive=path, reason=f"it has more than {MAX_ARCHIVE} bytes")
        if not target.exists():
            return None
        store = self._side.store
        with store.session() as session:
            identity, size = store_file(session, os.fsencode(target))
            entry = TreeEntry(os.fsencode(path.rpartition("/")[2]), EntryKind.FILE, identity, size)
            editor = TreeEditor(store)
            editor.put(path.encode(), entry)
            commit = Commit(editor.write(session), (), Stamp(UNKNOWN_AUTHOR, "", 0), MESSAGE)
            made = session.add(Kind.COMMIT, commit.encode())
            session.commit()
        target.unlink()
        return Found(made, entry, store)

    def _in_archive(self, path: str) -> Found:
        """A file or folder of a pod that the first CLI has packed into an archive."""
        if self._adopted is None:
            found = look(self._reader, self._access.pause)
            if isinstance(found, OtherPod):
                raise found.error(self.location)
            if not isinstance(found, FirstPod):
                raise RemoteUnavailable(location=self.location, reason="it changes while it is read", hint="")
            adopted = clone_first(
                self._reader,
                found,
                self._folder / "adopted",
                time_ns=self._access.time_ns,
                progress=self._access.progress,
                pause=self._access.pause,
            )
            self._adopted = adopted.pod
        head, store = self._adopted.head(), self._adopted.store
        assert head is not None
        tree = self._adopted.head_tree()
        entry = find(store, tree, path.encode()) if path != WHOLE else None
        if path == WHOLE:
            entry = TreeEntry(b"", EntryKind.DIRECTORY, tree, store.tree(tree).size)
        if entry is None or entry.kind is EntryKind.SYMLINK:
            raise PathNotFound(path=path, where=f"the pod at `{self.location}`", hint="")
        return Found(head, entry, store)
