"""Repairing a pod, and checking what its remotes hold.

Like `sovrgit.actions`, shared by the command line and by `sovrgit.api`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.errors import SovrError
from sovrgit.progress import SILENT, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from sovrgit.objects.ids import ObjectId
    from sovrgit.pod.check import Checked
    from sovrgit.pod.losses import Loss
    from sovrgit.pod.mend import Mended
    from sovrgit.pod.pod import Pod
    from sovrgit.remotes.base import Remote
    from sovrgit.remotes.manifest import Manifest, PackEntry
    from sovrgit.remotes.networks import Networks


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did, and what is left.

    `asked` are the remotes that were asked for what was missing, each with what was wrong there, or nothing. `losses`
    are objects that could be had nowhere.
    """

    before: Checked
    after: Checked
    mended: Mended
    asked: tuple[tuple[str, str], ...]
    received_bytes: int
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class RemoteChecked:
    """What a check of a remote found: problems in words, packs that were read now and earlier, of how many."""

    remote: str
    problems: tuple[str, ...]
    checked: int
    earlier: int
    packs: int
    size: int

    @property
    def is_sound(self) -> bool:
        """Whether everything that was read is as it should be."""
        return not self.problems


def look_at(pod: Pod, *, since_ns: int, progress: Progress = SILENT) -> Checked:
    """Check a pod; what was left at a remote, and is known to be there, is counted and not missed.

    Args:
        since_ns: of the reflog, what moved from this time on must be here.
    """
    from sovrgit.pod.check import check_pod

    promised = None
    if pod.is_partial:
        from sovrgit.remotes.promises import Promises

        promised = Promises.of(pod).find
    return check_pod(pod, progress, promised, since_ns=since_ns)


def repair_pod(
    pod: Pod, *, time_ns: int, since_ns: int, networks: Networks | None = None, progress: Progress = SILENT
) -> Repaired:
    """Make anew what is derived, save what is whole out of damaged packs, and get what is missing from remotes.

    Args:
        time_ns: now, in nanoseconds since 1970.
        since_ns: of the reflog, what moved from this time on must be here.

    Raises:
        Locked: if another command is at work.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    from sovrgit.pod.losses import losses
    from sovrgit.pod.mend import mend

    before = look_at(pod, since_ns=since_ns, progress=progress)
    mended = mend(pod, before.damaged)
    after = look_at(pod, since_ns=since_ns, progress=progress)
    asked: list[tuple[str, str]] = []
    received = 0
    if after.missing:
        asked, received = _ask_remotes(pod, after.missing, time_ns, networks, progress)
        after = look_at(pod, since_ns=since_ns, progress=progress)
    tips = list(dict.fromkeys(pod.refs.read().values.values()))
    found = losses(pod.store, after.missing, tips) if after.missing else []
    return Repaired(before, after, mended, tuple(asked), received, tuple(found))


def _ask_remotes(
    pod: Pod, missing: Sequence[ObjectId], time_ns: int, networks: Networks | None, progress: Progress
) -> tuple[list[tuple[str, str]], int]:
    """Fetch every pack that is not here from the remotes, one after the other, until nothing is missing."""
    from dataclasses import replace

    from sovrgit.remotes.fetch import FetchRequest, fetch
    from sovrgit.remotes.locations import open_remote, remotes
    from sovrgit.remotes.state import RemoteState

    asked: list[tuple[str, str]] = []
    received = 0
    # What was known to be here is not any more.
    for setting in remotes(pod):
        state = RemoteState.load(pod.folder, setting.name)
        replace(state, known=frozenset()).save(pod.folder, setting.name)
    for setting in remotes(pod):
        if all(pod.store.has(item) for item in missing):
            break
        try:
            with contextlib.closing(open_remote(pod, setting.name, networks)) as remote:
                received += fetch(pod, remote, FetchRequest(setting.name, time_ns), progress).received_bytes
            asked.append((setting.name, ""))
        except SovrError as error:
            # It may have brought some of it all the same; the next one may have the rest.
            asked.append((setting.name, error.message))
    return asked, received


def check_remote(
    pod: Pod,
    name: str,
    *,
    sample: float = 100.0,
    networks: Networks | None = None,
    progress: Progress = SILENT,
) -> RemoteChecked:
    """Read what a remote holds, and compare everything in it with its hashes. An interrupted check goes on next time.

    Args:
        name: the remote's name in this pod.
        sample: per cent of the packs that are read, chosen anew each time.

    Raises:
        RemoteUnavailable, RemoteDiverged: if it cannot be read.
        SovrError: as for `open_remote`.
    """
    import random

    from sovrgit.errors import RemoteUnavailable
    from sovrgit.remotes.locations import open_remote
    from sovrgit.remotes.reading import read_manifest
    from sovrgit.remotes.state import RemoteState

    with contextlib.closing(open_remote(pod, name, networks)) as remote:
        manifest, _ = read_manifest(remote, RemoteState.load(pod.folder, name))
        if manifest is None:
            raise RemoteUnavailable(location=remote.describe(), reason="nothing has been pushed to it yet")
        note = pod.folder / "remotes" / f".{name}.checked"
        done = _checked_before(note, manifest) if sample >= 100 else set()
        waiting = [pack for pack in manifest.packs if str(pack.id) not in done]
        if sample < 100:
            count = max(1, round(len(waiting) * sample / 100)) if waiting else 0
            waiting = random.sample(waiting, count)
        problems = []
        size = 0
        progress.begin(f"reading {name}", sum(pack.size for pack in waiting), "bytes")
        try:
            for pack in waiting:
                problem = _check_pack(pod, remote, pack)
                if problem:
                    problems.append(problem)
                else:
                    done.add(str(pack.id))
                size += pack.size
                progress.advance(pack.size)
                if sample >= 100:
                    _note(note, manifest, done)
        finally:
            progress.end()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(note)
    return RemoteChecked(
        name, tuple(problems), len(waiting), len(manifest.packs) - len(waiting), len(manifest.packs), size
    )


def _check_pack(pod: Pod, remote: Remote, pack: PackEntry) -> str:
    """What is wrong with a pack at a remote; nothing, if nothing is."""
    from sovrgit.remotes.base import with_retries
    from sovrgit.store.files import temporary_name
    from sovrgit.store.verify import verify_pack

    place = remote.at(pack.origin) if pack.origin else remote
    target = temporary_name(pod.temporary, "fetch")

    def attempt() -> None:
        target.unlink(missing_ok=True)
        place.get_pack(pack.id, pack.size, target, lambda _: None)
        verify_pack(target, pack.id, pack.size)

    try:
        with_retries(attempt)
    except SovrError as error:
        return error.message
    finally:
        target.unlink(missing_ok=True)
    return ""


def _checked_before(note: Path, manifest: Manifest) -> set[str]:
    """The packs of this manifest that an interrupted check has read."""
    try:
        kept = json.loads(note.read_bytes())
        return set(kept["packs"]) if kept["manifest"] == str(manifest.id()) else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()


def _note(note: Path, manifest: Manifest, done: set[str]) -> None:
    from sovrgit.store.files import write_atomic

    write_atomic(note, json.dumps({"manifest": str(manifest.id()), "packs": sorted(done)}).encode(), sync=False)
