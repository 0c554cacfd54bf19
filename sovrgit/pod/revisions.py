"""What a revision stands for: `HEAD`, branches, `origin/main`, tags, short ids, `main@{1}`, `~n` and `^n`."""

from __future__ import annotations

import re

from sovrgit.errors import PathNotFound, RevisionAmbiguous, RevisionNotFound, RunNotFound
from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS
from sovrgit.pod.treediff import find

MIN_DIGITS = 4
"""Hexadecimal digits of the shortest id that is understood, as in Git."""

_CANDIDATES = 10_000
"""Objects looked at that share their first digits: a pod of 600 million has so many that share four."""

_LISTED = 10
"""Ids that are named when digits are ambiguous."""

_SUFFIX = re.compile(r"(?:[~^][0-9]{0,9})+\Z")
_STEP = re.compile(r"([~^])([0-9]*)")
_EARLIER = re.compile(r"(?s)(.*)@\{([^{}]*)\}\Z")
_HEX = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},{2 * ID_SIZE}}}")


def resolve_commit(pod: Pod, revision: str) -> ObjectId:
    """The commit that a revision stands for.

    Raises:
        RevisionNotFound, RevisionAmbiguous: if it stands for none, or for several.
        ObjectMissing: if it stands for one that is not here.
    """
    match = _SUFFIX.search(revision)
    base, steps = (revision[: match.start()], match.group()) if match else (revision, "")
    found = _named(pod, base or "HEAD")
    if found is None:
        found = _with_digits(pod, base, (Kind.COMMIT, Kind.TAG))
    if found is None:
        raise RevisionNotFound(revision=revision, hint=_other_kind(pod, base))
    found = _peel(pod, found, revision)
    for sign, number in _STEP.findall(steps):
        found = _step(pod, found, sign, int(number) if number else 1, revision)
    return found


def resolve_tree(pod: Pod, revision: str) -> ObjectId:
    """The tree of the commit that a revision stands for; a tree's own id is understood too.

    Raises:
        RevisionNotFound, RevisionAmbiguous: if it stands for none, or for several.
    """
    try:
        return pod.store.commit(resolve_commit(pod, revision)).tree
    except RevisionNotFound as error:
        found = _with_digits(pod, revision, (Kind.TREE,))
        if found is None:
            raise error from None
        return found


def resolve_path(pod: Pod, revision: str, path: bytes) -> TreeEntry:
    """The entry at a path in a revision; an empty path stands for the whole tree.

    Raises:
        RevisionNotFound, RevisionAmbiguous: if there is no such revision, or there are several.
        PathNotFound: if the revision has no such path.
    """
    tree = resolve_tree(pod, revision)
    if not path:
        return TreeEntry(b"", EntryKind.DIRECTORY, tree, pod.store.tree(tree).size)
    entry = find(pod.store, tree, path)
    if entry is None:
        raise PathNotFound(path=path.decode("utf-8", "backslashreplace"), where=f"`{revision}`")
    return entry


def resolve_run(pod: Pod, text: str) -> ObjectId:
    """The run with a full or short id; a revision stands for the run that made its commit.

    Raises:
        RunNotFound, RevisionAmbiguous: if there is none, or there are several.
    """
    found = _with_digits(pod, text, (Kind.RUN,))
    if found is not None:
        return found
    try:
        run = pod.store.commit(resolve_commit(pod, text)).run
    except RevisionNotFound:
        raise RunNotFound(run=text) from None
    if run is None:
        raise RunNotFound(
            run=text, hint=f"the commit `{text}` was not made by a run; `sovr runs` lists those that were"
        )
    return run


def resolve_any(pod: Pod, text: str) -> tuple[ObjectId, Kind]:
    """Whatever an id or a name stands for, commits first.

    Raises:
        RevisionNotFound, RevisionAmbiguous: if it stands for nothing, or for several things.
    """
    try:
        return resolve_commit(pod, text), Kind.COMMIT
    except RevisionNotFound as error:
        found = _with_digits(pod, text, (Kind.RUN, Kind.VERDICT, Kind.TREE, Kind.BLOB))
        if found is None:
            raise error from None
        return found, pod.store.kind(found)


