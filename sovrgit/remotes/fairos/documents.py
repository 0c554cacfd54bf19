"""The JSON that a FairOS server sends and takes. What comes is checked for its form and bounded by `wire`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from sovrgit.errors import RemoteUnavailable
from sovrgit.remotes.fairos.wire import Body

_T = TypeVar("_T")


class LoggedIn(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a login or sign-up. Shows nothing: there are secrets in it."""

    access_token: str = ""
    address: str = ""
    mnemonic: str = ""

    def __repr__(self) -> str:
        return "LoggedIn()"


class Present(msgspec.Struct, frozen=True):
    """Whether something is there."""

    present: bool


class Names(msgspec.Struct, frozen=True, rename="camel"):
    """The pods of a user."""

    pods: list[str] | None = None
    shared_pods: list[str] | None = None


class Shared(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to sharing. Shows nothing."""

    pod_sharing_reference: str

    def __repr__(self) -> str:
        return "Shared()"


class SharedPod(msgspec.Struct, frozen=True, rename="camel"):
    """What stands at a sharing reference, without the pod's password, which is there too and not wanted."""

    pod_name: str
    pod_address: str
    user_address: str


class Entry(msgspec.Struct, frozen=True):
    """A file or folder in a listing. Numbers are sent as text."""

    name: str
    size: str = "0"


class Entries(msgspec.Struct, frozen=True):
    """A listing; what is empty is left out."""

    dirs: list[Entry] | None = None
    files: list[Entry] | None = None


class Stat(msgspec.Struct, frozen=True, rename="camel"):
    """What is known of a file. Numbers are sent as text."""

    file_name: str
    file_size: str
    block_size: str = "0"
    modification_time: str = "0"


class Stored(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one file of an upload."""

    file_name: str
    message: str


class Uploaded(msgspec.Struct, frozen=True):
    """The answer to an upload."""

    responses: list[Stored] = msgspec.field(name="Responses")


def read(body: bytes, kind: type[_T], server: str) -> _T:
    """The document of an answer.

    Raises:
        RemoteUnavailable: if it is none of this kind. Its content is not told.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    raise RemoteUnavailable(location=server, reason="its answer is not what FairOS-DFS sends", hint=_CHECK)


def number(text: str, server: str) -> int:
    """A number that was sent as text.

    Raises:
        RemoteUnavailable: if it is none.
    """
    if text.isascii() and text.isdecimal() and len(text) <= 19:
        return int(text)
    raise RemoteUnavailable(location=server, reason="its answer is not what FairOS-DFS sends", hint=_CHECK)


def json_body(fields: Mapping[str, str]) -> Body:
    """Fields as JSON. A server compares the type with its own to the letter, so there is no `charset` in it."""
    data = json.dumps(fields).encode()
    return Body("application/json", len(data), lambda: [data])


def form_body(fields: Mapping[str, str]) -> Body:
    """Fields as a form."""
    data = urlencode(fields).encode()
    return Body("application/x-www-form-urlencoded", len(data), lambda: [data])


_CHECK = "check that this is the address of a FairOS server of version 0.10 or newer"
