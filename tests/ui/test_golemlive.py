"""The live view of a run on Golem: what it sums up, and what stands on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sovrgit.runs.golem.limits import Price
from sovrgit.runs.golem.observed import (
    ActivityChanged,
    AgreementChanged,
    BatchChanged,
    CostChanged,
    DemandMade,
    LimitHit,
    ProposalSeen,
)
from sovrgit.ui.console import Console
from sovrgit.ui.golemlive import golem_live
from sovrgit.ui.golemstate import GolemState


@dataclass
class Task:
    """As the requestor tells of one."""

    id: str
    data: str
    state: str
    attempt: int = 1
    at_ns: int = 0
    provider: str = ""
    exit_code: int | None = None
    reason: str = ""


class Stream(io.TextIOWrapper):
    """A stream that says of itself that it is a terminal, or is none."""

    def __init__(self, terminal: bool) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, "utf-8", newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def said(self) -> str:
        self.flush()
        return self.kept.getvalue().decode("utf-8", "surrogateescape")


FOUND = [
    DemandMade(1, "d"),
    ProposalSeen(2, "0x1", "ada", Price(Decimal(0), Decimal("0.1"), Decimal(0))),
    ProposalSeen(2, "0x2", "bob", None),
    ProposalSeen(3, "0x1", "ada", None),
]


def agreed(name: str = "ada", state: str = "Approved") -> AgreementChanged:
    return AgreementChanged(4, f"a-{name}", "0x1", name, state)


def seen(*all_of_it: Any) -> tuple[GolemState, list[str]]:
    state = GolemState()
    return state, [line for one in all_of_it if (line := state.saw(one))]


def test_a_provider_counts_once() -> None:
    state, lines = seen(*FOUND)
    assert state.parts("tglm") == ["2 providers found", "cost 0 tglm"] and lines == ["looking for providers"]


def test_agreements() -> None:
    state, lines = seen(
        agreed(state="Proposal"), agreed(), agreed(), agreed("bob", "Proposal"), agreed("bob", "Rejected")
    )
    assert lines == ["agreement with ada", "no agreement with bob: rejected"]
    assert "2 agreements, 1 open" in state.parts("")
    state.saw(agreed(state="Terminated"))
    assert state.open_deals == 0


def test_commands() -> None:
    state, lines = seen(agreed(), ActivityChanged(5, "x", "a-ada", "New"), BatchChanged(6, "x", 2, 3, 1))
    assert lines[1:] == ["a command failed on ada"]
    assert (state.deals["a-ada"].done, state.deals["a-ada"].total) == (2, 3)
    assert seen(BatchChanged(6, "unheard of", 2, 3, 1))[1] == []


def test_cost_is_never_less_than_what_was_accepted() -> None:
    state, _ = seen(CostChanged(1, Decimal("0.5"), Decimal("0.25")))
    assert state.parts("glm")[-1] == "cost 0.5 glm"
    state.saw(CostChanged(1, Decimal("0.5"), Decimal("1.00049")))
    assert state.parts("glm")[-1] == "cost 1 glm"
    state.saw(CostChanged(1, Decimal(0), Decimal("0.0000012345678")))
    assert seen(CostChanged(1, Decimal(0), Decimal("0.0000012345678")))[0].parts("glm")[-1] == "cost 0.000001235 glm"


def test_tasks() -> None:
    state, lines = seen(
        Task("1", "a.jpg", "queued", 0),
        Task("2", "", "queued", 0),
        Task("1", "a.jpg", "running", provider="ada"),
        Task("1", "a.jpg", "attempt failed", provider="ada", reason="it crashed"),
        Task("1", "a.jpg", "running", 2, provider="bob"),
        Task("1", "a.jpg", "done", 2, provider="bob", exit_code=0),
        Task("2", "", "failed", reason="no attempts are left"),
    )
    assert lines == [
        "task 1 a.jpg: running on ada",
        "task 1 a.jpg: attempt 1 failed on ada: it crashed",
        "task 1 a.jpg: running on bob, attempt 2",
        "task 1 a.jpg: done on bob (1 of 2)",
        "task 2: failed: no attempts are left",
    ]
    assert state.parts("")[1:3] == ["1 of 2 tasks done", "1 failed"]


def show(*all_of_it: Any, **console: Any) -> tuple[str, str]:
    """What is printed, on both streams. Bytes are the script's own."""
    out, err = Stream(console.pop("out_terminal", False)), Stream(console.get("lively", False))
    with golem_live(Console(out, err, **console), network="hoodi", token="tglm", emulated=True) as live:
        for one in all_of_it:
            if isinstance(one, bytes):
                live.write("stdout", one)
            else:
                live.saw(one)
    return out.said, err.said


def test_without_a_terminal() -> None:
    out, err = show(*FOUND, b"half a", agreed(), b"line\n", LimitHit(9, "too dear"))
    assert out == "half a\nline\n"
    assert err.splitlines() == [
        "looking for providers",
        "agreement with ada",
        "ended by a limit: too dear",
        "2 providers found, 1 agreement, 1 open, cost 0 tglm (emulated: nothing was paid)",
    ]


@pytest.mark.parametrize("console", [{"verbosity": -1}, {"as_json": True}])
def test_quiet_and_json(console: Any) -> None:
    out, err = show(*FOUND, agreed(), LimitHit(9, "too dear"), **console)
    assert (out, err) == ("", "")


def screen(text: str) -> list[str]:
    """What is left on a terminal: lines up and erased, as rich moves about."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not piece.startswith("\x1b") and piece != "\r":
            lines[row] += piece
    return [line.rstrip() for line in lines if line.strip()]


def test_on_a_terminal_the_output_scrolls_above() -> None:
    out, err = show(*FOUND, b"first\nsec", agreed(), b"ond\r\n\x1b[2Jlast", lively=True, out_terminal=True)
    assert out == ""
    assert "hoodi, emulated · 2 providers found" in err
    assert screen(err) == [
        "first",
        "second",
        "^[[2Jlast",
        "2 providers found, 1 agreement, 1 open, cost 0 tglm (emulated: nothing was paid)",
    ]


def test_output_that_goes_elsewhere_is_passed_on_as_it_is() -> None:
    out, err = show(b"\xff\x1b[2J", lively=True)
    assert out == "\udcff\x1b[2J\n" and "[2J" not in err


def test_many_tasks_leave_room_for_the_output() -> None:
    tasks = [Task(str(number), f"{number}.jpg", "queued", 0) for number in range(100)]
    running = Task("50", "50.jpg", "running", 2, provider="ada\x1b[2J")
    _, err = show(*tasks, running, lively=True)
    last = err.rsplit("providers found ·", 1)[1]
    assert "running" in last and "ada^[[2J, attempt 2" in last and "more" in last
    assert last.count("queued") < 13
