"""Every `console` block of the documentation and of the README is run, and says what really happens."""

from __future__ import annotations

from pathlib import Path

import likeness
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


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        ("made aaaa000001", "made bbbb000001", "made aaaa00000"),
        (f"share {'ab12' * 16}", f"share {'cd34' * 16}", f"share {'cd34' * 15}"),
        ("fairos:ref-00000000000000aa", "fairos:ref-00000000000000bb", "fairos:ref-00000000000000b"),
        (f"at 0x{'ab12' * 10}", f"at 0x{'cd34' * 10}", f"at 0x{'cd34' * 9}"),
        (f"{'ab12' * 16}#k1{'a' * 56}", f"{'cd34' * 16}#k1{'b' * 56}", f"{'cd34' * 16}#k1{'1' * 56}"),
        ("  a b c d e f g h i j k l", "  one b c d e f g h i j k l", "  one b c d e f g h i j k"),
    ],
)
def test_what_differs_every_time_may_differ(one: str, other: str, wrong: str) -> None:
    assert likeness.line_matches(one, other, likeness.Ids())
    assert not likeness.line_matches(one, wrong, likeness.Ids())


def test_an_id_is_the_same_wherever_it_stands() -> None:
    ids = likeness.Ids()

    assert likeness.line_matches("made aaaa000001", "made bbbb000001", ids)
    assert likeness.line_matches("show aaaa000001", "show bbbb000001", ids)
    assert not likeness.line_matches("show aaaa000001", "show cccc000001", ids)
    assert not likeness.line_matches("show dddd000001", "show bbbb000001", ids)


def test_commands_mean_what_was_printed() -> None:
    ids = likeness.Ids()
    ours, theirs, key = "ab12" * 16, "cd34" * 16, f"k1{'b' * 56}"

    assert likeness.line_matches(f"{ours}#k1{'a' * 56}", f"{theirs}#{key}", ids)
    assert ids.meant(f"clone '{ours}#k1{'a' * 56}' {ours[:10]}") == f"clone '{theirs}#{key}' {theirs[:10]}"
    assert ids.meant("show dddd000001") == "show dddd000001"
    assert ids.name(theirs) == ours


IN_COMMANDS = """\
```console
$ printf '%064d\\n' 5
ab12000000000000000000000000000000000000000000000000000000000000
$ echo ab12000000000000000000000000000000000000000000000000000000000000 | cut -c 60-
00005
```
"""


def test_runner_translates_ids_in_commands(tmp_path: Path) -> None:
    transcripts.check(IN_COMMANDS, tmp_path)


WITH_SERVERS = """\
<!-- fairos: http://localhost:9090 -->
<!-- fairos: https://fairos.example.org -->

```console
$ sovr whoami
not logged in at http://localhost:9090
hint: `sovr login --server http://localhost:9090` logs in, with `--new` it makes an account
$ echo "a long enough password" | sovr -q login --new --user ada --password-stdin --server https://fairos.example.org
0x00000000000000000000000000000000000000aa

  one two three four five six seven eight nine ten eleven twelve
...
```

<!-- $ become grace "Grace Hopper" -->

```console
$ echo ~ $SOVR_AUTHOR_NAME
/home/grace Grace Hopper
$ sovr login --user grace --password-stdin --server https://fairos.example.org <<< "a long enough password"
error: no login at `https://fairos.example.org`: it knows no such user
...
```

<!-- not yet -->
```console
$ sovr fly
```
"""


def test_pages_have_servers_and_other_people(tmp_path: Path) -> None:
    transcripts.check(WITH_SERVERS, tmp_path)


def test_update_keeps_the_names_of_ids(tmp_path: Path) -> None:
    changed = IN_COMMANDS.replace("\n00005\n", "\n00006\n")

    assert transcripts.updated(changed, tmp_path) == IN_COMMANDS


@pytest.mark.parametrize("command", ["exit 3", "echo )", "exec true"])
def test_runner_tells_of_a_shell_that_ends(command: str, tmp_path: Path) -> None:
    with pytest.raises(transcripts.Mismatch, match="the shell ended"):
        transcripts.check(f"```console\n$ {command}\n$ true\n```\n", tmp_path)


def test_update_changes_only_what_is_wrong(tmp_path: Path) -> None:
    changed = PAGE.replace("\n1\n```", "\n7\n8\n```")

    assert transcripts.updated(changed, tmp_path) == PAGE
