"""The calls of the activity API."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sovrgit.devnet.golem.activities import Activity
from sovrgit.devnet.golem.call import Answer, Call
from sovrgit.devnet.golem.world import Malformed

_SILENCE = 15.0
"""Seconds after which a sign of life is sent to those who follow."""


def create(call: Call) -> Answer:
    """Begin an activity. The id of the agreement comes alone or in an object, and so does the answer."""
    given = call.json
    if isinstance(given, str):
        return Answer(call.network.create_activity(given).id)
    if not isinstance(given, dict) or not isinstance(given.get("agreementId"), str):
        raise Malformed("agreementId is missing")
    return Answer({"activityId": call.network.create_activity(given["agreementId"]).id})


def destroy(call: Call) -> Answer:
    """End an activity."""
    call.network.destroy_activity(call.names[0])
    return Answer()


def execute(call: Call) -> Answer:
    """Take commands."""
    return Answer(_activity(call).execute(call.json))


def results(call: Call) -> Answer:
    """How far commands have come: at once all that is known, or everything as it happens."""
    activity = _activity(call)
    if call.follows:
        batch = activity.batch(call.names[1])
        return Answer(stream=lambda: _follow(call, activity, batch.id))
    return Answer(activity.results(call.names[1], call.seconds(), call.index()))


def state(call: Call) -> Answer:
    """The state of an activity."""
    return Answer(_activity(call).told())


def usage(call: Call) -> Answer:
    """What an activity has used."""
    return Answer({"currentUsage": _activity(call).usage, "timestamp": int(call.network.world.now().timestamp())})


def agreement(call: Call) -> Answer:
    """The agreement of an activity."""
    return Answer(_activity(call).agreement.id)


def _activity(call: Call) -> Activity:
    return call.network.activities.get(call.names[0])


def _follow(call: Call, activity: Activity, batch_id: str) -> Iterator[str]:
    """Everything that happens in a batch, until the activity ends. Takes the lock by itself."""
    world = call.network.world
    batch = activity.batch(batch_id)
    told = 0

    def more() -> bool:
        return len(batch.events) > told or activity.ended

    while True:
        with world.changed:
            world.wait(more, _SILENCE)
            news = batch.events[told:]
            over = activity.ended or world.closed
        for event in news:
            yield f"event: runtime\ndata: {json.dumps(event)}\n\n"
        told += len(news)
        if over:
            return
        if not news:
            yield ":ping\n\n"
