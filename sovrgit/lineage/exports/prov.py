"""A run in the PROV data model of the W3C (https://www.w3.org/TR/prov-dm/)."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sovrgit.lineage.exports.library import library
from sovrgit.lineage.exports.story import Story, StoryFile
from sovrgit.objects.receipts import mapping, summary_of, text

if TYPE_CHECKING:
    from prov.model import ProvDocument

NAMESPACE = "urn:sovr:"
"""The names of runs, files, people and what we say of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - the library compares with this very object
_LAST = int((datetime.max.replace(tzinfo=_EPOCH.tzinfo) - _EPOCH).total_seconds()) - 1


def to_prov(story: Story) -> ProvDocument:
    """The run as an activity, its files as entities; people, program and providers as agents. A verdict is an
    activity that used the run's outputs.

    Raises:
        Unsupported: if the library is not installed.
    """
    model = library("prov.model", "PROV")
    constants = library("prov.constants", "PROV")
    document: ProvDocument = model.ProvDocument()
    sovr = document.add_namespace("sovr", NAMESPACE)
    run = story.run

    agents: dict[str, Any] = {}

    def agent(name: str, kind: Any, label: str) -> Any:
        if name not in agents:
            agents[name] = document.agent(sovr[name], {"prov:type": kind, "prov:label": _line(label)})
        return agents[name]

    activity = document.activity(
        sovr[f"run-{story.id}"], _moment(run.started), _moment(run.finished), _pairs(run_facts(story))
    )
    person = agent(f"person-{_word(run.by)}", constants.PROV["Person"], run.by) if run.by else None
    program = agent("program", constants.PROV["SoftwareAgent"], f"sovr {run.executor.get('sovr', '')}".strip())
    document.wasAssociatedWith(activity, program)
    if person is not None:
        document.wasAssociatedWith(activity, person)
        document.actedOnBehalfOf(program, person, activity)
    summary = summary_of(run.golem)
    for one in summary.providers if summary is not None else ():
        provider = agent(f"provider-{_word(one.id or one.name)}", constants.PROV["Organization"], one.called)
        document.wasAssociatedWith(activity, provider, other_attributes={"sovr:address": _line(one.id)})
    recipe = None
    inputs, results = [], []
    for file in story.files:
        entity = document.entity(sovr[_entity(file)], _pairs(_file_facts(file)))
        if file.role != "inputs":
            document.wasGeneratedBy(entity, activity, _moment(run.finished))
            results.append(entity)
            continue
        document.used(activity, entity, _moment(run.started))
        inputs.append(entity)
        if file.content == run.recipe and file.path == b"recipe.json":
            recipe = entity
    if recipe is not None:
        recipe.add_attributes({"prov:type": constants.PROV["Plan"]})
        document.wasAssociatedWith(activity, program, recipe)
    for external in run.external:
        source = document.entity(
            sovr[f"commit-{external.commit}"], _pairs({"prov:label": external.reference, "sovr:path": external.path})
        )
        document.used(activity, source, _moment(run.started))
    for identity, verdict in story.verdicts:
        facts = {"sovr:finding": str(verdict.finding), "sovr:reason": verdict.reason, "sovr:files": str(verdict.files)}
        check = document.activity(sovr[f"verdict-{identity}"], None, _moment(verdict.time), _pairs(facts))
        for entity in results:
            document.used(check, entity)
        if verdict.by:
            checker = agent(f"person-{_word(verdict.by)}", constants.PROV["Person"], verdict.by)
            document.wasAssociatedWith(check, checker)
    return document


def run_facts(story: Story) -> dict[str, str]:
    """What the record says, by name."""
    run = story.run
    image = mapping(run.golem.get("image"))
    summary = summary_of(run.golem)
    facts = {
        "prov:label": f"run {story.id.short} of {run.pod}",
        "sovr:command": shlex.join(run.command),
        "sovr:status": str(run.status),
        "sovr:reason": run.reason,
        "sovr:exit_code": "" if run.exit_code is None else str(run.exit_code),
        "sovr:key": str(run.key),
        "sovr:commit": str(story.made or ""),
        "sovr:image": text(image.get("requested")),
        "sovr:image_sha3_224": text(image.get("hash")),
        "sovr:cost": f"{summary.accepted} {summary.token}" if summary is not None and summary.accepted else "",
    }
    for kind, values in (
        ("parameter", run.parameters),
        ("environment", run.environment),
        ("platform", run.platform),
        ("executor", run.executor),
    ):
        facts |= {f"sovr:{kind}-{_word(name)}": value for name, value in values.items()}
    used = {f"sovr:usage-{name}": str(amount) for name, amount in run.usage._asdict().items() if amount}
    return facts | used


def _file_facts(file: StoryFile) -> dict[str, str]:
    return {
        "prov:label": file.name,
        "sovr:role": file.role,
        "sovr:blake3": str(file.content),
        "sovr:sha256": file.sha256 or "",
        "sovr:size": str(file.size),
    }


def _entity(file: StoryFile) -> str:
    return f"file-{file.content}-{file.role}-{file.path.hex()}"


def _word(name: str) -> str:
    """A name that stays one in PROV-N, whatever it holds: anything but ASCII letters and digits as its code."""
    return "".join(letter if letter.isascii() and letter.isalnum() else f"_{ord(letter):x}_" for letter in name)


def _pairs(facts: dict[str, str]) -> dict[str, str]:
    return {name: _line(value) for name, value in facts.items() if value}


def _line(text: str) -> str:
    """Text in one line: not every reader of PROV-N knows strings with line ends, and none half a surrogate pair."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def _moment(nanoseconds: int) -> datetime:
    # The library takes datetimes, which end with the year 9999.
    return _EPOCH + timedelta(microseconds=min(nanoseconds // 1000, _LAST * 1_000_000))
