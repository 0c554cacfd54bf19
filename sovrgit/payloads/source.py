"""Another pod, opened to take single files and folders from: of whatever kind the place is, and whoever has stored it.

What is asked for comes into a store that lasts as long as the source is open; everything is verified on the way.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from sovrgit.errors import ArchiveInvalid, NotFetched, PathNotFound, PayloadUnavailable, RemoteUnavailable
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.payloads.reference import Reference
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, TAGS
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote, with_retries
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent
from sovrgit.remotes.fetch import Fetching, FetchRequest
from sovrgit.remotes.firstcli.adopt import MAX_ARCHIVE, MESSAGE, UNKNOWN_AUTHOR, clone_first, store_file
from sovrgit.remotes.firstcli.look import FirstPod, OtherPod, look
from sovrgit.remotes.firstcli.reading import Pause, PodReader
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.reading import blaming, read_manifest
from sovrgit.remotes.state import RemoteState
from sovrgit.signing.checking import check_signature
from sovrgit.store.files import reporting, temporary_name
from sovrgit.store.store import ObjectStore

WHOLE: Final = "."
"""The path of all of a pod."""

_SHORTEST = 4
"""Digits of a commit's id that may stand for it."""

_SHOWN = 10
"""Names that a hint lists."""

_LONGEST_LIST = 4_000_000
"""Folders in one payload. What is one many times over counts once."""


@dataclass(frozen=True, slots=True)
class Access:
    """How other pods are reached.

    Args:
        pod: the pod that takes payload from them.
        networks: how to reach networks; without it only what is on this machine can be reached.
        time_ns: now, in nanoseconds since 1970.
        pause: waits between attempts.
    """

    pod: Pod
    networks: Networks | None
    time_ns: int
    progress: Progress = SILENT
    pause: Pause = time.sleep


class Found(NamedTuple):
    """A file or folder of another pod: in which commit, and its entry there. `store` has it once it was got."""

    commit: ObjectId
    entry: TreeEntry
    store: ObjectStore


class Source(Protocol):
    """Another pod."""

    location: str
    """What the place is remembered by. Holds no secret."""

    def find(self, path: str, commit: ObjectId | None = None) -> Found:
        """What is at a path: in a commit, or as the pod is now.

        Raises:
            PathNotFound: if there is nothing.
            PayloadUnavailable: if the commit, or the revision that the reference names, cannot be had.
            SovrError: as the remote gives cause.
        """

    def get(self, found: Found) -> None:
        """Bring all of it into its store.

        Raises:
            SovrError: as the remote gives cause.
        """


@contextlib.contextmanager
def opened(access: Access, reference: Reference) -> Iterator[Source]:
    """Open another pod for the length of a block.

    Raises:
        RemoteUnavailable, PodUnrecognised: if there is no pod.
        Locked: if another process is collecting garbage and does not finish.
        SovrError: as for `Reference.open`.
    """
    # A collection of garbage, which removes what others have left, does not take it away.
    access.pod.store.hold()
    folder = temporary_name(access.pod.temporary, "external")
    try:
        with reporting(folder), contextlib.closing(reference.open(access.pod, access.networks)) as remote:
            folder.mkdir()
            manifest, _ = read_manifest(remote, RemoteState())
            if manifest is not None:
                with contextlib.closing(Pod.create(folder / "pod", unfinished=True)) as side:
                    yield PodSource(side, remote, manifest, reference, access)
                return
            reader = _reader(remote)
            if reader is None:
                raise RemoteUnavailable(
                    location=remote.describe(), reason="it is neither a pod nor a remote that was pushed to"
                )
            with contextlib.closing(FileSource(folder, reader, remote.describe(), access)) as source:
                yield source
    finally:
        _clear(folder)


def offered(access: Access, reference: Reference) -> ObjectId | None:
    """The commit that a reference means now, if a look at what the pod offers is enough to know it; else None.

    Raises:
        SovrError: as for `opened`.
    """
    with contextlib.closing(reference.open(access.pod, access.networks)) as remote:
        manifest, _ = read_manifest(remote, RemoteState())
    if manifest is None:
        return None
    return manifest.refs.get(HEADS + reference.revision if reference.revision else manifest.head)


