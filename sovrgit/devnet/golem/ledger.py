"""Money that is none: allocations, debit notes, invoices, payments, and what is told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sovrgit.devnet.golem.bills import DEBIT_NOTE, INVOICE, Allocation, Bill, amount_of, money
from sovrgit.devnet.golem.providers import PLATFORMS
from sovrgit.devnet.golem.world import Malformed, Problem, Refused, Shelf, World, moment_of, new_uuid, stamp

FUNDS = Decimal(1000)
"""What there is on each platform."""

_LASTS = timedelta(minutes=15)
"""How long an allocation lasts for which nobody said how long."""

_DEFAULT_NETWORK = "holesky"
"""Gone as a network, but still what the daemon takes if nobody names one."""

_MOST = 1000
_EVENTS = 1000


class Ledger:
    """All the money of the one who owns the stand-in."""

    def __init__(self, world: World, owner: str) -> None:
        """`owner` is the address that pays."""
        self._world = world
        self._owner = owner
        self._allocations: Shelf[Allocation] = Shelf("allocation", _MOST, _unknown)
        self._bills = {one: Shelf[Bill](one, _MOST, _unknown) for one in (DEBIT_NOTE, INVOICE)}
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
            raise Malformed("an allocation is an object")
        total = amount_of(given.get("totalAmount"))
        now = self._world.now()
        ends = moment_of(given["timeout"]) if given.get("timeout") is not None else now + _LASTS
        asked = {name: given.get(name) for name in ("address", "deposit", "extendTimeout", "paymentPlatform")}
        asked |= {"makeDeposit": bool(given.get("makeDeposit")), "totalAmount": money(total), "timeout": stamp(ends)}
        platform = self._platform(asked)
        if ends <= now:
            raise Problem(
                "validation-error",
                "Requested allocation timeout is in the past",
                instance="/payment-api/v1/allocations/validation-error/timeout-passed",
                address=self._owner,
                paymentPlatform=platform,
                requestBody=asked,
                requestedTimeout=ends.isoformat(),
            )
        if total > self.available(platform):
            raise Refused(400, f"Insufficient funds to make allocation. Top up your account: {self._owner}")
        made = Allocation(new_uuid(), platform, self._owner, total, now, stamp(ends), now)
        self._allocations.put(made.id, made)
        return made

    def amend(self, allocation_id: str, given: Any) -> Allocation:
        """Change how much is set aside, or until when."""
        found = self.allocation(allocation_id)
        if not isinstance(given, dict):
            raise Malformed("an allocation is an object")
        total = amount_of(given["totalAmount"]) if given.get("totalAmount") is not None else found.total
        if total < found.spent or total - found.total > self.available(found.platform):
            raise Refused(400, "Allocation cannot be changed to this amount")
        if given.get("timeout") is not None:
            found.timeout = stamp(moment_of(given["timeout"]))
        found.total, found.changed = total, self._world.now()
        return found

    def allocation(self, allocation_id: str) -> Allocation:
        """An allocation that has not been released.

        Raises:
            Refused: if there is none.
        """
        found = self._allocations.get(allocation_id)
        if found.ended:
            raise _unknown(allocation_id)
        return found

    def release(self, allocation_id: str) -> None:
        """Give back what is left of an allocation.

        Raises:
            Refused: if there is none, or it was released before.
        """
        found = self._allocations.get(allocation_id)
        if found.ended:
            raise Refused(410, f"Allocation {allocation_id} has been already released")
        found.ended = True

    def allocations(self) -> list[Allocation]:
        """Those that have not been released."""
        return [one for one in self._allocations.all() if not one.ended]

    def available(self, platform: str) -> Decimal:
        """What can be set aside on a platform."""
        reserved = sum((one.remaining for one in self.allocations() if one.platform == platform), Decimal(0))
        return FUNDS - self._spent.get(platform, Decimal(0)) - reserved

    def decorations(self, allocation_ids: Sequence[str]) -> dict[str, Any]:
        """What a demand says so that it can be paid from allocations."""
        platforms = dict.fromkeys(self.allocation(one).platform for one in allocation_ids)
        properties, constraints = [], []
        for platform in platforms:
            key = f"golem.com.payment.platform.{platform}.address"
            properties.append({"key": key, "value": self._owner})
            constraints.append(f"({key}=*)")
        properties.append({"key": "golem.com.payment.protocol.version", "value": "3"})
        constraints.append("(golem.com.payment.protocol.version>1)")
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
            new_uuid(),
            kind,
            issuer,
            self._owner,
            platform,
            moment,
            agreement,
            tuple(activities),
            total.normalize(),
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
            raise Malformed("an acceptance is an object")
        accepted, allocation_id = amount_of(given.get("totalAmountAccepted")), given.get("allocationId")
        if not isinstance(allocation_id, str):
            raise Malformed("missing field `allocationId`")
        if bill.status == "REJECTED":
            raise Refused(400, f"{kind} has been rejected")
        if accepted != bill.total:
            raise Refused(400, f"Invalid amount accepted. Expected: {money(bill.total)}")
        if bill.status != "RECEIVED":
            return
        allocation = self._allocations.find(allocation_id)
        if allocation is None or allocation.ended:
            raise Refused(400, f"Allocation {allocation_id[:128]} not found")
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

    @staticmethod
    def _platform(asked: dict[str, Any]) -> str:
        """The platform that an allocation is asked for: by its name, or by parts of it."""
        given = asked["paymentPlatform"]
        if given is None or isinstance(given, dict):
            parts = {name: (given or {}).get(name) for name in ("driver", "network", "token")}
            asked["paymentPlatform"] = parts if given is not None else None
            network = str(parts["network"] or _DEFAULT_NETWORK)
            found = next((one for one in PLATFORMS if one.split("-")[1] == network), None)
        else:
            found = given if given in PLATFORMS else None
        if found is None:
            raise Problem(
                "bad-payment-platform",
                "Payment platform doesn't parse",
                parseError="Invalid network name",
                requestBody=asked,
                requestedPaymentPlatform=asked["paymentPlatform"],
            )
        return found

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
        payment_id = new_uuid()
        paid = {
            "paymentId": payment_id,
            "payerId": self._owner,
            "payeeId": bill.issuer,
            "payerAddr": self._owner,
            "payeeAddr": bill.issuer,
            "paymentPlatform": bill.platform,
            "amount": money(due.normalize()),
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


def _unknown(_: str) -> Refused:
    """The refusal of a call about something that there is not: of what, is not said."""
    return Refused(404, None)
