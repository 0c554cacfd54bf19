"""Putting earlier outputs aside for the length of a run, so that they can neither be read nor counted as new.

A killed process leaves a note, and the next one ends what is left of the run and puts everything back.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sovrgit.errors import IntegrityFailure, UnsafeName
from sovrgit.pod.pod import Pod
from sovrgit.runs.orphan import end_group
from sovrgit.store.files import reporting, temporary_name, write_atomic
from sovrgit.store.processes import birth_of

NOTE = "running"
"""The file in a repository that is there while the pod runs, and after a run whose `sovr` was killed."""


class Aside:
    """Earlier outputs, out of the way until `keep_new` or the end of the block, which puts them back.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports; everything is as it was.
    """

    def __init__(self, pod: Pod, folders: Sequence[str]) -> None:
        self._pod = pod
        self._folders = tuple(folders)
        self._place = temporary_name(pod.temporary, "aside")
        self._kept_new = False

    def running(self, pid: int) -> None:
        """Note the process that makes the new outputs, so that it can be ended if this one is killed."""
        self._write_note(process={"pid": pid, "birth": birth_of(pid)})

    def keep_new(self) -> None:
        """The run succeeded: its outputs stay, the earlier ones go."""
        self._kept_new = True

    def __enter__(self) -> Aside:
        with reporting(self._pod.root):
            self._place.mkdir()
            self._write_note()
            try:
                for number, folder in enumerate(self._folders):
                    path = self._pod.root / folder
                    if os.path.lexists(path):
                        os.rename(path, self._place / str(number))
                    path.mkdir(parents=True)
            except BaseException:
                _put_back(self._pod, self._place, self._folders)
                raise
        return self

    def __exit__(self, *_: object) -> None:
        with reporting(self._pod.root):
            if self._kept_new:
                _finish(self._pod, self._place)
            else:
                _put_back(self._pod, self._place, self._folders)

    def _write_note(self, **more: Any) -> None:
        note = {"place": self._place.name, "folders": self._folders, **more}
        write_atomic(self._pod.folder / NOTE, json.dumps(note).encode())


def recover(pod: Pod) -> bool:
    """End what is left of a run whose `sovr` was killed, and put back what was aside; whether there was any.

    The caller holds the run lock.

    Raises:
        IntegrityFailure: if the note is damaged. Nothing is touched.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    try:
        with reporting(pod.folder / NOTE):
            try:
                data = (pod.folder / NOTE).read_bytes()
            except FileNotFoundError:
                return False
        place, folders, process = _read_note(data)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityFailure(
            what="the file `.sovr/running`",
            reason="it is cut off or was edited",
            hint="earlier outputs of the run that was killed are in `.sovr/tmp`; move them back and remove the file",
        ) from None
    if process is not None:
        end_group(*process)
    with reporting(pod.root):
        _put_back(pod, pod.temporary / place, folders)
    return True


def _read_note(data: bytes) -> tuple[str, list[str], tuple[int, str] | None]:
    """The name of the folder aside, what was put there, and the process that made the new outputs."""
    note = json.loads(data)
    place, folders, process = note["place"], note["folders"], note.get("process")
    # Only what is in the pod, whoever wrote the note.
    if Path(place).name != place or place in ("", "..") or not isinstance(folders, list):
        raise ValueError
    for folder in folders:
        parts = Path(folder).parts
        if not parts or Path(folder).is_absolute() or ".." in parts:
            raise ValueError
    if process is None:
        return place, folders, None
    pid, birth = process["pid"], process["birth"]
    if type(pid) is not int or type(birth) is not str or pid <= 1:
        raise ValueError
    return place, folders, (pid, birth)


def check_folders(root: Path, folders: Sequence[str]) -> None:
    """Make sure that folders are in the pod and no links on the way lead out of it.

    Raises:
        UnsafeName: if one is a link, or below one.
    """
    for folder in folders:
        path = root
        for part in Path(folder).parts:
            path = path / part
            if path.is_symlink():
                raise UnsafeName(
                    name=folder,
                    reason="it is a link, and a run writes into folders of the pod only",
                    hint="put a real folder in its place, or name another one in recipe.json",
                )


def _put_back(pod: Pod, place: Path, folders: Sequence[str]) -> None:
    for number, folder in enumerate(folders):
        earlier = place / str(number)
        if os.path.lexists(earlier):
            _make_way(pod.root, folder, place / f"new-{number}")
            os.rename(earlier, pod.root / folder)
    _finish(pod, place)


def _make_way(root: Path, folder: str, trash: Path) -> None:
    """Move away whatever a run has put at the place of a folder, or of one above it: a link must not be followed."""
    path = root
    *above, _ = parts = Path(folder).parts
    for depth, part in enumerate(parts):
        path = path / part
        in_the_way = os.path.lexists(path) and (depth == len(above) or path.is_symlink() or not path.is_dir())
        if in_the_way:
            if path.is_dir() and not path.is_symlink():
                # A folder that may not be written to cannot be moved either.
                with contextlib.suppress(PermissionError):
                    path.chmod(0o700)
            os.rename(path, trash.with_name(f"{trash.name}-{depth}"))
        if depth < len(above):
            path.mkdir(exist_ok=True)


def _finish(pod: Pod, place: Path) -> None:
    (pod.folder / NOTE).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        # Folders that may not be written to keep what is in them.
        for folder, _, _ in os.walk(place):
            with contextlib.suppress(PermissionError):
                os.chmod(folder, 0o700)
        shutil.rmtree(place, ignore_errors=True)
