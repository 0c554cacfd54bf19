"""`.sovrignore`: which files are not part of the pod. The rules are those of gitignore(5), read by dulwich."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.ignore import Pattern

IGNORE_FILE = ".sovrignore"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class IgnoreRules:
    """The rules that hold in one folder: its own file's, then those of the folders above it."""

    __slots__ = ("_above", "_patterns", "_prefix", "_quick", "_quick_lines")

    def __init__(self, prefix: str, text: bytes, above: IgnoreRules | None) -> None:
        self._prefix = len(prefix)
        # The last rule that fits decides.
        self._patterns = _read(text)[::-1]
        parts = _expressions(self._patterns)
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
            if rules._quick_lines is None or rules._quick_lines.search(os.fsencode(text)):
                return True
            rules = rules._above
        return False

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the rules leave `path` out. A path below an ignored folder is not asked about."""
        rules: IgnoreRules | None = self
        while rules is not None:
            name = os.fsencode(path[rules._prefix :])
            if rules._quick is None or rules._quick.match(name):
                # Not IgnoreFilter.is_ignored(), which also leaves out a folder of which only the contents are named:
                # `data/*` would then take `!data/keep.csv` with it.
                for pattern in rules._patterns:
                    if pattern.matches(name, is_folder):
                        return pattern.is_exclude
            rules = rules._above
        return False


def _read(text: bytes) -> list[Pattern]:
    from dulwich.ignore import Pattern, read_ignore_patterns
    from dulwich.wildmatch import MalformedPattern

    lines = text.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    patterns = []
    for line in read_ignore_patterns(lines):  # type: ignore[arg-type] # any iterable of lines will do
        try:
            # Three stars and more mean two to Git, and nothing to dulwich.
            patterns.append(Pattern(re.sub(rb"\*{3,}", b"**", line)))
        except MalformedPattern:
            continue  # As Git does: it fits no name.
    return patterns


def _expressions(patterns: list[Pattern]) -> list[bytes] | None:
    """An expression for each pattern, without flags and end; None if one of them has none."""
    from dulwich.ignore import translate

    parts = []
    for pattern in patterns:
        bare = bytes(pattern).removeprefix(b"!").rstrip(b"/")
        if bare.startswith(b"\\"):
            return None
        parts.append(translate(bare).removeprefix(b"(?ms)").removesuffix(b"\\Z"))
    return parts


def _any(parts: list[bytes] | None, template: bytes) -> re.Pattern[bytes] | None:
    """One expression that matches whatever any of the patterns could match, to pass most paths by quickly."""
    if parts is None:
        return None
    return re.compile(template % b"|".join(b"(?:%s)" % part for part in parts) if parts else b"(?!)")
