"""What is known of another pod, and how far others are followed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class PodState(enum.StrEnum):
    """How a pod of somebody else is known here."""

    FETCHED = "fetched"
    ABSENT = "not fetched"
    UNREACHABLE = "not reachable"
    MOVED = "moved"
    REFUSED = "not followed"


@dataclass(frozen=True, slots=True)
class OtherPod:
    """A pod of somebody else.

    `key` names it in an answer. `reference` is what it may be called before anybody. `fetched` is when its commits and
    records were last brought here, in nanoseconds since 1970, None if they never were: where the state is not good,
    they are what was there then.
    """

    key: str
    reference: str
    name: str
    state: PodState
    reason: str = ""
    fetched: int | None = None


class Asking(enum.Enum):
    """When places are asked: never, for what is missing, or always."""

    NEVER = "never"
    MISSING = "missing"
    ALWAYS = "always"


MAX_PODS = 100
"""Pods that one question asks for something new."""


@dataclass(frozen=True, slots=True)
class Following:
    """How far and how other pods are followed.

    Args:
        time_ns: now, in nanoseconds since 1970.
        depth: how many pods away; None for as far as it goes.
        limit: pods that may be asked for something new.
    """

    time_ns: int
    asking: Asking = Asking.MISSING
    depth: int | None = None
    limit: int = MAX_PODS
