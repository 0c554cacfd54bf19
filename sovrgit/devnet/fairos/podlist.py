"""The list of a user's pods, which is a file like others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from sovrgit.devnet.fairos.metadata import compact


@dataclass(frozen=True, slots=True)
class OwnPod:
    """A pod in the list of its owner. `index` is which of the owner's keys is the pod's."""

    name: str
    index: int
    password: str


@dataclass(frozen=True, slots=True)
class SharedPod:
    """A pod that was received, in the list of its reader."""

    name: str
    address: str
    password: str


@dataclass(slots=True)
class PodList:
    """The pods of a user."""

    own: list[OwnPod] = field(default_factory=list)
    shared: list[SharedPod] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether a pod of either kind has this name."""
        return self.owned(name) is not None or self.received(name) is not None

    def owned(self, name: str) -> OwnPod | None:
        """An own pod by its name."""
        return next((pod for pod in self.own if pod.name == name), None)

    def received(self, name: str) -> SharedPod | None:
        """A received pod by its name."""
        return next((pod for pod in self.shared if pod.name == name), None)

    def encode(self) -> bytes:
        """As it is stored."""
        return compact({"pods": [asdict(pod) for pod in self.own], "sharedPods": [asdict(pod) for pod in self.shared]})

    @classmethod
    def parse(cls, data: bytes) -> PodList:
        """What `encode` made."""
        document = json.loads(data)
        own = [OwnPod(pod["name"], pod["index"], pod["password"]) for pod in document["pods"]]
        return cls(own, [SharedPod(pod["name"], pod["address"], pod["password"]) for pod in document["sharedPods"]])
