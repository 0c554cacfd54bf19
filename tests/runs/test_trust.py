"""Whose scripts may run: what asks, what does not, and what counts as code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_lab import Lab

from sovrgit.actions import pull_pod
from sovrgit.errors import RunNotTrusted
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.recipe import parse_recipe
from sovrgit.remotes.locations import add_remote
from sovrgit.runs.inputs import read_recipe
from sovrgit.runs.trust import Proposal, approve, code_of, proposal


@pytest.fixture
def copy(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A clone of the pod, not run yet."""
    cloned = lab.clone(tmp_path)
    with cloned.pod:
        yield cloned


def publish(lab: Lab, copy: Lab, folder: Path, path: str, text: str) -> None:
    """A change that its author pushes and that the clone goes to."""
    lab.write(path, text)
    lab.commit(f"Change {path}")
    lab.push(folder / "remote")
    copy.take(folder)


def is_asked(copy: Lab) -> bool:
    """Whether the next run asks."""
    copy.asked.clear()
    copy.run(force=True)
    return bool(copy.asked)


def code_in(lab: Lab) -> ObjectId:
    tree = lab.pod.head_tree()
    golem = read_recipe(lab.pod.store, tree)[1].golem
    assert golem is not None
    return code_of(lab.pod.store, tree, golem).id


def test_own_pods_never_ask(lab: Lab) -> None:
    assert not is_asked(lab)
    lab.script("echo other > output/out.txt")
    assert not is_asked(lab)


def test_a_clone_asks_before_its_first_run(copy: Lab, tmp_path: Path) -> None:
    copy.answer = False
    with pytest.raises(RunNotTrusted) as error:
        copy.run()
    assert (error.value.exit_code, copy.runs()) == (64, 0)
    assert "sh script/run.sh" in error.value.message and str(tmp_path / "remote") not in error.value.message
    (asked,) = copy.asked
    assert (asked.command, asked.author, asked.changed) == ("sh script/run.sh", "Ann", ())
    assert not (copy.root / "output" / "out.txt").exists()


def test_an_approved_script_does_not_ask_again(copy: Lab) -> None:
    assert is_asked(copy)
    assert not is_asked(copy)


def test_a_refusal_is_not_remembered(copy: Lab) -> None:
    copy.answer = False
    with pytest.raises(RunNotTrusted):
        copy.run()
    copy.answer = True
    assert is_asked(copy)


def test_a_known_result_is_taken_without_asking(lab: Lab, tmp_path: Path) -> None:
    first = lab.run()
    copy = lab.clone(tmp_path)
    with copy.pod:
        result = copy.run()
        assert (result.reused, result.id, copy.asked) == (True, first.id, [])


def test_a_script_that_is_pulled_asks_again(lab: Lab, copy: Lab, tmp_path: Path) -> None:
    copy.run()
    publish(lab, copy, tmp_path, "script/run.sh", "echo changed > output/out.txt\n")
    assert is_asked(copy)
    assert copy.asked[0].changed == (b"script/run.sh",)
    assert not is_asked(copy)


def test_a_recipe_that_is_pulled_asks_again(lab: Lab, copy: Lab, tmp_path: Path) -> None:
    copy.run()
    publish(lab, copy, tmp_path, "recipe.json", '{"name": "x", "golem": {"exec": "cp payload/in.txt output/"}}')
    assert is_asked(copy)


def test_payload_that_is_pulled_does_not_ask(lab: Lab, copy: Lab, tmp_path: Path) -> None:
    copy.run()
    publish(lab, copy, tmp_path, "payload/in.txt", "two\n")
    assert not is_asked(copy)


def test_own_changes_to_approved_scripts_do_not_ask(copy: Lab) -> None:
    copy.run()
    copy.script("echo mine > output/out.txt")
    assert not is_asked(copy)
    copy.write("script/more.sh", "true\n")
    copy.commit("Mine")
    assert not is_asked(copy)
    (copy.root / "script" / "more.sh").unlink()
    assert not is_asked(copy)


def test_own_changes_before_the_first_approval_ask(copy: Lab) -> None:
    copy.script("echo mine > output/out.txt")
    assert is_asked(copy)


def test_own_changes_beside_a_script_that_was_not_approved_ask(lab: Lab, copy: Lab, tmp_path: Path) -> None:
    copy.run()
    publish(lab, copy, tmp_path, "script/hidden.sh", "echo bad\n")
    copy.script("sh script/hidden.sh > output/out.txt")
    copy.answer = False
    with pytest.raises(RunNotTrusted):
        copy.run()
    assert b"script/hidden.sh" in copy.asked[-1].changed


def test_an_earlier_version_of_somebody_else_asks(lab: Lab, tmp_path: Path) -> None:
    old = lab.pod.head()
    lab.script("echo better > output/out.txt")
    lab.commit("Better")
    copy = lab.clone(tmp_path)
    with copy.pod:
        copy.run()
        # Only the newest was approved; the clone has the other one in its history.
        assert old is not None
        copy.script("cp payload/in.txt output/out.txt")
        assert is_asked(copy)


def test_approved_files_that_are_put_together_anew_ask(lab: Lab, copy: Lab, tmp_path: Path) -> None:
    first = lab.read("script/run.sh")
    publish(lab, copy, tmp_path, "script/other.sh", "true\n")
    assert is_asked(copy)
    lab.script("echo two > output/out.txt")
    publish(lab, copy, tmp_path, "script/other.sh", "false\n")
    assert is_asked(copy)
    publish(lab, copy, tmp_path, "script/run.sh", first)
    assert is_asked(copy)
    publish(lab, copy, tmp_path, "script/other.sh", "true\n")
    assert not is_asked(copy)  # just what was approved first


