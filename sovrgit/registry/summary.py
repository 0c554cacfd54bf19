"""What listings say of a pod, taken from a recipe that may be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST = 1000
"""Characters of a text that are kept."""


class Summary(NamedTuple):
    """A pod in a line. `kind` is `compute`, `task` or `data`, or empty if it is not known."""

    name: str = ""
    kind: str = ""
    version: str = ""
    author: str = ""
    description: str = ""
    public: bool = False


NOTHING = Summary()


def summary_of(recipe: Mapping[str, Any]) -> Summary:
    """The summary of a recipe, which need not be a valid one."""
    kind = (
        "compute"
        if isinstance(recipe.get("golem"), dict)
        else "task"
        if isinstance(recipe.get("pods"), list)
        else "data"
    )
    texts = {key: text_of(recipe.get(key)) for key in ("name", "version", "author", "description")}
    return Summary(kind=kind, public=recipe.get("public") is True, **texts)


def text_of(value: object) -> str:
    """A text, or a number as one; empty for everything else. It can be written to any file."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value) if abs(value) < 10**LONGEST else ""
    if not isinstance(value, str):
        return ""
    return value[:LONGEST].encode("utf-8", "replace").decode()


def json_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object that the bytes are, or None."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
