"""Requests to one server, and its answers: httpx, and what it must not do here.

No cookies: a server takes its user from the cookie before it looks at the token. No redirects, no proxies or passwords
from the environment or `.netrc`. No log of addresses: those of public reads hold a reference, and httpx logs them, so
the loggers of httpx and httpcore are raised to `WARNING` when the first server is talked to, for the whole process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, NamedTuple

from sovrgit import __version__
from sovrgit.errors import RemoteUnavailable
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.lean import httpx
from sovrgit.remotes.fairos.outages import outage
from sovrgit.remotes.fairos.pace import Pace, TooSlow
from sovrgit.remotes.fairos.timeouts import Timeouts
from sovrgit.remotes.tls import tls_context

if TYPE_CHECKING:
    pass

CONNECTIONS = 8
"""At once. A server works on as many blocks at a time as it has processors."""

LARGEST_ANSWER = 16 << 20
"""Bytes of an answer that is not a file: the names of 65,534 pods, which is all that a user can have, are 9 MiB."""

_LOUD = ("httpx", "httpcore")
_log = logging.getLogger(__name__)


class Body(NamedTuple):
    """The content of a request, made anew for every attempt."""

    content_type: str
    length: int
    pieces: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request. What it says is not shown: there are secrets among it.

    Attributes:
        transfer: whether a file goes one way or the other, which takes its time.
        repeatable: whether it may be sent again, whatever became of the first one.
        patience: seconds to wait for the answer, if not as long as always.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = field(default=None, repr=False)
    transfer: bool = False
    repeatable: bool = True
    patience: float | None = None


class Sink:
    """Where the content of a file goes, as far as `limit` bytes.

    Args:
        write: takes the pieces; what it raises ends the download and is raised by it.
        advance: told of bytes received.
    """

    def __init__(self, limit: int, write: Callable[[bytes], object], advance: Callable[[int], None]) -> None:
        self.limit = limit
        self.taken = 0
        self.cut = False
        """Whether there was more."""
        self._write = write
        self._advance = advance

    def take(self, pieces: Iterator[bytes]) -> None:
        """Take pieces as far as the limit, and no more from the network once there is too much."""
        for piece in pieces:
            fitting = piece[: self.limit - self.taken]
            if fitting:
                self._write(fitting)
                self.taken += len(fitting)
                self._advance(len(fitting))
            if len(fitting) < len(piece):
                self.cut = True
                return


class Answer(NamedTuple):
    """A status, and the body unless it went into a sink. `elsewhere` is where a redirect leads."""

    status: int
    body: bytes
    elsewhere: str

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Wire:
    """The connections to a server. May be used by several threads at once."""

    def __init__(self, address: ServerAddress, timeouts: Timeouts, transport: httpx.BaseTransport | None) -> None:
        for name in _LOUD:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.WARNING))
        self.address = address
        self._server = str(address)
        self._timeouts = timeouts
        self._answered = False
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._client = httpx.Client(
            base_url=self._server,
            verify=tls_context(str(address)),
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            # Compressed answers would have no length to be held to, and could grow without bounds.
            headers={"User-Agent": f"sovr/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    def send(self, call: Call, token: str | None = None, sink: Sink | None = None) -> Answer:
        """Send a request; the answer, whatever its status. The body of a 200 goes into the sink, if there is one.

        Raises:
            Transient: if the connection or the answer broke off, took too long, or went on too slowly.
            RemoteUnavailable: if there is no such server, or its certificate is not trusted.
        """
        patience = call.patience or (self._timeouts.transfer if call.transfer else self._timeouts.answer)
        try:
            with self._free:
                _log.debug("%s %s", call.method, call.path)
                response = self._client.send(self._request(call, token, patience), stream=True)
                self._answered = True
                try:
                    answer = self._answer(response, sink, patience)
                finally:
                    response.close()
            _log.debug("%s %s: %d", call.method, call.path, answer.status)
            return answer
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            failure = outage(error, self._server, self._timeouts, patience, answered=self._answered)
        except TooSlow:
            reason = f"less than {self._timeouts.least} bytes went over the connection in {patience:g} s"
            failure = Transient(location=self._server, reason=reason)
        # Out here, so that httpx's error, which holds the request, does not come along as the context of ours.
        _log.debug("%s %s: %s", call.method, call.path, failure.message)
        raise failure

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, call: Call, token: str | None, patience: float) -> httpx.Request:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        content: Iterable[bytes] | None = None
        if call.body is not None:
            headers["Content-Type"] = call.body.content_type
            headers["Content-Length"] = str(call.body.length)
            content = self._pace(patience).sent(call.body.pieces())
        timeouts = self._timeouts
        return self._client.build_request(
            call.method,
            call.path,
            params=call.query or None,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(patience, connect=timeouts.connect, write=timeouts.write, pool=timeouts.pool),
        )

    def _pace(self, patience: float) -> Pace:
        return Pace(patience, self._timeouts.least)

    def _answer(self, response: httpx.Response, sink: Sink | None, patience: float) -> Answer:
        announced = response.headers.get("Content-Length", "")
        elsewhere = response.headers.get("Location", "")
        pieces = self._pace(patience).received(response.iter_raw())
        if sink is not None and response.status_code == httpx.codes.OK:
            sink.take(pieces)
            self._check_length(sink.taken, announced, cut=sink.cut)
            return Answer(response.status_code, b"", elsewhere)
        body = bytearray()
        kept = Sink(LARGEST_ANSWER, body.extend, lambda _: None)
        kept.take(pieces)
        if kept.cut:
            raise RemoteUnavailable(location=self._server, reason="its answer is far too long", hint="")
        self._check_length(kept.taken, announced, cut=False)
        return Answer(response.status_code, bytes(body), elsewhere)

    def _check_length(self, taken: int, announced: str, *, cut: bool) -> None:
        if not cut and announced.isdecimal() and taken < int(announced):
            raise Transient(location=self._server, reason=f"its answer was cut off after {taken} of {announced} bytes")
