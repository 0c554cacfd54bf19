"""Sending answers over a connection, and ending connections in the ways that there are."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from sovrgit.devnet.fairos.answers import Answer, Content

_LINGER = 0.5
"""Seconds in which a client that still sends may read the answer before its connection is reset."""

_AT_ONCE = 256 << 10
_RESET = struct.pack("ii", 1, 0)


def will_send(answer: Answer) -> int:
    """How many bytes of the body of an answer are sent, if the client takes them."""
    body = answer.content
    return body.there + len(body.after)


def send(
    connection: socket.socket,
    answer: Answer,
    *,
    with_body: bool = True,
    closing: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Send an answer; whether all of it has been sent, so that the connection can be used again.

    Args:
        closing: whether to tell the client that the connection is closed after this.
        pause: waits for a number of seconds, if bytes are to come one by one.
    """
    body = answer.content
    lines = [
        f"HTTP/1.1 {int(answer.status)} {HTTPStatus(answer.status).phrase}",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Length: {body.size}",
        *([f"Content-Type: {answer.content_type}"] if answer.content_type is not None else []),
        *(f"{name}: {value}" for name, value in answer.headers),
        *(["Connection: close"] if closing else []),
    ]
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    if not with_body:
        connection.sendall(head)
        return True
    if body.every:
        _trickle(connection, head, body, pause)
    else:
        _send_body(connection, head, body)
    if body.reset:
        reset(connection)
        return False
    return will_send(answer) == body.size


def _send_body(connection: socket.socket, head: bytes, body: Content) -> None:
    start = body.before[: body.there]
    if isinstance(body.source, bytes):
        # In one piece, so that a small answer is one packet.
        connection.sendall(head + start + body.source[len(start) : body.there] + body.after)
        return
    with body.source.open("rb") as file:
        connection.sendall(head + start)
        if body.there > len(start):
            connection.sendfile(file, len(start), body.there - len(start))
    if body.after:
        connection.sendall(body.after)


def _trickle(connection: socket.socket, head: bytes, body: Content, pause: Callable[[float], None]) -> None:
    start = body.before[: body.there]
    content = start + body.start(body.there)[len(start) :] + body.after
    connection.sendall(head)
    for place in range(len(content)):
        pause(body.every)
        connection.sendall(content[place : place + 1])


def reset(connection: socket.socket) -> None:
    """Break a connection off: the other side sees an error and may lose what it has not read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def linger(connection: socket.socket) -> None:
    """End a connection so that the other side, which is still sending, gets to see the answer."""
    until = time.monotonic() + _LINGER
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(_LINGER)
    with contextlib.suppress(OSError):
        while time.monotonic() < until and connection.recv(_AT_ONCE):
            pass


def wait_for_the_end(connection: socket.socket) -> None:
    """Say nothing until the other side has had enough."""
    connection.settimeout(None)
    with contextlib.suppress(OSError):
        while connection.recv(_AT_ONCE):
            pass
