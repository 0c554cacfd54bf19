"""Running tasks: what is executed, recorded and committed, and how they go on after a failure."""

from __future__ import annotations

import shutil
import threading

import pytest
from task_lab import GATHER, TaskLab, reasons

from sovrgit.errors import Locked, TaskInvalid
from sovrgit.lineage.graph import Relation, RunDetails
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.up import lineage_of_path
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import RunStatus
from sovrgit.pod.refs import RUNS
from sovrgit.pod.status import status
from sovrgit.runs.executor import Cancel, Started
from sovrgit.runs.run import alone
from sovrgit.tasks.events import StepChanged, StepEvent, TaskEvent
from sovrgit.tasks.run import plan_task


def chain(lab: TaskLab) -> None:
    """A task of two pods, of which the second copies what the first has put out."""
    lab.write("data/x.txt", "payload\n")
    lab.task(lab.own_pod("first", GATHER), lab.own_pod("second", GATHER), payload="data")


def refs(lab: TaskLab) -> list[str]:
    return [name for name in lab.pod.refs.read().values if name.startswith(RUNS)]


# --- what is recorded -----------------------------------------------------------------------------------------------


def test_a_task_is_one_record_that_names_the_runs_of_its_pods(lab: TaskLab) -> None:
    chain(lab)
    result = lab.run()
    run = result.run
    assert run.succeeded and run.executor["name"] == "task" and run.command == () and run.outputs == ("output",)
    assert [(member.name, member.reference) for member in run.pods] == [
        ("first", "pods/first"),
        ("second", "pods/second"),
    ]
    assert {member.commit for member in run.pods} == {run.base}
    members = lab.members(run)
    assert members["first"].pod == "first" and members["first"].succeeded
    (own, taken) = members["second"].external
    assert (own.reference, own.path, own.commit) == (".", "data", run.base)
    assert (taken.reference, taken.path, taken.commit) == ("pods/first", "output", run.base)
    assert taken.id == lab.pod.store.tree(members["first"].output or run.recipe).entries[0].id


def test_what_it_starts_from_is_committed_first(lab: TaskLab) -> None:
    chain(lab)
    result = lab.run()
    assert lab.begun is not None and result.begun == lab.begun
    assert result.committed is not None and result.committed.commit.parents == (lab.begun.id,)
    assert result.committed.commit.run == result.id
    assert result.committed.commit.message == "Run of lab: 2 pods"
    assert lab.pod.store.commit(lab.begun.id).message == "Inputs of lab"


def test_who_commits_meanwhile_changes_nothing_of_what_it_started_from(lab: TaskLab) -> None:
    chain(lab)
    made: list[ObjectId] = []

    def commit_once(event: TaskEvent) -> None:
        if isinstance(event, StepChanged) and event.state == "running" and not made:
            lab.write("README", "meanwhile\n")
            made.append(lab.commit("Meanwhile"))

    lab.on = commit_once
    result = lab.run()
    assert result.begun is not None and result.committed is not None
    assert result.run.base == result.begun.id
    assert {member.commit for member in result.run.pods} == {result.begun.id}
    assert result.committed.commit.parents == tuple(made)


def test_nothing_is_committed_first_if_nothing_has_changed(lab: TaskLab) -> None:
    chain(lab)
    head = lab.commit()
    result = lab.run()
    assert result.begun is None and result.run.base == head


def test_the_output_of_the_last_pods_is_that_of_the_task(lab: TaskLab) -> None:
    lab.task(
        lab.own_pod("first", "echo 1 > output/n.txt"),
        {"ref": lab.own_pod("left", "echo 2 > output/n.txt"), "needs": ["pods/first"]},
        {"ref": lab.own_pod("right", "echo 3 > output/n.txt"), "needs": ["pods/first"]},
    )
    lab.write("output/stale.txt", "old")
    result = lab.run()
    assert lab.files() == {"left/n.txt": "2\n", "right/n.txt": "3\n"}
    assert status(lab.pod).is_clean
    assert result.run.output is not None


