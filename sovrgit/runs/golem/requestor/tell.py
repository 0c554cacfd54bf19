"""The events that the requestor writes to its standard output, a JSON object a line; nothing else is written there.

Every line has `event` and `at` (nanoseconds since 1970).

started     yapapi, python: versions
task        id, state (`running`, `failed`, `done`), attempt, provider {id, name}, agreement, activity; of one that has
            failed reason, again (whether it is tried again), and stdout and stderr if there are any; of one that is
            done exit, and the paths stdout, stderr, output
provider    id, name, state (`ready`, `set aside`), reason
overbilled  provider, agreement, amount, reason
stopped     reason: why not all tasks were done
"""

from __future__ import annotations

import contextlib
import json
import os
import time

# Whatever yapapi or a library prints must not get between the events.
_out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
os.dup2(2, 1)


def tell(event: str, **fields: object) -> None:
    """Write an event. If nobody reads any more, whoever started this program is gone, which is found out elsewhere."""
    with contextlib.suppress(BrokenPipeError):
        _out.write(json.dumps({"at": time.time_ns(), "event": event, **fields}) + "\n")
