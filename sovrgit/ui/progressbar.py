"""Progress on a terminal: one line that goes away."""

from __future__ import annotations

import threading
import time
from typing import TextIO

from sovrgit.ui.format import human_size

_FIRST_AFTER = 0.3
"""Seconds before anything is drawn: what is over sooner needs no bar."""

_EVERY = 0.1
"""Seconds between two drawings."""

_BAR = 24


class ProgressLine:
    """Draws the operation that is under way on one line, and wipes it at the end."""

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream = stream
        self._width = width
        self._lock = threading.Lock()
        self._label, self._unit = "", ""
        self._total = self._done = 0
        self._started = self._drawn_at = 0.0
        self._visible = False

    def begin(self, label: str, total: int, unit: str) -> None:
        """Start an operation."""
        self._label, self._total, self._unit, self._done = label, total, unit, 0
        self._started = time.monotonic()

    def advance(self, amount: int) -> None:
        """Count, and draw if it is time to."""
        with self._lock:
            self._done += amount
            now = time.monotonic()
            if now - self._started >= _FIRST_AFTER and now - self._drawn_at >= _EVERY:
                self._drawn_at = now
                self._draw(now)

    def end(self) -> None:
        """Wipe the line."""
        with self._lock:
            if self._visible:
                self._stream.write("\r\x1b[2K")
                self._stream.flush()
                self._visible = False

    def _draw(self, now: float) -> None:
        elapsed = now - self._started
        amount = human_size if self._unit == "bytes" else str
        parts = [self._label]
        if self._total:
            share = min(self._done / self._total, 1.0)
            full = int(share * _BAR)
            parts += [f"{'█' * full}{'░' * (_BAR - full)} {share:4.0%}", f"{amount(self._done)}/{amount(self._total)}"]
            if share > 0.02:
                parts.append(f"{elapsed / share - elapsed:.0f} s left")
        else:
            parts.append(f"{amount(self._done)} {'' if self._unit == 'bytes' else self._unit}".rstrip())
        if self._unit == "bytes":
            parts.append(f"{human_size(int(self._done / elapsed))}/s")
        self._stream.write("\r\x1b[2K" + "  ".join(parts)[: self._width - 1])
        self._stream.flush()
        self._visible = True
