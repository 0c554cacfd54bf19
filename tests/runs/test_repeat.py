"""Repeating runs from their records, and verdicts on them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from run_lab import Lab

from sovrgit.errors import PodExists, RunCancelled, Unsupported
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.run import RunStatus
from sovrgit.objects.verdict import Finding
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, VERDICTS
from sovrgit.runs.executor import Cancel, Event, Output

# --- repeating --------------------------------------------------------------------------------------------------


def test_a_repeat_starts_from_what_was_recorded_and_touches_nothing(lab: Lab) -> None:
    first = lab.run()
    lab.write("payload/in.txt", "two\n")
    lab.write("output/out.txt", "by hand\n")
    before, head = lab.on_disk(), lab.pod.head()
    repeated = lab.rerun(first.id)
    assert lab.files(repeated.run.output) == {"output/out.txt": b"one\n"}
    assert repeated.run.repeats == first.id and repeated.run.key == first.run.key
    assert repeated.run.input == first.run.input
    assert (lab.on_disk(), lab.pod.head()) == (before, head)
    assert lab.pod.refs.read().values[f"{RUNS}{repeated.id}"] == repeated.id
    assert list(lab.pod.temporary.iterdir()) == []


def test_a_repeat_needs_no_file_of_the_working_tree(lab: Lab) -> None:
    first = lab.run()
    for path in lab.root.iterdir():
        if path.name != ".sovr":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert lab.rerun(first.id).run.output == first.run.output
    assert os.listdir(lab.root) == [".sovr"]


def test_a_repeat_in_a_clone(lab: Lab, tmp_path: Path) -> None:
    first = lab.run()
    copy = lab.clone(tmp_path)
    with copy.pod:
        assert copy.rerun(first.id).run.output == first.run.output


def test_command_parameters_and_arguments_are_the_recorded_ones(lab: Lab) -> None:
    lab.script('echo "$1 $SOVR_PARAM_SIZE" > output/out.txt')
    first = lab.run(parameters={"size": "3"}, arguments=["a b"])
    repeated = lab.rerun(first.id, parameters={"size": "4"}, arguments=["c"])
    assert lab.files(repeated.run.output) == {"output/out.txt": b"a b 3\n"}
    assert repeated.run.parameters == {"size": "3"} and repeated.run.command == first.run.command


def test_the_mark_stands_for_the_place_of_the_repeat(lab: Lab) -> None:
    lab.recipe("cp [@]payload/in.txt [@]output/out.txt")
    first = lab.run()
    (lab.root / "payload" / "in.txt").unlink()
    assert lab.rerun(first.id).run.output == first.run.output


def test_a_failed_run_can_be_repeated(lab: Lab) -> None:
    lab.script("exit 3")
    first = lab.run()
    repeated = lab.rerun(first.id)
    assert (repeated.run.status, repeated.run.exit_code) == (RunStatus.FAILED, 3)


def test_a_repeat_can_be_kept(lab: Lab, tmp_path: Path) -> None:
    lab.rerun(lab.run().id, keep=tmp_path / "deep" / "kept")
    kept = tmp_path / "deep" / "kept"
    assert (kept / "output" / "out.txt").read_text() == "one\n"
    assert (kept / "logs" / "run.log").exists() and not (kept / ".sovr").exists()


def test_a_repeat_is_kept_in_a_new_folder_only(lab: Lab, tmp_path: Path) -> None:
    run = lab.run().id
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dear.txt").write_text("dear")
    with pytest.raises(PodExists):
        lab.rerun(run, keep=tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == ["dear.txt"]


def test_output_that_was_there_before_it_was_ignored_counts_in_a_repeat_too(lab: Lab) -> None:
    lab.run()
    lab.write(".sovrignore", "output/\n")
    first = lab.run()
    assert first.run.succeeded
    assert lab.rerun(first.id).run.output == first.run.output


# --- verdicts ---------------------------------------------------------------------------------------------------


def test_the_same_output_is_identical(lab: Lab) -> None:
    lab.script("mkdir output/b output/empty; cp payload/in.txt output/; cp payload/in.txt output/b/")
    first = lab.run()
    verified = lab.verify(first.id)
    verdict = verified.verdict
    assert (verdict.finding, verdict.files, verdict.differences) == (Finding.IDENTICAL, 2, ())
    assert (verdict.run, verdict.repeat, verdict.by) == (first.id, verified.repeated.id, "Ann")
    assert lab.pod.refs.read().values[f"{VERDICTS}{verified.id}"] == verified.id
    with LineageIndex(lab.pod) as index:
        assert index.verdicts_on(first.id) == [verified.id]


def test_other_output_is_named_file_by_file(lab: Lab, tmp_path: Path) -> None:
    count = tmp_path / "count"
    lab.script(f"""
