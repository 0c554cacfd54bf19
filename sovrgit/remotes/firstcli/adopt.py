"""Making a pod of ours of what the first Sovr CLI stored: the same commit for everybody who does it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from sovrgit.errors import ArchiveInvalid, RecipeInvalid
from sovrgit.objects.commit import Commit, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import EMPTY_TREE, EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
from sovrgit.pod.recipe_checks import check_name
from sovrgit.pod.recipe_lines import MAX_SIZE, Fault
from sovrgit.pod.refs import DEFAULT_BRANCH, REMOTES, RefChange
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.progress import SILENT, Progress, Repeatable
from sovrgit.remotes.base import with_retries
from sovrgit.remotes.clone import new_pod
from sovrgit.remotes.firstcli.archive import Unpacked, unpack
from sovrgit.remotes.firstcli.look import FirstPod
from sovrgit.remotes.firstcli.members import LIMITS, Limits
from sovrgit.remotes.firstcli.reading import Pause, PodReader
from sovrgit.store.files import reporting
from sovrgit.store.format import CHUNK_FROM
from sovrgit.store.session import WriteSession

MESSAGE = "As stored by the first Sovr CLI"
UNKNOWN_AUTHOR = "unknown"

ORIGIN = f"{REMOTES}first-cli/main"
"""Where the commit stands too: files that are the same there are somebody else's, and asked about before they run."""

MAX_ARCHIVE = 16 << 30
"""Bytes of an archive that is fetched."""

_LONGEST_AUTHOR = 200


@dataclass(frozen=True, slots=True)
class Adopted:
    """A pod that was made of an archive.

    `size` is in bytes, that of the archive. `warnings` say what is wrong with the pod, though it was cloned.
    """

    pod: Pod
    head: ObjectId
    commit: Commit
    size: int
    warnings: tuple[str, ...]


def adopt_archive(
    archive: Path,
    folder: Path,
    *,
    origin: str,
    time_ns: int,
    name: str | None = None,
    limits: Limits = LIMITS,
    progress: Progress = SILENT,
) -> Adopted:
    """Make a pod in a new folder of the archive of one that the first Sovr CLI stored.

    Its first commit depends on the archive alone. Everything is in it, what `.sovrignore` names too: otherwise a file
    of the archive could pass for one that this user has put there.

    Args:
        folder: must not exist, or be empty.
        origin: where it comes from, for people; holds no secret.
        time_ns: now, in nanoseconds since 1970.
        name: what messages call the archive.

    Raises:
        PodExists: if the folder is not empty.
        ArchiveInvalid, UnsafeName: if the archive is not one to unpack.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.

        Nothing is left behind after any of them.
    """
    with new_pod(folder) as pod:
        return _fill(pod, archive, origin, time_ns, name or archive.name, limits, progress)


def clone_first(
    reader: PodReader,
    found: FirstPod,
    folder: Path,
    *,
    time_ns: int,
    limits: Limits = LIMITS,
    progress: Progress = SILENT,
    pause: Pause = time.sleep,
) -> Adopted:
    """Fetch what `look` found, and make a pod in a new folder of it. Nothing of it is run.

    Raises:
        RemoteUnavailable: if the archive cannot be fetched.
        SovrError: as for `adopt_archive`.
    """
    with new_pod(folder) as pod:
        archive = pod.temporary / "archive"
        _fetch(reader, found.archive, archive, progress, pause)
        adopted = _fill(pod, archive, reader.place, time_ns, f"{found.name}.zip", limits, progress)
        archive.unlink()
        return adopted


def folder_name(found: FirstPod) -> str:
    """What to call the folder for a pod: as the pod, if a folder can be called so."""
    try:
        return check_name((), found.name)
    except Fault:
        return "pod"


def _fetch(reader: PodReader, path: str, target: Path, progress: Progress, pause: Pause) -> None:
    progress.begin("receiving", 0, "bytes")
    counted = Repeatable(progress.advance)

    def attempt() -> bool:
        counted.begin()
        with reporting(target), open(target, "wb") as file:
            return reader.fetch(path, MAX_ARCHIVE, file.write, counted.advance).cut

    try:
        if with_retries(attempt, pause):
            raise ArchiveInvalid(archive=path.removeprefix("/"), reason=f"it has more than {MAX_ARCHIVE} bytes")
    finally:
        progress.end()


