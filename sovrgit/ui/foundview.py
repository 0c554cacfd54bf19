"""How a result of somebody else's is shown that is taken instead of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sovrgit.objects.verdict import Finding
from sovrgit.ui.format import human_time

if TYPE_CHECKING:
    from sovrgit.runs.reused import Check, FoundRun, SignedBy

_SHOWN = 3

_WORDS = {
    Finding.IDENTICAL: "verified",
    Finding.AGREES: "verified by the recipe's rules",
    Finding.DIFFERS: "found to differ",
    Finding.INCOMPARABLE: "tried without a result",
}


def found_lines(found: FoundRun) -> Iterator[str]:
    """Whose it is, where it was found, and what is known of it, for a note."""
    when = human_time(found.run.started // 1_000_000_000, 0)
    by = found.run.by or "somebody who gave no name"
    yield f"found: run {found.id.short} by {by} of {when}, {where_text(found)}, had the same inputs; taking its output"
    yield f"  {standing(found)}"


def where_text(found: FoundRun) -> str:
    """Where it was found, in words."""
    if not found.place:
        return "which was fetched"
    if found.remote in found.place:
        return f"at `{found.place}`"
    return f"at `{found.remote}` ({found.place})"


def standing(found: FoundRun) -> str:
    """Who signed it and who verified it, in words."""
    return f"{signed_text(found.signed)}; {_checked(found.checks)}"


def signed_text(signed: SignedBy) -> str:
    """Who signed a record, in words."""
    if not signed.scheme:
        return "not signed"
    if not signed.address:
        return f"signed in a way that this version cannot check ({signed.scheme})"
    if signed.own:
        return "signed with your key"
    if signed.name:
        return f"signed by {signed.name} ({signed.address})"
    return f"signed by {signed.address}, which is not a key you know"


def _checked(checks: tuple[Check, ...]) -> str:
    if not checks:
        return "nobody is known to have verified it"
    shown = [_check_text(check) for check in checks[:_SHOWN]]
    more = len(checks) - len(shown)
    return "; ".join(shown) + (f"; and {more} more verdicts" if more else "")


def _check_text(check: Check) -> str:
    finding = check.verdict.finding
    return f"{_WORDS.get(finding, str(finding))} by {check.verdict.by or 'somebody'}, {signed_text(check.signed)}"


def found_document(found: FoundRun) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "rule": found.rule,
        "place": found.place,
        "remote": found.remote,
        "by": found.run.by,
        "signed": _signed_document(found.signed),
        "trusted": found.trusted or None,
        "verdicts": [
            {
                "id": str(check.id),
                "finding": str(check.verdict.finding),
                "by": check.verdict.by,
                "signed": _signed_document(check.signed),
            }
            for check in found.checks
        ],
        "others": found.others,
    }


def _signed_document(signed: SignedBy) -> dict[str, Any] | None:
    if not signed.scheme:
        return None
    return {
        "scheme": signed.scheme,
        "address": signed.address or None,
        "name": signed.name or None,
        "own": signed.own,
    }
