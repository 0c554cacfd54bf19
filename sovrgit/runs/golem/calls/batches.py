"""Batches of commands in the story: what was sent, and what came of it, polled or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sovrgit.runs.golem.calls.seen import Command, Seen
from sovrgit.runs.golem.calls.values import id_of, items, mapping, nanoseconds, text
from sovrgit.runs.golem.observed import BatchChanged, Observed

MOST_COMMANDS = 2000
"""Commands of a run of which is kept what they were. All are in the call log."""

LONGEST_TEXT = 1 << 10
_MOST_WORDS = 64


def commands_of(request: Any) -> list[Mapping[str, Any]]:
    """The commands that a call sends: as text that is JSON, or as the call log has them."""
    given = mapping(request).get("text")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return []
    return [mapping(one) for one in items(given)]


def take_commands(seen: Seen, activity_id: str, batch: str, request: Any) -> None:
    """Take in a batch that was sent."""
    activity = seen.activities.get(activity_id)
    if activity is None or batch in activity.batches:
        return
    commands = commands_of(request)
    kept = sum(len(one.commands) for one in seen.activities.values())
    room = max(MOST_COMMANDS - kept, 0)
    number = len(activity.batches)
    activity.batches[batch] = (len(activity.commands), len(commands[:room]))
    activity.commands += [_command(seen, number, one) for one in commands[:room]]
    seen.dropped += len(commands) - len(commands[:room])


def _command(seen: Seen, batch: int, given: Mapping[str, Any]) -> Command:
    kind, body = next(iter(given.items()), ("", {}))
    said = mapping(body)
    if kind == "transfer":
        words = [said.get("from"), said.get("to")]
    else:
        words = [said.get("entry_point"), *items(said.get("args"))]
    texts = [_cut(seen, word) for word in words[:_MOST_WORDS] if isinstance(word, str)]
    seen.dropped += max(len(words) - _MOST_WORDS, 0)
    return Command(batch, str(kind)[:32], tuple(texts))


def take_results(seen: Seen, ids: Sequence[str], answer: Any, at: int) -> list[Observed]:
    """Take in the results of a batch, as far as there are any."""
    told: list[Observed] = []
    for one in items(answer):
        result = mapping(one)
        when = nanoseconds(result.get("eventDate"))
        told += _ended(seen, ids, result.get("index"), text(result.get("result"))[:32], result.get("message"), when, at)
    return told[-1:]


def take_event(seen: Seen, ids: Sequence[str], event: Any, at: int) -> list[Observed]:
    """Take in something that happened in a batch that is followed."""
    given = mapping(event)
    finished = mapping(mapping(given.get("kind")).get("finished"))
    if not finished:
        return []
    result = "Ok" if finished.get("return_code") == 0 else "Error"
    when = nanoseconds(given.get("timestamp"))
    return _ended(seen, ids, given.get("index"), result, finished.get("message"), when, at)


def _ended(
    seen: Seen, ids: Sequence[str], index: Any, result: str, message: Any, when: int | None, at: int
) -> list[Observed]:
    activity = seen.activities.get(ids[0])
    begin, count = activity.batches.get(id_of(ids[1]), (0, 0)) if activity else (0, 0)
    if activity is None or isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        return []
    command = activity.commands[begin + index]
    if command.result or not result:
        return []
    command.result, command.message, command.at = result, _cut(seen, text(message)), when or at
    batch = activity.commands[begin : begin + count]
    done = [one.result for one in batch if one.result]
    return [BatchChanged(at, activity.id, len(done), count, len(done) - done.count("Ok"))]


def _cut(seen: Seen, given: str) -> str:
    if len(given) <= LONGEST_TEXT:
        return given
    seen.dropped += 1
    return given[:LONGEST_TEXT] + "…"
