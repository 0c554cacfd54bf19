"""What of a pod's content a clone is to have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sovrgit.errors import PathNotFound, RecipeInvalid
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.tree import TreeEntry
from sovrgit.pod.ignore import IGNORE_FILE
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
from sovrgit.pod.sparse import Sparse
from sovrgit.pod.treediff import find
from sovrgit.store.store import ObjectStore

_USUAL_FOLDERS = ("payload", "output")
"""What is taken for payload and output in a pod whose recipe names none."""

_ALWAYS = (RECIPE_FILE.encode(), IGNORE_FILE.encode())
"""What is here however little is wanted: it says what the pod is, and which files do not belong to it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be here: all files, those at some paths, or those that are neither payload nor output; of all
    commits, or of no more than `depth` of each branch."""

    payload: bool = True
    only: Sequence[bytes] = ()
    depth: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything is to be here."""
        return self.payload and not self.only and self.depth is None

    def rules(self, store: ObjectStore, tree: ObjectId) -> Sparse:
        """What is left out of a commit's tree, and of those that follow it. Recipe and ignore rules never are.

        Raises:
            PathNotFound: if there is nothing at one of the paths.
        """
        for path in self.only:
            if path and find(store, tree, path) is None:
                raise PathNotFound(path=os.fsdecode(path), where="the commit that is cloned")
        sparse = Sparse.only([*self.only, *_ALWAYS]) if self.only else Sparse()
        if not self.payload:
            sparse = sparse.with_paths(_payload_folders(store, tree), out=True)
        return sparse


EVERYTHING = Selection()


def recipe_entry(store: ObjectStore, tree: ObjectId) -> TreeEntry | None:
    """The recipe of a pod, if there is one."""
    entry = find(store, tree, RECIPE_FILE.encode())
    return None if entry is None or entry.is_directory else entry


def _payload_folders(store: ObjectStore, tree: ObjectId) -> list[bytes]:
    entry = recipe_entry(store, tree)
    folders: Sequence[str] = _USUAL_FOLDERS
    if entry is not None:
        try:
            golem = parse_recipe(bytes(store.read(entry.id, Kind.BLOB))).golem
        except RecipeInvalid:
            golem = None
        if golem is not None:
            folders = (golem.payload_folder, golem.output_folder)
    return [folder.encode() for folder in folders]
