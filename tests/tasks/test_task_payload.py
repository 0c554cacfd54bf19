"""What each pod of a task finds in `payload/external`."""

from __future__ import annotations

from task_lab import GATHER, TaskLab

LIST = "(cd payload/external && find . -type f | sort) > output/list.txt"


def listed(lab: TaskLab, name: str = "") -> list[str]:
    return lab.read(f"output/{name}list.txt").split()


def test_the_payload_of_the_task_goes_to_every_pod(lab: TaskLab) -> None:
    lab.write("data/a.txt", "A")
    lab.write("data/more/b.txt", "B")
    lab.task({"ref": lab.own_pod("x", LIST), "needs": []}, {"ref": lab.own_pod("y", LIST), "needs": []}, payload="data")
    lab.run()
    assert listed(lab, "x/") == listed(lab, "y/") == ["./a.txt", "./more/b.txt"]


def test_output_lies_directly_in_the_payload_of_the_next_one(lab: TaskLab) -> None:
    """As the first Sovr CLI chains pods."""
    lab.write("data/shared.txt", "S")
    first = lab.own_pod("first", "mkdir output/deep; echo 1 > output/deep/one.txt; echo 2 > output/two.txt")
    lab.task(first, lab.own_pod("second", LIST), payload="data")
    lab.run()
    assert listed(lab) == ["./deep/one.txt", "./shared.txt", "./two.txt"]


def test_output_takes_the_place_of_payload_of_the_task(lab: TaskLab) -> None:
    """As the first Sovr CLI copied the one over the other."""
    lab.write("data/deep/x.txt", "of the task\n")
    lab.write("data/deep/y.txt", "stays\n")
    first = lab.own_pod("first", "mkdir output/deep; echo made > output/deep/x.txt")
    lab.task(first, lab.own_pod("second", GATHER), payload="data")
    result = lab.run()
    assert lab.files() == {"all.txt": "made\nstays\n"}
    # What it was given is what the record says, not what the folder of the task holds.
    assert [item.path for item in lab.members(result.run)["second"].external] == ["data", "output"]
    assert lab.members(result.run)["second"].external[0].id != lab.members(result.run)["first"].external[0].id


def test_outputs_that_are_asked_for_lie_in_folders_of_their_names(lab: TaskLab) -> None:
    pods = [{"ref": lab.own_pod(name, f"echo {name} > output/made.txt"), "needs": []} for name in ("a", "b")]
    lab.task(*pods, {"ref": lab.own_pod("c", LIST), "needs": ["pods/a", "pods/b"]})
    lab.run()
    assert listed(lab) == ["./a/made.txt", "./b/made.txt"]


def test_every_run_of_a_fan_out_has_a_folder(lab: TaskLab) -> None:
    train = lab.own_pod("train", "echo $SOVR_PARAM_C > output/made.txt")
    lab.task(
        {"ref": train, "matrix": {"C": [1, 2]}},
        {"ref": lab.own_pod("chained", LIST)},
        {"ref": lab.own_pod("named", LIST), "needs": ["pods/train"]},
    )
    lab.run()
    assert listed(lab, "named/") == ["./train@C=1/made.txt", "./train@C=2/made.txt"]
    chained = lab.pod.store.run(next(member.run for member in lab.run().run.pods if member.name == "chained"))
    assert [item.place for item in chained.external] == ["C=1", "C=2"]


def test_each_run_gets_its_item_and_what_is_for_all(lab: TaskLab) -> None:
    for path in ("a.csv", "b.csv", "deep/c.csv", "deep/notes.txt"):
        lab.write(f"data/{path}", path)
    script = f"{LIST}; echo $SOVR_PARAM_ITEM > output/item.txt"
    lab.task({"ref": lab.own_pod("x", script), "each": "**/*.csv"}, payload="data")
    lab.run()
    found = {name: lab.read(f"output/{name}/item.txt").strip() for name in ("x@item=a.csv", "x@item=b.csv")}
    assert found == {"x@item=a.csv": "a.csv", "x@item=b.csv": "b.csv"}
    assert listed(lab, "x@item=a.csv/") == ["./a.csv", "./deep/notes.txt"]
    (deep,) = [path for path in (lab.root / "output").iterdir() if path.name.startswith("x@item=deep")]
    assert (deep / "list.txt").read_text().split() == ["./deep/c.csv", "./deep/notes.txt"]


def test_a_pod_that_has_put_out_nothing_gives_nothing(lab: TaskLab) -> None:
    lab.task(lab.own_pod("quiet", ":"), lab.own_pod("after", "ls payload > output/seen.txt"))
    result = lab.run(allow_empty=True)
    assert result.run.succeeded
    assert lab.members(result.run)["after"].external == ()


def test_what_was_placed_goes_when_it_is_no_longer_given(lab: TaskLab) -> None:
    lab.write("data/a.txt", "A")
    lab.write("data/b.txt", "B")
    lab.task(lab.own_pod("x", LIST), payload="data")
    lab.run()
    (lab.root / "data/a.txt").unlink()
    lab.run()
    assert listed(lab) == ["./b.txt"]
