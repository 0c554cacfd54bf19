"""Results that need not be computed: what is asked of whoever knows some, and what the answer is.

Looking them up in other places is not the matter of this layer: `sovrgit.reuse` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sovrgit.objects.commit import Reuse
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Verdict
from sovrgit.pod.pod import Pod

if TYPE_CHECKING:
    from sovrgit.runs.known import Ownership


class Wanted(NamedTuple):
    """A result that is wanted: that of the run key. Its output lies in these folders, and not in that of the logs.

    `name` is that of the pod, as its recipe says. `also` are names of other pods that may have it, too: those of the
    task that it is a part of.
    """

    key: ObjectId
    outputs: tuple[str, ...]
    logs: str
    name: str
    also: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of pods that may have it."""
        return frozenset({self.name, *self.also})


class SignedBy(NamedTuple):
    """Who signed a record: the address, and the name that this user knows it by. Empty where nobody did.

    `scheme` is how, and the address is empty if that cannot be checked here. `own` says that it is the user's own key.
    """

    address: str = ""
    name: str = ""
    own: bool = False
    scheme: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is the user's own key, or one that they know by name."""
        return self.own or bool(self.name)


UNSIGNED = SignedBy()


class Check(NamedTuple):
    """A verdict on a run, and who signed it."""

    id: ObjectId
    verdict: Verdict
    signed: SignedBy

    @property
    def confirms(self) -> bool:
        """Whether the repeat came to the result of the run, byte by byte or by the rules of its recipe."""
        return self.verdict.finding.confirms


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run whose result can be taken: everything of it is here by now, and verified.

    `place` is where it was found, as a person would write it, without secrets; `remote` is what the place is called.
    Both are empty for one that was here already. `checks` are the verdicts on it, those that count first. `trusted` is
    the address on whose word it is taken. `others` counts the runs of the same inputs that say that something else
    comes out.
    """

    id: ObjectId
    run: Run
    rule: str
    place: str = ""
    remote: str = ""
    signed: SignedBy = UNSIGNED
    checks: tuple[Check, ...] = ()
    trusted: str = ""
    others: int = 0

    def reuse(self) -> Reuse:
        """What the commit says that takes the result."""
        return Reuse(self.rule, self.place, self.trusted)


class Lookup(NamedTuple):
    """What came of looking: a run, if there is one that may be taken, and what is to be told of the search."""

    found: FoundRun | None
    notices: tuple[str, ...] = ()


NOTHING: Final = Lookup(None)


class Finder(Protocol):
    """Looks for a result that this pod does not have as its own. What cannot be asked is a notice and never a failure.

    `ownership` is what is known already of whose the runs of the pod are.
    """

    def __call__(self, pod: Pod, wanted: Wanted, ownership: Ownership | None = None, /) -> Lookup: ...
