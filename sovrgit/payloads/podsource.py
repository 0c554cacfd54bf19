"""A pod of ours, and remotes that were pushed to, as a source of payload."""

from __future__ import annotations

from sovrgit.errors import NotFetched, PathNotFound, PayloadUnavailable, RemoteUnavailable
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.payloads.reference import Reference
from sovrgit.payloads.source import WHOLE, Access, Found
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, TAGS
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.base import Remote
from sovrgit.remotes.fetch import Fetching, FetchRequest
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.reading import blaming
from sovrgit.remotes.state import RemoteState
from sovrgit.signing.checking import check_signature

_SHORTEST = 4
"""Digits of a commit's id that may stand for it."""

_SHOWN = 10
"""Names that a hint lists."""

_LONGEST_LIST = 4_000_000
"""Folders in one payload. What is one many times over counts once."""


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
