"""What became of something: the runs that used it, what they put out, and what was made of that in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from sovrgit.errors import PathNotFound
from sovrgit.lineage.builder import RECIPE_PATH, Builder
from sovrgit.lineage.graph import MAX_NODES, Direction, Lineage, Relation
from sovrgit.lineage.index import LineageIndex, RunInput
from sovrgit.lineage.introduced import Introductions
from sovrgit.lineage.pods.others import OtherPods
from sovrgit.lineage.uses import Uses
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.treediff import find


def made_from(
    pod: Pod,
    index: LineageIndex,
    commit: ObjectId,
    path: bytes,
    *,
    others: OtherPods | None = None,
    limit: int = MAX_NODES,
) -> Lineage:
    """What was made from a file or folder, as a commit has it, wherever runs had this content among their inputs.

    Args:
        others: what is known of other pods: their runs count too.
        limit: about how many nodes the answer may have.

    Raises:
        ObjectMissing: if the commit or its tree is not here.
        PathNotFound: if the commit has no such path.
    """
    tree = pod.store.commit(commit).tree
    entry = (
        find(pod.store, tree, path) if path else TreeEntry(b"", EntryKind.DIRECTORY, tree, pod.store.tree(tree).size)
    )
    if entry is None:
        raise PathNotFound(path=path.decode("utf-8", "backslashreplace"), where=f"`{commit.short}`")
    builder = Builder(pod, index, Direction.DOWN, limit, others)
    question = _Question(builder, entry)
    root = builder.item(path, entry)
    introduction = Introductions(builder).of(commit, path, entry) if path else None
    if introduction is not None:
        relation = Relation.ADDED_IN if introduction.added else Relation.CHANGED_IN
        builder.link(root, builder.commit(introduction.commit), relation)
    return question.answer(root, path, entry, tree)


class _Question:
    """One question, answered from the near to the far."""

    def __init__(self, builder: Builder, entry: TreeEntry) -> None:
        self._builder = builder
        self._index = builder.index
        inputs = self._index.inputs()
        self._finished = {item.run: item.finished for item in inputs}
        wanted = self._index.output_ids()
        wanted.update(self._contents(entry))
        # Few ids: what nobody used need not be asked for, one by one.
        self._external = self._index.external_ids()
        self._uses = Uses(builder, inputs, wanted)
        self._asked: set[str] = set()
        self._queue: deque[Callable[[], None]] = deque()

    def answer(self, root: str, path: bytes, entry: TreeEntry, tree: ObjectId) -> Lineage:
        """Follow everything that was made of what stands at a path below a tree."""
        self._asked.add(root)
        self._open_item(root, path, entry, tree)
        while self._queue and not self._builder.is_full:
            self._queue.popleft()()
        return self._builder.answer(root, truncated=bool(self._queue))

    def _contents(self, entry: TreeEntry) -> list[ObjectId]:
        """The ids by which something may be among a run's inputs: its own, and those of the files in it."""
        if not entry.is_directory:
            return [entry.id]
        return [entry.id, *dict.fromkeys(self._builder.counter.files(entry.id))]

    def _open_item(self, node: str, path: bytes, entry: TreeEntry, tree: ObjectId) -> None:
        since = self._since(path, entry)
        users: dict[ObjectId, tuple[RunInput, bytes]] = {}
        for content in self._contents(entry) if entry.size else ():
            for use, used_path in self._uses.of(content):
                if use.started >= since:
                    users.setdefault(use.run, (use, used_path))
            for taken in self._index.users_of_external(content) if content in self._external else ():
                users.setdefault(taken.run.run, (taken.run, taken.path.encode("utf-8", "surrogateescape")))
        # Payload of another pod may be a folder, of which the record has the id and no more.
        for folder in self._external.intersection(self._builder.folders(tree, path) if self._external else ()):
            for taken in self._index.users_of_external(ObjectId(folder)):
                users.setdefault(taken.run.run, (taken.run, path))
        ordered = sorted(users.values(), key=lambda item: (item[0].started, item[0].run))
        for use, used_path in self._builder.while_room(ordered):
            read = self._builder.read_run(use.run).run
            if read is not None and read.repeats in users:
                # A repetition is shown with the run that it repeats.
                continue
            run = self._builder.run(use.run, self._builder.pod_of_run(use.run))
            relation = Relation.RECIPE if used_path == RECIPE_PATH else Relation.USED
            self._builder.link(run, node, relation, _as(path, used_path))
            if run not in self._asked:
                self._asked.add(run)
                self._queue.append(partial(self._open_run, run, use.run))

    def _since(self, path: bytes, entry: TreeEntry) -> int:
        """When the content was first put out at its path; a run that began before cannot have used what came later."""
        return min((self._finished[item.run] for item in self._index.makers(entry.id) if item.path == path), default=0)

    def _open_run(self, node: str, identity: ObjectId) -> None:
        details = self._builder.read_run(identity)
        commits = self._index.commits_of(details.id)
        for commit in self._builder.while_room(commits):
            place = self._index.place_of(commit)
            if commit == details.made:
                self._builder.link(node, self._builder.commit(commit, pod=place), Relation.COMMITTED_IN)
            else:
                how = self._builder.how_taken(commit)
                self._builder.link(self._builder.commit(commit, pod=place), node, Relation.TAKEN_FROM, how)
        for verdict in self._builder.while_room(self._index.verdicts_on(details.id)):
            self._builder.link(node, self._builder.judgement(verdict), Relation.CHECKED_BY)
        for task, name in self._builder.while_room(self._index.tasks_of(details.id)):
            whole = self._builder.run(task, self._builder.pod_of_run(task))
            self._builder.link(whole, node, Relation.RAN, name)
            if whole not in self._asked:
                self._asked.add(whole)
                self._queue.append(partial(self._open_run, whole, task))
        judged = self._index.judged_repeats(details.id)
        for repeat in self._builder.while_room(self._index.repeats_of(details.id)):
            if repeat not in judged:
                pod = self._builder.pod_of_run(repeat)
                self._builder.link(self._builder.run(repeat, pod), node, Relation.REPEATS)
        # What a failed run has left was taken away again, unless it was committed.
        if details.run is not None and (commits or details.run.succeeded):
            pod = self._index.place_of(commits[0]) if commits else ""
            self._add_outputs(node, details.run, pod)

    def _add_outputs(self, node: str, run: Run, pod: str) -> None:
        if run.output is None:
            return
        for top in self._builder.while_room(self._builder.entries(run.output)):
            for path, entry in self._builder.counter.shown(top.name, top):
                item = self._builder.item(path, entry, pod)
                self._builder.link(item, node, Relation.MADE_BY)
                if item not in self._asked:
                    self._asked.add(item)
                    self._queue.append(partial(self._open_item, item, path, entry, run.output))


def _as(path: bytes, used: bytes) -> str:
    """The note on a use under another name."""
    if not path or used == path or used.startswith(path + b"/") or not used:
        return ""
    return f"as {used.decode('utf-8', 'surrogateescape')}"
