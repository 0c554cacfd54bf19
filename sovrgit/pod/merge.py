"""Bringing what another commit has changed into the branch that is checked out: merge, cherry-pick, revert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sovrgit.errors import HistoryDiverged, NotFetched, RecipeInvalid, RevisionNotFound, Unsupported
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.lock import refuse_running
from sovrgit.pod.mergebase import merge_bases
from sovrgit.pod.mergestate import MergeState, Operation, forget_state, refuse_unfinished, write_state
from sovrgit.pod.mergetext import Labels
from sovrgit.pod.mergetrees import Conflict, merge_trees
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
from sovrgit.pod.refs import RefChange, Rewritten, branch_name
from sovrgit.pod.switch import Rewrite, move_to
from sovrgit.pod.treediff import diff_trees, find
from sovrgit.store.session import WriteSession

FastForward: TypeAlias = Literal["allowed", "only", "never"]
"""Whether a branch that has nothing of its own just moves forward: it may, it must, or a merge commit is made."""

Outcome: TypeAlias = Literal["nothing", "forward", "merged", "conflicts"]


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What to merge: `label` is what the user calls it. `unrelated` allows histories with no common beginning."""

    other: ObjectId
    label: str
    author: Stamp
    message: str | None = None
    fast_forward: FastForward = "allowed"
    unrelated: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it.

    `commit` is where the branch is now; with conflicts that is where it was. `changed` counts the paths that were
    written. `mixed` says that inputs of both sides came together, so that the output is of neither.
    """

    outcome: Outcome
    commit: ObjectId
    changed: int = 0
    conflicts: tuple[Conflict, ...] = ()
    mixed: bool = False


def merge(pod: Pod, request: MergeRequest, *, time_ns: int) -> Merged:
    """Merge a commit into the branch that is checked out.

    Local changes elsewhere are kept. With conflicts nothing is committed: they stand in the working tree, and wait for
    `resolve` and a commit, or for `abort`.

    Raises:
        MergeUnfinished: if a merge waits already.
        HistoryDiverged: if it was to move forward only, and cannot.
        Unsupported: if the two have no common beginning.
        NotFetched: if that is not known, because history was cut.
        LocalChanges: if a path that would change is changed locally; nothing is touched.
        SovrError: as for `move_to`.
    """
    with pod.lock():
        refuse_unfinished(pod)
        refs = pod.refs.read()
        head = refs.current()
        if head is None:
            return Merged("forward", request.other, move_to(pod, request.other, command="merge", time_ns=time_ns))
        bases = merge_bases(pod.store, head, request.other)
        if request.other in bases:
            return Merged("nothing", head)
        if head in bases and request.fast_forward != "never":
            return Merged("forward", request.other, move_to(pod, request.other, command="merge", time_ns=time_ns))
        if request.fast_forward == "only":
            raise HistoryDiverged(branch=branch_name(refs.head), other=request.label)
        if not bases and pod.store.shallow:
            raise NotFetched(id="older commits", hint="`sovr fetch --unshallow` gets them; then merge")
        if not bases and not request.unrelated:
            raise Unsupported(
                what=f"merging `{request.label}`",
                reason="it has no commit in common with what is checked out",
                hint="`--allow-unrelated` merges it all the same",
            )
        with pod.store.session() as session:
            base = _base_tree(pod, session, bases)
            session.commit()
        message = request.message or f"Merge {request.label}"
        theirs = pod.store.commit(request.other).tree
        state = _State("merge", request.other, request.label, message, None)
        made = (head, request.other), request.author
        return _combine(pod, base, theirs, state, *made, time_ns)


def cherry_pick(pod: Pod, commit: ObjectId, committer: Stamp, *, parent: int = 1, time_ns: int) -> Merged:
    """Do again what a commit has done, on top of the branch that is checked out. Its author and message are kept.

    Args:
        parent: of a merge, which parent it is compared with; the first is 1.

    Raises:
        RevisionNotFound: if the commit has no such parent, or there is no commit yet.
        MergeUnfinished, LocalChanges, SovrError: as for `merge`.
    """
    with pod.lock():
        picked = pod.store.commit(commit)
        before = _parent_tree(pod, commit, picked, parent)
        state = _State("cherry-pick", commit, commit.short, picked.message, picked.author)
        return _combine(pod, before, picked.tree, state, (_head(pod),), committer, time_ns)


def revert(pod: Pod, commit: ObjectId, author: Stamp, *, parent: int = 1, time_ns: int) -> Merged:
    """Take back what a commit has done, by a new commit on the branch that is checked out.

    Raises:
        RevisionNotFound, MergeUnfinished, LocalChanges, SovrError: as for `cherry_pick`.
    """
    with pod.lock():
        taken = pod.store.commit(commit)
        before = _parent_tree(pod, commit, taken, parent)
        message = f'Revert "{taken.summary}"\n\nThis takes back commit {commit}.'
        state = _State("revert", commit, f"before {commit.short}", message, None)
        return _combine(pod, taken.tree, before, state, (_head(pod),), author, time_ns)


@dataclass(frozen=True, slots=True)
class _State:
    operation: Operation
    other: ObjectId
    label: str
    message: str
    author: Stamp | None


def _combine(
    pod: Pod,
    base: ObjectId,
    theirs: ObjectId,
    state: _State,
    parents: tuple[ObjectId, ...],
    who: Stamp,
    time_ns: int,
) -> Merged:
    refuse_unfinished(pod)
    refuse_running(pod.folder, pod.root)
    refs = pod.refs.read()
    head = parents[0]
    ours = pod.store.commit(head).tree
    whole = _whole_folders(pod, ours)
    with pod.store.session() as session:
        labels = Labels(branch_name(refs.head), state.label)
        merged = merge_trees(pod.store, session, base, ours, theirs, labels, whole)
        session.commit()
    if merged.tree == ours and not merged.conflicts and state.operation != "merge":
        return Merged("nothing", head)
    rewrite = Rewrite.prepare(pod, ours, merged.tree)
    if merged.conflicts:
        # First, so that after a crash it is known what the marks in the files mean.
        write_state(
            pod,
            MergeState(
                state.operation,
                head,
                state.other,
                state.label,
                state.message,
                merged.tree,
                merged.conflicts,
                author=state.author,
            ),
        )
        try:
            changed = rewrite.run(shown={conflict.path for conflict in merged.conflicts})
        except BaseException:
            forget_state(pod)
            raise
        rewrite.learn()
        return Merged("conflicts", head, changed, merged.conflicts)
    author = state.author or who
    commit = Commit(merged.tree, parents, author, state.message, committer=who if who != author else None)
    commit = pod.sign(commit)
    with pod.store.session() as session:
        identity = session.add(Kind.COMMIT, commit.encode())
        session.commit()
    changed = rewrite.run()
    rewritten = Rewritten(rewrite.origin(ours), merged.tree) if merged.tree != ours else None
    change = RefChange(refs.head, head, identity)
    pod.refs.update([change], command=state.operation, time_ns=time_ns, rewritten=rewritten)
    rewrite.learn()
    mixed = bool(whole) and _is_mixed(pod, base, ours, theirs, whole)
    return Merged("merged", identity, changed, mixed=mixed)


def _base_tree(pod: Pod, session: WriteSession, bases: list[ObjectId]) -> ObjectId:
    """The tree to compare with: of several common ancestors, what merging them gives, as Git does it."""
    if not bases:
        return EMPTY_TREE_ID
    first, *rest = bases
    tree, merged = pod.store.commit(first).tree, [first]
    for other in rest:
        below = merge_bases(pod.store, merged[-1], other)
        older = pod.store.commit(below[0]).tree if below else EMPTY_TREE_ID
        labels = Labels(merged[-1].short, other.short)
        tree = merge_trees(pod.store, session, older, tree, pod.store.commit(other).tree, labels).tree
        session.commit()
        merged.append(other)
    return tree


def _whole_folders(pod: Pod, tree: ObjectId) -> tuple[str, ...]:
    """The folders that runs make, as the recipe in a tree says."""
    entry = find(pod.store, tree, RECIPE_FILE.encode())
    if entry is None or entry.is_directory:
        return ()
    try:
        recipe = parse_recipe(bytes(pod.store.read(entry.id, Kind.BLOB)))
    except RecipeInvalid:
        return ()
    return () if recipe.golem is None else (recipe.golem.output_folder, recipe.golem.log_folder)


def _is_mixed(pod: Pod, base: ObjectId, ours: ObjectId, theirs: ObjectId, whole: tuple[str, ...]) -> bool:
    """Whether both sides have changed what a run depends on."""
    made = tuple(folder.encode() + b"/" for folder in whole)
    return all(
        any(not change.path.startswith(made) for change in diff_trees(pod.store, base, side)) for side in (ours, theirs)
    )


def _parent_tree(pod: Pod, identity: ObjectId, commit: Commit, number: int) -> ObjectId:
    if not commit.parents and number == 1:
        return EMPTY_TREE_ID
    if number > len(commit.parents):
        raise RevisionNotFound(
            revision=f"{identity.short}^{number}", hint=f"{identity.short} has {len(commit.parents)} parents"
        )
    return pod.store.commit(commit.parents[number - 1]).tree


def _head(pod: Pod) -> ObjectId:
    head = pod.head()
    if head is None:
        raise RevisionNotFound(revision="HEAD", hint="there is no commit yet; run `sovr commit`")
    return head
