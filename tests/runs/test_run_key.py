"""The run key and the input tree: what changes them, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from run_lab import Lab

from sovrgit.objects.ids import ObjectId, blob_id
from sovrgit.objects.run import External
from sovrgit.pod.recipe import parse_recipe
from sovrgit.pod.snapshot import take_snapshot
from sovrgit.pod.worktree import WorkingTree
from sovrgit.runs.inputs import Inputs, argv_of, command_of, read_inputs, run_key, with_defaults


def inputs_of(lab: Lab) -> Inputs:
    """The inputs as they are on disk."""
    with lab.pod.store.session() as session:
        working = WorkingTree.look(lab.pod)
        tree = take_snapshot(lab.root, working.found, working.index, session).tree
        session.commit()
    with lab.pod.store.session() as session:
        found = read_inputs(lab.pod.store, session, tree)
        session.commit()
    return found


def key_of(lab: Lab, **changes: object) -> ObjectId:
    values = {"command": ("sh",), "parameters": {}, "external": (), "executor": "local", **changes}
    return run_key(inputs_of(lab), **values)  # type: ignore[arg-type] # a test


@pytest.mark.parametrize(
    "change",
    [
        lambda lab: lab.write("payload/in.txt", "two\n"),
        lambda lab: lab.write("payload/more.txt", ""),
        lambda lab: (lab.root / "payload" / "in.txt").unlink(),
        lambda lab: (lab.root / "payload" / "in.txt").chmod(0o755),
        lambda lab: lab.script("true"),
        lambda lab: lab.recipe("sh script/run.sh again"),
        lambda lab: lab.write("notes.md", "anywhere"),
    ],
)
def test_whatever_is_input_changes_the_key(lab: Lab, change: Callable[[Lab], object]) -> None:
    before = key_of(lab)
    change(lab)
    assert key_of(lab) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda lab: lab.write("output/out.txt", "made"),
        lambda lab: lab.write("logs/run.log", "told"),
        lambda lab: lab.commit(),
        lambda lab: (lab.root / "output").mkdir(exist_ok=True),
        lambda lab: lab.write("payload/in.txt", "one\n"),
    ],
)
def test_what_a_run_makes_does_not_change_the_key(lab: Lab, change: Callable[[Lab], object]) -> None:
    before = key_of(lab)
    change(lab)
    assert key_of(lab) == before


def test_command_parameters_executor_and_external_payload_change_the_key(lab: Lab) -> None:
    one, two = blob_id(b"1"), blob_id(b"2")
    keys = [
        key_of(lab),
        key_of(lab, command=("sh", "-x")),
        key_of(lab, command=("sh -x",)),
        key_of(lab, parameters={"a": "1"}),
        key_of(lab, parameters={"a": "2"}),
        key_of(lab, parameters={"a": "1", "b": "2"}),
        key_of(lab, executor="devnet"),
        key_of(lab, external=(External("ref", one, "data", one),)),
        key_of(lab, external=(External("ref", one, "data", two),)),
        key_of(lab, external=(External("ref", one, "other", two),)),
        key_of(lab, external=(External("ref", one, "other", two, "name"),)),
        key_of(lab, external=(External("ref", one, "other", two, "name", executable=True),)),
    ]
    assert len(set(keys)) == len(keys)


def test_order_and_references_do_not_matter(lab: Lab) -> None:
    one, two = blob_id(b"1"), blob_id(b"2")
    assert key_of(lab, parameters={"a": "1", "b": "2"}) == key_of(lab, parameters={"b": "2", "a": "1"})
    here, there = External("here", one, "data", one), External("there", two, "data", one)
    assert key_of(lab, external=(here,)) == key_of(lab, external=(there,))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"exec": "python3 \'a b.py\' [@]payload/x"}', ("python3", "a b.py", "[@]payload/x")),
        ('{"exec": "say \\"it\'s\\" [@]"}', ("say", "it's", "[@]")),
        ('{"run": "echo $HOME | wc"}', ("/bin/sh", "-c", "echo $HOME | wc")),
        ('{"run": ["cp", "a b", "c"]}', ("cp", "a b", "c")),
    ],
)
def test_commands_stand_in_records_without_the_folder(text: str, command: tuple[str, ...]) -> None:
    golem = parse_recipe(f'{{"name": "x", "golem": {text}}}'.encode()).golem
    assert golem is not None
    assert command_of(golem, ()) == command
    assert command_of(golem, ["--more", "a b"]) == (*command, "--more", "a b")


def test_the_folder_takes_the_place_of_its_mark() -> None:
    assert argv_of(("cat", "[@]a", "--at=[@]b"), "/my pod/") == ("cat", "/my pod/a", "--at=/my pod/b")


def test_parameters_given_win_over_those_of_the_recipe() -> None:
    golem = parse_recipe(b'{"name": "x", "golem": {"exec": "x", "params": {"a": 1, "b": 2.5, "c": false}}}').golem
    assert golem is not None
    assert with_defaults(golem, {"b": "3", "d": "4"}) == {"a": "1", "b": "3", "c": "false", "d": "4"}


def test_a_known_image_is_part_of_the_key(lab: Lab) -> None:
    assert key_of(lab, image="") == key_of(lab)
    assert len({key_of(lab), key_of(lab, image="ab"), key_of(lab, image="cd"), key_of(lab, executor="devnet")}) == 4
