"""The Python API: working on a pod, and looking into its history."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sovrgit.errors import PathNotFound
from sovrgit.facade.base import PodBase, Where, inside

if TYPE_CHECKING:
    from sovrgit.objects.commit import Commit
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.tree import TreeEntry
    from sovrgit.pod.commits import Committed
    from sovrgit.pod.jsondiff import JsonChange
    from sovrgit.pod.status import Status
    from sovrgit.pod.treediff import Change
    from sovrgit.signing.ethereum import SigningKey


class History(PodBase):
    """What changes a pod, and what asks about it."""

    def status(self) -> Status:
        """What has changed since the last commit."""
        from sovrgit.pod.status import status

        return status(self.repository)

    def commit(
        self, message: str | None, *, paths: Iterable[Where] = (), amend: bool = False, allow_empty: bool = False
    ) -> Committed:
        """Record the state of the pod, all of it or only some paths, given from its root.

        Args:
            message: None keeps the message of the commit that is amended.

        Raises:
            NothingToCommit: if nothing has changed.
            PathNotFound: if a path is neither in the working tree nor in the last commit.
        """
        from sovrgit.pod.commits import CommitRequest, commit

        request = CommitRequest(self.stamp(), message, [inside(path) for path in paths], amend, allow_empty)
        return commit(self.repository, request)

    def sign_with(self, key: SigningKey | None) -> None:
        """Sign commits, runs and verdicts from now on with a key, or with none, as it is at first.

        The setting `user.signing` and the key that `sovr key` keeps are the command line's affair.
        """
        from sovrgit.signing.keeping import signer_of

        self._signing_key = key
        signer = None if key is None else signer_of(key)
        self.repository.find_signer = lambda: signer

    def signed_by(self, name: str = "HEAD") -> str | None:
        """The address of the key that a revision, run or verdict is signed with, checked; None if it is not signed, or
        in a way that this version cannot check.

        Raises:
            SignatureInvalid: if the signature is forged.
            RevisionNotFound: if there is no such thing, or it cannot be signed.
        """
        from sovrgit.errors import RevisionNotFound
        from sovrgit.pod.revisions import resolve_any
        from sovrgit.signing.checking import SIGNED_KINDS, check_signature, read_signed

        identity, kind = resolve_any(self.repository, name)
        if kind not in SIGNED_KINDS:
            raise RevisionNotFound(revision=name, hint=f"it is a {kind.label}, which is not signed")
        found = check_signature(read_signed(self.repository.store, identity, kind), identity)
        return None if found is None else found.address or None

    def restore(self, *paths: Where, revision: str = "HEAD") -> int:
        """Bring files back to what a revision says; how many were written. Local changes are overwritten, and kept
        for `undo`.

        Raises:
            RevisionNotFound, PathNotFound: if there is no such revision or path.
        """
        from sovrgit.pod.revisions import resolve_tree
        from sovrgit.pod.switch import restore

        tree = resolve_tree(self.repository, revision)
        return len(restore(self.repository, tree, [inside(path) for path in paths], time_ns=self._clock()))

    # --- look -------------------------------------------------------------------------------------------------------

    def log(
        self, revision: str = "HEAD", *, paths: Iterable[Where] = (), limit: int | None = None
    ) -> list[tuple[ObjectId, Commit]]:
        """The history of a revision, newest first; of some paths only, if they are given.

        Raises:
            RevisionNotFound: if there is no such revision.
        """
        from itertools import islice

        from sovrgit.pod.history import touching, walk
        from sovrgit.pod.revisions import resolve_commit

        store = self.repository.store
        commits = walk(store, [resolve_commit(self.repository, revision)])
        wanted = [inside(path) for path in paths]
        return list(islice(touching(store, commits, wanted) if wanted else commits, limit))

    def files(self, revision: str = "HEAD") -> dict[str, TreeEntry]:
        """The files of a revision by path, with size and id."""
        from sovrgit.pod.revisions import resolve_path
        from sovrgit.pod.treediff import walk

        top = resolve_path(self.repository, revision, b"")
        found = walk(self.repository.store, top, b"")
        return {os.fsdecode(path): entry for path, entry in found if not entry.is_directory}

    def read(self, path: Where, revision: str = "HEAD") -> bytes:
        """The content of a file in a revision, verified by its hash.

        Raises:
            RevisionNotFound, PathNotFound: if there is no such revision or file.
        """
        from sovrgit.objects.ids import Kind
        from sovrgit.pod.revisions import resolve_path

        entry = resolve_path(self.repository, revision, inside(path))
        if entry.is_directory:
            raise PathNotFound(path=os.fspath(path), where=f"the files of `{revision}`", hint="it is a folder")
        return bytes(self.repository.store.read(entry.id, Kind.BLOB))

    def diff(self, old: str = "HEAD", new: str | None = None) -> list[Change]:
        """The paths in which two revisions differ, or a revision and the working tree.

        Raises:
            RevisionNotFound: if there is no such revision.
        """
        from sovrgit.pod.revisions import resolve_tree
        from sovrgit.pod.treediff import diff_trees
        from sovrgit.pod.worktree import WorkingTree

        before = resolve_tree(self.repository, old)
        if new is not None:
            return list(diff_trees(self.repository.store, before, resolve_tree(self.repository, new)))
        working = WorkingTree.look(self.repository)
        working.head_tree = before
        return working.changes()

    def diff_keys(self, path: Where, old: str = "HEAD~1", new: str = "HEAD") -> list[JsonChange] | None:
        """What differs in a JSON file between two revisions, key by key; None if it is better compared as text."""
        from sovrgit.pod.jsondiff import json_changes

        return json_changes(self.read(path, old), self.read(path, new))
