"""The market: providers answer demands, negotiate, and agree."""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sovrgit.devnet.golem.agreements import Agreement, Demand, Proposal, demanded
from sovrgit.devnet.golem.faults import Faults, Kind
from sovrgit.devnet.golem.language import parse
from sovrgit.devnet.golem.providers import CHOSEN_PLATFORM, PLATFORMS, Provider
from sovrgit.devnet.golem.world import Malformed, Refused, Shelf, World, moment_of, new_hash, stamp

_DEMANDS, _AGREEMENTS, _EVENTS = 200, 1000, 1000
_AGREEMENT_ID = re.compile(r"[0-9a-f]{64}")


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
        self._demands: Shelf[Demand] = Shelf("Subscription", _DEMANDS, no_demand)
        self._agreements: Shelf[Agreement] = Shelf("Agreement", _AGREEMENTS, no_agreement)
        self._events: deque[tuple[dict[str, Any], str | None]] = deque(maxlen=_EVENTS)

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
            raise no_demand(demand_id)
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
            raise Refused(400, f"Can't react to own Proposal [{proposal_id}].")
        if before.answered:
            raise Refused(410, f"Proposal [{proposal_id}] already has counter proposal.")
        properties, constraints, wants = demanded(given)
        if not wants(before.provider.offer(properties)):
            raise Refused(400, f"Proposal properties doesn't match previous Proposal [{proposal_id}].")
        before.answered = True
        own = Proposal(
            self._proposal_id(), before.provider, False, "Draft", properties, constraints, self._world.now(), before.id
        )
        demand.keep(own)
        self._reply(demand, own)
        return own.id

    def reject(self, demand_id: str, proposal_id: str) -> None:
        """End a negotiation. A counter-proposal may follow nevertheless."""
        found = self.demand(demand_id).proposals.get(proposal_id)
        if found is None:
            raise Refused(500, f"Proposal [{proposal_id[:140]}] not found.")
        found.state = "Rejected"

    def proposal(self, demand_id: str, proposal_id: str) -> dict[str, Any]:
        """A proposal, of either side."""
        return self.demand(demand_id).proposal(proposal_id).document(self._owner)

    def _propose(self, provider: Provider, demand: Demand) -> None:
        """Let a provider offer itself, if it can and if it fits."""
        if provider.busy or provider.gone or demand.ended:
            return
        offer = provider.offer(demand.properties)
        asked = provider.constraints(demand.properties)
        if not demand.wants(offer) or not parse(asked)(demand.properties):
            return
        self._send(demand, Proposal(self._proposal_id(), provider, True, "Initial", offer, asked, self._world.now()))

    def _reply(self, demand: Demand, own: Proposal) -> None:
        """Let a provider answer: it takes what it is asked for, where it has said that it negotiates."""
        provider = own.provider
        platform = own.properties.get(CHOSEN_PLATFORM)
        if provider.gone:
            return
        if platform is not None and platform not in PLATFORMS:
            demand.events.append(
                {
                    "eventType": "ProposalRejectedEvent",
                    "eventDate": stamp(self._world.now()),
                    "proposalId": own.id,
                    "reason": {"message": "No common payment platform"},
                }
            )
            self._world.ring()
            return
        offer = provider.offer(own.properties)
        for name, value in own.properties.items():
            if name in offer and name.endswith("?"):
                offer[name] = value
        asked = provider.constraints(own.properties)
        draft = Proposal(self._proposal_id(), provider, True, "Draft", offer, asked, self._world.now(), own.id)
        self._send(demand, draft)

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
            raise Malformed("an agreement is an object")
        for name in ("proposalId", "validTo"):
            if not isinstance(given.get(name), str):
                raise Malformed(f"missing field `{name}`")
        proposal_id, valid_to = given["proposalId"], moment_of(given["validTo"])
        for demand in self._demands.all():
            if not demand.ended and proposal_id in demand.proposals:
                break
        else:
            raise Refused(400, f"Can't create Agreement: Proposal [{proposal_id[:140]}] not found.")
        offer = demand.proposal(proposal_id)
        if not offer.from_provider or offer.answers is None:
            raise Refused(400, f"Can't create Agreement for Proposal [{proposal_id}]: no negotiation took place.")
        if offer.promised:
            raise Refused(409, f"Can't create second Agreement for Proposal [{proposal_id}].")
        offer.promised = True
        asked = demand.proposal(offer.answers)
        made = Agreement(new_hash(), offer.provider, demand, asked, offer, valid_to, self._world.now())
        self._agreements.put(made.id, made)
        return made.id

    def agreement(self, agreement_id: str) -> Agreement:
        """An agreement.

        Raises:
            Refused: if there is none.
        """
        return self._agreements.get(agreement_id)

    def agreement_of_activity(self, agreement_id: str) -> Agreement:
        """The agreement that an activity is asked for. A provider knows only of those that were confirmed.

        Raises:
            Refused: if there is none.
        """
        if not _AGREEMENT_ID.fullmatch(agreement_id):
            raise Refused(500, f"Service error: Id [{agreement_id[:140]}] has invalid format.")
        found = self._agreements.find(agreement_id)
        if found is None or found.state == "Proposal":
            raise Refused(404, f"Not found: {agreement_id}")
        return found

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
            raise _no_change(410, agreement, "Pending")
        agreement.state, agreement.session = "Pending", session
        provider = agreement.provider
        if provider.gone:
            return
        if self._faults.take(Kind.REJECTION, provider.name) is not None:
            self._decide(agreement, "Rejected", {"message": "The provider does not want to"})
            self._propose_again(provider)
        elif provider.busy:
            reason = {"message": "No capacity available. Reached Agreements limit: 1"}
            self._decide(agreement, "Rejected", reason)
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
            raise Refused(400, f"Agreement [{agreement_id}] should be confirmed, before waiting for approval.")
        self._world.wait(lambda: agreement.state != "Pending", seconds)
        if agreement.state == "Pending":
            raise Refused(408, f"Timeout while waiting for Agreement [{agreement_id}] approval.")
        if agreement.state in ("Terminated", "Expired"):
            raise Refused(400, f"Agreement [{agreement_id}] {agreement.state.lower()}.")
        if agreement.state != "Approved":
            raise Refused(410, agreement.state)

    def cancel(self, agreement_id: str) -> None:
        """Take back an agreement that the provider has not decided upon."""
        agreement = self.agreement(agreement_id)
        if agreement.state == "Proposal":
            # The provider has not heard of it.
            raise Refused(500, f"Remote failed to approve. Error: Agreement [P-{agreement_id}] not found.")
        if agreement.state != "Pending":
            raise _no_change(410, agreement, "Cancelled")
        self._decide(agreement, "Cancelled")

    def terminate(self, agreement_id: str, reason: Mapping[str, Any]) -> None:
        """End an agreement, with all that goes on under it.

        Raises:
            Refused: if it is not in force.
        """
        if not _AGREEMENT_ID.fullmatch(agreement_id):
            raise Refused(500, f"Failed to get Agreement [{agreement_id[:140]}].")
        agreement = self.agreement(agreement_id)
        if agreement.state != "Approved":
            raise _no_change(409 if agreement.state == "Proposal" else 410, agreement, "Terminated")
        self._conclude(agreement, "Terminated", reason)

    def events(self, after: datetime, session: str | None, most: int) -> list[dict[str, Any]]:
        """What has happened to agreements after a moment."""
        found = ((event, whose) for event, whose in self._events if moment_of(event["eventDate"]) > after)
        return [event for event, whose in found if session is None or whose == session][:most]

    def _expire(self, agreement: Agreement) -> None:
        if agreement.state == "Approved":
            self._conclude(agreement, "Expired")

    def _conclude(self, agreement: Agreement, state: str, reason: Mapping[str, Any] | None = None) -> None:
        self._decide(agreement, state, reason)
        self._end(agreement)
        agreement.provider.busy = False
        self._propose_again(agreement.provider)

    def _decide(self, agreement: Agreement, state: str, reason: Mapping[str, Any] | None = None) -> None:
        agreement.state = state
        told = "Terminated" if state == "Expired" else state
        event = {
            "eventType": f"Agreement{told}Event",
            "eventDate": stamp(self._world.now()),
            "agreementId": agreement.id,
            **({"reason": dict(reason)} if reason else {}),
            **({"terminator": "Requestor", "signature": ""} if told == "Terminated" else {}),
        }
        self._events.append((event, agreement.session))
        self._world.ring()

    def _propose_again(self, provider: Provider) -> None:
        """Let a provider that has become free answer the demands that there are."""
        for demand in self._demands.all():
            self._propose(provider, demand)


def no_demand(demand_id: str) -> Refused:
    """The refusal of a call about a demand that there is not."""
    return Refused(404, f"Subscription [{demand_id[:140]}] wasn't found.")


def no_agreement(agreement_id: str) -> Refused:
    """The refusal of a call about an agreement that there is not, or cannot be."""
    if _AGREEMENT_ID.fullmatch(agreement_id):
        return Refused(404, f"Agreement [{agreement_id}] not found.")
    return Refused(400, f"Invalid Agreement id. Id [{agreement_id[:140]}] has invalid format.")


def _no_change(status: int, agreement: Agreement, state: str) -> Refused:
    return Refused(status, f"Can't update Agreement state from {agreement.state} to {state}.")
