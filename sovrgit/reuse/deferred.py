"""A finder that is made when it is asked: to load what looks takes longer than most runs that find their own result."""

from __future__ import annotations

from collections.abc import Callable

from sovrgit.pod.pod import Pod
from sovrgit.runs.known import Ownership, looking_at, others_here
from sovrgit.runs.reused import NOTHING, Finder, Lookup, Wanted


def deferred(rule: str, make: Callable[[], Finder]) -> Finder:
    """What `make` makes, if there is something to be looked for: with `own`, something that was fetched."""

    def find(pod: Pod, wanted: Wanted, ownership: Ownership | None = None) -> Lookup:
        if rule == "own":
            with looking_at(pod, ownership) as owned:
                if not others_here(pod, wanted, owned):
                    return NOTHING
        return make()(pod, wanted, ownership)

    return find
