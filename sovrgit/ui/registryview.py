"""How registries, and what is found in them, are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import plural
from sovrgit.ui.podsview import one_line

if TYPE_CHECKING:
    from sovrgit.registry.added import Added
    from sovrgit.registry.own import Rebuilt
    from sovrgit.registry.search import Hit
    from sovrgit.remotes.fairos.reference import SharingReference


@dataclass(frozen=True, slots=True)
class RegistriesView:
    """Shows the registries that are known here. Their references stay where they are kept.

    `pods` is the number of pods in one that was just added.
    """

    registries: Sequence[Added]
    pods: int | None = None
    place: str | None = None

    def text(self, console: Console) -> None:
        """Print it for people."""
        for registry in self.registries:
            if console.verbosity < 0:
                console.line(registry.name)
                continue
            known = f", {plural(self.pods, 'pod')}" if self.pods is not None else ""
            console.line(f"{console.style(registry.name, 'bold')}  {registry.reference} at {registry.server}{known}")
        if self.place is not None:
            console.note(f"its reference is kept in {self.place}")
        if not self.registries:
            console.note("no registries of others are known here")
            console.hint("`sovr registry add REFERENCE` adds one")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "registries": [
                {"name": registry.name, "server": registry.server, "fingerprint": registry.reference.fingerprint}
                for registry in self.registries
            ],
            **({"pods": self.pods} if self.pods is not None else {}),
        }


@dataclass(frozen=True, slots=True)
class RebuiltView:
    """Shows what was written into the user's own registry."""

    rebuilt: Rebuilt

    def text(self, console: Console) -> None:
        """Print it for people."""
        for pod in self.rebuilt.listed:
            console.line(one_line(console, pod))
        for found in self.rebuilt.broken:
            kept = "what the registry said of it stays" if found.pod in self.rebuilt.listed else "it is left out"
            console.warn(f"`{found.pod}` cannot be read, {kept}: {found.trouble}")
        references = plural(len(self.rebuilt.published), "reference")
        console.note(f"{plural(len(self.rebuilt.listed), 'pod')} in the registry, {references} of public ones")
        console.hint("`sovr registry share` gives the reference of the registry to others")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "listed": list(self.rebuilt.listed),
            "published": list(self.rebuilt.published),
            "broken": [{"pod": found.pod, "reason": found.trouble} for found in self.rebuilt.broken],
        }


@dataclass(frozen=True, slots=True)
class SharedRegistryView:
    """Shows the reference of the user's own registry, and says what it grants."""

    reference: SharingReference
    pods: int
    with_references: int

    def text(self, console: Console) -> None:
        """Print it for people."""
        console.line(self.reference.reveal())
        console.note(
            f"whoever has it can read this registry for ever, whatever will be in it: now {plural(self.pods, 'pod')},"
            f" {self.with_references} of them with the reference that they can be cloned by"
        )
        console.hint("others add it with `sovr registry add REFERENCE`")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {"reference": self.reference.reveal(), "pods": self.pods, "with_references": self.with_references}


@dataclass(frozen=True, slots=True)
class SearchView:
    """Shows pods that were found. `unread` are registries that could not be read, and why."""

    hits: Sequence[Hit]
    unread: Sequence[tuple[str, str]] = ()

    def text(self, console: Console) -> None:
        """Print it for people."""
        for name, reason in self.unread:
            console.warn(f"the registry `{name}` was not searched: {reason}")
        for source, pod in self.hits:
            reference = pod.reference.reveal() if pod.reference is not None else ""
            if console.verbosity < 0:
                console.line(reference or one_line(console, pod.pod))
                continue
            said = pod.summary
            facts = [said.kind, said.version, f"by {said.author}" if said.author else "", f"in {source}"]
            told = ", ".join(one_line(console, fact) for fact in facts if fact)
            console.line(f"{console.style(one_line(console, pod.pod), 'bold')}  ({told})")
            if said.description:
                console.line(f"  {one_line(console, said.description)}")
            if reference:
                console.line(f"  {console.style(reference, 'dim')}")
        if not self.hits:
            console.note("no pod was found")
        elif any(hit.pod.reference is not None for hit in self.hits):
            console.hint("`sovr clone REFERENCE` gets a pod; what is said of it is its owner's claim")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "pods": [
                {
                    "registry": source,
                    "pod": pod.pod,
                    "kind": pod.summary.kind,
                    "name": pod.summary.name,
                    "version": pod.summary.version,
                    "author": pod.summary.author,
                    "description": pod.summary.description,
                    "pushed_ns": pod.pushed,
                    "generation": pod.generation,
                    "reference": pod.reference.reveal() if pod.reference is not None else None,
                }
                for source, pod in self.hits
            ],
            "unread": [{"registry": name, "reason": reason} for name, reason in self.unread],
        }
