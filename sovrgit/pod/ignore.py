"""`.sovrignore`: which files are not part of the pod. The rules are those of gitignore(5), read by dulwich."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

IGNORE_FILE = ".sovrignore"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class IgnoreRules:
    """The rules that hold in one folder: its own file's, then those of the folders above it."""

    __slots__ = ("_above", "_prefix", "_quick", "_quick_lines", "_rules")

    def __init__(self, prefix: str, text: bytes, above: IgnoreRules | None) -> None:
        self._prefix = len(prefix)
        # The last rule that fits decides.
        self._rules = _read(text)[::-1]
        parts = [rule.expression for rule in self._rules]
        self._quick = _any(parts, b"(?ms)(?:%s)\\Z")
        self._quick_lines = _any(parts, b"(?m)^(?:%s)$")
        self._above = above

    def may_ignore(self, folder: str, names: list[str]) -> bool:
        """Whether the rules may leave out any of the names in a folder: one look at all of them at once."""
        lines = "\n".join(names)
        if lines.count("\n") >= len(names) or "\n" in folder:
            return True  # A name with a line feed in it: look at each by itself.
        rules: IgnoreRules | None = self
        while rules is not None:
            prefix = f"{folder}/"[rules._prefix :] if folder else ""
            text = prefix + lines.replace("\n", "\n" + prefix) if prefix else lines
            if rules._quick_lines.search(os.fsencode(text)):
                return True
            rules = rules._above
        return False

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the rules leave `path` out. A path below an ignored folder is not asked about."""
        rules: IgnoreRules | None = self
        while rules is not None:
            name = os.fsencode(path[rules._prefix :])
            if rules._quick.match(name):
                # Not IgnoreFilter.is_ignored(), which also leaves out a folder of which only the contents are named:
                # `data/*` would then take `!data/keep.csv` with it.
                for rule in rules._rules:
                    if rule.matches(name, is_folder):
                        return rule.is_exclude
            rules = rules._above
        return False


class _Rule(NamedTuple):
    """A line of a file of rules. `expression` has no flags and no end."""

    expression: bytes
    is_exclude: bool
    is_directory_only: bool

    def matches(self, name: bytes, is_folder: bool) -> bool:
        if self.is_directory_only and not is_folder:
            return False
        return _compiled(self.expression).match(name) is not None


@functools.lru_cache(4096)
def _compiled(expression: bytes) -> re.Pattern[bytes]:
    # When it is needed: most rules of a long file never are.
    return re.compile(b"(?ms)(?:%s)\\Z" % expression)


def _read(text: bytes) -> list[_Rule]:
    from dulwich.ignore import translate
    from dulwich.wildmatch import MalformedPattern

    rules = []
    # Of lines that are the same the last one counts.
    for line in reversed(dict.fromkeys(reversed([*_patterns(text)]))):
        # Three stars and more mean two to Git, and nothing to dulwich.
        line = re.sub(rb"\*{3,}", b"**", line)
        pattern = line[line.startswith((b"!", b"\\!", b"\\#")) :]
        bare = pattern.rstrip(b"/")
        try:
            expression = _bounded(translate(bare).removeprefix(b"(?ms)").removesuffix(b"\\Z"))
            if not bare or expression is None:
                continue
        except MalformedPattern:
            continue  # As Git does: it fits no name.
        rules.append(_Rule(expression, not line.startswith(b"!"), pattern.endswith(b"/")))
    return rules


_PATTERN = re.compile(rb"((?:[^\\ ]|\\.| +(?=[^ ]))*+\\?) *", re.DOTALL)
"""A pattern, and the spaces behind it that do not count. A backslash keeps the space after it, unless it is one that
is kept itself: dulwich's reader does not tell the two apart."""


def _patterns(text: bytes) -> Iterator[bytes]:
    for line in text.removeprefix(_BYTE_ORDER_MARK).split(b"\n"):
        found = _PATTERN.fullmatch(line.removesuffix(b"\r"))
        if found is not None and found[1] and not line.startswith(b"#"):
            yield found[1]


_STAR = b"[^/]*"
_ANY_FOLDERS = re.compile(rb"(\(\.\*/\)\?|\(\?:\[\^/\]\+/\)\*|(?<!\\)\.\*)")
"""What dulwich makes of two stars."""

_MOST_FOLDERS = 3
"""Double stars in a pattern, the one before a pattern that holds at any depth included; what has more fits no name. The
time to find that a pattern does not fit a path grows with the path's length to the power of their number."""


def _bounded(expression: bytes) -> bytes | None:
    """An expression that fits the same names, and never tries for long; None if there is none.

    A star takes as little as it can, and is not tried again: what follows up to the next star can stand nowhere better
    than where it stands first. Only the last star of a part must be left free.
    """
    parts = _ANY_FOLDERS.split(expression)
    if len(parts) // 2 > _MOST_FOLDERS:
        return None
    for at in range(0, len(parts), 2):
        first, *others = parts[at].split(_STAR)
        if len(others) > 1:
            atoms = [b"(?>%s?%s)" % (_STAR, other) for other in others[:-1]]
            parts[at] = b"".join((first, *atoms, _STAR, others[-1]))
    return b"".join(parts)


def _any(parts: list[bytes], template: bytes) -> re.Pattern[bytes]:
    """One expression that matches whatever any of the patterns could match, to pass most paths by quickly."""
    return re.compile(template % b"|".join(b"(?:%s)" % part for part in parts) if parts else b"(?!)")
