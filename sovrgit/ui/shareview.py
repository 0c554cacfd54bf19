"""Showing a sharing reference, and what it grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console

if TYPE_CHECKING:
    from sovrgit.sharing import Shared


@dataclass(frozen=True, slots=True)
class ShareView:
    """Shows a reference."""

    shared: Shared

    def text(self, console: Console) -> None:
        """Print it for people."""
        console.line(self.shared.reference)
        for line in what_it_grants(private=self.shared.private):
            console.note(line)

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "remote": self.shared.remote,
            "location": self.shared.location,
            "reference": self.shared.reference,
            "private": self.shared.private,
        }


def what_it_grants(*, private: bool) -> Sequence[str]:
    """What people have to know before they give a reference away."""
    opened = "the reference with its key" if private else "this reference"
    return (
        f"whoever has {opened} can read all of the pod, now and later;",
        "it cannot be taken back. `sovr clone REFERENCE` gets it, with no account.",
        "How long it stays is not known here: the server's operator pays its postage.",
    )
