"""What the commands of activities have printed, from the call log of a run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sovrgit.objects.receipts import mapping, maps, moment, text

LONGEST_LINE = 16 << 20
"""Bytes of a line of the log; a longer one, which no gateway writes, is passed over."""

_EXEC = re.compile(r"/activity-api/v1/activity/([^/?]+)/exec(?:/([^/?]+))?(?:\?.*)?")


@dataclass(slots=True)
class Printed:
    """A command, how it ended and what it printed; `result` is empty if that is not known.

    `command` is what was sent, in words. `at` is when that was, in nanoseconds since 1970.
    """

    activity: str
    at: int
    command: str
    result: str = ""
    message: str = ""
    stdout: str = ""
    stderr: str = ""


def printed_by(lines: Iterable[bytes], activities: Collection[str]) -> list[Printed]:
    """What was run in activities, in the order in which it was sent.

    Args:
        lines: of the call log. It may be anybody's, so what is not understood is passed over.
    """
    batches: dict[str, list[Printed]] = {}
    for raw in lines:
        line = _parsed(raw)
        found = _EXEC.fullmatch(text(line.get("path")))
        if found is None or found[1] not in activities:
            continue
        if found[2] is None:
            _sent(batches, found[1], line)
        elif found[2] in batches:
            _answered(batches[found[2]], line)
    return [command for batch in batches.values() for command in batch]


def lines_of(pieces: Iterable[Any]) -> Iterator[bytes]:
    """The lines of a file that comes in pieces, without those that are too long to be any."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + bytes(piece)).split(b"\n")
        yield from (line for line in whole if len(line) <= LONGEST_LINE)
        if len(rest) > LONGEST_LINE:
            # What is left of it is no JSON either.
            rest = rest[:1]
    if rest:
        yield rest


def _parsed(raw: bytes) -> Mapping[str, Any]:
    if b"/exec" not in raw:
        return {}
    try:
        return mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return {}


def _sent(batches: dict[str, list[Printed]], activity: str, line: Mapping[str, Any]) -> None:
    batch, status = text(line.get("answer")), line.get("status")
    if not batch or batch in batches or not isinstance(status, int) or not 200 <= status < 300:
        return
    given = mapping(line.get("request")).get("text")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = []
    at = moment(line.get("at")) or 0
    batches[batch] = [Printed(activity, at, _words(command)) for command in maps(given)]


def _words(command: Mapping[str, Any]) -> str:
    kind, given = next(iter(command.items()), ("", {}))
    said = mapping(given)
    args = said.get("args")
    words = [said.get("entry_point"), *(args if isinstance(args, list) else [])]
    if kind == "transfer":
        words = [said.get("from"), said.get("to")]
    return f"{kind} {shlex.join(word for word in words if isinstance(word, str))}".rstrip()


def _answered(batch: list[Printed], line: Mapping[str, Any]) -> None:
    """Results that were polled for come again with every answer; events come once."""
    if "event" in line:
        event = mapping(line["event"])
        command, kind = _at(batch, event), mapping(event.get("kind"))
        if command is not None:
            command.stdout += text(kind.get("stdout"))
            command.stderr += text(kind.get("stderr"))
            finished = mapping(kind.get("finished"))
            if finished:
                command.result = "Ok" if finished.get("return_code") == 0 else "Error"
                command.message = text(finished.get("message"))
        return
    for result in maps(line.get("answer")):
        command = _at(batch, result)
        if command is not None:
            command.result, command.message = text(result.get("result")), text(result.get("message"))
            command.stdout = text(result.get("stdout")) or command.stdout
            command.stderr = text(result.get("stderr")) or command.stderr


def _at(batch: list[Printed], given: Mapping[str, Any]) -> Printed | None:
    index = given.get("index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(batch):
        return None
    return batch[index]
