"""The calls that FairOS does not have: setting faults, and reading counts, of a stand-in in another process.

    GET    /_devnet/faults    the faults that may still hit a call
    POST   /_devnet/faults    set one more: {"kind": "short-body", "call": "/public-file", "times": 3}
    DELETE /_devnet/faults    let everything go well
    GET    /_devnet/counts    calls and bytes by call
    DELETE /_devnet/counts    count from nought

Anybody on this machine may do this, but no web page: those can send neither a body of the type that is asked for nor
DELETE.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING

from sovrgit.devnet.body import BadBody, Body
from sovrgit.devnet.fairos.answers import Answer, failed, told
from sovrgit.devnet.fairos.faults import Fault

if TYPE_CHECKING:
    from sovrgit.devnet.fairos.server import Listener

PATH = "/_devnet/"
_LONGEST = 1 << 16


def answer(server: Listener, method: str, path: str, headers: Message, body: Body) -> Answer:
    """Answer a call to the stand-in itself."""
    match method, path.removeprefix(PATH):
        case "GET", "faults":
            pass
        case "POST", "faults":
            if headers.get("Content-Type") != "application/json":
                return failed(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is JSON and says so")
            try:
                given = json.loads(body.whole(_LONGEST))
                if not isinstance(given, dict):
                    raise ValueError("a fault is an object")
                server.faults.add(Fault.of(given))
            except (ValueError, RecursionError, BadBody) as error:
                return failed(HTTPStatus.BAD_REQUEST, str(error))
        case "DELETE", "faults":
            server.faults.clear()
        case "GET", "counts":
            return _counts(server)
        case "DELETE", "counts":
            server.counts.clear()
            return _counts(server)
        case _:
            return failed(HTTPStatus.NOT_FOUND, "no such call")
    return told({"faults": [asdict(fault) for fault in server.faults.left()]})


def _counts(server: Listener) -> Answer:
    return told({"counts": {name: count._asdict() for name, count in sorted(server.counts.all().items())}})
