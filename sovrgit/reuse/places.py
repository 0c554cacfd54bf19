"""Where results are looked for: the remotes of the pod, and pods of its name in registries."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sovrgit.errors import LoginFailed, LoginNeeded
from sovrgit.objects.ids import ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.remotes.base import Remote
from sovrgit.remotes.locations import open_remote, remotes
from sovrgit.remotes.manifest import Manifest
from sovrgit.remotes.networks import Networks
from sovrgit.remotes.state import RemoteState

if TYPE_CHECKING:
    from sovrgit.registry.added import Added
    from sovrgit.registry.form import Listed

MOST_PODS = 16
"""Pods of one registry that are looked into: it may list any number of them under one name."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place.

    `name` is what it is called here; `seen` the last manifest that was seen of it, `known` its packs whose content is
    in this pod already.
    """

    name: str
    open: Callable[[], Remote]
    seen: Manifest | None = None
    known: frozenset[ObjectId] = frozenset()


@dataclass(frozen=True, slots=True)
class Picked:
    """The pods of a registry that may have a result, and how many more it lists that were left out."""

    places: tuple[Place, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that can be asked for pods by their names. `pick` is called in a thread of its own; it raises
    SovrError."""

    name: str
    pick: Callable[[Collection[str]], Picked]


def remote_places(pod: Pod, networks: Networks | None) -> list[Place]:
    """The remotes of a pod."""
    places = []
    for setting in remotes(pod):
        state = RemoteState.load(pod.folder, setting.name)
        places.append(Place(setting.name, _opener(pod, setting.name, networks), state.manifest, state.known))
    return places


def registries(networks: Networks | None) -> list[Registry]:
    """The user's own registry, and those that they have added.

    Raises:
        RegistryInvalid, ConfigInvalid, StorageFailure: if what was added cannot be read.
    """
    if networks is None:
        return []
    from sovrgit.registry.added import added

    kept = added(networks.secrets)
    return [_own(networks), *(_added(networks, registry) for registry in kept)]


def _opener(pod: Pod, name: str, networks: Networks | None) -> Callable[[], Remote]:
    return lambda: open_remote(pod, name, networks)


def _own(networks: Networks) -> Registry:
    def pick(names: Collection[str]) -> Picked:
        from sovrgit.registry.own import read_own

        try:
            with networks.connect(None) as fairos:
                return _picked(networks, None, "your registry", names, read_own(fairos, _at_once))
        except (LoginNeeded, LoginFailed):
            # Who has no account has no registry.
            return Picked(())

    return Registry("your registry", pick)


def _added(networks: Networks, registry: Added) -> Registry:
    def pick(names: Collection[str]) -> Picked:
        from sovrgit.registry.added import read_added
        from sovrgit.remotes.fairos.address import ServerAddress

        server = ServerAddress.parse(registry.server)
        with networks.connect(server) as fairos:
            listed = read_added(fairos, registry, _at_once)
        return _picked(networks, registry.server, f"registry {registry.name}", names, listed)

    return Registry(f"registry {registry.name}", pick)


def _picked(
    networks: Networks, server: str | None, source: str, names: Collection[str], listed: Iterable[Listed]
) -> Picked:
    """The pods of some names, the one that was pushed last first: the recipe is an input, so its name is the same."""
    from sovrgit.remotes.fairos.address import ServerAddress
    from sovrgit.remotes.fairos.opening import open_fairos
    from sovrgit.remotes.fairos.place import FairosPlace

    fitting = [
        found for found in listed if found.reference is not None and (found.summary.name in names or found.pod in names)
    ]
    fitting.sort(key=lambda found: -(found.pushed or 0))
    address = ServerAddress.parse(server) if server is not None else None

    def opener(found: Listed) -> Callable[[], Remote]:
        place = FairosPlace(address, reference=found.reference)
        return lambda: open_fairos(place, networks, None)

    chosen = fitting[:MOST_PODS]
    places = tuple(Place(f"{found.pod} in {source}", opener(found)) for found in chosen)
    return Picked(places, len(fitting) - len(chosen))


def _at_once(seconds: float) -> None:
    """Between two attempts: a result that is looked for is not worth long pauses."""
    time.sleep(min(seconds, 0.1))
