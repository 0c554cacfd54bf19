"""Where the pods of a task come from, and who is asked before they run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from task_lab import GATHER, TaskLab, reasons, write_pod

from sovrgit.errors import RunNotTrusted, TaskInvalid, TaskPodUnavailable
from sovrgit.getting import get_pod
from sovrgit.objects.commit import Stamp
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod

MADE = "echo made > output/made.txt"


def other_pod(lab: TaskLab, name: str, script: str = MADE) -> ObjectId:
    """A pod beside the task; its commit."""
    folder = lab.root.parent / name
    write_pod(folder, name, script)
    with Pod(folder) if (folder / ".sovr").exists() else Pod.create(folder) as pod:
        return commit(pod, CommitRequest(Stamp("Bob", "bob@example.org", 1_600_000_000), "Version")).id


def test_a_pod_that_is_got_is_a_fork_that_names_its_origin(lab: TaskLab) -> None:
    made = other_pod(lab, "other")
    lab.task("../other", lab.own_pod("second", GATHER))
    result = lab.run()
    assert result.run.succeeded and lab.files() == {"all.txt": "made\n"}
    (member, _) = result.run.pods
    assert (member.name, member.reference, member.commit) == ("other", str(lab.root.parent / "other"), made)
    with Pod(lab.root / ".sovr/tasks/other/pod") as pod:
        history = [pod.store.commit(pod.head() or made)]
        while history[-1].parents:
            history.append(pod.store.commit(history[-1].parents[0]))
        begun = next(item.fork for item in history if item.fork is not None)
    assert (begun.reference, begun.commit, begun.pod) == (str(lab.root.parent / "other"), made, "other")
    # The next one says what it was given in the same words.
    external = lab.members(result.run)["second"].external[0]
    assert (external.reference, external.commit) == (member.reference, made)


def test_a_pod_that_was_got_stays_as_it_is(lab: TaskLab) -> None:
    other_pod(lab, "other")
    lab.task("../other")
    first = lab.run()
    other_pod(lab, "other", "echo new > output/made.txt")
    assert lab.run().id == first.id


def test_it_is_got_anew_if_asked_for(lab: TaskLab) -> None:
    other_pod(lab, "other")
    lab.task("../other")
    lab.run()
    newer = other_pod(lab, "other", "echo new > output/made.txt")
    again = lab.run(update=True)
    assert again.run.pods[0].commit == newer
    assert lab.files() == {"made.txt": "new\n"}
    assert lab.run(update=True).reused


def test_what_is_here_stays_if_it_cannot_be_had_anew(lab: TaskLab) -> None:
    other_pod(lab, "other")
    lab.task("../other")
    first = lab.run()
    (lab.root.parent / "other").rename(lab.root.parent / "gone")
    with pytest.raises(TaskPodUnavailable):
        lab.run(update=True)
    assert lab.run().id == first.id
    assert sorted(path.name for path in (lab.pod.folder / "tasks").iterdir()) == ["other"]


def test_another_reference_is_another_pod(lab: TaskLab) -> None:
    other_pod(lab, "other")
    other_pod(lab, "another", "echo another > output/made.txt")
    lab.task({"ref": "../other", "name": "x"})
    lab.run()
    lab.task({"ref": "../another", "name": "x"})
    lab.run()
    assert lab.files() == {"made.txt": "another\n"}


def test_a_pod_that_is_got_runs_with_every_combination(lab: TaskLab) -> None:
    other_pod(lab, "other", "echo $SOVR_PARAM_N > output/n.txt")
    lab.task({"ref": "../other", "matrix": {"n": [1, 2]}})
    lab.run()
    assert lab.files() == {"other@n=1/n.txt": "1\n", "other@n=2/n.txt": "2\n"}
    assert reasons(lab.look()) == {"other@n=1": (), "other@n=2": ()}


def test_a_pod_in_the_folder_of_the_task_with_a_repository_of_its_own_is_another_pod(lab: TaskLab) -> None:
    write_pod(lab.root / "inner", "inner", MADE)
    with Pod.create(lab.root / "inner") as pod:
        made = commit(pod, CommitRequest(lab.who(), "Version")).id
    lab.task("inner")
    result = lab.run()
    assert result.run.pods[0].commit == made


def test_two_entries_may_be_the_same_pod(lab: TaskLab) -> None:
    path = lab.own_pod("x", GATHER)
    lab.write("data/n.txt", "1\n")
    lab.task({"ref": path, "name": "once"}, {"ref": path, "name": "twice"}, payload="data")
    lab.run()
    assert sorted(lab.started()) == ["once", "twice"] and lab.files() == {"all.txt": "1\n1\n"}


def test_folders_that_a_run_needs_and_git_would_not_keep_are_made(lab: TaskLab) -> None:
    lab.task(lab.own_pod("x", "ls -d payload logs output > output/seen.txt", payload="payload"))
    lab.run()
    assert lab.files() == {"seen.txt": "logs\noutput\npayload\n"}
    assert lab.run().reused


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("../nowhere", "there is no `../nowhere`"),
        ("nowhere", "there is no `nowhere`"),
        ("gopher://x", "not a reference that can be cloned"),
        ("ab" * 64, "not a reference that can be cloned"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_before_anything_runs(lab: TaskLab, reference: str, why: str) -> None:
    lab.task(lab.own_pod("x", MADE), {"ref": reference, "name": "lost"})
    with pytest.raises(TaskPodUnavailable, match=why) as caught:
        lab.run()
    assert caught.value.fields["name"] == "lost"
    assert "ab" * 64 not in f"{caught.value.message} {caught.value.hint} {caught.value.fields}"
    assert lab.started() == [] and not (lab.root / ".sovr/tasks/lost").exists()
    assert lab.pod.head() is None


def test_a_folder_without_a_recipe_is_no_pod(lab: TaskLab) -> None:
    lab.write("pods/x/notes.txt", "")
    lab.task("pods/x")
    with pytest.raises(TaskPodUnavailable, match="neither a pod nor a remote"):
        lab.run()


def test_a_task_in_a_task_is_refused(lab: TaskLab) -> None:
    lab.write("pods/inner/recipe.json", '{"name": "inner", "pods": ["x"]}')
    lab.task("pods/inner")
    with pytest.raises(TaskInvalid, match=r"`inner` \(pods/inner\) is a task itself") as caught:
        lab.run()
    assert "a task in a task is not run" in caught.value.hint


def test_a_pod_of_data_is_refused(lab: TaskLab) -> None:
    lab.write("pods/data/recipe.json", '{"name": "data"}')
    lab.task("pods/data")
    with pytest.raises(TaskInvalid, match="only holds data"):
        lab.look()


def test_a_recipe_that_cannot_be_read_is_told_with_its_pod(lab: TaskLab) -> None:
    lab.write("pods/x/recipe.json", '{"name": "x", "golem": {"exec": 1}}')
    lab.task("pods/x")
    with pytest.raises(TaskInvalid, match=r"pod `x` \(pods/x\): recipe.json:1, key `golem.exec`"):
        lab.look()


def test_what_is_left_of_a_pod_that_was_being_made_is_made_anew(lab: TaskLab) -> None:
    lab.task(lab.own_pod("x", MADE))
    Pod.create(lab.root / ".sovr/tasks/x/pod", unfinished=True).close()
    assert lab.run().run.succeeded


def test_a_pod_whose_getting_was_interrupted_is_got_anew(lab: TaskLab) -> None:
    other_pod(lab, "other")
    lab.task("../other")
    lab.run()
    os.unlink(lab.root / ".sovr/tasks/other/source.json")
    assert lab.run(force=True).run.succeeded


# --- payload of other pods --------------------------------------------------------------------------------------------


def data_pod(lab: TaskLab, text: str = "from afar\n") -> None:
    """A pod of data beside the task."""
    folder = lab.root.parent / "data"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "files/far.txt").write_text(text)
    (folder / "recipe.json").write_text('{"name": "data"}')
    with Pod(folder) if (folder / ".sovr").exists() else Pod.create(folder) as pod:
        commit(pod, CommitRequest(lab.who(), "Data"))


def test_payload_of_other_pods_goes_to_every_pod_and_is_locked(lab: TaskLab) -> None:
    data_pod(lab)
    lab.task(
        {"ref": lab.own_pod("x", GATHER), "needs": []},
        {"ref": lab.own_pod("y", GATHER), "needs": []},
        payload=[{"ref": "../data", "data": "files/far.txt"}],
    )
    result = lab.run()
    assert lab.files() == {"x/all.txt": "from afar\n", "y/all.txt": "from afar\n"}
    external = lab.members(result.run)["x"].external[0]
    assert (external.path, external.place) == ("files/far.txt", "far.txt")
    assert "payload" in lab.read("recipe.lock")
    data_pod(lab, "newer\n")
    assert lab.run().reused


def test_each_is_for_payload_of_other_pods_too(lab: TaskLab) -> None:
    data_pod(lab)
    path = lab.own_pod("x", GATHER)
    lab.task({"ref": path, "each": "files/*.txt"}, payload=[{"ref": "../data", "data": "files"}])
    assert [planned.step.item for planned in lab.look().steps] == [b"files/far.txt"]


def test_a_pod_that_is_got_has_its_own_payload_of_others(lab: TaskLab) -> None:
    data_pod(lab)
    folder = lab.root.parent / "other"
    far = str(lab.root.parent / "data")
    write_pod(folder, "other", GATHER, payload=[{"ref": far, "data": "files/far.txt"}])
    with Pod.create(folder) as pod:
        commit(pod, CommitRequest(lab.who(), "Version"))
    lab.write("near/near.txt", "near\n")
    lab.task("../other", payload="near")
    result = lab.run()
    assert lab.files() == {"all.txt": "from afar\nnear\n"}
    assert [item.path for item in lab.members(result.run)["other"].external] == ["files/far.txt", "near"]
    assert lab.run().reused


def test_a_folder_of_the_task_takes_no_payload_of_others_by_itself(lab: TaskLab) -> None:
    lab.task(lab.own_pod("x", GATHER, payload=[{"ref": "../data", "data": "files"}]))
    with pytest.raises(TaskInvalid, match="takes payload of other pods, and is a folder of this task"):
        lab.look()


# --- approval ---------------------------------------------------------------------------------------------------------


def test_scripts_of_others_are_asked_for_once_and_before_anything_runs(lab: TaskLab) -> None:
    other_pod(lab, "other")
    lab.task(lab.own_pod("first", MADE), {"ref": "../other", "matrix": {"n": [1, 2]}})
    lab.answer = False
    with pytest.raises(RunNotTrusted):
        lab.run()
    assert len(lab.asked) == 1 and lab.asked[0].author == "Bob" and "other" in lab.asked[0].origin
    assert lab.started() == [] and lab.pod.head() is None
    lab.answer = True
    assert lab.run().run.succeeded and len(lab.asked) == 1
    assert lab.run(force=True).run.succeeded and lab.asked == []


def test_the_own_pods_of_the_user_are_not_asked_for(lab: TaskLab) -> None:
    lab.task(lab.own_pod("x", MADE))
    lab.answer = False
    assert lab.run().run.succeeded and lab.asked == []


def clone_of(lab: TaskLab, folder: Path) -> TaskLab:
    got = get_pod(str(lab.root), folder.parent, folder, remote_name="origin", time_ns=0)
    return TaskLab(got.pod, clock=lab.clock)


def test_the_folders_of_a_task_of_others_are_theirs(lab: TaskLab, tmp_path: Path) -> None:
    lab.task(lab.own_pod("x", MADE), lab.own_pod("y", GATHER))
    lab.commit()
    theirs = clone_of(lab, tmp_path / "clone")
    theirs.answer = False
    with pytest.raises(RunNotTrusted):
        theirs.run()
    assert theirs.started() == []
    theirs.answer = True
    assert theirs.run().run.succeeded and len(theirs.asked) == 2
    # What they were asked about is what was approved, and nothing else.
    theirs.own_pod("x", "echo evil > output/made.txt")
    theirs.answer = False
    with pytest.raises(RunNotTrusted):
        theirs.run()
    theirs.pod.close()


def test_what_is_known_is_not_asked_for(lab: TaskLab, tmp_path: Path) -> None:
    lab.task(lab.own_pod("x", MADE))
    lab.run()
    theirs = replace(clone_of(lab, tmp_path / "clone"), answer=False)
    assert theirs.run().reused and theirs.asked == []
    theirs.pod.close()


def test_what_a_lock_of_others_names_is_not_fetched_before_that_is_approved(lab: TaskLab, tmp_path: Path) -> None:
    data_pod(lab)
    lab.task(lab.own_pod("x", MADE), payload=[{"ref": "../data", "data": "files/far.txt"}])
    lab.look()
    lab.commit()
    theirs = clone_of(lab, tmp_path / "clone")
    theirs.answer = False
    with pytest.raises(RunNotTrusted):
        theirs.look()
    assert [proposal.command for proposal in theirs.asked] == ["get ../data"]
    theirs.pod.close()


def test_a_task_of_others_gets_nothing_that_it_names_before_that_is_approved(lab: TaskLab, tmp_path: Path) -> None:
    other_pod(lab, "other")
    lab.task("../other")
    lab.commit()
    theirs = clone_of(lab, tmp_path / "clone")
    theirs.answer = False
    with pytest.raises(RunNotTrusted):
        theirs.look()
    assert [proposal.command for proposal in theirs.asked] == ["get ../other"]
    assert not (theirs.root / ".sovr/tasks").exists()
    theirs.answer = True
    assert theirs.run().run.succeeded
    assert [proposal.command for proposal in theirs.asked] == ["get ../other", "sh script/run.sh"]
    theirs.pod.close()