echo . >> "{count}"; n=$(wc -l < "{count}")
echo same > output/same; echo $n > output/random; echo x > output/only-$n
""")
    verdict = lab.verify(lab.run().id).verdict
    assert verdict.finding is Finding.DIFFERS
    assert verdict.differences == (
        (b"output/only-1", "removed"),
        (b"output/only-2", "added"),
        (b"output/random", "changed"),
    )


def test_what_fails_now_is_not_comparable(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    lab.script(f'cp payload/in.txt output/ && test -e "{tmp_path}/there"')
    first = lab.run()
    (tmp_path / "there").unlink()
    verdict = lab.verify(first.id).verdict
    assert (verdict.finding, verdict.reason) == (Finding.INCOMPARABLE, "the repeat failed: exit code 1")


def test_a_success_without_output_can_be_verified(lab: Lab) -> None:
    lab.script("true")
    verdict = lab.verify(lab.run(allow_empty=True).id).verdict
    assert (verdict.finding, verdict.files) == (Finding.IDENTICAL, 0)


def test_what_did_not_succeed_cannot_be_verified(lab: Lab) -> None:
    lab.script("exit 1")
    run = lab.run().id
    with pytest.raises(Unsupported) as error:
        lab.verify(run)
    assert f"sovr rerun {run.short}" in error.value.hint


def test_a_cancelled_repeat_says_nothing_about_the_run(lab: Lab, tmp_path: Path) -> None:
    lab.script(f'cp payload/in.txt output/; test -e "{tmp_path}/slow" && echo ready && exec sleep 3600; true')
    first = lab.run()
    (tmp_path / "slow").touch()
    cancel = Cancel()

    def stop(event: Event) -> None:
        if isinstance(event, Output):
            cancel.request()

    lab.on = stop
    with pytest.raises(RunCancelled):
        lab.verify(first.id, cancel)
    assert not any(name.startswith(VERDICTS) for name in lab.pod.refs.read().values)


def test_a_verdict_travels_with_the_next_push(lab: Lab, tmp_path: Path) -> None:
    from sovrgit.remotes.clone import clone
    from sovrgit.remotes.directory import DirectoryRemote
    from sovrgit.remotes.push import PushRequest, push

    verified = lab.verify(lab.run().id)
    remote = DirectoryRemote(tmp_path / "remote")
    refs = ["refs/heads/main", f"{VERDICTS}{verified.id}"]
    push(lab.pod, remote, PushRequest("origin", refs, lab.clock * 10**9, {}))
    with clone(remote, tmp_path / "clone", time_ns=lab.clock * 10**9).pod as pod, LineageIndex(pod) as index:
        assert index.verdicts_on(verified.verdict.run) == [verified.id]
        assert pod.store.verdict(verified.id) == verified.verdict


def test_a_verified_run_is_still_the_known_result(lab: Lab) -> None:
    first = lab.run()
    lab.verify(first.id)
    with Pod(lab.root) as pod:
        again = replace(lab, pod=pod)
        assert again.run().id == first.id
