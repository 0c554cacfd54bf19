"""The graph of a task: names, fan-out, order."""

from __future__ import annotations

from typing import Any

import pytest

from sovrgit.errors import TaskInvalid
from sovrgit.pod.recipe_types import TaskPod
from sovrgit.tasks.graph import Graph, entry_names, make_graph, matching

ITEMS = (b"a.csv", b"b.csv", b"images", b"images/1.png", b"images/2.png", b"notes.txt")
REFERENCE = "ab" * 64


def graph(*pods: TaskPod, items: tuple[bytes, ...] = ITEMS) -> Graph:
    return make_graph(pods, items)


def entry(ref: str = "x", **keys: Any) -> TaskPod:
    return TaskPod(ref=ref, **keys)


def test_pods_are_called_by_their_name_or_the_folder_that_they_are_in() -> None:
    pods = [entry("pods/svm"), entry("../svm/"), entry("/srv/tree.sovr", name="first"), entry("file:///x/last.sovr")]
    assert entry_names(pods) == ("svm", "svm-2", "first", "last")


def test_a_sharing_reference_is_no_name() -> None:
    pods = [entry(REFERENCE), entry(f"{REFERENCE}#key"), entry("fairos:mine")]
    assert entry_names(pods) == ("pod-1", "pod-2", "pod-3")


def test_names_given_to_others_are_not_taken() -> None:
    assert entry_names([entry("pods/A"), entry("x", name="a")]) == ("A-2", "a")


def test_each_is_once_for_every_item_that_matches() -> None:
    steps = graph(entry("train", each="*.csv")).steps
    assert [(step.name, step.item, step.parameters) for step in steps] == [
        ("train@item=a.csv", b"a.csv", {"item": "a.csv"}),
        ("train@item=b.csv", b"b.csv", {"item": "b.csv"}),
    ]


def test_a_matrix_is_once_for_every_combination() -> None:
    steps = graph(entry("train", matrix={"C": (1, 0.5), "fast": (True, False)})).steps
    assert [step.name for step in steps] == [
        "train@C=1,fast=true",
        "train@C=1,fast=false",
        "train@C=0.5,fast=true",
        "train@C=0.5,fast=false",
    ]
    assert steps[0].parameters == {"C": "1", "fast": "true"}


def test_each_and_matrix_are_combined() -> None:
    steps = graph(entry("train", each="*.csv", matrix={"C": (1, 2)})).steps
    assert len({step.name for step in steps}) == 4


def test_what_cannot_be_a_folder_gets_another_name_and_keeps_its_value() -> None:
    steps = graph(entry("train", matrix={"path": ("a/b", "a b", "A_B", "../..", "x" * 300)})).steps
    assert [step.parameters["path"] for step in steps] == ["a/b", "a b", "A_B", "../..", "x" * 300]
    assert len({step.name.casefold() for step in steps}) == 5
    assert all("/" not in step.name and len(step.name) < 110 for step in steps)


def test_values_that_differ_in_their_case_only_get_folders_of_their_own() -> None:
    steps = graph(entry("train", matrix={"model": ("svm", "SVM")})).steps
    assert len({step.folder.casefold() for step in steps}) == 2


def test_a_pod_waits_for_all_runs_of_those_that_it_needs() -> None:
    made = graph(entry("a", matrix={"n": (1, 2)}), entry("b"), entry("c", needs=(0, 1), chained=False))
    assert [step.needs for step in made.steps] == [(), (), (), (0, 1, 2)]


def test_steps_come_after_those_that_they_need_wherever_they_stand() -> None:
    made = graph(entry("last", needs=(2,)), entry("alone"), entry("first", matrix={"n": (1, 2)}))
    names = [made.steps[position].name for position in made.order]
    assert names == ["alone", "first@n=1", "first@n=2", "last"]
    assert made.last() == [0, 1]
    assert made.followers() == {0: [], 1: [], 2: [0], 3: [0]}


def test_a_fan_out_over_nothing_is_refused() -> None:
    with pytest.raises(TaskInvalid, match=r"`\*\.json` of the pod `x` matches nothing"):
        graph(entry(each="*.json"))


def test_a_task_without_pods_is_refused() -> None:
    with pytest.raises(TaskInvalid, match="no pods"):
        graph()


def test_too_many_runs_are_refused_before_they_are_made() -> None:
    items = tuple(b"%d" % number for number in range(2000))
    values = tuple(range(2000))
    with pytest.raises(TaskInvalid, match="more than 10000 runs at pod `x`"):
        graph(entry(each="*", matrix={"n": values}), items=items)


def test_too_many_runs_of_all_pods_together_are_refused() -> None:
    values = tuple(range(6000))
    with pytest.raises(TaskInvalid, match="at pod `y`"):
        graph(entry("x", matrix={"n": values}), entry("y", matrix={"n": values}))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", [b"a.csv", b"b.csv", b"images", b"notes.txt"]),
        ("*/*.png", [b"images/1.png", b"images/2.png"]),
        ("**/*.png", [b"images/1.png", b"images/2.png"]),
        ("images", [b"images"]),
        ("?.csv", [b"a.csv", b"b.csv"]),
        ("[ab].csv", []),
    ],
)
def test_patterns_are_those_of_declared_jobs(pattern: str, found: list[bytes]) -> None:
    assert matching(pattern, ITEMS) == found
