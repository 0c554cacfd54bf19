"""What a running command prints, passed on to the screen as it comes."""

from __future__ import annotations

import codecs
import contextlib
from typing import TextIO

from sovrgit.ui.console import Console
from sovrgit.ui.escape import visible_text


class LiveOutput:
    """Passes on what a command prints: to its own streams, or all to standard error where JSON is wanted.

    Made harmless for a terminal. A reader that goes away does not end the run, whose log has everything.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._decoders = {
            stream: codecs.getincrementaldecoder("utf-8")("surrogateescape") for stream in ("stdout", "stderr")
        }
        self._gone: set[str] = set()
        self._open: TextIO | None = None

    def write(self, stream: str, data: bytes) -> None:
        """Pass on some bytes of a stream."""
        if stream not in self._gone and self._console.verbosity >= 0:
            try:
                self._write(stream, data)
            except BrokenPipeError:
                self._gone.add(stream)

    def end(self) -> None:
        """End the line that the command has left open, so that what follows begins a new one."""
        if self._open is not None:
            with contextlib.suppress(BrokenPipeError):
                self._open.write("\n")
                self._open.flush()
        self._open = None

    def _write(self, stream: str, data: bytes) -> None:
        target = self._target(stream)
        if target.isatty():
            text = self._decoders[stream].decode(data)
            target.write(visible_text(text, live=True))
            target.flush()
        else:
            target.flush()
            target.buffer.write(data)
            target.buffer.flush()
        self._open = None if data.endswith(b"\n") else target

    def _target(self, stream: str) -> TextIO:
        return self._console.err if self._console.as_json or stream == "stderr" else self._console.out
