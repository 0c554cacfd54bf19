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
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.place import JsonPlace, PixelPlace, TextPlace
from sovrgit.objects.run import RunStatus
from sovrgit.objects.verdict import Finding, OutputDifference, OutputWithin
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import RUNS, VERDICTS
from sovrgit.runs.compare import outputs
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
        OutputDifference(b"output/only-1", "removed"),
        OutputDifference(b"output/only-2", "added"),
        OutputDifference(b"output/random", "changed", where=TextPlace(1, 1)),
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


# --- rules --------------------------------------------------------------------------------------------------------

COUNTED = 'n=$(wc -l < "{count}"); echo . >> "{count}"\n'
"""A script that knows how often it was run before."""


def counted(lab: Lab, tmp_path: Path, text: str, compare: dict[str, object]) -> ObjectId:
    """The run of a script that knows how often it was run before, with rules for its outputs."""
    count = tmp_path / "count"
    count.touch()
    lab.recipe(compare=compare)
    lab.script(COUNTED.format(count=count) + text)
    return lab.run().id


def test_within_the_rules_is_another_finding(lab: Lab, tmp_path: Path) -> None:
    text = 'echo "{\\"n\\": $n, \\"x\\": 1}" > output/a.json; echo $n > output/b; echo same > output/c'
    run = counted(lab, tmp_path, text, {"a.json": {"json": {"ignore": ["n"]}}, "b": "ignore"})
    verdict = lab.verify(run).verdict
    assert (verdict.finding, verdict.files, verdict.ignored) == (Finding.AGREES, 2, (b"output/b",))
    assert verdict.within == (OutputWithin(b"output/a.json", '{"json":{"absolute":0,"ignore":["n"],"relative":0}}'),)
    assert verdict.differences == () and lab.pod.store.verdict(verdict.id()) == verdict


def test_rules_do_not_count_if_nobody_wants_them(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "echo $n > output/b", {"b": "ignore"})
    verdict = lab.verify(run, exact=True).verdict
    assert verdict.differences == (OutputDifference(b"output/b", "changed", where=TextPlace(1, 1)),)


def test_a_rule_says_where_it_was_broken(lab: Lab, tmp_path: Path) -> None:
    text = 'echo "{\\"x\\": [1, $n]}" > output/a.json; echo "1 $n" > output/a.csv'
    run = counted(lab, tmp_path, text, {"a.json": {"json": {}}, "**/*.csv": {"numeric": {"relative": 0.1}}})
    verdict = lab.verify(run).verdict
    assert verdict.finding is Finding.DIFFERS
    assert [difference.where for difference in verdict.differences] == [TextPlace(1, 3), JsonPlace("/x/1")]
    assert [difference.rule[:10] for difference in verdict.differences] == ['{"numeric"', '{"json":{"']


PIXELS = """printf 'P6 1 2 255\\n' > output/a.ppm; printf "\\0$n\\0\\0\\0\\0\\0" >> output/a.ppm"""
"""A picture of two pixels, the upper one as red as the script was run before, of 255."""


def test_pictures_are_compared_by_their_pixels(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, PIXELS, {"*.ppm": {"image": {"difference": 0.01}}})
    done = lab.verify(run, times=3)
    assert [one.verdict.finding for one in done.verified] == [Finding.AGREES, Finding.AGREES, Finding.DIFFERS]
    assert [within.detail for within in done.verified[1].verdict.within] == [
        "by up to 0.00784 of the range of a channel"
    ]
    (difference,) = done.verdict.differences
    assert (difference.where, difference.rule) == (PixelPlace(0, 0, 1, 1), '{"image":{"difference":0.01,"pixels":0}}')
    assert difference.detail == "1 of 2 pixels, by up to 0.0118 of the range of a channel"


@pytest.mark.parametrize("kind", ["json", "image", "numeric"])
def test_what_is_not_what_its_rule_is_for(lab: Lab, tmp_path: Path, kind: str) -> None:
    text = "head -c 1100000 /dev/zero | tr '\\0' $n > output/a"
    run = counted(lab, tmp_path, text, {"a": {kind: {}}})
    verdict = lab.verify(run).verdict
    assert verdict.finding is Finding.INCOMPARABLE and not verdict.differences
    assert verdict.reason == f"output/a: {verdict.undecided[0].reason}"
    assert verdict.undecided[0].rule.startswith(f'{{"{kind}":')


def test_one_output_that_differs_is_enough(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "echo [$n > output/a.json; echo $n > output/b", {"a.json": {"json": {}}})
    verdict = lab.verify(run).verdict
    assert (verdict.finding, verdict.reason) == (Finding.DIFFERS, "")
    assert [undecided.path for undecided in verdict.undecided] == [b"output/a.json"]


