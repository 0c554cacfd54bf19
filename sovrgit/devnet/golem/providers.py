"""The simulated providers: who they are, what they offer, and for how much."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

COUNTERS = ("golem.usage.duration_sec", "golem.usage.cpu_sec")
"""What is counted, in the order of the prices."""

TEST_NETWORKS = ("hoodi", "holesky", "amoy", "sepolia", "mumbai", "goerli", "rinkeby")
MAIN_NETWORKS = ("polygon", "mainnet")
PLATFORMS = (*(f"erc20-{name}-tglm" for name in TEST_NETWORKS), *(f"erc20-{name}-glm" for name in MAIN_NETWORKS))
"""How one can pay. None of them pays anything here."""

SUBNET = "golem.node.debug.subnet"
CHOSEN_PLATFORM = "golem.com.payment.chosen-platform"

DEBIT_NOTE_INTERVAL = 120.0
"""Seconds between the debit notes of an activity, as providers ask for."""

MEMORY_GIB = 8.0
STORAGE_GIB = 64.0
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in GLM: per second, per second of processor time, and for the start."""

    second: Decimal
    cpu_second: Decimal
    start: Decimal

    def cost(self, usage: Sequence[float]) -> Decimal:
        """What an activity costs that has used so much."""
        made = self.second * Decimal(repr(usage[0])) + self.cpu_second * Decimal(repr(usage[1])) + self.start
        return made.quantize(Decimal("1e-18")).normalize()


@dataclass(slots=True)
class Provider:
    """One of them.

    Attributes:
        node_id: its address on the network.
        busy: whether it has an agreement; it makes one at a time.
        gone: whether it has disappeared.
    """

    name: str
    node_id: str
    prices: Prices
    sandbox: str
    memory: str
    busy: bool = False
    gone: bool = False

    def constraints(self, demand: Mapping[str, Any]) -> str:
        """What its offer asks of a demand."""
        return f"(&(golem.srv.comp.expiration>0)({SUBNET}={demand.get(SUBNET, 'public')}))"

    def offer(self, demand: Mapping[str, Any]) -> dict[str, Any]:
        """The properties of its offer. It is in whatever subnet a demand asks for."""
        threads = os.cpu_count() or 1
        return {
            "golem.node.id.name": self.name,
            SUBNET: str(demand.get(SUBNET, "public")),
            "golem.node.net.is-public": False,
            "golem.inf.cpu.architecture": os.uname().machine,
            "golem.inf.cpu.cores": threads,
            "golem.inf.cpu.threads": threads,
            "golem.inf.cpu.capabilities": [],
            "golem.inf.mem.gib": MEMORY_GIB,
            "golem.inf.storage.gib": STORAGE_GIB,
            "golem.runtime.name": "vm",
            "golem.runtime.version": "0.5.2",
            "golem.runtime.capabilities": [],
            "golem.srv.caps.multi-activity": True,
            "golem.srv.caps.payload-manifest": False,
            "golem.activity.caps.transfer.protocol": ["gftp"],
            "golem.com.scheme": "payu",
            "golem.com.scheme.payu.debit-note.interval-sec?": int(DEBIT_NOTE_INTERVAL),
            "golem.com.scheme.payu.payment-timeout-sec?": _DAY,
            "golem.com.payment.debit-notes.accept-timeout?": 240,
            "golem.com.payment.protocol.version": 3,
            "golem.com.pricing.model": "linear",
            # The last one is the price of the start. Clients insist on numbers with a point.
            "golem.com.pricing.model.linear.coeffs": [
                float(self.prices.second),
                float(self.prices.cpu_second),
                float(self.prices.start),
            ],
            "golem.com.usage.vector": list(COUNTERS),
            **{f"golem.com.payment.platform.{platform}.address": self.node_id for platform in PLATFORMS},
            "sovr.devnet": True,
            "sovr.devnet.sandbox": self.sandbox,
            "sovr.devnet.memory-limit": self.memory,
        }


def make_providers(count: int, sandbox: str, memory: str) -> list[Provider]:
    """The providers of a network: always the same ones, each a little dearer than the one before.

    Args:
        sandbox: what keeps the commands apart that they run, which their offers say.
        memory: whose memory is limited: that of an `activity`, or of each `process`.
    """
    made = []
    for number in range(1, count + 1):
        name = f"devnet-{number}"
        step = Decimal(number - 1)
        prices = Prices(
            Decimal("0.00001") + step * Decimal("0.000002"), Decimal("0.00002") + step * Decimal("0.000004"), Decimal(0)
        )
        made.append(Provider(name, address_of(name), prices, sandbox, memory))
    return made


def address_of(seed: str) -> str:
    """An address that is nobody's, always the same for a seed."""
    return "0x" + hashlib.sha3_256(f"sovrgit devnet {seed}".encode()).hexdigest()[:40]
