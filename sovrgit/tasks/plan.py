"""What a task would do: which of its steps run, which are known, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from sovrgit.errors import TaskInvalid
from sovrgit.lineage.index import KnownRun, LineageIndex
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import Recipe
from sovrgit.pod.recipe_types import DEFAULT_OUTPUT
from sovrgit.runs.inputs import Inputs, command_of, explain, read_inputs, run_key, with_defaults
from sovrgit.runs.known import Ownership, own_result
from sovrgit.runs.reused import FoundRun, Lookup, Wanted
from sovrgit.runs.supplied import Supplied, recorded_external
from sovrgit.tasks.graph import Graph, Step
from sovrgit.tasks.means import Means, Placement
from sovrgit.tasks.sources import Source
from sovrgit.tasks.supply import Result, Supplier


class Prepared(NamedTuple):
    """A source with what all of its runs share: where it runs, its inputs and its command."""

    source: Source
    placement: Placement
    inputs: Inputs
    command: tuple[str, ...]


@dataclass(slots=True)
class Planned:
    """A step, as far as it is known.

    Attributes:
        supplied: its external payload; None as long as something that it needs is still to run.
        key: its run key, likewise.
        known: the run whose result is taken.
        found: the same with whose it is, if it is not this pod's own.
        notices: what is to be told of the search for one.
        reasons: why it runs, or may have to.
    """

    step: Step
    prepared: Prepared
    parameters: Mapping[str, str]
    supplied: tuple[Supplied, ...] | None = None
    key: ObjectId | None = None
    known: KnownRun | None = None
    reasons: tuple[str, ...] = ()
    found: FoundRun | None = None
    notices: tuple[str, ...] = ()

    @property
    def wanted(self) -> Wanted | None:
        """The result that is looked for, as soon as its key is known."""
        if self.key is None:
            return None
        inputs = self.prepared.inputs
        return Wanted(self.key, inputs.outputs, inputs.golem.log_folder, inputs.recipe.name)

    @property
    def result(self) -> Result | None:
        """What it has put out, if that is known."""
        return None if self.known is None else Result(self.known.id, self.known.run)

    @property
    def costs(self) -> bool:
        """Whether it would run where tokens are spent."""
        return self.known is None and self.prepared.placement.name != "local"


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """A whole task: `steps` stand as in the graph.

    `budget` is what the pods may spend together; None if nobody said.
    """

    recipe: Recipe
    graph: Graph
    steps: Sequence[Planned]
    budget: Decimal | None = None

    @property
    def to_run(self) -> list[Planned]:
        """The steps whose result is not known, or depends on one that is not."""
        return [planned for planned in self.steps if planned.known is None]

    @property
    def at_most(self) -> Decimal | None:
        """What it is expected to cost at most, in tokens; None if that is not known. A budget is never exceeded."""
        bounds = [planned.prepared.placement.at_most for planned in self.to_run]
        known = [bound for bound in bounds if bound is not None]
        total = sum(known, Decimal(0)) if len(known) == len(bounds) else None
        limits = [limit for limit in (total, self.budget) if limit is not None]
        return min(limits) if limits else None


class Planner:
    """Works out the keys of steps, in their order, from the results that there are.

    Args:
        force: no result counts as known.
        find: looks for the result of somebody else for a step whose own is not known.
    """

    def __init__(
        self,
        pod: Pod,
        index: LineageIndex,
        prepared: Sequence[Prepared],
        supplier: Supplier,
        parameters: Mapping[str, str],
        *,
        force: bool,
        find: Callable[[Planned, Wanted, Ownership], Lookup] | None = None,
    ) -> None:
        self.ownership = Ownership(pod, index)
        self._pod = pod
        self._index = index
        self._prepared = prepared
        self._supplier = supplier
        self._parameters = parameters
        self._declared = {name for one in prepared for name in one.inputs.golem.params}
        self._force = force
        self._find = None if force else find
        self._before: Mapping[str, Run] | None = None

    def start(self, step: Step) -> Planned:
        """A step of which nothing is known yet."""
        prepared = self._prepared[step.entry]
        own = prepared.inputs.golem.params
        # What is said for pods that have such a parameter is no reason to run the others again.
        given = {name: value for name, value in self._parameters.items() if name in own or name not in self._declared}
        given |= step.parameters
        return Planned(step, prepared, with_defaults(prepared.inputs.golem, given))

    def settle(self, planned: Planned, results: Mapping[int, Result]) -> None:
        """Work out what a step gets and whether its result is known. All that it needs must be in `results`.

        Raises:
            PayloadUnavailable: if its recipe asks for payload of other pods that it does not get.
        """
        prepared = planned.prepared
        planned.supplied = (*prepared.source.external, *self._supplier.supplied(planned.step, results))
        placement, inputs = prepared.placement, prepared.inputs
        external = recorded_external(planned.supplied)
        planned.key = run_key(inputs, prepared.command, planned.parameters, external, placement.name, placement.digest)
        wanted = planned.wanted
        assert wanted is not None
        if not self._force:
            planned.known = own_result(self._pod, self._index, wanted, self.ownership)
        if planned.known is None and self._find is not None:
            planned.found, planned.notices = self._find(planned, wanted, self.ownership)
            if (found := planned.found) is not None:
                planned.known = KnownRun(found.id, found.run, None)
        if planned.known is None:
            planned.reasons = self._reasons(planned)

    def wait(self, planned: Planned, needed: Iterable[Planned]) -> None:
        """Say that a step depends on others that are still to run."""
        missing = [other for other in needed if other.known is None]
        runs = Counter(other.step.entry_name for other in missing)
        names = [f"`{name}` ({number} runs)" if number > 1 else f"`{name}`" for name, number in runs.items()]
        planned.reasons = (f"it waits for {', '.join(names)}",)

    def _reasons(self, planned: Planned) -> tuple[str, ...]:
        if self._force:
            return ("it was asked for",)
        before = self._previous().get(planned.step.name)
        if before is None:
            return ("it has not been run before",)
        inputs, store = planned.prepared.inputs, self._pod.store
        external = recorded_external(planned.supplied or ())
        if inputs.tree == before.input or (_has(self._pod, inputs.tree) and _has(self._pod, before.input)):
            reasons = explain(store, before, inputs, planned.parameters, external)
        else:
            reasons = ["its scripts or its own payload changed"]
        if not reasons and before.command != planned.prepared.command:
            reasons = ["the command changed"]
        if not reasons and not before.succeeded:
            reasons = [f"the last run {before.status}"]
        return tuple(reasons) or ("no successful run with these inputs is known here",)

    def _previous(self) -> Mapping[str, Run]:
        """The runs of the last record of this task, by the names of its steps."""
        if self._before is None:
            last = next((known.run for known in self._index.runs() if known.run.pods), None)
            members = () if last is None else last.pods
            self._before = {
                member.name: self._pod.store.run(member.run) for member in members if self._pod.store.has(member.run)
            }
        return self._before


def prepare_sources(
    pod: Pod, sources: Sequence[Source], means: Means, given: Mapping[str, str] = {}
) -> tuple[Prepared, ...]:
    """Where each source runs, and what its run key is made of.

    Args:
        given: parameters for every pod.

    Raises:
        RecipeInvalid, Unsupported: if a recipe cannot be run where it would be.
    """
    done: dict[tuple[str, ObjectId], Prepared] = {}
    found: list[Prepared] = []
    # One session for all folders of the task itself.
    with pod.store.session() as session:
        for source in sources:
            mark = (str(source.home), source.tree)
            if mark not in done:
                placement = means.place(source.folder, source.golem)
                command = command_of(source.golem, (), placement.mode)
                if source.is_own:
                    inputs = read_inputs(pod.store, session, source.tree, placement.mode)
                else:
                    with means.open(source.home) as home, home.store.session() as own:
                        inputs = read_inputs(home.store, own, source.tree, placement.mode)
                        own.commit()
                done[mark] = Prepared(source, placement, inputs, command)
            found.append(done[mark]._replace(source=source))
        session.commit()
    return tuple(found)


def make_plan(recipe: Recipe, graph: Graph, planner: Planner, budget: Decimal | None) -> TaskPlan:
    """Look at all steps in their order."""
    steps = [planner.start(step) for step in graph.steps]
    results: dict[int, Result] = {}
    for position in graph.order:
        planned = steps[position]
        needs = planned.step.needs
        if all(need in results for need in needs):
            planner.settle(planned, results)
            if planned.result is not None:
                results[position] = planned.result
        else:
            planner.wait(planned, (steps[need] for need in needs))
    return TaskPlan(recipe, graph, steps, budget)


def check_output(recipe: Recipe) -> None:
    """Make sure that the output of a task has a place of its own.

    Raises:
        TaskInvalid: if it has not.
    """
    folder = recipe.payload_folder
    if folder is not None and (folder == DEFAULT_OUTPUT or folder.startswith(DEFAULT_OUTPUT + "/")):
        raise TaskInvalid(
            reason=f"its payload `{folder}` is in `{DEFAULT_OUTPUT}`, which is made anew by every run",
            hint="name another folder as `payload` in recipe.json",
        )


def _has(pod: Pod, tree: ObjectId) -> bool:
    return tree == EMPTY_TREE_ID or pod.store.has(tree)
