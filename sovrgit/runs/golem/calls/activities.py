"""Activities in the story: from their beginning to their end, and what they have used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sovrgit.runs.golem.calls.batches import take_commands, take_results
from sovrgit.runs.golem.calls.line import Line, is_full
from sovrgit.runs.golem.calls.seen import ZERO, Activity, Seen
from sovrgit.runs.golem.calls.values import amount, id_of, items, mapping, text
from sovrgit.runs.golem.limits import CPU_COUNTER, SECONDS_COUNTER, VECTOR
from sovrgit.runs.golem.observed import ActivityChanged


def _activity(line: Line) -> None:
    made = id_of(line.answer) or id_of(mapping(line.answer).get("activityId"))
    agreement = line.seen.agreements.get(id_of(line.request) or id_of(mapping(line.request).get("agreementId")))
    if not (line.ok and made and agreement) or made in line.seen.activities or is_full(line, line.seen.activities):
        return
    agreement.activities.append(made)
    activity = line.seen.activities[made] = Activity(made, agreement.id, line.at)
    if agreement.final:
        activity.destroyed = line.at
    line.told.append(ActivityChanged(line.at, made, agreement.id, activity.state))


def _activity_end(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    if activity is not None and (line.ok or line.status in (404, 410)):
        destroyed(line, activity)


def _activity_state(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    state = text(next(iter(items(mapping(line.answer).get("state"))), ""))[:32]
    if activity is None or not line.ok or not state or activity.ended:
        return
    if state == "Terminated":
        destroyed(line, activity)
    elif state != activity.state:
        activity.state = state
        line.told.append(ActivityChanged(line.at, activity.id, activity.agreement, state))


def _activity_usage(line: Line) -> None:
    activity = line.seen.activities.get(line.ids[0])
    if activity is not None and line.ok:
        take_usage(line.seen, activity, mapping(line.answer).get("currentUsage"))


def take_usage(seen: Seen, activity: Activity, given: Any) -> None:
    vector = items(seen.agreements[activity.agreement].offer.get(VECTOR))
    for counter, value in zip(vector, items(given), strict=False):
        used = amount(value)
        if used is not None and counter == SECONDS_COUNTER:
            activity.seconds = max(used, activity.seconds or ZERO)
        elif used is not None and counter == CPU_COUNTER:
            activity.cpu_seconds = max(used, activity.cpu_seconds or ZERO)


def destroyed(line: Line, activity: Activity) -> None:
    if not activity.ended:
        activity.destroyed, activity.state = line.at, "Terminated"
        line.told.append(ActivityChanged(line.at, activity.id, activity.agreement, "Terminated"))


def _exec(line: Line) -> None:
    batch = id_of(line.answer)
    if line.ok and batch:
        take_commands(line.seen, line.ids[0], batch, line.request)


def _results(line: Line) -> None:
    if line.ok:
        line.told += take_results(line.seen, line.ids, line.answer, line.at)


DEEDS: Mapping[str, Callable[[Line], None]] = {
    "activity.make": _activity,
    "activity.end": _activity_end,
    "activity.state": _activity_state,
    "activity.usage": _activity_usage,
    "activity.exec": _exec,
    "activity.results": _results,
}
"""What the answer to each call does to the story."""
