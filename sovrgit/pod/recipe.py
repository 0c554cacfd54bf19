"""The recipe, `recipe.json`: how a pod runs.

Every recipe of the first Sovr CLI is valid. The keys are described in `recipe.schema.json`, next to this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from sovrgit.errors import RecipeInvalid
from sovrgit.pod import recipe_checks as check
from sovrgit.pod.recipe_fields import (
    ExternalFields,
    FilesFields,
    GolemFields,
    RecipeFields,
    ResourcesFields,
    ShareFields,
    TaskPodFields,
    read_fields,
    unknown_keys,
)
from sovrgit.pod.recipe_lines import Fault, Located, Path, locate, path_text
from sovrgit.pod.recipe_task import task_pods
from sovrgit.pod.recipe_types import (
    DEFAULT_LOGS,
    DEFAULT_OUTPUT,
    DEFAULT_PAYLOAD,
    DEFAULT_SCRIPT,
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
        return _Reader(located, file).recipe()
    except Fault as fault:
        raise RecipeInvalid(file=file, at=_at(fault, lines), reason=fault.reason) from None


def expand_exec(command: str, pod_folder: str) -> list[str]:
    """The argv of an `exec` command for a pod in `pod_folder`.

    The command is split as a shell would, without running one; with quotes that do not match it is split at spaces,
    as the first Sovr CLI did. `[@]` becomes the folder after splitting, so that a folder with spaces stays one
    argument.
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


def _at(fault: Fault, lines: Mapping[Path, int]) -> str:
    """The place of a fault as RecipeInvalid prints it behind the file's name."""
    line, column = fault.line, fault.column
    path = fault.path
    while line is None and path:  # a key that is missing is reported at the object that should have it
        line = lines.get(path)
        path = path[:-1]
    if line is None and fault.path:
        line = 1
    place = "" if line is None else f":{line}" + (f", column {column}" if column is not None else "")
    return place + (f", key `{path_text(fault.path)}`" if fault.path else "")


class _Reader:
    """Makes a Recipe of the JSON value: types first, then the meaning of each key."""

    def __init__(self, located: Located, file: str) -> None:
        self._raw: Any = located.value
        self._lines = located.lines
        self._numbers = located.numbers
        self._file = file

    def recipe(self) -> Recipe:
        if not isinstance(self._raw, dict):
            raise Fault("a recipe is an object: `{ \"name\": … }`")
        fields = read_fields(self._raw)
        folder, external = self._payload(("payload",), fields.payload)
        pods = None if isinstance(fields.pods, UnsetType) else task_pods(fields.pods, self._raw["pods"])
        return Recipe(
            name=check.check_name(("name",), fields.name),
            description=fields.description,
            version=self._as_text(("version",), fields.version),
            author=fields.author,
            public=fields.public,
            golem=None if isinstance(fields.golem, UnsetType) else self._golem(fields.golem),
            pods=pods,
            payload_folder=folder,
            external=external,
            extra=unknown_keys(self._raw, RecipeFields),
            file=self._file,
            lines={path_text(path): line for path, line in self._lines.items()},
        )

    def _golem(self, fields: GolemFields) -> Golem:
        raw = self._raw["golem"]
        if fields.exec is UNSET and fields.run is UNSET:
            raise Fault("the key is missing; a compute pod needs `exec` or `run`", ("golem", "exec"))
        payload_folder, external = self._payload(("golem", "payload"), fields.payload)
        output_folder, shared = self._output(fields.output)
        log_key = "logs" if fields.log is UNSET else "log"
        golem = Golem(
            command=self._command(fields.exec),
            script_folder=self._path("script", fields.script) or DEFAULT_SCRIPT,
            payload_folder=payload_folder or DEFAULT_PAYLOAD,
            external=external,
            output_folder=output_folder,
            shared_output=shared,
            log_folder=self._path(log_key, fields.log if log_key == "log" else fields.logs) or DEFAULT_LOGS,
            image=self._text("image", fields.image),
            run=self._run(fields.run),
            each=self._path("each", fields.each),
            resources=self._resources(fields.resources, raw),
            timeout_seconds=_unless_unset(check.check_timeout, "timeout", fields.timeout),
            retries=None if isinstance(fields.retries, UnsetType) else self._whole("retries", fields.retries),
            budget=self._budget(fields.budget),
            network=self._text("network", fields.network),
            subnet=self._text("subnet", fields.subnet),
            python=self._python(fields.python),
            params=_unless_unset(check.check_params, "params", fields.params) or {},
            extra=unknown_keys(raw, GolemFields),
        )
        if log_key == "log":
            self._path("logs", fields.logs)
        _check_folders(golem, fields, log_key)
        return golem
