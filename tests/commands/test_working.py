"""init, status, commit, diff, restore, log, show, ls, cat, config, fsck: what they print."""

from __future__ import annotations

import os

import pytest
from command_lab import ID, Cli, words

# --- init -------------------------------------------------------------------------------------------------------


def test_init_here(cli: Cli) -> None:
    said = cli("init", "--name", "new", "--exec", "sh script/go.sh")
    assert said.out == f"made the pod new in {cli.folder}\n  .sovrignore\n  recipe.json\n"
    assert said.err == 'hint: write `script/go.sh`, then `sovr commit -m "First version"` records it\n'
    assert sorted(os.listdir(cli.folder)) == [
        ".sovr",
        ".sovrignore",
        "logs",
        "output",
        "payload",
        "recipe.json",
        "script",
    ]


def test_init_elsewhere_from_a_template(cli: Cli) -> None:
    said = cli("init", "my pod", "--template", "hello-world")
    assert said.out.startswith(f"made the pod hello-world in {cli.folder}/my pod\n")
    assert said.err == "hint: `cd 'my pod'`, then `sovr commit -m \"First version\"` records it\n"
    assert cli("init", "-q", "other", "--template", "hello-world").out == f"{cli.folder}/other\n"


def test_init_a_task(cli: Cli) -> None:
    said = cli("init", "--task", "--pod", "one", "--pod", "two", "--name", "chain")
    assert said.out.startswith(f"made the task chain in {cli.folder}\n")
    assert '"pods": [\n    "one",\n    "two"\n  ]' in cli.read("recipe.json")


def test_init_takes_a_recipe_as_it_is(cli: Cli) -> None:
    cli.write("recipe.json", '{"name": "old", "golem": {"exec": "true"}}')
    assert cli("init").out == f"made the pod old in {cli.folder}\n  .sovrignore\n"
    assert cli.read("recipe.json") == '{"name": "old", "golem": {"exec": "true"}}'
    assert "creds.json\n" in cli.read(".sovrignore")


def test_init_keeps_the_rules_that_are_there(cli: Cli) -> None:
    cli.write("recipe.json", '{"name": "old", "golem": {"exec": "true"}}')
    cli.write(".sovrignore", "mine\n")
    assert cli("init").out == f"made the pod old in {cli.folder}\n"
    assert cli.read(".sovrignore") == "mine\n"


def test_init_refuses_a_pod_a_bad_recipe_and_an_unknown_template(pod: Cli) -> None:
    assert pod("init", code=11).err.splitlines()[1] == "hint: go on working in it"
    other = pod.at(pod.folder.parent)
    assert "the templates are `hello-world`" in other("init", "x", "--template", "nope", code=22).err
    other.write("bad/recipe.json", "{")
    assert other("init", "bad", code=12).err.startswith("error: recipe.json:1")
    assert not (other.folder / "bad" / ".sovr").exists()
    assert other("init", "y", "--name", "a/b", code=12).err.startswith("error: recipe.json")


# --- status and commit ------------------------------------------------------------------------------------------


def test_status(pod: Cli) -> None:
    assert words(pod("status").out) == "on main, <id>\nclean\n"
    pod.write("payload/in.txt", "two\n")
    (pod.folder / "script" / "run.sh").unlink()
    pod.write("new.txt", "")
    said = pod("status")
    assert words(said.out) == (
        "on main, <id>\n  new       new.txt\n  modified  payload/in.txt\n  deleted   script/run.sh\n"
    )
    assert said.err == "hint: `sovr commit -m MESSAGE` records this; `sovr diff` shows it\n"
    quiet = pod("status", "-q")
    assert (quiet.lines, quiet.err) == (said.lines[1:], "")


def test_status_before_the_first_commit(cli: Cli) -> None:
    cli("init", "--name", "x")
    assert cli("status").out.startswith("on main, no commit yet\n")


def test_a_look_at_a_new_pod_spoils_nothing(cli: Cli) -> None:
    cli("init", "--template", "hello-world")
    cli("status")
    cli("commit", "-m", "First")
    assert cli("fsck").out.startswith("everything is whole: ")


def test_commit(pod: Cli) -> None:
    pod.write("a.txt", "a\n")
    pod.write("b.txt", "b\n")
    said = pod("commit", "-m", "Add a", "a.txt")
    assert words(said.out).startswith("[main <id>] Add a (")
    assert pod("status", "-q").out == "  new       b.txt\n"
    assert ID.fullmatch(pod("commit", "-q", "-m", "Add b").out.strip())
    pod("commit", "--amend", "-m", "Add b, the second", "-m", "Why")
    assert [line.split(" ", 1)[1] for line in pod("log", "--oneline").lines] == [
        "(HEAD -> main) Add b, the second",
        "Add a",
        "First version",
    ]
    assert "    Add b, the second\n\n    Why\n" in pod("log", "-n", "1").out.replace("    \n", "\n")


