"""Where output goes: data to one stream, everything else to the other, in colour or not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from sovrgit.ui.escape import visible, visible_text

if TYPE_CHECKING:
    from sovrgit.objects.ids import Data

SCHEMA_VERSION = 1
"""Version of what `--json` prints. Fields are only added; anything else raises it."""

_STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


class View(Protocol):
    """A result, ready to be shown: the two methods say the same, one to people and one to programs."""

    def text(self, console: Console) -> None:
        """Print it for people."""

    def document(self) -> dict[str, Any]:
        """The JSON document."""


@dataclass(slots=True)
class Console:
    """How to talk to whoever started the program.

    `verbosity` is -1 for the essential value only, 0 as usual, 1 and more for details. `colour` and `terminal` are
    about standard output, `lively` about standard error: whether progress may be drawn there.
    """

    out: TextIO
    err: TextIO
    colour: bool = False
    err_colour: bool = False
    terminal: bool = False
    lively: bool = False
    width: int = 80
    verbosity: int = 0
    as_json: bool = False
    command: str = ""

    def style(self, text: str, *styles: str) -> str:
        """Text for standard output, in colour if that is wanted."""
        return _paint(text, styles) if self.colour else text

    def safe(self, text: str) -> str:
        """Text from a pod, made harmless for a terminal."""
        return visible(text) if self.terminal else text

    def path(self, path: bytes) -> str:
        """A path from a pod, made harmless for a terminal."""
        return self.safe(os.fsdecode(path))

    def line(self, text: str = "") -> None:
        """A line of data."""
        self.out.write(text + "\n")

    def lines(self, texts: Sequence[str]) -> None:
        """Several lines of data."""
        for text in texts:
            self.line(text)

    def content(self, pieces: Iterable[Data]) -> None:
        """The bytes of a file: as they are, or made harmless for a terminal."""
        self.out.flush()
        raw = getattr(self.out, "buffer", None)
        if self.terminal or raw is None:
            import codecs

            decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
            for piece in pieces:
                text = decoder.decode(bytes(piece))
                self.out.write(visible_text(text) if self.terminal else text)
            rest = decoder.decode(b"", final=True)
            self.out.write(visible_text(rest) if self.terminal else rest)
        else:
            for piece in pieces:
                raw.write(piece)

    def note(self, text: str, *, level: int = 0) -> None:
        """A remark, not shown to programs; `level` 1 is for those who asked for details."""
        if self.verbosity >= level and not self.as_json:
            self.err.write(visible_text(text) + "\n")
            self.err.flush()

    def warn(self, text: str) -> None:
        """Something the user should know, though the command goes on."""
        if self.verbosity >= 0:
            self.err.write(self._label("warning:", "yellow") + f" {visible(text)}\n")

    def hint(self, text: str) -> None:
        """The useful next command."""
        if self.verbosity >= 0 and not self.as_json and text:
            self.err.write(self._label("hint:", "cyan") + f" {visible(text)}\n")

    def error(self, message: str, causes: Sequence[str], hint: str) -> None:
        """What went wrong, why, and what to do."""
        self.err.write(self._label("error:", "red") + f" {visible(message)}\n")
        for cause in causes:
            self.err.write(self._label("cause:", "red") + f" {visible(cause)}\n")
        if hint:
            self.err.write(self._label("hint:", "cyan") + f" {visible(hint)}\n")

    def show(self, view: View) -> None:
        """Show a result, in the form that was asked for."""
        if self.as_json:
            self.document(view.document())
        else:
            view.text(self)

    def document(self, content: Mapping[str, Any]) -> None:
        """Print a JSON document with its version and command."""
        document = {"sovr": SCHEMA_VERSION, "command": self.command, **content}
        self.line(_json(document))

    def failure(self, content: Mapping[str, Any]) -> None:
        """Print a JSON document about an error."""
        document = {"sovr": SCHEMA_VERSION, "command": self.command, "error": content}
        self.err.write(_json(document) + "\n")

    def _label(self, text: str, colour: str) -> str:
        return _paint(text, (colour, "bold")) if self.err_colour else text


def _paint(text: str, styles: Sequence[str]) -> str:
    codes = ";".join(_STYLES[style] for style in styles)
    return f"\x1b[{codes}m{text}\x1b[0m"


def _json(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=True)
    # Half a surrogate pair, such as stands for a byte that is not UTF-8, is no text to other programs.
    return json.dumps(_without_halves(document), ensure_ascii=True) if "\\ud" in text else text


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, Mapping):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_halves(item) for item in value]
    return value


def path_fields(path: bytes) -> dict[str, str]:
    """A path for JSON: readable text, and the exact bytes in base64 where text cannot hold them."""
    try:
        return {"path": path.decode("utf-8")}
    except UnicodeDecodeError:
        import base64

        return {"path": path.decode("utf-8", "replace"), "path_b64": base64.b64encode(path).decode("ascii")}


def make_stream_safe(stream: TextIO) -> None:
    """Let names that are not UTF-8 pass through a stream byte by byte."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")
