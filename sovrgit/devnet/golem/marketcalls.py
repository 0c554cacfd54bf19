"""The calls of the market API."""

from __future__ import annotations

from http import HTTPStatus

from sovrgit.devnet.golem.call import NOTHING, Answer, Call
from sovrgit.devnet.golem.providers import PLATFORMS
from sovrgit.devnet.golem.world import Refused, stamp

_APPROVAL = 5.0


def subscribe(call: Call) -> Answer:
    """Publish a demand."""
    return Answer(call.network.market.subscribe(call.json), HTTPStatus.CREATED)


def demands(call: Call) -> Answer:
    """The demands that there are."""
    return Answer(call.network.market.demands())


def unsubscribe(call: Call) -> Answer:
    """Take a demand back."""
    call.network.market.unsubscribe(call.names[0])
    return NOTHING


def events(call: Call) -> Answer:
    """What has happened to a demand."""
    return Answer(call.network.market.collect(call.names[0], call.seconds(), call.most(10)))


def proposal(call: Call) -> Answer:
    """A proposal."""
    return Answer(call.network.market.proposal(*call.names))


def counter(call: Call) -> Answer:
    """Answer a proposal with another one."""
    return Answer(call.network.market.counter(call.names[0], call.names[1], call.json))


def reject(call: Call) -> Answer:
    """End a negotiation."""
    call.network.market.reject(*call.names)
    return NOTHING


def create(call: Call) -> Answer:
    """Make an agreement."""
    return Answer(call.network.market.create(call.json), HTTPStatus.CREATED)


def agreements(call: Call) -> Answer:
    """The agreements that are remembered, in short."""
    wanted = call.query.get("state")
    return Answer(
        [
            {
                "id": one.id,
                "state": one.state,
                "role": "Requestor",
                "timestamp": stamp(one.timestamp),
                **({"approvedDate": stamp(one.approved)} if one.approved else {}),
            }
            for one in call.network.market.agreements()
            if wanted is None or one.state.lower() == wanted.lower()
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
    call.network.market.terminate(call.names[0])
    return Answer()


def agreement_events(call: Call) -> Answer:
    """What has happened to agreements."""
    after, session, most = call.after(), call.query.get("appSessionId"), call.most()
    market = call.network.market
    return Answer(call.network.world.wait(lambda: market.events(after, session, most), call.seconds()))
