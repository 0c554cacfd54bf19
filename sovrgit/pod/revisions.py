"""What a revision stands for: `HEAD`, branches, `origin/main`, tags, short ids, `~n` and `^n`."""

from __future__ import annotations

import re

from sovrgit.errors import ObjectMissing, PathNotFound, RevisionAmbiguous, RevisionNotFound, RunNotFound
from sovrgit.objects.ids import ID_SIZE, Kind, ObjectId
from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, TAGS
from sovrgit.pod.treediff import find

MIN_DIGITS = 4
"""Hexadecimal digits of the shortest id that is understood, as in Git."""

_SUFFIX = re.compile(r"(?:~\d*|\^\d*)+$")
_STEP = re.compile(r"([~^])(\d*)")
_HEX = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},{2 * ID_SIZE}}}")


def resolve_commit(pod: Pod, revision: str) -> ObjectId:
    """The commit that a revision stands for.

    Raises:
        RevisionNotFound, RevisionAmbiguous: if it stands for none, or for several.
    """
    match = _SUFFIX.search(revision)
    base, steps = (revision[: match.start()], match.group()) if match else (revision, "")
    found = _named(pod, base or "HEAD")
    if found is None:
        found = _by_digits(pod, base, (Kind.COMMIT, Kind.TAG), revision)
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
    except RevisionNotFound:
        return _by_digits(pod, revision, (Kind.TREE,), revision)


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
    if _HEX.fullmatch(text):
        found = [digest for digest, kind in pod.store.starting_with(text) if kind is Kind.RUN]
        if len(found) == 1:
            return found[0]
        if found:
            raise RevisionAmbiguous(revision=text, candidates=_listed(found))
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
    except RevisionNotFound:
        kinds = (Kind.RUN, Kind.VERDICT, Kind.TREE, Kind.BLOB)
        found = _by_digits(pod, text, kinds, text)
        return found, pod.store.kind(found)


def _named(pod: Pod, name: str) -> ObjectId | None:
    refs = pod.refs.read()
    if name in ("HEAD", "@"):
        head = refs.current()
        if head is None:
            raise RevisionNotFound(revision="HEAD", hint="there is no commit yet; run `sovr commit`")
        return head
    for candidate in (name, f"refs/{name}", TAGS + name, HEADS + name, REMOTES + name):
        if candidate in refs.values:
            return refs.values[candidate]
    return refs.values.get(f"{REMOTES}{name}/main")


def _by_digits(pod: Pod, digits: str, kinds: tuple[Kind, ...], revision: str) -> ObjectId:
    if not _HEX.fullmatch(digits):
        raise RevisionNotFound(revision=revision)
    found = [digest for digest, kind in pod.store.starting_with(digits) if kind in kinds]
    if not found:
        raise RevisionNotFound(revision=revision)
    if len(found) > 1:
        raise RevisionAmbiguous(revision=digits, candidates=_listed(found))
    return found[0]


def _listed(found: list[ObjectId]) -> str:
    return ", ".join(digest.short for digest in found)


def _peel(pod: Pod, found: ObjectId, revision: str) -> ObjectId:
    try:
        kind = pod.store.kind(found)
        while kind is Kind.TAG:
            found = pod.store.tag(found).target
            kind = pod.store.kind(found)
    except ObjectMissing:
        raise RevisionNotFound(revision=revision) from None
    if kind is not Kind.COMMIT:
        raise RevisionNotFound(revision=revision, hint=f"it names a {kind.label}")
    return found


def _step(pod: Pod, commit: ObjectId, sign: str, number: int, revision: str) -> ObjectId:
    if sign == "^":
        parents = (commit, *pod.store.commit(commit).parents)
        if number >= len(parents):
            raise RevisionNotFound(revision=revision)
        return parents[number]
    for _ in range(number):
        parents = pod.store.commit(commit).parents
        if not parents:
            raise RevisionNotFound(revision=revision)
        commit = parents[0]
    return commit
