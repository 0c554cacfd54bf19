"""The pods of others that a question comes upon: what is known of them, and asking those that may know more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from sovrgit.errors import RemoteDiverged, RemoteUnavailable, SovrError
from sovrgit.lineage.index import LineageIndex
from sovrgit.lineage.pods.cache import NOTES, cache_folder, fetch_metadata, open_cache
from sovrgit.lineage.pods.notes import Note, Notes
from sovrgit.lineage.pods.other import Asking, Following, OtherPod, PodState
from sovrgit.lineage.pods.places import locate, refusal, server_of, shown_reference
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.progress import SILENT, Progress
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.fairos.wording import safe

if TYPE_CHECKING:
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.networks import Networks

PATIENCE = 600 * 1_000_000_000
"""Nanoseconds for which a place that had nothing new, or did not answer, is not asked again unless that is wanted."""

_KEY_DIGITS = 16


class OtherPods:
    """What is known here of other pods, for the length of one question. Use it in a `with` block, or call `close`.

    Args:
        pod: the pod that is asked about.
        following: how far and how others are followed.
        networks: how to reach networks; without it only what is on this machine can be reached.
    """

    def __init__(
        self, pod: Pod, following: Following, networks: Networks | None = None, progress: Progress = SILENT
    ) -> None:
        self.following = following
        self._pod = pod
        self._networks = networks
        self._progress = progress
        self._folder = cache_folder(pod)
        self._notes = Notes(self._folder / NOTES)
        self._asked: set[str] = set()
        self._keys = {_key(location): location for location in self._notes.all()}
        self.store: Pod | None = None
        """The repository with what came from others."""
        self.index: LineageIndex | None = None
        """Its index."""
        self.touched: dict[str, OtherPod] = {}
        """The pods that were come upon, by key."""
        self._take_up(open_cache(self._folder))

    def close(self) -> None:
        """Let go of all files."""
        if self.index is not None:
            self.index.close()
        if self.store is not None:
            self.store.close()

    def __enter__(self) -> OtherPods:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- asking -------------------------------------------------------------------------------------------------

    def reach(self, reference: str, commit: ObjectId | None, holder: str, depth: int, *, foreign: bool) -> OtherPod:
        """The pod that a record names, asked if it may know what is missing here.

        Args:
            commit: what is wanted of it.
            holder: the key of the pod whose record it is; nothing for the pod that is asked about.
            depth: how many pods away it is.
            foreign: whether the record was made by others though it is in the pod that is asked about.
        """
        at = self._keys.get(holder)
        try:
            location = locate(reference, self._pod.root if at is None or server_of(at) is not None else Path(at))
        except (SovrError, ValueError, OSError) as error:
            reason = error.message if isinstance(error, SovrError) else "it leads nowhere"
            return self._touch(OtherPod(_key(reference), shown_reference(reference), "", PodState.REFUSED, reason))
        self._keys[_key(location)] = location
        note = self._notes.all().get(location, Note(location))
        wanted = commit is not None and not self._has(commit)
        if self._is_to_be_asked(location, note, wanted):
            source = at if at is not None else self._origin() if foreign else None
            note = self._ask(note, refusal(location, source, self._servers), depth, reference)
        if wanted and note.state is PodState.FETCHED and commit is not None and not self._has(commit):
            lacks = f"commit {commit.short} is not there any more"
            note = replace(note, state=PodState.MOVED, reason=lacks)
        return self._touch(_described(note))

    def add(self, reference: str, base: Path) -> OtherPod:
        """Make a pod known that the user names, or bring it up to date.

        Args:
            reference: may hold what leads to the pod and what opens it: that is kept where secrets are.

        Raises:
            ReferenceUnknown, ConfigInvalid, UnsafeName, Unsupported: if it names no pod.
            SovrError: if it cannot be read.
        """
        location = locate(reference, base)
        self._keys[_key(location)] = location
        note = self._notes.all().get(location, Note(location))
        note = self._fetch(note, lambda: self._open(note, reference if is_fairos(reference) else location))
        return self._touch(_described(note))

    def refresh(self) -> None:
        """Ask all pods that are known, once."""
        for location, note in list(self._notes.all().items()):
            if location not in self._asked:
                self._touch(_described(self._ask(note, "", 0, location)))

    def known(self, key: str) -> None:
        """Note that something of a pod with a key stands in the answer."""
        if key and key not in self.touched:
            location = self._keys.get(key)
            note = self._notes.all().get(location) if location is not None else None
            self._touch(_described(note) if note is not None else OtherPod(key, "", "", PodState.FETCHED))

    @cached_property
    def _servers(self) -> frozenset[str]:
        """The servers that the user has named, by adding remotes."""
        from sovrgit.remotes.locations import remotes

        named = (server_of(setting.location) for setting in remotes(self._pod))
        return frozenset(server for server in named if server)

    def _touch(self, other: OtherPod) -> OtherPod:
        self.touched[other.key] = other
        return other

    def _has(self, commit: ObjectId) -> bool:
        return self._pod.store.has(commit) or (self.store is not None and self.store.store.has(commit))

    def _is_to_be_asked(self, location: str, note: Note, wanted: bool) -> bool:
        asking = self.following.asking
        if location in self._asked or asking is Asking.NEVER or location == str(self._pod.root):
            return False
        if asking is Asking.ALWAYS:
            return True
        lately = note.asked is not None and 0 <= self.following.time_ns - note.asked < PATIENCE
        return wanted and not lately

    def _origin(self) -> str | None:
        """Where the pod that is asked about comes from."""
        origin = self._pod.config.get("pod.origin")
        return origin if origin and is_fairos(origin) else None

    def _ask(self, note: Note, refused: str, depth: int, reference: str) -> Note:
        far = self.following.depth is not None and depth > self.following.depth
        if refused or far or len(self._asked) >= self.following.limit:
            reason = refused or ("it is farther away than was asked" if far else "too many pods were asked already")
            return replace(note, state=PodState.REFUSED, reason=reason)
        try:
            return self._fetch(note, lambda: self._open(note, reference if is_fairos(reference) else note.location))
        except SovrError as error:
            return self._failed(note, error)
        except (OSError, ValueError):
            # A path that no file can have.
            return self._failed(note, RemoteUnavailable(location=note.location, reason="it leads nowhere"))

    def _failed(self, note: Note, error: SovrError) -> Note:
        state = PodState.REFUSED
        if isinstance(error, RemoteDiverged):
            state = PodState.MOVED
        elif isinstance(error, RemoteUnavailable):
            state = PodState.UNREACHABLE
        reason = safe(str(error.fields.get("reason") or error.message)) if is_fairos(note.location) else error.message
        note = replace(note, state=state, reason=reason, asked=self.following.time_ns)
        with contextlib.suppress(SovrError):
            # If it cannot be kept, it is asked again the next time.
            self._notes.keep(note)
        return note

    def _open(self, note: Note, reference: str) -> Remote:
        from sovrgit.remotes.locations import open_location, remotes

        seal = note.seal
        for setting in remotes(self._pod):
            if setting.location == note.location:
                seal = seal or self._pod.config.get(f"remote.{setting.name}.key")
        return open_location(reference, self._pod.root, self._networks, self._pod, seal)

    def _fetch(self, note: Note, opening: Callable[[], Remote]) -> Note:
        self._asked.add(note.location)
        if self.store is None:
            self._take_up(open_cache(self._folder, make=True))
        assert self.store is not None and self.index is not None
        with contextlib.closing(opening()) as remote:
            manifest = fetch_metadata(self.store, remote, _key(note.location), self.following.time_ns, self._progress)
            self._remember(remote)
            seal = _seal_of(remote) or note.seal
        self.index.update()
        now = self.following.time_ns
        name = manifest.recipe.get("name", "")
        note = replace(note, name=name, state=PodState.FETCHED, reason="", asked=now, fetched=now, seal=seal)
        self._notes.keep(note)
        return note

    def _remember(self, remote: Remote) -> None:
        """Keep what leads to a pod on a network, and what opens it, where such things are kept."""
        from sovrgit.remotes.fairos.memory import PodMemory
        from sovrgit.remotes.fairos.own import OwnPod
        from sovrgit.remotes.fairos.sealed import SealedContents
        from sovrgit.remotes.fairos.shared import SharedPod
        from sovrgit.remotes.sealing.keeping import keep_key

        if not isinstance(remote, SharedPod) or isinstance(remote, OwnPod):
            return
        PodMemory(self._pod, remote.location).set(remote.reference())
        if isinstance(remote.contents, SealedContents) and self._networks is not None:
            keep_key(self._networks.secrets, remote.contents.key)

    def _take_up(self, cache: Pod | None) -> None:
        if cache is not None:
            self.store, self.index = cache, LineageIndex(cache)


def _seal_of(remote: Remote) -> str | None:
    from sovrgit.remotes.fairos.sealed import SealedContents
    from sovrgit.remotes.fairos.shared import SharedPod

    if isinstance(remote, SharedPod) and isinstance(remote.contents, SealedContents):
        return str(remote.contents.key.fingerprint)
    return None


def _described(note: Note) -> OtherPod:
    name = note.name or _last_word(note.location)
    return OtherPod(_key(note.location), note.location, name, note.state, note.reason, note.fetched)


def _last_word(location: str) -> str:
    return parse_place(location).pod or "pod" if is_fairos(location) else Path(location).name


def _key(location: str) -> str:
    return str(blake3(location.encode("utf-8", "surrogateescape")).hexdigest(_KEY_DIGITS // 2))
