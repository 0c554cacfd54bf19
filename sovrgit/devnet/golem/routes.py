"""Which call is answered by what."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sovrgit.devnet.golem import activitycalls, marketcalls, othercalls, paymentcalls
from sovrgit.devnet.golem.bills import DEBIT_NOTE, INVOICE
from sovrgit.devnet.golem.call import Answer, Call

MARKET, _PAYMENT, _ACTIVITY = "/market-api/v1", "/payment-api/v1", "/activity-api/v1"
_NET = "/net-api/v1"


class Route(NamedTuple):
    """How a call is answered.

    Attributes:
        pattern: what the path is like, with a group for each variable part.
        name: what the call is told of as: it holds nothing that only the client knows.
        key: whether the client must know the app-key.
    """

    method: str
    pattern: re.Pattern[str]
    name: str
    answer: Callable[[Call], Answer]
    key: bool


def _route(method: str, path: str, answer: Callable[[Call], Answer], *, key: bool = True) -> Route:
    pattern = re.compile(re.sub(r"\\\{\w+\\\}|\{\w+\}", "([^/]+)", path))
    return Route(method, pattern, f"{method} {path}", answer, key)


def _bills(path: str, kind: str) -> list[Route]:
    return [
        _route("GET", f"{_PAYMENT}/{path}s", paymentcalls.all_of(kind)),
        _route("GET", f"{_PAYMENT}/{path}s/{{id}}", paymentcalls.one_of(kind)),
        _route("GET", f"{_PAYMENT}/{path}s/{{id}}/payments", paymentcalls.payments_of(kind)),
        _route("POST", f"{_PAYMENT}/{path}s/{{id}}/accept", paymentcalls.accept(kind)),
        _route("POST", f"{_PAYMENT}/{path}s/{{id}}/reject", paymentcalls.reject(kind)),
        _route("GET", f"{_PAYMENT}/{path}Events", paymentcalls.events_of(kind)),
    ]


ROUTES = [
    _route("GET", "/me", othercalls.me),
    _route("GET", "/version/get", othercalls.version, key=False),
    _route("GET", f"{_NET}/net", othercalls.networks),
    _route("POST", f"{_NET}/net", othercalls.no_networks),
    _route("GET", "/v1/image/info", othercalls.image, key=False),
    _route("GET", "/images/{hash}", othercalls.image_itself, key=False),
    _route("HEAD", "/images/{hash}", othercalls.image_itself, key=False),
    _route("GET", "/_devnet/faults", othercalls.list_faults),
    _route("POST", "/_devnet/faults", othercalls.add_faults),
    _route("DELETE", "/_devnet/faults", othercalls.clear_faults),
    _route("POST", f"{MARKET}/demands", marketcalls.subscribe),
    _route("GET", f"{MARKET}/demands", marketcalls.demands),
    _route("DELETE", f"{MARKET}/demands/{{id}}", marketcalls.unsubscribe),
    _route("GET", f"{MARKET}/demands/{{id}}/events", marketcalls.events),
    _route("GET", f"{MARKET}/demands/{{id}}/proposals/{{id}}", marketcalls.proposal),
    _route("POST", f"{MARKET}/demands/{{id}}/proposals/{{id}}", marketcalls.counter),
    _route("POST", f"{MARKET}/demands/{{id}}/proposals/{{id}}/reject", marketcalls.reject),
    _route("POST", f"{MARKET}/agreements", marketcalls.create),
    _route("GET", f"{MARKET}/agreements", marketcalls.agreements),
    _route("GET", f"{MARKET}/agreements/{{id}}", marketcalls.agreement),
    _route("POST", f"{MARKET}/agreements/{{id}}/confirm", marketcalls.confirm),
    _route("POST", f"{MARKET}/agreements/{{id}}/wait", marketcalls.wait),
    _route("POST", f"{MARKET}/agreements/{{id}}/cancel", marketcalls.cancel),
    _route("POST", f"{MARKET}/agreements/{{id}}/terminate", marketcalls.terminate),
    _route("GET", f"{MARKET}/agreementEvents", marketcalls.agreement_events),
    _route("POST", f"{_PAYMENT}/allocations", paymentcalls.allocate),
    _route("GET", f"{_PAYMENT}/allocations", paymentcalls.allocations),
    _route("GET", f"{_PAYMENT}/allocations/{{id}}", paymentcalls.allocation),
    _route("PUT", f"{_PAYMENT}/allocations/{{id}}", paymentcalls.amend),
    _route("DELETE", f"{_PAYMENT}/allocations/{{id}}", paymentcalls.release),
    _route("GET", f"{_PAYMENT}/demandDecorations", paymentcalls.decorations),
    _route("GET", f"{_PAYMENT}/requestorAccounts", paymentcalls.accounts),
    _route("GET", f"{_PAYMENT}/payments", paymentcalls.payments),
    _route("GET", f"{_PAYMENT}/payments/{{id}}", paymentcalls.payment),
    *_bills("debitNote", DEBIT_NOTE),
    *_bills("invoice", INVOICE),
    _route("POST", f"{_ACTIVITY}/activity", activitycalls.create),
    _route("DELETE", f"{_ACTIVITY}/activity/{{id}}", activitycalls.destroy),
    _route("POST", f"{_ACTIVITY}/activity/{{id}}/exec", activitycalls.execute),
    _route("GET", f"{_ACTIVITY}/activity/{{id}}/exec/{{id}}", activitycalls.results),
    _route("GET", f"{_ACTIVITY}/activity/{{id}}/state", activitycalls.state),
    _route("GET", f"{_ACTIVITY}/activity/{{id}}/usage", activitycalls.usage),
    _route("GET", f"{_ACTIVITY}/activity/{{id}}/agreement", activitycalls.agreement),
]


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """How a call is answered, with the variable parts of its path; None if there is no such call."""
    for route in ROUTES:
        found = route.pattern.fullmatch(path) if route.method == method else None
        if found is not None:
            return route, found.groups()
    return None
