"""What can be made to go wrong, and when: the one place that is asked before a call is answered."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase


class Kind(enum.StrEnum):
    """The kinds of faults, and what `amount` means with each."""

    SLOW = "slow"
    """The answer comes `amount` seconds late."""

    ERROR = "error"
    """The answer is `status` (500) with the message `text`, and nothing is done."""

    POSTAGE = "postage"
    """The answer is `status` (500) with what Bee says when a postage batch is used up."""

    MISSING = "missing"
    """What is asked for is not found, though it is there."""

    BAD_LOGIN = "bad-login"
    """A login fails with `invalid password`."""

    TOKEN_DEATH = "token-death"
    """The server forgets every token and session before the call, as after a restart."""

    SESSION_DEATH = "session-death"
    """The server forgets every session before the call; tokens stay good."""

    SHORT_BODY = "short-body"
    """The body ends `amount` bytes (1) early; `Content-Length` is that of the whole."""

    JSON_IN_BODY = "json-in-body"
    """After `amount` bytes (0) of a body the text of an error follows, then the connection is closed."""

    CUT_ERROR = "cut-error"
    """An error `status` (500) of which only `amount` bytes (10) come, as `Content-Length` says."""

    WRONG_BYTES = "wrong-bytes"
    """The body has the right length, but its first `amount` bytes (1) are not those that were stored."""

    TRICKLE = "trickle"
    """The body comes byte by byte, `amount` seconds (1) apart."""

    RESET_UPLOAD = "reset-upload"
    """The connection is reset after `amount` bytes (0) of the request's body have been read."""

    RESET_DOWNLOAD = "reset-download"
    """The connection is reset after `amount` bytes (0) of the body have been sent."""

    HOLE = "hole"
    """An upload succeeds but loses its block number `amount` (0): a download breaks off there."""

    SHORT_UPLOAD = "short-upload"
    """An upload succeeds but loses its last block: a download ends early."""

    LOST_UPDATE = "lost-update"
    """A file is overwritten for the session that does it, and for nobody else, until the next overwrite."""

    STALE = "stale"
    """What is read is `amount` versions (1) older than what there is."""

    UNREADABLE = "unreadable"
    """Nothing that is looked up is found, as when Swarm cannot be reached."""

    LOST_PODS = "lost-pods"
    """The list of the user's pods cannot be read at first, and calls that change it then write an empty one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong in some calls.

    Attributes:
        call: a pattern (`*`, `?`) of the path of the call, or of method and path: `POST /v1/file/*`.
        file: a pattern of the path of the file that the call is about; `*` stands for all calls, about a file or not.
        first: the number of the matching call in which it begins, counted from 1 when the fault is set.
        times: how many calls it hits; 0 for all from then on.
        amount: how much: bytes, seconds, versions. Each kind says what, and what it is if it is None.
        status: the status of the answer, for kinds that have one.
        text: the message of the answer, for kinds that have one.
    """

    kind: Kind
    call: str = "*"
    file: str = "*"
    first: int = 1
    times: int = 1
    amount: float | None = None
    status: int = 500
    text: str = "something went wrong"

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """A fault written as `KIND[,NAME=VALUE…]`, such as `short-body,call=/public-file,times=3`, or as JSON.

        Raises:
            ValueError: saying what is wrong.
        """
        if spec.startswith("{"):
            return cls.of(json.loads(spec))
        kind, *settings = spec.split(",")
        given = {name.strip(): value for name, _, value in (setting.partition("=") for setting in settings)}
        return cls.of({"kind": kind.strip(), **given})

    @classmethod
    def of(cls, given: dict[str, object]) -> Fault:
        """A fault from names and values, which may be texts.

        Raises:
            ValueError: saying what is wrong.
        """
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no `{min(unknown)}`")
        try:
            kind = Kind(str(given.get("kind")))
        except ValueError:
            raise ValueError(f"no such fault: `{given.get('kind')}`; there are {', '.join(Kind)}") from None
        settings: dict[str, object] = {}
        for name, value in given.items():
            if name in ("first", "times", "status"):
                settings[name] = _number(name, value, int)
            elif name == "amount" and value is not None:
                settings[name] = _number(name, value, float)
            elif name in ("call", "file", "text"):
                settings[name] = str(value)
        return cls(kind, **settings)  # type: ignore[arg-type] # each was made of the type of its name above

    def spec(self) -> str:
        """What `parse` makes this fault of."""
        return json.dumps(asdict(self))

    def matches(self, call: str, file: str | None) -> bool:
        """Whether it is about a call, `METHOD /path`, and the file that this is about."""
        path = call if " " in self.call else call.partition(" ")[2]
        if not fnmatchcase(path, self.call):
            return False
        return self.file == "*" or (file is not None and fnmatchcase(file, self.file))

    def much(self, otherwise: float) -> int:
        """The amount as a whole number."""
        return int(otherwise if self.amount is None else self.amount)


def _number(name: str, value: object, kind: type[int] | type[float]) -> int | float:
    try:
        number = kind(str(value))
    except ValueError:
        raise ValueError(f"`{name}` of a fault is a number, not `{value}`") from None
    if not 0 <= number < 1e15:
        raise ValueError(f"`{name}` of a fault is not `{value}`")
    return number


class Faults:
    """The faults that are set. Safe to change while calls are answered."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._set: list[_Counted] = []
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Set more faults."""
        with self._lock:
            self._set += [_Counted(fault) for fault in faults]

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._set.clear()

    def left(self) -> list[Fault]:
        """The faults that may still hit a call."""
        with self._lock:
            return [counted.fault for counted in self._set if not counted.spent]

    def take(self, call: str, file: str | None) -> list[Fault]:
        """The faults that hit this call, which counts for each that matches.

        Asked twice for a call that is about a file: when it comes, with None, and when it is known which file that is.
        A fault that names a file is decided at the second time, the others at the first.
        """
        with self._lock:
            return [
                counted.fault
                for counted in self._set
                if (counted.fault.file == "*") == (file is None) and counted.fault.matches(call, file) and counted.hit()
            ]


@dataclass(slots=True)
class _Counted:
    fault: Fault
    seen: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.times > 0 and self.seen >= self.fault.first - 1 + self.fault.times

    def hit(self) -> bool:
        if self.spent:
            return False
        self.seen += 1
        return self.seen >= self.fault.first


_NOW: ContextVar[Sequence[Fault]] = ContextVar("faults of the call that is being answered", default=())


def begin(faults: Sequence[Fault]) -> None:
    """Let the code below know of the faults of the call that this thread answers."""
    _NOW.set(faults)


def now(kind: Kind) -> Fault | None:
    """The fault of a kind in the call that this thread answers."""
    return next((fault for fault in _NOW.get() if fault.kind is kind), None)
