"""What each line of the call log says about a run: one line after the other makes `Seen` of nothing.

The gateway tells its story to itself while it goes on, from the very lines that it writes, so whoever reads the log
afterwards comes to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sovrgit.runs.golem.calls import activities, market, money, routes
from sovrgit.runs.golem.calls.batches import take_event
from sovrgit.runs.golem.calls.line import Line, is_full
from sovrgit.runs.golem.calls.seen import Doubtful, Seen
from sovrgit.runs.golem.calls.values import id_of, items, mapping, text
from sovrgit.runs.golem.observed import Observed

FORMAT = "golem-calls"
SEARCHED = frozenset({"allocation.make", "demand.make"})
"""Calls after which must be searched if their answer was lost. An activity ends with its agreement, which is known; an
agreement that was only made binds nobody, one that is being confirmed is known; a private network costs nothing."""

DEVNET = "sovr devnet"
"""The name under which the devnet tells its version."""


def take(seen: Seen, line: Mapping[str, Any]) -> list[Observed]:
    """Add what a line says; what there is to tell of it."""
    if FORMAT in line:
        seen.platforms = tuple(text(one) for one in items(line.get("platforms")))
        seen.subnet = text(line.get("subnet"))
        return []
    if line.get("settled"):
        seen.doubtful.pop(line.get("call", -1), None)
        return []
    path = urlsplit(text(line.get("path"))).path
    number, at = line.get("call"), line.get("at")
    if not isinstance(number, int) or not isinstance(at, int):
        return []
    if "event" in line:
        found = routes.find("GET", path)
        return take_event(seen, found.ids, line["event"], at) if found and found.name == "activity.results" else []
    found = routes.find(text(line.get("method")), path)
    if found is None:
        return []
    status = line.get("status")
    if not isinstance(status, int):
        if found.name in SEARCHED:
            seen.doubtful[number] = Doubtful(found.name, at, found.ids, line.get("request"))
        return []
    if status < 500 or line.get("refused"):
        seen.doubtful.pop(number, None)
    taken = Line(seen, found.ids, line)
    deed = _DEEDS.get(found.name)
    if deed is not None:
        deed(taken)
    return taken.told


def _me(line: Line) -> None:
    if line.ok:
        line.seen.requestor = id_of(mapping(line.answer).get("identity")) or line.seen.requestor


def _version(line: Line) -> None:
    current = mapping(mapping(line.answer).get("current"))
    if line.ok and current:
        line.seen.daemon = text(current.get("version"))[:64]
        line.seen.emulated = current.get("name") == DEVNET


def _network(line: Line) -> None:
    made = id_of(mapping(line.answer).get("id"))
    if line.ok and made and not is_full(line, line.seen.networks):
        line.seen.networks[made] = False


def _network_end(line: Line) -> None:
    if line.ids[0] in line.seen.networks and (line.ok or line.status in (404, 410)):
        line.seen.networks[line.ids[0]] = True


_DEEDS: Mapping[str, Callable[[Line], None]] = {
    "me": _me,
    "version": _version,
    "network.make": _network,
    "network.end": _network_end,
    **market.DEEDS,
    **activities.DEEDS,
    **money.DEEDS,
}
