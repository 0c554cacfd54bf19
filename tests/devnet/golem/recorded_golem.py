"""Answers of the real Golem daemon, as data, and the means to ask it, or the stand-in, the same questions.

`python tests/real_golem/record.py` records them anew. A fixture is a file of cases. A case begins in some of the
situations below (`begin`), and takes its steps one after the other:

    {"send": "POST /market-api/v1/demands", "json": {...}, "keep": {"demand": ""}, "answer": {"status": 201, ...}}

| key | is |
| --- | --- |
| `json`, `body` | what is sent, as JSON or as it is |
| `key` | the app-key, if it is not the right one; null for none |
| `keep` | `{"draft": "proposal.proposalId"}`: a part of the answer gets a name |
| `find` | what an element of the list that is answered must hold: asked for until there is one, which is the answer |
| `fault` | instead of `send`: what goes wrong next at the provider, as the devnet names it |
| `whole` | true: the kinds of an offer's properties matter |
| `answer` | `status`; `json` or `text`, if there is a body; its `type`, if that is not `application/json` |

`{demand}` stands for what was kept, `{me}` for the one who asks, in requests and answers. What else differs each time
stands in `<>`: ids, times, amounts and usage of what has run, and offers. Words for people (`message`, and errors that
are plain text) are kept for the reader, and not compared.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parent / "fixtures"
PATIENCE = 20.0
SUBNET = "public"
PLATFORM = "erc20-hoodi-tglm"
LATER = "2099-01-01T00:00:00Z"

_JSON = "application/json"
_OFFER = 15
"""With more properties than this, it is an offer."""

_SHAPES = (
    (re.compile(r"\b[0-9a-f]{32}-[0-9a-f]{64}\b"), "<subscription>"),
    (re.compile(r"\bR-[0-9a-f]{64}\b"), "<requestor's proposal>"),
    (re.compile(r"\b0x[0-9a-f]{40}\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hex64>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex32>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"(?<!\d)20[2-8]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
)
_MEASURED = frozenset({"amount", "totalAmountDue", "currentUsage", "usageCounterVector", "releaseTs"})

_WORDS = frozenset({"message", "text", "detail", "parseError"})

Json = dict[str, Any]

_DEMAND: Json = {
    "properties": {
        "golem.node.debug.subnet": SUBNET,
        "golem.srv.comp.expiration": 4070908800000,
        "golem.com.payment.protocol.version": "3",
        f"golem.com.payment.platform.{PLATFORM}.address": "{me}",
        "golem.com.payment.chosen-platform": PLATFORM,
    },
    "constraints": f"(&(golem.runtime.name=vm)(golem.node.debug.subnet={SUBNET}))",
}
_EVENTS = "GET /market-api/v1/demands/{demand}/events?timeout=2&maxEvents=10"
_ALLOCATE = {"paymentPlatform": PLATFORM, "totalAmount": "1", "timeout": LATER}
_SITUATIONS: dict[str, Sequence[Json]] = {
    "allocated": [
        {"send": "POST /payment-api/v1/allocations", "json": _ALLOCATE, "keep": {"allocation": "allocationId"}},
    ],
    "demanded": [
        {"send": "POST /market-api/v1/demands", "json": _DEMAND, "keep": {"demand": ""}},
        {
            "send": _EVENTS,
            "find": {"eventType": "ProposalEvent"},
            "keep": {"offer": "proposal.proposalId", "provider": "proposal.issuerId"},
        },
    ],
    "negotiated": [
        {"send": "POST /market-api/v1/demands/{demand}/proposals/{offer}", "json": _DEMAND, "keep": {"own": ""}},
        {
            "send": _EVENTS,
            "find": {"proposal.prevProposalId": "{own}"},
            "keep": {"draft": "proposal.proposalId"},
        },
        {
            "send": "POST /market-api/v1/agreements",
            "json": {"proposalId": "{draft}", "validTo": LATER},
            "keep": {"agreement": ""},
        },
    ],
    "agreed": [
        {"send": "POST /market-api/v1/agreements/{agreement}/confirm"},
        {"send": "POST /market-api/v1/agreements/{agreement}/wait?timeout=10"},
    ],
    "active": [
        {"send": "POST /activity-api/v1/activity", "json": "{agreement}", "keep": {"activity": ""}},
    ],
    "ready": [
        {
            "send": "POST /activity-api/v1/activity/{activity}/exec",
            "json": {"text": '[{"deploy": {}}, {"start": {"args": []}}]'},
            "keep": {"batch": ""},
        },
        {"send": "GET /activity-api/v1/activity/{activity}/exec/{batch}?timeout=10"},
    ],
    "billed": [
        {"send": "DELETE /activity-api/v1/activity/{activity}"},
        {"send": "POST /market-api/v1/agreements/{agreement}/terminate", "json": {"message": "done"}},
        {
            "send": "GET /payment-api/v1/debitNoteEvents?timeout=5&afterTimestamp={began}",
            "find": {"eventType": "DebitNoteReceivedEvent"},
            "keep": {"note": "debitNoteId"},
        },
        {
            "send": "GET /payment-api/v1/invoiceEvents?timeout=5&afterTimestamp={began}",
            "find": {"eventType": "InvoiceReceivedEvent"},
            "keep": {"invoice": "invoiceId"},
        },
        {"send": "GET /payment-api/v1/invoices/{invoice}", "keep": {"due": "amount"}},
    ],
}
_ENDS = (
    ("DELETE", "/activity-api/v1/activity/{activity}"),
    ("POST", "/market-api/v1/agreements/{agreement}/terminate"),
    ("DELETE", "/market-api/v1/demands/{demand}"),
    ("DELETE", "/payment-api/v1/allocations/{allocation}"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A story of requests and the answers that the real daemon gave."""

    topic: str
    name: str
    begin: tuple[str, ...]
    steps: tuple[Json, ...]

    def __str__(self) -> str:
        return f"{self.topic}/{self.name}"


