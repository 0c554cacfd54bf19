"""The daemon's service bus, seen from a program that is connected to it: calls, and addresses that answer calls.

A frame is its length (four bytes, the highest first) and a protobuf message `Packet`, of which one field is set. What a
call says and what it is answered is a FlexBuffer, packed with zlib by the daemon, which takes it either way. The field
numbers are those of `gsb_api.proto` in ya-service-bus.
"""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import uuid
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from flatbuffers import flexbuffers

PATIENCE = 20.0
_HELLO, _REGISTER, _REGISTERED, _UNREGISTER, _UNREGISTERED, _CALL, _REPLY, _PING, _PONG = 1, 2, 3, 4, 5, 6, 7, 14, 15
_SERVICE_FAILURE = 500
_LENGTH = struct.Struct(">I")
_HANDLERS = 32

Handler = Callable[[str, Any], Any]


class BusError(Exception):
    """An error that is told to the other side, or that was told by it: its kind, as the daemon names it, and words."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {text}")
        self.document = {kind: text}


class Bus:
    """A connection to the bus."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._socket.settimeout(None)
        self._writing = threading.Lock()
        self._handlers: dict[str, Handler] = {}
        self._numbers = itertools.count(1)
        self._calls: dict[str, Future[Any]] = {}
        # The bus answers these in the order in which they were sent, without a name.
        self._registering = threading.Lock()
        self._registered: Future[int] = Future()
        self._pool = ThreadPoolExecutor(_HANDLERS, "bus")
        self._send(_HELLO, {1: "sovr tests", 2: "0.1.0", 3: uuid.uuid4().bytes})
        self._thread = threading.Thread(target=self._read, name="bus: reader", daemon=True)
        self._thread.start()

    def register(self, address: str, handler: Handler) -> None:
        """Answer calls to an address: `handler` is given the name of the call and what it says."""
        self._handlers[address] = handler
        self._ask(_REGISTER, address)

    def unregister(self, address: str) -> None:
        """Answer no more."""
        if self._handlers.pop(address, None) is not None:
            self._ask(_UNREGISTER, address)

    def call(self, address: str, name: str, message: Mapping[str, Any]) -> Any:
        """What a call is answered.

        Raises:
            BusError: if it is refused.
        """
        number = str(next(self._numbers))
        answer = self._calls[number] = Future()
        data = bytes(flexbuffers.Dumps(dict(message)))
        self._send(_CALL, {1: "/local/sovr-tests", 2: f"{address}/{name}", 3: number, 4: data})
        return answer.result(PATIENCE)

    def close(self) -> None:
        """End the connection."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._pool.shutdown()
        self._socket.close()

    def _ask(self, kind: int, address: str) -> None:
        with self._registering:
            self._registered = Future()
            self._send(kind, {1: address})
            code = self._registered.result(PATIENCE)
        if code:
            raise BusError("registration", f"{address}: {code}")

    def _send(self, kind: int, fields: Mapping[int, bytes | str | int]) -> None:
        packet = encoded({kind: encoded(fields)})
        with self._writing:
            self._socket.sendall(_LENGTH.pack(len(packet)) + packet)

    def _read(self) -> None:
        while (head := self._exactly(_LENGTH.size)) is not None:
            body = self._exactly(_LENGTH.unpack(head)[0])
            if body is None:
                return
            ((kind, content),) = decoded(body).items()
            fields = decoded(content)
            if kind == _CALL:
                self._pool.submit(self._answer, fields)
            elif kind == _REPLY:
                self._take(fields)
            elif kind in (_REGISTERED, _UNREGISTERED):
                self._registered.set_result(fields.get(1, 0))
            elif kind == _PING:
                self._send(_PONG, {})

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def _answer(self, fields: Mapping[int, Any]) -> None:
        address, _, name = fields[2].decode().rpartition("/")
        reply: dict[int, bytes | str | int] = {1: fields[3]}
        try:
            handler = self._handlers[address]
            answer = {"Ok": handler(name, _loaded(fields.get(4, b"")))}
        except BusError as error:
            answer = {"Err": error.document}
        except Exception as error:
            # Whatever goes wrong here must fail the test at its other end, not hang it.
            self._send(_REPLY, {**reply, 2: _SERVICE_FAILURE, 4: f"{type(error).__name__}: {error}".encode()})
            return
        self._send(_REPLY, {**reply, 4: bytes(flexbuffers.Dumps(answer))})

    def _take(self, fields: Mapping[int, Any]) -> None:
        waiting = self._calls.pop(fields[1].decode())
        code, data = fields.get(2, 0), fields.get(4, b"")
        if code:
            waiting.set_exception(BusError(str(code), data.decode(errors="replace")))
            return
        answer = _loaded(data)
        if "Err" in answer:
            ((kind, text),) = answer["Err"].items()
            waiting.set_exception(BusError(kind, str(text)))
        else:
            waiting.set_result(answer["Ok"])


def _loaded(data: bytes) -> Any:
    try:
        data = zlib.decompress(data)
    except zlib.error:
        pass
    return flexbuffers.Loads(data)


# --- protobuf, as far as it is needed here: numbers, text and bytes ---------------------------------------------------


def encoded(fields: Mapping[int, bytes | str | int]) -> bytes:
    """A message; its fields by their numbers."""
    made = bytearray()
    for number, value in fields.items():
        if isinstance(value, int):
            made += _varint(number << 3) + _varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            made += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(made)


def decoded(data: bytes) -> dict[int, Any]:
    """The fields of a message by their numbers: numbers, or bytes."""
    fields: dict[int, Any] = {}
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        value, at = _number(data, at)
        if key & 7 == 2:
            fields[key >> 3], at = data[at : at + value], at + value
        elif key & 7 == 0:
            fields[key >> 3] = value
        else:
            raise ValueError(f"field {key >> 3} has a type that no message of the bus uses: {key & 7}")
    return fields


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
