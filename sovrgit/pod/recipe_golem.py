"""The object `golem` of a recipe: what its values mean, checked and with defaults filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from sovrgit.pod.recipe_checks import (
    check_amount,
    check_external_path,
    check_own_folder,
    check_params,
    check_path,
    check_positive,
    check_text,
    check_timeout,
    check_whole,
    is_inside,
)
from sovrgit.pod.recipe_compare import check_compare
from sovrgit.pod.recipe_fields import (
    DevnetFields,
    ExternalFields,
    FilesFields,
    GolemFields,
    ResourcesFields,
    ShareFields,
    unknown_keys,
)
from sovrgit.pod.recipe_lines import Fault, Path
from sovrgit.pod.recipe_types import (
    DEFAULT_LOGS,
    DEFAULT_OUTPUT,
    DEFAULT_PAYLOAD,
    DEFAULT_SCRIPT,
    ExternalPayload,
    Golem,
    Resources,
)

MAX_RETRIES = 100
"""Attempts after the first. Each can cost money; more than a hundred is a slip of the keyboard."""

V = TypeVar("V")
R = TypeVar("R")


def read_golem(fields: GolemFields, raw: Mapping[str, Any], numbers: Mapping[Path, str]) -> Golem:
    """The checked object; `raw` is the same as JSON, `numbers` the source text of the recipe's numbers.

    Raises:
        Fault: with the path of the key that has a value without meaning.
    """
    if fields.exec is UNSET and fields.run is UNSET:
        raise Fault("the key is missing; a compute pod needs `exec` or `run`", ("golem", "exec"))
    payload_folder, external = read_payload(("golem", "payload"), fields.payload)
    output_folder, shared_output = _output(fields.output)
    log, logs = _given(check_own_folder, "log", fields.log), _given(check_own_folder, "logs", fields.logs)
    golem = Golem(
        command=_given(_command, "exec", fields.exec),
        script_folder=_given(check_path, "script", fields.script) or DEFAULT_SCRIPT,
        payload_folder=payload_folder or DEFAULT_PAYLOAD,
        external=external,
        output_folder=output_folder,
        shared_output=shared_output,
        log_folder=log or logs or DEFAULT_LOGS,
        image=_given(check_text, "image", fields.image),
        run=None if isinstance(fields.run, UnsetType) else _run(("golem", "run"), fields.run),
        each=_given(check_path, "each", fields.each),
        resources=_resources(fields.resources, raw),
        timeout_seconds=_timeout("timeout", fields.timeout),
        task_timeout_seconds=_timeout("task_timeout", fields.task_timeout),
        retries=_given(_retries, "retries", fields.retries),
        budget=_budget(fields.budget, numbers),
        network=_given(check_text, "network", fields.network),
        subnet=_given(check_text, "subnet", fields.subnet),
        python=_python(fields.python, numbers),
        params=_given(check_params, "params", fields.params) or {},
        devnet_images=_images(fields.devnet),
        compare=_given(check_compare, "compare", fields.compare) or {},
        extra=unknown_keys(raw, GolemFields),
    )
    _check_folders(golem, fields)
    return golem


def read_payload(
    path: Path, value: str | list[ExternalFields] | FilesFields | UnsetType
) -> tuple[str | None, tuple[ExternalPayload, ...]]:
    """The payload folder, if one is named, and the external payloads.

    Raises:
        Fault: with the path of what is wrong.
    """
    if isinstance(value, UnsetType):
        return None, ()
    if isinstance(value, str):
        return check_path(path, value), ()
    if isinstance(value, FilesFields):
        ref = check_text((*path, "pod"), value.pod)
        if not value.files:
            raise Fault("the list is empty; name the files of the pod that are needed", (*path, "files"))
        files = [check_external_path((*path, "files", index), file) for index, file in enumerate(value.files)]
        return None, tuple(ExternalPayload(ref, file) for file in files)
    entries = [
        ExternalPayload(
            check_text((*path, index, "ref"), entry.ref), check_external_path((*path, index, "data"), entry.data)
        )
        for index, entry in enumerate(value)
    ]
    return None, tuple(entries)


def number_text(path: Path, value: str | int | float, numbers: Mapping[Path, str]) -> str:
    """Text, or a number as its author wrote it: version `1.10` is not version 1.1."""
    return value if isinstance(value, str) else numbers[path]


def _given(check: Callable[[Path, V], R], key: str, value: V | UnsetType) -> R | None:
    return None if isinstance(value, UnsetType) else check(("golem", key), value)


def _command(path: Path, text: str) -> str:
    check_text(path, text)
    if text.split()[0] in ('""', "''"):
        raise Fault("the name of the program is empty", path)
    return text


def _run(path: Path, value: str | list[str]) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return check_text(path, value)
    if not value:
        raise Fault("the list is empty; name a program and its arguments", path)
    check_text((*path, 0), value[0])
    for index, argument in enumerate(value):
        if "\0" in argument:
            raise Fault("has a NUL character in it", (*path, index))
    return tuple(value)


def _output(value: str | ShareFields | UnsetType) -> tuple[str, str | None]:
    """The output folder and the part of it that is shared."""
    if isinstance(value, UnsetType):
        return DEFAULT_OUTPUT, None
    if isinstance(value, str):
        return check_own_folder(("golem", "output"), value), None
    shared = check_own_folder(("golem", "output", "share"), value.share)
    return shared.partition("/")[0], shared


def _resources(value: ResourcesFields | UnsetType, raw: Mapping[str, Any]) -> Resources:
    if isinstance(value, UnsetType):
        return Resources()

    def given(check: Callable[[Path, int | float], R], key: str, number: int | float | UnsetType) -> R | None:
        return None if isinstance(number, UnsetType) else check(("golem", "resources", key), number)

    return Resources(
        memory_gib=given(check_positive, "memory_gib", value.memory_gib),
        storage_gib=given(check_positive, "storage_gib", value.storage_gib),
        threads=given(check_whole, "threads", value.threads),
        workers=given(check_whole, "workers", value.workers),
        extra=unknown_keys(raw["resources"], ResourcesFields),
    )


def _images(value: DevnetFields | UnsetType) -> dict[str, str]:
    """The paths in the pod that are images on the devnet, by hash or tag."""
    given = {} if isinstance(value, UnsetType) or isinstance(value.images, UnsetType) else value.images
    path: Path = ("golem", "devnet", "images")
    return {check_text((*path, name), name): check_own_folder((*path, name), folder) for name, folder in given.items()}


def _retries(path: Path, value: int | float) -> int:
    return check_whole(path, value, minimum=0, maximum=MAX_RETRIES)


def _timeout(key: str, value: str | int | float | UnsetType) -> float | None:
    return None if isinstance(value, UnsetType) else check_timeout(("golem", key), value)


def _budget(value: str | int | float | UnsetType, numbers: Mapping[Path, str]) -> str | None:
    if isinstance(value, UnsetType):
        return None
    path = ("golem", "budget")
    return check_amount(path, number_text(path, value, numbers), written_as_text=isinstance(value, str))


def _python(value: str | int | float | UnsetType, numbers: Mapping[Path, str]) -> str | None:
    if isinstance(value, UnsetType):
        return None
    path = ("golem", "python")
    return check_text(path, number_text(path, value, numbers))


def _check_folders(golem: Golem, fields: GolemFields) -> None:
    """The output folder is cleared before a run, so it must hold nothing else that the pod needs."""
    output = golem.output_folder
    output_path: Path = ("golem", "output", "share") if golem.shared_output is not None else ("golem", "output")
    for key, folder, given in (
        ("script", golem.script_folder, fields.script is not UNSET),
        ("payload", golem.payload_folder, isinstance(fields.payload, str)),
    ):
        if is_inside(folder, output):
            reason = (
                f"the {key} folder `{folder}` is inside the output folder `{output}`, which is cleared before a run"
            )
            # Blame the key that the author wrote: the other may be a default.
            raise Fault(reason, output_path if fields.output is not UNSET or not given else ("golem", key))
    if golem.log_folder == output:
        log_key = "log" if fields.log is not UNSET else "logs" if fields.logs is not UNSET else None
        reason = f"the log folder and the output folder are both `{output}`"
        raise Fault(reason, output_path if log_key is None else ("golem", log_key))
    for name, path in golem.devnet_images.items():
        if not any(is_inside(path, folder) for folder in (golem.script_folder, golem.payload_folder)):
            reason = (
                f"`{path}` is neither in the script folder `{golem.script_folder}` nor in the payload folder "
                f"`{golem.payload_folder}`, so it would be missing when the run is repeated"
            )
            raise Fault(reason, ("golem", "devnet", "images", name))
