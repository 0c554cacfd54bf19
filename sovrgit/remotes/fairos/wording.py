"""What a server said, made fit to be told: without secrets, short, on one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 200
"""Characters of a server's text that are told."""

_SECRET_LIKE = re.compile(r"[0-9A-Za-z+/_=.-]{32,}")
"""References, keys, tokens and addresses: nobody can tell them from one another."""


def safe(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what is, or looks like, a secret."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
    text = _SECRET_LIKE.sub("…", text)
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text[: LONGEST - 1] + "…" if len(text) > LONGEST else text
