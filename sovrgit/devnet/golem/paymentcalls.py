"""The calls of the payment API."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from sovrgit.devnet.golem.call import Answer, Call, wrong_query
from sovrgit.devnet.golem.providers import PLATFORMS
from sovrgit.devnet.golem.world import Refused


def allocate(call: Call) -> Answer:
    """Set money aside."""
    return Answer(call.network.ledger.allocate(call.json).document(), HTTPStatus.CREATED)


def allocations(call: Call) -> Answer:
    """What is set aside."""
    return Answer([one.document() for one in call.network.ledger.allocations()])


def allocation(call: Call) -> Answer:
    """One of them."""
    return Answer(call.network.ledger.allocation(call.names[0]).document())


def amend(call: Call) -> Answer:
    """Change one of them."""
    return Answer(call.network.ledger.amend(call.names[0], call.json).document())


def release(call: Call) -> Answer:
    """Give back what is left of one of them."""
    call.network.ledger.release(call.names[0])
    return Answer()


def decorations(call: Call) -> Answer:
    """What a demand says so that it can be paid."""
    if "allocationIds" not in call.query:
        raise wrong_query("missing field `allocationIds`")
    wanted = [one for one in call.query["allocationIds"].split(",") if one]
    return Answer(call.network.ledger.decorations(wanted))


def accounts(call: Call) -> Answer:
    """Where there is money."""
    owner = call.network.home.identity.node_id
    told = []
    for platform in PLATFORMS:
        driver, network, token = platform.split("-")
        told.append(
            {
                "platform": platform,
                "address": owner,
                "driver": driver,
                "network": network,
                # Elsewhere in small letters, here as the token is written.
                "token": token.replace("glm", "GLM"),
                "send": True,
                "receive": False,
            }
        )
    return Answer(told)


def payments(call: Call) -> Answer:
    """What has been paid."""
    return Answer(call.network.ledger.payments())


def payment(call: Call) -> Answer:
    """One of these."""
    found = next((one for one in call.network.ledger.payments() if one["paymentId"] == call.names[0]), None)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, None)
    return Answer(found)


def all_of(kind: str) -> Callable[[Call], Answer]:
    """The call that lists debit notes or invoices."""
    return lambda call: Answer([one.document() for one in call.network.ledger.bills(kind)])


def one_of(kind: str) -> Callable[[Call], Answer]:
    """The call that tells of one of them."""
    return lambda call: Answer(call.network.ledger.bill(kind, call.names[0]).document())


def payments_of(kind: str) -> Callable[[Call], Answer]:
    """The call that tells what has been paid of one of them."""

    def answer(call: Call) -> Answer:
        wanted = call.network.ledger.bill(kind, call.names[0]).payments
        return Answer([one for one in call.network.ledger.payments() if one["paymentId"] in wanted])

    return answer


def accept(kind: str) -> Callable[[Call], Answer]:
    """The call that accepts one of them."""

    def answer(call: Call) -> Answer:
        call.network.ledger.accept(kind, call.names[0], call.json)
        return Answer()

    return answer


def reject(kind: str) -> Callable[[Call], Answer]:
    """The call that rejects one of them."""

    def answer(call: Call) -> Answer:
        call.network.ledger.reject(kind, call.names[0])
        return Answer()

    return answer


def events_of(kind: str) -> Callable[[Call], Answer]:
    """The call that tells what has happened to them."""

    def answer(call: Call) -> Answer:
        after, most, ledger = call.after(), call.most(), call.network.ledger

        def found() -> list[dict[str, Any]]:
            return ledger.events(kind, after, most)

        return Answer(call.network.world.wait(found, call.seconds()))

    return answer
