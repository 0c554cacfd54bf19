"""`sovr`, with every call to a FairOS server written down: when, how long, and how many bytes each way.

    python benchmarks/fairos_watch.py RESULT ARGUMENT...

The calls are noted where the client sends them, so that it works with any server, and so that the part of the time that
was spent waiting for it can be told from the rest. RESULT gets them as JSON; the exit code is that of `sovr`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

DOWNLOADS = "SOVR_BENCHMARK_DOWNLOADS"
"""Environment variable: packs to fetch side by side, if not as many as usual."""


class Noted(NamedTuple):
    """A call: when it began and ended in seconds of the system's monotonic clock, and bytes of the bodies."""

    name: str
    begin: float
    end: float
    sent: int
    received: int


class Notes:
    """The calls of a process."""

    def __init__(self) -> None:
        self._calls: list[Noted] = []

    def watch(self) -> None:
        """Note all calls from now on."""
        from sovrgit.remotes.fairos.wire import Answer, Call, Sink, Wire

        original, note = Wire.send, self._calls.append

        def send(self: Wire, call: Call, token: str | None = None, sink: Sink | None = None) -> Answer:
            begin, received = time.monotonic(), 0
            try:
                answer = original(self, call, token, sink)
                received = len(answer.body)
                return answer
            finally:
                received += sink.taken if sink is not None else 0
                sent = call.body.length if call.body is not None else 0
                # From several threads at once, which a list bears.
                note(Noted(f"{call.method} {call.path}", begin, time.monotonic(), sent, received))

        # To be called by everything that talks to a server, whichever way it got there.
        Wire.send = send  # type: ignore[method-assign]

    def save(self, path: Path) -> None:
        """Write them down."""
        path.write_text(json.dumps([call._asdict() for call in self._calls]))


def main() -> None:
    """Run `sovr` with the rest of the arguments."""
    result = Path(sys.argv[1]).absolute()
    sys.argv[:2] = ["sovr"]
    notes = Notes()
    notes.watch()
    if downloads := os.environ.get(DOWNLOADS):
        from sovrgit.remotes.fairos.shared import SharedPod

        SharedPod.downloads_at_once = int(downloads)
    from sovrgit.commands import main as sovr

    leave = os._exit

    def save_and_leave(status: int) -> NoReturn:
        notes.save(result)
        leave(status)

    # The last thing that `sovr` calls.
    os._exit = save_and_leave
    sovr()


if __name__ == "__main__":
    main()