def topics() -> list[str]:
    """The names of the fixtures."""
    return sorted(path.stem for path in FIXTURES.glob("*.json"))


def load(topic: str) -> list[Case]:
    """The cases of one fixture."""
    document = json.loads((FIXTURES / f"{topic}.json").read_text())
    return [Case(topic, one["name"], tuple(one.get("begin", ())), tuple(one["steps"])) for one in document["cases"]]


def replay(case: Case, url: str, key: str, fault: Callable[[Json], None]) -> list[Json]:
    """What a daemon answers to a case, each answer as a fixture holds it; empty for what is no question."""
    # After a path that it refuses the daemon does not read the body, and a connection that is used again may hang.
    once = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=url, timeout=PATIENCE * 2, limits=once, trust_env=False) as http:
        asker = _Asker(http, key, fault)
        try:
            for situation in case.begin:
                for step in _SITUATIONS[situation]:
                    answer = asker.take(step)
                    assert answer["status"] < 300, f"{case}, {situation}, {step['send']}: {answer}"
            return [asker.take(step) for step in case.steps]
        finally:
            asker.end()


def differences(case: Case, answers: Sequence[Json]) -> list[str]:
    """Where the answers are not the recorded ones."""
    found = []
    for number, (step, answer) in enumerate(zip(case.steps, answers, strict=True), 1):
        where = f"{case}, step {number}, {step.get('send', 'fault')}: answer"
        found += unequal(step.get("answer", {}), answer, where)
    return found


