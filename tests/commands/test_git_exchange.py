"""`sovr git`: history from Git, and to Git."""

from __future__ import annotations

from pathlib import Path

from command_lab import Cli
from dulwich import porcelain
from dulwich.repo import Repo

import sovrgit


def repository(folder: Path) -> str:
    """A Git repository with a working tree and one commit; its id."""
    repo = porcelain.init(str(folder))
    (folder / "a.txt").write_text("a\n")
    porcelain.add(repo, [str(folder / "a.txt")])
    line = b"Ada <ada@example.org>"
    made = porcelain.commit(
        repo, b"First\n", author=line, committer=line, author_timestamp=1, commit_timestamp=1, author_timezone=0
    )
    repo.refs[b"refs/heads/other"] = made
    repo.close()
    return made.decode()


def test_there_and_back(cli: Cli) -> None:
    made = repository(cli.folder / "repo")
    said = cli("git", "import", "repo", "pod")
    assert said.lines == [f"made a pod in {cli.folder}/pod"]
    assert said.err == "1 commit and 1 file came from Git\n"
    pod = cli.at(cli.folder / "pod")
    assert pod.read("a.txt") == "a\n"
    assert pod("status").code == 0
    assert pod("git", "import", "../repo").err == "nothing new in the Git repository\n"
    pod.write("b.txt", "b\n")
    pod("commit", "-m", "Second")
    said = pod("git", "export", "../out.git", "--lfs-over", "1M")
    assert said.lines[0].startswith("  master  new ") or said.lines[0].startswith("  main  new ")
    assert "wrote 2 commits, 6 objects" in said.err and "git clone ../out.git" in said.err
    with Repo(str(cli.folder / "out.git")) as repo:
        assert repo[repo.head()].parents == [made.encode()]
    assert pod("git", "export", "../out.git", "--lfs-over", "1M").err == "the Git repository is up to date\n"
    told = pod.json("git", "export", "../other.git")
    assert (told["created"], told["commits"], len(told["git_moved"])) == (True, 2, 2)
    assert pod.json("git", "import", "../repo")["commits"] == 0
    assert pod.json("git", "import", "../repo", "../new")["created"]


def test_what_is_refused(cli: Cli) -> None:
    cli("git", "import", "nothing", "pod", code=98)
    repository(cli.folder / "repo")
    cli("git", "import", "repo", code=10)
    cli("git", "export", "out.git", code=10)
    cli.pod()
    assert "is not a size" in cli("git", "export", "out.git", "--lfs-over", "much", code=2).err
    (cli.folder / "full").mkdir()
    (cli.folder / "full" / "file").touch()
    for address in ("https://example.org/a.git", "git@example.org:ada/a.git"):
        assert "git clone --mirror" in cli("git", "import", address, "new", code=98).err
    assert "there is no repository" in cli("git", "export", "full", code=98).err


def test_from_python(tmp_path: Path) -> None:
    made = repository(tmp_path / "repo")
    with sovrgit.import_git(tmp_path / "repo", tmp_path / "pod", author="Ada <ada@example.org>") as pod:
        assert pod.import_git(tmp_path / "repo").moved == []
        done = pod.export_git(tmp_path / "out.git")
        assert {move.new.hex() for move in done.moved} == {made}
