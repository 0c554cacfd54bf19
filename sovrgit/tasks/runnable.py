"""What a pod must be to run in a task, and how it is made to look as a run will find it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sovrgit.errors import RecipeInvalid, TaskInvalid
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Golem, Recipe
from sovrgit.pod.treediff import find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.runs.inputs import read_recipe
from sovrgit.store.store import ObjectStore


def runnable_recipe(store: ObjectStore, tree: ObjectId, name: str, where: str) -> tuple[ObjectId, Recipe, Golem]:
    """The recipe of a pod, which must be one that runs by itself: its id, it, and how it runs.

    Raises:
        TaskInvalid: if it is broken, that of a task, or that of data.
        ObjectMissing, IntegrityFailure: if it cannot be read.
    """
    try:
        recipe_id, recipe = read_recipe(store, tree)
    except RecipeInvalid as error:
        raise TaskInvalid(reason=f"the pod `{name}` ({where}): {error.message}", hint=error.hint) from error
    if recipe.kind == "task":
        raise TaskInvalid(
            reason=f"the pod `{name}` ({where}) is a task itself",
            hint="name the pods of that task in this one; a task in a task is not run",
        )
    if recipe.golem is None:
        raise TaskInvalid(
            reason=f"the pod `{name}` ({where}) only holds data, so there is nothing to run",
            hint="name what is wanted of it in `payload` of recipe.json",
        )
    return recipe_id, recipe, recipe.golem


class Normalizer:
    """Puts the folders that a run makes into trees, so that what is planned is what a run will find."""

    def __init__(self, pod: Pod) -> None:
        self._store = pod.store
        self._session = pod.store.session()
        self._changed = False

    def __call__(self, tree: ObjectId, golem: Golem) -> ObjectId:
        """A tree of a pod with the folders that its recipe names."""
        editor = TreeEditor(self._store, tree)
        missing = [
            folder
            for folder in (golem.payload_folder, golem.output_folder, golem.log_folder)
            if folder != "." and find(self._store, tree, folder.encode()) is None
        ]
        if not missing:
            return tree
        for folder in missing:
            editor.put(folder.encode(), TreeEntry(b"", EntryKind.DIRECTORY, EMPTY_TREE_ID, 0))
        self._changed = True
        return editor.write(self._session)

    def finish(self) -> None:
        """Make what was stored visible."""
        if self._changed:
            self._session.commit()

    def close(self) -> None:
        """Let go of what was not."""
        self._session.abandon()


@contextlib.contextmanager
def normalizing(pod: Pod) -> Iterator[Normalizer]:
    """A normalizer, whose trees are in the pod when the block ends without an error."""
    normalizer = Normalizer(pod)
    try:
        yield normalizer
        normalizer.finish()
    finally:
        normalizer.close()
