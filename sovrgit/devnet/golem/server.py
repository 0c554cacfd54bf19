"""The stand-in itself: a port on loopback, a folder, and threads that answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

from sovrgit.devnet.golem.faults import Fault, Faults
from sovrgit.devnet.golem.handler import Handler
from sovrgit.devnet.golem.home import Home
from sovrgit.devnet.golem.network import Network
from sovrgit.devnet.listener import HOST, LoopbackServer

PROVIDERS = 4
MOST_PROVIDERS = 64


class GolemStandIn:
    """A daemon of the Golem network on this machine, with providers. It serves from when it is made until it is closed.

    Attributes:
        url: its address, without a slash at the end.
        faults: what goes wrong; may be changed at any time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        providers: int = PROVIDERS,
        faults: Iterable[Fault] = (),
        namespaces: bool = True,
        images: Mapping[str, Path] | None = None,
        clock: Callable[[], float] = time.time,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Take hold of the folder and the port.

        Args:
            folder: where keys and volumes are kept; it is made if there is none. One stand-in at a time serves it.
            port: 0 for one that the operating system chooses.
            providers: how many there are, up to `MOST_PROVIDERS`.
            namespaces: whether commands are kept apart from this machine, if this machine allows it.
            images: what images are: folders and GVMI files by the SHA3-224 or the tag that scripts ask for. All others
                are a view of this machine.
            clock: seconds since 1970.
            log: called with a line about every call. It says nothing that is secret.

        Raises:
            DevnetFailed: if the port is taken, the folder served by another stand-in, or an image cannot be used.
            ReadOnly, StorageFull, StorageFailure: if the folder cannot be used.
        """
        if not 1 <= providers <= MOST_PROVIDERS:
            raise ValueError(f"there can be 1 to {MOST_PROVIDERS} providers")
        self._home = Home(folder)
        self._closed = False
        try:
            self._network = Network(self._home, providers, faults, namespaces, images or {}, clock)
        except BaseException:
            self._home.close()
            raise
        try:
            self._listener = Listener(port, self._network, log)
            self.port: int = self._listener.server_address[1]
            self.url = self._listener.url
            self._home.write_environment(
                self.url,
                {
                    "sandbox": self.sandbox,
                    "reason": self.reason,
                    "memory": self._network.sandbox.memory,
                    "providers": providers,
                    "images": [image._asdict() for image in self._network.images.known],
                },
            )
        except BaseException:
            self._network.close()
            self._home.close()
            raise
        self._thread = threading.Thread(target=self._listener.serve, name="golem stand-in", daemon=True)
        self._thread.start()

    @property
    def folder(self) -> Path:
        """Where its data is kept."""
        return self._home.folder

    @property
    def faults(self) -> Faults:
        """What goes wrong; may be changed at any time."""
        return self._network.faults

    @property
    def sandbox(self) -> str:
        """What keeps commands apart from this machine: `namespaces`, or `none`."""
        return self._network.sandbox.kind

    @property
    def reason(self) -> str:
        """Why nothing does; empty if something does."""
        return self._network.sandbox.reason

    @property
    def variables(self) -> Mapping[str, str]:
        """What a requestor script must find in its environment. The app-key among it is secret."""
        return self._home.variables(self.url)

    def close(self) -> None:
        """Stop at once, with all connections and all that runs. Keys stay."""
        if self._closed:
            return
        self._closed = True
        self._network.close()
        self._listener.stop()
        self._thread.join()
        self._home.close()

    def __enter__(self) -> GolemStandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Listener(LoopbackServer):
    """The port, and the connections to it."""

    def __init__(self, port: int, network: Network, log: Callable[[str], None] | None) -> None:
        self.network = network
        self._log = log
        super().__init__(port, Handler, "--golem-port")
        self.url = f"http://{HOST}:{self.server_port}"

    def tell(self, name: str, status: int, seconds: float) -> None:
        """Tell of a call."""
        if self._log is not None:
            self._log(f"{name} {status}, {seconds * 1000:.1f} ms")
