"""The receipts in a run record, read with care: whoever wrote the record may have put anything there.

What is not there, or is not what it should be, is left out; `docs/internals/runs.md` has the whole form.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from sovrgit.objects.codec import Value

_LONGEST_AMOUNT = 64
"""Characters of an amount; numbers of more digits are no money."""


class Provider(NamedTuple):
    """A provider's address, and the name that it gave itself; either may be empty."""

    id: str
    name: str

    @property
    def called(self) -> str:
        """What to call it: its name is its own choice, so two may have the same one."""
        return self.name or self.id or "an unknown provider"

    def matches(self, wanted: str) -> bool:
        """Whether somebody who says so means this one: by name, by id, or by how the id begins."""
        beginning = wanted.lower()
        return wanted == self.name or (len(beginning) > 2 and self.id.lower().startswith(beginning))


class Summary(NamedTuple):
    """A run on Golem in short.

    Attributes:
        emulated: whether it was the devnet, where nothing is paid.
        providers: those that there were agreements with that came about, each once.
        accepted: of the bills, None if it is not known; `unpaid` likewise.
    """

    network: str
    emulated: bool
    providers: tuple[Provider, ...]
    token: str
    accepted: Decimal | None
    unpaid: Decimal | None


def summary_of(golem: Mapping[str, Value]) -> Summary | None:
    """What the receipts say in short; None for a run that was not on Golem."""
    if not golem:
        return None
    cost = mapping(golem.get("cost"))
    providers = {
        provider_of(agreement): None
        for agreement in maps(golem.get("agreements"))
        if "approved" in agreement or maps(agreement.get("activities"))
    }
    return Summary(
        network=text(golem.get("network")),
        emulated=golem.get("emulated") is True,
        providers=tuple(providers),
        token=text(cost.get("token")),
        accepted=amount(cost.get("accepted")),
        unpaid=amount(cost.get("unpaid")),
    )


def provider_of(agreement: Mapping[str, Value]) -> Provider:
    """With whom an agreement is."""
    given = mapping(agreement.get("provider"))
    return Provider(text(given.get("id")), text(given.get("name")))


def mapping(given: Value) -> Mapping[str, Any]:
    """A map, empty if it is none."""
    return given if isinstance(given, Mapping) else {}


def maps(given: Value) -> list[Mapping[str, Any]]:
    """The maps in a list, empty if it is none."""
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list | tuple) else []


def text(given: Value) -> str:
    """A text, empty if it is none."""
    return given if isinstance(given, str) else ""


def moment(given: Value) -> int | None:
    """Nanoseconds since 1970."""
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None


def amount(given: Value) -> Decimal | None:
    """An amount of money: decimal text that is not negative."""
    if not isinstance(given, str) or len(given) > _LONGEST_AMOUNT:
        return None
    try:
        found = Decimal(given)
    except InvalidOperation:
        return None
    # An exponent could make a short text a very long number.
    return found if found.is_finite() and found >= 0 and abs(found.adjusted()) < _LONGEST_AMOUNT else None
