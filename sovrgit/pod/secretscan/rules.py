"""What a rule says of itself. The rules are in `tokens` (by content) and `keyfiles` (by name)."""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """One kind of secret.

    `name` stands in `--json`; `what` completes "looks like"; `where` says, for the documentation, what is looked for.
    """

    name: str
    what: str
    where: str


class Hit(NamedTuple):
    """A rule that fits, and the byte at which what it found begins."""

    rule: Rule
    start: int


_PLACEHOLDER = re.compile(
    rb"<|\$|\{\{|%[({A-Za-z]|\[|x{3,}|\*{3,}|\.{3,}|your|my[_-]|change.?me|example|placeholder|redacted|dummy|todo\b|none\b|null\b",
    re.IGNORECASE,
)


def is_placeholder(value: bytes) -> bool:
    """Whether a value only holds the place of a secret, as `<password>` and `${TOKEN}` do."""
    return _PLACEHOLDER.match(value) is not None
