"""The summary of a pod that travels with its manifest, for listings."""

from __future__ import annotations

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.pod import Pod


def recipe_summary(pod: Pod) -> dict[str, str]:
    """Name, kind and description of the pod as its last commit has them; empty if it has no valid recipe."""
    from sovrgit.runs.inputs import read_recipe

    try:
        recipe = read_recipe(pod.store, pod.head_tree())[1]
    except RecipeInvalid:
        return {}
    values = {
        "name": recipe.name,
        "kind": str(recipe.kind),
        "description": recipe.description,
        "version": recipe.version,
        "author": recipe.author,
    }
    return {key: value for key, value in values.items() if value}
