"""Receipts as they are shown."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from golem_receipts import ADA, agreement, command, receipts
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.objects.receipts import amount, summary_of
from sovrgit.ui.console import Console
from sovrgit.ui.golemview import agreement_lines, golem_document, receipt_lines, receipts_document, totals

KEYS = [*receipts(), "provider", "id", "name", "price", "activities", "commands", "usage", "invoices", "amount"]


def shown(golem: Any, **options: Any) -> tuple[dict[str, str], list[str]]:
    console = Console(io.StringIO(), io.StringIO(), **options)
    return dict(receipt_lines(console, golem)), list(agreement_lines(console, golem))


def test_the_run_as_a_whole() -> None:
    lines, _ = shown(receipts())
    assert lines == {
        "Network": "hoodi (erc20-hoodi-tglm), subnet public",
        "Emulated": "yes, by providers on this machine; nothing was paid",
        "Image": f"golem/alpine:latest {'3' * 56} http://registry.example/images/3",
        "Requestor": f"0x{'c' * 40}, yagna 0.17.6",
        "Sandbox": "namespaces",
        "Cost": "0.0025 tglm, 0.0025 unpaid, of 1 allocated",
        "Tasks": "1 of 2 accepted, 3 attempts",
        "Files": "1 sent to providers, 0 received",
    }
    assert "Emulated" not in shown(receipts(emulated=False))[0]


def test_agreements_and_what_was_not_paid() -> None:
    _, lines = shown(receipts())
    assert lines[1:8] == [
        f"agreement with ada ({ADA}): terminated, 2025-11-26 15:13 +0000 for 12 s (no longer needed)",
        "  price    0 a start, 0.36 an hour, 0.72 a CPU hour (tglm)",
        "  used     10.5 s, 8 CPU s, activity activity-o",
        "  invoice  0.0025 tglm, accepted, invoice-of",
        "  deploy  ok",
        "  run      /bin/sh -c 'echo one'  ok",
        "",
    ]
    assert "  run      false  error: exit code 1" in lines
    assert "agreement with dan (0xd): rejected" in lines
    assert lines[-2:] == ["Not paid:", "  invoice of bob: 0.0025 tglm, received, invoice-of"]


def test_many_commands_are_cut_unless_all_are_wanted() -> None:
    golem = receipts(agreements=[agreement(ADA, "ada", *[command("run", str(number)) for number in range(50)])])
    assert "and 38 more commands" in shown(golem)[1][-1]
    _, lines = shown(golem, verbosity=1)
    assert any(line.startswith("  run      49") for line in lines) and any("note" in line for line in lines)


def test_a_provider_cannot_steer_the_terminal() -> None:
    golem = receipts(agreements=[agreement("\x1b[2J", "\x1b[2J", command("run", "\x1b[2J", "Error", "\x1b[2J"))])
    assert not any("\x1b" in line for line in shown(golem, terminal=True)[1])


def test_other_runs_have_no_receipts() -> None:
    assert shown({})[1] == [] and golem_document({}) is None and summary_of({}) is None


def test_in_short() -> None:
    found = golem_document(receipts())
    assert found is not None
    assert [provider["name"] for provider in found["providers"]] == ["ada", "bob"]  # dan has never worked
    assert found["cost"] == {"token": "tglm", "accepted": "0.0025", "unpaid": "0.0025"}
    assert receipts_document({"a": [b"\x01", {"b": 1}]}) == {"a": ["01", {"b": 1}]}


def test_sums_are_by_token_and_network() -> None:
    real = receipts(emulated=False, network="polygon", cost={"accepted": "1.5", "token": "glm"})
    unknown = receipts(emulated=False, network="polygon", cost={"token": "glm"})
    found = totals([receipts(), real, {}, receipts(), unknown])
    assert [total.text() for total in found] == [
        "0.005 tglm in 2 runs on hoodi, emulated, 0.005 unpaid",
        "1.5 glm in 2 runs on polygon, the cost of 1 is not known",
    ]


@pytest.mark.parametrize("wrong", ["", "-1", "NaN", "Infinity", "1e999999", "1e-999999", "one", 1, 0.5, None, "9" * 99])
def test_what_is_no_amount(wrong: Any) -> None:
    assert amount(wrong) is None


def test_what_is_one() -> None:
    assert amount("0.000000000000000001") == Decimal("1e-18")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_whatever_a_stranger_has_recorded_can_be_shown(golem: Any) -> None:
    shown(golem, verbosity=1)
    golem_document(golem)
    totals([golem])
