"""Asking all places at once, for so long and no longer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sovrgit.errors import SovrError
from sovrgit.pod.pod import Pod
from sovrgit.reuse.hasty import Deadline
from sovrgit.reuse.places import Place, Registry
from sovrgit.reuse.reading import Budget, Event, Told, read_place

AT_ONCE = 8
"""Places that are read side by side."""


class _More(NamedTuple):
    """Places that a registry knows."""

    places: tuple[Place, ...]


class _Done(NamedTuple):
    """A thread has come to its end; with what broke it, if that was no failure of a place."""

    number: int
    error: BaseException | None


class Asking:
    """One round of questions.

    The threads are daemons, and nobody waits for them: a server that does not answer would otherwise hold up the run,
    and the end of the program. What they still find out when the time is over is lost, and harms nobody.

    Args:
        names: those of pods that are to be looked for in registries.
        read: packs that need not be read again.
    """

    def __init__(
        self, pod: Pod, names: Collection[str], read: Collection[bytes], budget: Budget, deadline: Deadline
    ) -> None:
        self._pod = pod
        self._names = names
        self._read = read
        self._budget = budget
        self._deadline = deadline
        self._told: queue.SimpleQueue[Event | _More | _Done] = queue.SimpleQueue()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._running: dict[int, str] = {}
        self._started = 0

    def ask(self, places: Sequence[Place], registries: Sequence[Registry]) -> Iterator[Event]:
        """What is found, as it comes."""
        for place in places:
            self._look(place)
        for registry in registries:
            self._start(registry.name, partial(self._pick, registry))
        while self._running:
            try:
                item = self._told.get(timeout=self._deadline.left)
            except queue.Empty:
                break
            if isinstance(item, _More):
                for place in item.places:
                    self._look(place)
            elif isinstance(item, _Done):
                del self._running[item.number]
                if item.error is not None:
                    raise item.error
            else:
                yield item
        for name in self._running.values():
            yield Told(name, f"no answer within {self._deadline.seconds:.0f} s")

    def _look(self, place: Place) -> None:
        self._start(
            place.name,
            lambda: read_place(self._pod, place, self._read, self._budget, self._deadline, self._told.put),
        )

    def _pick(self, registry: Registry) -> None:
        try:
            picked = registry.pick(self._names)
        except SovrError as error:
            self._told.put(Told(registry.name, error.message))
            return
        if picked.left_out:
            names = "this name" if len(self._names) == 1 else "these names"
            text = f"it lists {picked.left_out} more pods of {names}, which were not asked"
            self._told.put(Told(registry.name, text))
        self._told.put(_More(picked.places))

    def _start(self, name: str, action: Callable[[], None]) -> None:
        number = self._started
        self._started += 1

        def work() -> None:
            error: BaseException | None = None
            try:
                with self._slots:
                    action()
            except BaseException as broken:  # noqa: BLE001  # raised again by whoever reads the answers
                error = broken
            self._told.put(_Done(number, error))

        self._running[number] = name
        threading.Thread(target=work, name="sovr-reuse", daemon=True).start()
