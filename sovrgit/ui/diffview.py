"""Differences as lines of text, in Git's layout.

Lines come without their line feed, and bytes that are not UTF-8 are decoded by `surrogateescape`: written with the
same error handler and a line feed after each, a patch is byte-exact and `git apply` takes it. For a terminal, control
characters are made visible instead; such a patch is for reading only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sovrgit.pod.jsondiff import ChangeKind, JsonChange
from sovrgit.pod.textdiff import Hunk
from sovrgit.ui.escape import display_width, quote_path, visible
from sovrgit.ui.format import human_size, plural

_RESET = "\x1b[m"
_BOLD = "\x1b[1m"
_RED = "\x1b[31m"
_GREEN = "\x1b[32m"
_YELLOW = "\x1b[33m"
_CYAN = "\x1b[36m"

_LINE_COLOURS = {b"-": _RED, b"+": _GREEN}
_NO_NEWLINE = "\\ No newline at end of file"

_MIN_GRAPH = 6
_MIN_STAT_WIDTH = 16 + 6
"""Columns below which Git does not shrink a line of `--stat`, apart from the number."""

MAX_VALUE = 200
"""Characters of a JSON value that are shown on a terminal."""


class StatRow(NamedTuple):
    """A file in `--stat`. `binary_sizes` are the old and the new size in bytes, 0 where there is no file."""

    path: str
    added: int
    removed: int
    binary_sizes: tuple[int, int] | None = None


def render_unified(
    old_label: str | None,
    new_label: str | None,
    hunks: Iterable[Hunk],
    *,
    header_lines: Sequence[str] = (),
    colour: bool,
    terminal: bool | None = None,
) -> Iterator[str]:
    """A patch of one file: `header_lines` (see `git_header`), the names, and the hunks.

    The labels are paths without `a/` and `b/`, which are put in front; None stands for `/dev/null`. With `terminal`
    (by default: with `colour`) the text is made harmless, and is no longer byte-exact.
    """
    safe = colour if terminal is None else terminal
    for line in header_lines:
        yield _painted(visible(line) if safe else line, _BOLD, colour)
    for number, hunk in enumerate(hunks):
        if number == 0:
            yield _painted(f"--- {_label('a/', old_label, safe)}", _BOLD, colour)
            yield _painted(f"+++ {_label('b/', new_label, safe)}", _BOLD, colour)
        yield _hunk_header(hunk, colour=colour, safe=safe)
        for tag, content in hunk.lines:
            text = _decoded(content.removesuffix(b"\n"), safe)
            yield _painted(tag.decode() + text, _LINE_COLOURS.get(tag, ""), colour)
            if not content.endswith(b"\n"):
                yield _NO_NEWLINE


def git_header(
    old_path: str | None,
    new_path: str | None,
    *,
    old_mode: str | None = None,
    new_mode: str | None = None,
    alike: int | None = None,
    terminal: bool = False,
) -> list[str]:
    """The lines that Git puts before a patch: `diff --git`, and what became of name and mode.

    A path of None is a side that does not exist. Modes are Git's, such as `100644`. `alike` is the similarity of a file
    that was renamed, in per cent. `git apply` needs these lines
    for empty files, modes and renames.
    """
    old_name, new_name = old_path or new_path or "", new_path or old_path or ""
    sides = [quote_path(name, terminal=terminal) for name in (f"a/{old_name}", f"b/{new_name}")]
    lines = [f"diff --git {' '.join(sides)}"]
    if old_path is None:
        lines.append(f"new file mode {new_mode}")
    elif new_path is None:
        lines.append(f"deleted file mode {old_mode}")
    elif old_mode != new_mode:
        lines += [f"old mode {old_mode}", f"new mode {new_mode}"]
    if old_path is not None and new_path is not None and old_path != new_path:
        if alike is not None:
            lines.append(f"similarity index {alike}%")
        lines.append(f"rename from {quote_path(old_path, terminal=terminal)}")
        lines.append(f"rename to {quote_path(new_path, terminal=terminal)}")
    return lines


def render_binary(
    old_label: str | None,
    new_label: str | None,
    old_size: int | None,
    new_size: int | None,
    *,
    colour: bool,
) -> str:
    """One line for a file that is not text: `binary file x changed: 12.3 KiB -> 14 KiB`.

    A label of None stands for a side that does not exist; sizes are in bytes, None where not known.
    """
    old_name = None if old_label is None else quote_path(old_label, terminal=True)
    new_name = None if new_label is None else quote_path(new_label, terminal=True)
    old_text = "unknown size" if old_size is None else human_size(old_size)
    new_text = "unknown size" if new_size is None else human_size(new_size)
    if old_name is None:
        line = f"binary file {new_name} added: {new_text}"
    elif new_name is None:
        line = f"binary file {old_name} deleted: {old_text}"
    else:
        name = old_name if old_name == new_name else f"{old_name} -> {new_name}"
        line = f"binary file {name} changed: {old_text} -> {new_text}"
    return _painted(line, _BOLD, colour)


def render_stat(rows: Iterable[StatRow], width: int = 80, *, colour: bool) -> Iterator[str]:
    """The table of `git diff --stat` in at most `width` columns, with the line of totals.

    Widths are divided as Git does (`show_stats` in its source). Sizes of binary files are given in units.
    """
    rows = list(rows)
    if not rows:
        return
    names = [quote_path(row.path, terminal=True) for row in rows]
    most = max(row.added + row.removed for row in rows)
    number_width = max(len(str(most)), 3 if any(row.binary_sizes for row in rows) else 1)
    name_width, graph_width = _stat_widths(max(map(display_width, names)), most, number_width, width)
    for row, name in zip(rows, names, strict=True):
        shown = _shortened(name, name_width)
        start = f" {shown}{' ' * (name_width - display_width(shown))} | "
        if row.binary_sizes:
            old_size, new_size = map(human_size, row.binary_sizes)
            sizes = f"{_painted(old_size, _RED, colour)} -> {_painted(new_size, _GREEN, colour)}"
            yield f"{start}{'Bin':>{number_width}} {sizes}"
        else:
            plus, minus = _bars(row.added, row.removed, graph_width, most)
            graph = _painted("+" * plus, _GREEN, colour) + _painted("-" * minus, _RED, colour)
            yield f"{start}{row.added + row.removed:>{number_width}}{' ' if graph else ''}{graph}"
    yield stat_summary(len(rows), sum(row.added for row in rows), sum(row.removed for row in rows))


def stat_summary(files: int, added: int, removed: int) -> str:
    """The last line of `--stat`: ` 2 files changed, 3 insertions(+), 1 deletion(-)`."""
    parts = [f" {plural(files, 'file')} changed"]
    if added or not removed:
        parts.append(f"{plural(added, 'insertion')}(+)")
    if removed or not added:
        parts.append(f"{plural(removed, 'deletion')}(-)")
    return ", ".join(parts)


def render_json_changes(
    changes: Iterable[JsonChange], *, colour: bool, terminal: bool | None = None, indent: str = "  "
) -> Iterator[str]:
    """A line for each change: `+ path: new`, `- path: old`, `~ path: old -> new`.

    With `terminal` (by default: with `colour`) long values are cut and control characters shown.
    """
    safe = colour if terminal is None else terminal
    for change in changes:
        path = visible(change.path) if safe else change.path
        old = _painted(_value(change.old or "", safe), _RED, colour)
        new = _painted(_value(change.new or "", safe), _GREEN, colour)
        if change.kind is ChangeKind.ADDED:
            yield f"{indent}{_painted('+', _GREEN, colour)} {path}: {new}"
        elif change.kind is ChangeKind.REMOVED:
            yield f"{indent}{_painted('-', _RED, colour)} {path}: {old}"
        else:
            note = " (same value, another type)" if change.retyped else ""
            yield f"{indent}{_painted('~', _YELLOW, colour)} {path}: {old} -> {new}{note}"


def _painted(text: str, style: str, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour and style and text else text


def _decoded(content: bytes, safe: bool) -> str:
    text = content.decode("utf-8", "surrogateescape")
    return visible(text) if safe else text


def _value(text: str, safe: bool) -> str:
    if not safe:
        return text
    return visible(text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…")


def _label(prefix: str, path: str | None, safe: bool) -> str:
    if path is None:
        return "/dev/null"
    quoted = quote_path(prefix + path, terminal=safe)
    # Git ends a name that has a space with a tab, or `patch` would take the rest for a date.
    return f"{quoted}\t" if " " in path else quoted


def _hunk_header(hunk: Hunk, *, colour: bool, safe: bool) -> str:
    old = _range(hunk.old_start, hunk.old_lines)
    new = _range(hunk.new_start, hunk.new_lines)
    header = _painted(f"@@ -{old} +{new} @@", _CYAN, colour)
    return f"{header} {_decoded(hunk.heading, safe)}" if hunk.heading else header


def _range(start: int, lines: int) -> str:
    return str(start) if lines == 1 else f"{start},{lines}"


def _stat_widths(longest: int, most: int, number_width: int, width: int) -> tuple[int, int]:
    width = max(width, _MIN_STAT_WIDTH + number_width)
    around = number_width + 6
    graph = most
    if longest + around + graph > width:
        graph = min(graph, max(width * 3 // 8 - around, _MIN_GRAPH))
        if longest > width - around - graph:
            return width - around - graph, graph
        graph = width - around - longest
    return longest, graph


def _shortened(name: str, width: int) -> str:
    """The end of a name that is too long, from a slash on if there is one."""
    if display_width(name) <= width:
        return name
    while display_width(name) > width - 3:
        name = name[1:]
    slash = name.find("/")
    return "..." + (name[slash:] if slash >= 0 else name)


def _bars(added: int, removed: int, width: int, most: int) -> tuple[int, int]:
    if width > most:
        return added, removed
    total = _scaled(added + removed, width, most)
    if total < 2 and added and removed:
        total = 2
    if added < removed:
        plus = _scaled(added, width, most)
        return plus, total - plus
    minus = _scaled(removed, width, most)
    return total - minus, minus


def _scaled(count: int, width: int, most: int) -> int:
    """A bar is never scaled away."""
    return 1 + count * (width - 1) // most if count else 0
