"""From a recipe to a declared job: what is sent, to how many tasks, and what it can cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from decimal import Decimal
from pathlib import Path

import pytest
from job_lab import IMAGE, Pod

from sovrgit.errors import RecipeInvalid
from sovrgit.runs.golem.jobs import Image, matcher, write_plan
from sovrgit.runs.golem.requestor.archives import unpack
from sovrgit.runs.golem.wrapper import environment, wrapper


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_payload_of_other_pods_is_sent_and_may_be_what_tasks_are_for(tmp_path: Path) -> None:
    golem = {"run": "true", "each": "payload/external/set/*", "payload": [{"ref": "../data", "data": "set"}]}
    pod = Pod(tmp_path, golem, {"payload/external/set/1": "1", "payload/external/set/2": "2", "payload/external/x": ""})
    job = pod.job()
    assert [task.data for task in job.tasks] == ["payload/external/set/1", "payload/external/set/2"]
    assert "payload/external/x" in job.shared


def test_what_is_sent(tmp_path: Path) -> None:
    files = {"script/a.py": "", "payload/x/1": "1", "payload/x/2": "2", "payload/y": "", "output/old": "", "notes": ""}
    pod = Pod(tmp_path, {"run": ["python3", "[@]script/a.py"], "each": "payload/x/*"}, files)
    (pod.folder / "payload" / "link").symlink_to("y")
    (pod.folder / "script" / "a.py").chmod(0o755)
    job = pod.job(variables={"SOVR_PARAM_A": "b c"})
    assert [(task.id, task.data) for task in job.tasks] == [("1", "payload/x/1"), ("2", "payload/x/2")]
    pod.scratch.mkdir()
    plan = json.loads(write_plan(job, pod.folder, pod.scratch))
    assert names(Path(plan["common"])) == [
        "payload/link",
        "payload/x",
        "payload/y",
        "recipe.json",
        "script/a.py",
    ]
    assert [names(Path(task["upload"])) for task in plan["tasks"]] == [
        [".sovr-job/env", "payload/x/1"],
        [".sovr-job/env", "payload/x/2"],
    ]
    assert plan["image"] == {"hash": IMAGE} and plan["attempts"] == 3 and plan["workers"] == 2
    assert plan["seconds"] == 1860


def test_the_archive_is_the_same_whenever_the_files_are(tmp_path: Path) -> None:
    pod = Pod(tmp_path, {"run": "true"}, {"payload/a": "a"})
    made = []
    for number in range(2):
        os.utime(pod.folder / "payload" / "a", (number, number))
        (tmp_path / str(number)).mkdir()
        write_plan(pod.job(), pod.folder, tmp_path / str(number))
        made.append((tmp_path / str(number) / "common.tar").read_bytes())
    assert made[0] == made[1]


def test_short_jobs_get_the_time_that_providers_want(tmp_path: Path) -> None:
    pod = Pod(tmp_path, {"run": "true", "timeout": 10})
    pod.scratch.mkdir()
    assert pod.job().seconds == pod.job().task_seconds == 10
    assert json.loads(write_plan(pod.job(), pod.folder, pod.scratch))["seconds"] == 360


@pytest.mark.parametrize(
    ("golem", "said"),
    [
        ({"exec": "true"}, "golem.run"),
        ({"run": "true", "image": None}, "golem.image"),
        ({"run": "true", "each": "payload/*.jpg"}, "no input file matches"),
    ],
)
def test_recipes_without_a_job(tmp_path: Path, golem: dict[str, object], said: str) -> None:
    pod = Pod(tmp_path, golem, {"payload/a.png": ""})
    recipe = json.loads((pod.folder / "recipe.json").read_text())
    recipe["golem"] = {key: value for key, value in recipe["golem"].items() if value is not None}
    (pod.folder / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(RecipeInvalid, match=said):
        pod.job()


def test_what_it_can_cost(tmp_path: Path) -> None:
    golem = {"run": "true", "timeout": "2h", "each": "payload/*", "resources": {"threads": 3, "workers": 2}}
    job = Pod(tmp_path, {**golem, "budget": "7"}, {f"payload/{name}": "" for name in "abc"}).job()
    assert job.worst_case == 2 * (Decimal("0.01") + (Decimal("0.5") + 3) * 2)
    assert job.affordable() == "2 providers for 7200 s could cost 14.02 GLM at the price caps, and the budget is 7"
    assert job.budget == 7  # the recipe's, as it is less than the user's


@pytest.mark.parametrize(
    ("pattern", "path", "means"),
    [
        ("payload/*.jpg", "payload/a.jpg", True),
        ("payload/*.jpg", "payload/a.jpeg", False),
        ("payload/*.jpg", "payload/b/a.jpg", False),
        ("payload/**/*.jpg", "payload/b/c/a.jpg", True),
        ("payload/**/*.jpg", "payload/a.jpg", True),
        ("payload/?.[x]", "payload/a.[x]", True),
        ("payload/a.b", "payload/a_b", False),
    ],
)
def test_patterns(pattern: str, path: str, means: bool) -> None:
    assert matcher(pattern)(path) is means


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("golem/alpine:latest", Image(tag="golem/alpine:latest")),
        (IMAGE, Image(hash=IMAGE)),
        (f"sha3:{IMAGE}", Image(hash=IMAGE)),
        (f"hash:sha3:{IMAGE}:http://images.example/a.gvmi", Image(hash=IMAGE, url="http://images.example/a.gvmi")),
    ],
)
def test_images(text: str, image: Image) -> None:
    assert Image.parse(text) == image


def run(work: Path, *command: str, variables: dict[str, str] | None = None, most: int = 1000) -> dict[str, bytes]:
    """What the wrapper leaves that runs a command in a folder of this machine."""
    box = work / ".sovr-job"
    box.mkdir(parents=True, exist_ok=True)
    (box / "wrapper").write_bytes(wrapper(command, "output", ["output", "logs"], most))
    with tarfile.open(box / "common.tar", "w"):
        pass
    with tarfile.open(box / "task.tar", "w") as archive:
        (work.parent / "env").write_bytes(environment(variables or {}))
        archive.add(work.parent / "env", ".sovr-job/env")
    subprocess.run(["/bin/sh", str(box / "wrapper"), str(work)], check=True, env={"PATH": os.defpath}, timeout=30)
    return {name: (box / name).read_bytes() for name in ("code", "stdout", "stderr")}


def test_the_wrapper_keeps_words_apart_and_codes_true(tmp_path: Path) -> None:
    work = tmp_path / "work dir"
    script = 'printf "%s|" "$0" "$@" "$A"; exit 7'
    left = run(work, "/bin/sh", "-c", script, "[@]x", "it's", "", "$HOME", variables={"A": "a'b\nc"})
    assert left == {"code": b"7\n", "stdout": f"{work}/x|it's||$HOME|a'b\nc|".encode(), "stderr": b""}
    assert names(work / ".sovr-job" / "output.tar") == ["./output"]


def test_the_wrapper_when_there_is_no_such_command(tmp_path: Path) -> None:
    left = run(tmp_path / "work", "no-such-command")
    assert left["code"] == b"127\n" and b"not found" in left["stderr"]


def test_the_wrapper_cuts_what_is_too_much(tmp_path: Path) -> None:
    left = run(tmp_path / "work", "/bin/sh", "-c", "head -c 5000 /dev/zero | tr '\\0' x", most=100)
    assert left["stdout"] == b"x" * 100 + b"\n[sovr: cut off here, after 100 bytes]\n"


def test_the_wrapper_leaves_nothing_to_the_next_task(tmp_path: Path) -> None:
    work = tmp_path / "work"
    run(work, "/bin/sh", "-c", "echo 1 > output/a; echo 1 > .hidden; mkdir d; echo 1 > d/e")
    left = run(work, "/bin/sh", "-c", "ls -A . output")
    assert left["stdout"].split() == b".: .sovr-job logs output output:".split()


def test_an_output_folder_that_the_job_removes_is_an_empty_one(tmp_path: Path) -> None:
    left = run(tmp_path / "work", "/bin/sh", "-c", "rm -r output")
    assert left["code"] == b"0\n" and names(tmp_path / "work" / ".sovr-job" / "output.tar") == ["./output"]


def test_the_wrapper_says_what_could_not_be_prepared(tmp_path: Path) -> None:
    box = tmp_path / "work" / ".sovr-job"
    box.mkdir(parents=True)
    (box / "wrapper").write_bytes(wrapper(["true"], "output", ["output"], 100))
    subprocess.run(["/bin/sh", str(box / "wrapper"), str(tmp_path / "work")], check=True, capture_output=True)
    assert (box / "code").read_text() == "setup the input could not be unpacked\n"


def test_the_wrapper_in_an_image_that_has_busybox_only(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no busybox")
    (tmp_path / "bin").mkdir()
    for name in ("sh", "tar", "wc", "head", "mkdir", "rm", "mv", "cat", "printf"):
        (tmp_path / "bin" / name).symlink_to(busybox)
    work = tmp_path / "work"
    box = work / ".sovr-job"
    box.mkdir(parents=True)
    (box / "wrapper").write_bytes(wrapper(["sh", "-c", "cat in > output/a; exit $X"], "output", ["output"], 100))
    (tmp_path / "env").write_bytes(environment({"X": "9"}))
    (tmp_path / "in").write_text("in")
    for part, path, name in (("common", "in", "in"), ("task", "env", ".sovr-job/env")):
        with tarfile.open(box / f"{part}.tar", "w", format=tarfile.GNU_FORMAT) as archive:
            archive.add(tmp_path / path, name)
    argv = [busybox, "sh", str(box / "wrapper"), str(work)]
    subprocess.run(argv, check=True, env={"PATH": str(tmp_path / "bin")}, timeout=30)
    assert (box / "code").read_text() == "9\n", (box / "stderr").read_text()
    (tmp_path / "out").mkdir()
    assert unpack(box / "output.tar", "output", tmp_path / "out", 1000) == ["output/a"]
    assert (tmp_path / "out" / "output" / "a").read_text() == "in"