class _Asker:
    """One who asks, and remembers what was answered."""

    def __init__(self, http: httpx.Client, key: str, fault: Callable[[Json], None]) -> None:
        self._http = http
        self._key = key
        self._fault = fault
        # What happened in an earlier case is not looked at.
        self._names = {"began": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}
        self._names["me"] = str(self._ask("GET", "/me", key).json()["identity"])

    def take(self, step: Json) -> Json:
        """Do a step, and tell what was answered."""
        if "fault" in step:
            self._fault(step["fault"])
            return {}
        deadline = time.monotonic() + PATIENCE
        method, _, path = self._filled(step["send"]).partition(" ")
        body = step.get("body")
        if "json" in step:
            body = json.dumps(self._filled(step["json"]))
        while True:
            answer = self._ask(method, path, step.get("key", self._key), body)
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            told = answer.json() if answer.content and kind.endswith("json") else None
            if "find" not in step:
                break
            wanted = {name: self._filled(value) for name, value in step["find"].items()}
            fitting = [one for one in told if all(_part(one, name) == value for name, value in wanted.items())]
            if fitting:
                told = fitting[0]
                break
            assert time.monotonic() < deadline, f"{step['send']}: nothing but {told}"
            time.sleep(0.02)
        seen: Json = {"status": answer.status_code}
        if answer.content and kind != _JSON:
            seen["type"] = kind
        if answer.content:
            whole = step.get("whole", False)
            if kind.endswith("json"):
                seen["json"] = self._plain(told, whole=whole)
            else:
                seen["text"] = self._plain(answer.text)
        # Only from now on it has a name: what it looks like is seen in this answer.
        for name, where in step.get("keep", {}).items():
            self._names[name] = str(_part(told, where))
        return seen

    def end(self) -> None:
        """End what the case has left."""
        for method, path in _ENDS:
            filled = self._filled(path)
            if "{" not in filled:
                self._ask(method, filled, self._key, '{"message": "over"}' if method == "POST" else None)

    def _ask(self, method: str, path: str, key: str | None, body: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        if body is not None:
            headers["Content-Type"] = _JSON
        return self._http.request(method, path, content=body, headers=headers)

    def _filled(self, value: Any) -> Any:
        """`{name}` becomes what it stands for."""
        if isinstance(value, str):
            for name, meaning in self._names.items():
                value = value.replace(f"{{{name}}}", meaning)
            return value
        if isinstance(value, dict):
            return {self._filled(key): self._filled(each) for key, each in value.items()}
        return [self._filled(each) for each in value] if isinstance(value, list) else value

    def _plain(self, value: Any, key: str = "", whole: bool = False) -> Any:
        """What differs each time becomes a name or a shape."""
        if key in _MEASURED and value is not None:
            return f"<{_kind(value)}>"
        if isinstance(value, str):
            for name, meaning in self._names.items():
                if name != "due":
                    value = value.replace(meaning, f"{{{name}}}")
            for shape, replacement in _SHAPES:
                value = shape.sub(replacement, value)
            return value
        if isinstance(value, dict):
            if key == "properties" and len(value) > _OFFER:
                kinds = {name: f"<{_kind(each)}>" for name, each in sorted(value.items())}
                return kinds if whole else "<offer>"
            return {self._plain(name): self._plain(each, name, whole) for name, each in value.items()}
        if isinstance(value, list):
            return [self._plain(each, whole=whole) for each in value]
        return "<seconds>" if key == "timestamp" and isinstance(value, int) else value


def _kind(value: Any) -> str:
    """The kind of a value of JSON, in which whole numbers and others are told apart: clients do."""
    if isinstance(value, list):
        return "list of " + ", ".join(dict.fromkeys(_kind(one) for one in value)) if value else "empty list"
    kinds = {bool: "truth", int: "whole number", float: "number", str: "text", dict: "object", type(None): "null"}
    return kinds[type(value)]


def _part(value: Any, where: str) -> Any:
    for name in filter(None, where.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def unequal(expected: Any, found: Any, where: str) -> list[str]:
    """Where two documents differ."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        lines: list[str] = []
        for key in [*expected, *(key for key in found if key not in expected)]:
            if key not in found:
                lines.append(f"{where} lacks {key}: {expected[key]!r}")
            elif key not in expected:
                lines.append(f"{where} has also {key}: {found[key]!r}")
            elif not (key in _WORDS and isinstance(expected[key], str) and isinstance(found[key], str)):
                lines += unequal(expected[key], found[key], f"{where}.{key}")
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for i, (one, other) in pairs for line in unequal(one, other, f"{where}[{i}]")]
    same = type(expected) is type(found) and expected == found
    return [] if same else [f"{where} is {found!r}, not {expected!r}"]


def written(document: Json) -> str:
    """A fixture as text: one line for a request, one for its answer."""
    head = {key: value for key, value in document.items() if key != "cases"}
    cases: list[str] = []
    for case in document["cases"]:
        steps: list[str] = []
        for step in case["steps"]:
            line = f"  {json.dumps({key: value for key, value in step.items() if key != 'answer'}, ensure_ascii=False)}"
            if step.get("answer"):
                line = f'{line[:-1]},\n   "answer": {json.dumps(step["answer"], ensure_ascii=False)}}}'
            steps.append(line)
        opening = json.dumps({key: value for key, value in case.items() if key != "steps"}, ensure_ascii=False)
        cases.append(f'{opening[:-1]}, "steps": [\n' + ",\n".join(steps) + "\n]}")
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "cases": [\n' + ",\n".join(cases) + "\n]}\n"
