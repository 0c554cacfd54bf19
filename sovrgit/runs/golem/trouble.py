"""Why a requestor script may have failed: the last call that the gateway or the daemon has refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovrgit.objects.receipts import mapping, text
from sovrgit.runs.golem.calls.record import read_calls

_ALLOCATIONS = re.compile(r"/payment-api/v1/allocations/?(?:\?.*)?")
_LONGEST = 300


def refusal_in(calls: Path) -> str:
    """What was refused last, in words: by a limit of ours, or as the daemon has not set the money aside."""
    found = ""
    for line in read_calls(calls):
        found = _refused(line) or found
    return found


def _refused(line: Mapping[str, Any]) -> str:
    status = line.get("status")
    if not isinstance(status, int) or status < 400:
        return ""
    message = text(mapping(line.get("answer")).get("message"))[:_LONGEST]
    if line.get("refused") is True:
        return message
    if line.get("method") == "POST" and _ALLOCATIONS.fullmatch(text(line.get("path"))):
        return f"the daemon sets no money aside: {message}"
    return ""
