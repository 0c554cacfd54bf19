"""A run as an in-toto Statement v1 with SLSA Provenance v1, in a DSSE envelope.

https://github.com/in-toto/attestation (spec/v1), https://slsa.dev/spec/v1.0/provenance and
https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sovrgit.lineage.document import utc
from sovrgit.lineage.exports.story import Story, StoryFile
from sovrgit.objects.receipts import mapping, summary_of, text

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:sovr:run:v1"
"""What `externalParameters` and `internalParameters` mean; described in docs/internals/lineage.md."""


class EnvelopeSignature(NamedTuple):
    """A signature of an envelope, whose key made it, and this key."""

    key: str
    value: bytes
    public: bytes


Signer = Callable[[bytes], EnvelopeSignature | None]
"""Signs what `encoded_for_signing` gives; None if there is no key."""


def to_statement(story: Story) -> dict[str, Any]:
    """The statement: its subjects are the outputs. Those whose content is not here have their BLAKE3 only."""
    run = story.run
    summary = summary_of(run.golem)
    dependencies = [_descriptor(file) for file in story.of_role("inputs")]
    dependencies += [
        {"name": one.path, "uri": one.reference, "digest": {"sovrCommit": str(one.commit), "sovrId": str(one.id)}}
        for one in run.external
    ]
    image = mapping(run.golem.get("image"))
    if digest := text(image.get("hash")):
        dependencies.append({"name": text(image.get("requested")), "digest": {"sha3_224": digest}})
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "command": list(run.command),
                "parameters": dict(run.parameters),
                "recipe": {"digest": {"blake3": str(run.recipe)}},
            },
            "internalParameters": {
                "environment": dict(run.environment),
                "platform": dict(run.platform),
                "key": str(run.key),
                "inputTree": str(run.input),
            },
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {
                "id": f"urn:sovr:executor:{run.executor.get('name', 'unknown')}",
                "version": {name: value for name, value in run.executor.items() if name not in ("name", "mode")},
            },
            "metadata": {
                "invocationId": f"urn:sovr:run:{story.id}",
                "startedOn": utc(run.started),
                "finishedOn": utc(run.finished),
                "sovr_status": str(run.status),
                "sovr_exitCode": run.exit_code,
                "sovr_by": run.by,
                "sovr_verdicts": [
                    {"id": str(identity), "finding": str(verdict.finding), "by": verdict.by}
                    for identity, verdict in story.verdicts
                ],
                "sovr_providers": [
                    {"id": one.id, "name": one.name} for one in (summary.providers if summary is not None else ())
                ],
            },
            "byproducts": [_descriptor(file) for file in story.of_role("logs")],
        },
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_descriptor(file) for file in story.of_role("outputs")],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def to_envelope(statement: dict[str, Any], sign: Signer = lambda _: None) -> dict[str, Any]:
    """The envelope around a statement; without a signature it only carries it, and proves nothing."""
    payload = json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    signature = sign(encoded_for_signing(payload))
    signatures = []
    if signature is not None:
        public = signature.public.hex()
        signatures = [{"keyid": signature.key, "sig": _base64(signature.value), "publicKey": public}]
    return {"payloadType": PAYLOAD_TYPE, "payload": _base64(payload), "signatures": signatures}


def encoded_for_signing(payload: bytes) -> bytes:
    """What a signature is over: the pre-authentication encoding of DSSE v1, so that it holds for this type alone."""
    kind = PAYLOAD_TYPE.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def _descriptor(file: StoryFile) -> dict[str, Any]:
    digest = {"blake3": str(file.content)}
    return {"name": file.name, "digest": digest if file.sha256 is None else {"sha256": file.sha256, **digest}}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
