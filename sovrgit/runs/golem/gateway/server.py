"""The gateway itself: a port on loopback in front of the daemon, for one run."""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from sovrgit.devnet.listener import HOST, LoopbackServer
from sovrgit.errors import StorageFailure
from sovrgit.runs.golem.gateway import routes
from sovrgit.runs.golem.gateway.book import Book, parsed
from sovrgit.runs.golem.gateway.daemon import Daemon, close_stream
from sovrgit.runs.golem.gateway.ending import Ending
from sovrgit.runs.golem.gateway.events import EventReader
from sovrgit.runs.golem.gateway.front import Handler, Reply, Request
from sovrgit.runs.golem.gateway.record import CallLog, Masks, read_calls
from sovrgit.runs.golem.gateway.routes import Found
from sovrgit.runs.golem.gateway.rules import SUBNET_NAME, Refused, Rules
from sovrgit.runs.golem.gateway.seen import Seen
from sovrgit.runs.golem.gateway.story import running_cost, take
from sovrgit.runs.golem.gateway.upstream import Answer, ClientGone, Unreachable, Upstream
from sovrgit.runs.golem.gateway.values import id_of, mapping
from sovrgit.runs.golem.limits import Limits, plain
from sovrgit.runs.golem.observed import CostChanged, LimitHit, Observed
from sovrgit.runs.golem.receipts import Receipts, receipts_of

PATIENCE = 180.0
"""Seconds to wait for an answer of the daemon: longer than any long poll that SDKs ask for."""

_TICK = 1.0
"""Seconds between two looks at the running cost."""

_ABOUT = 5.0
"""Seconds to wait for the daemon to say who it is, at the start."""

_ENDED = "the run is being ended: nothing new can be opened"


