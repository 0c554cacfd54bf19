"""The topics of the help, and their texts with everything in them that is generated."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Final

TOPICS: Final[dict[str, str]] = {
    "revisions": "How commits, files in them, and ranges are named",
    "recipes": "How recipe.json says what a pod runs",
    "running": "What a run records, and when it is not repeated",
    "merging": "How branches come together, and how to take things back",
    "remotes": "Where pods are pushed to and fetched from",
    "references": "How others get a pod, and what a reference gives them",
    "ignore": "How files are kept out of the pod",
    "configuration": "The settings, where they are, and which win",
    "environment": "The variables that sovr reads",
    "exit-codes": "What a command ends with",
    "json": "What --json prints, for programs",
    "formats": "What is in .sovr, and how objects are named",
}
"""Name and first line of each. Each has a file here: `NAME.md`."""

_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def text_of(topic: str) -> str:
    """The Markdown of a topic, with everything in it that is generated."""
    raw = files("sovrgit.help").joinpath(f"{topic}.md").read_text(encoding="utf-8")
    return _MARK.sub(lambda mark: GENERATED[mark[1]](), raw)


# --- what is made from the program itself -------------------------------------------------------------------------


def _settings() -> str:
    from sovrgit.settings import SETTINGS

    lines = ["| setting | holds | what it does |", "| --- | --- | --- |"]
    for setting in SETTINGS:
        more = f" If not set: {setting.default}." if setting.default else ""
        more += f" `{setting.variable.name}` wins over it." if setting.variable is not None else ""
        more += " From the user's file only." if setting.users_only else ""
        lines.append(f"| `{setting.name}` | {setting.kind.word} | {_cell(setting.purpose + more)} |")
    return "\n".join(lines)


def _environment() -> str:
    from sovrgit.env import VARIABLES

    lines = ["| variable | what it does |", "| --- | --- |"]
    lines += [f"| `{variable.name}` | {_cell(variable.purpose)} |" for variable in VARIABLES]
    return "\n".join(lines)


def _failures() -> str:
    from sovrgit import errors

    kinds = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.SovrError) and value is not errors.SovrError
    }
    lines = ["| code | name | what has happened |", "| --- | --- | --- |"]
    for kind in sorted(kinds, key=lambda kind: (kind.exit_code, kind.__name__)):
        meaning = (kind.__doc__ or "").strip().partition("\n")[0]
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {_cell(meaning)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


GENERATED: Final[dict[str, Callable[[], str]]] = {
    "settings": _settings,
    "environment": _environment,
    "failures": _failures,
}
