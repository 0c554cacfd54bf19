"""The receipts of a run on Golem, as its record holds them: what the gateway has seen, or what its call log says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from sovrgit.objects.codec import Value
from sovrgit.runs.golem.calls.record import read_calls
from sovrgit.runs.golem.calls.seen import SUBNET, ZERO, Activity, Agreement, Bill, Command, Demand, Seen
from sovrgit.runs.golem.calls.story import take
from sovrgit.runs.golem.limits import NETWORKS, network_of, plain

Receipts: TypeAlias = dict[str, Value]
"""Text, integers and booleans only, no more than 7 levels deep; what is not known is absent. Money is text, times are
nanoseconds since 1970."""

SELECTED = (
    "golem.runtime.name",
    "golem.runtime.version",
    "golem.runtime.capabilities",
    "golem.inf.cpu.architecture",
    "golem.inf.cpu.brand",
    "golem.inf.cpu.cores",
    "golem.inf.cpu.threads",
    "golem.inf.mem.gib",
    "golem.inf.storage.gib",
    "golem.com.pricing.model",
    "golem.com.pricing.model.linear.coeffs",
    "golem.com.usage.vector",
    SUBNET,
)
"""The properties of an offer that are recorded. All of them are in the call log."""

_PACKAGE = "golem.srv.comp.task_package"
_SANDBOX = "sovr.devnet.sandbox"
_LONGEST_TEXT = 1 << 10
_MOST_DEMANDS, _MOST_AGREEMENTS, _MOST_BILLS, _MOST_PAYMENTS = 20, 1000, 50, 1000
_MOST_PROPERTIES = 200


def receipts_from(call_log: Path) -> Receipts:
    """The receipts that a call log holds.

    Raises:
        StorageFailure: if it cannot be read.
    """
    return receipts_of_calls(read_calls(call_log))


def receipts_of_calls(lines: Iterable[Mapping[str, Any]]) -> Receipts:
    """The receipts that the lines of a call log hold."""
    seen = Seen()
    for line in lines:
        take(seen, line)
    return receipts_of(seen)


def receipts_of(seen: Seen) -> Receipts:
    """The receipts of what has been seen."""
    return _Writer(seen).document()


class _Writer:
    """Writes one document, and counts what does not go in."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._dropped = seen.dropped

    def document(self) -> Receipts:
        seen = self._seen
        platform = self._platform()
        made: Receipts = {
            "emulated": seen.emulated,
            "network": network_of(platform),
            "platform": self._text(platform),
            "subnet": self._text(self._subnet()),
            "requestor": seen.requestor,
            "daemon": self._text(seen.daemon),
            "sandbox": self._text(self._sandbox()),
            "image": self._image(),
            "demands": [self._demand(one) for one in self._last(list(seen.demands.values()), _MOST_DEMANDS)],
            "allocations": [
                {"id": one.id, "total": plain(one.total), "spent": plain(one.spent), "released": one.released}
                for one in seen.allocations.values()
            ],
            "agreements": [
                self._agreement(one) for one in self._last(list(seen.agreements.values()), _MOST_AGREEMENTS)
            ],
            "payments": [
                _known({"id": one.id, "amount": plain(one.amount), "at": one.at})
                for one in self._last(list(seen.payments.values()), _MOST_PAYMENTS)
            ],
            "cost": self._cost(platform),
        }
        return _known({**made, "dropped": self._dropped or None})

    def _platform(self) -> str:
        used = [one.platform for one in self._seen.allocations.values()]
        if used:
            return used[-1]
        return self._seen.platforms[0] if len(self._seen.platforms) == 1 else ""

    def _subnet(self) -> str:
        said = [one.properties.get(SUBNET) for one in self._seen.demands.values()]
        return next((one for one in reversed(said) if isinstance(one, str)), self._seen.subnet)

    def _sandbox(self) -> str:
        said = [one.offer.get(_SANDBOX) for one in self._seen.agreements.values()]
        return next((one for one in said if isinstance(one, str)), "")

    def _image(self) -> dict[str, Value]:
        """What the last demand says, in the form `hash:sha3:HASH:URL`."""
        for demand in reversed(self._seen.demands.values()):
            package = demand.properties.get(_PACKAGE)
            if isinstance(package, str) and package.startswith("hash:sha3:"):
                hash_, _, url = package.removeprefix("hash:sha3:").partition(":")
                return _known({"hash": self._text(hash_), "url": self._text(url)})
        return {}

    def _cost(self, platform: str) -> dict[str, Value]:
        agreements = self._seen.agreements.values()
        unpaid = sum((max(one.billed() - one.accepted(), ZERO) for one in agreements), ZERO)
        token = NETWORKS.get(network_of(platform), "")
        return _known({"accepted": plain(self._seen.accepted()), "unpaid": plain(unpaid), "token": token})

    def _demand(self, demand: Demand) -> dict[str, Value]:
        names = sorted(demand.properties)[:_MOST_PROPERTIES]
        self._dropped += len(demand.properties) - len(names)
        return _known(
            {
                "id": demand.id,
                "at": demand.at,
                "constraints": self._text(demand.constraints),
                "properties": {self._text(name): self._text(_said(demand.properties[name])) for name in names},
            }
        )

    def _agreement(self, one: Agreement) -> dict[str, Value]:
        price = one.price
        return _known(
            {
                "id": one.id,
                "provider": _known({"id": one.provider, "name": self._text(one.name)}),
                "price": {"start": plain(price.start), "hour": plain(price.hour), "cpu_hour": plain(price.cpu_hour)}
                if price
                else None,
                "offer": {name: self._text(_said(one.offer[name])) for name in SELECTED if name in one.offer},
                "state": one.state,
                "approved": one.approved,
                "ended": one.ended,
                "reason": self._text(one.reason),
                "activities": [self._activity(self._seen.activities[name]) for name in one.activities],
                "debit_notes": [self._bill(bill) for bill in self._last(list(one.debit_notes.values()), _MOST_BILLS)],
                "invoices": [self._bill(bill) for bill in self._last(list(one.invoices.values()), _MOST_BILLS)],
            }
        )

    def _activity(self, one: Activity) -> dict[str, Value]:
        usage = {
            "seconds": None if one.seconds is None else plain(one.seconds),
            "cpu_seconds": None if one.cpu_seconds is None else plain(one.cpu_seconds),
        }
        return _known(
            {
                "id": one.id,
                "created": one.created,
                "destroyed": one.destroyed,
                "usage": _known(usage),
                "commands": [self._command(command) for command in one.commands],
            }
        )

    def _command(self, one: Command) -> dict[str, Value]:
        known = _known(
            {
                "kind": self._text(one.kind),
                "words": self._text(words_of(one.words)),
                "result": self._text(one.result),
                "message": self._text(one.message),
                "at": one.at,
            }
        )
        return {"batch": one.batch, **known}

    def _bill(self, one: Bill) -> dict[str, Value]:
        return _known(
            {
                "id": one.id,
                "activity": one.activity,
                "amount": plain(one.amount),
                "status": self._text(one.status),
                "at": one.at,
            }
        )

    def _last(self, given: Sequence[Any], most: int) -> Sequence[Any]:
        self._dropped += max(len(given) - most, 0)
        return given[-most:]

    def _text(self, given: str) -> str:
        # What the network sent may hold half a character, for which UTF-8 has no bytes.
        clean = given.encode("utf-8", "replace").decode()
        if len(clean) <= _LONGEST_TEXT:
            return clean
        self._dropped += 1
        return clean[:_LONGEST_TEXT] + "…"


def words_of(words: Iterable[str]) -> str:
    """The words of a command as a shell would read them."""
    return shlex.join(words)


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _known(given: Mapping[str, Value]) -> dict[str, Value]:
    """Without what is not known, or empty."""
    return {
        name: value
        for name, value in given.items()
        if value is not None and value != "" and value != [] and value != {}
    }
