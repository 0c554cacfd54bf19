"""What a run's record holds of Golem, without what differs each time and what a chain would have done."""

from __future__ import annotations

import re
from typing import Any

_TIMES = frozenset({"at", "created", "destroyed", "approved", "ended"})
_AMOUNTS = frozenset({"spent", "amount", "accepted", "unpaid", "seconds", "cpu_seconds"})
_PRICES = frozenset({"golem.com.pricing.model.linear.coeffs", "start", "hour", "cpu_hour"})
"""Providers differ in these, and which of them gets a job is a matter of chance."""

_OWN = frozenset({"emulated", "sandbox", "payments", "requestor", "dropped"})
"""What says which of the two it was: a payment needs a chain, which the real daemon does not have here."""

_SHAPES = (
    (re.compile(r"\bdevnet-\d+\b"), "<provider>"),
    (re.compile(r"^\.sovr/golem/run-[^/]+/golem-[^/]+/"), "<scratch>/"),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "<registry>"),
    (re.compile(r"gftp://0x[0-9a-f]{40}/[0-9A-Za-z]+"), "<file>"),
    (re.compile(r"\b[0-9a-f]{32}-[0-9a-f]{64}\b"), "<demand>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b0x[0-9a-f]{40}\b"), "<address>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hex64>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex32>"),
)


def plain(value: Any, key: str = "") -> Any:
    """A record, or a part of it, as it must be on either."""
    if isinstance(value, dict):
        return {name: plain(each, name) for name, each in value.items() if name not in _OWN}
    if key in _PRICES:
        return f"<{key}>"
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if key in _TIMES or key in _AMOUNTS or key == "golem.srv.comp.expiration":
        return f"<{key}>"
    if key == "status":
        # Whether a debit note is accepted in time is a matter of chance; whether a bill is settled, of a chain.
        return "<status>" if value in ("RECEIVED", "ACCEPTED", "SETTLED") else value
    if isinstance(value, str):
        for shape, replacement in _SHAPES:
            value = shape.sub(replacement, value)
    return value
