"""Which results of others may be taken, and which of several is the best.

A record proves nothing: whoever writes one can claim any output for any inputs. What counts is who stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sovrgit.errors import SignatureInvalid
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.run import Run
from sovrgit.objects.signature import Signed
from sovrgit.objects.verdict import Finding, Verdict
from sovrgit.runs.inputs import claims_key
from sovrgit.runs.reused import UNSIGNED, Check, SignedBy, Wanted
from sovrgit.signing.checking import check_signature


@dataclass(frozen=True)
class Keys:
    """Whose word counts: the names of keys by address, and what finds the user's own address, empty without a key."""

    names: Mapping[str, str] = field(default_factory=dict)
    find_own: Callable[[], str] = lambda: ""

    @cached_property
    def own(self) -> str:
        """The user's own address. Asked for when there is a signature to compare it with."""
        return self.find_own()

    def who(self, record: Signed, identity: ObjectId) -> SignedBy:
        """Who signed a record.

        Raises:
            SignatureInvalid: if it is forged.
        """
        found = check_signature(record, identity)
        if found is None:
            return UNSIGNED
        if not found.address:
            return SignedBy(scheme=found.scheme)
        name = self.names.get(found.address, "")
        return SignedBy(found.address, name, found.address == self.own, found.scheme)


@dataclass(frozen=True, slots=True)
class Judged:
    """A result that may be taken. `trusted` is the address on whose word, empty if nobody's word counts here."""

    signed: SignedBy
    checks: tuple[Check, ...]
    trusted: str

    def rank(self, run: Run) -> tuple[int, bool, int]:
        """What is better comes first: trusted and verified, trusted, verified by anybody, the rest; then the latest."""
        agreeing = [check for check in self.checks if check.confirms]
        verified = any(check.signed.counts for check in agreeing)
        doubted = any(check.verdict.finding is Finding.DIFFERS for check in self.checks)
        if self.trusted:
            place = 0 if verified else 1
        else:
            place = 4 if doubted else 2 if agreeing else 3
        return place, run.repeats is not None, -run.started


def checks_of(keys: Keys, run: ObjectId, verdicts: Sequence[tuple[ObjectId, Verdict]]) -> tuple[Check, ...]:
    """The verdicts on a run, those whose signer counts first. Forged ones are left out: nobody has said that."""
    checks = []
    for identity, verdict in verdicts:
        if verdict.run != run:
            continue
        try:
            checks.append(Check(identity, verdict, keys.who(verdict, identity)))
        except SignatureInvalid:
            continue
    return tuple(sorted(checks, key=lambda check: (not check.signed.counts, -check.verdict.time)))


def judge(
    keys: Keys, rule: str, wanted: Wanted, identity: ObjectId, run: Run, checks: tuple[Check, ...]
) -> Judged | str:
    """Whether a result may be taken: in what standing it is, or why not.

    Args:
        rule: `own`, `trusted` or `any`.
    """
    if not run.succeeded or not claims_key(run, wanted.key):
        return "what its record says of the inputs does not make the run key that it names"
    try:
        signed = keys.who(run, identity)
    except SignatureInvalid:
        return "its signature is forged"
    against = next(
        (check for check in checks if check.verdict.finding is Finding.DIFFERS and check.signed.counts), None
    )
    if against is not None:
        return f"{called(against.signed)} repeated it, and something else came out"
    agreeing = (check.signed for check in checks if check.confirms)
    trusted = next((signer.address for signer in (signed, *agreeing) if signer.counts), "")
    if rule == "own" and not signed.own:
        return "it is not signed by your key"
    if rule == "trusted" and not trusted:
        if not signed.scheme:
            return "nobody has signed it"
        if not signed.address:
            return "it is signed in a way that this version cannot check"
        return f"it is signed by {signed.address}, a key without a name here (`sovr trust key` gives it one)"
    return Judged(signed, checks, trusted)


def called(signed: SignedBy) -> str:
    """What a signer is called."""
    if signed.own:
        return "you"
    return signed.name or signed.address or "somebody who signed nothing"
