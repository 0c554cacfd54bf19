"""What runs the commands of a requestor: the devnet's own activity, behind an address on the bus of the real daemon."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from gsb import Bus, BusError

from sovrgit.devnet.golem.activities import Activity
from sovrgit.devnet.golem.providers import Provider
from sovrgit.devnet.golem.tools import Tools
from sovrgit.devnet.golem.world import Refused

LOCAL = "/local/activity"
SIGN_OF_LIFE = 1.0
"""Seconds between reports of usage. The daemon counts an activity that says nothing for 5 s as unresponsive."""

_KINDS = {400: "badRequest", 404: "notFound"}


class ExeUnit:
    """An activity that the daemon has asked a provider for."""

    def __init__(
        self,
        bus: Bus,
        activity_id: str,
        provider: Provider,
        valid_to: datetime,
        demand: Mapping[str, Any],
        tools: Tools,
        died: Callable[[str], None],
    ) -> None:
        """Begin with it; `died` is called if it ends by itself."""
        self.id = activity_id
        # Of an agreement, an activity needs no more than this.
        asked = SimpleNamespace(properties=demand)
        self.activity = Activity(SimpleNamespace(provider=provider, valid_to=valid_to, asked=asked), tools)
        self._bus = bus
        self._world = tools.world
        self._died = died
        self._batches: dict[str, str] = {}
        self._told: str | None = None
        self._telling = threading.Lock()
        self._address = f"/public/exeunit/{activity_id}"
        self._over = threading.Event()
        bus.register(self._address, self._answer)
        self._tell_state()
        self._thread = threading.Thread(target=self._live, name=f"exe unit {activity_id}", daemon=True)
        self._thread.start()

    @property
    def usage(self) -> list[float]:
        """What has been used."""
        with self._world.changed:
            return self.activity.usage

    def end(self) -> None:
        """End it, because its owner wants it."""
        self._over.set()
        self.activity.end()
        self._thread.join()
        self.activity.join()

    def _live(self) -> None:
        """Give signs of life until the end, and say that it has come."""
        while not self._over.is_set() and not self.activity.ended:
            self._tell_usage()
            self._world.pause(SIGN_OF_LIFE, lambda: self.activity.ended)
        died = not self._over.is_set()
        self._tell_usage()
        # A call that waits is cut off when the address goes, and its caller then asks for the state.
        self._tell_state()
        self._bus.unregister(self._address)
        if died:
            self._died(self.id)

    def _tell_usage(self) -> None:
        now = int(self._world.now().timestamp())
        usage = {"currentUsage": self.usage, "timestamp": now}
        self._bus.call(LOCAL, "SetActivityUsage", {"activityId": self.id, "usage": usage, "timeout": None})

    def _tell_state(self) -> None:
        with self._telling:
            with self._world.changed:
                state, reason = self.activity.state, self.activity.reason
            if state == self._told:
                return
            self._told = state
            told = {"state": [state, None], "reason": reason, "errorMessage": reason}
            message = {"activityId": self.id, "state": told, "timeout": None, "credentials": None}
            self._bus.call(LOCAL, "SetActivityState", message)

    def _answer(self, name: str, message: Any) -> Any:
        try:
            match name:
                case "Exec":
                    with self._world.changed:
                        own = self.activity.execute({"text": json.dumps(message["exeScript"])})
                        self._batches[message["batchId"]] = own
                    return message["batchId"]
                case "GetExecBatchResults":
                    with self._world.changed:
                        batch = self._batches.get(message["batchId"], message["batchId"])
                        results = self.activity.results(batch, message["timeout"] or 5, message["commandIndex"])
                    # Who has seen the result may ask for the state at once.
                    self._tell_state()
                    return results
                case _:
                    raise BusError("badRequest", f"there is no `{name}` here")
        except Refused as refused:
            # Who is refused asks for the state, to learn why.
            self._tell_state()
            raise BusError(_KINDS.get(refused.status, "service"), refused.message) from None
