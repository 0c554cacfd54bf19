"""The recipe, `recipe.json`: how a pod runs.

Every recipe of the first Sovr CLI is valid. The keys are described in `recipe.schema.json`, next to this file.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UnsetType

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe_checks import check_name
from sovrgit.pod.recipe_fields import RecipeFields, read_fields, unknown_keys
from sovrgit.pod.recipe_golem import number_text, read_golem, read_payload
from sovrgit.pod.recipe_lines import Fault, Located, Path, locate, path_text
from sovrgit.pod.recipe_task import read_task
from sovrgit.pod.recipe_types import (
    ExternalPayload,
    Golem,
    Recipe,
    RecipeKind,
    Resources,
    TaskPod,
)
from sovrgit.pod.recipe_warnings import recipe_warnings

__all__ = [
    "RECIPE_FILE",
    "ExternalPayload",
    "Golem",
    "Recipe",
    "RecipeKind",
    "Resources",
    "TaskPod",
    "expand_exec",
    "parse_recipe",
    "recipe_schema",
    "recipe_warnings",
]

RECIPE_FILE = "recipe.json"
"""The recipe's name in the pod's root."""

POD_FOLDER_MARK = "[@]"
"""Stands for the pod's folder and a slash in `exec`."""


def parse_recipe(data: bytes, file: str = RECIPE_FILE) -> Recipe:
    """The recipe in the bytes of a file; `file` is what messages call it.

    Raises:
        RecipeInvalid: naming file, line and key, if it cannot be read or a key has a value without meaning.
    """
    lines: Mapping[Path, int] = {}
    try:
        located = locate(data)
        lines = located.lines
        return _read(located, file)
    except Fault as fault:
        raise RecipeInvalid(file=file, at=_at(fault, lines), reason=fault.reason) from None


def expand_exec(command: str, pod_folder: str) -> list[str]:
    """The argv of an `exec` command for a pod in `pod_folder`.

    The command is split as a shell would, without running one; with quotes that do not match it is split at spaces,
    as the first Sovr CLI did. `[@]` becomes the folder and a slash after splitting, so that a folder with spaces in
    its name stays one argument.
    """
    import shlex

    try:
        parts = shlex.split(command)
    except ValueError:
        parts = command.split(" ")
    folder = pod_folder.rstrip("/") + "/"
    return [part.replace(POD_FOLDER_MARK, folder) for part in parts]


def recipe_schema() -> bytes:
    """The JSON Schema (2020-12) of a recipe, for editors and other programs."""
    from importlib.resources import files

    return files("sovrgit.pod").joinpath("recipe.schema.json").read_bytes()


def _read(located: Located, file: str) -> Recipe:
    raw = located.value
    if not isinstance(raw, dict):
        raise Fault('a recipe is an object: `{"name": …}`')
    fields = read_fields(raw)
    folder, external = read_payload(("payload",), fields.payload)
    return Recipe(
        name=check_name(("name",), fields.name),
        description=fields.description,
        version=number_text(("version",), fields.version, located.numbers),
        author=fields.author,
        public=fields.public,
        golem=None if isinstance(fields.golem, UnsetType) else read_golem(fields.golem, raw["golem"], located.numbers),
        pods=None if isinstance(fields.pods, UnsetType) else read_task(fields.pods, raw["pods"]),
        payload_folder=folder,
        external=external,
        extra=unknown_keys(raw, RecipeFields),
        file=file,
        lines={path_text(path): line for path, line in located.lines.items()},
    )


def _at(fault: Fault, lines: Mapping[Path, int]) -> str:
    """The place of a fault, as RecipeInvalid prints it behind the file's name."""
    line = fault.line
    if line is None:
        # A key that is missing is reported at the object that should have it.
        above = (fault.path[:length] for length in range(len(fault.path), -1, -1))
        line = next((lines[path] for path in above if path in lines), None)
    place = "" if line is None else f":{line}"
    if fault.column is not None:
        place += f", column {fault.column}"
    return place + (f", key `{path_text(fault.path)}`" if fault.path else "")
