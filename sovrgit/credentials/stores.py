"""What a store of secrets can do, and several stores as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sovrgit.errors import StorageFailure


class StoreUnusable(StorageFailure):
    """A store that this machine does not have, or that is locked or broken."""


class SecretStore(Protocol):
    """Keeps texts by namespace and name. Every method raises `StoreUnusable` if the store cannot be used at all."""

    def get(self, namespace: str, name: str) -> str | None:
        """The secret, or None if there is none."""

    def set(self, namespace: str, name: str, value: str) -> None:
        """Keep a secret, in place of another one of this name."""

    def delete(self, namespace: str, name: str) -> bool:
        """Forget a secret; whether there was one."""

    def describe(self) -> str:
        """The place, for people."""


class Found(NamedTuple):
    """A secret and the place that has it."""

    value: str
    place: str

    def __repr__(self) -> str:
        return f"Found(place={self.place!r})"


class Secrets:
    """Several stores, the best one first; one that cannot be used is passed over.

    A namespace says what kind of secret it is (logins of servers, keys of pods), a name whose.
    """

    def __init__(self, stores: Sequence[SecretStore]) -> None:
        self._stores = stores
        self.passed_over: list[StoreUnusable] = []
        """Why stores were not used, for those who wonder where their secret is."""

    def find(self, namespace: str, name: str) -> Found | None:
        """The secret and its place, or None if no store has it.

        Raises:
            ConfigInvalid, StorageFailure: if a store is there and must not or cannot be read.
        """
        for store in self._stores:
            try:
                value = store.get(namespace, name)
            except StoreUnusable as error:
                self.passed_over.append(error)
                continue
            if value is not None:
                return Found(value, store.describe())
        return None

    def keep(self, namespace: str, name: str, value: str) -> str:
        """Keep a secret in the first store that takes it, and in no other; the place.

        Raises:
            StoreUnusable: if no store takes it.
            ConfigInvalid, StorageFull, ReadOnly, StorageFailure: as a store gives cause.
        """
        place = None
        for store in self._stores:
            try:
                if place is None:
                    store.set(namespace, name, value)
                    place = store.describe()
                else:
                    store.delete(namespace, name)
            except StoreUnusable as error:
                self.passed_over.append(error)
        if place is None:
            raise StoreUnusable(path=self._stores[-1].describe(), reason="no secret can be kept there")
        return place

    def forget(self, namespace: str, name: str) -> list[str]:
        """Forget a secret in every store; the places that had it.

        Raises:
            ConfigInvalid, StorageFull, ReadOnly, StorageFailure: as a store gives cause.
        """
        places = []
        for store in self._stores:
            try:
                if store.delete(namespace, name):
                    places.append(store.describe())
            except StoreUnusable as error:
                self.passed_over.append(error)
        return places
