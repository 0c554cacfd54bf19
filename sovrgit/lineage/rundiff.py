"""What differs between two runs: what went in, where and how it was executed, and what came out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sovrgit.errors import ObjectMissing
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.receipts import mapping, summary_of, text
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.jsondiff import MAX_SIZE, JsonChange, json_changes
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.treediff import Change, diff_trees
from sovrgit.store.store import ObjectStore


class ValueChange(NamedTuple):
    """A value that differs, as text; None on the side that does not have it."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class RunDifference:
    """What differs between two runs.

    `values` has a list for each part in `PARTS`, empty where the two agree. `recipe` is what differs by key, None if
    that cannot be told; `recipes` are the ids of both. `inputs` (without the recipe) and `outputs` are None if trees
    that differ are not here; a run without output counts as one with an empty folder. `same_key` says that either would
    have taken the other's result.
    """

    old: ObjectId
    new: ObjectId
    same_key: bool
    recipes: tuple[ObjectId, ObjectId]
    recipe: tuple[JsonChange, ...] | None
    inputs: tuple[Change, ...] | None
    outputs: tuple[Change, ...] | None
    values: Mapping[str, tuple[ValueChange, ...]]

    @property
    def any(self) -> bool:
        """Whether something differs."""
        files = any(found is None or found for found in (self.inputs, self.outputs))
        return files or self.recipes[0] != self.recipes[1] or any(self.values.values())


PARTS = ("command", "parameters", "external", "image", "environment", "executor", "platform", "golem", "result")
"""The parts of records that are compared value by value."""


def diff_runs(store: ObjectStore, old: ObjectId, new: ObjectId) -> RunDifference:
    """What differs between two runs. Times are not compared.

    Raises:
        ObjectMissing: if one of the records is not here.
    """
    before, after = store.run(old), store.run(new)
    parts_before, parts_after = _parts(before), _parts(after)
    return RunDifference(
        old,
        new,
        before.key == after.key,
        (before.recipe, after.recipe),
        _recipe(store, before.recipe, after.recipe),
        _inputs(store, before.input, after.input),
        _files(store, before.output or EMPTY_TREE_ID, after.output or EMPTY_TREE_ID),
        {part: _values(parts_before[part], parts_after[part]) for part in PARTS},
    )


def _parts(run: Run) -> dict[str, Mapping[str, str]]:
    image = mapping(run.golem.get("image"))
    return {
        "command": {"command": shlex.join(run.command)},
        "parameters": run.parameters,
        "external": {one.path: f"{one.id} from {one.reference} at {one.commit}" for one in run.external},
        "image": {name: value for name in ("requested", "hash") if (value := text(image.get(name)))},
        "environment": run.environment,
        "executor": run.executor,
        "platform": run.platform,
        "golem": _golem(run),
        "result": _result(run),
    }


def _golem(run: Run) -> dict[str, str]:
    summary = summary_of(run.golem)
    if summary is None:
        return {}
    facts = {name: text(run.golem.get(name)) for name in ("network", "subnet", "daemon", "sandbox")}
    facts["emulated"] = "yes" if summary.emulated else "no"
    # Two providers may call themselves by one name.
    facts["providers"] = ", ".join(sorted(f"{one.name} {one.id}".strip() for one in summary.providers))
    return {name: value for name, value in facts.items() if value}


def _result(run: Run) -> dict[str, str]:
    facts = {"status": str(run.status), "reason": run.reason}
    for name, value in (("exit code", run.exit_code), ("signal", run.signal)):
        if value is not None:
            facts[name] = str(value)
    return {name: value for name, value in facts.items() if value}


def _values(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[ValueChange, ...]:
    names = [*old, *(name for name in new if name not in old)]
    return tuple(ValueChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _recipe(store: ObjectStore, old: ObjectId, new: ObjectId) -> tuple[JsonChange, ...] | None:
    if old == new:
        return ()
    try:
        sides = []
        for identity in (old, new):
            if store.size(identity) > MAX_SIZE:
                return None
            sides.append(bytes(store.read(identity, Kind.BLOB)))
    except ObjectMissing:
        return None
    changes = json_changes(*sides)
    return tuple(changes) if changes is not None else None


def _inputs(store: ObjectStore, old: ObjectId, new: ObjectId) -> tuple[Change, ...] | None:
    found = _files(store, old, new)
    return None if found is None else tuple(change for change in found if change.path != RECIPE_FILE.encode())


def _files(store: ObjectStore, old: ObjectId, new: ObjectId) -> tuple[Change, ...] | None:
    try:
        return tuple(diff_trees(store, old, new))
    except ObjectMissing:
        return None
