"""A look at a task: its recipe, what it starts from, its pods, and the plan that follows from these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovrgit.errors import TaskInvalid
from sovrgit.lineage.index import LineageIndex
from sovrgit.lockfile import read_recipe_file
from sovrgit.objects.ids import ObjectId
from sovrgit.payloads.supplying import supply
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Recipe
from sovrgit.pod.recipe_types import DEFAULT_OUTPUT
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.known import Ownership
from sovrgit.runs.reused import Lookup, Wanted
from sovrgit.runs.supplied import Supplied
from sovrgit.tasks.finding import Reusing, find_for
from sovrgit.tasks.graph import entry_names, make_graph
from sovrgit.tasks.means import Means
from sovrgit.tasks.plan import Planned, Planner, Prepared, TaskPlan, check_output, make_plan, prepare_sources
from sovrgit.tasks.sources import ask_to_get, find_sources
from sovrgit.tasks.supply import Supplier, own_payload, shared_payload


@dataclass(frozen=True, slots=True)
class Look:
    """A task as it is now.

    Attributes:
        snapshot: its whole tree.
        input: the same without what a run of it makes.
        prepared: its pods, as the recipe names them.
        parameters: those that were given for all pods.
    """

    recipe_id: ObjectId
    recipe: Recipe
    snapshot: ObjectId
    input: ObjectId
    prepared: tuple[Prepared, ...]
    parameters: Mapping[str, str]
    index: LineageIndex
    planner: Planner
    plan: TaskPlan


@contextlib.contextmanager
def looking(
    pod: Pod,
    parameters: Mapping[str, str],
    means: Means,
    *,
    force: bool,
    update: bool = False,
    reusing: Reusing | None = None,
) -> Iterator[Look]:
    """Look at a task. Pods that are not here yet are got; nothing is run. The caller holds the lock of runs.

    Args:
        parameters: each for the pods whose recipe has it, for every pod if none has; those of a matrix win.
        force: no result counts as known.
        update: pods that are here are got anew.
        reusing: how results of others are looked for.

    Raises:
        RecipeInvalid, Unsupported: if its recipe, or that of a pod, cannot be run.
        TaskInvalid, TaskPodUnavailable: if the task cannot be run, or a pod cannot be had.
        SovrError: if the pod cannot be read or written.
    """
    # What is put together for the pods has nothing that leads to it before there is a record.
    pod.store.hold()
    payload = _external_payload(pod, means)
    # Afterwards, because what was looked up is written into the lock.
    snapshot = _snapshot(pod)
    recipe_id, recipe = read_recipe(pod.store, snapshot)
    if recipe.pods is None or recipe.golem is not None:
        raise TaskInvalid(reason="it is a pod that runs by itself", hint="`sovr run` runs it")
    check_output(recipe)
    with pod.store.session() as session:
        editor = TreeEditor(pod.store, snapshot)
        editor.put(DEFAULT_OUTPUT.encode(), None)
        tree = editor.write(session)
        session.commit()
    shared = shared_payload(pod.store, (*own_payload(pod, snapshot, recipe.payload_folder), *payload))
    graph = make_graph(recipe.pods, shared.items)
    sources = find_sources(pod, snapshot, entry_names(recipe.pods), recipe.pods, means, update=update)
    prepared = prepare_sources(pod, sources, means)
    supplier = Supplier(pod, graph, sources, shared)
    with LineageIndex(pod) as index:
        find = None if reusing is None else _finder(pod, recipe, prepared, reusing, means)
        planner = Planner(pod, index, prepared, supplier, parameters, force=force, find=find)
        plan = make_plan(recipe, graph, planner, means.budget)
        yield Look(recipe_id, recipe, snapshot, tree, prepared, parameters, index, planner, plan)


def _finder(
    pod: Pod, recipe: Recipe, prepared: Sequence[Prepared], reusing: Reusing, means: Means
) -> Callable[[Planned, Wanted, Ownership], Lookup]:
    # All at once: the places of the task are looked at once for all of its pods.
    names = tuple(sorted({recipe.name, *(one.inputs.recipe.name for one in prepared)}))

    def find(planned: Planned, wanted: Wanted, ownership: Ownership) -> Lookup:
        source, tree = planned.prepared.source, planned.prepared.inputs.tree
        return find_for(pod, source, tree, wanted._replace(also=names), reusing, means.open, ownership)

    return find


def _external_payload(pod: Pod, means: Means) -> tuple[Supplied, ...]:
    """The payload of other pods that the task gives to its own, here and ready."""
    recipe = read_recipe_file(pod.root)
    if not recipe.external:
        return ()

    def ask() -> None:
        ask_to_get(pod, [item.ref for item in recipe.external], means)

    # A lock of somebody else can name any place, as their recipe can.
    found = supply(means.access(pod), ask=ask, ask_to_fetch=ask, told=means.locked, moved=means.moved)
    return found.fetch()


def _snapshot(pod: Pod) -> ObjectId:
    """Store the task as it is on disk."""
    with pod.lock(), pod.store.session() as session:
        working = WorkingTree.look(pod)
        snapshot = take_snapshot(pod.root, working.found, working.index, session)
        session.commit()
        working.save_index()
        return snapshot.tree
