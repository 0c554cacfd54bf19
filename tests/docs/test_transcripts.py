"""Every `console` block of the documentation and of the README is run, and says what really happens."""

from __future__ import annotations

from pathlib import Path

import pytest
import transcripts

ROOT = Path(__file__).parents[2]

PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in path.parts and transcripts.parse(path.read_text())
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_says_what_happens(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    for module in transcripts.needs(text):
        pytest.importorskip(module, reason="the page shows a pod that needs it")

    transcripts.check(text, tmp_path)


def test_there_are_pages() -> None:
    assert {"README.md", "tutorial.md"} <= {page.name for page in PAGES}


# --- the runner itself ------------------------------------------------------------------------------------------------

PAGE = """\
Text.

<!-- $ mkdir seen -->

```console
$ cd seen
$ echo one 1234567890 took 3.4 s; echo two
one abcdef0123 took 1.0 ms
...
$ echo "running, because it is new"; echo '$ not a command'
running, because it is new
$ not a command
$ false
$ echo $?
1
```
"""


def test_runner_follows_the_session(tmp_path: Path) -> None:
    steps = transcripts.parse(PAGE)

    assert [step.command.split()[0] for step in steps] == ["mkdir", "cd", "echo", "echo", "false", "echo"]
    transcripts.check(PAGE, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one abc", "two abc"),
        ("\n...\n", "\n"),
        ("\n1\n```", "\n0\n```"),
        ("took 1.0 ms", "took long"),
        ("mkdir seen", "mkdir seen/below"),
    ],
)
def test_runner_sees_what_is_wrong(old: str, new: str, tmp_path: Path) -> None:
    assert old in PAGE

    with pytest.raises(transcripts.Mismatch):
        transcripts.check(PAGE.replace(old, new), tmp_path)


def test_an_id_is_the_same_wherever_it_stands() -> None:
    ids = transcripts.Ids()

    assert transcripts.line_matches("made aaaa000001", "made bbbb000001", ids)
    assert transcripts.line_matches("show aaaa000001", "show bbbb000001", ids)
    assert not transcripts.line_matches("show aaaa000001", "show cccc000001", ids)
    assert not transcripts.line_matches("show dddd000001", "show bbbb000001", ids)


def test_update_changes_only_what_is_wrong(tmp_path: Path) -> None:
    changed = PAGE.replace("\n1\n```", "\n7\n8\n```")

    assert transcripts.updated(changed, tmp_path) == PAGE
