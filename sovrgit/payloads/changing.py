"""Changing what a pod takes from others: looking it up anew, and adding to the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sovrgit.errors import PathNotFound
from sovrgit.lockfile import Lock, read_lock, read_recipe_file, write_lock
from sovrgit.payloads.editing import with_payload
from sovrgit.payloads.locking import Change, Wanted, lock_again, look_up, wanted_by
from sovrgit.payloads.reference import parse_reference
from sovrgit.payloads.source import Access
from sovrgit.pod.recipe import RECIPE_FILE
from sovrgit.pod.recipe_checks import check_external_path
from sovrgit.pod.recipe_lines import Fault
from sovrgit.pod.recipe_types import ExternalPayload
from sovrgit.remotes.fairos.place import is_fairos, parse_place
from sovrgit.remotes.sealing.keeping import keep_key
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.store.files import reporting, write_atomic


@dataclass(frozen=True, slots=True)
class Updated:
    """What a new look at other pods has changed in the lock; `written` says that it was written."""

    changes: tuple[Change, ...]
    written: bool


def update(access: Access, references: Sequence[str] = ()) -> Updated:
    """Look payload up anew, and write the lock.

    Args:
        references: only what comes from these, as recipe or lock call them; all, if there are none.

    Raises:
        PathNotFound: if the recipe does not name one of the references.
        RecipeInvalid: if recipe or lock cannot be read.
        SovrError: as for `sovrgit.payloads.locking.look_up`. The lock is as it was.
    """
    pod = access.pod
    wanted = wanted_by(pod, read_recipe_file(pod.root))
    only: set[Wanted] | None = None
    for text in references:
        label = parse_reference(pod, text).label
        named = {item for item in wanted if label in (item.reference.label, item.reference.label.partition("@")[0])}
        if not named:
            hint = "`sovr payload status` lists those that it has"
            raise PathNotFound(path=label, where=f"the payload of `{RECIPE_FILE}`", hint=hint)
        only = (only or set()) | named
    lock = read_lock(pod.root)
    after, changes = lock_again(access, wanted, lock or Lock(), only)
    written = after != (lock or Lock())
    if written:
        write_lock(pod.root, after)
    return Updated(tuple(changes), written)


def add(access: Access, reference: str, path: str) -> Updated:
    """Add a file or folder of another pod to the recipe, and lock it.

    A key that the reference comes with is kept with this user's other secrets, and does not get into the recipe.

    Raises:
        PathNotFound: if the other pod has no such path.
        RecipeInvalid: if the recipe has it already, or no place for it.
        SovrError: as for `sovrgit.payloads.locking.look_up`. Recipe and lock are as they were.
    """
    pod = access.pod
    try:
        data = check_external_path((), path)
    except Fault as fault:
        raise PathNotFound(path=path, where="another pod", hint=f"the path {fault.reason}") from None
    place = pod.root / RECIPE_FILE
    external = ExternalPayload(_kept(access, reference), data)
    item = Wanted(parse_reference(pod, external.ref), external.path)
    with reporting(place):
        recipe = with_payload(place.read_bytes(), external)
    lock = read_lock(pod.root) or Lock()
    commits = {entry.reference: entry.commit for entry in lock.payload}
    locked = look_up(access, [item], commits)[item]
    others = [entry for entry in lock.payload if (entry.reference, entry.path) != (locked.reference, locked.path)]
    # The lock first: what it names beyond the recipe does no harm.
    write_lock(pod.root, replace(lock, payload=(*others, locked)))
    write_atomic(place, recipe)
    return Updated((Change(locked.reference, locked.path, "added", None, locked),), written=True)


def _kept(access: Access, text: str) -> str:
    """A reference without its key, which is kept."""
    text = text.strip()
    if not is_fairos(text):
        return text
    key = parse_place(text).key
    if key is None:
        return text
    if access.networks is not None:
        keep_key(access.networks.secrets, PodKey.parse(key, "key in the reference"))
    return text.partition("#")[0]
