"""The calls about identity, version, network and images, and those that are the stand-in's own."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sovrgit.devnet.golem.call import NOTHING, Answer, Call
from sovrgit.devnet.golem.faults import Fault
from sovrgit.devnet.golem.images import HASH, hash_of_tag
from sovrgit.devnet.golem.world import Refused

VERSION = "0.17.6"
"""The version of the daemon whose answers these are."""


def me(call: Call) -> Answer:
    """Who the owner of the app-key is."""
    return Answer({"identity": call.network.home.identity.node_id, "name": "sovr-devnet", "role": "manager"})


def version(call: Call) -> Answer:
    """The version of the daemon."""
    current = {
        "version": VERSION,
        "name": "sovr devnet",
        "seen": True,
        "releaseTs": "2025-10-01T00:00:00",
        "insertionTs": "2025-10-01T00:00:00",
        "updateTs": "2025-10-01T00:00:00",
    }
    return Answer({"current": current, "pending": None})


def networks(call: Call) -> Answer:
    """The private networks: none."""
    return Answer([])


def no_networks(call: Call) -> Answer:
    """Refuse to make one: no provider here offers `vpn`."""
    raise Refused(HTTPStatus.NOT_IMPLEMENTED, "the providers of this devnet have no private networks")


def image(call: Call) -> Answer:
    """What the registry of images knows of one, by its hash or its tag. Here, it knows all of them."""
    wanted, tag = call.query.get("hash"), call.query.get("tag")
    if wanted is None and tag is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "hash or tag is missing")
    found = call.network.images.find(wanted if wanted is not None else str(tag))
    wanted = found.sha3 if found is not None else wanted or hash_of_tag(str(tag))
    if not HASH.fullmatch(wanted):
        raise Refused(HTTPStatus.BAD_REQUEST, "not the SHA3-224 of an image")
    url = f"{call.url}/images/{wanted}"
    return Answer({"sha3": wanted, "size": found.size if found is not None else 0, "http": url, "https": url})


def image_itself(call: Call) -> Answer:
    """An image: nothing of it, as providers here have them already. Clients ask whether it is there."""
    return Answer({"image": call.names[0]})


def list_faults(call: Call) -> Answer:
    """The faults that may still hit."""
    return Answer(_faults(call))


def add_faults(call: Call) -> Answer:
    """Set a fault, or several."""
    given = call.json
    try:
        call.network.faults.add(*(Fault.of(one) for one in (given if isinstance(given, list) else [given])))
    except (ValueError, AttributeError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
    return Answer(_faults(call), HTTPStatus.CREATED)


def clear_faults(call: Call) -> Answer:
    """Let everything go well from now on."""
    call.network.faults.clear()
    return NOTHING


def _faults(call: Call) -> list[dict[str, Any]]:
    return [
        {"kind": one.kind, "provider": one.provider, "first": one.first, "times": one.times, "amount": one.amount}
        for one in call.network.faults.left()
    ]
