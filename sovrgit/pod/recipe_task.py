"""The pods of a task: who waits for whom, and how often each of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from msgspec import UnsetType

from sovrgit.pod.recipe_checks import Scalar, check_name, check_params, check_path, check_text, parameter_text
from sovrgit.pod.recipe_fields import TaskPodFields, unknown_keys
from sovrgit.pod.recipe_lines import Fault, Path, shown
from sovrgit.pod.recipe_types import TaskPod

MOST_RUNS = 10_000
"""Runs of one pod of a task. More is a slip, such as a list of seeds for every parameter."""

ITEM = "item"
"""The parameter that names the item of the payload that a run is for."""


def read_task(entries: Sequence[str | TaskPodFields], raw: Sequence[Any]) -> tuple[TaskPod, ...]:
    """The pods of a task; `raw` is the same list as JSON.

    Raises:
        Fault: if a reference is empty, a name is given twice, a pod needs one that is unknown, ambiguous or, in a
            circle, itself, or a matrix has no or too many combinations.
    """
    fields = [TaskPodFields(ref=entry) if isinstance(entry, str) else entry for entry in entries]
    for index, entry in enumerate(entries):
        at: Path = ("pods", index)
        check_text(at if isinstance(entry, str) else (*at, "ref"), fields[index].ref)
    positions = _positions(fields)
    pods = tuple(
        TaskPod(
            ref=pod.ref,
            name=None if isinstance(pod.name, UnsetType) else pod.name,
            needs=_needs(index, pod, positions),
            chained=isinstance(pod.needs, UnsetType),
            each=None if isinstance(pod.each, UnsetType) else check_path(("pods", index, "each"), pod.each),
            matrix=_matrix(("pods", index, "matrix"), pod),
            extra=unknown_keys(raw[index], TaskPodFields),
        )
        for index, pod in enumerate(fields)
    )
    _check_circles(pods)
    return pods


def _matrix(path: Path, pod: TaskPodFields) -> dict[str, tuple[Scalar, ...]]:
    """The values of parameters, checked before anybody combines them."""
    if isinstance(pod.matrix, UnsetType):
        return {}
    runs = 1
    for name, values in pod.matrix.items():
        at: Path = (*path, name)
        if not values:
            raise Fault("is empty, so the pod would never run; give a value, or leave it out", at)
        texts: set[str] = set()
        for value in values:
            check_params(path, {name: value})
            text = parameter_text(value)
            if text in texts:
                raise Fault(f"has the value `{shown(text)}` twice", at)
            texts.add(text)
        runs *= len(values)
        if runs > MOST_RUNS:
            raise Fault(f"has more than {MOST_RUNS} combinations", path)
    if not isinstance(pod.each, UnsetType) and ITEM in pod.matrix:
        raise Fault(f"`{ITEM}` is the parameter in which `each` names the item", (*path, ITEM))
    return {name: tuple(values) for name, values in pod.matrix.items()}


def _positions(fields: Sequence[TaskPodFields]) -> dict[str, list[int]]:
    """Where the pods stand that a name, a reference or the last part of one means; only a name is always unique."""
    names: dict[str, list[int]] = {}
    for index, pod in enumerate(fields):
        if isinstance(pod.name, UnsetType):
            continue
        path: Path = ("pods", index, "name")
        if names.setdefault(check_name(path, pod.name), [index]) != [index]:
            raise Fault(f"the name `{shown(pod.name)}` is given twice, to pods {names[pod.name][0]} and {index}", path)
    refs: dict[str, list[int]] = {}
    short: dict[str, list[int]] = {}
    for index, pod in enumerate(fields):
        refs.setdefault(pod.ref, []).append(index)
        if isinstance(pod.name, UnsetType):
            short.setdefault(PurePosixPath(pod.ref).name, []).append(index)
    return short | refs | names


def _needs(index: int, pod: TaskPodFields, positions: dict[str, list[int]]) -> tuple[int, ...]:
    if isinstance(pod.needs, UnsetType):
        return (index - 1,) if index else ()
    needs: dict[int, None] = {}
    for number, name in enumerate(pod.needs):
        path: Path = ("pods", index, "needs", number)
        found = positions.get(name, [])
        if not found:
            raise Fault(f"`{shown(name)}` is neither the name nor the reference of a pod in this task", path)
        if len(found) > 1:
            raise Fault(f"`{shown(name)}` is the reference of {len(found)} pods; give them names", path)
        if found == [index]:
            raise Fault("a pod cannot need itself", path)
        needs[found[0]] = None
    return tuple(needs)


def _check_circles(pods: Sequence[TaskPod]) -> None:
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter({index: pod.needs for index, pod in enumerate(pods)}).prepare()
    except CycleError as error:
        circle: list[int] = error.args[1]
        names = " → ".join(shown(pods[index].name or f"pods[{index}]") for index in reversed(circle))
        raise Fault(f"pods need each other in a circle: {names}", ("pods", max(circle))) from None
