"""Where a story goes on in another pod: payload that was taken from it, the pod that this one was forked from, and the
pod whose output was published as a pod of its own."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from sovrgit.lineage.builder import Builder
from sovrgit.lineage.graph import OriginDetails, Relation
from sovrgit.lineage.pods.other import OtherPod, PodState
from sovrgit.lineage.pods.places import shown_reference
from sovrgit.lineage.scope import Scope
from sovrgit.objects.commit import Fork
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import External
from sovrgit.objects.tree import TreeEntry

OTHERWISE = "what stands there is not the same: it was unpacked, or the record is wrong"
"""The note on payload whose id is not that of what the commit has at the path."""

NO_COMMIT = ObjectId(bytes(32))
"""What stands for a commit where payload was taken from no commit: from the folder of a task, as it was then."""

BY_CONTENT = "by its content alone: no record says that it was taken from there"

_LARGEST_SEARCH = 10_000
"""Folders in which a published part of the output is looked for."""


class Question(Protocol):
    """What can explain things of other pods."""

    def scope(self, commit: ObjectId | None, pod: str, depth: int) -> Scope:
        """The history of a commit."""

    def explain_item(self, node: str, scope: Scope, path: bytes, entry: TreeEntry) -> None:
        """Say where a file or folder comes from, if that was not said."""

    def follow_run(self, run: ObjectId, scope: Scope) -> str:
        """The node of a run, which is explained later."""


class Elsewhere:
    """Goes on in other pods, as far as the question's `others` allow."""

    def __init__(self, builder: Builder, question: Question) -> None:
        self._builder = builder
        self._question = question

    def add_external(self, run: str, scope: Scope, external: External, *, foreign: bool) -> None:
        """Payload of another pod that a run used, and the story that it has there."""
        maker = self._maker_of(external)
        if maker is not None:
            # As between the pods of a task: what made it is here, whether a commit holds it or not.
            its = self.scope_of_run(maker, scope)
            node = self._builder.external(external, its.pod)
            self._builder.link(run, node, Relation.USED)
            self._builder.link(node, self._question.follow_run(maker, its), Relation.MADE_BY)
            return
        if external.commit == NO_COMMIT:
            self._builder.link(run, self._builder.external(external), Relation.USED)
            return
        pod, there = self._reach(external.reference, external.commit, scope, foreign=foreign)
        key = there.pod if there is not None else pod.key if pod is not None else ""
        node = self._builder.external(external, key)
        self._builder.link(run, node, Relation.USED)
        self._say_state(node, pod, there)
        commit = self._builder.read_commit(external.commit) if there is not None else None
        if there is None or commit is None:
            return
        path = external.path.encode("utf-8", "surrogateescape").strip(b"/")
        entry = self._builder.find(commit.tree, path) if path else None
        if not path and commit.tree == external.id:
            # All of the pod: its commit says more than its files one by one.
            self._link_commit(node, external.commit, there)
        elif entry is not None and entry.id == external.id:
            self._question.explain_item(node, there, path, entry)
        elif entry is not None:
            item = self._builder.item(path, entry, there.pod)
            self._builder.link(node, item, Relation.COMES_FROM, OTHERWISE)
            self._question.explain_item(item, there, path, entry)
        else:
            self._link_commit(node, external.commit, there)

    def add_origins(self, node: str, scope: Scope, *, foreign: bool) -> list[str]:
        """Where the pod of a history comes from, as its commits say; their references."""
        references = []
        published = False
        for identity in self._builder.while_room(self._builder.index.forks()):
            read = self._builder.read_commit(identity) if identity in scope.history else None
            if read is None or read.fork is None:
                continue
            references.append(read.fork.reference)
            pod, there = None, None
            if read.fork.commit not in scope.history:
                # Only the published part of an output has a history of its own, and each state of it names its origin.
                if published:
                    continue
                published = True
                pod, there = self._reach(read.fork.reference, read.fork.commit, scope, foreign=foreign)
            details = OriginDetails(shown_reference(read.fork.reference), read.fork, identity)
            origin = self._builder.origin(details, there.pod if there is not None else "")
            self._builder.link(node, origin, Relation.FORKED_FROM)
            self._say_state(origin, pod, there)
            if there is not None:
                self._link_commit(origin, read.fork.commit, there)
        return references

    def add_published(self, node: str, scope: Scope, identity: ObjectId, path: bytes, entry: TreeEntry) -> bool:
        """Lead from a file in a commit that published an output to the same one in the pod where it was made; whether
        that is known."""
        commit = self._builder.read_commit(identity)
        fork = commit.fork if commit is not None else None
        if commit is None or fork is None or fork.commit in scope.history:
            return False
        _, there = self._reach(fork.reference, fork.commit, scope, foreign=False)
        folder = self._published_folder(fork, commit.tree) if there is not None else None
        if there is None or folder is None:
            return False
        full = folder + b"/" + path if path else folder
        item = self._builder.item(full, entry, there.pod)
        self._builder.link(node, item, Relation.SAME_CONTENT)
        self._question.explain_item(item, there, full, entry)
        return True

    def add_by_content(self, node: str, scope: Scope, entry: TreeEntry) -> None:
        """A run of another pod that is known and left the same content, where nothing says more."""
        others = self._builder.others
        if others is None or others.index is None or not entry.size or scope.depth:
            return
        for maker in others.index.makers(entry.id):
            commits = [item for item in others.index.commits_of(maker.run) if item not in scope.history]
            key = self._builder.index.place_of(commits[0]) if commits else ""
            if key:
                there = self._question.scope(commits[0], key, scope.depth + 1)
                item = self._builder.item(maker.path, entry, key)
                self._builder.link(node, item, Relation.SAME_CONTENT, BY_CONTENT)
                self._question.explain_item(item, there, maker.path, entry)
                return

    def scope_of_run(self, run: ObjectId, scope: Scope) -> Scope:
        """The history that a run belongs to, if it made a commit; else that of what led to it."""
        commits = self._builder.index.commits_of(run)
        if not commits or commits[0] in scope.history:
            return scope
        key = self._builder.index.place_of(commits[0])
        return self._question.scope(commits[0], key, scope.depth + 1 if key else 0)

    def _maker_of(self, external: External) -> ObjectId | None:
        """The run that is known to have left payload at the same path, if the commit that it was taken from does not
        have it: the first one, because others have put out the same later."""
        commit = self._builder.read_commit(external.commit) if self._builder.store.has(external.commit) else None
        path = external.path.encode("utf-8", "surrogateescape").strip(b"/")
        if commit is not None:
            entry = self._builder.find(commit.tree, path) if path else None
            if external.id == (entry.id if entry is not None else None if path else commit.tree):
                return None
        makers = (maker.run for maker in self._builder.index.makers(external.id) if maker.path == path)
        return next(makers, None)

    # --- how it is done -----------------------------------------------------------------------------------------

    def _reach(
        self, reference: str, commit: ObjectId, scope: Scope, *, foreign: bool
    ) -> tuple[OtherPod | None, Scope | None]:
        """The other pod, if others are looked at, and the history of the commit there, if it is here."""
        others = self._builder.others
        if others is None:
            return None, None
        pod = others.reach(reference, commit, scope.pod, scope.depth + 1, foreign=foreign)
        if not self._builder.store.has(commit):
            return pod, None
        # A circle comes back to the pod that was asked about.
        key = "" if self._builder.index.is_own(commit) else pod.key
        return pod, self._question.scope(commit, key, scope.depth + 1 if key else 0)

    def _say_state(self, node: str, pod: OtherPod | None, there: Scope | None) -> None:
        # What is here by way of another pod need not be fetched again.
        if pod is not None and pod.state is not PodState.FETCHED and not (there and pod.state is PodState.ABSENT):
            self._builder.link(node, self._builder.other(pod), Relation.IN_POD)

    def _link_commit(self, node: str, identity: ObjectId, there: Scope) -> None:
        self._builder.link(node, self._builder.commit(identity, pod=there.pod), Relation.COMES_FROM)
        commit = self._builder.read_commit(identity)
        if commit is not None and commit.run is not None:
            run = self._question.follow_run(commit.run, there)
            self._builder.link(self._builder.commit(identity), run, Relation.MADE_BY)

    def _published_folder(self, fork: Fork, tree: ObjectId) -> bytes | None:
        """The path of a folder in the commit that a fork names."""
        origin = self._builder.read_commit(fork.commit)
        queue = deque([(b"", origin.tree)]) if origin is not None else deque()
        seen: set[ObjectId] = set()
        while queue and len(seen) < _LARGEST_SEARCH:
            path, current = queue.popleft()
            if current in seen:
                continue
            seen.add(current)
            for entry in self._builder.entries(current):
                below = path + b"/" + entry.name if path else entry.name
                if entry.is_directory and entry.id == tree:
                    return below
                if entry.is_directory:
                    queue.append((below, entry.id))
        return None
