"""What trees of Git have that ours have not: odd modes, submodules, and empty folders, which Git itself never writes.

They are kept by path, beside the commit, and only as far as they differ from those of its first parent: a commit that
is made here upon one that came from Git keeps its submodules, as it would in Git.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sovrgit.errors import UnsafeName, Unsupported
from sovrgit.gitexchange.ids import GIT_ID_SIZE, GitId
from sovrgit.gitexchange.treeform import GITLINK, MODE, kind_of
from sovrgit.objects.tree import EntryKind, check_name
from sovrgit.pod.aliases import refuse_aliases

MAX_ODDITIES = 20_000
"""In one tree of Git's. Old projects have odd modes throughout; a tree that is made to grow by this has more."""


class Oddity(NamedTuple):
    """An entry that would be written otherwise: its mode, and for a submodule the commit."""

    mode: bytes
    link: GitId = b""


Oddities: TypeAlias = Mapping[bytes, Oddity]
"""By path, from the folder they belong to."""

NONE: Oddities = {}

Look: TypeAlias = Callable[[bytes], EntryKind | None]
"""What is at a path of a tree; None if nothing is, or a submodule."""


def inherited(parent: Oddities, look: Look) -> Oddities:
    """Those of a parent that go on in a tree unless something else is said."""
    return {path: oddity for path, oddity in parent.items() if _fits(path, oddity, look)} if parent else NONE


def difference(expected: Oddities, actual: Oddities) -> list[list[bytes]]:
    """What has to be kept so that `expected` becomes `actual`: path and mode, with a submodule's commit behind it;
    an empty mode where there is nothing odd any more. By path.
    """
    rows = []
    for path in sorted({**expected, **actual}):
        oddity = actual.get(path)
        if oddity != expected.get(path):
            rows.append([path, b""] if oddity is None else [path, *(part for part in oddity if part)])
    return rows


def applied(expected: Oddities, rows: Sequence[Any], look: Look) -> Oddities:
    """The opposite: what a commit says is odd in its tree. What makes no sense in it is left out: it may come from
    anybody.
    """
    if not rows:
        return expected
    result = dict(expected)
    for row in rows:
        if not isinstance(row, list) or len(row) not in (2, 3) or not all(type(part) is bytes for part in row):
            continue
        path, oddity = row[0], Oddity(*row[1:])
        if not oddity.mode:
            result.pop(path, None)
        elif _is_sound(path, oddity) and _fits(path, oddity, look):
            result[path] = oddity
        if len(result) > MAX_ODDITIES:
            break
    return result


def below(oddities: Oddities) -> tuple[dict[bytes, Oddity], dict[bytes, dict[bytes, Oddity]]]:
    """Those of a folder's own entries, and those within each of its folders."""
    own: dict[bytes, Oddity] = {}
    inner: dict[bytes, dict[bytes, Oddity]] = {}
    for path, oddity in oddities.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            inner.setdefault(name, {})[rest] = oddity
        else:
            own[name] = oddity
    return own, inner


def collect(own: Mapping[bytes, Oddity], inner: Iterable[tuple[bytes, Oddities]]) -> Oddities:
    """The opposite.

    Raises:
        Unsupported: if there are too many to keep.
    """
    result = dict(own)
    for name, oddities in inner:
        for path, oddity in oddities.items():
            result[name + b"/" + path] = oddity
        if len(result) > MAX_ODDITIES:
            break
    if len(result) > MAX_ODDITIES:
        raise Unsupported(
            what="a tree with unusual modes or submodules throughout",
            reason=f"more than {MAX_ODDITIES:,} of its entries have one",
        )
    return result or NONE


def submodules(oddities: Oddities) -> list[bytes]:
    """The paths of the submodules."""
    return sorted(path for path, oddity in oddities.items() if oddity.link)


def _fits(path: bytes, oddity: Oddity, look: Look) -> bool:
    if oddity.link:
        folder = path.rpartition(b"/")[0]
        return look(path) is None and (not folder or look(folder) is EntryKind.DIRECTORY)
    return look(path) is kind_of(oddity.mode)


def _is_sound(path: bytes, oddity: Oddity) -> bool:
    if not oddity.link:
        return MODE.fullmatch(oddity.mode) is not None and kind_of(oddity.mode) is not None
    try:
        for name in path.split(b"/"):
            check_name(name)
        refuse_aliases([path])
    except UnsafeName:
        return False
    is_link = MODE.fullmatch(oddity.mode) is not None and oddity.mode.lstrip(b"0") == GITLINK
    return is_link and len(oddity.link) == GIT_ID_SIZE
