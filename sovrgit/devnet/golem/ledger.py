"""Money that is none: allocations, debit notes, invoices, payments, and what is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sovrgit.devnet.golem.bills import DEBIT_NOTE, INVOICE, Allocation, Bill, amount_of, money
from sovrgit.devnet.golem.providers import PLATFORMS
from sovrgit.devnet.golem.world import Refused, Shelf, World, moment_of, new_id, stamp

FUNDS = Decimal(1000)
"""What there is on each platform."""

_MOST = 1000
_EVENTS = 1000


class Ledger:
    """All the money of the one who owns the stand-in."""

    def __init__(self, world: World, owner: str) -> None:
        """`owner` is the address that pays."""
        self._world = world
        self._owner = owner
        self._allocations: Shelf[Allocation] = Shelf("allocation", _MOST)
        self._bills = {DEBIT_NOTE: Shelf[Bill]("debit note", _MOST), INVOICE: Shelf[Bill]("invoice", _MOST)}
        self._events: dict[str, deque[dict[str, Any]]] = {kind: deque(maxlen=_EVENTS) for kind in self._bills}
        self._payments: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self._spent: dict[str, Decimal] = {}
        # By agreement and activity: what has been accepted, in debit notes or an invoice.
        self._accepted: dict[str, Decimal] = {}

    # --- allocations --------------------------------------------------------------------------------------------

    def allocate(self, given: Any) -> Allocation:
        """Set money aside.

        Raises:
            Refused: if the platform is unknown or there is not enough.
        """
        if not isinstance(given, dict):
            raise Refused(400, "an allocation is an object")
        platform = given.get("paymentPlatform") or PLATFORMS[0]
        if isinstance(platform, dict):
            network = str(platform.get("network") or "hoodi")
            platform = next((known for known in PLATFORMS if known.split("-")[1] == network), network)
        if platform not in PLATFORMS:
            raise Refused(400, f"Account not found. Payment platform: {str(platform)[:64]}")
        total = amount_of(given.get("totalAmount"))
        timeout = given.get("timeout")
        if timeout is not None and moment_of(timeout) <= self._world.now():
            raise Refused(400, "Allocation timeout is in the past")
        if total > self.available(platform):
            raise Refused(400, f"Insufficient funds to make allocation. Top up your account: {self._owner}")
        made = Allocation(
            new_id(),
            platform,
            self._owner,
            total,
            self._world.now(),
            stamp(moment_of(timeout)) if timeout is not None else None,
        )
        self._allocations.put(made.id, made)
        return made

    def amend(self, allocation_id: str, given: Any) -> Allocation:
        """Change how much is set aside, or until when."""
        found = self.allocation(allocation_id)
        if not isinstance(given, dict):
            raise Refused(400, "an allocation is an object")
        total = amount_of(given["totalAmount"]) if given.get("totalAmount") is not None else found.total
        if total < found.spent or total - found.total > self.available(found.platform):
            raise Refused(400, "Allocation cannot be changed to this amount")
        if given.get("timeout") is not None:
            found.timeout = stamp(moment_of(given["timeout"]))
        found.total = total
        return found

    def allocation(self, allocation_id: str) -> Allocation:
        """An allocation that has not been released.

        Raises:
            Refused: if there is none.
        """
        found = self._allocations.get(allocation_id)
        if found.ended:
            raise Refused(404, f"allocation [{allocation_id[:128]}] not found")
        return found

    def release(self, allocation_id: str) -> None:
        """Give back what is left of an allocation."""
        self.allocation(allocation_id).ended = True

    def allocations(self) -> list[Allocation]:
        """Those that have not been released."""
        return [one for one in self._allocations.all() if not one.ended]

    def available(self, platform: str) -> Decimal:
        """What can be set aside on a platform."""
        reserved = sum((one.remaining for one in self.allocations() if one.platform == platform), Decimal(0))
        return FUNDS - self._spent.get(platform, Decimal(0)) - reserved

    def balance(self, platform: str) -> Decimal:
        """What there is on a platform."""
        return FUNDS - self._spent.get(platform, Decimal(0))

    def decorations(self, allocation_ids: Sequence[str]) -> dict[str, Any]:
        """What a demand says so that it can be paid from allocations."""
        properties = [{"key": "golem.com.payment.protocol.version", "value": "3"}]
        platforms = dict.fromkeys(self.allocation(one).platform for one in allocation_ids)
        constraints = ["(golem.com.payment.protocol.version>1)"]
        for platform in platforms:
            key = f"golem.com.payment.platform.{platform}.address"
            properties.append({"key": key, "value": self._owner})
            constraints.append(f"({key}=*)")
        return {"properties": properties, "constraints": constraints}

    # --- bills --------------------------------------------------------------------------------------------------

    def issue(
        self,
        kind: str,
        *,
        issuer: str,
        platform: str,
        agreement: str,
        activities: Sequence[str],
        total: Decimal,
        usage: Sequence[float] = (),
        payable: bool = True,
    ) -> Bill:
        """Let a provider send a debit note or an invoice."""
        moment = self._world.now()
        bill = Bill(
            new_id(),
            kind,
            issuer,
            self._owner,
            platform,
            moment,
            agreement,
            tuple(activities),
            total,
            tuple(usage),
            payable,
        )
        self._bills[kind].put(bill.id, bill)
        self._tell(bill, "Received")
        return bill

    def bill(self, kind: str, bill_id: str) -> Bill:
        """A debit note or an invoice."""
        return self._bills[kind].get(bill_id)

    def bills(self, kind: str) -> list[Bill]:
        """All that are remembered."""
        return self._bills[kind].all()

    def accept(self, kind: str, bill_id: str, given: Any) -> None:
        """Accept what is due, and pay what has not been paid of it.

        Raises:
            Refused: if the amount differs, or the allocation does not suffice.
        """
        bill = self.bill(kind, bill_id)
        if not isinstance(given, dict):
            raise Refused(400, "an acceptance is an object")
        if bill.status == "REJECTED":
            raise Refused(400, f"{kind} has been rejected")
        if amount_of(given.get("totalAmountAccepted")) != bill.total:
            raise Refused(400, f"Invalid amount accepted. Expected: {money(bill.total)}")
        allocation = self.allocation(str(given.get("allocationId")))
        if bill.status != "RECEIVED":
            return
        if allocation.platform != bill.platform:
            raise Refused(400, f"Allocation {allocation.id} is for another payment platform")
        due = max(bill.total - self._already(bill), Decimal(0))
        if due > allocation.remaining:
            raise Refused(400, f"Not enough funds. Allocated: {money(allocation.remaining)} Needed: {money(due)}")
        allocation.spent += due
        self._spent[bill.platform] = self._spent.get(bill.platform, Decimal(0)) + due
        self._note(bill)
        # Debit notes stay accepted: they are settled with the invoice.
        bill.status = "SETTLED" if kind == INVOICE else "ACCEPTED"
        self._pay(bill, allocation, due)
        self._tell(bill, "Accepted")
        if kind == INVOICE:
            self._tell(bill, "Settled")

    def reject(self, kind: str, bill_id: str) -> None:
        """Refuse to pay."""
        bill = self.bill(kind, bill_id)
        if bill.status != "RECEIVED":
            raise Refused(400, f"{kind} has been accepted already")
        bill.status = "REJECTED"

    def payments(self) -> list[dict[str, Any]]:
        """What has been paid."""
        return list(self._payments)

    def events(self, kind: str, after: datetime, most: int) -> list[dict[str, Any]]:
        """What has happened to debit notes or invoices after a moment."""
        return [event for event in self._events[kind] if moment_of(event["eventDate"]) > after][:most]

    def _already(self, bill: Bill) -> Decimal:
        """What has been accepted of what a bill is about."""
        return sum((self._accepted.get(one, Decimal(0)) for one in bill.activities), Decimal(0))

    def _note(self, bill: Bill) -> None:
        if bill.kind == DEBIT_NOTE:
            one = bill.activities[0]
            self._accepted[one] = max(bill.total, self._accepted.get(one, Decimal(0)))
            if len(self._accepted) > _MOST:
                del self._accepted[next(iter(self._accepted))]
            return
        # The last bill about these activities.
        for one in bill.activities:
            self._accepted.pop(one, None)

    def _pay(self, bill: Bill, allocation: Allocation, due: Decimal) -> None:
        payment_id = new_id()
        paid = {
            "paymentId": payment_id,
            "payerId": self._owner,
            "payeeId": bill.issuer,
            "payerAddr": self._owner,
            "payeeAddr": bill.issuer,
            "paymentPlatform": bill.platform,
            "amount": money(due),
            "timestamp": stamp(self._world.now()),
            "agreementPayments": [],
            "activityPayments": [],
            "details": "",
            "allocationId": allocation.id,
        }
        bill.payments.append(payment_id)
        self._payments.append(paid)

    def _tell(self, bill: Bill, what: str) -> None:
        id_key = "invoiceId" if bill.kind == INVOICE else "debitNoteId"
        event = {
            "eventType": f"{bill.kind}{what}Event",
            "eventDate": stamp(self._world.now()),
            id_key: bill.id,
        }
        self._events[bill.kind].append(event)
        self._world.ring()