def test_what_cannot_be_compared_is_no_confirmation(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "echo [$n > output/a.json; echo same > output/b", {"a.json": {"json": {}}})
    verdict = lab.verify(run).verdict
    assert verdict.finding is Finding.INCOMPARABLE
    assert verdict.reason.startswith("output/a.json: the recorded output is no JSON that can be compared: ")


def test_a_recipe_that_ignores_everything_confirms_nothing(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "echo $n > output/a; test $n = 1 || echo > output/b", {"**": "ignore"})
    verdict = lab.verify(run).verdict
    assert (verdict.finding, verdict.reason) == (Finding.INCOMPARABLE, "the recipe ignores every output")
    assert (verdict.files, verdict.ignored) == (0, (b"output/a", b"output/b"))


def test_another_kind_of_file_is_not_within_a_rule(lab: Lab, tmp_path: Path) -> None:
    text = "echo 1 > output/a; test $n = 0 || chmod +x output/a; ln -s $n output/link"
    run = counted(lab, tmp_path, text, {"**": {"numeric": {"absolute": 9}}})
    verdict = lab.verify(run).verdict
    assert [(one.path, one.detail) for one in verdict.differences] == [
        (b"output/a", "an executable file instead of a file"),
        (b"output/link", ""),
    ]


def test_names_that_are_not_utf_8_have_rules_too(lab: Lab, tmp_path: Path) -> None:
    text = "echo $n > $(printf 'output/\\377.csv')"
    run = counted(lab, tmp_path, text, {"*.csv": {"numeric": {"absolute": 1}}})
    verdict = lab.verify(run).verdict
    assert [within.path for within in verdict.within] == [b"output/\xff.csv"]


def test_a_path_counts_before_patterns_and_the_first_pattern_before_others(lab: Lab, tmp_path: Path) -> None:
    text = "echo $n > output/a.csv; echo $n > output/b.csv"
    near = {"numeric": {"absolute": 1}}
    run = counted(lab, tmp_path, text, {"*.csv": "exact", "**": near, "b.csv": near})
    verdict = lab.verify(run).verdict
    assert [difference.path for difference in verdict.differences] == [b"output/a.csv"]
    assert [within.path for within in verdict.within] == [b"output/b.csv"]


def test_too_many_differences_are_counted(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_MOST_LISTED", 300)
    monkeypatch.setattr(outputs, "_DETAILED", 100)
    run = counted(lab, tmp_path, "for i in 1 2 3 4 5 6 7 8 9; do echo $n > output/$i; done", {"9": "ignore"})
    verdict = lab.verify(run).verdict
    assert len(verdict.differences) == 3 and verdict.unlisted == 5
    assert [difference.where for difference in verdict.differences] == [TextPlace(1, 1), None, None]
    assert verdict.ignored == (b"output/9",)  # the first of its kind is always named


# --- several repeats ----------------------------------------------------------------------------------------------


def test_each_of_several_repeats_has_a_verdict(lab: Lab) -> None:
    first = lab.run()
    done = lab.verify(first.id, times=3)
    assert len({one.id for one in done.verified}) == len({one.repeated.id for one in done.verified}) == 3
    assert done.confirmed and all(one.verdict.run == first.id for one in done.verified)
    with LineageIndex(lab.pod) as index:
        assert set(index.verdicts_on(first.id)) == {one.id for one in done.verified}


def test_one_repeat_that_differs_decides(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "test $n != 2 && echo same > output/a || echo other > output/a", {})
    done = lab.verify(run, times=3)
    assert [one.verdict.finding for one in done.verified] == [Finding.IDENTICAL, Finding.DIFFERS, Finding.IDENTICAL]
    assert not done.confirmed and done.verdict is done.verified[1].verdict and done.id == done.verified[1].id


def test_verdicts_before_an_interruption_are_kept(lab: Lab, tmp_path: Path) -> None:
    run = counted(lab, tmp_path, "echo same > output/a; test $n != 2 || { echo slow; exec sleep 3600; }", {})
    cancel = Cancel()
    lab.on = lambda event: cancel.request() if isinstance(event, Output) else None
    with pytest.raises(RunCancelled):
        lab.verify(run, cancel, times=3)
    assert sum(name.startswith(VERDICTS) for name in lab.pod.refs.read().values) == 1


def test_providers_need_a_place_with_providers(lab: Lab) -> None:
    run = lab.run().id
    with pytest.raises(Unsupported, match="repeated on this machine"):
        lab.verify(run, providers=2)
    for wrong in ({"times": 0}, {"times": 1001}, {"providers": 0}):
        with pytest.raises(ValueError, match="is 1 to 1000"):
            lab.verify(run, **wrong)
