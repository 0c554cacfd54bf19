"""Trees that are few and small here and would be more files than any disk holds: found without walking through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovrgit.errors import ObjectInvalid
from sovrgit.objects.ids import ObjectId

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore

MAX_REPEATED = 4_000_000
"""Names in folders that are there more than once. A few small trees, each with the next one in it many times, would
else be more files than any disk holds; what is there once is bounded by what was received."""

SUSPECT_FROM = 20_000
"""Names after which whoever walks through a tree finds out how many there are going to be: that costs as much as to
read each of its folders once, so trees of usual size are not looked at."""


def refuse_repeats(store: ObjectStore, tree: ObjectId) -> None:
    """Check that a tree does not repeat its folders without measure. Each is read once, however often it is named.

    Raises:
        ObjectInvalid: if it does, or is no tree.
        ObjectMissing, IntegrityFailure: if a part of it is not there.
    """
    counts: dict[ObjectId, int] = {}
    single = 0
    # A list of where we are, not recursion: trees may be nested deeply.
    waiting = [tree]
    while waiting:
        current = waiting[-1]
        if current in counts:
            waiting.pop()
            continue
        entries = store.tree(current).entries
        below = [entry.id for entry in entries if entry.is_directory]
        unknown = [item for item in dict.fromkeys(below) if item not in counts]
        if unknown:
            waiting += unknown
            continue
        counts[current] = len(entries) + sum(counts[item] for item in below)
        single += len(entries)
    if counts[tree] - single > MAX_REPEATED:
        raise ObjectInvalid(kind="tree", reason=f"its folders repeat more than {MAX_REPEATED:,} names")
