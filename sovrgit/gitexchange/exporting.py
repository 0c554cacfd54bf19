"""`sovr git export`: a pod's branches and tags become a Git repository's, or go on there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sovrgit.errors import GitRefRefused, RevisionNotFound
from sovrgit.gitexchange.cache import PLAIN, Cache
from sovrgit.gitexchange.commitform import kept_of
from sovrgit.gitexchange.ids import GitId
from sovrgit.gitexchange.notes import NOTES_REF, notes_in, put_note, write_notes
from sovrgit.gitexchange.repository import GitRepository
from sovrgit.gitexchange.sink import PackSink
from sovrgit.gitexchange.togit import ToGit
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.history import ancestors, is_ancestor
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, TAGS, Refs
from sovrgit.progress import SILENT, Progress

_TARGETS = (Kind.COMMIT, Kind.TREE, Kind.BLOB)
"""What a tag can name in Git, too."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be exported.

    Args:
        repository: a Git repository; a new one without a working tree is made if there is nothing.
        lfs_over: files of more bytes than this, that have not come from Git, become pointers of Git LFS; 0 for none.
        force: move branches and tags there even if something is lost by that.
    """

    repository: Path
    lfs_over: int = 0
    force: bool = False


class MovedRef(NamedTuple):
    """A ref of the Git repository that was moved, or made if `old` is None."""

    name: str
    old: GitId | None
    new: GitId


@dataclass(slots=True)
class Exported:
    """What was done.

    `changed` are commits that came from Git and were changed since, so that they have other ids there now; `skipped`
    names tags on what Git does not have, such as runs. `pointers` counts files that became LFS pointers.
    """

    repository: Path
    created: bool
    commits: int = 0
    objects: int = 0
    moved: list[MovedRef] = field(default_factory=list)
    unmoved: int = 0
    notes: int = 0
    pointers: int = 0
    empty_folders: bool = False
    changed: list[ObjectId] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class _Tags(NamedTuple):
    light: dict[str, ObjectId]
    annotated: dict[str, ObjectId]
    others: list[tuple[ObjectId, Kind]]
    skipped: list[str]


def export_git(pod: Pod, request: ExportRequest, progress: Progress = SILENT) -> Exported:
    """Bring a Git repository up to date with the branches and tags of a pod.

    The same pod gives the same ids, whatever was exported before. Commits that came from Git get the ids that they had.
    Nothing there is removed, and a branch only moves forward unless that is forced.

    Raises:
        RevisionNotFound: if the pod has no commit yet.
        GitUnusable, GitDamaged: if the place cannot be used.
        GitRefRefused: if a branch there has other commits, or is checked out; no ref has moved.
        Locked: if another program is moving a ref there; those before it have moved.
        ObjectMissing, IntegrityFailure: if something that is needed is not here, or damaged.
        StorageFull, ReadOnly, StorageFailure: no ref has moved.
    """
    refs = pod.refs.read()
    branches = {name: value for name, value in refs.values.items() if name.startswith(HEADS)}
    if not branches:
        raise RevisionNotFound(revision="HEAD", hint="there is no commit yet; run `sovr commit`")
    created = not request.repository.exists() or (request.repository.is_dir() and not any(request.repository.iterdir()))
    repository = (
        GitRepository.create(request.repository, _head(refs, branches))
        if created
        else GitRepository(request.repository)
    )
    # While ids are found out, nothing that they stand for may be collected.
    pod.store.hold()
    with (
        repository,
        Cache(pod.folder, pod.store.has) as cache,
        PackSink(repository.objects, repository.common) as sink,
    ):
        done = Exported(repository.common, created)
        tags = _tags(pod, refs)
        done.skipped = tags.skipped
        tips = [*branches.values(), *tags.light.values()]
        tips += [item for item, kind in tags.others if kind is Kind.COMMIT]
        converter = ToGit(
            pod.store, cache, sink, large=request.lfs_over, repository=repository.common, progress=progress
        )
        converter.convert(tips, tags.others)
        targets = {
            name: _known(cache, value, request.lfs_over) for name, value in (*branches.items(), *tags.light.items())
        }
        targets |= {name: converter.convert_tag(value) for name, value in tags.annotated.items()}
        moves = _plan(pod, cache, repository, targets, request)
        notes = _notes(pod, cache, repository, sink, tips, converter.runs, request)
        done.objects = sink.finish()
        cache.save()
        _move(repository, moves, done)
        if notes is not None:
            before = repository.ref(NOTES_REF)
            if before != notes[0]:
                _move(repository, [MovedRef(NOTES_REF.decode(), before, notes[0])], done)
            done.notes = notes[1]
        done.commits = converter.commits
        done.unmoved = len(targets) - len(moves)
        done.pointers = converter.pointers
        done.empty_folders = converter.empty_folders
        done.changed = converter.changed
    return done


def learn(pod: Pod, cache: Cache, progress: Progress = SILENT) -> None:
    """Find out what everything in a pod is in Git, without writing anything there."""
    refs = pod.refs.read()
    tags = _tags(pod, refs)
    tips = [value for name, value in refs.values.items() if pod.store.kind(value) is Kind.COMMIT]
    tips += [item for item, kind in tags.others if kind is Kind.COMMIT]
    converter = ToGit(pod.store, cache, progress=progress)
    converter.convert(tips, tags.others)
    for value in tags.annotated.values():
        converter.convert_tag(value)


def _head(refs: Refs, branches: Mapping[str, ObjectId]) -> str:
    return refs.head if refs.head in branches else min(branches)


def _tags(pod: Pod, refs: Refs) -> _Tags:
    found = _Tags({}, {}, [], [])
    for name, value in refs.values.items():
        if not name.startswith(TAGS):
            continue
        target, kind = value, pod.store.kind(value)
        while kind is Kind.TAG:
            tag = pod.store.tag(target)
            target, kind = tag.target, tag.kind
        if kind not in _TARGETS or (target == value and kind is not Kind.COMMIT):
            found.skipped.append(name)
            continue
        found.others.append((target, kind))
        (found.light if target == value else found.annotated)[name] = value
    return found


def _known(cache: Cache, ours: ObjectId, form: int) -> GitId:
    pair = cache.git(ours, form)
    if pair is None:
        raise AssertionError(f"{ours} was not converted")
    return pair[0]


def _plan(
    pod: Pod, cache: Cache, repository: GitRepository, targets: Mapping[str, GitId], request: ExportRequest
) -> list[MovedRef]:
    """The refs to move. All are looked at before the first one moves."""
    checked_out = None if repository.is_bare else repository.head()
    moves = []
    for name, new in sorted(targets.items()):
        old = repository.ref(name.encode())
        if old == new:
            continue
        if name.encode() == checked_out:
            hint = "`git switch --detach` there, or export into a repository without a working tree"
            raise GitRefRefused(name=name, reason="it is checked out there", hint=hint)
        if old is not None and not request.force:
            _check_kept(pod, cache, name, old, new, request.lfs_over)
        moves.append(MovedRef(name, old, new))
    return moves


def _check_kept(pod: Pod, cache: Cache, name: str, old: GitId, new: GitId, form: int) -> None:
    """Refuse to move a ref away from what would be lost by that."""
    if name.startswith(TAGS):
        raise GitRefRefused(
            name=name, reason="there is another tag of this name", hint="`--force` moves it all the same"
        )
    before, after = cache.ours(old), cache.ours(new)
    if before is None or after is None or not is_ancestor(pod.store, before, after):
        raise GitRefRefused(name=name, reason="it has commits that are not in this pod's branch")
    if _known(cache, before, form) != old:
        hint = "give the same `--lfs-over` as before; `--force` replaces the commits there by others"
        raise GitRefRefused(name=name, reason="it was exported with another limit for large files", hint=hint)


def _notes(
    pod: Pod,
    cache: Cache,
    repository: GitRepository,
    sink: PackSink,
    tips: Iterable[ObjectId],
    new: Collection[ObjectId],
    request: ExportRequest,
) -> tuple[GitId, int] | None:
    """The commit of notes for all runs whose results are exported, with the number of those that were added.

    Those of commits that Git has had before are there, unless somebody has taken them away.
    """
    before = repository.ref(NOTES_REF)
    if before is None and Kind.RUN in pod.store.counts():
        new = ancestors(pod.store, tips)
    elif not new:
        return None
    notes, time = notes_in(repository.objects, before) if before is not None else ({}, 0)
    count = 0
    for item in new:
        commit = pod.store.commit(item)
        if commit.run is not None and not kept_of(commit.extra) and pod.store.has(commit.run):
            notes[_known(cache, item, request.lfs_over)] = put_note(sink, commit.run, pod.store.run(commit.run))
            time = max(time, commit.time)
            count += 1
    return (write_notes(sink, notes, time), count) if count else None


def _move(repository: GitRepository, moves: Iterable[MovedRef], done: Exported) -> None:
    for move in moves:
        if not repository.move(move.name.encode(), move.old, move.new):
            raise GitRefRefused(name=move.name, reason="something else has just moved it", hint="repeat the command")
        done.moved.append(move)


__all__ = ["PLAIN", "ExportRequest", "Exported", "MovedRef", "export_git", "learn"]
