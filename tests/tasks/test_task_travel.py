"""Records of tasks go where their commits go: to remotes, through garbage collection, into clones."""

from __future__ import annotations

from pathlib import Path

import pytest
from task_lab import GATHER, TaskLab

from sovrgit.actions import push_pod
from sovrgit.bundling import bundle_pod
from sovrgit.getting import get_pod
from sovrgit.lineage.down import made_from
from sovrgit.lineage.graph import Relation
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.up import lineage_of_path
from sovrgit.objects.run import Run
from sovrgit.pod.check import check_pod
from sovrgit.pod.gc import GcRequest, collect
from sovrgit.pod.pod import Pod
from sovrgit.remotes.fetch import FetchRequest, fetch
from sovrgit.remotes.locations import add_remote, open_remote
from sovrgit.remotes.promises import Promises
from sovrgit.remotes.selection import Selection


@pytest.fixture
def run(lab: TaskLab) -> Run:
    """The record of a task of two pods."""
    lab.write("data/x.txt", "payload\n")
    lab.task(lab.own_pod("first", GATHER), lab.own_pod("second", GATHER), payload="data")
    return lab.run().run


def whole(pod: Pod, run: Run) -> bool:
    """Whether the runs of a task are all here, with all that they lead to."""
    members = [pod.store.run(member.run) for member in run.pods]
    trees = [tree for member in members for tree in (member.input, member.output, member.log) if tree is not None]
    return len(members) == 2 and all(map(pod.store.has, trees)) and not check_pod(pod).problems


def test_the_task_alone_has_all_that_its_record_leads_to(lab: TaskLab, run: Run) -> None:
    assert whole(lab.pod, run)


def test_garbage_collection_keeps_it(lab: TaskLab, run: Run) -> None:
    lab.pod.close()
    with Pod(lab.root) as pod:
        collect(pod, GcRequest(now_ns=lab.now(), grace_ns=0, kept_moves_ns=0))
        assert whole(pod, run)


def test_it_is_pushed_and_cloned(lab: TaskLab, run: Run, tmp_path: Path) -> None:
    add_remote(lab.pod, "origin", "../shared", lab.root)
    push_pod(lab.pod, "origin", time_ns=lab.now())
    with get_pod(str(tmp_path / "shared"), tmp_path, tmp_path / "clone", remote_name="origin", time_ns=0).pod as pod:
        assert whole(pod, run)
        theirs = TaskLab(pod, clock=lab.clock)
        assert theirs.run().reused
        # A pod whose result is known is not run again for another one.
        theirs.own_pod("second", f"{GATHER}; echo more >> output/all.txt")
        theirs.run()
        assert theirs.started() == ["second"]


def test_what_is_new_is_pushed_and_fetched(lab: TaskLab, run: Run, tmp_path: Path) -> None:
    add_remote(lab.pod, "origin", "../shared", lab.root)
    push_pod(lab.pod, "origin", time_ns=lab.now())
    with get_pod(str(tmp_path / "shared"), tmp_path, tmp_path / "clone", remote_name="origin", time_ns=0).pod as pod:
        lab.own_pod("second", f"{GATHER}; echo more >> output/all.txt")
        newer = lab.run().run
        pushed = push_pod(lab.pod, "origin", time_ns=lab.now())
        assert pushed.sent_objects < 25
        fetch(pod, open_remote(pod, "origin"), FetchRequest("origin", lab.now()))
        assert whole(pod, newer)


def test_a_shallow_clone_has_it(lab: TaskLab, run: Run, tmp_path: Path) -> None:
    got = get_pod(
        str(lab.root), tmp_path, tmp_path / "clone", remote_name="origin", time_ns=0, selection=Selection(depth=1)
    )
    with got.pod as pod:
        assert all(pod.store.has(member.run) for member in run.pods)
        # Logs are content of an older commit, so they may be left where they are.
        assert not check_pod(pod, promised=Promises.of(pod).find).problems


def test_a_bundle_has_it(lab: TaskLab, run: Run, tmp_path: Path) -> None:
    bundle_pod(lab.pod, tmp_path / "task.bundle", time_ns=lab.now())
    got = get_pod(str(tmp_path / "task.bundle"), tmp_path, tmp_path / "clone", remote_name="origin", time_ns=0)
    with got.pod as pod:
        assert whole(pod, run)


def test_records_that_failed_go_along_if_asked_for(lab: TaskLab, tmp_path: Path) -> None:
    lab.task(lab.own_pod("first", "echo 1 > output/n.txt"), lab.own_pod("second", "exit 1"))
    failed = lab.run()
    add_remote(lab.pod, "origin", "../shared", lab.root)
    push_pod(lab.pod, "origin", time_ns=lab.now(), with_runs=True)
    with get_pod(str(tmp_path / "shared"), tmp_path, tmp_path / "clone", remote_name="origin", time_ns=0).pod as pod:
        fetch(pod, open_remote(pod, "origin"), FetchRequest("origin", lab.now()))
        assert whole(pod, failed.run)


def test_lineage_leads_from_the_task_to_the_runs_of_its_pods_and_back(lab: TaskLab, run: Run) -> None:
    head = lab.pod.head()
    assert head is not None
    ran = [(Relation.RAN, f"run:{member.run}", member.name) for member in run.pods]
    with LineageIndex(lab.pod) as index:
        up = lineage_of_path(lab.pod, index, head, b"output/all.txt")
        down = made_from(lab.pod, index, head, b"pods/first/script/run.sh")
    (task,) = {edge.source for edge in up.edges if edge.relation is Relation.RAN}
    assert [(edge.relation, edge.target, edge.note) for edge in up.edges if edge.relation is Relation.RAN] == ran
    # Both pods have the same script, which is used by the task as a whole too.
    assert {edge.source for edge in down.edges if edge.relation is Relation.USED} == {task, ran[0][1], ran[1][1]}
    assert (Relation.RAN, ran[0][1], "first") in {
        (edge.relation, edge.target, edge.note) for edge in down.edges if edge.source == task
    }
