"""Who signed what stands in an answer. Commits and records say it of themselves; it is checked here."""

from __future__ import annotations

from typing import NamedTuple

from sovrgit.errors import SignatureInvalid
from sovrgit.lineage.graph import CommitDetails, Node, RunDetails, VerdictDetails
from sovrgit.objects.signature import Signed


class NodeSignature(NamedTuple):
    """The signature of a commit or record. `address` is empty if its scheme is not known here, or it is forged."""

    scheme: str
    address: str
    forged: bool = False


def signature_of(node: Node) -> NodeSignature | None:
    """The signature of what a node stands for, checked; None if nobody has signed it."""
    record = _record(node)
    if record is None or record.signature is None:
        return None
    from sovrgit.signing.checking import check_signature

    identity = record.id()
    try:
        found = check_signature(record, identity)
    except SignatureInvalid:
        return NodeSignature(record.signature.scheme, "", forged=True)
    return None if found is None else NodeSignature(found.scheme, found.address)


def is_signed(node: Node) -> bool:
    """Whether a node stands for something that says it is signed."""
    record = _record(node)
    return record is not None and record.signature is not None


def _record(node: Node) -> Signed | None:
    match node.details:
        case CommitDetails(_, commit):
            return commit
        case RunDetails(_, run):
            return run
        case VerdictDetails(_, verdict):
            return verdict
    return None
