"""Running a pod: what counts as a success, what is recorded, and what is left on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from run_lab import Lab

from sovrgit.errors import Locked, PayloadUnavailable, RecipeInvalid, UnsafeName, Unsupported
from sovrgit.lineage.index import LineageIndex
from sovrgit.objects.run import RunStatus
from sovrgit.pod.lock import locked
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS
from sovrgit.pod.status import status
from sovrgit.runs.executor import Cancel, Event, Output
from sovrgit.store.format import PackClass

# --- how runs end -----------------------------------------------------------------------------------------------


def test_a_success_is_committed_with_its_run(lab: Lab) -> None:
    result = lab.run()
    assert result.run.succeeded and not result.reused and result.committed is not None
    assert lab.pod.head() == result.committed.id
    assert lab.pod.store.commit(result.committed.id).run == result.id
    assert lab.files(result.run.output) == {"output/out.txt": b"one\n"}
    assert lab.read("output/out.txt") == "one\n"
    assert status(lab.pod).is_clean
    assert lab.reasons == ("it has not been run before",)


def test_the_first_run_needs_no_commit_before_it(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "pod") as pod:
        lab = Lab(pod)
        lab.recipe("touch output/empty")
        result = lab.run()
        assert result.committed is not None and result.run.base is None
        # A file without content is output too.
        assert lab.files(result.run.output) == {"output/empty": b""}


def test_a_failure_is_recorded_and_not_committed(lab: Lab) -> None:
    head = lab.pod.head()
    lab.script("echo half > output/half.txt; exit 3")
    result = lab.run()
    assert (result.run.status, result.run.exit_code, result.run.reason) == (RunStatus.FAILED, 3, "exit code 3")
    assert result.committed is None and lab.pod.head() == head
    assert lab.files(result.run.output) == {"output/half.txt": b"half\n"}
    assert lab.pod.refs.read().values[f"{RUNS}{result.id}"] == result.id
    assert list((lab.root / "output").iterdir()) == []


def test_a_failure_puts_the_earlier_output_back(lab: Lab) -> None:
    lab.run()
    lab.script("test ! -e output/out.txt && echo other > output/out.txt; exit 1")
    result = lab.run()
    assert lab.files(result.run.output) == {"output/out.txt": b"other\n"}
    assert lab.read("output/out.txt") == "one\n"


def test_output_of_an_earlier_run_never_counts(lab: Lab) -> None:
    lab.run()
    lab.script("true")
    result = lab.run()
    assert (result.run.status, result.run.reason) == (RunStatus.FAILED, "left nothing in `output`")
    assert result.run.exit_code == 0 and result.run.output is None
    assert lab.read("output/out.txt") == "one\n"


def test_no_output_can_be_allowed(lab: Lab) -> None:
    lab.script("true")
    result = lab.run(allow_empty=True)
    assert result.run.succeeded and result.run.output is None and result.committed is not None


def test_what_a_failure_left_can_be_committed(lab: Lab) -> None:
    lab.script("echo half > output/half.txt; exit 3")
    result = lab.run(commit_failed=True)
    assert not result.run.succeeded and result.committed is not None
    assert result.committed.commit.message.startswith("Failed run of lab: ")
    assert lab.read("output/half.txt") == "half\n"


def test_a_timeout_ends_it(lab: Lab) -> None:
    lab.script("exec sleep 3600")
    result = lab.run(timeout=0.05)
    assert result.run.status is RunStatus.TIMED_OUT
    assert result.run.reason == "took longer than 0.05 s; ended after SIGTERM"


def test_the_timeout_of_the_recipe_counts_and_an_option_wins(lab: Lab) -> None:
    lab.recipe("sleep 3600", timeout="0.05s")
    assert lab.run().run.reason.startswith("took longer than 0.05 s")
    assert lab.run(timeout=0.04).run.reason.startswith("took longer than 0.04 s")


def test_a_cancelled_run_is_recorded(lab: Lab) -> None:
    lab.run()
    lab.script("echo new > output/out.txt; echo ready; exec sleep 3600")
    cancel = Cancel()

    def stop(event: Event) -> None:
        if isinstance(event, Output):
            cancel.request()

    lab.on = stop
    result = lab.run(cancel)
    assert (result.run.status, result.committed) == (RunStatus.CANCELLED, None)
    assert lab.read("output/out.txt") == "one\n"
    with LineageIndex(lab.pod) as index:
        assert next(index.runs()).id == result.id


def test_a_command_that_does_not_exist_is_a_failed_run(lab: Lab) -> None:
    lab.recipe("no-such-program --now")
    result = lab.run()
    assert (result.run.exit_code, result.run.reason) == (127, "there is no `no-such-program` on PATH")


def test_whatever_goes_wrong_in_the_middle_the_output_is_put_back(lab: Lab) -> None:
    lab.run()
    lab.script("echo new > output/out.txt; echo ready; exec sleep 3600")

    def fail(event: Event) -> None:
        if isinstance(event, Output):
            raise RuntimeError("the screen broke")

    lab.on = fail
    with pytest.raises(RuntimeError):
        lab.run()
    assert lab.read("output/out.txt") == "one\n"
    assert not (lab.pod.folder / "running").exists()


# --- known results ----------------------------------------------------------------------------------------------


def test_a_known_result_is_not_computed_again(lab: Lab) -> None:
    first = lab.run()
    again = lab.run()
    assert (again.reused, again.id, again.committed) == (True, first.id, None)
    assert lab.decisions[0].known is not None and lab.decisions[0].known.id == first.id
    assert lab.events == [] and lab.runs() == 1


def test_a_known_result_brings_back_what_was_deleted_or_changed(lab: Lab) -> None:
    lab.script("cp payload/in.txt output/out.txt; echo b > output/b.txt")
    lab.run()
    (lab.root / "output" / "out.txt").unlink()
    lab.write("output/b.txt", "by hand\n")
    lab.write("output/more.txt", "by hand\n")
    result = lab.run()
    assert result.reused and result.committed is None
    assert sorted(os.listdir(lab.root / "output")) == ["b.txt", "out.txt"]
    assert (lab.read("output/out.txt"), lab.read("output/b.txt")) == ("one\n", "b\n")


def test_going_back_to_earlier_inputs_takes_their_output(lab: Lab) -> None:
    first = lab.run()
    lab.write("payload/in.txt", "two\n")
    lab.run()
    lab.write("payload/in.txt", "one\n")
    result = lab.run()
    assert (result.reused, result.id) == (True, first.id)
    assert result.committed is not None
    assert result.committed.commit.message == f"Take the output of run {first.id.short}"
    assert lab.read("output/out.txt") == "one\n"


def test_a_known_result_is_taken_beside_logs_that_were_edited(lab: Lab) -> None:
    """Logs are no inputs, so the tree of inputs, logs and earlier output together is new."""
    first = lab.run()
    lab.write("payload/in.txt", "two\n")
    lab.run()
    lab.write("payload/in.txt", "one\n")
    lab.write("logs/run.log", "edited\n")
    result = lab.run()
    assert (result.reused, result.id) == (True, first.id) and result.committed is not None
    assert (lab.read("output/out.txt"), lab.read("logs/run.log")) == ("one\n", "edited\n")
    assert not status(lab.pod).changes


def test_force_runs_it_again(lab: Lab) -> None:
    first = lab.run()
    again = lab.run(force=True)
    assert not again.reused and again.id != first.id and again.run.key == first.run.key
    assert lab.reasons == ("it was asked for",)


def test_a_failure_is_no_known_result(lab: Lab) -> None:
    lab.script("exit 1")
    lab.run()
    lab.run()
    assert lab.runs() == 2
    assert lab.reasons == ("the last run failed",)


def test_a_known_result_that_is_not_all_here_is_computed_again(lab: Lab) -> None:
    lab.script("mkdir output/sub; tr a b < payload/big.txt > output/sub/big.txt; cp payload/in.txt output/")
    lab.write("payload/big.txt", "a line that is long enough\n" * 100_000)
    first = lab.run()
    assert lab.run().reused
    # As if the content of large files had been left at the remote.
    for pack in lab.pod.store.packs():
        if pack.kind is PackClass.CONTENT:
            lab.pod.store.pack_path(pack.id).unlink()
    (lab.root / "output" / "sub" / "big.txt").unlink()
    with Pod(lab.root) as pod:
        pod.store.refresh()
        again = replace(lab, pod=pod)
        result = again.run()
        assert again.reasons == (f"the output of run {first.id.short}, which had the same inputs, is not all here",)
    assert not result.reused and result.run.output == first.run.output
    assert (lab.root / "output" / "sub" / "big.txt").stat().st_size == 2_700_000


# --- what is said to differ ---------------------------------------------------------------------------------------


def test_what_differs_from_the_last_run_is_said(lab: Lab) -> None:
    lab.run()
    lab.write("payload/in.txt", "two\n")
    lab.write("payload/new.txt", "new\n")
    lab.run()
    assert lab.reasons == ("`payload/in.txt` was modified", "`payload/new.txt` was added")
    lab.run(parameters={"SIZE": "3"})
    assert lab.reasons == ("parameter `SIZE` changed",)
    lab.run(parameters={"SIZE": "3"}, arguments=["--fast"])
    assert lab.reasons == ("the command changed",)
    lab.recipe("sh script/run.sh now")
    lab.run(parameters={"SIZE": "3"})
    assert lab.reasons == ("the recipe changed",)


# --- what is recorded ---------------------------------------------------------------------------------------------


def test_inputs_that_are_not_committed_are_recorded(lab: Lab) -> None:
    assert not lab.run().run.dirty
    lab.write("payload/in.txt", "two\n")
    head = lab.pod.head()
    run = lab.run().run
    assert run.dirty and run.base == head
    assert lab.files(run.input)["payload/in.txt"] == b"two\n"
    assert sorted(lab.files(run.input)) == ["payload/in.txt", "recipe.json", "script/run.sh"]


def test_inputs_that_the_run_changed_are_told(lab: Lab) -> None:
    lab.script("echo seen >> payload/in.txt; rm -f payload/gone; cp payload/in.txt output/")
    lab.write("payload/gone", "")
    result = lab.run()
    assert result.changed == (b"payload/gone", b"payload/in.txt")
    # The record has them as they were before.
    assert lab.files(result.run.input)["payload/in.txt"] == b"one\n"


def test_parameters_and_arguments_reach_the_command(lab: Lab) -> None:
    lab.recipe("sh script/run.sh first")
    lab.script('echo "$@" "$SOVR_PARAM_SIZE" "$SOVR_PARAM_WITH_DASH" > output/out.txt')
    run = lab.run(parameters={"size": "3", "with-dash": "a b"}, arguments=["two words", "--x"]).run
    assert lab.read("output/out.txt") == "first two words --x 3 a b\n"
    assert run.command == ("sh", "script/run.sh", "first", "two words", "--x")
    assert run.parameters == {"size": "3", "with-dash": "a b"}


def test_parameters_of_the_recipe_are_defaults(lab: Lab) -> None:
    lab.recipe(params={"size": 3, "share": 0.5, "deep": True, "word": "yes"})
    lab.script("echo $SOVR_PARAM_SIZE $SOVR_PARAM_SHARE $SOVR_PARAM_DEEP $SOVR_PARAM_WORD > output/out.txt")
    assert lab.run().run.parameters == {"size": "3", "share": "0.5", "deep": "true", "word": "yes"}
    assert lab.read("output/out.txt") == "3 0.5 true yes\n"
    assert lab.run(parameters={"word": "no"}).run.parameters["word"] == "no"
    assert lab.reasons == ("parameter `word` changed",)


def test_secrets_are_passed_on_and_never_recorded(lab: Lab) -> None:
    lab.script('test "$API_TOKEN" = s3cr3t && echo ok > output/out.txt')
    run = lab.run().run
    assert run.succeeded and run.environment == {"LC_ALL": "C"}
    assert b"s3cr3t" not in run.encode()


def test_the_time_of_the_commit_is_the_end_of_the_run(lab: Lab) -> None:
    times = iter([1_800_000_123_456_789_000])
    result = lab.run(clock=lambda: next(times))
    assert result.committed is not None
    assert result.committed.commit.author.time == 1_800_000_123
    assert result.committed.commit.author.name == "Ann"


def test_the_log_is_recorded_beside_those_of_the_script(lab: Lab) -> None:
    lab.recipe(logs="logs")
    lab.write("logs/old.log", "from another day\n")
    lab.script("echo hello; echo mine > logs/own.log; cp payload/in.txt output/")
    files = lab.files(lab.run().run.log)
    assert sorted(files) == ["logs/own.log", "logs/run.log"]
    assert files["logs/own.log"] == b"mine\n" and files["logs/run.log"].endswith(b" O hello\n")


def test_a_failed_run_has_its_log(lab: Lab) -> None:
    lab.script("echo oh no >&2; exit 1")
    assert b" E oh no\n" in lab.files(lab.run().run.log)["logs/run.log"]


# --- folders ----------------------------------------------------------------------------------------------------


def test_a_recipe_of_the_first_cli_runs_as_it_did(tmp_path: Path) -> None:
    with Pod.create(tmp_path / "my pod") as pod:
        lab = Lab(pod)
        recipe = {
            "name": "blender",
            "description": "",
            "version": "1.0",
            "author": "reza",
            "public": True,
            "golem": {
                "exec": "sh script/run.sh [@]payload/in.txt",
                "script": "script",
                "payload": "payload",
                "output": "output/results",
                "log": "log/here",
            },
        }
        lab.write("recipe.json", json.dumps(recipe))
        lab.script('pwd; cp "$1" output/results/; ls -d log/here payload')
        lab.write("payload/in.txt", "one\n")
        run = lab.run().run
        assert run.succeeded and run.command == ("sh", "script/run.sh", "[@]payload/in.txt")
        log = lab.files(run.log)["log/here/run.log"].decode()
        assert f" O {lab.root}\n" in log and " O log/here\n" in log


def test_missing_folders_are_made(lab: Lab) -> None:
    lab.recipe("cp -r data/in data/out/copy", payload="data/in", output="data/out", logs="data/log")
    assert not lab.run().run.succeeded
    assert sorted(os.listdir(lab.root / "data")) == ["in", "log", "out"]


def test_a_pod_with_spaces_in_its_path(lab: Lab) -> None:
    assert " " in str(lab.root)
    lab.recipe("cp [@]payload/in.txt [@]output/out.txt")
    assert lab.run().run.succeeded
    assert lab.read("output/out.txt") == "one\n"


@pytest.mark.parametrize("key", ["output", "logs", "payload"])
def test_a_folder_that_is_a_link_is_refused(lab: Lab, tmp_path: Path, key: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dear.txt").write_text("dear")
    lab.recipe(**{key: "deep/there"})
    (lab.root / "deep").symlink_to(outside)
    with pytest.raises(UnsafeName):
        lab.run()
    assert os.listdir(outside) == ["dear.txt"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("rmdir output; ln -s /etc output", "put a link in the place of the folder `output`"),
        ("rmdir output; echo x > output", "put a file in the place of the folder `output`"),
        ("rmdir output", "left nothing in `output`"),
        ("mkdir -p output/deep/er", "left nothing in `output`"),
    ],
)
def test_what_is_no_folder_is_no_output(lab: Lab, script: str, reason: str) -> None:
    lab.run()
    lab.script(script)
    assert lab.run().run.reason == reason
    assert not (lab.root / "output").is_symlink()
    assert lab.read("output/out.txt") == "one\n"


def test_ignored_output_is_named_as_the_reason(lab: Lab) -> None:
    lab.write(".sovrignore", "output/\n")
    result = lab.run()
    assert result.run.reason == "all that it left in `output` is ignored by `.sovrignore`"


def test_output_of_which_a_part_is_ignored(lab: Lab) -> None:
    lab.write(".sovrignore", "*.tmp\n")
    lab.script("echo a > output/a.tmp; echo b > output/b.txt")
    assert list(lab.files(lab.run().run.output)) == ["output/b.txt"]


def test_logs_inside_the_output_are_no_output(lab: Lab) -> None:
    lab.recipe(logs="output/logs")
    run = lab.run().run
    assert list(lab.files(run.output)) == ["output/out.txt"]
    assert list(lab.files(run.log)) == ["output/logs/run.log"]
    lab.script("true")
    assert lab.run().run.reason == "left nothing in `output`"


def test_output_inside_the_logs_is_no_log(lab: Lab) -> None:
    lab.recipe(output="logs/out")
    lab.script("cp payload/in.txt logs/out/")
    run = lab.run().run
    assert list(lab.files(run.output)) == ["logs/out/in.txt"]
    assert list(lab.files(run.log)) == ["logs/run.log"]


def test_payload_inside_the_logs_is_input(lab: Lab) -> None:
    lab.recipe(payload="logs/in")
    lab.script("cat logs/in/* > output/out.txt")
    lab.write("logs/in/a", "a\n")
    first = lab.run().run
    lab.write("logs/in/a", "b\n")
    assert lab.run().run.key != first.key
    assert lab.read("output/out.txt") == "b\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_large_output_takes_bounded_memory(lab: Lab) -> None:
    size = 100 << 20
    lab.script(f"truncate -s {size} output/big.bin")
    child = f"""