def _named(pod: Pod, name: str) -> ObjectId | None:
    earlier = _EARLIER.fullmatch(name)
    if earlier is not None:
        return _earlier(pod, *earlier.groups())
    refs = pod.refs.read()
    if name in ("HEAD", "@"):
        head = refs.current()
        if head is None:
            raise RevisionNotFound(revision="HEAD", hint="there is no commit yet; run `sovr commit`")
        return head
    found = refs.full_name(name)
    return refs.values[found] if found is not None else None


def _earlier(pod: Pod, name: str, when: str) -> ObjectId | None:
    """Where a ref was: so many moves ago, at a time, or what was checked out so many switches ago (`@{-1}`)."""
    from sovrgit.pod.reflog import checked_out_before, position, position_at, time_of

    revision = f"{name}@{{{when}}}"
    refs = pod.refs.read()
    if not name and re.fullmatch(r"-[1-9][0-9]{0,8}", when):
        ref = checked_out_before(pod, int(when[1:]))
        found = refs.values.get(ref) if ref is not None else None
        if ref is not None and found is None:
            raise RevisionNotFound(revision=revision, hint=f"`{ref.removeprefix(HEADS)}` is no more")
        return found
    # As in Git, `@{1}` is about the branch, `HEAD@{1}` also about switching between branches.
    ref = "HEAD" if name == "HEAD" else refs.head if name in ("", "@") else refs.full_name(name)
    if ref is None:
        return None
    if when.isascii() and when.isdecimal():
        return position(pod, ref, int(when), revision)
    moment = time_of(when)
    if moment is None:
        hint = "in the braces stands a number, or a time such as `2026-01-31` or `2026-01-31 12:00`"
        raise RevisionNotFound(revision=revision, hint=hint)
    return position_at(pod, ref, moment, revision)


def _with_digits(pod: Pod, digits: str, kinds: tuple[Kind, ...]) -> ObjectId | None:
    """The object of one of these kinds whose id begins with the digits, None if there is none or they are no digits."""
    if not _HEX.fullmatch(digits):
        return None
    found = [digest for digest, kind in pod.store.starting_with(digits, _CANDIDATES) if kind in kinds]
    if len(found) > 1:
        listed = ", ".join(digest.short for digest in found[:_LISTED])
        raise RevisionAmbiguous(revision=digits, candidates=f"{listed}, …" if len(found) > _LISTED else listed)
    return found[0] if found else None


def _other_kind(pod: Pod, digits: str) -> str | None:
    """What to tell of an id that is no commit's."""
    if not _HEX.fullmatch(digits):
        return None
    kinds = {kind for _, kind in pod.store.starting_with(digits, _CANDIDATES)}
    return f"it names a {kinds.pop().label}; `sovr show {digits}` shows it" if len(kinds) == 1 else None


def _peel(pod: Pod, found: ObjectId, revision: str) -> ObjectId:
    kind = pod.store.kind(found)
    while kind is Kind.TAG:
        found = pod.store.tag(found).target
        kind = pod.store.kind(found)
    if kind is not Kind.COMMIT:
        raise RevisionNotFound(revision=revision, hint=f"it names a {kind.label}")
    return found


def _step(pod: Pod, commit: ObjectId, sign: str, number: int, revision: str) -> ObjectId:
    if sign == "^":
        parents = (commit, *pod.store.commit(commit).parents)
        if number >= len(parents):
            raise RevisionNotFound(revision=revision, hint=f"{commit.short} has {len(parents) - 1} parents")
        return parents[number]
    for _ in range(number):
        parents = pod.store.commit(commit).parents
        if not parents:
            raise RevisionNotFound(revision=revision, hint=f"the history begins with {commit.short}")
        commit = parents[0]
    return commit
