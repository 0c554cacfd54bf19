"""Runs commands of `sovr` as a user would on a pod that may mean ill, each in a process with bounds.

    python tests/gallery/visitor.py

Reads requests and writes answers, one JSON line each. A request is `{"folder": ..., "arguments": [...]}`. The process
loads everything once and forks for each request, which costs a tenth of a start.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from sovrgit.commands.catalogue import module_of, names
from sovrgit.commands.main import run

MEMORY = 2 << 30
"""Bytes of address space."""

SECONDS = 20
"""Of a processor; on the clock there are three times as many."""

FILE_SIZE = 64 << 20
"""Bytes of the largest file that may be written."""

STARTS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "socket.connect", "pty.spawn"}
"""Events (https://docs.python.org/3/library/audit_events.html) that no look at a pod may cause."""


def main() -> None:
    """Answer requests until there are no more."""
    for name in names():
        __import__(module_of(name))
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(visit(request["folder"], request["arguments"])) + "\n")
        sys.stdout.flush()


def visit(folder: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run one command; how it ended (a negative number is a signal), what it printed and started, and its memory."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as started:
        process = os.fork()
        if process == 0:
            _child(folder, arguments, out.fileno(), err.fileno(), started.fileno())
        _, status, usage = os.wait4(process, 0)
        texts = []
        for file in (out, err, started):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "surrogateescape"))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": texts[0],
        "err": texts[1],
        "started": texts[2].split("\n")[:-1],
        "memory": usage.ru_maxrss * 1024,
    }


def _child(folder: str, arguments: Sequence[str], out: int, err: int, started: int) -> None:
    code = 99
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        signal.alarm(3 * SECONDS)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nowhere, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        os.chdir(folder)

        def watch(event: str, values: tuple[Any, ...]) -> None:
            if event in STARTS:
                os.write(started, f"{event} {values!r}\n".encode("utf-8", "backslashreplace"))

        sys.addaudithook(watch)
        code = run(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
