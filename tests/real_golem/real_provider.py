"""A provider on the real market: it offers, negotiates, approves, lets commands run, bills; one agreement at a time.

What is offered and what it costs is what the devnet's provider of the same number says. Its faults are the devnet's.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from exe_unit import ExeUnit
from gsb import Bus
from yagna import API, Member

from sovrgit.devnet.golem.bills import money
from sovrgit.devnet.golem.faults import Kind
from sovrgit.devnet.golem.providers import SUBNET, Provider
from sovrgit.devnet.golem.tools import Tools
from sovrgit.devnet.golem.world import moment_of, stamp

MARKET, PAYMENT, ACTIVITY = "/market-api/v1", "/payment-api/v1", "/activity-api/v1"
POLL = 5
SUBNETS = ("public", "devnet-beta")
"""Where it offers. The second one is what the first Sovr CLI's scripts ask for."""

_DUE = timedelta(days=1)


class RealProvider:
    """One provider, with a thread for each kind of event."""

    def __init__(self, member: Member, like: Provider, bus: Bus, tools: Tools) -> None:
        self._like = like
        self._bus = bus
        self._tools = tools
        self._http = httpx.Client(
            base_url=API,
            headers={"Authorization": f"Bearer {member.app_key}"},
            timeout=POLL * 4,
            trust_env=False,
        )
        self.node_id = member.node_id
        self._began = stamp(datetime.now(UTC))
        self._closed = False
        self._lock = threading.Condition(threading.RLock())
        self._offers: dict[str, str] = {}
        self._agreements: dict[str, dict[str, Any]] = {}
        self._units: dict[str, ExeUnit] = {}
        self.problems: list[str] = []
        self._offer()
        for work in (self._agreement_events, self._activity_events):
            self._spawn(work)

    def close(self) -> None:
        """End what it does. Polls that are under way are not waited for."""
        self._closed = True
        for unit in list(self._units.values()):
            unit.end()
        for offer in list(self._offers):
            self._withdraw(offer)

    # --- the market ---------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        with self._lock:
            for subnet in SUBNETS:
                properties = self._like.offer({SUBNET: subnet})
                body = {"properties": self._own(properties), "constraints": self._like.constraints({SUBNET: subnet})}
                offer = self._post(f"{MARKET}/offers", body)
                self._offers[offer] = subnet
                self._spawn(lambda offer=offer: self._negotiate(offer))

    def _own(self, properties: dict[str, Any]) -> dict[str, Any]:
        """Properties with the address of this one."""
        return {name: self.node_id if value == self._like.node_id else value for name, value in properties.items()}

    def _withdraw(self, offer: str) -> None:
        with self._lock:
            if self._offers.pop(offer, None) is not None:
                self._http.delete(f"{MARKET}/offers/{offer}")

    def _negotiate(self, offer: str) -> None:
        """Answer everything that comes in about an offer, as long as there is one."""
        while not self._closed and offer in self._offers:
            answer = self._http.get(f"{MARKET}/offers/{offer}/events", params={"timeout": POLL, "maxEvents": 10})
            if answer.status_code == 404 and offer not in self._offers:
                return
            for event in answer.raise_for_status().json():
                if event["eventType"] == "ProposalEvent":
                    self._counter(offer, event["proposal"])
                elif event["eventType"] == "AgreementEvent":
                    self._decide(event["agreement"])

    def _counter(self, offer: str, proposal: Mapping[str, Any]) -> None:
        asked = proposal["properties"]
        properties = self._own(self._like.offer(asked))
        for name, value in asked.items():
            if name in properties and name.endswith("?"):
                properties[name] = value
        constraints = self._like.constraints(asked)
        path = f"{MARKET}/offers/{offer}/proposals/{proposal['proposalId']}"
        # Refused if the one who asked has gone in the meantime.
        self._http.post(path, json={"properties": properties, "constraints": constraints})

    def _decide(self, agreement: dict[str, Any]) -> None:
        path = f"{MARKET}/agreements/{agreement['agreementId']}"
        if self._tools.faults.take(Kind.REJECTION, self._like.name) is not None:
            self._post(f"{path}/reject", {"message": "The provider does not want to"})
            return
        with self._lock:
            if self._agreements:
                self._post(f"{path}/reject", {"message": "No capacity available. Reached Agreements limit: 1"})
                return
            self._agreements[agreement["agreementId"]] = {**agreement, "activities": {}}
        self._post(f"{path}/approve?timeout={POLL}", None)
        for offer in list(self._offers):
            self._withdraw(offer)

    def _agreement_events(self) -> None:
        after = self._began
        while not self._closed:
            query = {"timeout": POLL, "maxEvents": 10, "afterTimestamp": after}
            for event in self._http.get(f"{MARKET}/agreementEvents", params=query).raise_for_status().json():
                after = event["eventDate"]
                ended = event["eventType"] in ("AgreementTerminatedEvent", "AgreementCancelledEvent")
                if ended and event["agreementId"] in self._agreements:
                    self._conclude(event["agreementId"])

    def _conclude(self, agreement_id: str) -> None:
        """End what goes on under an agreement, send the invoice, and offer again."""
        due: dict[str, Decimal | None] = self._agreements[agreement_id]["activities"]
        for activity in due:
            self._end(activity)
        with self._lock:
            assert self._lock.wait_for(lambda: None not in due.values(), POLL * 4), "an activity does not end"
        total = sum((one for one in due.values() if one is not None), Decimal(0))
        fault = self._tools.faults.take(Kind.OVER_BILLING, self._like.name)
        if fault is not None:
            total *= Decimal(repr(fault.much(10)))
        if due:
            invoice = {
                "agreementId": agreement_id,
                "activityIds": list(due),
                "amount": money(total),
                "paymentDueDate": stamp(datetime.now(UTC) + _DUE),
            }
            made = self._post(f"{PAYMENT}/invoices", invoice)
            self._post(f"{PAYMENT}/invoices/{made['invoiceId']}/send", None)
        with self._lock:
            del self._agreements[agreement_id]
        self._offer()

    # --- activities ---------------------------------------------------------------------------------------------

    def _activity_events(self) -> None:
        after = self._began
        while not self._closed:
            query = {"timeout": POLL, "maxEvents": 10, "afterTimestamp": after}
            answer = self._http.get(f"{ACTIVITY}/events", params=query)
            if answer.status_code == 408:
                continue
            for event in answer.raise_for_status().json():
                after = event["eventDate"]
                if "CreateActivity" in event["eventType"]:
                    self._begin(event["activityId"], event["agreementId"])
                else:
                    self._end(event["activityId"])

    def _begin(self, activity_id: str, agreement_id: str) -> None:
        if self._tools.faults.take(Kind.NO_ACTIVITY, self._like.name) is not None:
            reason = "Failed to create activity: ExeUnit could not be spawned"
            state = {"state": ["Terminated", None], "reason": reason, "errorMessage": reason}
            self._http.put(f"{ACTIVITY}/activity/{activity_id}/state", json=state).raise_for_status()
            return
        agreement = self._agreements[agreement_id]
        agreement["activities"][activity_id] = None
        valid_to = moment_of(agreement["validTo"])
        self._units[activity_id] = ExeUnit(
            self._bus, activity_id, self._like, valid_to, agreement["demand"]["properties"], self._tools, self._died
        )

    def _end(self, activity_id: str) -> None:
        """End an activity, unless it has ended."""
        unit = self._units.pop(activity_id, None)
        if unit is not None:
            unit.end()
            self._bill(unit)

    def _died(self, activity_id: str) -> None:
        """An activity has ended by itself."""
        unit = self._units.pop(activity_id, None)
        if unit is not None:
            self._bill(unit)

    def _bill(self, unit: ExeUnit) -> None:
        """Send the last debit note of an activity."""
        activity_id = unit.id
        total = self._like.prices.cost(unit.usage)
        note = {"activityId": activity_id, "totalAmountDue": money(total), "usageCounterVector": unit.usage}
        made = self._post(f"{PAYMENT}/debitNotes", note)
        self._post(f"{PAYMENT}/debitNotes/{made['debitNoteId']}/send", None)
        with self._lock:
            for agreement in self._agreements.values():
                if activity_id in agreement["activities"]:
                    agreement["activities"][activity_id] = total
            self._lock.notify_all()

    # --- means --------------------------------------------------------------------------------------------------

    def _post(self, path: str, body: Any) -> Any:
        answer = self._http.post(path, json=body) if body is not None else self._http.post(path)
        if not answer.is_success:
            raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def _spawn(self, work: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                work()
            except Exception:
                # Told by those who look at what has come of it: there is nobody to catch it here.
                if not self._closed:
                    self.problems.append(traceback.format_exc())
                    sys.stderr.write(self.problems[-1])

        threading.Thread(target=whole, name=f"{self._like.name}: {work}", daemon=True).start()
