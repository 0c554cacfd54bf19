"""The graph of a task: its pods, each as often as it fans out, and who waits for whom."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from blake3 import blake3

from sovrgit.errors import TaskInvalid
from sovrgit.pod.recipe_checks import parameter_text
from sovrgit.pod.recipe_task import ITEM, MOST_RUNS
from sovrgit.pod.recipe_types import TaskPod
from sovrgit.remotes.fairos.place import is_fairos

MAIN = "pod"
"""The folder of the pod of an entry that does not fan out, beside those of the others, which have a `=` in it."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._,=+-]+")
_LONGEST_LABEL = 80
_LONGEST_HASH = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a pod of a task.

    Attributes:
        name: unique in the task: that of the entry, and with a fan-out, after an `@`, what is special about this run.
        entry: the position of the pod in the recipe.
        label: the second part of the name; empty without a fan-out.
        parameters: what the fan-out gives to the run, over what was asked for.
        item: the item of the payload that it is for, as a path there.
        needs: the positions of the steps whose output it takes.
    """

    name: str
    entry: int
    label: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    item: bytes | None = None
    needs: tuple[int, ...] = ()

    @property
    def entry_name(self) -> str:
        """The name without what is special about this run."""
        return self.name.removesuffix(f"@{self.label}")

    @property
    def folder(self) -> str:
        """The name of its pod's folder, below that of the entry."""
        return self.label or MAIN


@dataclass(frozen=True, slots=True)
class Graph:
    """A task, worked out: names of its entries, and its steps, each after those that it needs."""

    names: tuple[str, ...]
    pods: tuple[TaskPod, ...]
    steps: tuple[Step, ...]
    order: tuple[int, ...]
    """The positions of the steps, each after those that it needs."""

    def of_entry(self, entry: int) -> list[Step]:
        """The steps of an entry."""
        return [step for step in self.steps if step.entry == entry]

    def last(self) -> list[int]:
        """The entries that no other needs: their output is the task's."""
        needed = {position for pod in self.pods for position in pod.needs}
        return [position for position in range(len(self.pods)) if position not in needed]

    def followers(self) -> dict[int, list[int]]:
        """Which steps wait for which."""
        found: dict[int, list[int]] = {position: [] for position in range(len(self.steps))}
        for position, step in enumerate(self.steps):
            for need in step.needs:
                found[need].append(position)
        return found


def make_graph(pods: Sequence[TaskPod], items: Sequence[bytes]) -> Graph:
    """The steps of a task.

    Args:
        items: what there is in the payload of the task, folders before what is in them.

    Raises:
        TaskInvalid: if nothing is to run, an entry fans out over nothing, or it comes to too many runs.
    """
    if not pods:
        raise TaskInvalid(
            reason="it has no pods",
            hint='name them in `pods` of recipe.json, such as `["pods/first", "../another-pod"]`',
        )
    names = entry_names(pods)
    steps: list[Step] = []
    made: list[range] = []
    for position, pod in enumerate(pods):
        fan = list(itertools.islice(_fan_out(pod, names[position], items), MOST_RUNS + 1))
        if len(steps) + len(fan) > MOST_RUNS:
            raise TaskInvalid(
                reason=f"it comes to more than {MOST_RUNS} runs at pod `{names[position]}`",
                hint="give `each` a narrower pattern, or `matrix` fewer values",
            )
        made.append(range(len(steps), len(steps) + len(fan)))
        labels = _labels([label for label, _, _ in fan])
        for label, (_, parameters, item) in zip(labels, fan, strict=True):
            name = f"{names[position]}@{label}" if label else names[position]
            steps.append(Step(name, position, label, parameters, item))
    # A pod may need one that stands after it, so the positions are known only now.
    needs = [tuple(itertools.chain.from_iterable(made[need] for need in pod.needs)) for pod in pods]
    wired = [Step(step.name, step.entry, step.label, step.parameters, step.item, needs[step.entry]) for step in steps]
    return Graph(names, tuple(pods), tuple(wired), tuple(_order(pods, made)))


def entry_names(pods: Sequence[TaskPod]) -> tuple[str, ...]:
    """A name for every pod of a task: its own, or that of its folder. Never a sharing reference, which is a secret."""
    taken = {pod.name.casefold() for pod in pods if pod.name is not None}
    names: list[str] = []
    for position, pod in enumerate(pods):
        if pod.name is not None:
            names.append(pod.name)
            continue
        wanted = "" if is_fairos(pod.ref) else _safe(PurePosixPath(pod.ref).name.removesuffix(".sovr"))
        wanted = wanted.strip("._-") or f"pod-{position + 1}"
        name = next(
            name
            for number in itertools.count(1)
            if (name := wanted if number == 1 else f"{wanted}-{number}").casefold() not in taken
        )
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def matching(pattern: str, items: Sequence[bytes]) -> list[bytes]:
    """The items that a pattern means; nothing inside of one that it means itself."""
    from sovrgit.pod.patterns import matcher

    means = matcher(pattern)
    found: list[bytes] = []
    for item in items:
        inside = bool(found) and item.startswith(found[-1] + b"/")
        if not inside and means(item.decode("utf-8", "surrogateescape")):
            found.append(item)
    return found


def _fan_out(pod: TaskPod, name: str, items: Sequence[bytes]) -> Iterator[tuple[str, dict[str, str], bytes | None]]:
    """For every run of a pod: what tells it from the others, its parameters, and its item."""
    matched: Sequence[bytes | None] = (None,)
    if pod.each is not None:
        matched = matching(pod.each, items)
        if not matched:
            raise TaskInvalid(
                reason=f"`{pod.each}` of the pod `{name}` matches nothing in the payload",
                hint="the pattern is for paths as they lie in the payload, such as `*.csv` or `images/*`",
            )
    for item in matched:
        text = {} if item is None else {ITEM: item.decode("utf-8", "backslashreplace")}
        for values in itertools.product(*pod.matrix.values()):
            parameters = text | dict(zip(pod.matrix, map(parameter_text, values), strict=True))
            yield ",".join(f"{key}={value}" for key, value in parameters.items()), parameters, item


def _labels(wanted: Sequence[str]) -> list[str]:
    """Names of folders, from what tells runs from each other: unique on every file system."""
    labels = [_safe(text) for text in wanted]
    seen: dict[str, int] = {}
    for label in labels:
        seen[label.casefold()] = seen.get(label.casefold(), 0) + 1
    return [
        label if label == text and seen[label.casefold()] == 1 else f"{label[:_LONGEST_LABEL]}-{_digest(text)}"
        for label, text in zip(labels, wanted, strict=True)
    ]


def _safe(text: str) -> str:
    safe = _UNSAFE.sub("_", text)
    return safe if len(safe) <= _LONGEST_LABEL else safe[:_LONGEST_LABEL]


def _digest(text: str) -> str:
    return blake3(text.encode("utf-8", "surrogateescape")).hexdigest()[:_LONGEST_HASH]


def _order(pods: Sequence[TaskPod], made: Sequence[range]) -> Iterator[int]:
    """The steps of every pod after those of the pods that it needs; otherwise as the recipe has them."""
    from graphlib import TopologicalSorter

    sorter = TopologicalSorter({position: pod.needs for position, pod in enumerate(pods)})
    sorter.prepare()
    while sorter.is_active():
        for position in sorted(ready := sorter.get_ready()):
            yield from made[position]
        sorter.done(*ready)
