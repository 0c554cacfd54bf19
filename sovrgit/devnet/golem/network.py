"""The simulated network as a whole: the market, the money, the providers and what they do, for one owner."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from sovrgit.devnet.golem.activities import Activity
from sovrgit.devnet.golem.agreements import Agreement
from sovrgit.devnet.golem.batches import Allowance
from sovrgit.devnet.golem.bills import DEBIT_NOTE, INVOICE
from sovrgit.devnet.golem.faults import Fault, Faults, Kind
from sovrgit.devnet.golem.home import Home
from sovrgit.devnet.golem.images import Images
from sovrgit.devnet.golem.ledger import Ledger
from sovrgit.devnet.golem.market import Market
from sovrgit.devnet.golem.providers import DEBIT_NOTE_INTERVAL, make_providers
from sovrgit.devnet.golem.published import Published
from sovrgit.devnet.golem.sandbox import Sandbox
from sovrgit.devnet.golem.tools import Tools, clear
from sovrgit.devnet.golem.world import Refused, Shelf, World

_ACTIVITIES = 500
_KEPT = 64 << 20
"""Bytes of commands and their output that are remembered, of all activities together."""

_INTERVAL = "golem.com.scheme.payu.debit-note.interval-sec?"
_PAYMENT_TIMEOUT = "golem.com.scheme.payu.payment-timeout-sec?"
_SHORTEST = 1.0
"""Seconds between debit notes, at least."""


class Network:
    """What the calls are about. One object in one process serves a folder at a time."""

    def __init__(
        self,
        home: Home,
        count: int,
        faults: Iterable[Fault],
        namespaces: bool,
        images: Mapping[str, Path],
        clock: Callable[[], float],
    ) -> None:
        """Begin with nothing agreed upon.

        Args:
            count: how many providers there are.
            namespaces: whether to keep commands apart, if this machine allows it.
            images: folders and files by the hash or the tag of an image.

        Raises:
            DevnetFailed: if one of the images cannot be used.
        """
        self.home = home
        self.faults = Faults(faults)
        self.world = World(clock)
        clear(home.activities)
        self.published = Published(home.published, home.identity.node_id)
        self.published.clear()
        scratch = home.activities / "scratch"
        (scratch / "root").mkdir(parents=True)
        self.sandbox = Sandbox(scratch / "root", allowed=namespaces)
        shutil.rmtree(scratch)
        self.images = Images(home.images, images, self.sandbox)
        self.providers = make_providers(count, self.sandbox.kind, self.sandbox.memory)
        self.ledger = Ledger(self.world, home.identity.node_id)
        self.market = Market(self.world, home.identity.node_id, self.providers, self.faults, self._end)
        self.activities: Shelf[Activity] = Shelf("Activity", _ACTIVITIES, _no_activity)
        allowance = Allowance(_KEPT)
        self._tools = Tools(
            self.world, self.sandbox, self.published, self.faults, home.activities, allowance, self.images
        )

    def close(self) -> None:
        """End everything."""
        with self.world.changed:
            activities = self.activities.all()
            for activity in activities:
                activity.end()
        self.world.close()
        for activity in activities:
            activity.join()

    # --- activities ---------------------------------------------------------------------------------------------

    def create_activity(self, agreement_id: str) -> Activity:
        """Let a provider begin with an activity.

        Raises:
            Refused: if the agreement is not in force, or the provider fails.
        """
        agreement = self.market.agreement_of_activity(agreement_id)
        provider = agreement.provider
        if agreement.state != "Approved":
            reason = f"Bad request: Agreement {agreement_id} is not Approved. Current state: {agreement.state}"
            raise Refused(400, reason)
        if provider.gone:
            raise Refused(500, "GSB error: Net: provider is not reachable")
        if self.faults.take(Kind.NO_ACTIVITY, provider.name) is not None:
            raise Refused(500, "GSB error: Failed to create activity: ExeUnit could not be spawned")
        activity = Activity(agreement, self._tools)
        try:
            removed = self.activities.put(activity.id, activity)
        except Refused:
            activity.end()
            raise
        if removed is not None:
            removed.forget()
        agreement.activities.append(activity.id)
        self._bill_later(activity)
        return activity

    def destroy_activity(self, activity_id: str) -> None:
        """End an activity; its provider says what is due."""
        activity = self.activities.get(activity_id)
        over = activity.ended
        activity.end()
        if not over:
            self._send_debit_note(activity)

    def _end(self, agreement: Agreement) -> None:
        """End what goes on under an agreement, and let the provider send the invoice."""
        # One that ended long ago may have made room for others: its last debit note told of it.
        activities = [one for one in self.activities.all() if one.agreement is agreement]
        for activity in activities:
            activity.end()
        if agreement.provider.gone:
            return
        total = sum((self._cost(activity) for activity in activities), Decimal(0))
        fault = self.faults.take(Kind.OVER_BILLING, agreement.provider.name)
        if fault is not None:
            total *= Decimal(repr(fault.much(10)))
        self.ledger.issue(
            INVOICE,
            issuer=agreement.provider.node_id,
            platform=agreement.platform,
            agreement=agreement.id,
            activities=agreement.activities,
            total=total,
        )

    # --- debit notes --------------------------------------------------------------------------------------------

    def _bill_later(self, activity: Activity) -> None:
        given: Any = activity.agreement.offer.properties.get(_INTERVAL)
        interval = float(given) if isinstance(given, int | float) else DEBIT_NOTE_INTERVAL

        def bill() -> None:
            if not activity.ended:
                self._send_debit_note(activity)
                self._bill_later(activity)

        self.world.later(max(interval, _SHORTEST), bill)

    def _send_debit_note(self, activity: Activity) -> None:
        agreement = activity.agreement
        if agreement.provider.gone:
            return
        self.ledger.issue(
            DEBIT_NOTE,
            issuer=agreement.provider.node_id,
            platform=agreement.platform,
            agreement=agreement.id,
            activities=[activity.id],
            total=self._cost(activity),
            usage=activity.usage,
            payable=_PAYMENT_TIMEOUT in agreement.demand.properties,
        )

    @staticmethod
    def _cost(activity: Activity) -> Decimal:
        return activity.agreement.provider.prices.cost(activity.usage)


def _no_activity(activity_id: str) -> Refused:
    """The refusal of a call about an activity that there is not."""
    return Refused(500, f"DAO error: Not found: agreement id for activity: {activity_id}")
