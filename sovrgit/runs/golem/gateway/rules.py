"""The spend firewall: what a call must fulfil before the daemon sees it, and how it is rewritten.

What is let through is written anew from what was understood of it, so that the daemon cannot understand something else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sovrgit.runs.golem.calls import routes
from sovrgit.runs.golem.calls.costs import most
from sovrgit.runs.golem.calls.routes import Found
from sovrgit.runs.golem.calls.seen import CHOSEN_PLATFORM, SUBNET, ZERO, Agreement, Bill
from sovrgit.runs.golem.calls.values import amount, flat, id_of, mapping, nanoseconds, text
from sovrgit.runs.golem.gateway.book import Book
from sovrgit.runs.golem.limits import Limits, plain, price_of

Ask = Callable[[str, str], tuple[int, Any]]
"""Asks the daemon something for the gateway itself: method and path; status and answer."""

_SUBNET_CONSTRAINT = re.compile(rf"\(\s*{re.escape(SUBNET)}\s*=[^()]*\)")
SUBNET_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Refused(Exception):
    """A call that is not let through: why, in words for users."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Rules:
    """The limits, as they apply to calls. Safe for threads.

    Attributes:
        closed: why nothing new may be opened; empty as long as it may.
    """

    def __init__(self, limits: Limits, book: Book, ask: Ask, subnet: str | None) -> None:
        self.limits = limits
        self.closed = ""
        self._book = book
        self._seen = book.seen
        self._ask = ask
        self._subnet = subnet
        # What calls that are under way would add, by their numbers: to what is set aside, and to what is spent.
        self._aside: dict[int, Decimal] = {}
        self._due: dict[int, Decimal] = {}

    def check(self, number: int, found: Found, document: Any) -> Any:
        """What to send instead of the body of a call that is known.

        Raises:
            Refused: if it is not let through.
        """
        if self.closed and (found.route.opens or found.name in ("activity.exec", "proposal.counter")):
            raise Refused(self.closed)
        with self._book.lock:
            self._own(found)
        match found.name:
            case "allocation.make":
                return self._allocate(number, document)
            case "allocation.amend":
                return self._amend(number, found.ids[0], document)
            case "demand.make" | "proposal.counter":
                return self._demand(document)
            case "agreement.make":
                self._agree(document)
            case "agreement.confirm":
                self._confirm(found.ids[0])
            case "activity.make":
                self._activity(document)
            case "invoice.accept" | "debitNote.accept":
                return self._accept(number, found, document)
        return document

    def settled(self, number: int, *, known: bool) -> None:
        """A call has its answer. If it is not known what came of it, what it would set aside stays counted."""
        if known:
            self._aside.pop(number, None)
        self._due.pop(number, None)

    def _own(self, found: Found) -> None:
        """Refuse what would change something that was not made in this run."""
        thing, verb = found.name.split(".") if "." in found.name else (found.name, "")
        if verb in ("make", "list", "events", "get", "payments", "state", "usage", "agreement", "results", ""):
            return
        known: Mapping[str, Mapping[str, object]] = {
            "demand": self._seen.demands,
            "proposal": self._seen.demands,
            "agreement": self._seen.agreements,
            "allocation": self._seen.allocations,
            "activity": self._seen.activities,
            "network": self._seen.networks,
        }
        if thing in known and found.ids[0] not in known[thing]:
            what = "demand" if thing == "proposal" else thing
            raise Refused(f"{_article(what)} {what} that was not made in this run cannot be changed by it")

    # --- allocations --------------------------------------------------------------------------------------------

    def _allocate(self, number: int, document: Any) -> Any:
        given = mapping(document)
        _no_deposit(given)
        platform = self._platform(given.get("paymentPlatform"))
        total = amount(given.get("totalAmount"))
        if not total:
            raise Refused("an allocation needs an amount of more than 0", 400)
        self._set_aside(number, total)
        address = given.get("address")
        return {
            **({"address": address} if isinstance(address, str) else {}),
            "paymentPlatform": platform,
            "totalAmount": plain(total),
            "timeout": self._timeout(given.get("timeout")),
            "makeDeposit": False,
        }

    def _amend(self, number: int, allocation_id: str, document: Any) -> Any:
        given = mapping(document)
        _no_deposit(given)
        with self._book.lock:
            allocation = self._seen.allocations[allocation_id]
        made: dict[str, Any] = {}
        if given.get("timeout") is not None:
            made["timeout"] = self._timeout(given["timeout"], allocation.at)
        if given.get("totalAmount") is not None:
            total = amount(given["totalAmount"])
            if not total:
                raise Refused("an allocation needs an amount of more than 0", 400)
            with self._book.lock:
                more = total - allocation.total
                if more > 0:
                    self._set_aside(number, more)
            made["totalAmount"] = plain(total)
        return made

    def _set_aside(self, number: int, total: Decimal) -> None:
        with self._book.lock:
            before = self._seen.committed() + sum(self._aside.values(), ZERO)
            if before + total > self.limits.budget:
                rest = max(self.limits.budget - before, ZERO)
                raise Refused(
                    f"an allocation of {plain(total)} is more than what is left of the budget: "
                    f"{plain(rest)} of {plain(self.limits.budget)}"
                )
            self._aside[number] = total

    def _platform(self, given: Any) -> str:
        """The payment platform that is meant, however it is written."""
        if isinstance(given, dict):
            asked = {name: text(given.get(name)).lower() for name in ("driver", "network", "token")}
            fitting = [
                one
                for one in self.limits.platforms
                if asked["network"]
                and all(not want or want == part for want, part in zip(asked.values(), one.split("-"), strict=False))
            ]
            given = fitting[0] if len(fitting) == 1 else "-".join(part or "?" for part in asked.values())
        if given not in self.limits.platforms:
            allowed = ", ".join(sorted(self.limits.platforms)) or "none"
            raise Refused(f"the payment platform {str(given)[:64]!r} is not allowed in this run (allowed: {allowed})")
        return str(given)

    def _timeout(self, given: Any, since: int | None = None) -> str:
        """Until when an allocation may live that is made now, or was made at some time."""
        latest = (time.time_ns() if since is None else since) + int(self.limits.seconds * 1e9)
        asked = nanoseconds(given)
        # Milliseconds and no finer, as some daemons keep no more; an allocation is recognised by it.
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(latest, asked or latest) // 10**6)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # --- market -------------------------------------------------------------------------------------------------

    def _demand(self, document: Any) -> Any:
        given = mapping(document)
        properties = flat(given.get("properties"))
        platform = properties.get(CHOSEN_PLATFORM)
        if platform is not None:
            self._platform(platform)
        if self._subnet is None:
            return document
        clause = f"({SUBNET}={self._subnet})"
        constraints, found = _SUBNET_CONSTRAINT.subn(clause, text(given.get("constraints")))
        if not found:
            constraints = f"(&{constraints}{clause})" if constraints.strip() not in ("", "()") else clause
        return {**given, "properties": {**properties, SUBNET: self._subnet}, "constraints": constraints}

    def _agree(self, document: Any) -> None:
        with self._book.lock:
            offer = self._seen.offers.get(id_of(mapping(document).get("proposalId")))
        if offer is not None:
            # What the provider has offered is known: no need to ask it for what will be refused.
            self._price(offer)

    def _confirm(self, agreement_id: str) -> None:
        """Look at what is to be signed, as the daemon has it."""
        status, answer = self._ask("GET", f"{routes.MARKET}/agreements/{agreement_id}")
        told = mapping(answer)
        if status != 200 or told.get("agreementId") != agreement_id:
            raise Refused("the daemon does not say what the agreement is", 502)
        self._price(flat(mapping(told.get("offer")).get("properties")))
        self._platform(flat(mapping(told.get("demand")).get("properties")).get(CHOSEN_PLATFORM))

    def _price(self, offer: Mapping[str, Any]) -> None:
        try:
            price = price_of(offer)
        except ValueError as error:
            raise Refused(f"no agreement: {error}") from None
        objection = self.limits.objection(price)
        if objection:
            raise Refused(f"no agreement: {objection}")

    def _activity(self, document: Any) -> None:
        agreement_id = id_of(document) or id_of(mapping(document).get("agreementId"))
        with self._book.lock:
            agreement = self._seen.agreements.get(agreement_id)
            # It is Pending since it was confirmed, and only then was its price looked at.
            if agreement is None or agreement.state not in ("Pending", "Approved"):
                raise Refused("an activity needs an agreement that was confirmed in this run and is in force")

    # --- bills --------------------------------------------------------------------------------------------------

    def _accept(self, number: int, found: Found, document: Any) -> Any:
        kind = found.name.partition(".")[0]
        word = "an invoice" if kind == "invoice" else "a debit note"
        given = mapping(document)
        accepted, allocation_id = amount(given.get("totalAmountAccepted")), id_of(given.get("allocationId"))
        if accepted is None:
            raise Refused("not an amount of money", 400)
        status, answer = self._ask("GET", f"{routes.PAYMENT}/{kind}s/{found.ids[0]}")
        told = mapping(answer)
        if status != 200 or told.get(f"{kind}Id") != found.ids[0]:
            raise Refused(f"the daemon does not say what it is that is to be accepted (status {status})", 502)
        with self._book.lock:
            bill = self._seen.bill(kind, found.ids[0])
            if bill is None:
                raise Refused(f"{word} about something that was not agreed upon in this run is not accepted")
            if allocation_id not in self._seen.allocations:
                raise Refused(f"{word} can only be paid from an allocation of this run")
            self._platform(told.get("paymentPlatform"))
            if accepted > bill.amount:
                raise Refused(f"{word} of {plain(bill.amount)} cannot be accepted for {plain(accepted)}")
            agreement = self._seen.agreements[bill.agreement]
            limit = most(self._seen, agreement, time.time_ns(), bill.activity)
            if limit is None:
                raise Refused("the price that was agreed upon is not known")
            if bill.amount > limit:
                raise Refused(
                    f"{word} of {plain(bill.amount)} is more than the agreed price can have come to: {plain(limit)}"
                )
            due = (
                max(bill.amount - agreement.accepted(), ZERO) if kind == "invoice" else self._note_due(agreement, bill)
            )
            before = self._seen.accepted() + sum(self._due.values(), ZERO)
            if before + due > self.limits.budget:
                raise Refused(
                    f"{word} of {plain(bill.amount)} passes the budget: {plain(before)} of "
                    f"{plain(self.limits.budget)} are spent"
                )
            self._due[number] = due
        return {"totalAmountAccepted": plain(accepted), "allocationId": allocation_id}

    @staticmethod
    def _note_due(agreement: Agreement, bill: Bill) -> Decimal:
        noted = agreement.noted(accepted=True).get(bill.activity, ZERO)
        return max(bill.amount - noted, ZERO)


def _no_deposit(given: Mapping[str, Any]) -> None:
    if given.get("makeDeposit") or given.get("deposit") or given.get("extendTimeout"):
        raise Refused("an allocation with a deposit is not allowed: a deposit is out of the gateway's reach")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
