"""How verdicts are shown: what was found, where, by which rule, and who repeated the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sovrgit.objects.ids import ObjectId
from sovrgit.objects.place import BytePlace, JsonPlace, PixelPlace, Place, TextPlace
from sovrgit.objects.receipts import Provider, summary_of
from sovrgit.objects.run import Run
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.ui.console import Console, path_fields
from sovrgit.ui.format import human_time, plural
from sovrgit.ui.signatureview import ShownSignature, signature_document

_MARKS = {
    Finding.IDENTICAL: ("✓ verified", "green"),
    Finding.AGREES: ("≈ agrees", "green"),
    Finding.DIFFERS: ("✗ differs", "red"),
    Finding.INCOMPARABLE: ("? not comparable", "yellow"),
}
"""What came of checking a run: a mark and a word."""

_WEIGHT = (Finding.INCOMPARABLE, Finding.IDENTICAL, Finding.AGREES, Finding.DIFFERS)
"""What is said of a run with several verdicts: the last of these that is among them."""

_ID_SHOWN = 10
"""Characters of a provider's id."""

_PROVIDERS_SHOWN = 5


class KnownVerdict(NamedTuple):
    """A verdict, and the record of the repeat that it rests on, if that is here."""

    id: ObjectId
    verdict: Verdict
    repeat: Run | None = None


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict in full."""

    known: KnownVerdict
    signature: ShownSignature | None = None

    def text(self, console: Console) -> None:
        """Print it for people."""
        identity, verdict, repeat = self.known
        if console.verbosity < 0:
            console.line(str(identity))
            return
        console.line(console.style(f"verdict {identity}", "yellow"))
        console.line(f"Run:     {verdict.run.short}, repeated as {verdict.repeat.short}")
        console.line(f"Date:    {human_time(verdict.time // 1_000_000_000, 0)}")
        if verdict.by:
            console.line(f"By:      {console.safe(verdict.by)}")
        if self.signature is not None:
            console.line(f"Signed:  {self.signature.text(console)}")
        if repeat is not None:
            console.line(f"Where:   {where_text(console, repeat)}")
        console.line(f"Finding: {finding_text(console, verdict)}")
        console.lines(list(output_lines(console, verdict)))

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "kind": "verdict",
            **verdict_document(self.known.id, self.known.verdict),
            "signature": signature_document(self.signature),
        }


def finding_text(console: Console, verdict: Verdict) -> str:
    """What a verdict found, in words."""
    compared = f"{plural(verdict.files, 'file')} compared"
    match verdict.finding:
        case Finding.IDENTICAL:
            return f"{console.style('identical', 'green', 'bold')}, {compared}"
        case Finding.AGREES:
            notes = [compared]
            notes += [f"{len(verdict.within)} within a rule"] if verdict.within else []
            notes += [f"{len(verdict.ignored)} ignored"] if verdict.ignored else []
            return f"{console.style('agrees', 'green', 'bold')}, {', '.join(notes)}"
        case Finding.DIFFERS:
            word, count = console.style("differs", "red", "bold"), len(verdict.differences)
            return f"{word} in {plural(count, 'file')}" + (", and more" if verdict.unlisted else "")
        case _:
            return f"{console.style('not comparable', 'yellow', 'bold')}: {console.safe(verdict.reason)}"


def output_lines(console: Console, verdict: Verdict) -> Iterator[str]:
    """The outputs that are not the same, each with what is known of it."""
    for difference in verdict.differences:
        notes = [place_text(difference.where) if difference.where is not None else "", difference.detail]
        yield _line(console, difference.change, difference.path, notes)
    for within in verdict.within:
        yield _line(console, "within", within.path, [within.rule, within.detail])
    for undecided in verdict.undecided:
        yield _line(console, "unclear", undecided.path, [undecided.reason])
    for path in verdict.ignored:
        yield _line(console, "ignored", path, [])
    if verdict.unlisted:
        yield f"  and {verdict.unlisted} more that are not listed"


def _line(console: Console, word: str, path: bytes, notes: Sequence[str]) -> str:
    said = "; ".join(filter(None, notes))
    return f"  {word:<8} {console.path(path)}" + (f"  {console.style(console.safe(said), 'dim')}" if said else "")


def place_text(place: Place) -> str:
    """Where in a file, in words."""
    match place:
        case JsonPlace(pointer):
            return f"at {pointer}" if pointer else "the whole document"
        case TextPlace(line, column):
            return f"line {line}, column {column}"
        case BytePlace(offset):
            return f"byte {offset}"
        case PixelPlace(left, top, width, height, frame):
            box = f"{width} x {height} pixels at {left},{top}"
            return box if frame == 1 else f"frame {frame}, {box}"


def where_text(console: Console, repeat: Run) -> str:
    """Where a run was repeated, on what, and by which providers."""
    name = repeat.executor.get("name", "")
    machine = " ".join(repeat.platform[key] for key in ("system", "machine") if key in repeat.platform)
    summary = summary_of(repeat.golem)
    if summary is None:
        return console.safe(", ".join(filter(None, (name, machine))))
    who = provider_names(summary.providers) or "nobody"
    return console.safe(f"{name}, by {who}")


def provider_names(providers: Sequence[Provider]) -> str:
    """Providers by name and id: a name is their own choice."""
    shown = [f"{one.name} {_short(one.id)}".strip() for one in providers[:_PROVIDERS_SHOWN]]
    more = len(providers) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def _short(identity: str) -> str:
    return identity if len(identity) <= _ID_SHOWN else identity[:_ID_SHOWN] + "…"


def standing(console: Console, verdicts: Sequence[Verdict]) -> str:
    """What all verdicts on a run come to: a mark and a word, and how many say so; nothing without any."""
    if not verdicts:
        return ""
    counts = Counter(verdict.finding for verdict in verdicts)
    finding = max(counts, key=_WEIGHT.index)
    text, colour = _MARKS[finding]
    if finding.confirms and len(verdicts) > 1:
        text += f" {sum(count for one, count in counts.items() if one.confirms)} times"
    elif counts[finding] < len(verdicts):
        text += f" in {counts[finding]} of {len(verdicts)}"
    return console.style(text, colour)


def counted(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many verdicts found what, as JSON."""
    counts = Counter(verdict.finding for verdict in verdicts)
    return {str(finding): counts[finding] for finding in Finding}


def verdict_document(identity: ObjectId, verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    return {
        "id": str(identity),
        "finding": str(verdict.finding),
        "run": str(verdict.run),
        "repeat": str(verdict.repeat),
        "time_ns": verdict.time,
        "files": verdict.files,
        "by": verdict.by,
        "reason": verdict.reason,
        "differences": [
            {
                **path_fields(entry.path),
                "change": entry.change,
                "rule": entry.rule,
                "where": entry.where._asdict() if entry.where is not None else None,
                "detail": entry.detail,
            }
            for entry in verdict.differences
        ],
        "within": [{**path_fields(entry.path), "rule": entry.rule, "detail": entry.detail} for entry in verdict.within],
        "undecided": [
            {**path_fields(entry.path), "rule": entry.rule, "reason": entry.reason} for entry in verdict.undecided
        ],
        "ignored": [path_fields(path) for path in verdict.ignored],
        "unlisted": verdict.unlisted,
    }
