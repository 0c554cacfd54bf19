"""Putting external payload into its folder before a run, without touching what is the pod's own there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from sovrgit.errors import PayloadClash
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, TreeEntry
from sovrgit.pod.external import NOTHING, Placed, read_placed, write_placed
from sovrgit.pod.index import Index
from sovrgit.pod.pod import Pod
from sovrgit.pod.scan import scan, smudge
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treediff import find
from sovrgit.pod.writetree import write_tree
from sovrgit.runs.aside import check_folders
from sovrgit.runs.supplied import Supplied, external_tree, own_entries
from sovrgit.store.files import reporting, temporary_name

INDEX = "external.index"
"""What the placed files looked like, so that they need not be read again: in the repository, a cache."""

_MOUNTED = {errno.EXDEV, errno.EBUSY}
"""What the operating system reports if a folder is mounted from another file system."""


def place_external(pod: Pod, folder: str, supplied: Sequence[Supplied], tree: ObjectId) -> None:
    """Let a folder of the pod hold exactly this external payload, besides what is the pod's own.

    What an earlier run was given goes, here and in folders that were meant before. What nobody knows is refused and
    stays: it would be an input without a record. If this is killed, the next run does it again.

    Args:
        folder: a path from the pod's root.
        tree: that of the whole pod; what it has in the folder is the pod's own.

    Raises:
        PayloadClash: if a place is taken, or something is in the folder that nobody knows. Nothing was changed.
        UnsafeName: if the folder is a link, or a name in the payload leads out of it. Nothing was changed.
        ObjectMissing, IntegrityFailure: if the payload is not here or damaged. Nothing was changed.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    notes = read_placed(pod.folder)
    if not supplied and not notes:
        return
    check_folders(pod.root, [folder, *notes])
    own = own_entries(pod.store, tree, folder)
    with pod.store.session() as session:
        wanted = external_tree(pod.store, session, supplied, own)
        session.commit()
    before = notes.get(folder, NOTHING)
    place = pod.root / folder
    if wanted != EMPTY_TREE_ID:
        _refuse_unknown(place, folder, before.names | _names(own))
    for other in notes.keys() - ({folder} if wanted != EMPTY_TREE_ID else set()):
        _clear(pod, other, notes[other], tree)
        del notes[other]
        write_placed(pod.folder, notes)
    if wanted == EMPTY_TREE_ID or (not own and before.tree == wanted and _is_as_placed(pod, place, wanted)):
        return
    stage = temporary_name(pod.temporary, "external")
    try:
        with reporting(place):
            (stage / "new").mkdir(parents=True)
            (stage / "old").mkdir()
        index = write_tree(pod.store, wanted, stage / "new")
        names = _names(pod.store.tree(wanted).entries)
        # First, so that whatever gets there is known.
        write_placed(pod.folder, {**notes, folder: Placed(before.names | names)})
        with reporting(place):
            place.mkdir(parents=True, exist_ok=True)
            _exchange(stage, place, before.names | names if own else None)
        write_placed(pod.folder, {**notes, folder: Placed(names, wanted)})
        index.save(pod.folder / INDEX)
    finally:
        _remove(stage)


def note_left(pod: Pod, folder: str, tree: ObjectId) -> None:
    """Note what a run has put into the folder of external payload, so that the next one may clear it away.

    Args:
        tree: that of the whole pod before the run.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    notes = read_placed(pod.folder)
    place = pod.root / folder
    if folder not in notes or place.is_symlink() or not place.is_dir():
        return
    with reporting(place):
        names = frozenset(os.listdir(place)) - _names(own_entries(pod.store, tree, folder))
    if not names <= notes[folder].names:
        write_placed(pod.folder, {**notes, folder: notes[folder]._replace(names=names | notes[folder].names)})


def _is_as_placed(pod: Pod, place: Path, wanted: ObjectId) -> bool:
    """Whether a folder holds a tree and nothing else. Files are read if their times do not show it."""
    if not place.is_dir():
        return False
    index = Index.load(pod.folder / INDEX)
    with reporting(place):
        found = scan(place, index, b"", lambda _: (), pod.temporary)
    # What it stores is not kept.
    with pod.store.session() as session:
        is_same = take_snapshot(place, found, index, session).tree == wanted
    if is_same and (found.changed or found.removed):
        smudge(found)
        index.folders = found.folders
        index.save(pod.folder / INDEX)
    return is_same


def _refuse_unknown(place: Path, folder: str, known: Collection[str]) -> None:
    with reporting(place):
        unknown = sorted(set(os.listdir(place)) - set(known)) if place.is_dir() else []
    if unknown:
        raise PayloadClash(
            path=f"{folder}/{unknown[0]}",
            reason="something is there that `sovr` has not put there, and that is not committed",
            hint="move it away, or commit it to make it payload of this pod, and repeat the command",
        )


def _clear(pod: Pod, folder: str, placed: Placed, tree: ObjectId) -> None:
    """Remove what was placed in a folder; and the folder, if nothing else is in it and it is not the pod's own."""
    place = pod.root / folder
    if not place.is_dir():
        return
    own = find(pod.store, tree, folder.encode())
    names = placed.names - (_names(pod.store.tree(own.id).entries) if own is not None and own.is_directory else set())
    trash = temporary_name(pod.temporary, "external")
    try:
        with reporting(place):
            trash.mkdir()
            for name in names:
                _take_away(place / name, trash / name)
            if own is None:
                with contextlib.suppress(OSError):
                    place.rmdir()
    finally:
        _remove(trash)


def _exchange(stage: Path, place: Path, names: Collection[str] | None) -> None:
    """Put what is in `stage/new` into a folder. What has these names there goes to `stage/old`: all, if it is None."""
    new, old = stage / "new", stage / "old"
    try:
        if names is None:
            os.rename(place, old / "all")
            os.rename(new, place)
            return
    except OSError as error:
        if error.errno not in _MOUNTED:
            raise
        names = os.listdir(place)
    for name in names:
        _take_away(place / name, old / name)
    for name in os.listdir(new):
        try:
            os.rename(new / name, place / name)
        except OSError as error:
            if error.errno not in _MOUNTED:
                raise
            shutil.copytree(new, place, symlinks=True, dirs_exist_ok=True)
            return


def _take_away(path: Path, trash: Path) -> None:
    try:
        os.rename(path, trash)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _MOUNTED:
            raise
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, whatever it allows."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        # Folders that may not be written to keep what is in them.
        for folder, _, _ in os.walk(path):
            with contextlib.suppress(PermissionError):
                os.chmod(folder, 0o700)
        shutil.rmtree(path, ignore_errors=True)


def _names(entries: Sequence[TreeEntry]) -> frozenset[str]:
    return frozenset(os.fsdecode(entry.name) for entry in entries)
