"""What the answers of a FairOS server mean.

A status says little: most of what a client does wrong is a 500, and a session that has ended has three of them. The end
of the message says what happened. The lists were read from the server's source and seen from the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from sovrgit.errors import LoginFailed, PostageExhausted, ReadOnly, RemoteUnavailable, SovrError
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.failures import (
    FileAbsent,
    FolderAbsent,
    LeftBehind,
    LoginDoubted,
    NameTaken,
    PodAbsent,
    ReferenceAbsent,
    SessionLost,
)
from sovrgit.remotes.fairos.wording import safe

_Make = Callable[[str], SovrError]
"""Makes the error, given the server's address."""


def _unavailable(kind: type[RemoteUnavailable], reason: str) -> _Make:
    return lambda server: kind(location=server, reason=reason)


def _doubted(reason: str) -> _Make:
    return lambda server: LoginDoubted(server=server, reason=reason)


def _read_only(server: str) -> SovrError:
    reason = "the pod belongs to somebody else, who shared it for reading"
    return ReadOnly(path=server, reason=reason, hint="push to a pod of your own")


def _no_words(server: str) -> SovrError:
    return LoginFailed(server=server, reason="these are not the words of an account", hint="check every word")


_ENDED = _unavailable(SessionLost, "the session has ended")
_NO_FILE = _unavailable(FileAbsent, "there is no such file")
_POD_THERE = _unavailable(NameTaken, "there is a pod of this name already")
_LEFT_BEHIND = _unavailable(LeftBehind, "an earlier pod has left a file there that cannot be read")
_NO_REFERENCE = _unavailable(ReferenceAbsent, "nothing is found at this sharing reference")

_ENDINGS: tuple[tuple[str, _Make], ...] = (
    ("user not logged-in", _ENDED),
    ("unauthorized", _ENDED),
    ("pod does not exist", _unavailable(PodAbsent, "there is no such pod")),
    ("pod already exists", _POD_THERE),
    ("pod with fork name already exists", _POD_THERE),
    ("directory name already present", _unavailable(NameTaken, "there is a folder of this name already")),
    ("user name already present", _unavailable(NameTaken, "this user name is taken")),
    ("directory not present", _unavailable(FolderAbsent, "there is no such folder")),
    ("file not found in dfs", _NO_FILE),
    ("feed does not exist or was not updated yet", _NO_FILE),
    ("deleted feed", _NO_FILE),
    ("download: not found", _NO_REFERENCE),
    ("receive info: not found", _NO_REFERENCE),
    ("no user available", _doubted("it knows no such user")),
    ("invalid password", _doubted("it says that the password is wrong")),
    ("number of word in mnemonic is not 12", _no_words),
    ("is not in bip39 word list", _no_words),
    ("read only feed", _read_only),
    ("read only pod", _read_only),
)

_UNREADABLE = re.compile("public pod file download: (invalid character|unexpected end of json|json: cannot unmarshal)")
"""What a file's description looks like to the server that was written under another password."""

_POSTAGE = re.compile(
    "batch is overissued|batch not usable yet or does not exist|batch with id not found|invalid batch id"
)
_LASTING = re.compile(
    "argument missing|invalid request body|could not decode|deprecated|too long|payload size is too large|"
    "max number of pods|block size must be|invalid user name|characters long|invalid directory name"
)
"""What another attempt would not change, though the status is 500."""

_PASSING = re.compile(
    r"connection refused|connection reset|broken pipe|timeout|timed out|deadline exceeded|\beof\b|"
    "too many requests|service unavailable|node is syncing|no such host"
)
"""What servers report of their own trouble with Swarm."""

_PASSING_STATUS = {408, 425, 429, 502, 503, 504}


def message_of(body: bytes) -> str:
    """The `message` of an answer, or an empty text. Its field `code` is sometimes there and means nothing."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = document.get("message") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""


def failure_of(
    status: int, message: str, server: str, *, repeatable: bool, elsewhere: str = "", secrets: Iterable[str] = ()
) -> SovrError:
    """The error that an answer without success stands for.

    Args:
        repeatable: whether the request may be sent again, whatever became of this one: then a failure that is not known
            counts as one that may pass.
        elsewhere: the place that the server sends its visitors to, if it does.
        secrets: what is not to be told though the server may say it.
    """
    text = message.strip().lower()
    if status == 401:
        return _ENDED(server)
    if status in (402, 422) or _POSTAGE.search(text):
        return PostageExhausted(server=server, reason=safe(message, secrets) or "its postage is used up")
    for ending, make in _ENDINGS:
        if text.endswith(ending):
            return make(server)
    if _UNREADABLE.match(text):
        return _LEFT_BEHIND(server)
    if 300 <= status < 400:
        return _redirected(server, elsewhere)
    reason = f"the server says: {safe(message, secrets)}" if text else f"it answers {status} without saying why"
    if status in _PASSING_STATUS:
        return Transient(location=server, reason=reason)
    if status >= 500 and not _LASTING.search(text) and (repeatable or _PASSING.search(text)):
        return Transient(location=server, reason=reason)
    if status in (404, 405) and not text:
        hint = "check the address, and that a FairOS server of version 0.10 or newer is running there"
        return RemoteUnavailable(location=server, reason="it is no FairOS server that `sovr` knows", hint=hint)
    return RemoteUnavailable(location=server, reason=reason, hint="")


def _redirected(server: str, elsewhere: str) -> RemoteUnavailable:
    """Redirects are not followed: the next place would get the token, or a reference that is in the address."""
    host = server.removeprefix("http://").partition(":")[0]
    if server.startswith("http://") and elsewhere.startswith(f"https://{host}"):
        hint = f"use the address `https://{host}`"
        return RemoteUnavailable(location=server, reason="it asks to be spoken to over `https`", hint=hint)
    reason = "it sends its visitors elsewhere, which is not followed"
    return RemoteUnavailable(location=server, reason=reason, hint="use the address of the server itself")
