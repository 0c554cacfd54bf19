"""Whether a page says what a program printed: ids, times, sizes and secrets may differ, everything else may not."""

from __future__ import annotations

import re
from collections.abc import Callable

_DIGITS = 10
"""Digits by which an id is told from others; shorter forms of ids have these."""

_ID = (
    r"\b[0-9a-f]{64}\b"  # of an object, and sharing references
    r"|(?<=\bref-)[0-9a-f]{16}\b"  # the fingerprint of a sharing reference
    r"|(?<=\b0x)[0-9a-f]{40}\b"  # an account's address
    r"|\bk1[a-z2-7]{56}\b"  # the key of a private pod
    r"|\b(?=[a-f]*\d)[0-9a-f]{10}\b|\b[a-f]{10}\b"
)
_VARIABLE = re.compile(
    rf"(?P<id>{_ID})"
    r"|(?P<words>(?<=^  )(?:[a-z]+ ){11}[a-z]+$)"
    r"|(?P<time>\b\d+(?:\.\d+)? (?:ns|µs|ms|s|min|h)\b)"
    r"|(?P<size>\b\d+(?:\.\d+)? (?:B|KiB|MiB|GiB)\b)"
    r"|(?P<date>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::[\d.]+)?(?:Z| [+-]\d{4})?)?)"
    r"|(?P<clock>\b\d\d:\d\d:\d\d\.\d{3}\b)"
    r"|(?P<ago>\b\d+ \w+ ago\b)"
)
_SHAPES = {
    "words": r"(?:[a-z]+ ){11}[a-z]+",
    "time": r"[\d.]+ \w+",
    "size": r"[\d.]+ \w+",
    "date": r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z| [+-]\d{4})?)?",
    "clock": r"[\d:.]+",
    "ago": r"\d+ \w+ ago",
}
_WHOLE_ID = re.compile(_ID)
_MACHINE = re.compile(
    r"((?<!\w)on |^Platform: +|^Executor: +|^Used: +|\(local, )(?:\w+ \w+, Python [\d.]+|(?<=: ).*|(?<=, )[^)]+)"
)
_GAP = re.compile(r"(?<=\S) {2,}")
_ANYTHING = re.compile(r"…|\.\.\.")


class Ids:
    """Which id of the text is which id of the output."""

    def __init__(self) -> None:
        self.actual: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self._whole: dict[str, str] = {}

    def same(self, written: str, actual: str) -> bool:
        """Whether two ids may stand for the same thing; remembered if they do."""
        short, other = written[:_DIGITS], actual[:_DIGITS]
        if self.actual.get(short, other) != other or self.written.get(other, short) != short:
            return False
        self.actual[short], self.written[other] = other, short
        for one in (written, actual):
            self._whole[one[:_DIGITS]] = max(self._whole.get(one[:_DIGITS], ""), one, key=len)
        return True

    def name(self, actual: str) -> str:
        """What an id of the output is called in the text; a new one is called what it is, if that is free."""
        if actual[:_DIGITS] not in self.written and not self.same(actual, actual):
            return actual
        written = self._whole[self.written[actual[:_DIGITS]]]
        return written[: len(actual)] + actual[len(written) :]

    def meant(self, command: str) -> str:
        """A command of the text, with the ids that the program gave in place of those of the text."""
        return _WHOLE_ID.sub(lambda found: self._meant(found[0]), command)

    def _meant(self, written: str) -> str:
        actual = self._whole[self.actual[written[:_DIGITS]]] if written[:_DIGITS] in self.actual else ""
        return actual[: len(written)] if len(actual) >= len(written) else written

    def learn(self, tried: Callable[[Ids], bool]) -> bool:
        """Try something with a copy, and remember what that learned only if it holds."""
        other = Ids()
        other.actual, other.written, other._whole = dict(self.actual), dict(self.written), dict(self._whole)
        if not tried(other):
            return False
        self.actual, self.written, self._whole = other.actual, other.written, other._whole
        return True


def matches(expected: list[str], actual: list[str], ids: Ids) -> bool:
    """Whether the text says what was printed; `ids` learns what it did not know."""
    if not expected:
        return not actual
    if expected[0].strip() in ("…", "..."):
        return any(
            ids.learn(lambda tried, rest=actual[skipped:]: matches(expected[1:], rest, tried))
            for skipped in range(len(actual) + 1)
        )
    if not actual or not line_matches(expected[0], actual[0], ids):
        return False
    return matches(expected[1:], actual[1:], ids)


def line_matches(expected: str, actual: str, ids: Ids) -> bool:
    """Whether one line says the same."""
    pattern, written = _pattern(expected)
    found = re.fullmatch(pattern, _GAP.sub("  ", actual.rstrip()))
    return found is not None and all(ids.same(one, found[f"id{n}"]) for n, one in enumerate(written))


def rewritten(line: str, ids: Ids) -> str:
    """A line of the output as a page has it: known ids keep their names, machines have none."""
    return _MACHINE.sub(r"\1…", _WHOLE_ID.sub(lambda found: ids.name(found[0]), line))


def _pattern(line: str) -> tuple[str, list[str]]:
    """A regular expression for a line, and the ids in it."""
    line = _GAP.sub("  ", line.rstrip())
    parts: list[str] = []
    written: list[str] = []
    at = 0
    for found in _VARIABLE.finditer(line):
        parts.append(_literal(line[at : found.start()]))
        at = found.end()
        if found.lastgroup == "id":
            shape = "k1[a-z2-7]{56}" if found[0].startswith("k1") else f"[0-9a-f]{{{len(found[0])}}}"
            parts.append(f"(?P<id{len(written)}>{shape})")
            written.append(found[0])
        else:
            parts.append(_SHAPES[found.lastgroup or ""])
    parts.append(_literal(line[at:]))
    return "".join(parts), written


def _literal(text: str) -> str:
    return ".*?".join(map(re.escape, _ANYTHING.split(text)))
