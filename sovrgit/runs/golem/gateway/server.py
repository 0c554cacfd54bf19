"""The gateway itself: a port on loopback in front of the daemon, for one run."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from sovrgit.devnet.listener import HOST, LoopbackServer
from sovrgit.errors import StorageFailure
from sovrgit.runs.golem.calls.costs import running_cost
from sovrgit.runs.golem.calls.record import CallLog, Masks
from sovrgit.runs.golem.gateway.book import Book
from sovrgit.runs.golem.gateway.call import Call
from sovrgit.runs.golem.gateway.daemon import Daemon
from sovrgit.runs.golem.gateway.ending import Ending
from sovrgit.runs.golem.gateway.front import Handler, Reply, Request
from sovrgit.runs.golem.gateway.recovery import make_way
from sovrgit.runs.golem.gateway.rules import SUBNET_NAME, Rules
from sovrgit.runs.golem.gateway.upstream import Upstream
from sovrgit.runs.golem.limits import Limits, plain
from sovrgit.runs.golem.observed import CostChanged, LimitHit, Observed
from sovrgit.runs.golem.receipts import Receipts, receipts_of

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
            call_log: where every call is written, line by line. That of an earlier run is replaced, unless it left
                something open; `settle_from` ends that.
            tell: called with what is observed, from threads of the gateway, by one at a time. It must be quick and
                must not call the gateway. What it raises is raised again when the gateway is left.
            subnet: all demands are made in this one, whatever the script says.

        Raises:
            ValueError: if address, key or subnet have a wrong form.
            DevnetFailed: if there is no port to be had.
            ReadOnly, StorageFull, StorageFailure: if the log cannot be written, or must not be.
        """
        if subnet is not None and not SUBNET_NAME.fullmatch(subnet):
            raise ValueError("the name of a subnet has letters, digits, dots, dashes and underscores")
        self.key = secrets.token_hex(16)
        self.limits = limits
        self._stopped = ""
        self._closed = False
        self._upstream = Upstream(upstream, app_key)
        make_way(call_log)
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
        with self._changed:
            self._changed.notify_all()
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
        if kind is None and self._book.trouble is not None:
            raise self._book.trouble

    # --- calls of the script ------------------------------------------------------------------------------------

    def answer(self, request: Request, client: socket.socket) -> Reply:
        """Answer a request of the script.

        Raises:
            ClientGone: if it has gone.
        """
        call = Call(self._book, self._rules, self._upstream, self.key, request, self._daemon.number())
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
        while self._ending.end_work() and not self._over.wait(_TICK):
            pass
        with self._changed:
            # What was being opened at that moment must be ended as well.
            self._changed.wait_for(lambda: not self._opening or self._over.is_set())
        self._ending.end_work()


class Listener(LoopbackServer):
    """The port, and the connections to it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        super().__init__(0, Handler)

    def answer(self, request: Request, client: socket.socket) -> Reply:
        """Answer a request."""
        return self._gateway.answer(request, client)
