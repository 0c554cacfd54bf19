"""Where keys of pods are kept: with the other secrets of this user, by their fingerprints.

A fingerprint stands in every sealed file, so a key is found whatever the remote is called by whom, and after it has
moved. It is public, so it can be noted in a pod's settings.
"""

from __future__ import annotations

from sovrgit.credentials.stores import Secrets
from sovrgit.errors import ConfigInvalid, KeyNeeded
from sovrgit.remotes.sealing.key import PodKey

NAMESPACE = "pod key"


def keep_key(secrets: Secrets, key: PodKey) -> str:
    """Keep a key; the place.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if it cannot be kept.
    """
    return secrets.keep(NAMESPACE, key.fingerprint, key.reveal())


def find_key(secrets: Secrets, fingerprint: str) -> PodKey | None:
    """The key with this fingerprint, or None if none is known.

    Raises:
        ConfigInvalid, StorageFailure: if what is kept cannot be read, or is another key.
    """
    found = secrets.find(NAMESPACE, fingerprint)
    if found is None:
        return None
    key = PodKey.parse(found.value, found.place)
    if key.fingerprint != fingerprint:
        hint = "give the key again, with the reference that it came in"
        raise ConfigInvalid(file=found.place, reason="under the name of a pod's key it has another one", hint=hint)
    return key


def need_key(secrets: Secrets, fingerprint: str, what: str) -> PodKey:
    """The same, where it cannot be done without.

    Args:
        what: what is sealed with it, for the message.

    Raises:
        KeyNeeded: if none is known.
        ConfigInvalid, StorageFailure: as for `find_key`.
    """
    key = find_key(secrets, fingerprint)
    if key is None:
        hint = None
        if secrets.passed_over:
            hint = f"{secrets.passed_over[-1].message}; unlock it if the key should be there, or ask the pod's owner"
        raise KeyNeeded(what=what, reason="no key for it is known here", hint=hint)
    return key


def forget_key(secrets: Secrets, fingerprint: str) -> list[str]:
    """Forget a key; the places that had it. Without it nobody can read what was sealed with it.

    Raises:
        ConfigInvalid, StorageFull, ReadOnly, StorageFailure: if that cannot be done.
    """
    return secrets.forget(NAMESPACE, fingerprint)