def _fill(pod: Pod, archive: Path, origin: str, time_ns: int, name: str, limits: Limits, progress: Progress) -> Adopted:
    """Unpack an archive into a pod that was just made, and commit what is in it."""
    staged = pod.temporary / "unpacked"
    progress.begin("writing files", 0, "bytes")
    try:
        unpacked = unpack(archive, staged, name=name, limits=limits, advance=progress.advance)
    finally:
        progress.end()
    recipe, warnings = _examine(staged, unpacked)
    with reporting(pod.root):
        with pod.store.session() as session:
            commit = Commit(
                tree=store_unpacked(pod, session, staged, unpacked),
                parents=(),
                author=Stamp(_author(recipe), "", unpacked.newest),
                message=MESSAGE,
            )
            head = session.add(Kind.COMMIT, commit.encode())
            session.commit()
        for entry in os.listdir(staged):
            os.rename(staged / entry, pod.root / entry)
        staged.rmdir()
        size = archive.stat().st_size
    pod.config.set("pod.origin", origin)
    # Scripts of other people are not run before they are approved.
    pod.config.set("pod.foreign", "true")
    changes = [RefChange(DEFAULT_BRANCH, None, head), RefChange(ORIGIN, None, head)]
    pod.refs.update(changes, command="clone", time_ns=time_ns)
    pod.finish()
    return Adopted(pod, head, commit, size, tuple(warnings))


def store_unpacked(pod: Pod, session: WriteSession, staged: Path, unpacked: Unpacked) -> ObjectId:
    """Store everything that was unpacked; the tree of it."""
    editor = TreeEditor(pod.store)
    top = os.fsencode(staged)
    if unpacked.folders:
        session.add(Kind.TREE, EMPTY_TREE.encode())
    # A folder before what is in it, which would be lost otherwise.
    for path in sorted(unpacked.folders):
        editor.put(path, TreeEntry(b"", EntryKind.DIRECTORY, EMPTY_TREE_ID, 0))
    for path, kind in unpacked.files:
        if kind is EntryKind.SYMLINK:
            target = os.readlink(top + b"/" + path)
            digest, size = session.add(Kind.BLOB, target), len(target)
        else:
            digest, size = store_file(session, top + b"/" + path)
        editor.put(path, TreeEntry(b"", kind, digest, size))
    return editor.write(session)


def store_file(session: WriteSession, path: bytes) -> tuple[ObjectId, int]:
    """Store a file of any size; its id and size."""
    with open(path, "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size < CHUNK_FROM:
            data = file.read()
            return session.add(Kind.BLOB, data), len(data)
        return session.add_stream(file.readinto)


def _examine(staged: Path, unpacked: Unpacked) -> tuple[bytes | None, list[str]]:
    """The recipe, if there is one, and what is to be said about the pod."""
    warnings = [f"`{os.fsdecode(path)}` was left out: it is a repository of its own" for path in unpacked.left_out]
    path = staged / RECIPE_FILE
    kinds = [file.kind for file in unpacked.files if file.path == RECIPE_FILE.encode()]
    if not kinds or kinds == [EntryKind.SYMLINK]:
        return None, [*warnings, f"there is no `{RECIPE_FILE}` in it, so it cannot be run"]
    with reporting(path), open(path, "rb") as file:
        recipe = file.read(MAX_SIZE + 1)
    try:
        parse_recipe(recipe)
    except RecipeInvalid as error:
        warnings.append(f"it cannot be run: {error.message}")
    return recipe, warnings


def _author(recipe: bytes | None) -> str:
    """The author that a recipe names. Not by the parser of recipes, which may change: commits must not."""
    try:
        document = json.loads(recipe or b"")
        author = document["author"].strip()
        author.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UNKNOWN_AUTHOR
    plain = all(" " <= char != "\x7f" for char in author)
    return author if author and plain and len(author) <= _LONGEST_AUTHOR else UNKNOWN_AUTHOR
