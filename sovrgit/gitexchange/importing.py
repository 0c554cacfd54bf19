"""`sovr git import`: the branches and tags of a Git repository, with all their history, come into a pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sovrgit.errors import GitUnusable, RemoteExists, UnsafeName
from sovrgit.gitexchange.cache import Cache
from sovrgit.gitexchange.exporting import learn
from sovrgit.gitexchange.fromgit import FromGit
from sovrgit.gitexchange.gathering import Reader, gather
from sovrgit.gitexchange.ids import GitId, GitKind
from sovrgit.gitexchange.repository import GitRepository
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.history import is_ancestor
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import HEADS, REMOTES, TAGS, RefChange, Refs, check_ref
from sovrgit.pod.writetree import write_tree
from sovrgit.progress import SILENT, Progress

DEFAULT_NAME = "git"
"""What the other side is called, if nobody says something else: its branches are `git/main` and so on here."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is to be imported.

    Args:
        repository: a Git repository, or the folder of its working tree.
        time_ns: now, in nanoseconds since 1970.
        name: what the other side is called here.
    """

    repository: Path
    time_ns: int
    name: str = DEFAULT_NAME


@dataclass(slots=True)
class Imported:
    """What was done.

    `waiting` are branches whose own ones here were left as they are: they are checked out, or have other commits.
    `skipped` names refs that cannot be had here. `pointers` counts files that stand for larger ones kept by Git LFS,
    `submodules` are the paths of submodules.
    """

    pod: Pod
    head: ObjectId | None = None
    commits: int = 0
    files: int = 0
    moved: list[RefChange] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    pointers: int = 0
    submodules: list[bytes] = field(default_factory=list)


def import_git(pod: Pod, request: ImportRequest, progress: Progress = SILENT) -> Imported:
    """Bring what is new in a Git repository into a pod.

    Its branches become remote branches. A branch of the pod goes forward to that of the same name, or is made if that
    one is new; but never the one that is checked out, and none that has commits of its own.

    Raises:
        RemoteExists: if a remote of the pod has this name.
        GitUnusable, GitDamaged, UnsafeName, Unsupported: if the repository, or something in it, cannot be taken.
        StorageFull, ReadOnly, StorageFailure, Locked: as the operating system reports. No ref has moved.
    """
    if pod.config.get(f"remote.{request.name}.url") is not None:
        raise RemoteExists(name=request.name, hint="call the repository something else with `--name`")
    done = Imported(pod)
    with GitRepository(request.repository) as repository:
        found = _bring(pod, repository, done, progress)
        with pod.lock():
            refs = pod.refs.read()
            changes = _changes(pod, refs, found, request.name, done)
            _record(pod, changes, request, done)
        done.head = pod.head()
    return done


def import_into_new(folder: Path, request: ImportRequest, progress: Progress = SILENT) -> Imported:
    """Make a pod in a new folder out of a Git repository, and check out what is checked out there.

    Raises:
        PodExists: if the folder is not empty.
        GitUnusable: if there is no repository, or no commit in it.
        SovrError: as for `import_git`. Nothing is left behind.
    """
    from sovrgit.remotes.clone import new_pod

    with GitRepository(request.repository) as repository:
        refs = repository.refs()
        branch = _branch_to_check_out(refs, repository.head())
        if branch is None:
            raise GitUnusable(path=request.repository, reason="it has no branch yet", hint="make a commit there first")
        with new_pod(folder) as pod:
            # Scripts of other people are not run before they are approved.
            pod.config.set("pod.foreign", "true")
            done = Imported(pod)
            found = _bring(pod, repository, done, progress)
            head = found[branch]
            commit = pod.store.commit(head)
            progress.begin("writing files", pod.store.tree(commit.tree).size, "bytes")
            try:
                index = write_tree(pod.store, commit.tree, pod.root, lambda _, size: progress.advance(size))
            except UnsafeName as error:
                error.advise("check out another branch in the Git repository, or import it into a pod that is there")
                raise
            finally:
                progress.end()
            at_git = {
                REMOTES + request.name + "/" + name[len(HEADS) :]: value
                for name, value in found.items()
                if name.startswith(HEADS)
            }
            changes = [RefChange(name, None, value) for name, value in sorted({**found, **at_git}.items())]
            _record(pod, changes, request, done, head=branch)
            index.save(pod.index_path)
            pod.finish()
            done.head = head
    return done


def _bring(pod: Pod, repository: GitRepository, done: Imported, progress: Progress) -> dict[str, ObjectId]:
    """Store everything that branches and tags lead to; what they name here."""
    refs = _usable(repository.refs(), done)
    with (
        Cache(pod.folder, pod.store.has) as cache,
        pod.store.session() as session,
        Reader(repository.objects, pod.temporary) as reader,
    ):
        if cache.is_empty and pod.refs.read().values:
            learn(pod, cache, progress)
        for name, git in list(refs.items()):
            kind = repository.objects.kind(git)
            if kind is not GitKind.COMMIT and (name.startswith(HEADS) or kind is not GitKind.TAG):
                done.skipped.append(name)
                del refs[name]
        gathered = gather(reader, cache, refs.values(), progress)
        converter = FromGit(reader, cache, session, progress)
        converter.convert(gathered)
        session.commit()
        cache.save()
        done.commits = len(gathered.commits)
        done.files = len(gathered.blobs)
        done.pointers = len(converter.pointers)
        done.submodules = sorted(converter.submodules)
        found = {}
        for name, git in refs.items():
            ours = cache.ours(git)
            if ours is None:
                done.skipped.append(name)
            else:
                found[name] = ours
    return found


def _usable(refs: Mapping[bytes, GitId], done: Imported) -> dict[str, GitId]:
    """Branches and tags whose names can be names here."""
    usable = {}
    for raw, git in refs.items():
        if not raw.startswith((HEADS.encode(), TAGS.encode())):
            continue
        name = raw.decode("utf-8", "surrogateescape")
        try:
            usable[check_ref(name)] = git
        except UnsafeName:
            done.skipped.append(raw.decode("utf-8", "backslashreplace"))
    return usable


def _branch_to_check_out(refs: Mapping[bytes, GitId], head: bytes) -> str | None:
    branches = [name for name in sorted(refs) if name.startswith(HEADS.encode())]
    wanted = [head, b"refs/heads/main", b"refs/heads/master", *branches]
    for name in wanted:
        if name in branches:
            try:
                return check_ref(name.decode("utf-8", "surrogateescape"))
            except UnsafeName:
                continue
    return None


def _changes(pod: Pod, refs: Refs, found: Mapping[str, ObjectId], name: str, done: Imported) -> list[RefChange]:
    changes = []
    prefix = f"{REMOTES}{name}/"
    gone = dict(refs.under(prefix))
    for ref, new in found.items():
        here = refs.values.get(ref)
        if ref.startswith(TAGS):
            if here is None:
                changes.append(RefChange(ref, None, new))
            elif here != new:
                done.waiting.append(ref)
            continue
        branch = ref[len(HEADS) :]
        before = gone.pop(branch, None)
        changes.append(RefChange(prefix + branch, before, new))
        if here == new:
            continue
        if ref == refs.head or (here is not None and not is_ancestor(pod.store, here, new)):
            # What this side has on top of the other is no reason to say anything.
            if here is None or not is_ancestor(pod.store, new, here):
                done.waiting.append(ref)
        elif here is not None or before is None:
            changes.append(RefChange(ref, here, new))
    changes += [RefChange(prefix + branch, old, None) for branch, old in gone.items()]
    return [change for change in changes if change.old != change.new]


def _record(
    pod: Pod, changes: list[RefChange], request: ImportRequest, done: Imported, head: str | None = None
) -> None:
    pod.refs.update(changes, command="git import", time_ns=request.time_ns, head=head)
    done.moved = changes
