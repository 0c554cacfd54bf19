"""Whether a pod is a task. Apart from the rest, because every `sovr run` asks."""

from __future__ import annotations

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
from sovrgit.store.files import reporting


def is_task(pod: Pod) -> bool:
    """Whether the recipe on disk is that of a task. One that cannot be read is none: running the pod tells why.

    Raises:
        StorageFailure: if the operating system cannot read it.
    """
    with reporting(pod.root / RECIPE_FILE):
        try:
            return parse_recipe((pod.root / RECIPE_FILE).read_bytes()).kind == "task"
        except (FileNotFoundError, RecipeInvalid):
            return False
