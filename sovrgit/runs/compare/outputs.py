"""Comparing two trees of outputs: which rule counts for which file, and what comes of all of them together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sovrgit.errors import IntegrityFailure, ObjectMissing
from sovrgit.objects.ids import ObjectId
from sovrgit.objects.tree import EMPTY_TREE_ID, EntryKind, TreeEntry
from sovrgit.objects.verdict import Finding, OutputDifference, OutputUndecided, OutputWithin
from sovrgit.pod.patterns import matcher
from sovrgit.pod.recipe_compare import Exact, Ignore, Image, Json, Numeric, Rule, rule_text
from sovrgit.pod.treediff import Change, diff_trees, walk
from sovrgit.runs.compare.exact import differing
from sovrgit.runs.compare.jsondoc import compare_json
from sovrgit.runs.compare.numbers import compare_numbers
from sovrgit.runs.compare.pictures import compare_images
from sovrgit.runs.compare.result import CannotCompare, Compared, Content, Different, Same, Undecided
from sovrgit.store.store import ObjectStore

EXACT = Exact()

_CHANGES = {"added": "added", "removed": "removed", "modified": "changed", "type": "changed"}

_NAMES = {EntryKind.EXECUTABLE: "an executable file", EntryKind.SYMLINK: "a link", EntryKind.FILE: "a file"}


_WEIGHT = (Finding.IDENTICAL, Finding.AGREES, Finding.INCOMPARABLE, Finding.DIFFERS)
"""What counts for all of them together if it is true of one: the last ones before the first ones."""

_DETAILED = 1 << 18
"""Bytes of entries of a verdict. As long as there are fewer, it is looked for where files differ."""

_MOST_LISTED = 2 << 20
"""Bytes of entries of a verdict. When there are more, the rest is only counted: a verdict has at most 16 MiB."""

_ENTRY = 100
"""Bytes that an entry takes besides its texts."""

E = TypeVar("E")


class Rules:
    """The rules of a recipe for the files below its output folder."""

    def __init__(self, output: str, rules: Mapping[str, Rule]) -> None:
        self._prefix = os.fsencode(output) + b"/"
        self._exact = {pattern: rule for pattern, rule in rules.items() if "*" not in pattern and "?" not in pattern}
        self._patterns = [(matcher(pattern), rule) for pattern, rule in rules.items() if pattern not in self._exact]

    def rule_for(self, path: bytes) -> Rule:
        """The rule for a path from the pod's root: that of the path itself, of patterns the first that fits."""
        below = path.removeprefix(self._prefix).decode("utf-8", "surrogateescape")
        if below in self._exact:
            return self._exact[below]
        return next((rule for means, rule in self._patterns if means(below)), EXACT)


@dataclass(slots=True)
class OutputComparison:
    """What came of comparing two trees: how many files counted, and what is not the same.

    `unlisted` are those that are in no list, because there are too many.
    """

    files: int
    differences: list[OutputDifference] = field(default_factory=list)
    within: list[OutputWithin] = field(default_factory=list)
    undecided: list[OutputUndecided] = field(default_factory=list)
    ignored: list[bytes] = field(default_factory=list)
    unlisted: int = 0
    finding: Finding = Finding.IDENTICAL
    _listed: int = 0

    @property
    def reason(self) -> str:
        """Why it is not comparable; empty if it is."""
        if self.finding is not Finding.INCOMPARABLE:
            return ""
        if not self.undecided:
            return "the recipe ignores every output"
        first = self.undecided[0]
        more = f", and {len(self.undecided) - 1} more" if len(self.undecided) > 1 else ""
        return f"{first.path.decode('utf-8', 'replace')}: {first.reason}{more}"

    def _take(self, store: ObjectStore, change: Change, rule: Rule) -> None:
        if isinstance(rule, Ignore):
            self.files -= 1 if change.old is not None and not change.old.is_directory else 0
            self._list(self.ignored, change.path, len(change.path), Finding.AGREES)
            return
        text = "" if isinstance(rule, Exact) else rule_text(rule)
        size = len(change.path) + len(text.encode())
        match _compare(store, change, rule, detailed=self._listed < _DETAILED):
            case Same(detail):
                self._list(self.within, OutputWithin(change.path, text, detail), size, Finding.AGREES)
            case Different(where, detail):
                difference = OutputDifference(change.path, _CHANGES[change.kind], text, where, detail)
                self._list(self.differences, difference, size, Finding.DIFFERS)
            case Undecided(reason):
                undecided = OutputUndecided(change.path, text, reason)
                self._list(self.undecided, undecided, size, Finding.INCOMPARABLE)

    def _list(self, entries: list[E], entry: E, size: int, finding: Finding) -> None:
        # One file that differs is enough, whatever else could not be compared.
        self.finding = max(self.finding, finding, key=_WEIGHT.index)
        # The first of its kind is always named.
        if self._listed > _MOST_LISTED and entries:
            self.unlisted += 1
            return
        entries.append(entry)
        self._listed += _ENTRY + size


def compare_outputs(
    store: ObjectStore, before: ObjectId | None, after: ObjectId | None, rules: Rules
) -> OutputComparison:
    """Compare two trees of outputs. Content that is the same is not read.

    Raises:
        ObjectMissing, IntegrityFailure, ObjectInvalid: if a tree cannot be read.
    """
    old, new = before or EMPTY_TREE_ID, after or EMPTY_TREE_ID
    found = OutputComparison(_count(store, old))
    for change in diff_trees(store, old, new):
        found._take(store, change, rules.rule_for(change.path))
    if found.finding is Finding.AGREES and not found.files and not found.within:
        found.finding = Finding.INCOMPARABLE
    return found


def _compare(store: ObjectStore, change: Change, rule: Rule, *, detailed: bool) -> Compared:
    old, new = change.old, change.new
    if old is None or new is None:
        return Different()
    if old.kind is not new.kind:
        return Different(None, f"{_NAMES[new.kind]} instead of {_NAMES[old.kind]}")
    if old.kind is EntryKind.SYMLINK:
        return Different()
    if isinstance(rule, Exact) and not (detailed and store.has(old.id) and store.has(new.id)):
        # That they are not the same is known from their ids; nothing is fetched to say where.
        return Different()
    try:
        return _compare_contents(_content(store, old), _content(store, new), rule)
    except CannotCompare as error:
        return Undecided(error.reason)
    except (ObjectMissing, IntegrityFailure) as error:
        # Of bytes that have another id it is known without reading them that they are not the same.
        return Different() if isinstance(rule, Exact) else Undecided(f"its content cannot be read: {error.message}")


def _compare_contents(one: Content, other: Content, rule: Rule) -> Compared:
    match rule:
        case Json():
            return compare_json(one, other, rule)
        case Numeric():
            return compare_numbers(one, other, rule)
        case Image():
            return compare_images(one, other, rule)
        case _:
            return differing(one, other)


def _content(store: ObjectStore, entry: TreeEntry) -> Content:
    store.ensure([entry.id])
    # What a tree says about sizes may be a lie; the store knows what it has.
    return Content(store.size(entry.id), lambda: store.stream(entry.id))


def _count(store: ObjectStore, tree: ObjectId) -> int:
    top = TreeEntry(b"", EntryKind.DIRECTORY, tree, 0)
    return sum(1 for _, entry in walk(store, top, b"") if not entry.is_directory)
