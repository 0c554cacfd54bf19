"""One file: what in it, or about it, looks like a secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sovrgit.pod.secretscan.keyfiles import KEY_FILES, KeyFile, files_named
from sovrgit.pod.secretscan.rules import Hit, Rule
from sovrgit.pod.secretscan.tokens import RULES, tokens_in

WHOLE = 1 << 20
"""Bytes up to which a file is looked at whole."""

HEAD = 64 << 10
"""Bytes that are looked at of larger ones."""

_BINARY = 8 << 10
"""Bytes at the beginning in which a NUL says that a file is no text. Git looks at as many."""

ALL_RULES: tuple[Rule, ...] = (*RULES, *(key_file.rule for key_file in KEY_FILES))
"""Every rule, in the order of the documentation."""


class Sight(NamedTuple):
    """Something in a file that looks like a secret; `line` counts from 1, None where there are no lines."""

    rule: Rule
    line: int | None


def look(path: bytes, data: bytes) -> list[Sight]:
    """What looks like a secret in a file, each kind once. Of a large file, `data` may be the beginning."""
    return sights(path, data, files_named(path))


def sights(path: bytes, data: bytes, key_files: Iterable[KeyFile]) -> list[Sight]:
    """The same, by these rules for its name."""
    is_binary = data.find(b"\0", 0, _BINARY) >= 0
    hits = [] if is_binary else sorted(tokens_in(data), key=lambda hit: hit.start)
    name = path[path.rfind(b"/") + 1 :].lower()
    for key_file in key_files:
        start = key_file.check(name, data)
        if start is not None:
            hits.append(Hit(key_file.rule, start))
    first: dict[Rule, Hit] = {}
    for hit in hits:
        first.setdefault(hit.rule, hit)
    return [Sight(hit.rule, None if is_binary else data.count(b"\n", 0, hit.start) + 1) for hit in first.values()]
