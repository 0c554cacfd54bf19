"""A requestor behind a gateway, and daemons of every kind that are none, for tests of the gateway."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from golem_lab import MARKET, PAYMENT, Requestor

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.faults import Fault
from sovrgit.runs.golem.gateway import Gateway
from sovrgit.runs.golem.limits import Limits, platform_of
from sovrgit.runs.golem.observed import Observed

HOODI = platform_of("hoodi")


def limits(budget: str = "2", **others: Any) -> Limits:
    """What may be spent: on hoodi, at any price that the stand-in's providers ask for."""
    return Limits(frozenset({HOODI}), Decimal(budget), **others)


class Front(Requestor):
    """A requestor who knows the gateway, and nothing of the daemon.

    Attributes:
        told: what the gateway has told.
        golem_itself: the stand-in behind it.
    """

    def __init__(self, golem: GolemStandIn, gateway: Gateway, log: Path, told: list[Observed]) -> None:
        self.gateway = gateway
        self.log = log
        self.told = told
        self.golem_itself = golem
        super().__init__(SimpleNamespace(url=gateway.url), gateway.key)  # type: ignore[arg-type]

    def lines(self) -> list[Any]:
        """The call log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def work(self) -> tuple[str, str]:
        """An agreement, and an activity that is ready."""
        agreement = self.agree()
        return agreement, self.activity(agreement)

    def fault_past(self, **fault: Any) -> None:
        """Set a fault, past the gateway, which does not let scripts do so."""
        self.golem_itself.faults.add(Fault.of(fault))

    def accept(self, kind: str, bill: Any, allocation: str, total: str | None = None, status: int | None = None) -> Any:
        due = bill["amount"] if kind == "invoice" else bill["totalAmountDue"]
        body = {"totalAmountAccepted": total or due, "allocationId": allocation}
        return self.post(f"{PAYMENT}/{kind}s/{bill[f'{kind}Id']}/accept", body, status)


@contextlib.contextmanager
def front(golem: GolemStandIn, log: Path, given: Limits | None = None, **others: Any) -> Iterator[Front]:
    """A gateway before a stand-in, and somebody who uses it."""
    told: list[Observed] = []
    key = golem.variables["YAGNA_APPKEY"]
    with Gateway(golem.url, key, given or limits(), log, told.append, **others) as gateway:
        person = Front(golem, gateway, log, told)
        try:
            yield person
        finally:
            person.http.close()


def left_open(golem: GolemStandIn) -> dict[str, int]:
    """What is open at the stand-in, asked for past every gateway."""
    direct = Requestor(golem)
    try:
        return {
            "demands": len(direct.get(f"{MARKET}/demands")),
            "allocations": len(direct.get(f"{PAYMENT}/allocations")),
            "agreements": sum(
                len(direct.get(f"{MARKET}/agreements?state={state}")) for state in ("Pending", "Approved")
            ),
        }
    finally:
        direct.http.close()


NOTHING_OPEN = {"demands": 0, "allocations": 0, "agreements": 0}


class RawDaemon:
    """Answers every request with the bytes that it was given, whatever they are.

    Attributes:
        requests: what came, as it came.
        gone: set when a connection was closed by the other side.
    """

    def __init__(self, *answers: bytes, hold: bool = False) -> None:
        """Each answer is for one connection, the last one for all further ones. `hold` keeps connections open."""
        self.requests: list[bytes] = []
        self.arrived = threading.Event()
        self.gone = threading.Event()
        self._answers = list(answers)
        self._hold = hold
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def __enter__(self) -> RawDaemon:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        self.requests.append(head)
        self.arrived.set()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        with contextlib.suppress(OSError):
            connection.sendall(answer)
            while self._hold and connection.recv(65536):
                pass
        self.gone.set()


def said(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """An answer, framed as it should be."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def spoken(url: str, request: bytes, timeout: float = 10) -> bytes:
    """What is answered to bytes, until the other side closes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(request)
        made = b""
        while piece := connection.recv(65536):
            made += piece
        return made
