"""Branches: listing, making, removing, renaming, and checking one out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sovrgit.errors import NameTaken, NotMerged, RevisionNotFound, UnsafeName
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import DETACHED, HEADS, REMOTES, RefChange, Refs, branch_name, check_ref
from sovrgit.pod.switch import move_to

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch: `name` without `refs/heads/`, or with the remote's name before it."""

    name: str
    id: ObjectId
    current: bool = False
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """What was checked out. `branch` is `HEAD` if it is a commit itself; `changed` counts the paths that were written.

    `left` is a commit that no branch or tag leads to any more.
    """

    branch: str
    commit: ObjectId | None
    changed: int
    made: bool = False
    left: ObjectId | None = None


def branches(pod: Pod, *, here: bool = True, remote: bool = False) -> list[Branch]:
    """The branches of this pod, those that were last seen at remotes, or both, by name."""
    refs = pod.refs.read()
    found = []
    if here:
        found += [Branch(name, value, HEADS + name == refs.head) for name, value in refs.under(HEADS).items()]
    if remote:
        found += [Branch(name, value, remote=True) for name, value in refs.under(REMOTES).items()]
    return sorted(found, key=lambda branch: (branch.remote, branch.name))


def create_branch(pod: Pod, name: str, start: ObjectId, *, time_ns: int, force: bool = False) -> Branch:
    """Make a branch that begins at a commit; with `force` move one that is there.

    Raises:
        NameTaken: if there is one of this name, or it is checked out and cannot be moved so.
        UnsafeName: if a branch cannot be called so.
    """
    ref = branch_ref(name)
    with pod.lock():
        refs = pod.refs.read()
        old = refs.values.get(ref)
        _check_free(refs, name, ignored=ref if force else None)
        if old is not None and ref == refs.head:
            raise NameTaken(what="branch", name=name, hint="it is checked out; switch to another one to move it")
        pod.refs.update([RefChange(ref, old, start)], command="branch", time_ns=time_ns)
    return Branch(name, start)


def delete_branch(pod: Pod, name: str, *, time_ns: int, force: bool = False) -> Branch:
    """Remove a branch whose commits are in what is checked out, or at a remote; with `force` any.

    Raises:
        RevisionNotFound: if there is none of this name.
        NameTaken: if it is checked out.
        NotMerged: if commits would be in no branch any more.
    """
    ref = HEADS + name
    with pod.lock():
        refs = pod.refs.read()
        tip = _tip(refs, name)
        if ref == refs.head:
            raise NameTaken(what="branch", name=name, hint="it is checked out; switch to another one to remove it")
        if not force and not _is_kept(pod, refs, tip):
            raise NotMerged(branch=name)
        pod.refs.update([RefChange(ref, tip, None)], command="branch --delete", time_ns=time_ns)
    return Branch(name, tip)


def rename_branch(pod: Pod, old: str, new: str, *, time_ns: int) -> Branch:
    """Give a branch another name.

    Raises:
        RevisionNotFound: if there is none of this name.
        NameTaken: if there is one of the new name.
        UnsafeName: if a branch cannot be called so.
    """
    before, after = HEADS + old, branch_ref(new)
    with pod.lock():
        refs = pod.refs.read()
        tip = _tip(refs, old)
        _check_free(refs, new, ignored=before)
        current = before == refs.head
        if before != after:
            changes = [RefChange(before, tip, None), RefChange(after, None, tip)]
            pod.refs.update(changes, command="branch --move", time_ns=time_ns, head=after if current else None)
    return Branch(new, tip, current)


def switch_branch(pod: Pod, name: str, *, time_ns: int) -> Switched:
    """Check out a branch; one that only a remote has is made first, where the remote's is.

    Raises:
        RevisionNotFound: if there is no such branch, or several remotes have one.
        LocalChanges: if a file that would change is changed locally; nothing is touched.
        SovrError: as for `move_to`.
    """
    with pod.lock():
        refs = pod.refs.read()
        ref = HEADS + name
        changes: list[RefChange] = []
        target = refs.values.get(ref)
        if target is None and ref == refs.head:
            return Switched(name, None, 0)
        if target is None:
            target = _at_remote(refs, name)
            changes.append(RefChange(check_ref(ref), None, target))
        return _move(pod, refs, ref, target, changes, time_ns)


