"""Payload of other pods for a run: as the lock says, and for a repeat as the record says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sovrgit.errors import PathNotFound, PayloadUnavailable, RecipeInvalid, ReferenceUnknown
from sovrgit.lockfile import Lock, LockedPayload, read_lock, read_recipe_file, write_lock
from sovrgit.objects.ids import Kind
from sovrgit.objects.run import External, Run
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.payloads.bring import is_here
from sovrgit.payloads.locking import Wanted, get_locked, locked_as, look_up, ready, wanted_by
from sovrgit.payloads.reference import parse_reference
from sovrgit.payloads.source import WHOLE, Access
from sovrgit.payloads.state import PayloadState, moved_on
from sovrgit.payloads.unpacking import is_archive, store_archive
from sovrgit.pod.pod import Pod
from sovrgit.pod.supplies import Ready, read_supplies, write_supplies
from sovrgit.runs.inputs import external_folder, read_recipe
from sovrgit.runs.supplied import Supplied, own_entries


class Supply(NamedTuple):
    """Payload for a run: what records will say of it, and what brings it here and makes it ready to be placed.

    The second raises PayloadChanged if the lock does not tell the truth, and what `look_up` does.
    """

    said: tuple[Supplied, ...]
    fetch: Callable[[], tuple[Supplied, ...]]


def supply(
    access: Access,
    *,
    ask: Callable[[], None] = lambda: None,
    ask_to_fetch: Callable[[], None] = lambda: None,
    told: Callable[[Sequence[LockedPayload]], None] = lambda _: None,
    moved: Callable[[Sequence[PayloadState]], None] | None = None,
) -> Supply:
    """What the recipe in a pod's folder wants of other pods; that of a task, for all of its pods.

    What the lock says is taken, whatever the other pods have by now. What it does not name is looked up, and written
    into it. A recipe that names other pods, with no lock and with files of the pod's own where their payload would be,
    is left alone: somebody has put it there by hand.

    Args:
        ask: called before anything is looked up in another pod.
        ask_to_fetch: called before anything is fetched from one, as the lock says.
        told: told of what was written into the lock.
        moved: told, before something is executed, of what is taken as locked though the other pod has something else
            by now, as far as `sovrgit.payloads.state.moved_on` asks. Without it nobody is asked.

    Raises:
        RecipeInvalid: if recipe or lock cannot be read.
        SovrError: as for `sovrgit.payloads.locking.look_up`.
    """
    pod = access.pod
    recipe = read_recipe_file(pod.root)
    wanted = wanted_by(pod, recipe)
    if not wanted:
        return Supply((), lambda: ())
    lock = read_lock(pod.root) or Lock()
    locked = {item: entry for item in wanted if (entry := locked_as(lock, item)) is not None}
    golem = recipe.golem
    if golem is not None and not locked and own_entries(pod.store, pod.head_tree(), external_folder(golem)):
        return Supply((), lambda: ())
    missing = [item for item in wanted if item not in locked]
    if missing:
        ask()
        commits = {entry.reference: entry.commit for entry in locked.values()}
        new = look_up(access, missing, commits)
        locked |= new
        write_lock(pod.root, replace(lock, payload=(*lock.payload, *new.values())))
        told(list(new.values()))
    said = tuple(_supplied(pod, item, locked[item], _said(item, locked[item])) for item in wanted)
    return Supply(said, lambda: _fetch(access, {item: locked[item] for item in wanted}, ask_to_fetch, moved))


def _said(item: Wanted, locked: LockedPayload) -> TreeEntry:
    """What records will say of a payload's kind, whether it is here or not."""
    found = TreeEntry(b"", locked.kind, locked.id, 0)
    return found._replace(kind=EntryKind.DIRECTORY) if is_archive(item.path, found) else found


