"""Putting a payload into the text of a recipe, and leaving everything else in it as its author wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sovrgit.errors import RecipeInvalid
from sovrgit.pod.recipe import RECIPE_FILE, Recipe, parse_recipe
from sovrgit.pod.recipe_types import DEFAULT_PAYLOAD, ExternalPayload

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"\n([ \t]+)\"")
_USUAL_INDENT = "  "


def with_payload(data: bytes, added: ExternalPayload) -> bytes:
    """The recipe with one payload more.

    Args:
        data: the file as it is.

    Raises:
        RecipeInvalid: if it is no recipe, has no place for payload of other pods, or has this one already.
    """
    recipe = parse_recipe(data)
    key = _key(recipe)
    before = recipe.golem.external if recipe.golem is not None else recipe.external
    if any((entry.ref, entry.path) == (added.ref, added.path) for entry in before):
        raise recipe.invalid(key, f"has `{added.path}` of this pod already")
    text = data.decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    indent = found[1] if (found := _INDENT.search(text)) is not None else _USUAL_INDENT
    edited = _put(text, key.split("."), [*before, added], indent, ending)
    result = (b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b"") + edited.encode()
    # What is written must be readable.
    parse_recipe(result)
    return result


def _key(recipe: Recipe) -> str:
    """Where the payload of other pods stands in a recipe."""
    if recipe.golem is None:
        if recipe.pods is None:
            raise RecipeInvalid(
                file=RECIPE_FILE,
                at="",
                reason="it runs nothing, so it needs no payload",
                hint="give it a `golem` first",
            )
        if recipe.payload_folder is not None:
            raise recipe.invalid("payload", "names a folder; a task has either that or payload of other pods")
        return "payload"
    if not recipe.golem.external and recipe.golem.payload_folder != DEFAULT_PAYLOAD:
        raise recipe.invalid(
            "golem.payload",
            f"names the folder `{recipe.golem.payload_folder}`; with payload of other pods the folder is "
            f"`{DEFAULT_PAYLOAD}`, so rename it first",
        )
    return "golem.payload"


class _Member(NamedTuple):
    """A member of an object in a text: its key, and where its value begins and ends."""

    key: str
    start: int
    end: int


def _put(text: str, keys: Sequence[str], payload: Sequence[ExternalPayload], indent: str, ending: str) -> str:
    start = _SPACE.match(text, 0).end()  # type: ignore[union-attr] # it fits anywhere
    *above, last = keys
    for key in above:
        start = next(member.start for member in _members(text, start) if member.key == key)
    members = list(_members(text, start))
    margin = indent * len(keys)
    value = json.dumps([{"ref": entry.ref, "data": entry.data} for entry in payload], ensure_ascii=False, indent=indent)
    value = value.replace("\n", ending + margin)
    there = next((member for member in members if member.key == last), None)
    if there is not None:
        return text[: there.start] + value + text[there.end :]
    at = members[-1].end
    return f"{text[:at]},{ending}{margin}{json.dumps(last)}: {value}{text[at:]}"


def _members(text: str, start: int) -> Iterator[_Member]:
    """The members of the object that begins at `start`, of a text that is known to be JSON."""
    decode = json.JSONDecoder().raw_decode
    at = _skip(text, start + 1)
    while text[at] != "}":
        key: Any
        key, at = decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        begin = at
        _, at = decode(text, at)
        yield _Member(key, begin, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