class PodSource:
    """A pod of ours. Only what is asked for comes, where parts of packs cost less than the whole."""

    def __init__(self, side: Pod, remote: Remote, manifest: Manifest, reference: Reference, access: Access) -> None:
        self.location = remote.location
        self._store = side.store
        self._remote = remote
        self._manifest = manifest
        self._reference = reference
        self._progress = access.progress
        request = FetchRequest("source", access.time_ns, manifest=manifest, content=False)
        self._fetching = Fetching(side, remote, request, RemoteState(), manifest)
        self._fetching.receive_tables()

    def find(self, path: str, commit: ObjectId | None = None) -> Found:
        identity = commit if commit is not None else self._named()
        self._bring([identity], f"commit {identity.short}")
        with blaming(self._remote):
            read = self._store.commit(identity)
            check_signature(read, identity)
            entry = TreeEntry(b"", EntryKind.DIRECTORY, read.tree, self._tree(read.tree))
            for name in path.split("/") if path != WHOLE else ():
                below = self._store.tree(entry.id).get(name.encode()) if entry.is_directory else None
                if below is None or below.kind is EntryKind.SYMLINK:
                    where = f"commit {identity.short} of `{self._reference.label}`"
                    hint = "a link is no payload: name what it leads to"
                    raise PathNotFound(path=path, where=where, hint=hint if below is not None else self._near(entry))
                entry = below
                if entry.is_directory:
                    self._tree(entry.id)
        return Found(identity, entry, self._store)

    def get(self, found: Found) -> None:
        files: dict[ObjectId, None] = {}
        seen, level = {found.entry.id}, [found.entry]
        with blaming(self._remote):
            while level:
                folders = [item.id for item in level if item.is_directory]
                files |= dict.fromkeys(item.id for item in level if not item.is_directory)
                self._bring(folders, "a folder of it")
                level = []
                for folder in folders:
                    fresh = [item for item in self._store.tree(folder).entries if item.id not in seen]
                    seen.update(item.id for item in fresh)
                    level += fresh
                if len(seen) > _LONGEST_LIST:
                    raise PayloadUnavailable(path=self._reference.label, reason="it has too many folders")
            self._bring(list(files), "a file of it", self._progress)

    def _near(self, folder: TreeEntry) -> str:
        """What may have been meant instead of something that is not in a folder."""
        names = [entry.name for entry in self._store.tree(folder.id).entries] if folder.is_directory else []
        if not names:
            return ""
        shown = ", ".join(f"`{name.decode('utf-8', 'backslashreplace')}`" for name in names[:_SHOWN])
        return f"there {'is' if len(names) == 1 else 'are'} {shown}{' and more' if len(names) > _SHOWN else ''}"

    def _named(self) -> ObjectId:
        """The commit that the reference means: of the branch that the pod offers, or as it says."""
        refs, revision = self._manifest.refs, self._reference.revision
        if not revision:
            head = refs.get(self._manifest.head)
            if head is None or not self._manifest.head.startswith(HEADS):
                raise RemoteUnavailable(location=self.location, reason="it has no branch that is offered", hint="")
            return head
        for kind in (HEADS, TAGS):
            if (named := refs.get(kind + revision)) is not None:
                return self._commit_of(named)
        digits = revision.lower()
        if len(digits) >= _SHORTEST and all(digit in "0123456789abcdef" for digit in digits):
            every = self._fetching.promises.all()
            alike = {
                item for item, promise in every if promise.place.kind is Kind.COMMIT and str(item).startswith(digits)
            }
            alike |= {item for item in self._store.of_kind(Kind.COMMIT) if str(item).startswith(digits)}
            if len(alike) == 1:
                return alike.pop()
        raise PayloadUnavailable(
            path=self._reference.label, reason=f"`{revision}` is no branch, tag or commit of that pod"
        )

    def _commit_of(self, named: ObjectId) -> ObjectId:
        """The commit that a ref leads to: itself, or through a tag."""
        self._bring([named], f"what `{self._reference.revision}` names")
        with blaming(self._remote):
            if self._store.kind(named) is Kind.TAG:
                return self._store.tag(named).target
        return named

    def _tree(self, identity: ObjectId) -> int:
        self._bring([identity], "a folder of it")
        return self._store.tree(identity).size

    def _bring(self, wanted: list[ObjectId], what: str, progress: Progress = SILENT) -> None:
        absent = self._store.absent([item for item in wanted if item != EMPTY_TREE_ID])
        try:
            if absent:
                self._fetching.obtain(absent, progress)
        except NotFetched:
            raise PayloadUnavailable(
                path=self._reference.label,
                reason=f"{what} is not there",
                hint="it may have been removed, never pushed, or left out of a partial clone, where `sovr get` gets "
                "it; `sovr payload update` locks what there is now",
            ) from None


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


def _reader(remote: Remote) -> PodReader | None:
    """What reads the files of a pod that is none of ours, on a network."""
    from sovrgit.remotes.fairos.shared import SharedPod
    from sovrgit.remotes.firstcli.reading import ReferredPod

    if not isinstance(remote, SharedPod):
        return None
    return ReferredPod(remote.client, remote.reference(), remote.location)


def _clear(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
