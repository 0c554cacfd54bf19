"""Where something comes from: the run that made it, what that run used, and where this came from in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from sovrgit.errors import ObjectMissing, PathNotFound
from sovrgit.lineage.builder import RECIPE_PATH, Builder
from sovrgit.lineage.contents import SHOWN
from sovrgit.lineage.elsewhere import Elsewhere
from sovrgit.lineage.graph import MAX_NODES, Direction, Lineage, OriginDetails, Relation
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.introduced import Introduction, Introductions
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.lineage.pods.places import shown_reference
from sovrgit.lineage.scope import Scope
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import diff_trees, find

UNCOMMITTED = "not committed before the run"
"""The note on an input that no commit had when the run began."""

UNCERTAIN = "or earlier, where the history is not here"


def lineage_of_path(
    pod: Pod,
    index: LineageIndex,
    commit: ObjectId,
    path: bytes,
    *,
    others: OtherPods | None = None,
    limit: int = MAX_NODES,
) -> Lineage:
    """Where a file or folder comes from, as a commit has it. An empty path stands for the commit itself.

    It was made by the latest run among the ancestors of the commit that left the same content at the same path. Where
    there is none, the commit counts that brought it; and if an earlier run had put out the same content elsewhere,
    that run.

    Args:
        others: what is known of other pods; without it the answer ends where another pod begins.
        limit: about how many nodes the answer may have.

    Raises:
        ObjectMissing: if the commit or its tree is not here.
        PathNotFound: if the commit has no such path.
    """
    if not path:
        return lineage_of_commit(pod, index, commit, others=others, limit=limit)
    entry = find(pod.store, pod.store.commit(commit).tree, path)
    if entry is None:
        raise PathNotFound(path=path.decode("utf-8", "backslashreplace"), where=f"`{commit.short}`")
    question = _Question(Builder(pod, index, Direction.UP, limit, others), commit)
    return question.answer(question.begin_with_path(commit, path, entry))


def lineage_of_commit(
    pod: Pod, index: LineageIndex, commit: ObjectId, *, others: OtherPods | None = None, limit: int = MAX_NODES
) -> Lineage:
    """Where a revision comes from: its run, or else the files that it brought.

    Raises:
        ObjectMissing: if the commit is not here.
    """
    read = pod.store.commit(commit)
    question = _Question(Builder(pod, index, Direction.UP, limit, others), commit)
    return question.answer(question.begin_with_commit(commit, read))


def lineage_of_run(
    pod: Pod, index: LineageIndex, run: ObjectId, *, others: OtherPods | None = None, limit: int = MAX_NODES
) -> Lineage:
    """What a run was made of.

    Raises:
        ObjectMissing: if its record is not here.
    """
    known = index.run(run)
    question = _Question(Builder(pod, index, Direction.UP, limit, others), known.commit or known.run.base)
    return question.answer(question.begin_with_run(run))


class _Opened(NamedTuple):
    """A run that is explained: the commits that it began from and made, and whether it began in a copy for a task."""

    id: ObjectId
    base: ObjectId | None
    made: ObjectId | None
    aside: bool


class _Question:
    """One question, answered from the near to the far."""

    def __init__(self, builder: Builder, commit: ObjectId | None) -> None:
        self._builder = builder
        self._index = builder.index
        self._introductions = Introductions(builder)
        self._elsewhere = Elsewhere(builder, self)
        self._scopes: dict[tuple[ObjectId | None, str], Scope] = {}
        self._home = self.scope(commit, "", 0)
        self._root_commit: ObjectId | None = None
        self._theirs: Mapping[ObjectId, int] | None = None
        self._asked: set[str] = set()
        self._queue: deque[Callable[[], None]] = deque()

    def answer(self, root: str) -> Lineage:
        """Follow everything that was found."""
        self._add_origins(root)
        while self._queue and not self._builder.is_full:
            self._queue.popleft()()
        return self._builder.answer(root, truncated=bool(self._queue))

    def scope(self, commit: ObjectId | None, pod: str, depth: int) -> Scope:
        """The history of a commit."""
        if (commit, pod) not in self._scopes:
            self._scopes[commit, pod] = Scope(self._builder, commit, pod, depth)
        return self._scopes[commit, pod]

    # --- beginnings -----------------------------------------------------------------------------------------------

    def begin_with_path(self, commit: ObjectId, path: bytes, entry: TreeEntry) -> str:
        node = self._builder.item(path, entry)
        self._asked.add(node)
        self._explain(node, self._home, path, entry)
        return node

    def explain_item(self, node: str, scope: Scope, path: bytes, entry: TreeEntry) -> None:
        """Say where a file or folder comes from, if that was not said."""
        if node not in self._asked:
            self._asked.add(node)
            self._queue.append(partial(self._explain, node, scope, path, entry))

    def _explain(self, node: str, scope: Scope, path: bytes, entry: TreeEntry) -> None:
        assert scope.commit is not None
        introduction = self._introductions.of(scope.commit, path, entry)
        here = [made for made in scope.made(entry.id) if made[2] == path]
        brought_by = self._run_behind(introduction, path, entry)
        if here:
            others = len({run for _, run, _ in here}) - 1
            note = f"{others} other {'run' if others == 1 else 'runs'} left the same" if others else ""
            self._builder.link(node, self.follow_run(here[-1][1], scope), Relation.MADE_BY, note)
        elif brought_by is not None:
            self._builder.link(node, self.follow_run(brought_by, scope), Relation.MADE_BY)
        if introduction is not None and (not (here or brought_by) or self._took(introduction.commit) is not None):
            self._link_introduction(node, introduction, scope)
        if not here and brought_by is None:
            published = introduction is not None and self._elsewhere.add_published(
                node, scope, introduction.commit, path, entry
            )
            if not published:
                self._link_earlier(node, scope, path, entry, scope.position(introduction))
            if entry.is_directory:
                self._open_folder(node, scope, path, entry)

    def begin_with_commit(self, commit: ObjectId, read: Commit) -> str:
        self._root_commit = commit
        if read.run is not None:
            node = self._builder.commit(commit)
            relation = Relation.MADE_BY if self._took(commit) is None else Relation.TAKEN_FROM
            how = self._builder.how_taken(commit)
            self._builder.link(node, self.follow_run(read.run, self._home), relation, how)
            return node
        changed = self._changed(read)
        node = self._builder.commit(commit, max(0, len(changed) - SHOWN))
        for path, entry in changed[:SHOWN]:
            item = self._builder.item(path, entry)
            self._builder.link(node, item, Relation.CHANGES)
            self._link_earlier(item, self._home, path, entry, self._home.history.get(commit, 0))
        return node

    def begin_with_run(self, run: ObjectId) -> str:
        return self.follow_run(run, self._home)

    def _add_origins(self, root: str) -> None:
        references = self._elsewhere.add_origins(root, self._home, foreign=False)
        origin = self._builder.pod.config.get("pod.origin")
        if origin and origin not in references:
            node = self._builder.origin(OriginDetails(shown_reference(origin)))
            self._builder.link(root, node, Relation.CLONED_FROM)

    def _open_folder(self, node: str, scope: Scope, path: bytes, entry: TreeEntry) -> None:
        for below, item in self._builder.counter.shown(path, entry):
            if below != path:
                child = self._builder.item(below, item, scope.pod)
                self._builder.link(node, child, Relation.CONTAINS)
                self.explain_item(child, scope, below, item)

    def _changed(self, commit: Commit) -> list[tuple[bytes, TreeEntry]]:
        """What a commit brought that none of its parents had."""
        parents = [self._builder.read_commit(parent) for parent in commit.parents]
        trees = [parent.tree for parent in parents if parent is not None]
        try:
            if not trees:
                top = TreeEntry(b"", EntryKind.DIRECTORY, commit.tree, 0)
                return self._builder.counter.shown(b"", top)
            changes = diff_trees(self._builder.pod.store, trees[0], commit.tree)
            changed = [(change.path, change.new) for change in changes if change.new is not None]
        except ObjectMissing as error:
            identity = error.fields["id"]
            assert isinstance(identity, ObjectId)
            self._builder.miss(identity)
            return []
        return [
            (path, entry)
            for path, entry in changed
            if all(self._builder.find(tree, path) != entry for tree in trees[1:])
        ]

    # --- runs -----------------------------------------------------------------------------------------------------

    def follow_run(self, run: ObjectId, scope: Scope) -> str:
        """The node of a run, which is explained later."""
        node = self._builder.run(run, scope.pod)
        if node not in self._asked:
            self._asked.add(node)
            self._queue.append(partial(self._open_run, node, run, scope))
        return node

    def _open_run(self, node: str, identity: ObjectId, scope: Scope) -> None:
        details = self._builder.read_run(identity)
        run = details.run
        made = scope.commit_of(details)
        if made is not None and made != self._root_commit and not self._says_taken(made):
            self._builder.link(node, self._builder.commit(made, pod=scope.pod), Relation.COMMITTED_IN)
        for verdict in self._builder.while_room(self._index.verdicts_on(details.id)):
            self._builder.link(node, self._builder.judgement(verdict), Relation.CHECKED_BY)
        if run is None:
            return
        if run.repeats is not None:
            self._builder.link(node, self.follow_run(run.repeats, scope), Relation.REPEATS)
        for member in self._builder.while_room(run.pods):
            its = self._elsewhere.scope_of_run(member.run, scope)
            self._builder.link(node, self.follow_run(member.run, its), Relation.RAN, member.name)
        opened = _Opened(details.id, run.base, made, self._is_aside(details.id, run))
        for path, entry in self._inputs(run):
            self._add_input(node, opened, scope, path, entry)
        foreign = bool(run.external) and self._is_theirs(made, scope)
        for external in self._builder.while_room(run.external):
            self._elsewhere.add_external(node, scope, external, foreign=foreign)

    def _inputs(self, run: Run) -> list[tuple[bytes, TreeEntry]]:
        """What a run used, the recipe first."""
        try:
            entries = self._builder.store.tree(run.input).entries
        except ObjectMissing:
            return [(b"", TreeEntry(b"", EntryKind.DIRECTORY, run.input, 0))]
        items = [item for entry in entries for item in self._builder.counter.shown(entry.name, entry)]
        return sorted(items, key=lambda item: item[0] != RECIPE_PATH)

    def _add_input(self, run_node: str, run: _Opened, scope: Scope, path: bytes, entry: TreeEntry) -> None:
        introduction, note, made = None, "", run.made
        if run.base is not None and path and not run.aside:
            introduction = self._introductions.of(run.base, path, entry)
        if introduction is None and path and not run.aside and not self._is_unknown(run.base):
            note = UNCOMMITTED
            introduction = self._introductions.of(made, path, entry) if made is not None else None
        node = self._builder.item(path, entry, scope.pod)
        relation = Relation.RECIPE if path == RECIPE_PATH else Relation.USED
        self._builder.link(run_node, node, relation, note)
        if node in self._asked:
            return
        self._asked.add(node)
        before = scope.position(introduction)
        if introduction is None and made is not None:
            before = scope.history.get(made, before)
        self._link_earlier(node, scope, path, entry, before, besides=run.id)
        if introduction is not None:
            self._link_introduction(node, introduction, scope)

    def _is_unknown(self, base: ObjectId | None) -> bool:
        return base is not None and self._builder.read_commit(base) is None

    def _is_aside(self, identity: ObjectId, run: Run) -> bool:
        """Whether a run began in the copy of a pod that a task makes for itself: its commits need not be here."""
        return run.base is not None and not self._builder.has_commit(run.base) and bool(self._index.tasks_of(identity))

    def _is_theirs(self, made: ObjectId | None, scope: Scope) -> bool:
        """Whether a run of this pod came with its clone, so that somebody else has chosen what it names."""
        if scope.pod or self._builder.others is None:
            return False
        if self._theirs is None:
            self._theirs = self._builder.ancestors_at_remotes()
        return made is None or made in self._theirs

    # --- contents -------------------------------------------------------------------------------------------------

    def _link_earlier(
        self,
        node: str,
        scope: Scope,
        path: bytes,
        entry: TreeEntry,
        before: int | None,
        besides: ObjectId | None = None,
    ) -> None:
        """If an earlier run had put out the same content, follow that run. Without content there is nothing to say."""
        if not entry.size:
            return
        earlier = scope.made_before(entry.id, before, besides)
        if earlier is None:
            self._elsewhere.add_by_content(node, scope, entry)
            return
        run, found = earlier
        target = self.follow_run(run, scope)
        if found != path:
            twin = self._builder.item(found, entry, scope.pod)
            self._builder.link(node, twin, Relation.SAME_CONTENT)
            self._asked.add(twin)
            node = twin
        self._builder.link(node, target, Relation.MADE_BY)

    def _link_introduction(self, node: str, introduction: Introduction, scope: Scope) -> None:
        relation = Relation.ADDED_IN if introduction.added else Relation.CHANGED_IN
        commit = self._builder.commit(introduction.commit, pod=scope.pod)
        self._builder.link(node, commit, relation, "" if introduction.certain else UNCERTAIN)
        taken = self._took(introduction.commit)
        if taken is not None:
            how = self._builder.how_taken(introduction.commit)
            self._builder.link(commit, self.follow_run(taken, scope), Relation.TAKEN_FROM, how)

    def _run_behind(self, introduction: Introduction | None, path: bytes, entry: TreeEntry) -> ObjectId | None:
        """The run of the commit that brought a path, if it left the path in its output or log."""
        read = self._builder.read_commit(introduction.commit) if introduction is not None else None
        if read is None or read.run is None:
            return None
        run = self._builder.read_run(read.run).run
        trees = (run.output, run.log) if run is not None else ()
        found = [self._builder.find(tree, path) for tree in trees if tree is not None]
        return read.run if any(item is not None and item.id == entry.id for item in found) else None

    def _says_taken(self, commit: ObjectId) -> bool:
        """Whether a commit itself says that it took a result over."""
        read = self._builder.read_commit(commit)
        return read is not None and read.reuse is not None

    def _took(self, commit: ObjectId) -> ObjectId | None:
        """The run whose output a commit took over, if it did not execute it itself."""
        read = self._builder.read_commit(commit)
        if read is None or read.run is None:
            return None
        if read.reuse is not None:
            return read.run
        return read.run if self._builder.read_run(read.run).made not in (None, commit) else None
