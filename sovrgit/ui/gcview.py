"""How it is shown what was collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.pod.gc import Collected


@dataclass(frozen=True, slots=True)
class CollectedView:
    """Shows what a collection of garbage has done, or would do."""

    collected: Collected
    dry_run: bool = False

    def text(self, console: Console) -> None:
        """Print it for people."""
        if console.verbosity < 0:
            return
        done = self.collected
        verb = "would remove" if self.dry_run else "removed"
        if done.objects:
            console.line(f"{verb} {plural(done.objects, 'object')} ({human_size(done.bytes)})")
        if done.packs_after != done.packs_before and not self.dry_run:
            console.line(f"{plural(done.packs_before, 'pack')} became {done.packs_after}")
        if done.leftovers:
            console.line(f"{verb} {plural(done.leftovers, 'file')} that killed commands have left")
        if not (done.objects or done.leftovers or done.packs_after != done.packs_before):
            console.line("nothing to collect")
        if done.young:
            console.note(f"{plural(done.young, 'object')} of no use will stay until the grace period is over")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        done = self.collected
        return {
            "dry_run": self.dry_run,
            "objects": done.objects,
            "bytes": done.bytes,
            "packs_before": done.packs_before,
            "packs_after": done.packs_after,
            "young": done.young,
            "leftovers": done.leftovers,
        }