def test_scripts_can_be_approved_beforehand(copy: Lab) -> None:
    tree = copy.pod.head_tree()
    golem = read_recipe(copy.pod.store, tree)[1].golem
    assert golem is not None
    code = code_of(copy.pod.store, tree, golem)
    approve(copy.pod, code.id, code.files)
    assert not is_asked(copy)


def test_a_recorded_run_is_never_taken_for_own_work(copy: Lab) -> None:
    run = copy.run().run
    golem = read_recipe(copy.pod.store, run.input)[1].golem
    assert golem is not None
    copy.script("echo mine > output/out.txt")
    mine = copy.run().run

    def asked(tree: ObjectId) -> Proposal | None:
        return proposal(copy.pod, tree, golem, "sh", "Ann", recorded=True)

    assert asked(run.input) is None and asked(mine.input) is None
    copy.script("echo never run here > output/out.txt")
    copy.commit()
    assert asked(copy.pod.head_tree()) is not None


def test_a_damaged_list_of_approvals_asks(copy: Lab) -> None:
    copy.run()
    for text in ("", "[]", "{", '{"scripts": ["x"], "files": []}', "3", '{"scripts": [3], "files": []}'):
        (copy.pod.folder / "trusted").write_text(text)
        assert is_asked(copy), text


# --- what counts as code ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("golem", "path", "counts"),
    [
        ({}, "script/lib/deep.txt", True),
        ({}, "anywhere.txt", True),
        ({}, "payload/data.csv", False),
        ({}, "payload/tool.py", True),
        ({}, "payload/TOOL.SH", True),
        ({}, "payload/run", False),
        ({"exec": "sh payload/run"}, "payload/run", True),
        ({"exec": "sh ./payload/run"}, "payload/run", True),
        ({"exec": "sh [@]payload/run"}, "payload/run", True),
        ({"exec": None, "run": "sh payload/run | wc"}, "payload/run", True),
        ({}, "output/tool.sh", False),
        ({}, "logs/notes.txt", False),
        ({}, "logs/tool.sh", True),
        ({"payload": "."}, "data.csv", True),
        ({"payload": "."}, "recipe.json", True),
        ({"payload": "script"}, "script/data.csv", True),
        ({"payload": "src", "exec": "sh src/run"}, "src/other", False),
    ],
)
def test_what_counts_as_code(lab: Lab, golem: dict[str, str | None], path: str, counts: bool) -> None:
    values = {key: value for key, value in {"exec": "sh script/run.sh", **golem}.items() if value is not None}
    lab.write("recipe.json", json.dumps({"name": "x", "golem": values}))
    if path != "recipe.json":
        lab.write(path, "one")
    lab.commit()
    before = code_in(lab)
    lab.write(path, lab.read(path) + " ")
    lab.commit()
    assert (code_in(lab) != before) is counts


def test_executables_and_links_in_the_payload_count(lab: Lab) -> None:
    before = code_in(lab)
    lab.write("payload/tool", "#!/bin/sh\n").chmod(0o755)
    lab.commit()
    with_tool = code_in(lab)
    (lab.root / "payload" / "link").symlink_to("tool")
    lab.commit()
    assert len({before, with_tool, code_in(lab)}) == 3


def test_making_a_file_of_the_payload_executable_counts(lab: Lab) -> None:
    before = code_in(lab)
    (lab.root / "payload" / "in.txt").chmod(0o755)
    lab.commit()
    assert code_in(lab) != before


def test_the_output_of_a_run_is_no_code(lab: Lab) -> None:
    before = code_in(lab)
    lab.run()
    assert code_in(lab) == before


def test_every_file_of_the_code_has_an_id_of_its_own(lab: Lab) -> None:
    golem = parse_recipe(lab.read("recipe.json").encode()).golem
    assert golem is not None
    lab.write("script/copy.sh", lab.read("script/run.sh"))
    lab.commit()
    code = code_of(lab.pod.store, lab.pod.head_tree(), golem)
    assert sorted(path for path, _ in code.files.values()) == [b"recipe.json", b"script/copy.sh", b"script/run.sh"]


def test_a_pod_that_was_made_here_asks_about_scripts_that_it_pulls(lab: Lab, tmp_path: Path) -> None:
    """Whoever shares a remote with the user must not be able to run things here unasked."""
    lab.commit("Mine")
    add_remote(lab.pod, "origin", str(tmp_path / "remote"), tmp_path)
    copy = lab.clone(tmp_path)
    with copy.pod:
        copy.script("echo theirs > output/out.txt")
        copy.commit("Theirs")
        copy.push(tmp_path / "remote")
    assert pull_pod(lab.pod, "origin", lab.who(), time_ns=lab.clock * 10**9)[1].changed == 1
    assert is_asked(lab)
    assert lab.asked[0].changed == (b"script/run.sh",)


def test_pulling_data_does_not_make_a_pod_ask(lab: Lab, tmp_path: Path) -> None:
    lab.commit("Mine")
    add_remote(lab.pod, "origin", str(tmp_path / "remote"), tmp_path)
    copy = lab.clone(tmp_path)
    with copy.pod:
        copy.write("payload/in.txt", "theirs\n")
        copy.commit("Theirs")
        copy.push(tmp_path / "remote")
    assert pull_pod(lab.pod, "origin", lab.who(), time_ns=lab.clock * 10**9)[1].changed == 1
    assert not is_asked(lab)
