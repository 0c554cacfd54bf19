"""How checks and repairs are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_size, plural

if TYPE_CHECKING:
    from sovrgit.pod.check import Checked
    from sovrgit.pod.losses import Loss
    from sovrgit.repairing import RemoteChecked, Repaired

_COMMITS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CheckView:
    """Shows what was found."""

    checked: Checked

    def text(self, console: Console) -> None:
        """Print it for people."""
        for problem in self.checked.problems:
            console.line(console.style("damaged:", "red", "bold") + f" {console.safe(problem)}")
        if console.verbosity < 0:
            return
        amount = f"{plural(self.checked.objects, 'object')}, {human_size(self.checked.size)} in packs"
        if self.checked.is_sound:
            console.line(f"everything is whole: {amount}")
        else:
            console.line(f"{plural(len(self.checked.problems), 'problem')} in {amount}")
            console.hint("`sovr fsck --repair` mends what can be mended; nothing is thrown away")
        if self.checked.promised:
            console.line(f"{plural(self.checked.promised, 'file')} only at remotes; `sovr du` says more")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "sound": self.checked.is_sound,
            "problems": list(self.checked.problems),
            "packs": self.checked.packs,
            "objects": self.checked.objects,
            "bytes": self.checked.size,
            "promised": self.checked.promised,
        }


@dataclass(frozen=True, slots=True)
class RemoteCheckView:
    """Shows what was found at a remote."""

    looked: RemoteChecked

    def text(self, console: Console) -> None:
        """Print it for people."""
        looked = self.looked
        for problem in looked.problems:
            console.line(console.style("damaged:", "red", "bold") + f" {console.safe(problem)}")
        if console.verbosity < 0:
            return
        name = console.safe(looked.remote)
        amount = f"{looked.checked} of {plural(looked.packs, 'pack')}, {human_size(looked.size)}"
        if looked.is_sound:
            console.line(f"{name} is whole, as far as was read: {amount}")
        else:
            console.line(f"{plural(len(looked.problems), 'problem')} at {name} in {amount}")
            console.hint(f"`sovr push {looked.remote} --full` sends what is here once more")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        looked = self.looked
        return {
            "sound": looked.is_sound,
            "problems": list(looked.problems),
            "packs": looked.checked,
            "objects": 0,
            "promised": 0,
            "bytes": looked.size,
            "remote": looked.remote,
            "packs_there": looked.packs,
        }


@dataclass(frozen=True, slots=True)
class RepairView:
    """Shows what a repair did, and what is lost."""

    done: Repaired

    def text(self, console: Console) -> None:
        """Print it for people."""
        done = self.done
        if console.verbosity >= 0:
            self._steps(console)
        for loss in done.losses:
            console.line(console.style("lost:", "red", "bold") + f" {_loss_text(console, loss)}")
        for problem in () if done.losses else done.after.problems:
            console.line(console.style("damaged:", "red", "bold") + f" {console.safe(problem)}")
        if console.verbosity < 0:
            return
        if done.after.is_sound:
            console.line("everything is whole" + ("" if done.before.is_sound else " again"))
        elif done.losses:
            console.hint("a copy of the pod may still have it: `sovr remote add NAME PLACE`, and repair again")

    def _steps(self, console: Console) -> None:
        done = self.done
        if done.mended.refs:
            console.line("made the refs anew, as the journal tells")
        if done.mended.aside:
            packs = plural(len(done.mended.aside), "damaged pack")
            console.line(f"saved {plural(done.mended.saved, 'object')} out of {packs}, now in .sovr/damaged")
        for name, problem in done.asked:
            console.line(f"asked {console.safe(name)}" + (f": {console.safe(problem)}" if problem else ""))
        if done.received_bytes:
            console.line(f"received {human_size(done.received_bytes)}")

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        done = self.done
        return {
            **CheckView(done.after).document(),
            "problems_before": list(done.before.problems),
            "refs_made_anew": done.mended.refs,
            "damaged_packs": [str(pack) for pack in done.mended.aside],
            "saved_objects": done.mended.saved,
            "asked": [{"remote": name, "problem": problem} for name, problem in done.asked],
            "received_bytes": done.received_bytes,
            "lost": [
                {"id": str(loss.id), "commits": [str(commit) for commit in loss.commits], **path_fields(loss.path)}
                for loss in done.losses
            ],
        }


def _loss_text(console: Console, loss: Loss) -> str:
    what = f"{console.path(loss.path)} ({loss.id.short})" if loss.path else loss.id.short
    if not loss.commits:
        return f"{what}, which no commit of a branch needs"
    shown = ", ".join(commit.short for commit in loss.commits[:_COMMITS_SHOWN])
    more = len(loss.commits) - _COMMITS_SHOWN
    return f"{what}, needed by {shown}" + (f" and {more} more" if more > 0 else "")
