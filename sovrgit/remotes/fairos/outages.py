"""The errors of httpx, turned into ours. Their texts and requests, which hold secrets, are left behind."""

from __future__ import annotations

import socket
import ssl
from typing import TypeVar

from sovrgit.errors import RemoteUnavailable
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.address import DEFAULT
from sovrgit.remotes.fairos.lean import httpx
from sovrgit.remotes.fairos.timeouts import Timeouts
from sovrgit.remotes.fairos.wording import safe

_E = TypeVar("_E", bound=BaseException)


def outage(
    error: Exception, server: str, timeouts: Timeouts, patience: float, *, answered: bool = True
) -> RemoteUnavailable:
    """The error to raise, after the handler of this one is left, so that it does not become its context.

    Args:
        patience: seconds that an answer was waited for.
        answered: whether the server has answered before. One that never did, and refuses the connection, is not there:
            to try again for long would only keep people waiting.
    """
    if isinstance(error, httpx.ConnectError):
        refused = _unsafe(error, server) or _unknown_host(error, server)
        if refused is not None:
            return refused
        if not answered and isinstance(_below(error, OSError), ConnectionRefusedError):
            hint = "check its address, and that it runs"
            if server == DEFAULT:
                hint = "`sovr devnet start` runs one here to try things out; the setting `fairos.server` names another"
            return RemoteUnavailable(location=server, reason="no server is running there", hint=hint)
    advice: str | None = None
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        advice = "check that the server is running, and its address"
    return Transient(location=server, reason=_reason(error, timeouts, patience), hint=advice)


def _reason(error: Exception, timeouts: Timeouts, patience: float) -> str:
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {timeouts.connect:g} s"
        case httpx.ReadTimeout():
            return f"no answer within {patience:g} s"
        case httpx.WriteTimeout():
            return f"it took no data for {timeouts.write:g} s"
        case httpx.PoolTimeout():
            return f"no connection became free within {timeouts.pool:g} s"
        case httpx.ConnectError():
            system = _below(error, OSError)
            said = system.strerror if system is not None else None
            return safe(said or "no connection can be made").lower()
        case httpx.ProtocolError():
            return "its answer was cut off, or is not HTTP"
        case _:
            return "the connection was lost"


def _unsafe(error: Exception, server: str) -> RemoteUnavailable | None:
    cause = _below(error, ssl.SSLError)
    if cause is None:
        return None
    detail = getattr(cause, "verify_message", None) or cause.reason or "no secure connection"
    return RemoteUnavailable(
        location=server,
        reason=f"its certificate or encryption is not accepted ({safe(str(detail)).lower()})",
        hint="check the address; certificates are trusted as this system trusts them",
    )


def _unknown_host(error: Exception, server: str) -> RemoteUnavailable | None:
    cause = _below(error, socket.gaierror)
    if cause is None or cause.errno == socket.EAI_AGAIN:
        return None
    return RemoteUnavailable(location=server, reason="this host is not known", hint="check the address of the server")


def _below(error: BaseException, kind: type[_E]) -> _E | None:
    """The first of this kind among an error's causes and contexts."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found
