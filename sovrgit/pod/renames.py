"""Files that were given another name: found by comparing what went with what came.

Not recorded anywhere, as in Git: a guess that is made anew whenever somebody looks. Equal content counts in any case,
and text that is alike by half (Git's default similarity).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sovrgit.objects.tree import EntryKind, TreeEntry
from sovrgit.pod.textdiff import is_binary, split_lines
from sovrgit.pod.treediff import Change

ALIKE = 50
"""Per cent of the larger file's bytes, in lines that both have, from which two files are one that was renamed."""

MAX_SIZE = 1 << 20
"""Bytes of a file that is compared line by line."""

MAX_PAIRS = 20_000
"""Pairs of files that are compared line by line; with more, only equal content counts. Git's `renameLimit` gives the
same order of magnitude."""

MAX_READ = 1_000
"""Files whose ids are not known that are read to compare them; so many new files at once are hardly old ones."""

Reader = Callable[[bytes, TreeEntry], bytes]


class Rename(NamedTuple):
    """A file that went from `old` to `new`; `alike` in per cent, 100 for equal content."""

    old: Change
    new: Change
    alike: int


def find_renames(changes: Sequence[Change], read_old: Reader, read_new: Reader) -> list[Rename]:
    """Pairs of a removed and an added file that are one, each file in one pair at most; in the order of the new names.

    The ids of added files may be unknown (`NOT_HASHED`); their content is then read where sizes agree.

    Args:
        read_old: the content of a file that went, by path and entry.
        read_new: the content of a file that came.
    """
    gone = [change for change in changes if change.new is None and _is_file(change.old)]
    come = [change for change in changes if change.old is None and _is_file(change.new)]
    unknown = sum(change.new is not None and not any(change.new.id) for change in come)
    if not gone or not come or unknown > MAX_READ:
        return []
    found = _equal(gone, come, read_new)
    taken = {path for rename in found for path in (rename.old.path, rename.new.path)}
    gone = [change for change in gone if change.path not in taken]
    come = [change for change in come if change.path not in taken]
    found += _alike(gone, come, read_old, read_new)
    return sorted(found, key=lambda rename: rename.new.path)


def _equal(gone: list[Change], come: list[Change], read_new: Reader) -> list[Rename]:
    from sovrgit.objects.ids import blob_id

    waiting: dict[bytes, list[Change]] = {}
    sizes = set()
    for change in gone:
        assert change.old is not None
        if change.old.size:  # empty files are alike and say nothing
            waiting.setdefault(change.old.id, []).append(change)
            sizes.add(change.old.size)
    found = []
    for change in come:
        assert change.new is not None
        if change.new.size not in sizes:
            continue
        digest = change.new.id if any(change.new.id) else blob_id(read_new(change.path, change.new))
        candidates = waiting.get(digest)
        if candidates:
            # A file that keeps its name and moves to another folder first.
            best = next((other for other in candidates if _name(other) == _name(change)), candidates[0])
            candidates.remove(best)
            found.append(Rename(best, change, 100))
    return found


def _alike(gone: list[Change], come: list[Change], read_old: Reader, read_new: Reader) -> list[Rename]:
    if len(gone) * len(come) > MAX_PAIRS:
        return []
    before = {change.path: _lines(change.old, change.path, read_old) for change in gone}
    after = {change.path: _lines(change.new, change.path, read_new) for change in come}
    scored = []
    for old in gone:
        for new in come:
            alike = _likeness(before[old.path], after[new.path])
            if alike >= ALIKE:
                scored.append((-alike, _name(old) != _name(new), old.path, new.path, old, new))
    found: list[Rename] = []
    taken: set[bytes] = set()
    for score, _, old_path, new_path, old, new in sorted(scored):
        if old_path not in taken and new_path not in taken:
            taken |= {old_path, new_path}
            found.append(Rename(old, new, min(-score, 99)))
    return found


def _lines(entry: TreeEntry | None, path: bytes, read: Reader) -> Counter[bytes] | None:
    """The lines of a file with how often they occur; None if it is not compared."""
    if entry is None or not 0 < entry.size <= MAX_SIZE:
        return None
    content = read(path, entry)
    return None if is_binary(content) else Counter(split_lines(content))


def _likeness(before: Counter[bytes] | None, after: Counter[bytes] | None) -> int:
    if not before or not after:
        return 0
    sizes = [sum(len(line) * count for line, count in side.items()) for side in (before, after)]
    if min(sizes) * 100 < max(sizes) * ALIKE:
        return 0
    common = sum(len(line) * min(count, after[line]) for line, count in before.items() if line in after)
    return common * 100 // max(sizes)


def _name(change: Change) -> bytes:
    return change.path.rpartition(b"/")[2]


def _is_file(entry: TreeEntry | None) -> bool:
    return entry is not None and entry.kind in (EntryKind.FILE, EntryKind.EXECUTABLE)
