"""The market: providers answer demands, negotiate, and agree."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sovrgit.devnet.golem.agreements import Agreement, Demand, Proposal, demanded
from sovrgit.devnet.golem.faults import Faults, Kind
from sovrgit.devnet.golem.providers import CHOSEN_PLATFORM, PLATFORMS, Provider
from sovrgit.devnet.golem.world import Refused, Shelf, World, moment_of, new_id, stamp

_DEMANDS, _AGREEMENTS, _EVENTS = 200, 1000, 1000
_VALID = timedelta(hours=1)


class Market:
    """All demands and agreements of the one who owns the stand-in. Its methods are called with the lock held.

    Args:
        owner: the address of the one who demands.
        end: called when an agreement that was approved ends.
    """

    def __init__(
        self,
        world: World,
        owner: str,
        providers: Sequence[Provider],
        faults: Faults,
        end: Callable[[Agreement], None],
    ) -> None:
        self._world = world
        self._owner = owner
        self._providers = providers
        self._faults = faults
        self._end = end
        self._demands: Shelf[Demand] = Shelf("Subscription", _DEMANDS)
        self._agreements: Shelf[Agreement] = Shelf("Agreement", _AGREEMENTS)
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)

    # --- demands ------------------------------------------------------------------------------------------------

    def subscribe(self, given: Any) -> str:
        """Publish a demand: every provider that is free and fits answers at once. Its id."""
        demand = Demand.of(given, self._world.now())
        self._demands.put(demand.id, demand)
        for provider in self._providers:
            self._propose(provider, demand)
        return demand.id

    def unsubscribe(self, demand_id: str) -> None:
        """Take a demand back."""
        self.demand(demand_id).ended = True
        self._world.ring()

    def demand(self, demand_id: str) -> Demand:
        """A demand that was not taken back.

        Raises:
            Refused: if there is none.
        """
        found = self._demands.get(demand_id)
        if found.ended:
            raise Refused(404, f"Subscription [{demand_id[:140]}] not found.")
        return found

    def demands(self) -> list[dict[str, Any]]:
        """Those that were not taken back."""
        return [one.document(self._owner) for one in self._demands.all() if not one.ended]

    def collect(self, demand_id: str, seconds: float, most: int) -> list[dict[str, Any]]:
        """What has happened to a demand since it was last asked; waits for something to happen."""
        demand = self.demand(demand_id)
        self._world.wait(lambda: demand.events or demand.ended, seconds)
        self.demand(demand_id)
        return [demand.events.popleft() for _ in range(min(most, len(demand.events)))]

    # --- proposals ----------------------------------------------------------------------------------------------

    def counter(self, demand_id: str, proposal_id: str, given: Any) -> str:
        """Answer a proposal with one of one's own, to which the provider has an answer. The id of one's own."""
        demand = self.demand(demand_id)
        before = demand.proposal(proposal_id)
        if not before.from_provider:
            raise Refused(400, f"Can't counter own Proposal [{proposal_id}].")
        if before.state == "Rejected":
            raise Refused(400, f"Proposal [{proposal_id}] was rejected.")
        properties, constraints, wants = demanded(given)
        own = Proposal(
            self._proposal_id(), before.provider, False, "Draft", properties, constraints, self._world.now(), before.id
        )
        demand.keep(own)
        self._reply(demand, own, wants(before.provider.offer(properties)))
        return own.id

    def reject(self, demand_id: str, proposal_id: str) -> None:
        """End a negotiation."""
        self.demand(demand_id).proposal(proposal_id).state = "Rejected"

    def proposal(self, demand_id: str, proposal_id: str) -> dict[str, Any]:
        """A proposal, of either side."""
        return self.demand(demand_id).proposal(proposal_id).document(self._owner)

    def _propose(self, provider: Provider, demand: Demand) -> None:
        """Let a provider offer itself, if it can and if it fits."""
        if provider.busy or provider.gone or demand.ended:
            return
        offer = provider.offer(demand.properties)
        if not demand.wants(offer):
            return
        self._send(demand, Proposal(self._proposal_id(), provider, True, "Initial", offer, "()", self._world.now()))

    def _reply(self, demand: Demand, own: Proposal, fits: bool) -> None:
        """Let a provider answer: it takes what it is asked for, where it has said that it negotiates."""
        provider = own.provider
        platform = own.properties.get(CHOSEN_PLATFORM)
        if provider.gone:
            return
        if not fits or (platform is not None and platform not in PLATFORMS):
            reason = "No common payment platform" if fits else "Proposal does not match the offer"
            demand.events.append(
                {
                    "eventType": "ProposalRejectedEvent",
                    "eventDate": stamp(self._world.now()),
                    "proposalId": own.id,
                    "reason": {"message": reason},
                }
            )
            self._world.ring()
            return
        offer = provider.offer(own.properties)
        for name, value in own.properties.items():
            if name in offer and name.endswith("?"):
                offer[name] = value
        self._send(
            demand, Proposal(self._proposal_id(), provider, True, "Draft", offer, "()", self._world.now(), own.id)
        )

    def _send(self, demand: Demand, proposal: Proposal) -> None:
        demand.keep(proposal)
        demand.events.append(
            {
                "eventType": "ProposalEvent",
                "eventDate": stamp(self._world.now()),
                "proposal": proposal.document(self._owner),
            }
        )
        self._world.ring()

    @staticmethod
    def _proposal_id() -> str:
        return f"R-{secrets.token_hex(32)}"

    # --- agreements ---------------------------------------------------------------------------------------------

    def create(self, given: Any) -> str:
        """Make an agreement of what a provider has proposed last. Its id."""
        if not isinstance(given, dict):
            raise Refused(400, "an agreement is an object")
        proposal_id = str(given.get("proposalId"))
        for demand in self._demands.all():
            if not demand.ended and proposal_id in demand.proposals:
                break
        else:
            raise Refused(404, f"Proposal [{proposal_id[:140]}] not found.")
        offer = demand.proposal(proposal_id)
        if not offer.from_provider or offer.answers is None:
            raise Refused(400, f"Proposal [{proposal_id}] has no counter proposal: no agreement can be made of it.")
        valid_to = moment_of(given["validTo"]) if given.get("validTo") else self._world.now() + _VALID
        asked = demand.proposal(offer.answers)
        made = Agreement(new_id(), offer.provider, demand, asked, offer, valid_to, self._world.now())
        self._agreements.put(made.id, made)
        return made.id

    def agreement(self, agreement_id: str) -> Agreement:
        """An agreement.

        Raises:
            Refused: if there is none.
        """
        return self._agreements.get(agreement_id)

    def agreements(self) -> list[Agreement]:
        """All that are remembered."""
        return self._agreements.all()

    def document(self, agreement_id: str) -> dict[str, Any]:
        """An agreement, as the daemon tells it."""
        return self.agreement(agreement_id).document(self._owner)

    def confirm(self, agreement_id: str, session: str | None) -> None:
        """Sign an agreement. The provider then decides."""
        agreement = self.agreement(agreement_id)
        if agreement.state != "Proposal":
            raise Refused(409, f"Agreement [{agreement_id}] is {agreement.state}.")
        agreement.state, agreement.session = "Pending", session
        provider = agreement.provider
        if provider.gone:
            return
        if self._faults.take(Kind.REJECTION, provider.name) is not None:
            self._decide(agreement, "Rejected", "The provider does not want to")
            self._propose_again(provider)
        elif provider.busy:
            self._decide(agreement, "Rejected", "No capacity available. Reached Agreements limit: 1")
        else:
            provider.busy = True
            agreement.approved = self._world.now()
            self._decide(agreement, "Approved")
            seconds = (agreement.valid_to - agreement.approved).total_seconds()
            self._world.later(max(seconds, 0), lambda: self._expire(agreement))

    def wait(self, agreement_id: str, seconds: float) -> None:
        """Wait until the provider has decided.

        Raises:
            Refused: if it has not, or not in favour.
        """
        agreement = self.agreement(agreement_id)
        if agreement.state == "Proposal":
            raise Refused(409, f"Agreement [{agreement_id}] has not been confirmed.")
        self._world.wait(lambda: agreement.state != "Pending", seconds)
        if agreement.state == "Pending":
            raise Refused(408, f"Timeout while waiting for Agreement [{agreement_id}] approval.")
        if agreement.state != "Approved":
            raise Refused(410, f"Agreement [{agreement_id}] {agreement.state.lower()}.")

    def cancel(self, agreement_id: str) -> None:
        """Take back an agreement that the provider has not decided upon."""
        agreement = self.agreement(agreement_id)
        if agreement.state not in ("Proposal", "Pending"):
            raise Refused(409, f"Agreement [{agreement_id}] is {agreement.state}.")
        self._decide(agreement, "Cancelled")

    def terminate(self, agreement_id: str) -> None:
        """End an agreement, with all that goes on under it.

        Raises:
            Refused: if it is not in force.
        """
        agreement = self.agreement(agreement_id)
        if agreement.state != "Approved":
            raise Refused(410, f"Agreement [{agreement_id}] is {agreement.state}.")
        self._conclude(agreement, "Terminated")

    def events(self, after: datetime, session: str | None, most: int) -> list[dict[str, Any]]:
        """What has happened to agreements after a moment."""
        found = (event for event in self._events if moment_of(event["eventDate"]) > after)
        return [event for event in found if session is None or event.get("appSessionId") == session][:most]

    def _expire(self, agreement: Agreement) -> None:
        if agreement.state == "Approved":
            self._conclude(agreement, "Expired")

    def _conclude(self, agreement: Agreement, state: str) -> None:
        self._decide(agreement, state)
        self._end(agreement)
        agreement.provider.busy = False
        self._propose_again(agreement.provider)

    def _decide(self, agreement: Agreement, state: str, reason: str | None = None) -> None:
        agreement.state = state
        told = "Terminated" if state == "Expired" else state
        self._events.append(
            {
                "eventType": f"Agreement{told}Event",
                "eventDate": stamp(self._world.now()),
                "agreementId": agreement.id,
                **({"reason": {"message": reason}} if reason else {}),
                **({"appSessionId": agreement.session} if agreement.session else {}),
                **({"terminator": "Requestor"} if told == "Terminated" else {}),
            }
        )
        self._world.ring()

    def _propose_again(self, provider: Provider) -> None:
        """Let a provider that has become free answer the demands that there are."""
        for demand in self._demands.all():
            self._propose(provider, demand)
