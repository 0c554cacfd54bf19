"""The record of a task: one run that names the runs of its pods, with the output of those that no other needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgpack
from blake3 import blake3

from sovrgit import __version__
from sovrgit.errors import ObjectMissing
from sovrgit.lineage.index import KnownRun
from sovrgit.objects.commit import Commit, Reuse, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.run import Member, Run, RunStatus, Usage
from sovrgit.objects.tree import EMPTY_TREE_ID
from sovrgit.pod.checkout import apply_changes
from sovrgit.pod.commits import Committed, publish
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe_types import DEFAULT_OUTPUT
from sovrgit.pod.refs import RUNS, RefChange, Rewritten
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.treediff import diff_trees, find
from sovrgit.pod.treeedit import TreeEditor
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.inputs import RUN_FORMAT, subtree
from sovrgit.runs.run import record_run
from sovrgit.runs.surroundings import platform_facts
from sovrgit.store.session import WriteSession
from sovrgit.tasks.events import StepOutcome
from sovrgit.tasks.graph import Graph
from sovrgit.tasks.look import Look
from sovrgit.tasks.supply import Result, output_of

EXECUTOR = "task"
"""What stands in the place of an executor in the record of a task."""

_KEY_CONTEXT = "sovrgit task key v1"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What has come of a task.

    `reused` says that the result was known as a whole. `committed` is the commit of the result, `begun` that of what
    the task started from, where these were made. `outcomes` stand as the steps of the task do.
    """

    id: ObjectId
    run: Run
    reused: bool
    outcomes: Sequence[StepOutcome]
    committed: Committed | None = None
    begun: Committed | None = None


def task_key(look: Look, runs: Iterable[tuple[str, ObjectId]]) -> ObjectId:
    """The key of a whole task: BLAKE3 in key-derivation mode over msgpack of run format, recipe, parameters sorted by
    name, and the name and run key of every pod in the order of the recipe.

    What the pods are given is in their keys; what else lies in the task has no part in the result.
    """
    parts = (RUN_FORMAT, look.recipe_id, sorted(look.parameters.items()), list(runs))
    return ObjectId(blake3(msgpack.packb(parts), derive_key_context=_KEY_CONTEXT).digest())


def take_known(pod: Pod, look: Look, author: Stamp) -> TaskResult | None:
    """The result of a task that is known as a whole, put into its place; None if it is not.

    Raises:
        SovrError: if the pod cannot be written.
    """
    steps = look.plan.steps
    if look.plan.to_run:
        return None
    keys = [(planned.step.name, planned.known.run.key) for planned in steps if planned.known is not None]
    same = look.index.all_succeeded_with(task_key(look, keys))
    known = next((item for item in same if _is_result(pod, look, item, keys)), None)
    if known is None:
        return None
    outcomes = [StepOutcome(planned, "known") for planned in steps]
    message = f"Take the output of run {known.id.short}"
    committed = _put_output(pod, known.run, known.id, author, message, reuse=Reuse("own"))
    return TaskResult(known.id, known.run, reused=True, outcomes=outcomes, committed=committed)


def _is_result(pod: Pod, look: Look, known: KnownRun, keys: Sequence[tuple[str, ObjectId]]) -> bool:
    """Whether a record is this pod's own and says what follows from it: the key from its pods, the output from theirs.

    A key can be written into any record, and so can an output.
    """
    run = known.run
    if not look.planner.ownership.has(known.id) or (run.recipe, run.parameters) != (look.recipe_id, look.parameters):
        return False
    try:
        results = [Result(member.run, pod.store.run(member.run)) for member in run.pods]
        if [(member.name, result.run.key) for member, result in zip(run.pods, results, strict=True)] != keys:
            return False
        with pod.store.session() as session:
            output = _output(pod, look.plan.graph, dict(enumerate(results)), session)
            session.commit()
    except ObjectMissing:
        return False
    return output == run.output


def record(
    pod: Pod,
    look: Look,
    outcomes: Sequence[StepOutcome],
    *,
    author: Stamp,
    started: int,
    finished: int,
    cancelled: bool,
    base: ObjectId,
    begun: Committed | None,
) -> TaskResult:
    """Record what has come of a task. If all went well its output is put into its place and committed.

    Args:
        started, finished: nanoseconds since 1970.
        cancelled: somebody wanted it to end.
        base: the commit that it started from; somebody may have made others meanwhile.
        begun: the same, if it was made for that.

    Raises:
        SovrError: if the pod cannot be written.
    """
    pod.store.refresh()
    found = [_result(outcome) for outcome in outcomes]
    succeeded = all(outcome.state in ("known", "succeeded") for outcome in outcomes)
    status = RunStatus.SUCCEEDED if succeeded else RunStatus.CANCELLED if cancelled else RunStatus.FAILED
    members, keys = [], []
    for outcome, result in zip(outcomes, found, strict=True):
        if result is None:
            continue
        source = outcome.planned.prepared.source
        members.append(Member(outcome.planned.step.name, source.reference, source.commit or base, result.id))
        keys.append((outcome.planned.step.name, result.run.key))
    run = Run(
        status=status,
        reason="" if succeeded else why_not(outcomes, cancelled=cancelled),
        pod=look.recipe.name,
        recipe=look.recipe_id,
        input=look.input,
        key=task_key(look, keys),
        command=(),
        executor={"name": EXECUTOR, "sovr": __version__},
        platform=platform_facts(),
        started=started,
        finished=finished,
        outputs=(DEFAULT_OUTPUT,),
        base=base,
        usage=Usage(wall=finished - started),
        parameters=look.parameters,
        by=author.name,
        pods=tuple(members),
    )
    with pod.store.session() as session:
        if succeeded:
            results = {position: result for position, result in enumerate(found) if result is not None}
            run = replace(run, output=_output(pod, look.plan.graph, results, session))
        run = pod.sign(run)
        identity = session.add(Kind.RUN, run.encode())
        session.commit()
    committed = None
    if succeeded:
        number = f"{len(members)} {'pod' if len(members) == 1 else 'pods'}"
        message = "\n\n".join([f"Run of {run.pod}: {number}", *_taken(outcomes)])
        committed = _put_output(pod, run, identity, author, message, always=True)
    else:
        record_run(pod, identity, finished)
    _forget_members(pod, members)
    return TaskResult(identity, run, reused=False, outcomes=outcomes, committed=committed, begun=begun)


