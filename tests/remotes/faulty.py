"""A wrapper around any remote that makes it fail: at a call that is counted, in a way that is chosen."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovrgit.objects.ids import ObjectId
from sovrgit.remotes.base import Remote, Transient

VERBS = ("read_manifest", "publish", "has_pack", "put_pack", "get_pack", "get_range")


@dataclass(frozen=True)
class Call:
    """A call that arrived: what it asks for, and how to have it done, as it is or with other arguments."""

    verb: str
    args: tuple[Any, ...]
    again: Callable[..., Any]

    def proceed(self) -> Any:
        """What the remote does."""
        return self.again(*self.args)


Fault = Callable[[Call], Any]


class Crash(BaseException):
    """What a killed process does to the code that it runs in, as far as that can be shown from within."""


class FaultyRemote:
    """Passes calls on, but for those that a fault was set for. `calls` counts from 0, over all verbs."""

    def __init__(self, inner: Remote, *, answers_vary: bool = False) -> None:
        self.inner = inner
        self.kind = inner.kind
        self.keeps_chain = inner.keeps_chain
        self.answers_vary = answers_vary
        self.is_far = inner.is_far
        self.downloads_at_once = inner.downloads_at_once
        self.has_ranges = inner.has_ranges
        self.location = inner.location
        self.calls: list[str] = []
        self._at: dict[int, Fault] = {}
        self._on: dict[str, tuple[Fault, range]] = {}
        self._lock = threading.Lock()

    def at_call(self, index: int, fault: Fault) -> FaultyRemote:
        """Set a fault for one call, whatever its verb."""
        self._at[index] = fault
        return self

    def on(self, verb: str, fault: Fault, times: range = range(1_000_000)) -> FaultyRemote:
        """Set a fault for the calls of a verb: all, or those in a range."""
        self._on[verb] = (fault, times)
        return self

    def describe(self) -> str:
        return self.inner.describe()

    def close(self) -> None:
        self.inner.close()

    def at(self, origin: str) -> Remote:
        return self.inner.at(origin)

    def writing(self) -> AbstractContextManager[None]:
        return self.inner.writing()

    def read_manifest(self) -> bytes | None:
        return self._do("read_manifest")

    def publish(self, manifest: bytes, expected: bytes | None) -> None:
        self._do("publish", manifest, expected)

    def has_pack(self, pack: ObjectId, size: int) -> bool:
        return self._do("has_pack", pack, size)

    def put_pack(self, pack: ObjectId, source: Path, advance: Callable[[int], None]) -> None:
        self._do("put_pack", pack, source, advance)

    def get_pack(self, pack: ObjectId, size: int, target: Path, advance: Callable[[int], None]) -> None:
        self._do("get_pack", pack, size, target, advance)

    def get_range(self, pack: ObjectId, size: int, offset: int, length: int) -> bytes:
        return self._do("get_range", pack, size, offset, length)

    def _do(self, verb: str, *args: Any) -> Any:
        with self._lock:
            index, number = len(self.calls), self.calls.count(verb)
            self.calls.append(verb)
        call = Call(verb, args, getattr(self.inner, verb))
        if index in self._at:
            return self._at[index](call)
        fault, times = self._on.get(verb, (None, range(0)))
        return fault(call) if fault is not None and number in times else call.proceed()


# --- faults -----------------------------------------------------------------------------------------------------------


def unreachable(call: Call) -> Any:
    """A failure that may pass; nothing was done."""
    raise Transient(location="there", reason="no answer")


def answer_lost(call: Call) -> Any:
    """The same to the caller, but it was done."""
    call.proceed()
    raise Transient(location="there", reason="no answer")


def crashes(call: Call) -> Any:
    """The process ends before the call."""
    raise Crash


def crashes_after(call: Call) -> Any:
    """The process ends after it."""
    call.proceed()
    raise Crash


def cut_off(call: Call) -> Any:
    """A download that ends early and says that it is well."""
    call.proceed()
    target = call.args[2]
    _rewrite(target, target.read_bytes()[:-7])


def garbled(call: Call) -> Any:
    """A download with a bit flipped."""
    call.proceed()
    target = call.args[2]
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    _rewrite(target, bytes(data))


def does_nothing(call: Call) -> Any:
    """Says that it is done, and has not done it."""


def stores_garbage(call: Call) -> Any:
    """Stores other bytes than it was given, and says that it is well."""
    pack, source, advance = call.args
    wrong = source.with_name(source.name + ".wrong")
    wrong.write_bytes(b"x" + source.read_bytes()[1:])
    try:
        call.again(pack, wrong, advance)
    finally:
        wrong.unlink()


def answers(value: Any) -> Fault:
    """Always gives the same answer, whatever is true."""
    return lambda call: value


def in_turn(*faults: Fault) -> Fault:
    """One fault after the other, then none."""
    waiting = list(faults)
    return lambda call: waiting.pop(0)(call) if waiting else call.proceed()


def _rewrite(path: Path, data: bytes) -> None:
    # Not in place: the file may be shared with the remote by a hard link.
    os.unlink(path)
    path.write_bytes(data)