def switch_new(pod: Pod, name: str, start: ObjectId | None, *, time_ns: int) -> Switched:
    """Make a branch, at a commit or where one is, and check it out.

    Raises:
        NameTaken, UnsafeName: as for `create_branch`.
        LocalChanges, SovrError: as for `switch_branch`.
    """
    ref = branch_ref(name)
    with pod.lock():
        refs = pod.refs.read()
        _check_free(refs, name)
        target = start or refs.current()
        if target is None:
            pod.refs.update([], command="switch", time_ns=time_ns, head=ref)
            return Switched(name, None, 0, made=True)
        return _move(pod, refs, ref, target, [RefChange(ref, None, target)], time_ns)


def switch_detached(pod: Pod, commit: ObjectId, *, time_ns: int) -> Switched:
    """Check out a commit itself: what is committed then is on no branch.

    Raises:
        LocalChanges, SovrError: as for `switch_branch`.
    """
    with pod.lock():
        refs = pod.refs.read()
        return _move(pod, refs, DETACHED, commit, [RefChange(DETACHED, refs.values.get(DETACHED), commit)], time_ns)


def branch_ref(name: str) -> str:
    """The full name of a branch.

    Raises:
        UnsafeName: if a branch cannot be called so, or would be taken for something else.
    """
    hint = "choose a name of letters, digits, `-`, `_` and `/`"
    if name in ("HEAD", "@") or name.startswith(("-", "refs/")) or _ID.fullmatch(name):
        raise UnsafeName(name=name, reason="no branch can be called so, since it means something else", hint=hint)
    try:
        return check_ref(HEADS + name)
    except UnsafeName as error:
        error.advise(hint)
        raise


def _move(pod: Pod, refs: Refs, ref: str, target: ObjectId, changes: list[RefChange], time_ns: int) -> Switched:
    left = None
    if refs.head == DETACHED and ref != DETACHED:
        before = refs.values.get(DETACHED)
        changes.append(RefChange(DETACHED, before, None))
        reached = {value for name, value in refs.values.items() if name != DETACHED}
        if before is not None and before != target and not any(is_ancestor(pod.store, before, tip) for tip in reached):
            left = before
    changed = move_to(pod, target, command="switch", time_ns=time_ns, head=ref, changes=changes)
    made = any(change.name == ref and change.old is None for change in changes) and ref != DETACHED
    return Switched(branch_name(ref), target, changed, made, left)


def _tip(refs: Refs, name: str) -> ObjectId:
    tip = refs.values.get(HEADS + name)
    if tip is None:
        raise RevisionNotFound(revision=name, hint="`sovr branch` lists the branches")
    return tip


def _at_remote(refs: Refs, name: str) -> ObjectId:
    found = {value: remote for remote, value in refs.under(REMOTES).items() if remote.partition("/")[2] == name}
    if len(found) == 1:
        return next(iter(found))
    if found:
        several = ", ".join(f"`{remote}`" for remote in sorted(found.values()))
        raise RevisionNotFound(
            revision=name, hint=f"{several} differ; `sovr switch -c {name} REMOTE/{name}` takes one of them"
        )
    if refs.full_name(name) is not None:
        raise RevisionNotFound(revision=name, hint=f"it is no branch; `sovr switch --detach {name}` looks at it")
    raise RevisionNotFound(
        revision=name, hint=f"`sovr branch` lists the branches, `sovr switch -c {name}` makes a new one"
    )


def _check_free(refs: Refs, name: str, ignored: str | None = None) -> None:
    """Refuse a name that is taken, or that is a folder of others as Git sees it: `a` and `a/b` cannot both be."""
    ref = HEADS + name
    for other in (*refs.values, refs.head):
        if other == ignored:
            continue
        if other == ref and (other in refs.values or other == refs.head):
            raise NameTaken(what="branch", name=name)
        if other.startswith(ref + "/") or ref.startswith(other + "/"):
            raise NameTaken(what="branch", name=other.removeprefix(HEADS), hint=f"`{name}` cannot be beside it")


def _is_kept(pod: Pod, refs: Refs, tip: ObjectId) -> bool:
    others = [refs.current(), *refs.under(REMOTES).values()]
    return any(other is not None and is_ancestor(pod.store, tip, other) for other in others)
