"""How payload of other pods stands: locked as what, whether it is here, and whether the other pod has moved on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, TypeAlias

from sovrgit.errors import PathNotFound, SovrError
from sovrgit.lockfile import Lock, LockedPayload, read_lock, read_recipe_file
from sovrgit.payloads.filesource import FileSource
from sovrgit.payloads.locking import Wanted, explaining, locked_as, ready, wanted_by
from sovrgit.payloads.opening import offered, opened
from sovrgit.payloads.source import Access
from sovrgit.pod.supplies import read_supplies

Standing: TypeAlias = Literal["same", "newer", "moved", "gone", "unreachable", "unlocked", "unknown", "unused"]
"""What a reference has now: the same commit as was locked, a newer one with the same content, other content, or nothing
at the path. Or it could not be asked, nothing is locked, it keeps no history that could be asked about, or the recipe
does not name it any more."""


class PayloadState(NamedTuple):
    """One payload. `now` is what the reference has, if that is known; `reason` says what is in the way."""

    reference: str
    path: str
    standing: Standing
    here: bool
    locked: LockedPayload | None
    now: LockedPayload | None = None
    reason: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether it is locked, and nothing is known to have moved."""
        return self.standing in ("same", "newer", "unknown", "unreachable")


def states(access: Access) -> list[PayloadState]:
    """How every payload stands that the recipe or the lock names. Other pods are asked; those that cannot be reached
    are no error.

    Raises:
        RecipeInvalid: if recipe or lock cannot be read.
        PayloadChanged: if the lock does not tell the truth.
    """
    pod = access.pod
    lock = read_lock(pod.root) or Lock()
    wanted = wanted_by(pod, read_recipe_file(pod.root))
    supplies = read_supplies(pod.folder)
    groups: dict[str, list[Wanted]] = {}
    for item in wanted:
        groups.setdefault(item.reference.label, []).append(item)
    here = {
        item: locked is not None and ready(pod, supplies, locked) is not None
        for item in wanted
        for locked in [locked_as(lock, item)]
    }
    found: dict[Wanted, PayloadState] = {}
    for group in groups.values():
        found |= _ask(access, group, lock, here)
    names = {(item.reference.label, item.path) for item in wanted}
    unused = [
        PayloadState(entry.reference, entry.path, "unused", ready(pod, supplies, entry) is not None, entry)
        for entry in lock.payload
        if (entry.reference, entry.path) not in names
    ]
    return [found[item] for item in wanted] + unused


def moved_on(
    access: Access, locked: Mapping[Wanted, LockedPayload], fetched: Collection[Wanted] = ()
) -> list[PayloadState]:
    """The payloads that their pods have otherwise by now, or not at all. Asked are pods on this machine and those on
    networks from which something was fetched just now: to repeat what is all here takes no network. What cannot be
    asked is left out.

    Args:
        locked: payload as the lock has it.
        fetched: which of it came just now.
    """
    groups: dict[str, list[Wanted]] = {}
    for item in locked:
        groups.setdefault(item.reference.label, []).append(item)
    lock = Lock(payload=tuple(locked.values()))
    found: list[PayloadState] = []
    for group in groups.values():
        reference = group[0].reference
        try:
            if not reference.is_here(access.pod) and not any(item in fetched for item in group):
                continue
            now = offered(access, reference)
        except SovrError:
            # The run has what it needs. `sovr payload status` says what is the matter.
            continue
        if any(locked[item].commit != now for item in group):
            found += _ask(access, group, lock, dict.fromkeys(group, True)).values()
    return [state for state in found if state.standing in ("moved", "gone")]


def _ask(access: Access, group: list[Wanted], lock: Lock, here: dict[Wanted, bool]) -> dict[Wanted, PayloadState]:
    """Ask one pod."""
    answers: dict[Wanted, PayloadState] = {}

    def answer(item: Wanted, standing: Standing, now: LockedPayload | None = None, reason: str = "") -> None:
        locked = locked_as(lock, item)
        if locked is None:
            standing = "unlocked"
        answers[item] = PayloadState(item.reference.label, item.path, standing, here[item], locked, now, reason)

    try:
        with explaining(group[0]), opened(access, group[0].reference) as source:
            for item in group:
                locked = locked_as(lock, item)
                if isinstance(source, FileSource):
                    answer(item, "unknown", None, "`sovr payload update` locks what it has now")
                    continue
                try:
                    found = source.find(item.path)
                except PathNotFound as error:
                    answer(item, "gone", None, error.message)
                    continue
                entry = found.entry
                now = LockedPayload(item.reference.label, item.path, found.commit, entry.id, entry.kind)
                if locked is None or locked == now:
                    answer(item, "same", now)
                else:
                    is_same = (locked.id, locked.kind) == (now.id, now.kind)
                    answer(item, "newer" if is_same else "moved", now)
    except SovrError as error:
        for item in group:
            answer(item, "unreachable", None, str(error.fields.get("reason", error.message)))
    return answers