def why_not(outcomes: Sequence[StepOutcome], *, cancelled: bool) -> str:
    """Why a task is not complete, in words: the first failure, and how many others there are."""
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    rest = sum(outcome.state in ("left out", "cancelled") for outcome in outcomes)
    if not failed:
        return f"cancelled, with {rest} of {len(outcomes)} pods not run to the end" if cancelled else "not all was run"
    first = failed[0]
    text = f"`{first.planned.step.name}` failed: {first.reason}"
    if len(failed) > 1:
        text += f", and {len(failed) - 1} more"
    was = "was" if rest == 1 else "were"
    return text + (f"; {rest} of {len(outcomes)} pods {was} left out" if rest else "")


def _taken(outcomes: Sequence[StepOutcome]) -> Iterator[str]:
    """What was taken from others, from where and on whose word, for the message of a commit: a paragraph if any was.

    The commit itself took nothing over: the run that it names is the task's, which was put together here.
    """
    names: dict[Reuse, list[str]] = {}
    for outcome in outcomes:
        if (found := outcome.planned.found) is not None and outcome.state == "known":
            names.setdefault(found.reuse(), []).append(outcome.planned.step.name)
    lines = []
    for reuse, steps in names.items():
        word = f", on the word of {reuse.trusted}" if reuse.trusted else ""
        lines.append(f"Taken from {reuse.reference or 'what was fetched'}{word}: {', '.join(steps)}")
    if lines:
        yield "\n".join(lines)


def _result(outcome: StepOutcome) -> Result | None:
    """The run of a step, whatever came of it."""
    if outcome.result is not None:
        return Result(outcome.result.id, outcome.result.run)
    return outcome.planned.result if outcome.state == "known" else None


def _output(pod: Pod, graph: Graph, results: Mapping[int, Result], session: WriteSession) -> ObjectId | None:
    """The tree of a task's output: that of the last pods, each in a folder with its name; of a single one as it is."""
    last = graph.last()
    positions = [position for position, step in enumerate(graph.steps) if step.entry in last]
    alone = len(positions) == 1 and not graph.steps[positions[0]].label
    editor = TreeEditor(pod.store)
    empty = True
    for position in positions:
        made = output_of(pod.store, results[position].run)
        if made is not None:
            name = "" if alone else f"/{graph.steps[position].name}"
            editor.put(f"{DEFAULT_OUTPUT}{name}".encode(), made[1])
            empty = False
    return None if empty else editor.write(session)


def _put_output(
    pod: Pod,
    run: Run,
    identity: ObjectId,
    author: Stamp,
    message: str,
    *,
    always: bool = False,
    reuse: Reuse | None = None,
) -> Committed | None:
    """Bring the output folder to what a run says, and commit the pod with the run; not if nothing is new by that.

    Args:
        always: commit in any case.
        reuse: what the commit says if the result was taken over.
    """
    with pod.lock():
        with pod.store.session() as session:
            working = WorkingTree.look(pod)
            before = take_snapshot(pod.root, working.found, working.index, session).tree
            session.commit()
        with pod.store.session() as session:
            here = subtree(pod.store, session, before, [DEFAULT_OUTPUT])
            session.commit()
        changes = list(diff_trees(pod.store, here or EMPTY_TREE_ID, run.output or EMPTY_TREE_ID))
        apply_changes(pod.store, pod.root, pod.temporary, changes)
        working = WorkingTree.look(pod, here=[change.path for change in changes])
        with pod.store.session() as session:
            after = take_snapshot(pod.root, working.found, working.index, session)
            session.commit()
        if after.tree == working.head_tree and not always:
            working.save_index()
            return None
        with pod.store.session() as session:
            head = pod.head()
            made = Commit(
                tree=after.tree,
                parents=() if head is None else (head,),
                author=author,
                message=message,
                run=identity,
                reuse=reuse,
            )
            editor = TreeEditor(pod.store, after.tree)
            editor.put(DEFAULT_OUTPUT.encode(), find(pod.store, before, DEFAULT_OUTPUT.encode()))
            tree = editor.write(session)
            rewritten = Rewritten(tree, after.tree) if tree != after.tree else None
            committed = publish(pod, session, working, after, made, "run", rewritten=rewritten)
            working.keep_rules()
            return committed


def _forget_members(pod: Pod, members: Iterable[Member]) -> None:
    """Take away the refs that have kept the runs of pods until the record of the task names them."""
    with pod.lock():
        values = pod.refs.read().values
        names = {f"{RUNS}{member.run}": member.run for member in members}
        gone = [RefChange(name, run, None) for name, run in names.items() if values.get(name) == run]
        if gone:
            pod.refs.update(gone, command="run", time_ns=0)
