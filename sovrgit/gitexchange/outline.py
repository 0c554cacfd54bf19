"""What of our history goes to Git, in which order, and what is odd in its trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sovrgit.gitexchange.cache import Cache
from sovrgit.gitexchange.commitform import entries_of, kept_of
from sovrgit.gitexchange.oddities import NONE, Look, Oddities, applied, inherited
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EntryKind
from sovrgit.pod.treediff import find

if TYPE_CHECKING:
    from sovrgit.store.store import ObjectStore


class Outline(NamedTuple):
    """What of a commit is remembered until it is converted: histories are long."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    is_from_git: bool
    entries: Sequence[Any]

    @classmethod
    def of(cls, commit: Commit) -> Outline:
        """That of a commit."""
        return cls(commit.tree, commit.parents, bool(kept_of(commit.extra)), entries_of(commit.extra))


def order(
    store: ObjectStore, tips: Iterable[ObjectId], is_there: Callable[[ObjectId], bool]
) -> dict[ObjectId, Outline]:
    """The commits that tips lead to and that Git does not have, parents first."""
    found: dict[ObjectId, Outline] = {}
    done: dict[ObjectId, Outline] = {}
    stack = [(tip, False) for tip in dict.fromkeys(tips)]
    while stack:
        item, is_ready = stack.pop()
        if is_ready:
            found[item] = done[item]
        elif item not in done and not is_there(item):
            done[item] = outline = Outline.of(store.commit(item))
            stack.append((item, True))
            stack += [(parent, False) for parent in outline.parents if parent not in done]
    return found


class OddTrees:
    """What is odd in the trees of commits, each time in terms of the first parent's.

    Args:
        form: of the commits that the cache is asked for.
    """

    def __init__(self, store: ObjectStore, cache: Cache, form: int) -> None:
        self._store = store
        self._cache = cache
        self._form = form
        self._odd: dict[ObjectId, Oddities] = {}

    def of(self, identity: ObjectId, outline: Outline) -> Oddities:
        """What is odd in a commit's tree; found out for its ancestors first, where that is not known."""
        chain = []
        item, value = identity, outline
        while (odd := self._known(item)) is None:
            chain.append((item, value))
            if not value.parents:
                odd = NONE
                break
            item = value.parents[0]
            value = Outline.of(self._store.commit(item))
        for item, value in reversed(chain):
            look = self._look(value.tree)
            odd = applied(inherited(odd, look), value.entries, look)
            self._odd[item] = odd
        return odd

    def _known(self, identity: ObjectId) -> Oddities | None:
        known = self._odd.get(identity)
        if known is None:
            pair = self._cache.git(identity, self._form)
            known = pair[1] if pair is not None else None
        return known

    def _look(self, tree: ObjectId) -> Look:
        def look(path: bytes) -> EntryKind | None:
            entry = find(self._store, tree, path)
            return None if entry is None else entry.kind

        return look