def test_commit_without_a_message_needs_an_editor(pod: Cli) -> None:
    pod.write("a.txt", "a\n")
    said = pod("commit", code=24)
    assert said.err == (
        "error: the commit message: an answer is needed and this is not a terminal\n"
        "hint: run `sovr commit -m MESSAGE`\n"
    )


def test_commit_of_what_is_not_there(pod: Cli) -> None:
    assert pod("commit", "-m", "x", "nope", code=22).err.startswith("error: no `nope` in the working tree")


def test_commit_leaves_pipes_out_and_says_so(pod: Cli) -> None:
    os.mkfifo(pod.folder / "pipe")
    pod.write("a.txt", "")
    assert pod("commit", "-m", "x").err == "warning: `pipe` is a socket, device or pipe and was left out\n"


def test_an_author_that_nobody_named_is_guessed_and_told(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOVR_AUTHOR_NAME")
    pod.write("../gitconfig", "[user]\n\tname = Gus\n\temail = gus@example.org\n")
    pod.set(GIT_CONFIG_GLOBAL=str(pod.folder.parent / "gitconfig"))
    pod.write("a.txt", "")
    assert "committing as Gus; `sovr config --user user.name NAME` changes it\n" in pod("commit", "-v", "-m", "x").err
    assert "Author: Gus <ann@example.org>\n" in pod("log", "-n1").out


# --- diff and restore -------------------------------------------------------------------------------------------


def test_diff(pod: Cli) -> None:
    assert pod("diff").out == "" and pod("diff", "--exit-code").out == ""
    pod.write("payload/in.txt", "one\ntwo\n")
    assert pod("diff").out == (
        "diff --git a/payload/in.txt b/payload/in.txt\n"
        "--- a/payload/in.txt\n"
        "+++ b/payload/in.txt\n"
        "@@ -1 +1,2 @@\n"
        " one\n"
        "+two\n"
    )
    assert pod("diff", "--exit-code", code=1).out == pod("diff", "HEAD").out == pod("diff", "payload").out
    assert pod("diff", "script").out == ""
    assert pod("diff", "--stat").lines[-1] == " 1 file changed, 1 insertion(+)"
    assert pod("diff", "-q").out == pod("diff", "--name-only").out == "payload/in.txt\n"
    pod("commit", "-m", "Two")
    assert pod("diff").out == ""
    assert pod("diff", "HEAD~1", "HEAD").out == pod("diff", "HEAD~1..").out == pod("diff", "HEAD~1").out != ""


def test_diff_of_json_by_key(pod: Cli) -> None:
    pod.write("recipe.json", pod.read("recipe.json").replace("run.sh", "go.sh"))
    assert pod("diff", "--keys").out == (
        'recipe.json (by key; --text compares lines)\n  ~ golem.exec: "sh script/run.sh" -> "sh script/go.sh"\n'
    )
    assert pod("diff").out == pod("diff", "--text").out and pod("diff").out.startswith("diff --git ")


def test_diff_of_what_is_not_there(pod: Cli) -> None:
    assert pod("diff", "nope", code=20).err.startswith("error: no such revision: `nope`\n")


def test_restore(pod: Cli) -> None:
    pod.write("payload/in.txt", "two\n")
    pod.write("mine.txt", "")
    said = pod("restore", "-v", ".")
    assert (said.out, said.err) == ("restored 1 path from HEAD\n", "  payload/in.txt\n")
    assert pod.read("payload/in.txt") == "one\n" and (pod.folder / "mine.txt").exists()
    assert pod("restore", ".").err == "nothing to restore: the files are as the revision says\n"
    pod.write("payload/in.txt", "two\n")
    assert pod("restore", "-q", "payload").out == "payload/in.txt\n"
    assert pod("restore", "nope", code=22).err.startswith("error: no `nope` in")
    assert pod("restore", code=2).err.startswith("error: missing argument")


def test_restore_from_another_revision(pod: Cli) -> None:
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "Two")
    assert pod("restore", "--from", "HEAD~1", "payload").out == "restored 1 path from HEAD~1\n"
    assert pod.read("payload/in.txt") == "one\n"
    assert pod("restore", "--from", "nope", "payload", code=20).out == ""


# --- looking ----------------------------------------------------------------------------------------------------