class Gateway:
    """A recording reverse proxy and spend firewall. It serves from when it is made until it is closed.

    Attributes:
        url: its address, without a slash at the end: `YAGNA_API_URL` of the script.
        key: what the script must know: `YAGNA_APPKEY`. The daemon's own key stays here.
    """

    def __init__(
        self,
        upstream: str,
        app_key: str,
        limits: Limits,
        call_log: Path,
        tell: Callable[[Observed], None],
        *,
        subnet: str | None = None,
    ) -> None:
        """Take hold of a port and of the log.

        Args:
            upstream: the daemon's address, such as `http://127.0.0.1:7465`.
            app_key: the daemon's; secret.
            call_log: where every call is written, line by line; it is added to.
            tell: called with what is observed, from threads of the gateway, by one at a time.
            subnet: all demands are made in this one, whatever the script says.

        Raises:
            ValueError: if address, key or subnet have a wrong form.
            DevnetFailed: if there is no port to be had.
            ReadOnly, StorageFull, StorageFailure: if the log cannot be written.
        """
        if subnet is not None and not SUBNET_NAME.fullmatch(subnet):
            raise ValueError("the name of a subnet has letters, digits, dots, dashes and underscores")
        self.key = secrets.token_hex(16)
        self.limits = limits
        self._stopped = ""
        self._closed = False
        self._upstream = Upstream(upstream, app_key)
        self._log = CallLog(call_log)
        try:
            self._book = Book(self._log, Masks(app_key, self.key), tell)
            self._daemon = Daemon(self._upstream, self._book)
            self._rules = Rules(limits, self._book, self._daemon.ask, subnet)
            self._ending = Ending(self._book, self._daemon)
            self._book.first(
                {
                    "platforms": sorted(limits.platforms),
                    "budget": plain(limits.budget),
                    "seconds": int(limits.seconds),
                    "subnet": subnet or "",
                }
            )
            self._listener = Listener(self)
        except OSError as error:
            self._log.close()
            raise StorageFailure(path=call_log, reason=error.strerror or str(error)) from error
        except BaseException:
            self._log.close()
            raise
        self.url = f"http://{HOST}:{self._listener.server_port}"
        self._opening = 0
        self._changed = threading.Condition(self._book.lock)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"golem gateway: {name}", daemon=True)
            for name, work in (("port", self._listener.serve), ("cost", self._watch_cost))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def stopped(self) -> str:
        """Why a limit has stopped the run; empty if none has."""
        return self._stopped

    def receipts(self) -> Receipts:
        """What the record of the run says, as far as it is known."""
        with self._book.lock:
            return receipts_of(self._book.seen)

    def settle(self, patience: float) -> tuple[str, ...]:
        """End what the script left open, within `patience` seconds, and let nothing new be opened.

        Returns:
            What could not be ended, in words.
        """
        deadline = time.monotonic() + patience
        self._rules.closed = self._rules.closed or _ENDED
        with self._changed:
            # What is being opened at this moment must be known before it can be ended.
            self._changed.wait_for(lambda: not self._opening, max(patience, 0))
        left = self._ending.settle(max(deadline - time.monotonic(), 0))
        self._book.sync()
        return left

    def close(self) -> None:
        """Stop serving. What is open stays so; `settle` ends it."""
        if self._closed:
            return
        self._closed = True
        self._over.set()
        self._listener.stop()
        for thread in self._threads:
            thread.join()
        self._upstream.close()
        self._log.close()

    def __enter__(self) -> Gateway:
        # For the record, and so that an address that does not answer is seen at the start of the log.
        self._daemon.ask("GET", "/version/get", patience=_ABOUT)
        self._daemon.ask("GET", "/me", patience=_ABOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- calls of the script ------------------------------------------------------------------------------------

    def answer(self, request: Request, client: socket.socket) -> Reply:
        """Answer a request of the script.

        Raises:
            ClientGone: if it has gone.
        """
        call = _Call(self, request, self._daemon.number())
        if call.found is None or not call.found.route.opens:
            return call.answer(client)
        with self._changed:
            self._opening += 1
        try:
            return call.answer(None)
        finally:
            with self._changed:
                self._opening -= 1
                self._changed.notify_all()

    # --- the running cost ---------------------------------------------------------------------------------------

    def _watch_cost(self) -> None:
        """Look at what everything comes to, until that passes the budget."""
        last: tuple[Decimal, Decimal] | None = None
        pause = _TICK
        while not self._over.wait(pause):
            with self._book.lock:
                now = time.time_ns()
                accepted, running = self._book.seen.accepted(), running_cost(self._book.seen, now)
            if (accepted, running) != (last or (Decimal(0), Decimal(0))):
                last = accepted, running
                self._book.say(CostChanged(now, accepted, running))
            if running > self.limits.budget:
                spent = f"{plain(round(running, 9))} of {plain(self.limits.budget)}"
                self._stop(f"what the run costs has passed the budget: {spent}")
                return

    def _stop(self, reason: str) -> None:
        """Let nothing new be opened, and end what costs."""
        self._stopped = self._rules.closed = reason
        self._book.say(LimitHit(time.time_ns(), reason))
        with self._changed:
            self._changed.wait_for(lambda: not self._opening or self._over.is_set(), PATIENCE)
        self._ending.end_work()


class Listener(LoopbackServer):
    """The port, and the connections to it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        super().__init__(0, Handler)

    def answer(self, request: Request, client: socket.socket) -> Reply:
        """Answer a request."""
        return self._gateway.answer(request, client)


class _Call:
    """One call of the script, from its request to the line in the log."""

    def __init__(self, gateway: Gateway, request: Request, number: int) -> None:
        self._gateway = gateway
        self._book = gateway._book
        self._rules = gateway._rules
        self._request = request
        self._number = number
        self._began = time.monotonic_ns()
        self._target = request.path + (f"?{request.query}" if request.query else "")
        self._clean = routes.is_clean(request.path, request.query)
        self.found: Found | None = routes.find(request.method, request.path) if self._clean else None
        self._document: Any = None

    def answer(self, client: socket.socket | None) -> Reply:
        try:
            body = self._checked()
        except Refused as refused:
            return self._refuse(refused.status, refused.reason)
        except OSError as error:
            return self._refuse(507, f"the call log cannot be written: {error.strerror or error}")
        try:
            found = self._gateway._upstream.exchange(
                self._request.method,
                self._target,
                body,
                patience=PATIENCE,
                follow=self._request.follows,
                key=not self._is_open(),
                client=client,
            )
        except Unreachable as error:
            self._done(502, {"message": str(error)}, refused=not error.sent)
            return Reply.says(502, str(error))
        except ClientGone:
            self._done(499, {"message": "the client has gone"})
            raise
        return self._reply(found)

    def _is_open(self) -> bool:
        return self.found is not None and self.found.name == "version"

    def _checked(self) -> bytes:
        """The body to send, if the call may be made at all."""
        request = self._request
        if not self._clean:
            raise Refused("this path is not passed on: it is written in an unusual way", 400)
        known = hmac.compare_digest(request.key.encode(), self._gateway.key.encode())
        if not known and not self._is_open():
            raise Refused("Invalid application key: the gateway has one of its own, see YAGNA_APPKEY", 401)
        if self.found is None:
            objection = routes.objection(request.method, request.path)
            if objection:
                raise Refused(f"{request.method} {request.path} is not let through: {objection}")
            self._document = parsed(request.body)
            return request.body
        if request.body:
            try:
                self._document = json.loads(request.body)
                sent = json.dumps(self._document, allow_nan=False).encode()
            except (ValueError, RecursionError):
                raise Refused("the body is not JSON", 400) from None
        document = self._rules.check(self._number, self.found, self._document)
        if self.found.route.opens:
            self._book.begun(self._number, request.method, self._target, document)
        if document is self._document:
            return sent if request.body else b""
        self._document = document
        return json.dumps(document, allow_nan=False).encode()

    def _refuse(self, status: int, reason: str) -> Reply:
        try:
            self._done(status, {"message": reason}, refused=True)
        except OSError:
            # The log is full or gone; the answer says no all the same.
            pass
        return Reply.says(status, reason)

    def _reply(self, answer: Answer) -> Reply:
        if answer.stream is not None:
            if not self._request.follows:
                close_stream(answer.stream)
                self._done(502, {"message": "events that nobody has asked for"})
                return Reply.says(502, "the daemon answers with events that nobody has asked for")
            return Reply(answer.status, answer.kind, stream=self._followed(answer))
        said = parsed(answer.body)
        if (
            self.found is not None
            and self.found.route.opens
            and 200 <= answer.status < 300
            and not self._makes_sense(said)
        ):
            self._done(502, said)
            return Reply.says(502, "the daemon's answer makes no sense: there is no id in it")
        self._done(answer.status, said)
        return Reply(answer.status, answer.kind or "application/json", answer.body)

    def _makes_sense(self, said: Any) -> bool:
        """Whether there is an id in the answer to a call that opens something: what has none could not be ended."""
        assert self.found is not None
        if self.found.name == "agreement.confirm":
            return True
        return bool(id_of(said) or id_of(mapping(said).get("allocationId")) or id_of(mapping(said).get("activityId")))

    def _followed(self, answer: Answer) -> Iterator[bytes]:
        """The events as they come, each of which is written down."""
        reader = EventReader()
        assert answer.stream is not None
        count, status = 0, answer.status
        try:
            for piece in answer.stream:
                for event in reader.feed(piece):
                    self._book.event(self._number, self._target, event)
                    count += 1
                yield piece
        except Unreachable:
            status = 502
            raise
        finally:
            close_stream(answer.stream)
            self._done(status, {"events": count})

    def _done(self, status: int, said: Any, *, refused: bool = False) -> None:
        self._book.answered(
            self._number,
            self._began,
            self._request.method,
            self._target,
            self.found,
            status,
            self._document,
            said,
            refused=refused,
            then=lambda: self._rules.settled(self._number, known=refused or status < 500),
        )


def settle_from(call_log: Path, upstream: str, app_key: str, patience: float = 30.0) -> tuple[str, ...]:
    """End what the log of a gateway says is open, after that gateway was killed. Can be repeated.

    Args:
        patience: seconds after which it is given up.

    Returns:
        What could not be ended, in words.

    Raises:
        ValueError: if address or key have a wrong form.
        ReadOnly, StorageFull, StorageFailure: if the log cannot be read, or added to.
    """
    seen = Seen()
    last = 0
    for line in read_calls(call_log):
        take(seen, line)
        number = line.get("call")
        last = max(last, number) if isinstance(number, int) else last
    if seen.is_clean():
        return ()
    daemon = Upstream(upstream, app_key)
    log = CallLog(call_log)
    try:
        book = Book(log, Masks(app_key), lambda news: None, seen)
        left = Ending(book, Daemon(daemon, book, last + 1)).settle(patience)
        book.sync()
        return left
    finally:
        daemon.close()
        log.close()
