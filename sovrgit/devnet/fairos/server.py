"""The stand-in itself: a port on loopback, a folder, and threads that answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from sovrgit.devnet.fairos.causes import Panic
from sovrgit.devnet.fairos.counts import Counts
from sovrgit.devnet.fairos.faults import Fault, Faults
from sovrgit.devnet.fairos.handler import Handler
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.sessions import Sessions
from sovrgit.devnet.listener import HOST, LoopbackServer


class StandIn:
    """A FairOS-DFS server on this machine. It serves from when it is made until it is closed.

    Attributes:
        url: its address, without a slash at the end.
        faults: what goes wrong; may be changed at any time.
        counts: calls and bytes so far.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        latency: float = 0.0,
        faults: Iterable[Fault] = (),
        cookie_domain: str = "localhost",
        clock: Callable[[], float] = time.time,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Take hold of the folder and the port.

        Args:
            folder: where the data is kept; it is made if there is none. One stand-in at a time serves it.
            port: 0 for one that the operating system chooses.
            latency: seconds that every call waits before it is looked at.
            cookie_domain: as `dfs server` has it. With `localhost`, clients that keep cookies send them back.
            clock: seconds since 1970.
            log: called with a line about every call. It says nothing that is secret.

        Raises:
            DevnetFailed: if the port is taken, or the folder served by another stand-in.
            ReadOnly, StorageFull, StorageFailure: if the folder cannot be used.
        """
        self.faults = Faults(faults)
        self.counts = Counts()
        self._network = Network(folder)
        self._sessions = Sessions(self._network, clock, cookie_domain)
        try:
            self._listener = Listener(port, self._network, self._sessions, self.faults, self.counts, latency, log)
        except BaseException:
            self._network.close()
            raise
        self.port: int = self._listener.server_address[1]
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._listener.serve, name="fairos stand-in", daemon=True)
        self._thread.start()
        self._closed = False

    @property
    def folder(self) -> Path:
        """Where the data is kept."""
        return self._network.folder

    @property
    def latency(self) -> float:
        """Seconds that every call waits before it is looked at."""
        return self._listener.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._listener.latency = seconds

    def forget_sessions(self) -> None:
        """End all sessions; tokens stay good, and calls fail with `user not logged-in`."""
        self._sessions.forget_sessions()

    def forget_tokens(self) -> None:
        """End all sessions and make all tokens invalid, as a restart does."""
        self._sessions.forget_all()

    def close(self) -> None:
        """Stop at once, with all connections. The data stays."""
        if self._closed:
            return
        self._closed = True
        self._listener.stop()
        self._thread.join()
        self._network.close()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Listener(LoopbackServer):
    """The port, and the connections to it."""

    def __init__(
        self,
        port: int,
        network: Network,
        sessions: Sessions,
        faults: Faults,
        counts: Counts,
        latency: float,
        log: Callable[[str], None] | None,
    ) -> None:
        self.network = network
        self.sessions = sessions
        self.faults = faults
        self.counts = counts
        self.latency = latency
        self._log = log
        super().__init__(port, Handler)

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Panic: when `stop` is called meanwhile: there is no answer any more.
        """
        if seconds > 0 and self.closing.wait(seconds):
            raise Panic("the stand-in is being closed")

    def finish(self, name: str, status: int, received: int, sent: int, seconds: float) -> None:
        """Count a call that has been answered, and tell of it. A status of 0 is that of no answer at all."""
        self.counts.add(name, received, sent)
        if self._log is not None:
            self._log(f"{name} {status or 'no answer'}, {received} B in, {sent} B out, {seconds * 1000:.1f} ms")