import resource, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from pathlib import Path
from run_lab import Lab
from sovrgit.pod.pod import Pod
with Pod(Path(sys.argv[1])) as pod:
    result = Lab(pod).run()
assert result.run.succeeded, result.run.reason
peak = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(int(peak[0].split()[1]) << 10)
"""
    done = subprocess.run([sys.executable, "-c", child, lab.root], capture_output=True, text=True, check=True)
    assert int(done.stdout) < size


# --- what cannot be run -------------------------------------------------------------------------------------------


def test_a_pod_without_a_recipe_cannot_be_run(lab: Lab) -> None:
    (lab.root / "recipe.json").unlink()
    with pytest.raises(RecipeInvalid) as error:
        lab.run()
    assert error.value.hint == "run `sovr init`"


def test_a_data_pod_cannot_be_run(lab: Lab) -> None:
    lab.write("recipe.json", '{"name": "data"}')
    with pytest.raises(RecipeInvalid):
        lab.run()


def test_a_task_is_not_supported_yet(lab: Lab) -> None:
    lab.write("recipe.json", '{"name": "chain", "pods": ["one", "two"]}')
    with pytest.raises(Unsupported) as error:
        lab.run()
    assert error.value.hint.startswith("`sovr run` runs all its pods")


def test_a_job_in_an_image_is_not_supported_yet(lab: Lab) -> None:
    lab.recipe(None, image="golem/python:3.11", run=["python3", "x.py"])
    with pytest.raises(Unsupported, match=r"recipe\.json:1, key `golem\.image`") as error:
        lab.run()
    assert "`golem.exec`" in error.value.hint


def test_a_job_for_each_file_is_not_supported_yet(lab: Lab) -> None:
    lab.recipe(None, run="wc input", each="payload/*.txt")
    with pytest.raises(Unsupported, match=r"key `golem\.each`"):
        lab.run()


def test_a_declared_command_runs_here(lab: Lab) -> None:
    lab.recipe(None, run="cat payload/* > output/out.txt")
    assert lab.run().run.command == ("/bin/sh", "-c", "cat payload/* > output/out.txt")
    lab.recipe(None, run=["cp", "payload/in.txt", "output/copy of it"])
    assert lab.run().run.succeeded


def test_external_payload_must_be_given_or_be_the_pods_own(lab: Lab) -> None:
    lab.recipe(payload=[{"ref": "s3cr3t-reference", "data": "/output/model.bin"}])
    with pytest.raises(PayloadUnavailable, match=r"`/output/model\.bin`") as error:
        lab.run()
    # Whoever has a reference can read the pod, so it is in no message.
    assert "s3cr3t" not in error.value.message + error.value.hint
    (lab.root / "payload" / "external").mkdir()
    with pytest.raises(PayloadUnavailable):
        lab.run()
    lab.write("payload/external/model.bin", "")
    assert lab.run().run.succeeded


def test_two_runs_at_once_are_refused_at_once(lab: Lab) -> None:
    with locked(lab.pod.folder / "run.lock"), pytest.raises(Locked) as error:
        lab.run()
    assert "the pod is being run" in error.value.hint


def test_a_commit_made_during_the_run_is_kept(lab: Lab) -> None:
    lab.script("echo ready; cp payload/in.txt output/")
    during = []

    def commit(event: Event) -> None:
        if isinstance(event, Output):
            lab.write("notes.txt", "meanwhile\n")
            during.append(lab.commit("Meanwhile"))

    lab.on = commit
    result = lab.run()
    assert result.committed is not None
    assert lab.pod.store.commit(result.committed.id).parents == tuple(during)


def test_what_looks_like_a_mistake_in_the_recipe_is_told(lab: Lab) -> None:
    lab.recipe(outputs="results")
    lab.run()
    (decision,) = lab.decisions
    assert any("did you mean `output`" in warning for warning in decision.warnings)
