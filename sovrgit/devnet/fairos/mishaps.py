"""What the faults of the HTTP side do: before a call is looked at, and to its answer."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sovrgit.devnet.fairos.answers import Answer, Refused, failed
from sovrgit.devnet.fairos.causes import BAD_PASSWORD, OVERISSUED
from sovrgit.devnet.fairos.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sovrgit.devnet.fairos.call import Call


def before(call: Call, fault: Fault) -> None:
    """Let a fault happen that comes before anything else.

    Raises:
        Refused: if it is an answer.
    """
    match fault.kind:
        case Kind.SLOW:
            call.pause(1.0 if fault.amount is None else fault.amount)
        case Kind.ERROR:
            raise Refused(fault.status, fault.text)
        case Kind.POSTAGE:
            raise call.refused(OVERISSUED, fault.status)
        case Kind.MISSING:
            raise call.missing
        case Kind.BAD_LOGIN:
            raise call.refused(BAD_PASSWORD)
        case Kind.TOKEN_DEATH:
            call.sessions.forget_all()
        case Kind.RESET_UPLOAD:
            call.body.breaks_after = fault.much(0)
        case Kind.SESSION_DEATH:
            call.sessions.forget_sessions()


def changed(answer: Answer, faults: Sequence[Fault]) -> Answer:
    """The answer after faults."""
    for fault in faults:
        match fault.kind:
            case Kind.SHORT_BODY:
                answer = _shorter(answer, fault.much(1))
            case Kind.JSON_IN_BODY:
                answer = _with_error(answer, fault)
            case Kind.CUT_ERROR:
                error = failed(fault.status, fault.text, with_code=True)
                answer = replace(error, body=_bytes(error)[: fault.much(10)])
            case Kind.WRONG_BYTES:
                answer = _wrong(answer, fault.much(1))
            case Kind.TRICKLE:
                answer = replace(
                    answer, body=replace(answer.content, every=1.0 if fault.amount is None else fault.amount)
                )
            case Kind.RESET_DOWNLOAD:
                answer = _reset(answer, fault.much(0))
    return answer


def _bytes(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body


def _shorter(answer: Answer, missing: int) -> Answer:
    body = answer.content
    return replace(answer, body=replace(body, there=max(body.there - missing, 0), after=b""))


def _with_error(answer: Answer, fault: Fault) -> Answer:
    body = answer.content
    error = _bytes(failed(HTTPStatus.INTERNAL_SERVER_ERROR, fault.text, with_code=True))
    there = min(fault.much(0), body.there)
    return replace(answer, body=replace(body, there=there, after=error[: body.size - there]))


def _wrong(answer: Answer, count: int) -> Answer:
    body = answer.content
    return replace(answer, body=replace(body, before=bytes(byte ^ 0xFF for byte in body.start(count))))


def _reset(answer: Answer, there: int) -> Answer:
    body = answer.content
    return replace(answer, body=replace(body, there=min(there, body.there), after=b"", reset=True))
