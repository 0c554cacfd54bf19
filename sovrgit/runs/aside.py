"""Putting earlier outputs aside for the length of a run, so that they can neither be read nor counted as new.

A killed process leaves a note, and the next one puts everything back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from sovrgit.errors import UnsafeName
from sovrgit.pod.pod import Pod
from sovrgit.store.files import reporting, temporary_name, write_atomic

_NOTE = "running"


class Aside:
    """Earlier outputs, out of the way until `keep_new` or the end of the block, which puts them back."""

    def __init__(self, pod: Pod, folders: Sequence[str]) -> None:
        self._pod = pod
        self._folders = tuple(folders)
        self._place = temporary_name(pod.temporary, "aside")
        self._kept_new = False

    def keep_new(self) -> None:
        """The run succeeded: its outputs stay, the earlier ones go."""
        self._kept_new = True

    def __enter__(self) -> Aside:
        with reporting(self._pod.root):
            self._place.mkdir()
            write_atomic(self._pod.folder / _NOTE, json.dumps([self._place.name, self._folders]).encode())
            for number, folder in enumerate(self._folders):
                path = self._pod.root / folder
                if os.path.lexists(path):
                    os.rename(path, self._place / str(number))
                path.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept_new:
            _finish(self._pod, self._place)
        else:
            _put_back(self._pod, self._place, self._folders)


def recover(pod: Pod) -> bool:
    """Put back what a run that was killed had put aside; whether there was any. The caller holds the run lock.

    Raises:
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    try:
        name, folders = json.loads((pod.folder / _NOTE).read_bytes())
    except FileNotFoundError:
        return False
    with reporting(pod.root):
        _put_back(pod, pod.temporary / Path(name).name, folders)
    return True


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
        path, earlier = pod.root / folder, place / str(number)
        if earlier.exists():
            shutil.rmtree(path, ignore_errors=True)
            os.rename(earlier, path)
    _finish(pod, place)


def _finish(pod: Pod, place: Path) -> None:
    (pod.folder / _NOTE).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
