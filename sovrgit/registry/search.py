"""Looking for pods in registries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sovrgit.registry.form import Listed


class Source(NamedTuple):
    """A registry that was read, by its name here."""

    name: str
    listed: Sequence[Listed]


class Hit(NamedTuple):
    """A pod that was found, and the name of the registry that lists it."""

    source: str
    pod: Listed


def search(words: Sequence[str], sources: Iterable[Source]) -> list[Hit]:
    """The pods that have every word in their name, description, author or kind, whatever their case.

    Those with all of the words in the name come first, then it goes by name.
    """
    wanted = [word.casefold() for word in words]
    found = []
    for source in sources:
        for listed in source.listed:
            name = f"{listed.pod}\n{listed.summary.name}".casefold()
            text = "\n".join((name, *listed.summary[1:5])).casefold()
            if all(word in text for word in wanted):
                found.append((not all(word in name for word in wanted), name, source.name, Hit(source.name, listed)))
    return [hit for *_, hit in sorted(found, key=lambda row: row[:3])]
