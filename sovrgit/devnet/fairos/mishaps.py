"""What the faults of the HTTP side do: before a call is looked at, and to its answer."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sovrgit.devnet.fairos.answers import Answer, Content, Refused, failed
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


def changed(answer: Answer, faults: Sequence[Fault]) -> tuple[Answer, int | None]:
    """The answer after faults, and after how many bytes of its body the connection is reset, if it is."""
    reset: int | None = None
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
            case Kind.RESET_DOWNLOAD:
                reset = fault.much(0)
    return answer, reset


def _bytes(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body


def _shorter(answer: Answer, missing: int) -> Answer:
    body = _content(answer)
    return replace(answer, body=replace(body, there=max(body.there - missing, 0), after=b""))


def _with_error(answer: Answer, fault: Fault) -> Answer:
    body = _content(answer)
    error = _bytes(failed(HTTPStatus.INTERNAL_SERVER_ERROR, fault.text, with_code=True))
    there = min(fault.much(0), body.there)
    return replace(answer, body=replace(body, there=there, after=error[: body.size - there]))


def _wrong(answer: Answer, count: int) -> Answer:
    body = _content(answer)
    return replace(answer, body=replace(body, before=bytes(byte ^ 0xFF for byte in body.start(count))))


def _content(answer: Answer) -> Content:
    body = answer.body
    return body if isinstance(body, Content) else Content(body, len(body), len(body))
