"""`pyproject.toml` out of the metadata of an installed program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from email import message_from_string
from email.message import Message
from importlib.metadata import Distribution

_EXTRA = re.compile(r"(?P<what>[^;]+?)\s*;\s*(?:(?P<marker>.+?)\s+and\s+)?extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]\s*")
"""A requirement of an extra, as build tools write it."""

_PERSON = re.compile(r"\s*(?:\"?(?P<name>[^<\"]*?)\"?\s*)?<(?P<email>[^>]+)>\s*")


def metadata_of(program: Distribution) -> Message:
    """What is said of a program; a field that is not there is None.

    `Distribution.metadata` raises for it instead once anybody has imported the package importlib_metadata.
    """
    return message_from_string(program.read_text("METADATA") or "")


def pyproject(program: Distribution, backend: str) -> str:
    """The text of a `pyproject.toml` that describes a program as its metadata does.

    Args:
        backend: the module, in the same folder, that builds it.
    """
    metadata = metadata_of(program)
    lines = [
        "# Made by `sovr persist-self` out of the metadata of the installed program.",
        "",
        "[build-system]",
        "requires = []",
        f"build-backend = {_text(backend)}",
        'backend-path = ["."]',
        "",
        "[project]",
        *_project(metadata),
    ]
    lines += _table("project.urls", _urls(metadata.get_all("Project-URL") or ()))
    scripts = {entry.name: entry.value for entry in program.entry_points if entry.group == "console_scripts"}
    lines += _table("project.scripts", {name: _text(scripts[name]) for name in sorted(scripts)})
    extras: dict[str, list[str]] = {extra: [] for extra in sorted(metadata.get_all("Provides-Extra") or ())}
    for extra, requirement in _requirements(program):
        if extra:
            extras.setdefault(extra, []).append(requirement)
    lines += _table("project.optional-dependencies", {extra: _list(wanted) for extra, wanted in extras.items()})
    return "\n".join(lines) + "\n"


def _project(metadata: Message) -> Iterator[str]:
    yield f"name = {_text(metadata['Name'])}"
    yield f"version = {_text(metadata['Version'])}"
    for key, field in (("description", "Summary"), ("requires-python", "Requires-Python")):
        if metadata[field]:
            yield f"{key} = {_text(metadata[field])}"
    yield 'readme = "README.md"'
    if metadata["License-Expression"]:
        yield f"license = {_text(metadata['License-Expression'])}"
    yield 'license-files = ["LICENSE"]'
    people = [*_people(metadata["Author"], metadata["Author-email"])]
    if people:
        yield f"authors = [{', '.join(people)}]"
    if metadata["Keywords"]:
        yield f"keywords = {_list(word.strip() for word in metadata['Keywords'].split(','))}"
    classifiers = metadata.get_all("Classifier") or ()
    if classifiers:
        yield f"classifiers = {_list(classifiers)}"
    needed = metadata.get_all("Requires-Dist") or ()
    yield f"dependencies = {_list(text for extra, text in map(_requirement, needed) if not extra)}"


def _people(names: str | None, addresses: str | None) -> Iterator[str]:
    if names:
        yield f"{{ name = {_text(names)} }}"
    for address in (addresses or "").split(","):
        person = _PERSON.fullmatch(address)
        if person is not None:
            name = f"name = {_text(person['name'])}, " if person["name"] else ""
            yield f"{{ {name}email = {_text(person['email'])} }}"


def _urls(lines: Iterable[str]) -> dict[str, str]:
    return {label.strip(): _text(address.strip()) for label, _, address in (line.partition(",") for line in lines)}


def _requirements(program: Distribution) -> Iterator[tuple[str, str]]:
    for line in metadata_of(program).get_all("Requires-Dist") or ():
        yield _requirement(line)


def _requirement(line: str) -> tuple[str, str]:
    """The extra that a requirement belongs to, empty if to none, and the requirement without that."""
    found = _EXTRA.fullmatch(line)
    if found is None:
        return "", line
    marker = f"; {found['marker']}" if found["marker"] else ""
    return found["extra"], found["what"] + marker


def _table(name: str, values: dict[str, str]) -> list[str]:
    if not values:
        return []
    return ["", f"[{name}]", *(f"{_text(key)} = {value}" for key, value in values.items())]


def _list(items: Iterable[str]) -> str:
    inside = "".join(f"  {_text(item)},\n" for item in items)
    return f"[\n{inside}]" if inside else "[]"


def _text(value: str) -> str:
    """A string in TOML, which takes JSON's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
