"""What counts as a success: tasks that were told of, files that came, commands that were run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sovrgit.runs.executor import Outcome, Resources
from sovrgit.runs.golem.front.files import Moved
from sovrgit.runs.golem.judge import Facts, judge
from sovrgit.runs.golem.tasks import Tasks, read_tasks
from sovrgit.runs.golem.trouble import refusal_in

GOOD = Outcome("succeeded", 0, None, 1, 2, Resources())
RAN = {"demands": [{}], "agreements": [{"activities": [{"commands": [{"kind": "run", "result": "Ok"}]}]}]}
STARTED = {"demands": [{}], "agreements": [{"activities": [{"commands": [{"kind": "deploy", "result": "Ok"}]}]}]}


def told(folder: Path, *events: dict[str, Any], tail: str = "") -> Tasks:
    (folder / "events").write_text("".join(json.dumps({"at": 1, **event}) + "\n" for event in events) + tail)
    return read_tasks(folder / "events")


def task(kind: str, number: str, **more: Any) -> dict[str, Any]:
    return {"event": f"Task{kind}", "job": "1", "task": number, **more}


def facts(folder: Path, tasks: Tasks | None = None, files: Sequence[Moved] = (), **more: Any) -> Facts:
    return Facts(**{"golem": RAN, "tasks": tasks or Tasks(), "files": files, "outputs": [folder / "output"], **more})


ALL = (task("Started", "1", data=[1, "a"], activity="x", provider="0x1"), task("Accepted", "1", result=True))


def test_all_tasks_were_accepted(tmp_path: Path) -> None:
    tasks = told(tmp_path, *ALL, tail='{"at": 3, "event": "TaskSt')
    assert judge(GOOD, facts(tmp_path, tasks)) == GOOD
    assert tasks.document() == (
        [
            {
                "id": "1",
                "data": '[1, "a"]',
                "attempts": [{"result": "accepted", "reason": "", "activity": "x", "provider": "0x1"}],
            }
        ],
        0,
    )


def test_a_task_that_was_rejected_and_then_accepted(tmp_path: Path) -> None:
    again = (task("Started", "1"), task("Rejected", "1", reason="slow"))
    tasks = told(tmp_path, *again, *ALL)
    assert judge(GOOD, facts(tmp_path, tasks)) == GOOD
    assert [one["result"] for one in tasks.tasks["1", "1"].attempts] == ["rejected", "accepted"]


@pytest.mark.parametrize(("more", "status"), [(ALL, "partial"), ((), "failed")])
def test_a_task_that_is_left(tmp_path: Path, more: tuple[dict[str, Any], ...], status: str) -> None:
    tasks = told(tmp_path, *more, task("Started", "2"), task("Rejected", "2", reason="wrong result"))
    ended = judge(GOOD, facts(tmp_path, tasks))
    assert ended.status == status and ended.exit_code == 0
    assert ended.reason == f"1 of {len(more) // 2 + 1} tasks were not accepted: wrong result"


def test_a_job_whose_time_was_over(tmp_path: Path) -> None:
    tasks = told(tmp_path, *ALL, {"event": "JobFinished", "job": "1", "error": "TimeoutError()"})
    assert judge(GOOD, facts(tmp_path, tasks)).reason == "a job did not come to its end: TimeoutError()"


def test_of_two_jobs_each_has_its_own_tasks(tmp_path: Path) -> None:
    tasks = told(tmp_path, *ALL, {**task("Started", "1"), "job": "2"})
    assert (tasks.count, tasks.accepted, tasks.left) == (2, 1, 1)


def test_events_that_make_no_sense(tmp_path: Path) -> None:
    assert told(tmp_path, {"event": 7}, {"event": "TaskAccepted"}, tail="[]\nnull\n").count == 0
    assert read_tasks(tmp_path / "nothing").count == 0


def test_only_what_starts_a_runtime_is_nothing(tmp_path: Path) -> None:
    assert judge(GOOD, facts(tmp_path, golem=STARTED)).status == "failed"
    assert judge(GOOD, facts(tmp_path, golem={})).status == "succeeded"


def test_empty_files_count_in_the_output_only(tmp_path: Path) -> None:
    log, output = (Moved(tmp_path / name, "out", "", 0) for name in ("logs/log", "output/a"))
    sent = Moved(tmp_path / "output" / "b", "in", "", 0)
    assert judge(GOOD, facts(tmp_path, files=[log, sent])).status == "succeeded"
    assert judge(GOOD, facts(tmp_path, files=[log, output])).status == "failed"
    whole = Moved(tmp_path / "output" / "c", "out", "ab", 3)
    assert judge(GOOD, facts(tmp_path, files=[output, whole])).status == "partial"


def test_other_ends_stay_what_they_are(tmp_path: Path) -> None:
    for status in ("cancelled", "timed out"):
        ended = replace(GOOD, status=status, exit_code=None, signal=2, reason="so")
        assert judge(ended, facts(tmp_path)) == ended
        assert judge(ended, facts(tmp_path, stopped="too dear")).reason == "too dear"
    failed = replace(GOOD, status="failed", exit_code=1, reason="exit code 1")
    assert judge(failed, facts(tmp_path, refused="no money")).reason == "exit code 1; no money"
    assert judge(failed, facts(tmp_path, told(tmp_path, *ALL))).status == "partial"


def test_the_last_refusal_is_told(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"method": "POST", "path": "/payment-api/v1/allocations", "status": 400, "answer": {"message": "no money"}},
        {"method": "GET", "path": "/me", "status": 500, "answer": {"message": "broken"}},
        {"status": "odd"},
    ]
    path = tmp_path / "calls"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert refusal_in(path) == "the daemon sets no money aside: no money"
    with path.open("a") as file:
        file.write(json.dumps({"status": 403, "refused": True, "answer": {"message": "beyond the budget"}}) + "\n")
    assert refusal_in(path) == "beyond the budget"
