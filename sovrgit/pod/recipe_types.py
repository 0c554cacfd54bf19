"""The recipe as the program uses it: checked, with every default filled in.

`None` and empty values stand for keys that are absent; unknown keys are kept in `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe_checks import Scalar, plain_path
from sovrgit.pod.recipe_compare import Rule

RecipeKind: TypeAlias = Literal["compute", "task", "data"]
"""What a recipe makes: a pod that runs, a chain of pods, or a pod that only holds data."""

DEFAULT_SCRIPT = "script"
DEFAULT_PAYLOAD = "payload"
DEFAULT_OUTPUT = "output"
DEFAULT_LOGS = "logs"


class ExternalPayload(Struct, frozen=True):
    """A file or folder of another pod: the pod's reference, and the path in it as the recipe writes it."""

    ref: str
    data: str

    @property
    def path(self) -> str:
        """`data` as a path from the other pod's root; `.` for all of it."""
        return plain_path(self.data)


class Resources(Struct, frozen=True, kw_only=True):
    """What a declared job asks for: GiB of memory and disk, processor threads, providers at the same time."""

    memory_gib: float | None = None
    storage_gib: float | None = None
    threads: int | None = None
    workers: int | None = None
    extra: Mapping[str, Any] = {}


class Golem(Struct, frozen=True, kw_only=True):
    """How a compute pod runs.

    `command` is the text of `exec`; `run` is a declared job, an argv or the text of a shell command. Folders are
    plain paths from the pod's root. `shared_output` is the part of the output that becomes a pod of its own.
    `budget` is a decimal amount of GLM. `devnet_images` are paths in the pod by the images that they stand for on the
    devnet. `compare` are the rules for outputs by patterns of paths below the output folder.
    """

    command: str | None = None
    script_folder: str = DEFAULT_SCRIPT
    payload_folder: str = DEFAULT_PAYLOAD
    external: tuple[ExternalPayload, ...] = ()
    output_folder: str = DEFAULT_OUTPUT
    shared_output: str | None = None
    log_folder: str = DEFAULT_LOGS
    image: str | None = None
    run: str | tuple[str, ...] | None = None
    each: str | None = None
    resources: Resources = Resources()
    timeout_seconds: float | None = None
    task_timeout_seconds: float | None = None
    retries: int | None = None
    budget: str | None = None
    network: str | None = None
    subnet: str | None = None
    python: str | None = None
    params: Mapping[str, Scalar] = {}
    devnet_images: Mapping[str, str] = {}
    compare: Mapping[str, Rule] = {}
    extra: Mapping[str, Any] = {}


class TaskPod(Struct, frozen=True, kw_only=True):
    """One pod of a task.

    `needs` are the positions in the task of the pods whose output it takes. Where the recipe does not say, that is
    the pod before it, as the first Sovr CLI chains them; `chained` tells that it does not. `each` is a pattern for
    items of the payload, `matrix` has the values of parameters: the pod runs once for every item and combination.
    """

    ref: str
    name: str | None = None
    needs: tuple[int, ...] = ()
    chained: bool = True
    each: str | None = None
    matrix: Mapping[str, tuple[Scalar, ...]] = {}
    extra: Mapping[str, Any] = {}


class Recipe(Struct, frozen=True, kw_only=True):
    """A whole recipe.

    `payload_folder` and `external` are a task's own payload, which goes to each of its pods. `lines` holds the line
    of every key in the file, by key path (`golem.payload[0].ref`); the recipe itself stands under the empty path.
    """

    name: str
    description: str = ""
    version: str = ""
    author: str = ""
    public: bool = False
    golem: Golem | None = None
    pods: tuple[TaskPod, ...] | None = None
    payload_folder: str | None = None
    external: tuple[ExternalPayload, ...] = ()
    extra: Mapping[str, Any] = {}
    file: str = "recipe.json"
    lines: Mapping[str, int] = {}

    @property
    def kind(self) -> RecipeKind:
        """What the recipe makes. With both `golem` and `pods` it is a compute pod, as for the first Sovr CLI."""
        if self.golem is not None:
            return "compute"
        return "data" if self.pods is None else "task"

    def at(self, key: str) -> str:
        """Where a key stands: `:7, key `golem.exec``; the line of what should hold it, if the file does not have it."""
        holder = key
        while holder and holder not in self.lines:
            holder = holder[: max(holder.rfind("."), holder.rfind("["), 0)]
        line = self.lines.get(holder)
        return f", key `{key}`" if line is None else f":{line}, key `{key}`"

    def invalid(self, key: str, reason: str) -> RecipeInvalid:
        """The error that `key` has a value which cannot be used, for those who find out later than the parser."""
        return RecipeInvalid(file=self.file, at=self.at(key), reason=reason)
