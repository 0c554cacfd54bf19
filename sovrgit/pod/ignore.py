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

    __slots__ = ("_above", "_patterns", "_prefix", "_quick")

    def __init__(self, prefix: str, text: bytes, above: IgnoreRules | None) -> None:
        self._prefix = len(prefix)
        # The last rule that fits decides.
        self._patterns = _read(text)[::-1]
        self._quick = _any_pattern(self._patterns)
        self._above = above

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


def _any_pattern(patterns: list[Pattern]) -> re.Pattern[bytes] | None:
    """One expression that matches whatever any of the patterns could match, to pass most paths by quickly."""
    from dulwich.ignore import translate

    parts = []
    for pattern in patterns:
        bare = bytes(pattern).removeprefix(b"!").rstrip(b"/")
        if bare.startswith(b"\\"):
            return None
        # Every translation begins with the flags, which may stand at the start of an expression only.
        parts.append(b"(?:%s)" % translate(bare).removeprefix(b"(?ms)"))
    return re.compile(b"(?ms)" + b"|".join(parts)) if parts else re.compile(b"(?!)")