def test_nothing_of_the_pods_is_part_of_the_task(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    assert sorted(path.name for path in lab.root.iterdir()) == [".sovr", "data", "output", "pods", "recipe.json"]
    assert (lab.root / ".sovr/tasks/first/pod/output/all.txt").read_text() == "payload\n"
    assert not (lab.root / "pods/first/output").exists()


def test_runs_of_pods_need_no_refs_once_the_task_names_them(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    assert refs(lab) == []


# --- what is known ----------------------------------------------------------------------------------------------------


def test_a_task_that_is_known_is_not_run_again(lab: TaskLab) -> None:
    chain(lab)
    first = lab.run()
    head = lab.pod.head()
    again = lab.run()
    assert again.reused and again.id == first.id and again.committed is None and lab.pod.head() == head
    assert lab.started() == []


def test_what_no_pod_is_given_makes_no_new_result(lab: TaskLab) -> None:
    chain(lab)
    first = lab.run()
    lab.write("README", "new\n")
    again = lab.run()
    assert again.reused and again.id == first.id
    assert again.begun is None and again.committed is not None and again.committed.commit.run == first.id


def test_output_that_was_removed_is_put_back(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    (lab.root / "output/all.txt").unlink()
    lab.commit("Without output")
    again = lab.run()
    assert again.reused and again.committed is not None
    assert lab.files() == {"all.txt": "payload\npayload\n"}


def test_only_what_has_changed_is_run_again(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    lab.own_pod("second", f"{GATHER}; echo more >> output/all.txt")
    plan = lab.look()
    assert reasons(plan) == {"first": (), "second": ("`script/run.sh` was modified",)}
    assert lab.run().run.succeeded
    assert lab.started() == ["second"] and lab.states()["first"] == "known"
    assert lab.read("output/all.txt").endswith("more\n")


def test_what_comes_out_as_before_ends_the_chain(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    lab.own_pod("first", f"# another script\n{GATHER}")
    assert reasons(lab.look())["second"] == ("it waits for `first`",)
    lab.run()
    assert lab.started() == ["first"] and lab.states()["second"] == "known"


def test_the_reasons_say_what_is_new(lab: TaskLab) -> None:
    chain(lab)
    assert reasons(lab.look())["first"] == ("it has not been run before",)
    lab.run()
    assert reasons(lab.look(force=True))["first"] == ("it was asked for",)
    assert reasons(lab.look(parameters={"n": "2"}))["first"] == ("parameter `n` changed",)
    lab.write("data/x.txt", "other payload\n")
    assert reasons(lab.look())["first"] == ("the payload `data` of the task changed",)


def test_everything_is_run_again_if_asked_for(lab: TaskLab) -> None:
    chain(lab)
    first = lab.run()
    again = lab.run(force=True)
    assert sorted(lab.started()) == ["first", "second"]
    assert again.id != first.id and again.run.output == first.run.output


def test_a_plan_changes_nothing(lab: TaskLab) -> None:
    chain(lab)
    before = lab.files("."), lab.pod.refs.read().values
    plan = plan_task(lab.pod, lab.request(), lab.means())
    assert [planned.step.name for planned in plan.to_run] == ["first", "second"]
    assert lab.pod.refs.read().values == before[1] and not (lab.root / "output").exists()
    assert not (lab.root / ".sovr/tasks").exists()


def test_a_parameter_is_for_the_pods_that_have_it(lab: TaskLab) -> None:
    show = "echo $SOVR_PARAM_A $SOVR_PARAM_B > output/out.txt"
    has, others = lab.own_pod("has", show, params={"a": 1}), lab.own_pod("not", show)
    lab.task({"ref": has, "needs": []}, {"ref": others, "needs": []})
    lab.run()
    lab.run(parameters={"a": "2"})
    assert lab.started() == ["has"]
    # Nobody has this one.
    lab.run(parameters={"b": "2"})
    assert sorted(lab.started()) == ["has", "not"]


def test_parameters_reach_every_pod_and_a_matrix_wins(lab: TaskLab) -> None:
    script = "echo $SOVR_PARAM_A $SOVR_PARAM_B > output/out.txt"
    lab.task({"ref": lab.own_pod("x", script, params={"a": 1, "b": 1}), "matrix": {"b": [7]}})
    lab.run(parameters={"a": "2", "b": "3"})
    assert lab.files() == {"x@b=7/out.txt": "2 7\n"}


def test_results_outlive_the_pods_that_made_them(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    shutil.rmtree(lab.root / ".sovr/tasks")
    lab.own_pod("second", f"{GATHER}; echo more >> output/all.txt")
    lab.run()
    assert lab.started() == ["second"]


def test_a_pod_that_changes_what_it_reads_finds_its_files_as_they_were(lab: TaskLab) -> None:
    script = "cat script/seen >> output/seen.txt 2>/dev/null; echo was here >> script/seen; echo 1 >> output/n.txt"
    lab.task(lab.own_pod("x", script))
    first = lab.run()
    again = lab.run(force=True)
    assert first.run.output == again.run.output


# --- failures ---------------------------------------------------------------------------------------------------------


def fork_in_the_road(lab: TaskLab, broken: str) -> None:
    """`good` and `bad` side by side, each with one that needs it."""
    lab.task(
        {"ref": lab.own_pod("bad", broken), "needs": []},
        {"ref": lab.own_pod("after-bad", GATHER), "needs": ["pods/bad"]},
        {"ref": lab.own_pod("good", "echo good > output/good.txt"), "needs": []},
        {"ref": lab.own_pod("after-good", GATHER), "needs": ["pods/good"]},
    )


def test_after_a_failure_nothing_new_is_started_and_what_runs_ends(lab: TaskLab) -> None:
    """The failure is held back until the other pod runs, and that until the failure is known."""
    gate = lab.root / "gate"
    fork_in_the_road(lab, f"until [ -e '{gate}' ]; do sleep 0.01; done; echo partial > output/half; exit 3")
    lab.own_pod("good", f"touch '{gate}'; until [ -e '{gate}.2' ]; do sleep 0.01; done; echo good > output/good.txt")

    def failed(event: TaskEvent) -> None:
        if getattr(event, "state", "") == "failed":
            gate.with_name("gate.2").touch()

    lab.on = failed
    lab.commit()
    result = lab.run()
    assert result.run.status is RunStatus.FAILED and result.committed is None
    assert lab.states() == {"bad": "failed", "after-bad": "left out", "good": "succeeded", "after-good": "left out"}
    assert result.run.reason == "`bad` failed: exit code 3; 2 of 4 pods were left out"
    assert [member.name for member in result.run.pods] == ["bad", "good"]
    assert lab.members(result.run)["bad"].exit_code == 3
    assert not (lab.root / "output").exists()
    assert refs(lab) == [f"{RUNS}{result.id}"]


def test_what_does_not_depend_on_a_failure_goes_on_if_asked_for(lab: TaskLab) -> None:
    fork_in_the_road(lab, "exit 3")
    result = lab.run(jobs=1, keep_going=True)
    assert lab.states() == {"bad": "failed", "after-bad": "left out", "good": "succeeded", "after-good": "succeeded"}
    assert result.run.status is RunStatus.FAILED and result.run.output is None


def test_the_next_run_goes_on_from_the_last_good_pod(lab: TaskLab) -> None:
    lab.task(lab.own_pod("first", "echo 1 > output/n.txt"), lab.own_pod("second", "exit 1"))
    failed = lab.run()
    assert failed.run.reason == "`second` failed: exit code 1"
    assert reasons(lab.look()) == {"first": (), "second": ("the last run failed",)}
    lab.own_pod("second", GATHER)
    result = lab.run()
    assert lab.started() == ["second"] and result.run.succeeded and lab.files() == {"all.txt": "1\n"}


def test_a_pod_that_cannot_be_run_is_a_failure_of_its_own(lab: TaskLab) -> None:
    lab.write("data/x.txt", "of the task")
    lab.task(
        {"ref": lab.own_pod("x", ":"), "needs": []},
        {"ref": lab.own_pod("y", "echo y > output/y.txt"), "needs": []},
        payload="data",
    )
    lab.write("pods/x/payload/external/x.txt", "of the pod")
    result = lab.run(jobs=1, keep_going=True)
    assert lab.states() == {"x": "failed", "y": "succeeded"}
    assert [member.name for member in result.run.pods] == ["y"]
    assert "`x` failed: " in result.run.reason and "of its own there" in result.run.reason


def test_a_failed_task_leaves_the_output_of_the_last_good_one(lab: TaskLab) -> None:
    chain(lab)
    lab.run()
    before = lab.files()
    lab.own_pod("second", "echo other > output/all.txt; exit 1")
    lab.commit()
    assert not lab.run().run.succeeded
    assert lab.files() == before and status(lab.pod).is_clean


def test_a_bug_ends_all_and_is_not_hidden(lab: TaskLab) -> None:
    fork_in_the_road(lab, "sleep 600")

    def on(event: TaskEvent) -> None:
        if isinstance(event, StepEvent) and isinstance(event.event, Started) and event.step.name == "bad":
            raise ZeroDivisionError

    lab.on = on
    with pytest.raises(ZeroDivisionError):
        lab.run(grace=0.0)


def test_a_request_to_cancel_ends_all_pods(lab: TaskLab) -> None:
    pods = [{"ref": lab.own_pod(name, "exec sleep 600"), "needs": []} for name in ("a", "b", "c")]
    lab.task(*pods)
    started = 0
    cancel = Cancel()

    def on(event: TaskEvent) -> None:
        nonlocal started
        if isinstance(event, StepEvent) and isinstance(event.event, Started):
            started += 1
            if started == 2:
                cancel.request()

    lab.on = on
    result = lab.run(cancel)
    assert result.run.status is RunStatus.CANCELLED
    assert result.run.reason == "cancelled, with 3 of 3 pods not run to the end"
    assert lab.states() == {"a": "cancelled", "b": "cancelled", "c": "left out"}


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_two_tasks_at_once_are_one_too_many(lab: TaskLab) -> None:
    chain(lab)
    with alone(lab.pod), pytest.raises(Locked, match="is being changed by another process"):
        lab.run()


def test_as_many_pods_run_at_the_same_time_as_there_are_jobs(lab: TaskLab) -> None:
    """Two pods that wait for each other can only end if they run side by side; three would be one too many."""
    meeting = lab.root / "meeting"
    script = (
        f"touch '{meeting}'.$SOVR_PARAM_N; until [ $(ls '{lab.root}' | grep -c meeting) -ge 2 ]; do sleep 0.01; done"
    )
    lab.task({"ref": lab.own_pod("x", f"{script}; echo > output/done"), "needs": [], "matrix": {"n": [1, 2]}})
    running, most = 0, 0
    lock = threading.Lock()

    def on(event: TaskEvent) -> None:
        nonlocal running, most
        with lock:
            state = getattr(event, "state", "")
            running += {"running": 1, "succeeded": -1}.get(state, 0)
            most = max(most, running)

    lab.on = on
    assert lab.run(jobs=2).run.succeeded and most == 2


def test_the_payload_must_be_a_folder(lab: TaskLab) -> None:
    lab.task(lab.own_pod("x", ":"), payload="nowhere")
    with pytest.raises(TaskInvalid, match="payload `nowhere` is no folder"):
        lab.run()
    lab.write("output/x", "")
    lab.task("pods/x", payload="output")
    with pytest.raises(TaskInvalid, match="made anew by every run"):
        lab.look()


def test_the_index_knows_the_runs_of_pods(lab: TaskLab) -> None:
    chain(lab)
    result = lab.run()
    with LineageIndex(lab.pod) as index:
        known = {known.id for known in index.runs()}
    assert known == {result.id, *(member.run for member in result.run.pods)}


def test_the_story_of_its_output_leads_through_the_runs_of_its_pods(lab: TaskLab) -> None:
    chain(lab)
    result = lab.run()
    assert result.committed is not None
    with LineageIndex(lab.pod) as index:
        lineage = lineage_of_path(lab.pod, index, result.committed.id, b"output/all.txt")
    runs = {
        node.id: node.details.run
        for node in lineage.nodes.values()
        if isinstance(node.details, RunDetails) and node.details.run is not None
    }
    ran = [(runs[edge.source], edge.note, runs[edge.target]) for edge in lineage.edges if edge.relation is Relation.RAN]
    members = lab.members(result.run)
    assert ran == [(result.run, name, members[name]) for name in ("first", "second")]
    assert not lineage.missing
