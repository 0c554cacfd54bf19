"""The recipe as it is written: one Struct for each object of the file, and its types checked by msgspec.

Only types are checked here; what values mean is the concern of `recipe_checks.py`.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sovrgit.pod.recipe_lines import Fault, Path

Number: TypeAlias = int | float


class ExternalFields(Struct, frozen=True):
    """An external payload: a file of another pod."""

    ref: str
    data: str


class FilesFields(Struct, frozen=True):
    """External payload in the object form: several files of one pod."""

    pod: str
    files: list[str]


class ShareFields(Struct, frozen=True):
    """An output of which a part is shared."""

    share: str


class ResourcesFields(Struct, frozen=True):
    """What a declared job asks of a provider."""

    memory_gib: Number | UnsetType = UNSET
    storage_gib: Number | UnsetType = UNSET
    threads: Number | UnsetType = UNSET
    workers: Number | UnsetType = UNSET


class DevnetFields(Struct, frozen=True):
    """What the devnet needs to know."""

    images: dict[str, str] | UnsetType = UNSET


class GolemFields(Struct, frozen=True):
    """The object `golem`."""

    exec: str | UnsetType = UNSET
    script: str | UnsetType = UNSET
    payload: str | list[ExternalFields] | FilesFields | UnsetType = UNSET
    output: str | ShareFields | UnsetType = UNSET
    log: str | UnsetType = UNSET
    logs: str | UnsetType = UNSET
    image: str | UnsetType = UNSET
    run: str | list[str] | UnsetType = UNSET
    each: str | UnsetType = UNSET
    resources: ResourcesFields | UnsetType = UNSET
    timeout: Number | str | UnsetType = UNSET
    task_timeout: Number | str | UnsetType = UNSET
    retries: Number | UnsetType = UNSET
    budget: Number | str | UnsetType = UNSET
    network: str | UnsetType = UNSET
    subnet: str | UnsetType = UNSET
    python: Number | str | UnsetType = UNSET
    params: dict[str, Any] | UnsetType = UNSET
    devnet: DevnetFields | UnsetType = UNSET
    compare: dict[str, Any] | UnsetType = UNSET


class TaskPodFields(Struct, frozen=True):
    """A pod of a task in the object form."""

    ref: str
    name: str | UnsetType = UNSET
    needs: list[str] | UnsetType = UNSET
    each: str | UnsetType = UNSET
    matrix: dict[str, list[Any]] | UnsetType = UNSET


class RecipeFields(Struct, frozen=True):
    """The whole file."""

    name: str
    description: str = ""
    version: Number | str = ""
    author: str = ""
    public: bool = False
    golem: GolemFields | UnsetType = UNSET
    pods: list[str | TaskPodFields] | UnsetType = UNSET
    payload: str | list[ExternalFields] | FilesFields | UnsetType = UNSET


_AT = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED = re.compile(r"Expected `(.+?)`(?:, got `(\w+)`)?")
_TYPE_NAMES = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "`true` or `false`",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def read_fields(value: Any) -> RecipeFields:
    """The recipe in a JSON value.

    Raises:
        Fault: with the path of the key that is missing or has a wrong type.
    """
    try:
        return msgspec.convert(value, RecipeFields)
    except msgspec.ValidationError as error:
        raise _fault(str(error)) from None


def unknown_keys(value: Any, fields: type[Struct]) -> dict[str, Any]:
    """The members of a JSON object that `fields` does not define; nothing, if it is not an object."""
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in value.items() if key not in fields.__struct_fields__}


def _fault(message: str) -> Fault:
    """msgspec's message (`Expected `str`, got `int` - at `$.golem.exec``) in our words."""
    where = _AT.search(message)
    steps = _STEP.findall(where.group(1)) if where is not None else []
    path: Path = tuple(key or int(index) for key, index in steps)
    missing = _MISSING.match(message)
    if missing is not None:
        return Fault("the key is missing", (*path, missing.group(1)))
    expected = _EXPECTED.match(message)
    if expected is None:
        return Fault(message[0].lower() + message[1:], path)
    names = list(dict.fromkeys(_TYPE_NAMES.get(name, name) for name in expected.group(1).split(" | ")))
    wanted = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    found = _TYPE_NAMES.get(expected.group(2), expected.group(2))
    return Fault(f"should be {wanted}, not {found}", path)
