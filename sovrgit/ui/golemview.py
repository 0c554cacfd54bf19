"""How the receipts of a run on Golem are shown: who computed, at which price, what came of it, and what it cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sovrgit.objects.codec import Value
from sovrgit.objects.receipts import (
    Summary,
    amount,
    mapping,
    maps,
    moment,
    provider_of,
    summary_of,
    text,
)
from sovrgit.ui.console import Console
from sovrgit.ui.format import human_duration, human_time, plural

_COMMANDS_SHOWN = 12
"""Commands of an agreement that are shown without -v; all of them are in the log."""

_LONGEST = 100
"""Characters of a command or message that are shown."""

_GFTP = re.compile(r"gftp://0x[0-9a-f]{40}/(\w{8})\w+")
_FILE = r"gftp:\1…"
"""Addresses of files are long and mean nothing to people: the hash of what was sent, or a random name."""

_PAID = ("ACCEPTED", "SETTLED")


def receipt_lines(console: Console, golem: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """What is to be said of the run as a whole: names and values."""
    network, platform = text(golem.get("network")), text(golem.get("platform"))
    where = network + (f" ({platform})" if platform else "")
    if subnet := text(golem.get("subnet")):
        where += f", subnet {subnet}"
    yield "Network", console.safe(where) if where else ""
    if golem.get("emulated") is True:
        yield "Emulated", f"{console.style('yes', 'yellow', 'bold')}, by providers on this machine; nothing was paid"
    image = mapping(golem.get("image"))
    yield "Image", console.safe(" ".join(text(image.get(key)) for key in ("requested", "hash", "url")).strip())
    made_by = [text(golem.get("requestor")), f"yagna {text(golem.get('daemon'))}" if text(golem.get("daemon")) else ""]
    yield "Requestor", console.safe(", ".join(part for part in made_by if part))
    yield "Sandbox", console.safe(text(golem.get("sandbox")))
    summary = summary_of(golem)
    if summary is not None:
        yield "Cost", cost_text(summary) + _allocated(golem, summary.token)
    yield "Tasks", _tasks(golem)
    files = maps(golem.get("files"))
    if files:
        sent = sum(text(file.get("direction")) == "in" for file in files)
        yield "Files", f"{sent} sent to providers, {len(files) - sent} received"


def agreement_lines(console: Console, golem: Mapping[str, Value]) -> Iterator[str]:
    """Each agreement with what was done and billed under it, and at the end what was not paid."""
    token = text(mapping(golem.get("cost")).get("token"))
    for agreement in maps(golem.get("agreements")):
        yield ""
        yield from _agreement(console, agreement, token)
    dropped = golem.get("dropped")
    if isinstance(dropped, int) and dropped:
        yield ""
        yield f"{plural(dropped, 'entry', 'entries')} too many or too long for the record; the call log has all"
    unpaid = list(_unpaid(console, golem, token))
    if unpaid:
        yield ""
        yield console.style("Not paid:", "yellow", "bold")
        yield from unpaid


def cost_text(summary: Summary) -> str:
    """What a run cost, in a few words."""
    if summary.accepted is None:
        return "not known"
    said = f"{plain(summary.accepted)} {summary.token}".rstrip()
    if summary.unpaid:
        said += f", {plain(summary.unpaid)} unpaid"
    return said


def without_addresses(command: str) -> str:
    """A command in which the addresses of files are short."""
    return _GFTP.sub(_FILE, command)


def plain(value: Decimal) -> str:
    """An amount without an exponent and without zeros at its end."""
    return f"{value.normalize():f}" if value else "0"


def golem_document(golem: Mapping[str, Value]) -> dict[str, Any] | None:
    """A run on Golem in short, as JSON; None for any other."""
    summary = summary_of(golem)
    if summary is None:
        return None
    return {
        "network": summary.network,
        "emulated": summary.emulated,
        "providers": [provider._asdict() for provider in summary.providers],
        "cost": {
            "token": summary.token,
            "accepted": None if summary.accepted is None else plain(summary.accepted),
            "unpaid": None if summary.unpaid is None else plain(summary.unpaid),
        },
    }


def receipts_document(golem: Value) -> Any:
    """The receipts as JSON, bytes as hexadecimal digits."""
    if isinstance(golem, Mapping):
        return {name: receipts_document(value) for name, value in golem.items()}
    if isinstance(golem, list | tuple):
        return [receipts_document(value) for value in golem]
    return bytes(golem).hex() if isinstance(golem, bytes | bytearray | memoryview) else golem


@dataclass(slots=True)
class Total:
    """What several runs cost together, in one token of one network.

    Attributes:
        unknown: how many of the runs say nothing of their cost.
    """

    network: str
    token: str
    emulated: bool
    runs: int = 0
    accepted: Decimal = Decimal(0)
    unpaid: Decimal = Decimal(0)
    unknown: int = 0

    def text(self) -> str:
        """In words."""
        where = f" on {self.network}" if self.network else ""
        said = f"{plain(self.accepted)} {self.token}".rstrip() + f" in {plural(self.runs, 'run')}{where}"
        if self.emulated:
            said += ", emulated"
        if self.unpaid:
            said += f", {plain(self.unpaid)} unpaid"
        return said + (f", the cost of {self.unknown} is not known" if self.unknown else "")

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "network": self.network,
            "token": self.token,
            "emulated": self.emulated,
            "runs": self.runs,
            "accepted": plain(self.accepted),
            "unpaid": plain(self.unpaid),
            "unknown": self.unknown,
        }


def totals(golems: Sequence[Mapping[str, Value]]) -> list[Total]:
    """The sums, one for each token of each network: worthless ones and money are never added up."""
    found: dict[tuple[str, str, bool], Total] = {}
    for golem in golems:
        summary = summary_of(golem)
        if summary is None:
            continue
        key = (summary.network, summary.token, summary.emulated)
        total = found.setdefault(key, Total(*key))
        total.runs += 1
        total.accepted += summary.accepted or 0
        total.unpaid += summary.unpaid or 0
        total.unknown += summary.accepted is None
    return list(found.values())


def _allocated(golem: Mapping[str, Value], token: str) -> str:
    allocations = maps(golem.get("allocations"))
    known = [value for one in allocations if (value := amount(one.get("total"))) is not None]
    if not known:
        return ""
    said = f", of {plain(sum(known, Decimal(0)))} allocated"
    kept = sum(one.get("released") is False for one in allocations)
    return said + (f", {plural(kept, 'allocation')} not released" if kept else "")


def _tasks(golem: Mapping[str, Value]) -> str:
    tasks = maps(golem.get("tasks"))
    if not tasks:
        return ""
    attempts = [maps(task.get("attempts")) for task in tasks]
    accepted = sum(any(text(one.get("result")) == "accepted" for one in tried) for tried in attempts)
    return f"{accepted} of {len(tasks)} accepted, {plural(sum(map(len, attempts)), 'attempt')}"


def _agreement(console: Console, agreement: Mapping[str, Value], token: str) -> Iterator[str]:
    provider = provider_of(agreement)
    name = console.style(console.safe(provider.called), "cyan")
    identity = f" ({provider.id})" if provider.name and provider.id else ""
    yield f"agreement with {name}{console.safe(identity)}{_ending(console, agreement)}"
    if console.verbosity > 0:
        yield f"  id       {console.safe(text(agreement.get('id')))}"
    price = {key: amount(value) for key, value in mapping(agreement.get("price")).items()}
    parts = [
        f"{plain(found)} {what}"
        for key, what in (("start", "a start"), ("hour", "an hour"), ("cpu_hour", "a CPU hour"))
        if (found := price.get(key)) is not None
    ]
    if parts:
        yield f"  price    {', '.join(parts)}{f' ({console.safe(token)})' if token else ''}"
    commands: list[Mapping[str, Value]] = []
    for activity in maps(agreement.get("activities")):
        usage = mapping(activity.get("usage"))
        used = [
            f"{plain(found)} {what}"
            for key, what in (("seconds", "s"), ("cpu_seconds", "CPU s"))
            if (found := amount(usage.get(key))) is not None
        ]
        identity = f"activity {console.safe(text(activity.get('id')))[:10]}"
        yield f"  used     {', '.join(used) or 'not told'}, {identity}"
        commands += maps(activity.get("commands"))
    for kind, label in (("invoices", "invoice"), ("debit_notes", "note")):
        for bill in maps(agreement.get(kind)):
            if kind == "debit_notes" and console.verbosity <= 0:
                continue
            yield f"  {label:<8} {_bill(console, bill, token)}"
    shown = commands if console.verbosity > 0 else commands[:_COMMANDS_SHOWN]
    for command in shown:
        yield f"  {_command(console, command)}"
    if len(commands) > len(shown):
        yield f"  and {len(commands) - len(shown)} more commands; `sovr logs RUN --provider NAME` has what they printed"


def _ending(console: Console, agreement: Mapping[str, Value]) -> str:
    state, reason = text(agreement.get("state")), text(agreement.get("reason"))
    approved, ended = moment(agreement.get("approved")), moment(agreement.get("ended"))
    said = f": {state.lower()}" if state else ""
    if approved is not None:
        said += f", {human_time(approved // 1_000_000_000)}"
        if ended is not None and ended >= approved:
            said += f" for {human_duration(ended - approved)}"
    return console.safe(said + (f" ({_short(reason)})" if reason else ""))


def _bill(console: Console, bill: Mapping[str, Value], token: str) -> str:
    value = amount(bill.get("amount"))
    said = f"{plain(value)} {token}".rstrip() if value is not None else "of no amount that is understood"
    return console.safe(f"{said}, {text(bill.get('status')).lower() or 'not told'}, {text(bill.get('id'))[:10]}")


def _unpaid(console: Console, golem: Mapping[str, Value], token: str) -> Iterator[str]:
    for agreement in maps(golem.get("agreements")):
        for bill in maps(agreement.get("invoices")):
            if text(bill.get("status")) not in _PAID:
                name = console.safe(provider_of(agreement).called)
                yield f"  invoice of {name}: {_bill(console, bill, token)}"


def _command(console: Console, command: Mapping[str, Value]) -> str:
    result = text(command.get("result"))
    colour = "green" if result == "Ok" else "red" if result else "dim"
    message = text(command.get("message"))
    line = f"{text(command.get('kind')):<8} {_short(without_addresses(text(command.get('words'))))}".rstrip()
    ended = console.style(result.lower() or "no result", colour)
    return f"{console.safe(line)}  {ended}" + (f": {console.safe(_short(message))}" if message else "")


def _short(given: str) -> str:
    one_line = " ".join(given.split())
    return one_line if len(one_line) <= _LONGEST else one_line[: _LONGEST - 1] + "…"
