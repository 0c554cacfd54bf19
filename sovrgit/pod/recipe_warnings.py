"""What is allowed in a recipe and yet probably not meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from sovrgit.pod.recipe_checks import is_inside
from sovrgit.pod.recipe_fields import GolemFields, RecipeFields, ResourcesFields, TaskPodFields
from sovrgit.pod.recipe_lines import path_text, shown
from sovrgit.pod.recipe_types import Golem, Recipe

MAX_POD_NAME = 64
"""Bytes in a pod's name on FairOS (`pod name too long`)."""

_SIMILARITY = 0.72
"""How alike two keys must be to suggest one for the other, as difflib counts; `golm` and `golem` have 0.89."""

_AWKWARD = set('\\:*?"<>|')
"""Characters that other systems do not allow in the name of a folder."""


def recipe_warnings(recipe: Recipe) -> list[str]:
    """What looks like a mistake, each with file, line and key; the order is that of the keys' importance."""
    return [f"{recipe.file}{recipe.at(key)}: {reason}" for key, reason in _found(recipe)]


def _found(recipe: Recipe) -> Iterable[tuple[str, str]]:
    yield from _name(recipe.name)
    yield from _unknown("", recipe.extra, RecipeFields)
    golem = recipe.golem
    if golem is not None:
        if recipe.pods is not None:
            yield "pods", "has no effect, because `golem` makes this a compute pod"
        if recipe.payload_folder is not None or recipe.external:
            yield "payload", "has no effect here; a compute pod has its payload inside `golem`"
        yield from _unknown("golem", golem.extra, GolemFields)
        yield from _unknown("golem.resources", golem.resources.extra, ResourcesFields)
        yield from _golem(recipe, golem)
    elif recipe.pods is not None:
        if not recipe.pods:
            yield "pods", "the list is empty, so there is nothing to run"
        for index, pod in enumerate(recipe.pods):
            yield from _unknown(path_text(("pods", index)), pod.extra, TaskPodFields)


def _name(name: str) -> Iterable[tuple[str, str]]:
    if name != name.strip() or not name.isprintable() or name.startswith((".", "-")) or _AWKWARD & set(name):
        yield (
            "name",
            f"`{shown(name)}` is awkward as a folder's name; letters, digits, `-` and `_` work everywhere",
        )
    if len(name.encode()) > MAX_POD_NAME:
        yield "name", f"is longer than {MAX_POD_NAME} bytes, which FairOS does not take"


def _unknown(parent: str, extra: Mapping[str, Any], fields: type[Struct]) -> Iterable[tuple[str, str]]:
    from difflib import get_close_matches

    for key in extra:
        name = path_text((key,))
        where = f"{parent}{'' if name.startswith('[') or not parent else '.'}{name}"
        if not parent and key in GolemFields.__struct_fields__:
            yield where, "is not known here; it belongs inside `golem`"
        elif parent == "golem" and key in RecipeFields.__struct_fields__:
            yield where, "is not known here; it belongs outside of `golem`"
        elif close := get_close_matches(key.lower(), fields.__struct_fields__, n=1, cutoff=_SIMILARITY):
            yield where, f"is not known; did you mean `{close[0]}`?"


def _golem(recipe: Recipe, golem: Golem) -> Iterable[tuple[str, str]]:
    import shlex

    if "golem.log" in recipe.lines and "golem.logs" in recipe.lines:
        yield "golem.logs", f"has no effect, because `log` is given too (`{golem.log_folder}`)"
    if golem.command is not None:
        try:
            shlex.split(golem.command)
        except ValueError:
            yield "golem.exec", "quotes do not match, so the command is split at every space"
    output, log = golem.output_folder, golem.log_folder
    for pattern in golem.compare:
        if pattern == output or is_inside(pattern, output):
            yield path_text(("golem", "compare", pattern)), f"paths are below `{output}`, so it is not part of them"
    log_key = "golem.log" if "golem.log" in recipe.lines else "golem.logs"
    for kind, folder in (("script", golem.script_folder), ("payload", golem.payload_folder)):
        if is_inside(output, folder):
            yield "golem.output", f"is inside the {kind} folder `{folder}`: the output of a run is input of the next"
        if is_inside(log, folder):
            yield log_key, f"is inside the {kind} folder `{folder}`: the logs of a run are input of the next"
        elif is_inside(folder, log):
            yield log_key, f"the {kind} folder `{folder}` is inside the log folder `{log}`"
    if is_inside(log, output):
        yield log_key, f"is inside the output folder `{output}`: two runs will not have the same output"
    elif is_inside(output, log):
        yield "golem.output", f"is inside the log folder `{log}`"
    script, payload = golem.script_folder, golem.payload_folder
    if script != "." and payload != "." and (is_inside(script, payload) or is_inside(payload, script)):
        yield "golem.payload", f"the payload folder `{payload}` and the script folder `{script}` overlap"
