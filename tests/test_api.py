"""`import sovrgit`: cheap to import, and able to do what the command line does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sovrgit
from sovrgit.errors import (
    IdentityUnknown,
    NotAPod,
    PathNotFound,
    PodExists,
    RunNotFound,
    RunNotTrusted,
    SpendingRefused,
)
from sovrgit.lineage.exports.signing import signers_of
from sovrgit.lineage.graph import NodeKind
from sovrgit.objects.verdict import Finding
from sovrgit.runs.executor import Output
from sovrgit.signing.ethereum import SigningKey

ADA = "Ada Lovelace <ada@example.org>"
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nowhere"}


@pytest.fixture
def hello(tmp_path: Path) -> Iterator[sovrgit.Pod]:
    """The pod hello-world, committed."""
    with sovrgit.init(tmp_path / "hello", template="hello-world", author=ADA, environ=ENVIRON) as pod:
        pod.commit("First version")
        yield pod


def test_importing_the_package_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import sovrgit; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert set(loaded) <= {"__future__", "sovrgit"}


def test_every_public_name_is_there_and_no_other() -> None:
    for name in sovrgit.__all__:
        assert getattr(sovrgit, name) is not None
        assert name in dir(sovrgit)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sovrgit.nonsense  # type: ignore[attr-defined]  # noqa: B018 - that it raises is what is tested


def test_commit_status_log_and_diff(hello: sovrgit.Pod) -> None:
    assert hello.status().is_clean
    (hello.root / "payload/name.txt").write_text("Ada\n")
    (hello.root / "notes.txt").write_text("not yet\n")

    assert [change.path for change in hello.status().changes] == [b"notes.txt", b"payload/name.txt"]
    made = hello.commit("Greet Ada", paths=["payload"])

    assert hello.head == made.id
    assert [commit.summary for _, commit in hello.log()] == ["Greet Ada", "First version"]
    assert [commit.author.email for _, commit in hello.log(limit=1)] == ["ada@example.org"]
    assert [commit.summary for _, commit in hello.log(paths=["recipe.json"])] == ["First version"]
    assert [change.path for change in hello.diff("HEAD~1", "HEAD")] == [b"payload/name.txt"]
    assert [change.path for change in hello.diff()] == [b"notes.txt"]
    assert hello.read("payload/name.txt", "HEAD~1") == b"World\n"
    assert hello.files()["payload/name.txt"].size == 4
    with pytest.raises(PathNotFound):
        hello.read("payload")
    with pytest.raises(PathNotFound):
        hello.read("../outside")


def test_restore_brings_the_committed_file_back(hello: sovrgit.Pod) -> None:
    (hello.root / "payload/name.txt").write_text("Ada\n")

    assert hello.restore("payload") == 1
    assert (hello.root / "payload/name.txt").read_text() == "World\n"


def test_run_is_recorded_reused_and_explained(hello: sovrgit.Pod) -> None:
    heard: list[bytes] = []

    first = hello.run(events=lambda event: heard.append(event.data) if isinstance(event, Output) else None)
    again = hello.run()

    assert first.run.succeeded and not first.reused
    assert b"".join(heard) == b"wrote output/greeting.txt for World\n"
    assert again.reused and again.id == first.id
    assert [known.id for known in hello.runs()] == [first.id]
    assert [line.text for line in hello.logs()] == [b"wrote output/greeting.txt for World"]
    story = hello.lineage("output/greeting.txt")
    assert [node.label for node in story.of_kind(NodeKind.RUN)] == [first.id.short]
    assert hello.lineage(revision=str(first.id)).root == hello.lineage(revision=first.id.short).root
    assert list(hello.lineage("payload/name.txt", down=True).of_kind(NodeKind.RUN))


def test_a_failed_run_is_a_result_and_no_exception(tmp_path: Path) -> None:
    with sovrgit.init(tmp_path / "broken", command="sh -c 'exit 3'", author=ADA, environ=ENVIRON) as pod:
        result = pod.run()

    assert not result.run.succeeded
    assert result.run.exit_code == 3
    assert result.committed is None


def test_parameters_and_kept_variables_reach_the_command(tmp_path: Path) -> None:
    environ = {**ENVIRON, "MOOD": "good", "OTHER": "left out"}
    command = """sh -c 'echo "$SOVR_PARAM_ALPHA $MOOD [$OTHER]" > output/said'"""
    with sovrgit.init(tmp_path / "says", command=command, author=ADA, environ=environ) as pod:
        result = pod.run(parameters={"alpha": "2"}, keep_env=["MOOD"])

        assert pod.read("output/said") == b"2 good []\n"
        assert result.run.parameters == {"alpha": "2"}
        assert result.run.environment["MOOD"] == "good"


def test_diff_by_key(hello: sovrgit.Pod) -> None:
    (hello.root / "m.json").write_text('{"accuracy": 0.91, "seed": 7}')
    hello.commit("One")
    (hello.root / "m.json").write_text('{"accuracy": 0.93, "seed": 7}')
    hello.commit("Two")

    changes = hello.diff_keys("m.json")

    assert changes is not None
    assert [(change.path, change.old, change.new) for change in changes] == [("accuracy", "0.91", "0.93")]


def test_push_clone_verify_and_back(hello: sovrgit.Pod, tmp_path: Path) -> None:
    result = hello.run()
    hello.add_remote("origin", "../shared")
    assert hello.push().sent_objects > 0
    with sovrgit.clone(str(tmp_path / "shared"), tmp_path / "copy", author="Eve", environ=ENVIRON) as copy:
        assert copy.head == hello.head
        with pytest.raises(RunNotTrusted):
            copy.verify()
        asked: list[str] = []

        def approve(proposal: object) -> bool:
            asked.append(getattr(proposal, "command"))  # noqa: B009 - the type is of no interest here
            return True

        verified = copy.verify(approve=approve)
        assert asked == ["python3 script/hello.py"]
        assert verified.verdict.finding is Finding.IDENTICAL
        assert verified.verdict.run == result.id
        (copy.root / "payload/name.txt").write_text("Eve\n")
        copy.run()
        copy.push()
        pushed = copy.head
    assert hello.fetch().received_packs > 0
    assert hello.pull().changed > 0
    assert hello.head == pushed
    assert (hello.root / "output/greeting.txt").read_text() == "Hello, Eve!\n"
    assert [remote.name for remote in hello.remotes()] == ["origin"]


def test_fork_names_its_origin(hello: sovrgit.Pod, tmp_path: Path) -> None:
    with sovrgit.fork(str(hello.root), tmp_path / "mine", author="Eve", environ=ENVIRON) as mine:
        [(_, latest), (origin, _)] = mine.log()

        assert latest.fork is not None
        assert latest.fork.commit == origin == hello.head
        assert latest.fork.pod == "hello-world"
        assert latest.author.name == "Eve"


def test_rerun_leaves_the_folder_that_was_asked_for(hello: sovrgit.Pod, tmp_path: Path) -> None:
    result = hello.run()

    repeated = hello.rerun(keep=tmp_path / "kept")

    assert repeated.run.repeats == result.id
    assert (tmp_path / "kept/output/greeting.txt").read_text() == "Hello, World!\n"


def test_who_the_author_is(tmp_path: Path) -> None:
    with pytest.raises(IdentityUnknown) as raised:
        sovrgit.init(tmp_path / "nobody", template="hello-world", environ=ENVIRON)
    assert "author=" in raised.value.hint
    assert not (tmp_path / "nobody").exists()

    sovrgit.init(tmp_path / "pod", template="hello-world", author=ADA, environ=ENVIRON).close()
    environ = {**ENVIRON, "SOVR_AUTHOR_NAME": "Eve", "SOVR_AUTHOR_EMAIL": "eve@example.org"}
    with sovrgit.open(tmp_path / "pod/payload", environ=environ) as pod:
        assert (pod.stamp().name, pod.stamp().email) == ("Eve", "eve@example.org")
    with sovrgit.open(tmp_path / "pod", environ=ENVIRON) as pod:
        pod.repository.config.set("user.name", "Configured")
        assert pod.stamp().name == "Configured"


def test_errors_are_those_of_the_command_line(tmp_path: Path, hello: sovrgit.Pod) -> None:
    with pytest.raises(NotAPod):
        sovrgit.open(tmp_path)
    with pytest.raises(RunNotFound):
        hello.logs()
    with pytest.raises(sovrgit.SovrError):
        hello.verify()


def test_branching_and_taking_back(tmp_path: Path) -> None:
    with sovrgit.init(tmp_path / "pod", name="pod", author="Ann", environ=ENVIRON) as pod:
        (pod.root / "a").write_text("1\n")
        first = pod.commit("First").id
        pod.tag("v1", message="The first")
        pod.switch("side", create=True)
        (pod.root / "a").write_text("side\n")
        pod.commit("On the side")
        pod.switch("main")
        (pod.root / "a").write_text("main\n")
        here = pod.commit("On main").id
        assert {branch.name for branch in pod.branches()} == {"main", "side"}
        assert pod.merge("side").outcome == "conflicts"
        pod.abort_merge()
        assert pod.merge("side").conflicts[0].path == b"a"
        assert pod.resolve(["a"], "theirs").open == ()
        merged = pod.commit(None)
        assert merged.commit.parents[0] == here and (pod.root / "a").read_text() == "side\n"
        assert [undone.move.command for undone in pod.undo()] == ["merge"]
        assert pod.head == here and (pod.root / "a").read_text() == "main\n"
        assert pod.revert("HEAD").outcome == "merged" and (pod.root / "a").read_text() == "1\n"
        assert pod.cherry_pick("side").outcome == "merged" and (pod.root / "a").read_text() == "side\n"
        assert [tag.target for tag in pod.tags()] == [first]
        assert pod.reflog()[-1].id == first
        pod.branch("kept")
        assert pod.delete_branch("kept").name == "kept"


def test_running_on_the_devnet(hello: sovrgit.Pod, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    result = hello.run(on="devnet", budget="2", max_price={"hour": 1})

    assert result.run.succeeded and result.run.executor["name"] == "devnet" and result.run.golem["emulated"] is True
    assert hello.verify().verdict.finding is Finding.IDENTICAL
    assert hello.rerun(on="local").run.executor["name"] == "local"


def test_nothing_is_spent_without_being_told(hello: sovrgit.Pod) -> None:
    for place in ({"on": "golem"}, {"network": "hoodi"}, {"network": "mainnet", "budget": 1}):
        with pytest.raises(SpendingRefused):
            hello.run(**place)  # type: ignore[arg-type] # a dictionary
    for wrong in ({"on": "moon"}, {"budget": "much"}, {"max_price": {"day": 1}}):
        with pytest.raises(ValueError, match=r"moon|much|day"):
            hello.run(**wrong)  # type: ignore[arg-type] # a dictionary


def test_stories_go_on_in_other_pods_and_are_handed_on(hello: sovrgit.Pod, tmp_path: Path) -> None:
    hello.run()
    result = hello.root / "output" / "greeting.txt"
    with sovrgit.init(tmp_path / "other", command="true", author=ADA, environ=ENVIRON) as other:
        (other.root / "payload" / "taken.txt").write_bytes(result.read_bytes())
        other.commit("Take it")
        other.run()
        assert not other.lineage("payload/taken.txt", fetch=False).pods
        story = other.lineage("payload/taken.txt", pods=[str(hello.root)])
        assert [pod.name for pod in story.pods.values()] == [hello.root.name]
        assert other.lineage("payload/taken.txt", fetch=False).nodes.keys() == story.nodes.keys()
        other.write_lineage(story, tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    used = hello.lineage("output/greeting.txt", down=True, pods=[str(tmp_path / "other")])
    assert len(list(used.of_kind(NodeKind.RUN))) == 1
    assert hello.lineage("output/greeting.txt", down=True, fetch=True).edges == used.edges
    key = SigningKey.new()
    hello.sign_with(key)
    hello.export(tmp_path / "statement.json", form="in-toto")
    assert signers_of(json.loads((tmp_path / "statement.json").read_text())) == [key.address]
    hello.export(tmp_path / "run.provn", form="prov")
    hello.export(tmp_path / "crate", form="ro-crate", with_files=True)
    with pytest.raises(PodExists):
        hello.export(tmp_path / "crate", form="ro-crate")
