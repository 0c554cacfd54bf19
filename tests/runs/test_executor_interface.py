"""Plans, and the object that cancels."""

from __future__ import annotations

import select
from pathlib import Path

import pytest

from sovrgit.runs.executor import Cancel, Executor, Plan
from sovrgit.runs.local import LocalExecutor


def is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_requests_are_seen_in_steps_and_stay() -> None:
    with Cancel() as cancel:
        seen = []
        for _ in range(4):
            seen.append((cancel.requested, cancel.forced, is_readable(cancel.polite_fd), is_readable(cancel.force_fd)))
            cancel.request()
    assert seen == [
        (False, False, False, False),
        (True, False, True, False),
        (True, True, True, True),
        (True, True, True, True),
    ]


def test_a_request_after_the_end_does_nothing() -> None:
    cancel = Cancel()
    cancel.close()
    cancel.request()
    cancel.close()
    assert not cancel.requested


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"argv": ()}, "command"),
        ({"argv": ("",)}, "command"),
        ({"outputs": ("../elsewhere",)}, "inside the pod"),
        ({"outputs": ("/tmp",)}, "inside the pod"),
        ({"timeout": 0}, "timeout"),
        ({"grace": -1}, "grace"),
    ],
)
def test_plans_that_make_no_sense_are_refused(changes: dict[str, object], reason: str) -> None:
    values = {"argv": ("true",), "folder": Path("pod"), "environment": {}, "log_file": Path("log"), **changes}
    with pytest.raises(ValueError, match=reason):
        Plan(**values)  # type: ignore[arg-type] # the wrong values are the point


def test_the_local_executor_is_an_executor() -> None:
    executor: Executor = LocalExecutor()
    assert executor.name == "local"
    assert executor.versions().keys() == {"python"}
