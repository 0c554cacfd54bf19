"""Sending packs: each is read back and verified before it counts, and remembered as soon as it does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from sovrgit.errors import IntegrityFailure, RemoteDamaged
from sovrgit.pod.pod import Pod
from sovrgit.progress import Progress, Repeatable
from sovrgit.remotes.base import Remote, Transient, doubt, with_retries
from sovrgit.remotes.packing import PackToSend
from sovrgit.remotes.state import RemoteState
from sovrgit.remotes.workers import workers
from sovrgit.store.packreader import PackReader

_UPLOADS_AT_ONCE = 2
"""Packs in flight: one is read back while the next is sent."""


class Sending:
    """The uploads of one push."""

    def __init__(self, pod: Pod, remote: Remote, name: str, state: RemoteState, progress: Progress) -> None:
        self._pod = pod
        self._remote = remote
        self._name = name
        self._state = state
        self._progress = progress

    def send(self, packs: Sequence[PackToSend]) -> list[int]:
        """Upload what is not there; the sizes of what was sent. Each pack that arrived is remembered at once."""
        if not packs:
            return []
        sent: list[int] = []
        futures: list[tuple[PackToSend, Future[int]]] = []
        self._progress.begin("sending", sum(pack.entry.size for pack in packs), "bytes")
        try:
            try:
                # Threads, because verifying one pack and sending the next use different resources.
                with workers(_UPLOADS_AT_ONCE, "sovr-push") as pool:
                    futures += [(pack, pool.submit(self._upload, pack)) for pack in packs]
                    for pack, future in futures:
                        if size := future.result():
                            sent.append(size)
                            self._remember([pack])
            finally:
                self._remember([pack for pack, future in futures if _succeeded(future)])
        finally:
            self._progress.end()
        return sent

    def _remember(self, packs: Sequence[PackToSend]) -> None:
        uploaded = self._state.uploaded | {pack.entry.id for pack in packs}
        if uploaded != self._state.uploaded:
            self._state = replace(self._state, uploaded=uploaded)
            self._state.save(self._pod.folder, self._name)

    def _upload(self, pack: PackToSend) -> int:
        """Store a pack, unless it is there, and see that it is; the bytes that were sent."""
        entry = pack.entry
        if entry.id in self._state.uploaded and with_retries(lambda: self._remote.has_pack(entry.id, entry.size)):
            self._progress.advance(entry.size)
            return 0
        if not pack.is_new:
            _check_source(pack)
        told = Repeatable(self._progress.advance)
        is_stored = False
        unread = 0

        def attempt() -> None:
            nonlocal is_stored, unread
            if not is_stored:
                told.begin()
                self._remote.put_pack(entry.id, pack.path, told.advance)
                is_stored = True
                unread = 0
            try:
                is_there = self._remote.has_pack(entry.id, entry.size)
            except Transient:
                # Once is bad luck. But a pack of which a part was lost cannot be read either.
                unread += 1
                is_stored = unread < 2
                raise
            if not is_there:
                is_stored = False
                reason = f"pack {entry.id.short} is not there as it was sent"
                hint = "nothing that the remote had was changed; push again, or use another remote"
                raise doubt(self._remote, RemoteDamaged(remote=self._remote.describe(), reason=reason, hint=hint))

        with_retries(attempt)
        return entry.size


def _succeeded(future: Future[int]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _check_source(pack: PackToSend) -> None:
    """Refuse to spread a pack that is damaged here. One that was just written need not be read again."""
    with PackReader(pack.path, pack.entry.id) as reader:
        if reader.size != pack.entry.size or reader.digest() != pack.entry.id:
            raise IntegrityFailure(what=reader.what, reason="its hash is another")
