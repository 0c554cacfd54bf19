"""`sovr lineage`: forms of the graph, and what differs between two runs."""

from __future__ import annotations

import pytest
from command_lab import Cli, words


def test_mermaid(pod: Cli) -> None:
    pod("run", "-q")
    said = pod("lineage", "--mermaid", "output/out.txt").out
    assert said.startswith("flowchart LR\n") and '-->|"made-by"|' in said
    assert pod("lineage", "--mermaid").out != said


def test_diff(pod: Cli) -> None:
    pod("run", "-q", "-p", "size=1")
    pod.write("payload/in.txt", "two\n")
    pod("run", "-q", "-p", "size=2")
    assert words(pod("lineage", "diff", "HEAD~1", "HEAD").out) == (
        "run <id> -> <id>\n"
        "inputs: 1 path\n"
        "  modified  payload/in.txt\n"
        "parameters:\n"
        "  ~ size: 1 -> 2\n"
        "outputs: 1 path\n"
        "  modified  output/out.txt\n"
        "the same: recipe, command, external, image, environment, executor, platform, golem, result\n"
    )
    document = pod.json("lineage", "diff", "HEAD~1", "HEAD")
    assert not document["same"] and not document["same_key"]
    assert document["values"]["parameters"] == [{"name": "size", "old": "1", "new": "2"}]
    assert [change["path"] for change in document["outputs"]] == ["output/out.txt"]
    assert pod.json("lineage", "diff", "HEAD", "HEAD")["same"]
    assert "nothing differs" in pod("lineage", "diff", "HEAD", "HEAD").out


def test_diff_of_recipes(pod: Cli) -> None:
    pod("run", "-q")
    pod.write("recipe.json", pod.read("recipe.json").replace("run.sh", "go.sh"))
    pod.write("script/go.sh", "echo x > output/out.txt; exit 3\n")
    failed = pod.json("run", code=60)["id"]
    said = pod("lineage", "diff", "HEAD", failed).out
    assert '  ~ golem.exec: "sh script/run.sh" -> "sh script/go.sh"\n' in said
    assert "  ~ status: succeeded -> failed\n" in said and "  ~ exit code: 0 -> 3\n" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "HEAD"], "`diff` takes two runs"),
        (["diff", "--dot", "HEAD", "HEAD"], "`diff` compares two runs, and does not take `--dot`"),
        (["diff", "--offline", "HEAD", "HEAD"], "`diff` compares two runs, and does not take `--offline`"),
        (["diff", "--depth", "1", "HEAD", "HEAD"], "`diff` compares two runs, and does not take `--depth`"),
        (["--fetch", "--offline"], "`--fetch` and `--offline` exclude each other"),
        (["--dot", "--mermaid"], "`--dot` and `--mermaid` exclude each other"),
        (["a", "b"], "got an unexpected extra argument `b`"),
    ],
)
def test_usage(pod: Cli, arguments: list[str], message: str) -> None:
    assert pod("lineage", *arguments, code=2).err.startswith(f"error: {message}")


def test_diff_with_what_is_no_run(pod: Cli) -> None:
    pod("run", "-q")
    assert pod.failure("lineage", "diff", "HEAD", "HEAD~1", code=63)["code"] == "RunNotFound"
    assert pod.failure("lineage", "diff", "HEAD", "nothing", code=63)["code"] == "RunNotFound"


def test_a_page(pod: Cli) -> None:
    pod("run", "-q")
    said = pod("lineage", "output/out.txt", "--html", "page.html").out
    assert said.startswith(f"wrote {pod.folder / 'page.html'}, ")
    page = pod.read("page.html")
    assert page.startswith("<!DOCTYPE html>") and "sh script/run.sh" in page
    assert pod.failure("lineage", "--html", "page.html", code=11)["code"] == "PodExists"
    assert pod.read("page.html") == page
    written = pod.json("lineage", "--html", "page.html", "--force")
    assert written["bytes"] == len(pod.read("page.html").encode()) and pod.read("page.html") != page
    assert pod("lineage", "--html", "nowhere/page.html", code=43).err.startswith("error: ")


def test_a_file_that_is_called_diff(pod: Cli) -> None:
    pod.write("diff", "x")
    pod("commit", "-q", "-m", "More")
    assert "diff" in pod("lineage", "./diff").out.splitlines()[0]


def test_other_pods(pod: Cli) -> None:
    pod("run", "-q")
    folder = pod.folder
    pod("clone", ".", "../copy")
    copied = folder.parent / "copy"
    (copied / "payload" / "taken.txt").write_bytes((folder / "output" / "out.txt").read_bytes())
    pod("-C", str(copied), "commit", "-q", "-m", "Take the result")
    pod("-C", str(copied), "run", "-q", "--yes")
    assert "used by" not in pod("lineage", "--down", "output/out.txt").out
    said = pod("lineage", "--down", "output/out.txt", "--pod", "../copy").out
    assert "used by run " in said and "[copy]" in said
    document = pod.json("lineage", "--down", "output/out.txt", "--offline")
    assert [other["name"] for other in document["pods"]] == ["copy"]
    assert document["pods"][0]["state"] == "fetched"
    assert "subgraph cluster_1 {" in pod("lineage", "--down", "output/out.txt", "--dot").out
    assert '  subgraph p1 ["copy"]' in pod("lineage", "--down", "output/out.txt", "--mermaid").out
    gone = pod.failure("lineage", "--down", "output/out.txt", "--pod", "../nowhere", code=52)
    assert gone["code"] == "RemoteUnavailable"
    # What is known of a pod is told though it does not answer any more, and it is said that it did not.
    copied.rename(copied.with_name("moved"))
    again = pod("lineage", "--down", "output/out.txt", "--fetch")
    assert again.out == said and again.err.startswith("warning: nothing new from `copy`: ")
    assert pod("lineage", "--down", "output/out.txt").err == ""
