"""A port on loopback, a thread for each connection, and an end that waits for nobody."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler
from typing import Any

from sovrgit.errors import DevnetFailed

HOST = "127.0.0.1"
_PATIENCE = 10.0
"""Seconds to wait, when closing, for calls that are being answered."""


class LoopbackServer(ThreadingHTTPServer):
    """The port, and the connections to it.

    Attributes:
        closing: set as soon as `stop` is called.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseRequestHandler], option: str = "--port") -> None:
        """Take hold of a port; 0 stands for one that the operating system chooses.

        Args:
            option: the option of the command line that chooses it.

        Raises:
            DevnetFailed: if it cannot be used.
        """
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        try:
            super().__init__((HOST, port), handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise DevnetFailed(
                    reason=f"port {port} of this machine is taken",
                    hint=f"choose another one with `{option}`; 0 stands for any that is free",
                ) from error
            raise DevnetFailed(
                reason=f"port {port} cannot be used: {(error.strerror or str(error)).lower()}"
            ) from error

    def server_bind(self) -> None:
        """Bind, without asking the network for the name of this machine."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def serve(self) -> None:
        """Answer until `stop` is called."""
        while not self.closing.is_set():
            self.handle_request()

    def stop(self) -> None:
        """End everything that is going on, and wait until it has ended."""
        self.closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.server_port), _PATIENCE).close()
        self.server_close()
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, _PATIENCE)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        with self._changed:
            self._connections.add(request)
        try:
            if not self.closing.is_set():
                self.finish_request(request, client_address)
        except OSError:
            # The client has gone, or the stand-in is being closed.
            return
        finally:
            self.shutdown_request(request)
            with self._changed:
                self._connections.discard(request)
                self._changed.notify_all()
