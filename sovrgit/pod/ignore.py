"""`.sovrignore`: which files are not part of the pod. The rules are those of gitignore(5), read by dulwich."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.ignore import IgnoreFilter

IGNORE_FILE = ".sovrignore"


class IgnoreRules:
    """The rules that hold in one folder: its own file's, then those of the folders above it."""

    __slots__ = ("_above", "_filter", "_prefix", "_quick")

    def __init__(self, prefix: str, text: bytes, above: IgnoreRules | None) -> None:
        from dulwich.ignore import IgnoreFilter, read_ignore_patterns

        patterns = list(read_ignore_patterns(iter(text.splitlines(keepends=True))))  # type: ignore[arg-type]
        self._prefix = len(prefix)
        self._filter: IgnoreFilter = IgnoreFilter(patterns)
        self._quick = _any_pattern(patterns)
        self._above = above

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the rules leave `path` out. A path below an ignored folder is not asked about."""
        name = f"{path}/" if is_folder else path
        rules: IgnoreRules | None = self
        while rules is not None:
            inside = name[rules._prefix :]
            if rules._quick is None or rules._quick.match(inside.encode("utf-8", "surrogateescape")):
                decision = rules._filter.is_ignored(inside)
                if decision is not None:
                    return decision
            rules = rules._above
        return False


def _any_pattern(patterns: list[bytes]) -> re.Pattern[bytes] | None:
    """One expression that matches whatever any of the patterns could match, to pass most paths by quickly."""
    from dulwich.ignore import translate

    parts = []
    for pattern in patterns:
        bare = pattern.removeprefix(b"!")
        if bare.startswith(b"\\"):
            return None
        try:
            # Every translation begins with the flags, which may stand at the start of an expression only.
            parts.append(b"(?:%s)" % translate(bare).removeprefix(b"(?ms)"))
        except ValueError:
            return None
    return re.compile(b"(?ms)" + b"|".join(parts)) if parts else re.compile(b"(?!)")
