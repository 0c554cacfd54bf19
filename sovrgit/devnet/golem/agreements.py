"""Demands, proposals and agreements: what is remembered of them, and how the daemon tells it."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sovrgit.devnet.golem.language import Constraint, parse
from sovrgit.devnet.golem.providers import CHOSEN_PLATFORM, Provider
from sovrgit.devnet.golem.world import Malformed, Refused, new_id, stamp

_WAITING = 1000
"""Events that are kept for a client that does not ask."""

_PROPOSALS = 500


@dataclass(slots=True)
class Proposal:
    """One side's word in a negotiation.

    Attributes:
        provider: the other side; who said it, if `from_provider`.
        answers: the id of the proposal before it, None if it is the first.
        answered: whether there is a counter-proposal to it; promised: whether an agreement was made of it.
    """

    id: str
    provider: Provider
    from_provider: bool
    state: str
    properties: Mapping[str, Any]
    constraints: str
    timestamp: datetime
    answers: str | None = None
    answered: bool = False
    promised: bool = False

    def document(self, requestor: str) -> dict[str, Any]:
        """As the daemon tells it."""
        return {
            "proposalId": self.id,
            "issuerId": self.provider.node_id if self.from_provider else requestor,
            "state": self.state,
            "timestamp": stamp(self.timestamp),
            "properties": dict(self.properties),
            "constraints": self.constraints,
            **({"prevProposalId": self.answers} if self.answers else {}),
        }


@dataclass(slots=True)
class Demand:
    """What somebody looks for.

    Attributes:
        events: what its owner has not asked for yet.
        ended: whether it was taken back.
    """

    id: str
    properties: Mapping[str, Any]
    constraints: str
    wants: Constraint
    timestamp: datetime
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_WAITING))
    proposals: dict[str, Proposal] = field(default_factory=dict)
    ended: bool = False

    @classmethod
    def of(cls, given: Any, moment: datetime) -> Demand:
        """A demand from what a client sent.

        Raises:
            Refused: if it is malformed.
        """
        properties, constraints, wants = demanded(given, lenient=True)
        return cls(f"{new_id()}-{secrets.token_hex(32)}", properties, constraints, wants, moment)

    def document(self, requestor: str) -> dict[str, Any]:
        """As the daemon tells it."""
        return {
            "demandId": self.id,
            "requestorId": requestor,
            "properties": dict(self.properties),
            "constraints": self.constraints,
            "timestamp": stamp(self.timestamp),
        }

    def keep(self, proposal: Proposal) -> None:
        """Remember a proposal."""
        if len(self.proposals) >= _PROPOSALS:
            del self.proposals[next(iter(self.proposals))]
        self.proposals[proposal.id] = proposal

    def proposal(self, proposal_id: str) -> Proposal:
        """A proposal about it.

        Raises:
            Refused: if there is none with this id.
        """
        found = self.proposals.get(proposal_id)
        if found is None:
            raise Refused(404, f"Proposal [{proposal_id[:140]}] not found.")
        return found


@dataclass(slots=True)
class Agreement:
    """What two have agreed upon.

    Attributes:
        state: Proposal, Pending, Approved, Rejected, Cancelled, Expired or Terminated.
        activities: the ids of its activities.
    """

    id: str
    provider: Provider
    demand: Demand
    asked: Proposal
    offer: Proposal
    valid_to: datetime
    timestamp: datetime
    state: str = "Proposal"
    approved: datetime | None = None
    session: str | None = None
    activities: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing can be done with it any more."""
        return self.state in ("Rejected", "Cancelled", "Expired", "Terminated")

    @property
    def platform(self) -> str:
        """How it is paid."""
        return str(self.asked.properties.get(CHOSEN_PLATFORM))

    def document(self, requestor: str) -> dict[str, Any]:
        """As the daemon tells it."""
        return {
            "agreementId": self.id,
            "demand": {
                **self.demand.document(requestor),
                "properties": dict(self.asked.properties),
                "constraints": self.asked.constraints,
            },
            "offer": {
                "offerId": f"{self.provider.node_id[2:34]}-{self.demand.id[-64:]}",
                "providerId": self.provider.node_id,
                "properties": dict(self.offer.properties),
                "constraints": self.offer.constraints,
                "timestamp": stamp(self.offer.timestamp),
            },
            "validTo": stamp(self.valid_to),
            **({"approvedDate": stamp(self.approved)} if self.approved else {}),
            "state": self.state,
            "timestamp": stamp(self.timestamp),
            **({"appSessionId": self.session} if self.session else {}),
            **{f"{who}Signature": "NoSignature" for who in self._signatures},
        }

    @property
    def _signatures(self) -> tuple[str, ...]:
        """Whose signatures are told of: none is checked, by the daemon neither."""
        if self.approved is not None:
            return "proposed", "approved", "committed"
        return () if self.state in ("Proposal", "Cancelled") else ("proposed",)


def demanded(given: Any, *, lenient: bool = False) -> tuple[dict[str, Any], str, Constraint]:
    """Properties, constraints, and what these mean, of what a client sent.

    Args:
        lenient: whether constraints may be nonsense.

    Raises:
        Refused: if it is malformed.
    """
    if not isinstance(given, dict) or not isinstance(given.get("properties"), dict):
        raise Malformed("missing field `properties`")
    constraints = given.get("constraints")
    if not isinstance(constraints, str):
        raise Malformed("missing field `constraints`")
    try:
        return flat(given["properties"]), constraints, parse(constraints)
    except ValueError as error:
        if lenient:
            # The daemon publishes it all the same: nobody ever fits.
            return flat(given["properties"]), constraints, lambda _: False
        raise Refused(400, f"Error parsing Demand constraints: {error}") from None


def flat(properties: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Properties with dotted names, however they were nested.

    Raises:
        Refused: if they are nested too deeply.
    """
    if prefix.count(".") > 32:
        raise Refused(400, "properties are nested too deeply")
    made: dict[str, Any] = {}
    for name, value in properties.items():
        if isinstance(value, dict):
            made |= flat(value, f"{prefix}{name}.")
        else:
            made[prefix + name] = value
    return made
