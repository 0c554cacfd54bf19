"""Which calls of the daemon's REST protocol there are, and which of them are let through.

Everything that could move money or keys is on a list of what is needed; the rest of that is refused. What is not known
at all is let through if it only reads.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MARKET, PAYMENT, ACTIVITY = "/market-api/v1", "/payment-api/v1", "/activity-api/v1"
NETWORKS = "/net-api/v1/net"

_SEGMENT = r"[A-Za-z0-9_~:@,+=-][A-Za-z0-9._~:@,+=-]*"
_PATH = re.compile(rf"/|(?:/{_SEGMENT})+")
"""Paths that mean the same to everybody: nothing escaped, no dots that lead up, no empty segment."""

_QUERY = re.compile(r"[!-~]*")
LONGEST_TARGET = 8 << 10

ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What an id of the daemon looks like. Nothing else is ever made a part of a path."""


class Route(NamedTuple):
    """A call that is known.

    Attributes:
        name: what it is, as `THING.VERB`.
        pattern: its path; the groups are ids.
        opens: whether it makes something that must be ended.
    """

    name: str
    method: str
    pattern: re.Pattern[str]
    opens: bool


class Found(NamedTuple):
    """A call that is known, with the ids in its path."""

    route: Route
    ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is."""
        return self.route.name


_OPENING = frozenset(
    {"allocation.make", "demand.make", "agreement.make", "agreement.confirm", "activity.make", "network.make"}
)


def _route(name: str, method: str, path: str) -> Route:
    pattern = re.compile(re.escape(path).replace("ID", f"({ID.pattern})"))
    return Route(name, method, pattern, name in _OPENING)


def _bills(kind: str) -> tuple[Route, ...]:
    return (
        _route(f"{kind}.list", "GET", f"{PAYMENT}/{kind}s"),
        _route(f"{kind}.get", "GET", f"{PAYMENT}/{kind}s/ID"),
        _route(f"{kind}.payments", "GET", f"{PAYMENT}/{kind}s/ID/payments"),
        _route(f"{kind}.accept", "POST", f"{PAYMENT}/{kind}s/ID/accept"),
        _route(f"{kind}.reject", "POST", f"{PAYMENT}/{kind}s/ID/reject"),
        _route(f"{kind}.events", "GET", f"{PAYMENT}/{kind}Events"),
    )


ROUTES = (
    _route("me", "GET", "/me"),
    _route("version", "GET", "/version/get"),
    _route("demand.make", "POST", f"{MARKET}/demands"),
    _route("demand.list", "GET", f"{MARKET}/demands"),
    _route("demand.end", "DELETE", f"{MARKET}/demands/ID"),
    _route("demand.events", "GET", f"{MARKET}/demands/ID/events"),
    _route("proposal.get", "GET", f"{MARKET}/demands/ID/proposals/ID"),
    _route("proposal.counter", "POST", f"{MARKET}/demands/ID/proposals/ID"),
    _route("proposal.reject", "POST", f"{MARKET}/demands/ID/proposals/ID/reject"),
    _route("agreement.make", "POST", f"{MARKET}/agreements"),
    _route("agreement.list", "GET", f"{MARKET}/agreements"),
    _route("agreement.get", "GET", f"{MARKET}/agreements/ID"),
    _route("agreement.confirm", "POST", f"{MARKET}/agreements/ID/confirm"),
    _route("agreement.wait", "POST", f"{MARKET}/agreements/ID/wait"),
    _route("agreement.cancel", "POST", f"{MARKET}/agreements/ID/cancel"),
    _route("agreement.end", "POST", f"{MARKET}/agreements/ID/terminate"),
    _route("agreement.events", "GET", f"{MARKET}/agreementEvents"),
    _route("allocation.make", "POST", f"{PAYMENT}/allocations"),
    _route("allocation.list", "GET", f"{PAYMENT}/allocations"),
    _route("allocation.get", "GET", f"{PAYMENT}/allocations/ID"),
    _route("allocation.amend", "PUT", f"{PAYMENT}/allocations/ID"),
    _route("allocation.end", "DELETE", f"{PAYMENT}/allocations/ID"),
    _route("decorations", "GET", f"{PAYMENT}/demandDecorations"),
    _route("accounts", "GET", f"{PAYMENT}/requestorAccounts"),
    _route("status", "GET", f"{PAYMENT}/status"),
    _route("payment.list", "GET", f"{PAYMENT}/payments"),
    _route("payment.get", "GET", f"{PAYMENT}/payments/ID"),
    *_bills("debitNote"),
    *_bills("invoice"),
    _route("network.make", "POST", NETWORKS),
    _route("network.end", "DELETE", f"{NETWORKS}/ID"),
    _route("activity.make", "POST", f"{ACTIVITY}/activity"),
    _route("activity.end", "DELETE", f"{ACTIVITY}/activity/ID"),
    _route("activity.exec", "POST", f"{ACTIVITY}/activity/ID/exec"),
    _route("activity.results", "GET", f"{ACTIVITY}/activity/ID/exec/ID"),
    _route("activity.state", "GET", f"{ACTIVITY}/activity/ID/state"),
    _route("activity.usage", "GET", f"{ACTIVITY}/activity/ID/usage"),
    _route("activity.agreement", "GET", f"{ACTIVITY}/activity/ID/agreement"),
)

_GUARDED = frozenset(
    """
    payment payment-api driver wallet admin identity id ids gsb gsb-api _gsb app-key app-keys appkey appkeys key keys
    """.split()  # noqa: SIM905 - seventeen words in a line are read sooner than in seventeen lines
)
"""First parts of paths below which money and keys are: nothing there is let through that is not listed above."""

_OPEN_TO_WRITES = re.compile(r"/net-api/v1/.+|/market-api/v1/scan(?:/.+)?")
"""Paths that are not listed above and may be changed nevertheless: private networks, and looking at the market."""

_READING = frozenset({"GET", "HEAD"})


def find(method: str, path: str) -> Found | None:
    """The call that is meant, if it is known."""
    for route in ROUTES:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return Found(route, match.groups())
    return None


def objection(method: str, path: str) -> str:
    """Why a call that is not known is refused; empty if it is let through."""
    first = path.split("/")[1].lower()
    if first in _GUARDED:
        return "it could move money or keys, and a run does not need it"
    if method not in _READING and not _OPEN_TO_WRITES.fullmatch(path):
        return "it is not known what it would change"
    return ""


def is_clean(path: str, query: str) -> bool:
    """Whether path and query can be passed on as they are."""
    fits = len(path) + len(query) <= LONGEST_TARGET
    return fits and _PATH.fullmatch(path) is not None and _QUERY.fullmatch(query) is not None
