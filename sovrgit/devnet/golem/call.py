"""A call as those see it that answer it, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sovrgit.devnet.golem.world import JSON, TEXT, Malformed, Refused, moment_of

if TYPE_CHECKING:
    from sovrgit.devnet.golem.network import Network

POLL = 5.0
"""Seconds that a long poll waits for something to happen, if the client does not say."""

_LONGEST_POLL = 60.0
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and what is told, as JSON or as text.

    Attributes:
        kind: the content type.
        stream: instead of this, events that are sent one by one; an empty text stands for the silence between them.
        empty: whether there is no body at all.
    """

    document: Any = None
    status: int = HTTPStatus.OK
    stream: Callable[[], Iterator[str]] | None = None
    empty: bool = False
    kind: str = JSON


NOTHING = Answer(status=HTTPStatus.NO_CONTENT, empty=True)
DONE = Answer(empty=True)


@dataclass(slots=True)
class Call:
    """What a client wants.

    Attributes:
        names: the variable parts of the path.
        query: the settings after the question mark, the last one of each name.
        follows: whether the client wants events as they happen.
        url: the address that it called.
    """

    network: Network
    names: Sequence[str]
    query: Mapping[str, str]
    body: bytes
    follows: bool
    url: str

    @property
    def json(self) -> Any:
        """The body.

        Raises:
            Malformed: if it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Malformed(str(error)) from None

    def seconds(self) -> float:
        """How long to wait for something to happen."""
        return min(self._number("timeout", self._number("pollTimeout", POLL)), _LONGEST_POLL)

    def most(self, otherwise: int = 100) -> int:
        """How many events are wanted at most."""
        return int(min(self._number("maxEvents", otherwise), _MOST))

    def index(self) -> int | None:
        """The number of the command that is waited for."""
        return int(self._number("commandIndex", 0)) if "commandIndex" in self.query else None

    def after(self) -> datetime:
        """The moment from which on events are wanted."""
        given = self.query.get("afterTimestamp")
        try:
            return moment_of(given) if given else datetime.fromtimestamp(0, UTC)
        except Malformed as error:
            raise wrong_query(str(error.message)) from None

    def _number(self, name: str, otherwise: float) -> float:
        given = self.query.get(name)
        if not given:
            return otherwise
        try:
            number = float(given)
        except ValueError:
            raise wrong_query(f"`{name}` is not a number") from None
        if not 0 <= number < 1e9:
            raise Refused(HTTPStatus.BAD_REQUEST, f"`{name}` is out of range")
        return number


def wrong_query(what: str) -> Refused:
    """The refusal of a call whose settings after the question mark make no sense."""
    return Refused(HTTPStatus.BAD_REQUEST, f"Query deserialize error: {what}", TEXT)
