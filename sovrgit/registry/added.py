"""Registries of others, remembered by name. Their references are kept as logins are: whoever has one can read it."""

from __future__ import annotations

import json
import re
import time
from typing import NamedTuple

from sovrgit.credentials.stores import Secrets
from sovrgit.errors import ReferenceUnknown, RegistryInvalid
from sovrgit.registry.form import FILE, LIMIT, SHARED_FILE, Listed, decode
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.firstcli.reading import Pause, ReferredPod, read_if_there

NAMESPACE, ENTRY = "registries", "all"
"""All of them are one secret, because a keyring cannot list what it has."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Added(NamedTuple):
    """A registry: its name here, the address of the server that it is read from, its reference."""

    name: str
    server: str
    reference: SharingReference


def added(secrets: Secrets) -> list[Added]:
    """The registries that are known here, by name.

    Raises:
        RegistryInvalid: if what is kept cannot be understood.
        ConfigInvalid, StorageFailure: if it cannot be read.
    """
    found = secrets.find(NAMESPACE, ENTRY)
    if found is None:
        return []
    try:
        kept = json.loads(found.value)
        return [Added(str(name), str(server), SharingReference.parse(digits)) for name, server, digits in kept]
    except (ValueError, TypeError, AttributeError, RecursionError, ReferenceUnknown):
        pass
    raise RegistryInvalid(
        name=found.place, reason="holds a list of registries that cannot be understood", hint="remove it there"
    )


def free_name(known: list[Added]) -> str:
    """A name for a registry that was given none."""
    taken = {registry.name for registry in known}
    return next(name for number in range(1, len(taken) + 2) if (name := f"registry-{number}") not in taken)


def add(secrets: Secrets, registry: Added) -> str:
    """Remember a registry; the place.

    Raises:
        RegistryInvalid: if its name is none, or it or its name is known already.
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if it cannot be kept.
    """
    if not _NAME.fullmatch(registry.name):
        hint = "a name has letters, digits, dots and dashes"
        raise RegistryInvalid(name=registry.name[:64], reason="cannot be called so", hint=hint)
    known = added(secrets)
    for other in known:
        if other.name == registry.name:
            raise RegistryInvalid(name=other.name, reason="is known already", hint="choose another name")
        if other.reference == registry.reference:
            raise RegistryInvalid(name=other.name, reason="is known already, and is the same one", hint="")
    return _keep(secrets, [*known, registry])


def remove(secrets: Secrets, name: str) -> Added:
    """Forget a registry; what it was.

    Raises:
        RegistryInvalid: if none of this name is known.
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if that cannot be done.
    """
    known = added(secrets)
    for registry in known:
        if registry.name == name:
            rest = [other for other in known if other.name != name]
            if rest:
                _keep(secrets, rest)
            else:
                secrets.forget(NAMESPACE, ENTRY)
            return registry
    raise RegistryInvalid(name=name, reason="is not known here")


def read_added(fairos: FairOS, registry: Added, pause: Pause = time.sleep) -> list[Listed]:
    """The pods in a registry of somebody else's, or in the list of pods that the first Sovr CLI has shared.

    Raises:
        RegistryInvalid: if there is none, or it cannot be understood.
        RemoteUnavailable, RemoteDamaged: if it cannot be read.
    """
    reader = ReferredPod(fairos, registry.reference)
    for file in (FILE, SHARED_FILE):
        data = read_if_there(reader, f"/{file}", LIMIT, pause=pause)
        if data is not None:
            return decode(data, registry.name)
    raise RegistryInvalid(
        name=registry.name, reason=f"holds neither `{FILE}` nor `{SHARED_FILE}`", hint="check the reference"
    )


def _keep(secrets: Secrets, registries: list[Added]) -> str:
    rows = [(registry.name, registry.server, registry.reference.reveal()) for registry in registries]
    return secrets.keep(NAMESPACE, ENTRY, json.dumps(sorted(rows)))
