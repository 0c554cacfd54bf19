"""What all groups of calls need: the session, documents out of answers, and one writer at a time."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TypeVar

from sovrgit.remotes.fairos.documents import read
from sovrgit.remotes.fairos.session import Session
from sovrgit.remotes.fairos.wire import Call

_T = TypeVar("_T")


class Caller:
    """The part of a client that its groups of calls share."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._server = session.server
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._choosing = threading.Lock()

    def _ask(self, call: Call, kind: type[_T]) -> _T:
        return read(self._session.send(call).body, kind, self._server)

    def _writing(self, pod: str) -> threading.Lock:
        """The lock to hold while a pod is written to.

        A server reads a folder's list, changes it and writes it back without a thought for others. The list of pods,
        which is another such, has the lock of the pod without a name.
        """
        with self._choosing:
            return self._locks[pod]