def test_log(pod: Cli) -> None:
    pod.set(SOVR_DATE="1700000000")
    pod.write("payload/in.txt", "two\n")
    pod("commit", "-m", "Two")
    said = pod("log", "-n", "1")
    assert words(said.out) == (
        "commit <ID> (HEAD -> main)\nAuthor: Ann <ann@example.org>\nDate:   2023-11-14 22:13 +0000\n\n    Two\n"
    )
    assert [line.split(" ", 1)[1] for line in pod("log", "--oneline", "script").lines] == ["First version"]
    assert len(pod("log", "-q").lines) == 2 and all(map(ID.fullmatch, pod("log", "-q").lines))
    assert pod("log", "--oneline", "HEAD~1..HEAD").out.endswith("Two\n")
    assert [line[0] for line in pod("log", "--oneline", "--graph").lines] == ["*", "*"]
    assert pod("log", "nope", code=20).out == ""


def test_log_before_the_first_commit(cli: Cli) -> None:
    cli("init", "--name", "x")
    assert cli("log", code=20).err == (
        "error: no such revision: `HEAD`\nhint: there is no commit yet; run `sovr commit`\n"
    )


def test_show(pod: Cli) -> None:
    said = pod("show")
    assert "    First version\n\ndiff --git a/payload/in.txt b/payload/in.txt\nnew file mode 100644\n" in said.out
    assert pod("show", "--stat").lines[-1].startswith(" 3 files changed, ")
    identity = pod("show", "-q").out.strip()
    assert pod("show", identity[:8]).out == said.out
    assert pod("show", "HEAD:payload/in.txt").out == "one\n"
    assert words(pod("show", "HEAD:payload").out) == "tree <ID>\n-rw-        4 B  <id>  in.txt\n"
    assert pod("show", "nope", code=20).err.startswith("error: no such revision: `nope`\n")
    assert pod("show", "HEAD:nope", code=22).err.startswith("error: no `nope` in `HEAD`\n")


def test_ls_and_cat(pod: Cli) -> None:
    assert pod("ls").lines == ["payload/", "recipe.json", "script/"]
    assert pod("ls", "HEAD:payload").lines == pod("ls", "-r", ":payload").lines == ["payload/in.txt"]
    assert pod("ls", "-r").lines == ["payload/in.txt", "recipe.json", "script/run.sh"]
    assert words(pod("ls", "-l", ":payload").out) == "-rw-        4 B  <id>  payload/in.txt\n"
    assert pod("cat", "payload/in.txt").out == pod("cat", "HEAD:payload/in.txt").out == "one\n"
    identity = pod.json("cat", "payload/in.txt")["id"]
    assert pod("cat", identity).out == "one\n"
    assert "`payload` is not a file" in pod("cat", "payload", code=2).err
    assert pod("cat", "nope", code=22).err.startswith("error: no `nope` in the last commit\n")
    assert pod("ls", "nope", code=20).out == ""


def test_cat_gives_every_byte(pod: Cli) -> None:
    data = bytes(range(256)) * 5000
    pod.write("payload/all.bin", data)
    pod("commit", "-m", "Bytes")
    assert pod("cat", "payload/all.bin").out.encode("utf-8", "surrogateescape") == data


# --- keeping ----------------------------------------------------------------------------------------------------


def test_config(pod: Cli) -> None:
    assert pod("config", "user.name", code=1).out == ""
    assert pod("config", "user.name", "Ben").out == ""
    assert pod("config", "user.name").out == "Ben\n"
    assert pod("config").out == "user.name=Ben\n"
    pod("config", "--unset", "user.name")
    assert pod("config").out == ""
    assert pod("config", "name", "x", code=13).err.startswith("error: name: a setting is written `section.key`")


def test_settings_of_the_user_are_for_all_pods(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.set(SOVR_CONFIG=str(pod.folder.parent / "user" / "config"))
    monkeypatch.delenv("SOVR_AUTHOR_NAME")
    pod.at(pod.folder.parent)("config", "--user", "user.name", "Uma")
    assert pod("config", "user.name").out == "Uma\n"
    pod("commit", "--allow-empty", "-m", "x")
    assert "Author: Uma <" in pod("log", "-n1").out
    pod("config", "user.name", "Ben")
    assert pod("config", "user.name").out == "Ben\n" and pod("config", "--user", "user.name").out == "Uma\n"


def test_fsck(pod: Cli) -> None:
    assert words(pod("fsck").out).startswith("everything is whole: ")
    assert pod("fsck", "-q").out == ""
    (pack,) = (pod.folder / ".sovr").rglob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    said = pod("fsck", code=1)
    assert said.out.startswith("damaged: ") and "problem" in said.lines[-1]
    assert all(line.startswith("damaged: ") for line in pod("fsck", "-q", code=1).lines)
