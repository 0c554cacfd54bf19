"""What a server said, or somebody typed, made fit to be told: without secrets; of a server also short, on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

LONGEST = 200
"""Characters of a server's text that are told."""

_SECRET_LIKE = re.compile(r"[0-9A-Za-z+/_=.-]{24,}")
"""References, keys, tokens and addresses: nobody can tell them from one another."""


_TYPED = re.compile(r"(?i)[0-9a-f]{24,}[^/]*|k1[a-z2-7]{20,}|(?<=//)[^/]*(?=@)")
"""The digits of a reference, with what is stuck to them; keys; and what stands before the host in an address, which is
a password. Folders have long names too, and are to be told."""


def safe(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what looks like a secret, and without these, however a server may have written them."""
    forms = {
        form for secret in secrets if secret for form in (secret, quote(secret), quote_plus(secret), _json(secret))
    }
    for form in sorted(forms, key=len, reverse=True):
        text = re.sub(re.escape(form), "…", text, flags=re.IGNORECASE)
    text = _SECRET_LIKE.sub("…", text)
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text[: LONGEST - 1] + "…" if len(text) > LONGEST else text


def without_secrets(location: str) -> str:
    """What somebody typed as a location or name, without what looks like a reference or a key in it."""
    return _TYPED.sub("…", location)


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]