def _fetch(
    access: Access,
    wanted: Mapping[Wanted, LockedPayload],
    ask: Callable[[], None],
    moved: Callable[[Sequence[PayloadState]], None] | None,
) -> tuple[Supplied, ...]:
    """Make ready what is not here."""
    pod = access.pod
    # From now on nothing goes that is going to be needed.
    pod.store.hold()
    supplies = read_supplies(pod.folder)
    missing = {item: entry for item, entry in wanted.items() if ready(pod, supplies, entry) is None}
    if missing:
        ask()
    get_locked(access, missing)
    if moved is not None and (states := moved_on(access, wanted, missing)):
        moved(states)
    supplies = read_supplies(pod.folder)
    supplied = []
    for item, locked in wanted.items():
        if (entry := ready(pod, supplies, locked)) is None:
            raise PayloadUnavailable(path=item.path, reason="it was removed while the run was being prepared")
        supplied.append(_supplied(pod, item, locked, entry))
    needed = frozenset(item.entry.id for item in supplied)
    if needed != supplies.needed:
        write_supplies(pod.folder, replace(supplies, needed=needed))
    return tuple(supplied)


def _supplied(pod: Pod, item: Wanted, locked: LockedPayload, entry: TreeEntry) -> Supplied:
    is_spread = item.path == WHOLE or is_archive(item.path, TreeEntry(b"", locked.kind, locked.id, 0))
    name = "" if is_spread else item.path.rpartition("/")[2]
    return Supplied(External(item.reference.recorded(pod), locked.commit, item.path, locked.id), name.encode(), entry)


def supply_again(access: Access, run: Run) -> tuple[Supplied, ...]:
    """What a recorded run had of other pods, ready to be placed again: from the store of this pod or, where it is gone,
    from where the recorded recipe, or the record, says that it came from.

    Raises:
        PayloadUnavailable: if it cannot be had.
        SovrError: as for `sovrgit.payloads.locking.look_up`.
    """
    access.pod.store.hold()
    return tuple(_again(access, run, external) for external in run.external)


# --- repeats ----------------------------------------------------------------------------------------------------


def _again(access: Access, run: Run, external: External) -> Supplied:
    pod, name = access.pod, external.place.encode()
    if (entry := _from_store(access, external)) is not None:
        return Supplied(external, name, entry)
    failure: PayloadUnavailable | PathNotFound | None = None
    for item in _candidates(pod, run, external):
        try:
            found = look_up(access, [item], {item.reference.label: external.commit}, get=True)[item]
        except (PayloadUnavailable, PathNotFound) as error:
            failure = failure or error
            continue
        entry = ready(pod, read_supplies(pod.folder), found) if found.id == external.id else None
        if entry is not None:
            return Supplied(external, name, entry)
    raise failure or PayloadUnavailable(path=external.path, reason="where it came from is not known here")


def _from_store(access: Access, external: External) -> TreeEntry | None:
    """What was placed, if it is all here. It is named by its id, so that it does not matter how it came."""
    store = access.pod.store
    for known in read_supplies(access.pod.folder).ready.values():
        if known.found.id == external.id and _is_placed_so(known, external) and is_here(store, known.placed):
            return known.placed
    if external.id != EMPTY_TREE_ID and not store.has(external.id):
        return None
    if external.id == EMPTY_TREE_ID or store.kind(external.id) is Kind.TREE:
        size = store.tree(external.id).size
        entry = TreeEntry(b"", EntryKind.DIRECTORY, external.id, size)
        return entry if is_here(store, entry) else None
    kind = EntryKind.EXECUTABLE if external.executable else EntryKind.FILE
    entry = TreeEntry(b"", kind, external.id, store.size(external.id))
    if not is_here(store, entry):
        return None
    if external.place:
        return entry
    return store_archive(store, external.id, access.pod, external.path, progress=access.progress)


def _is_placed_so(known: Ready, external: External) -> bool:
    """Whether what was got is placed as the record says: unpacked or not, a program or not."""
    is_unpacked = known.placed.is_directory and not known.found.is_directory
    is_file = not known.found.is_directory
    is_program = known.placed.kind is EntryKind.EXECUTABLE
    return is_unpacked == (is_file and not external.place) and is_program == external.executable


def _candidates(pod: Pod, run: Run, external: External) -> Iterator[Wanted]:
    """Where a payload may be found: as the recorded recipe says, which may know more than a record, and as the record
    says."""
    with contextlib.suppress(RecipeInvalid, ReferenceUnknown):
        for item in wanted_by(pod, read_recipe(pod.store, run.input)[1]):
            if item.path == external.path:
                yield item
    yield Wanted(parse_reference(pod, external.reference), external.path)
