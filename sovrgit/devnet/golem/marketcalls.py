"""The calls of the market API."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from sovrgit.devnet.golem.call import DONE, NOTHING, Answer, Call, wrong_query
from sovrgit.devnet.golem.providers import PLATFORMS
from sovrgit.devnet.golem.world import TEXT, Malformed, Refused, stamp

STATES = ("Proposal", "Pending", "Cancelled", "Rejected", "Approved", "Expired", "Terminated")
"""What an agreement may be."""

_EVENTS, _MOST_EVENTS = 10, 100
_NAMES = (re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}"), re.compile(r"[RP]-[0-9a-f]{64}"))
"""What demands and proposals are called."""


def subscribe(call: Call) -> Answer:
    """Publish a demand."""
    return Answer(call.network.market.subscribe(call.json), HTTPStatus.CREATED)


def demands(call: Call) -> Answer:
    """The demands that there are."""
    return Answer(call.network.market.demands())


def unsubscribe(call: Call) -> Answer:
    """Take a demand back."""
    _check_names(call)
    call.network.market.unsubscribe(call.names[0])
    return NOTHING


def events(call: Call) -> Answer:
    """What has happened to a demand."""
    _check_names(call)
    most = call.most(_EVENTS)
    if not 1 <= most <= _MOST_EVENTS:
        raise Refused(HTTPStatus.BAD_REQUEST, f"Invalid maxEvents '{most}', should be between 1 and {_MOST_EVENTS}.")
    return Answer(call.network.market.collect(call.names[0], call.seconds(), most))


def proposal(call: Call) -> Answer:
    """A proposal."""
    _check_names(call)
    return Answer(call.network.market.proposal(*call.names))


def counter(call: Call) -> Answer:
    """Answer a proposal with another one."""
    _check_names(call)
    return Answer(call.network.market.counter(call.names[0], call.names[1], call.json))


def reject(call: Call) -> Answer:
    """End a negotiation."""
    _check_names(call)
    _reason(call)
    call.network.market.reject(*call.names)
    return NOTHING


def create(call: Call) -> Answer:
    """Make an agreement."""
    return Answer(call.network.market.create(call.json))


def agreements(call: Call) -> Answer:
    """The agreements that are remembered, in short."""
    wanted = call.query.get("state")
    if wanted is not None and wanted not in STATES:
        raise wrong_query(f"unknown variant `{wanted[:64]}`")
    return Answer(
        [
            {
                "id": one.id,
                "role": "Requestor",
                "timestamp": stamp(one.timestamp),
                **({"approvedDate": stamp(one.approved)} if one.approved else {}),
            }
            for one in call.network.market.agreements()
            if wanted is None or one.state == wanted
        ]
    )


def agreement(call: Call) -> Answer:
    """An agreement."""
    return Answer(call.network.market.document(call.names[0]))


def confirm(call: Call) -> Answer:
    """Sign an agreement."""
    market = call.network.market
    if market.agreement(call.names[0]).platform not in PLATFORMS:
        raise Refused(HTTPStatus.BAD_REQUEST, "Agreement has no `golem.com.payment.chosen-platform`")
    market.confirm(call.names[0], call.query.get("appSessionId"))
    return NOTHING


def wait(call: Call) -> Answer:
    """Wait for the decision of the provider."""
    call.network.market.wait(call.names[0], call.seconds())
    return NOTHING


def cancel(call: Call) -> Answer:
    """Take an agreement back before it is decided upon."""
    call.network.market.cancel(call.names[0])
    return NOTHING


def terminate(call: Call) -> Answer:
    """End an agreement."""
    call.network.market.terminate(call.names[0], _reason(call))
    return DONE


def agreement_events(call: Call) -> Answer:
    """What has happened to agreements."""
    after, session, most = call.after(), call.query.get("appSessionId"), call.most()
    market = call.network.market
    return Answer(call.network.world.wait(lambda: market.events(after, session, most), call.seconds()))


def _check_names(call: Call) -> None:
    """Refuse what cannot be a demand or a proposal; the daemon says so in JSON that it calls text."""
    for name, pattern in zip(call.names, _NAMES, strict=False):
        if not pattern.fullmatch(name):
            told = {"message": f"Path deserialize error: Id [{name[:128]}] has invalid format."}
            raise Refused(HTTPStatus.BAD_REQUEST, json.dumps(told), TEXT)


def _reason(call: Call) -> dict[str, Any]:
    """Why something ends: an object with a message for people."""
    if not call.body:
        raise Refused(HTTPStatus.BAD_REQUEST, "Content type error")
    given = call.json
    if not isinstance(given, dict) or not isinstance(given.get("message"), str):
        raise Malformed("missing field `message`")
    return given
