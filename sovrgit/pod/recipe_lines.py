"""Reads JSON (RFC 8259), remembering the line of every key, and says in plain words what is wrong with it.

Narrower than the RFC where a recipe gains by it: keys are unique, text has no lone surrogates, numbers are finite,
and size and depth are bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, NamedTuple, NoReturn, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: the keys and list positions that lead to it."""

MAX_SIZE = 1 << 20
"""Bytes in a recipe. Real ones have a few hundred; data belongs in the payload."""

MAX_DEPTH = 32
"""Levels of lists and objects. The deepest that is defined uses five; the rest is room for unknown keys."""

MAX_NUMBER = 400
"""Characters in a number: every finite double fits, and converting stays cheap."""

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?")
_TEXT = re.compile(r'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+')
_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt])|u([0-9a-fA-F]{4})|(.))")
_WORD = re.compile(r"[^\W\d][\w$-]*")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}
_FOREIGN_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_CLOSING = {"{": "}", "[": "]"}


class Fault(ValueError):
    """What is wrong with a recipe, and where: `line` and `column` from 1, or the key that `path` leads to."""

    def __init__(self, reason: str, path: Path = (), line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column


class Located(NamedTuple):
    """A JSON value; the line (from 1) of it and of every key and item in it; the source text of every number."""

    value: Any
    lines: dict[Path, int]
    numbers: dict[Path, str]


def locate(data: bytes) -> Located:
    """The JSON value that `data` encodes as UTF-8; a byte order mark is skipped.

    Raises:
        Fault: with line and column, if `data` is not JSON as described at the top of this file.
    """
    if len(data) > MAX_SIZE:
        raise Fault(f"{len(data)} bytes are too large for a recipe; the limit is {MAX_SIZE}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Fault("the file is UTF-16; save it as UTF-8")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Fault(f"not UTF-8 text (byte {error.start + 1}); save the file as UTF-8", line=line) from None
    if not text.strip():
        raise Fault("the file is empty")
    return _Scanner(text).read()


def path_text(path: Path) -> str:
    """The path as people write it: `golem.payload[0].ref`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN_KEY.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f'["{shown(step)}"]')
    return "".join(parts)


def shown(text: str, limit: int = 60) -> str:
    """The text made fit for a message: one line, nothing that steers a terminal, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


class _Scanner:
    """One pass over the text, by recursive descent; the depth limit bounds the recursion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[Path, int] = {}
        self._numbers: dict[Path, str] = {}

    def read(self) -> Located:
        try:
            self._skip()
            self._lines[()] = self._place(self._at)[0]
            value = self._value((), 1)
            self._skip()
            if self._at < len(self._text):
                self._unexpected((), "something follows the end of the recipe")
        except Fault as fault:
            conflict = _CONFLICT.search(self._text)
            if conflict is None:
                raise
            line, column = self._place(conflict.start())
            reason = "a merge conflict is not resolved; keep one side and delete the lines of `<<<<<<<` and `>>>>>>>`"
            raise Fault(reason, fault.path, line, column) from None
        return Located(value, self._lines, self._numbers)

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def _fail(self, reason: str, path: Path, at: int | None = None) -> NoReturn:
        raise Fault(reason, path, *self._place(self._at if at is None else at))

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _value(self, path: Path, depth: int) -> Any:
        first = self._next()
        if first == '"':
            return self._string(path)
        if first and first in "{[":
            if depth > MAX_DEPTH:
                self._fail(f"nested more than {MAX_DEPTH} levels deep", path[:4])
            return self._object(path, depth) if first == "{" else self._array(path, depth)
        if first and first in "-0123456789":
            return self._number(path)
        word = self._word()
        if word in _WORDS:
            self._at += len(word)
            return _WORDS[word]
        self._unexpected(path, "a value is missing here")

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        start, values = self._at, {}
        more = self._open(path, start)
        while more:
            key_at = self._at
            if self._next() != '"':
                self._unexpected(path, "a key is missing here", key=True)
            key = self._string(path)
            member = (*path, key)
            line = self._place(key_at)[0]
            if key in values:
                self._fail(f"the key is given twice, on lines {self._lines[member]} and {line}", member, key_at)
            self._lines[member] = line
            self._skip()
            if self._next() != ":":
                self._fail(f"a colon is missing after the key `{shown(key)}`", member)
            self._at += 1
            self._skip()
            values[key] = self._value(member, depth + 1)
            more = self._comma_or_end(path, member, start)
        return values

    def _array(self, path: Path, depth: int) -> list[Any]:
        start, values = self._at, list[Any]()
        more = self._open(path, start)
        while more:
            item = (*path, len(values))
            self._lines[item] = self._place(self._at)[0]
            values.append(self._value(item, depth + 1))
            more = self._comma_or_end(path, item, start)
        return values

    def _open(self, path: Path, start: int) -> bool:
        """Step into a list or object; whether there is anything in it."""
        self._at += 1
        self._skip()
        if self._next() == _CLOSING[self._text[start]]:
            self._at += 1
            return False
        self._check_not_ended(path, start)
        return True

    def _comma_or_end(self, path: Path, member: Path, start: int) -> bool:
        """Step behind a member of the list or object that begins at `start`; whether there is another one."""
        end = self._at
        self._skip()
        closing, found = _CLOSING[self._text[start]], self._next()
        if found == closing:
            self._at += 1
            return False
        self._check_not_ended(path, start)
        if found in "}]":
            opened = f"`{self._text[start]}` of line {self._place(start)[0]}"
            self._fail(f"the {opened} is closed by `{found}` instead of `{closing}`", path)
        if found != ",":
            if found in '"{[-0123456789' or self._word() in _WORDS:
                self._fail("a comma is missing after this entry", member, end - 1)
            self._unexpected(path, "a comma is missing here")
        comma = self._at
        self._at += 1
        self._skip()
        self._check_not_ended(path, start)
        if self._next() == closing:
            self._fail("a comma after the last entry; JSON does not allow it", path, comma)
        return True

    def _check_not_ended(self, path: Path, start: int) -> None:
        if self._at >= len(self._text):
            reason = f"the file ends before the `{self._text[start]}` of line {self._place(start)[0]} is closed"
            self._fail(reason, path, len(self._text.rstrip()) - 1)

    def _string(self, path: Path) -> str:
        start = self._at
        match = _TEXT.match(self._text, start + 1)
        end = match.end() if match is not None else start + 1
        stop = self._text[end : end + 1]
        if stop == "\t":
            self._fail("a tab inside of text is written `\\t`", path, end)
        if stop in ("\n", "\r", "\\", ""):
            self._fail('a `"` is missing: the text that begins here is not closed on its line', path, start)
        if stop != '"':
            self._fail(f"a control character inside of text (U+{ord(stop):04X})", path, end)
        self._at = end + 1
        body = self._text[start + 1 : end]
        return self._unescape(body, path, start + 1) if "\\" in body else body

    def _unescape(self, body: str, path: Path, start: int) -> str:
        def character(match: re.Match[str]) -> str:
            simple, code, other = match.groups()
            if other is not None:
                reason = f"`\\{shown(other)}` means nothing in JSON; a backslash is written `\\\\`"
                self._fail(reason, path, start + match.start())
            return _ESCAPED[simple] if code is None else chr(int(code, 16))

        text = _ESCAPE.sub(character, body)
        try:
            # Two escapes make one character beyond U+FFFF; UTF-16 joins them, and refuses half of a pair.
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._fail("half of a surrogate pair (`\\ud800` to `\\udfff`) is not a character", path, start - 1)

    def _number(self, path: Path) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        source = match.group() if match is not None else ""
        after = self._text[self._at + len(source) : self._at + len(source) + 1]
        if match is None or after.isalnum() or (after and after in "._+-"):
            self._fail("not a number as JSON writes it (`12`, `-0.5`, `1e3`)", path)
        if len(source) > MAX_NUMBER:
            self._fail(f"a number of more than {MAX_NUMBER} characters", path)
        number = int(source) if match.group(1) is None and match.group(2) is None else float(source)
        if number in (float("inf"), float("-inf")):
            self._fail("the number is too large", path)
        self._at += len(source)
        self._numbers[path] = source
        return number

    def _word(self) -> str:
        match = _WORD.match(self._text, self._at)
        return match.group() if match is not None else ""

    def _unexpected(self, path: Path, otherwise: str, *, key: bool = False) -> NoReturn:
        """Fail with the reason that fits what stands here instead of JSON."""
        found, word = self._next(), self._word()
        if found == "#" or self._text.startswith(("//", "/*"), self._at):
            reason = "JSON has no comments"
        elif found == "'":
            reason = "text is written in double quotes, not single ones"
        elif found and found in "“”„‘’«»":
            reason = f'text is written in straight double quotes (`"`), not in `{found}`'
        elif word in ("NaN", "Infinity"):
            reason = f"`{word}` is not a number that JSON knows"
        elif word in _FOREIGN_WORDS and not key:
            reason = f"`{word}` is written `{_FOREIGN_WORDS[word]}` in JSON"
        elif word:
            reason = f'{"a key" if key else "text"} is written in double quotes: `"{shown(word)}"`'
        elif found == ",":
            reason = "a comma too many"
        elif found:
            reason = f"{otherwise}, and `{shown(found)}` is found"
        else:
            reason = otherwise
        self._fail(reason, path, min(self._at, len(self._text) - 1))
