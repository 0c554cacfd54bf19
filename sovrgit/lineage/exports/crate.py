"""A run as an RO-Crate 1.1, after the profile Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sovrgit.errors import ObjectMissing
from sovrgit.lineage.document import utc
from sovrgit.lineage.exports.library import library
from sovrgit.lineage.exports.story import Story, StoryFile, recipe_file
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.receipts import mapping, summary_of, text
from sovrgit.objects.run import RunStatus
from sovrgit.objects.tree import EntryKind
from sovrgit.objects.verdict import Verdict

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
"""The context of the terms that RO-Crate itself does not have."""

NO_LICENSE = "no licence is given in the recipe"

_STATUS = {RunStatus.SUCCEEDED: "CompletedActionStatus"}

_UNITS = {
    "wall": ("time", 1e9, "SEC", "s"),
    "user": ("time in user mode", 1e9, "SEC", "s"),
    "system": ("time in the system", 1e9, "SEC", "s"),
    "memory": ("largest resident memory of a process", 1, "AD", "bytes"),
    "read": ("read from storage", 1, "AD", "bytes"),
    "written": ("written to storage", 1, "AD", "bytes"),
}
"""Of what a run used: name, divisor, unit as code of UN/CEFACT and as text."""


def to_crate(story: Story, *, with_files: bool) -> ROCrate:
    """The crate's metadata. Local files in it lie at `place_of`, and are not copied.

    Args:
        with_files: files that are here are in the crate; otherwise only the recipe is, and the rest is named by hash.

    Raises:
        Unsupported: if the library is not installed.
        ObjectMissing: if the recipe is not here.
    """
    if recipe_file(story) is None:
        raise ObjectMissing(id=story.run.recipe.short)
    return _Writer(story, with_files).crate


def place_of(file: StoryFile) -> str:
    """Where a file lies in the crate: below its role, so that none can lie where the metadata does."""
    return f"{file.role}/{quote(file.path)}"


def is_included(file: StoryFile, recipe: StoryFile | None, with_files: bool) -> bool:
    """Whether a file lies in the crate. Links never do, as they could lead anywhere."""
    here = file.sha256 is not None and file.kind is not EntryKind.SYMLINK
    return here and (with_files or file is recipe)


class _Writer:
    def __init__(self, story: Story, with_files: bool) -> None:
        self._story = story
        self._with_files = with_files
        rocrate = library("rocrate.rocrate", "RO-Crate")
        self._model = library("rocrate.model", "RO-Crate")
        self.crate: ROCrate = rocrate.ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(TERMS)
        self._recipe = recipe_file(story)
        self._describe()

    def _describe(self) -> None:
        story, run = self._story, self._story.run
        root = self.crate.root_dataset
        root["name"] = f"Run of {run.pod}"
        root["description"] = text(story.recipe.get("description")) or f"One run of the compute pod {run.pod}."
        root["datePublished"] = _time(run.finished)
        root["license"] = text(story.recipe.get("license")) or NO_LICENSE
        root["conformsTo"] = [
            self._add(address, "CreativeWork", name=name, version=version)
            for address, (name, version) in PROFILES.items()
        ]
        root["identifier"] = [self._id_value(story.id, "run")]
        entities = {file: self._file(file) for file in story.files}
        root["hasPart"] = list(entities.values())
        workflow = entities[self._recipe] if self._recipe is not None else None
        parameters = self._parameters()
        self._workflow(workflow, parameters, entities)
        action = self._action(workflow, entities, [value for _, value in parameters])
        root["mainEntity"] = workflow
        root["mentions"] = [action, *(self._verdict(*one, action) for one in story.verdicts)]
        if story.missing:
            root["abstract"] = f"Not all of {', '.join(story.missing)} was there when this was written."

    def _add(self, at: str, kind: str, /, **properties: Any) -> Any:
        values = {name: value for name, value in properties.items() if value not in (None, "", [])}
        entity = self._model.ContextEntity(self.crate, at, properties={"@type": kind})
        entity = self.crate.add(entity)
        for name, value in values.items():
            entity[name] = value
        return entity

    # --- files ------------------------------------------------------------------------------------------------------

    def _file(self, file: StoryFile) -> Any:
        included = is_included(file, self._recipe, self._with_files)
        identifier = place_of(file) if included else _address(file)
        kinds = ["File", "SoftwareSourceCode", "ComputationalWorkflow"] if file is self._recipe else "File"
        entity = self.crate.add(self._model.DataEntity(self.crate, identifier, properties={"@type": kinds}))
        entity["name"] = file.name
        entity["contentSize"] = str(file.size)
        entity["identifier"] = [self._id_value(file.content, "content")]
        if file.sha256 is not None:
            entity["sha256"] = file.sha256
        return entity

    def _id_value(self, identity: ObjectId, what: str) -> Any:
        # An id of a record is keyed, so only that of a file is what `b3sum` prints.
        name = "blake3" if what == "content" else f"sovr {what}"
        return self._add(f"#id-{what}-{identity}", "PropertyValue", propertyID=name, name=name, value=str(identity))

    # --- what was run -------------------------------------------------------------------------------------------------

    def _workflow(self, workflow: Any, parameters: list[tuple[Any, Any]], entities: dict[StoryFile, Any]) -> None:
        story, run = self._story, self._story.run
        workflow["description"] = f"Recipe of the compute pod {run.pod}: `{shlex.join(run.command)}`"
        if version := text(story.recipe.get("version")):
            workflow["version"] = version
        workflow["programmingLanguage"] = self._add(
            "#sovr-recipe", "ComputerLanguage", name="sovr recipe", alternateName="recipe.json"
        )
        inputs = self._add("#inputs", "FormalParameter", name="inputs", additionalType="File", multipleValues="True")
        outputs = self._add("#outputs", "FormalParameter", name="outputs", additionalType="File", multipleValues="True")
        formal = self._add(
            "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE",
            "CreativeWork",
            name="FormalParameter",
            version="1.0-RELEASE",
        )
        for one in (inputs, outputs, *(parameter for parameter, _ in parameters)):
            one["conformsTo"] = formal
        workflow["input"] = [inputs, *(parameter for parameter, _ in parameters)]
        workflow["output"] = [outputs]
        workflow["softwareRequirements"] = list(self._software())
        for file, entity in entities.items():
            if entity is not workflow and file.role != "logs":
                entity["exampleOfWork"] = inputs if file.role == "inputs" else outputs

    def _software(self) -> Iterator[Any]:
        run = self._story.run
        versions = {name: value for name, value in run.executor.items() if name not in ("name", "mode")}
        versions |= {name: run.platform[name] for name in ("python", "libc") if name in run.platform}
        if "system" in run.platform:
            versions[run.platform["system"]] = run.platform.get("release", "")
        for name, version in versions.items():
            yield self._add(f"#software-{quote(name)}", "SoftwareApplication", name=name, softwareVersion=version)

    def _parameters(self) -> list[tuple[Any, Any]]:
        found = []
        for name, value in self._story.run.parameters.items():
            variable = f"SOVR_PARAM_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
            formal = self._add(
                f"#parameter-{quote(name, safe='')}",
                "FormalParameter",
                name=name,
                additionalType="Text",
                description=f"given to the command in the environment variable {variable}",
            )
            given = self._add(
                f"#value-{quote(name, safe='')}", "PropertyValue", name=name, value=value, exampleOfWork=formal
            )
            found.append((formal, given))
        return found

    # --- how it was run ----------------------------------------------------------------------------------------------

    def _action(self, workflow: Any, entities: dict[StoryFile, Any], values: list[Any]) -> Any:
        story, run = self._story, self._story.run
        failed = run.status is not RunStatus.SUCCEEDED
        inputs = [entity for file, entity in entities.items() if file.role == "inputs" and entity is not workflow]
        results = [entity for file, entity in entities.items() if file.role != "inputs"]
        environment = [
            self._add(f"#environment-{quote(name, safe='')}", "PropertyValue", name=name, value=value)
            for name, value in run.environment.items()
        ]
        external = [
            self._add(
                f"#external-{one.id}",
                "CreativeWork",
                name=one.path,
                description=f"payload from {one.reference} at commit {one.commit}",
            )
            for one in run.external
        ]
        return self._add(
            f"#run-{story.id}",
            "CreateAction",
            name=f"Run {story.id.short} of {run.pod}",
            description=f"`{shlex.join(run.command)}` by executor {run.executor.get('name', 'unknown')} on "
            + ", ".join(f"{name} {value}" for name, value in run.platform.items()),
            instrument=workflow,
            object=[*inputs, *external, *values],
            result=results,
            agent=self._person(run.by) if run.by else None,
            participant=list(self._providers()),
            startTime=_time(run.started),
            endTime=_time(run.finished),
            actionStatus={"@id": f"http://schema.org/{_STATUS.get(run.status, 'FailedActionStatus')}"},
            error=(run.reason or f"{run.status}, exit code {run.exit_code}") if failed else None,
            environment=environment,
            resourceUsage=list(self._usage()),
            containerImage=self._image(),
        )

    def _person(self, name: str) -> Any:
        return self._add(f"#person-{quote(name, safe='')}", "Person", name=name)

    def _providers(self) -> Iterator[Any]:
        summary = summary_of(self._story.run.golem)
        for one in summary.providers if summary is not None else ():
            yield self._add(
                f"#provider-{quote(one.id or one.name, safe='')}",
                "Organization",
                name=one.called,
                identifier=one.id,
                description="provider on Golem, by a name of its own choice",
            )

    def _usage(self) -> Iterator[Any]:
        run = self._story.run
        for key, amount in run.usage._asdict().items():
            if amount:
                name, divisor, code, unit = _UNITS[key]
                value = str(amount) if divisor == 1 else f"{amount / divisor:.9f}".rstrip("0").rstrip(".")
                yield self._add(
                    f"#usage-{key}",
                    "PropertyValue",
                    propertyID=key,
                    name=name,
                    value=value,
                    unitCode=code,
                    unitText=unit,
                )
        if "cpus" in run.platform:
            yield self._add(
                "#usage-cpus", "PropertyValue", propertyID="cpus", name="processors", value=run.platform["cpus"]
            )
        summary = summary_of(run.golem)
        if summary is not None and summary.accepted is not None:
            yield self._add(
                "#usage-cost",
                "PropertyValue",
                propertyID="cost",
                name=f"cost on {summary.network}{', emulated, so nothing was paid' if summary.emulated else ''}",
                value=str(summary.accepted),
                unitText=summary.token,
            )

    def _image(self) -> Any:
        image = mapping(self._story.run.golem.get("image"))
        name, digest = text(image.get("requested")), text(image.get("hash"))
        if not name and not digest:
            return None
        identifier = None
        if digest:
            identifier = self._add(
                "#image-hash", "PropertyValue", propertyID="sha3-224", name="SHA3-224 of the image", value=digest
            )
        return self._add(
            "#image", "ContainerImage", name=name or digest, identifier=identifier, url=text(image.get("url"))
        )

    def _verdict(self, identity: ObjectId, verdict: Verdict, action: Any) -> Any:
        changed = [f"{one.change} {one.path.decode('utf-8', 'replace')}" for one in verdict.differences]
        finding = self._add(
            f"#finding-{identity}",
            "PropertyValue",
            propertyID="finding",
            name="finding",
            value=str(verdict.finding),
            description="; ".join(changed) or verdict.reason or "; ".join(_allowed(verdict)),
        )
        return self._add(
            f"#verdict-{identity}",
            "AssessAction",
            name=f"Verdict {identity.short}: {verdict.finding}",
            description=f"compared {verdict.files} outputs with those of a repeat, run {verdict.repeat}",
            object=action,
            result=finding,
            agent=self._person(verdict.by) if verdict.by else None,
            endTime=_time(verdict.time),
        )


def _address(file: StoryFile) -> str:
    """The name by hash (RFC 6920) of a file that is not in the crate; with its path, as files may have one content."""
    import base64

    path = quote(file.path, safe="")
    if file.sha256 is None:
        return f"urn:blake3:{file.content}?path={path}"
    digest = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).decode("ascii").rstrip("=")
    return f"ni:///sha-256;{digest}?path={file.role}%2F{path}"


def _allowed(verdict: Verdict) -> list[str]:
    """The outputs that the rules of the recipe let pass."""
    within = [f"within {one.rule}: {one.path.decode('utf-8', 'replace')}" for one in verdict.within]
    return within + [f"ignored: {path.decode('utf-8', 'replace')}" for path in verdict.ignored]


def _time(nanoseconds: int) -> str:
    return utc(nanoseconds).replace("Z", "+00:00")
