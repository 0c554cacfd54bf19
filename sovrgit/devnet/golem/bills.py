"""Allocations and bills: what is remembered of them, and how the daemon tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sovrgit.devnet.golem.world import Malformed, stamp

_DUE = timedelta(days=1)
DEBIT_NOTE, INVOICE = "DebitNote", "Invoice"


@dataclass(slots=True)
class Allocation:
    """Money that is set aside."""

    id: str
    platform: str
    address: str
    total: Decimal
    timestamp: datetime
    timeout: str
    changed: datetime
    spent: Decimal = Decimal(0)
    ended: bool = False

    @property
    def remaining(self) -> Decimal:
        """What can still be spent of it."""
        return self.total - self.spent

    def document(self) -> dict[str, Any]:
        """As the daemon tells it."""
        return {
            "allocationId": self.id,
            "address": self.address,
            "paymentPlatform": self.platform,
            "totalAmount": money(self.total),
            "spentAmount": money(self.spent),
            "remainingAmount": money(self.remaining),
            "timestamp": stamp(self.timestamp),
            "timeout": self.timeout,
            "createdTs": stamp(self.timestamp),
            "updatedTs": stamp(self.changed),
            "makeDeposit": False,
        }


@dataclass(slots=True)
class Bill:
    """A debit note or an invoice.

    Attributes:
        kind: `DebitNote` or `Invoice`.
        activities: those that it is about: one of a debit note.
        total: what is due; of a debit note, since its activity began.
        usage: the counters at that time, of a debit note.
        payable: whether it must be paid by a date. A debit note must if payments in between were negotiated; clients
            end an agreement whose provider asks for them otherwise.
    """

    id: str
    kind: str
    issuer: str
    recipient: str
    platform: str
    timestamp: datetime
    agreement: str
    activities: Sequence[str]
    total: Decimal
    usage: Sequence[float] = ()
    payable: bool = True
    status: str = "RECEIVED"
    payments: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status != "RECEIVED"

    def document(self) -> dict[str, Any]:
        """As the daemon tells it."""
        common = {
            "issuerId": self.issuer,
            "recipientId": self.recipient,
            "payeeAddr": self.issuer,
            "payerAddr": self.recipient,
            "paymentPlatform": self.platform,
            "timestamp": stamp(self.timestamp),
            "agreementId": self.agreement,
            **({"paymentDueDate": stamp(self.timestamp + _DUE)} if self.payable else {}),
            "status": self.status,
        }
        if self.kind == INVOICE:
            return {"invoiceId": self.id, "activityIds": list(self.activities), "amount": money(self.total), **common}
        return {
            "debitNoteId": self.id,
            "activityId": self.activities[0],
            "totalAmountDue": money(self.total),
            "usageCounterVector": list(self.usage),
            **common,
        }


def money(amount: Decimal) -> str:
    """An amount as text, never with an exponent. Digits that were given are kept, zeros too."""
    return f"{amount:f}"


def amount_of(given: Any) -> Decimal:
    """An amount that a client wrote.

    Raises:
        Malformed: if it is none.
    """
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise Malformed("not an amount of money")
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        raise Malformed("not an amount of money") from None
    if not amount.is_finite() or amount < 0 or amount > Decimal(10) ** 15:
        raise Malformed("not an amount of money")
    return amount
