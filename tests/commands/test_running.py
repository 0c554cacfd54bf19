"""run, runs, logs, rerun, verify, trust: what they print, and how they end."""

from __future__ import annotations

import json
import os
import re

import pytest
from command_lab import ID, Cli, words

from sovrgit.objects.codec import decode, encode
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.pod.pod import Pod
from sovrgit.pod.refs import VERDICTS, RefChange


def test_run(pod: Cli) -> None:
    said = pod("run")
    assert said.err == "running, because it has not been run before\n$ sh script/run.sh\n"
    assert words(said.out) == (
        "working\nrun <id> succeeded after <time>\ncommitted as <id> Run of pod: sh script/run.sh\n"
    )
    again = pod("run")
    assert words(again.out) == "run <id> succeeded earlier\nthe output is here already; nothing to commit\n"
    assert re.fullmatch(
        r"known: run [0-9a-f]{10} of [-0-9: ]+ \+0000 had the same inputs; "
        r"taking its output \(--force runs it again\)\n",
        again.err,
    )
    assert pod("run", "--force").err.startswith("running, because it was asked for\n")


def test_who_ran_it_is_who_the_pod_says(pod: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOVR_AUTHOR_NAME")
    pod("config", "user.name", "Ann of this pod")
    pod("run", "--force")
    assert pod.json("runs")["runs"][0]["by"] == "Ann of this pod"


def test_run_quietly(pod: Cli) -> None:
    said = pod("run", "-q")
    assert ID.fullmatch(said.out.strip()) and said.err == ""
    assert pod("run", "-q").out == said.out


def test_a_run_says_what_differs(pod: Cli) -> None:
    pod("run")
    pod.write("payload/in.txt", "two\n")
    for number in range(9):
        pod.write(f"payload/{number}.txt", "")
    assert pod("run").err.splitlines()[0] == (
        "running, because `payload/0.txt` was added, `payload/1.txt` was added, `payload/2.txt` was added, "
        "`payload/3.txt` was added and 6 more"
    )


@pytest.mark.parametrize(
    ("script", "options", "code", "error", "hint"),
    [
        ("exit 3", [], 60, "the run failed: exit code 3", "read its log with `sovr logs <id>`"),
        ("kill -KILL $$", [], 60, "the run failed: killed by SIGKILL", "read its log with `sovr logs <id>`"),
        (
            "exec sleep 3600",
            ["--timeout", "0.05"],
            61,
            "the run was ended after <time>, its timeout",
            "read its log with `sovr logs <id>`, or allow more time with `--timeout SECONDS`",
        ),
        (
            "true",
            [],
            62,
            "the command succeeded but left nothing in `output`",
            "check where it writes; `golem.output` in recipe.json names the folder (`--allow-empty` accepts this)",
        ),
        (
            "echo x > output/x.tmp",
            [],
            62,
            "the command succeeded but left nothing in `output`",
            "all that it left in `output` is ignored by `.sovrignore`; `sovr logs <id>`",
        ),
    ],
)
def test_runs_that_do_not_succeed(pod: Cli, script: str, options: list[str], code: int, error: str, hint: str) -> None:
    pod.write(".sovrignore", "*.tmp\n")
    pod.script(script)
    said = pod("run", *options, code=code)
    assert words(said.err).splitlines()[-2:] == [f"error: {error}", f"hint: {hint}"]
    assert re.fullmatch(r"run <id> (failed|timed out) after <time>\n", words(said.out))
    assert pod("log", "-q").out.count("\n") == 1


def test_a_line_that_the_command_did_not_end(pod: Cli) -> None:
    pod.script("printf half; cp payload/in.txt output/")
    assert words(pod("run").out).startswith("half\nrun <id> succeeded")


def test_inputs_that_the_run_changed(pod: Cli) -> None:
    pod.script("echo x >> payload/in.txt; cp payload/in.txt output/")
    assert "warning: the run changed `payload/in.txt`, which is one of its inputs\n" in pod("run").err


def test_what_may_be_a_mistake_in_the_recipe(pod: Cli) -> None:
    pod.write("recipe.json", pod.read("recipe.json").replace('"exec"', '"outputs": "x", "exec"'))
    warning = pod("run").err.splitlines()[0]
    assert warning.startswith("warning: recipe.json:") and "did you mean `output`?" in warning


def test_arguments_and_parameters(pod: Cli) -> None:
    pod.script('echo "$@ $SOVR_PARAM_SIZE" > output/out.txt')
    said = pod("run", "-p", "size=a=b", "--", "--deep", "two words")
    assert "$ sh script/run.sh --deep 'two words'\n" in said.err
    assert pod.read("output/out.txt") == "--deep two words a=b\n"
    assert "Params:    size=a=b\n" in pod("show", pod("runs", "-q").out.strip()).out


def test_environment_that_is_passed_on(pod: Cli) -> None:
    pod.set(MINE="kept", API_KEY="s3cr3t", OTHER="dropped")
    pod.script('test "$API_KEY" = s3cr3t && echo "$MINE-$OTHER" > output/out.txt')
    pod("run", "--keep-env", "MINE", "--keep-env", "API_KEY")
    assert pod.read("output/out.txt") == "kept-\n"
    (run,) = pod.json("runs")["runs"]
    assert run["environment"]["MINE"] == "kept" and "API_KEY" not in run["environment"]
    assert "s3cr3t" not in pod("show", run["id"]).out


def test_the_time_of_a_commit_is_the_end_of_its_run(pod: Cli) -> None:
    pod("run")
    (run,) = pod.json("runs")["runs"]
    commit = pod.json("log", "-n1")["commits"][0]
    assert commit["author"]["time"] >= run["finished_ns"] // 1_000_000_000


def test_runs(pod: Cli) -> None:
    empty = pod("runs")
    assert (empty.out, empty.err) == ("", "no runs yet\nhint: `sovr run` makes one\n")
    assert pod("runs", "-q").err == ""
    pod("run")
    pod("verify")
    pod.script("exit 1")
    pod("run", code=60)
    failed, repeat, first = (words(line) for line in pod("runs").lines)
    assert re.fullmatch(r"<id>  failed     \d+ seconds? ago\s+ <time>  sh script/run\.sh", failed)
    assert re.fullmatch(r"<id>  succeeded  \d+ seconds? ago\s+ <time>  repeats <id>", repeat)
    assert first.endswith("  sh script/run.sh  ✓ verified")
    assert words(pod("runs", "-v").lines[-1]).endswith("  ✓ verified  (commit <id>)")
    assert len(pod("runs", "-n", "1").lines) == 1 and len(pod("runs", "--all").lines) == 3
    assert all(map(ID.fullmatch, pod("runs", "-q").lines))


def test_show_of_a_run_and_a_verdict(pod: Cli) -> None:
    pod("run")
    run = pod("runs", "-q").out.strip()
    shown = words(pod("show", run[:9]).out)
    assert shown.startswith(
        "run <ID>\nPod:       pod\nStatus:    succeeded after <time>\nCommand:   sh script/run.sh\n"
    )
    assert "\nBy:        Ann\n" in shown and "\nCommits:   <id>\n" in shown
    verdict = pod.json("verify")["id"]
    line = pod("show", run).lines[-1]
    assert words(line).startswith("Verdict:   <id> identical, 1 file compared (local, Linux ")
    assert line.endswith("; checked by Ann)")
    assert words(pod("show", verdict).out).startswith("verdict <ID>\nRun:     <id>, repeated as <id>\n")
    assert pod("show", "-q", verdict).out == f"{verdict}\n" and pod("show", "-q", run).out == f"{run}\n"


def test_logs(pod: Cli) -> None:
    assert pod("logs", code=63).err.splitlines()[1] == "hint: there is none yet; `sovr run` makes one"
    pod.script("echo out; echo err >&2; echo own > logs/own.log; cp payload/in.txt output/; printf end")
    pod("run")
    assert sorted(pod("logs").lines) == ["end", "err", "out"]
    assert pod("logs", "--stdout").out == "out\nend" and pod("logs", "--stderr").out == "err\n"
    assert re.fullmatch(r"(\d\d:\d\d:\d\d\.\d{3} (out|err|end)\n){3}", pod("logs", "--times").out)
    assert pod("logs", "HEAD", "--file", "own.log").out == "own\n"
    assert pod("logs", "--file", "nope", code=22).err.startswith("error: no `nope` in the log of run ")
    assert pod("logs", "HEAD~1", code=63).err.splitlines()[1].startswith("hint: the commit `HEAD~1` was not made by")
    pod.script("echo broken; exit 1")
    pod("run", code=60)
    said = pod("logs")
    assert (said.out, said.err) == ("broken\n", "# exit code 1\n")


def test_logs_that_were_not_kept(pod: Cli) -> None:
    pod.write(".sovrignore", "logs/\n")
    pod("run")
    assert pod("logs", code=22).err.splitlines()[1] == "hint: was the log folder named in `.sovrignore`?"


def test_rerun(pod: Cli) -> None:
    pod("run")
    pod.write("payload/in.txt", "two\n")
    said = pod("rerun", "HEAD")
    assert words(said.out) == "working\nrun <id> succeeded after <time>, a repeat of <id>\n"
    assert ID.fullmatch(pod("rerun", "-q", "HEAD").out.strip())
    pod("rerun", "HEAD", "--keep", "../kept")
    assert (pod.folder.parent / "kept" / "output" / "out.txt").read_text() == "one\n"
    assert pod("rerun", "HEAD", "--keep", "../kept", code=11).err.startswith(f"error: `{pod.folder}/../kept` exists")
    assert pod("rerun", "nope", code=63).err.startswith("error: no such run: `nope`\n")
    assert pod("rerun", code=2).err.startswith("error: missing argument `RUN`\n")
    pod.script("exit 4")
    pod("run", code=60)
    assert "exit code 4" in pod("rerun", pod("runs", "-q", "-n1").out.strip(), code=60).err


def test_verify(pod: Cli) -> None:
    assert pod("verify", code=63).err.splitlines()[1].startswith("hint: the commit `HEAD` was not made by a run")
    pod("run")
    working, found, recorded = words(pod("verify").out).splitlines()
    assert (working, found) == ("working", "run <id> is identical, 1 file compared")
    assert recorded.startswith("recorded as verdict <id>, repeated as run <id> (local, Linux ")
    assert pod("verify", "-q").out == "identical\n"
    pod.script("date +%N > output/now.txt; cp payload/in.txt output/")
    pod("run")
    said = pod("verify", code=1)
    found, where = words(said.out).splitlines()[:2]
    assert found == "run <id> differs in 1 file"
    assert re.match("  changed  output/now.txt  line 1, column [1-9]", where)
    assert said.err.startswith("hint: if that is no mistake, the recipe can say so: see `golem.compare` in docs/")
    ruled = {"exec": "sh script/run.sh", "compare": {"now.txt": "ignore"}}
    pod.write("recipe.json", json.dumps({"name": "pod", "golem": ruled}))
    assert pod("verify", code=1).err.startswith("hint: the rules in `recipe.json` are not those that the run was")
    pod.write("recipe.json", "{")
    assert pod("verify", code=1).err.startswith("hint: if that is no mistake, ")
    pod.write("recipe.json", json.dumps({"name": "pod", "golem": {"exec": "sh script/run.sh"}}))
    pod.script('test -e "$SOVR_PARAM_FLAG" && cp payload/in.txt output/')
    flag = pod.write("../flag", "")
    pod("run", "-p", f"flag={flag}")
    flag.unlink()
    assert pod("verify", code=1).lines[0].endswith("not comparable: the repeat failed: exit code 1")
    pod.script("exit 1")
    pod("run", code=60)
    said = pod("verify", pod("runs", "-q", "-n1").out.strip(), code=70)
    assert words(said.err).splitlines()[-1] == "hint: `sovr rerun <id>` repeats it"


RULED = """
n=$(wc -l < "$SOVR_PARAM_COUNT"); echo . >> "$SOVR_PARAM_COUNT"
echo "{\\"time\\": $n, \\"x\\": 1.000000$n}" > output/a.json; echo "x,1.000000$n" > output/a.csv; echo $n > output/time
"""


def test_verify_by_rules(pod: Cli) -> None:
    rules = {
        "a.json": {"json": {"ignore": ["time"], "relative": 1e-5}},
        "*.csv": {"numeric": {"relative": 1e-5}},
        "time": "ignore",
    }
    pod.write("recipe.json", json.dumps({"name": "pod", "golem": {"exec": "sh script/run.sh", "compare": rules}}))
    pod.script(RULED)
    count = pod.write("../count", "")
    pod("run", "-p", f"count={count}")
    printed = pod("verify", "--times", "2")
    assert printed.err == "repeat 1 of 2: agrees\nrepeat 2 of 2: agrees\n"
    said = words(printed.out).splitlines()
    assert said[:4] == [
        "run <id> agrees, 2 files compared, 2 within a rule, 1 ignored",
        '  within   output/a.csv  {"numeric":{"absolute":0,"relative":1e-05}}; '
        "1 number, at most 1e-07 apart (1e-07 relative)",
        '  within   output/a.json  {"json":{"absolute":0,"ignore":["time"],"relative":1e-05}}; '
        "1 number, at most 1e-07 apart (1e-07 relative)",
        "  ignored  output/time",
    ]
    assert said[-1] == "2 repeats: 2 agrees"
    assert pod("runs").lines[-1].endswith("  ≈ agrees 2 times")
    assert words(pod("log", "-n1").out).splitlines()[3] == "Run:    <id>  ≈ agrees 2 times"
    assert pod("log", "--oneline", "-n1").out.endswith("  ≈ agrees 2 times\n")
    exact = pod("verify", "--exact", code=1)
    assert words(exact.out).startswith("run <id> differs in 3 files\n  changed  output/a.csv  line 1, column 11\n")
    assert pod("runs").lines[-1].endswith("  ✗ differs in 1 of 3")
    assert "✗ differs in 1 of 3" in pod("show").out
    document = pod.json("verify", "--times", "2")
    assert (document["finding"], document["confirmed"], len(document["repeats"])) == ("agrees", True, 2)
    assert pod.json("runs", "-n9")["runs"][-1]["verdicts"] == {
        **{"identical": 0, "agrees": 4},
        **{"differs": 1, "not comparable": 0},
    }


def test_verify_says_who_else_has_repeated_it(pod: Cli) -> None:
    # On a devnet, of which this script makes no use.
    pod("run")
    said = pod("verify", "--on", "devnet", "--providers", "1", code=17)
    assert words(said.out).splitlines()[-2:] == [
        "recorded as verdict <id>, repeated as run <id> (devnet, by nobody)",
        "providers other than those of the run itself: none",
    ]
    assert "error: different providers that were to repeat it: 1; that did: 0 (1 repeat had no more; its" in said.err
    count = pod.write("../count", "")
    pod.script(RULED)
    pod("run", "-p", f"count={count}")
    said = pod("verify", "--on", "devnet", "--providers", "2", code=1)  # that it differs is what counts
    none = "providers other than those of the run itself: none; 2 were wanted, but 2 repeats had no more; its script"
    assert said.lines[-1].startswith(none) and said.lines[-2] == "2 repeats: 2 differs"
    document = pod.json("verify", "--on", "devnet", "--providers", "1", code=1)["providers"]
    assert (document["before"], document["others"], document["wanted"]) == ([], [], 1)
    assert (document["short"][:21], document["chosen_by"]) == ("1 repeat had no more;", "script")


def test_a_verdict_that_cannot_be_read_does_not_hide_the_history(pod: Cli) -> None:
    pod("run")
    verdict = pod.json("verify")["id"]
    with Pod(pod.folder) as repository:
        good = decode(repository.store.verdict(ObjectId.parse(verdict)).encode(), kind=Kind.VERDICT)
        with repository.store.session() as session:
            bad = session.add(Kind.VERDICT, encode({**good, "finding": "splendid"}, kind=Kind.VERDICT))
            session.commit()
        with repository.lock():
            repository.refs.update([RefChange(f"{VERDICTS}{bad}", None, bad)], command="verify", time_ns=1)
    warning = "warning: 1 verdict cannot be read; `sovr fsck` says what is wrong\n"
    for said in (pod("log"), pod("show", "--stat")):
        assert said.err == warning and "  ✓ verified\n" in said.out
    assert pod.json("log")["commits"][0]["verdicts"]["identical"] == 1
    # What needs all records says what is wrong, and changes nothing.
    for command in ("runs", "lineage"):
        assert pod(command, code=30).err.startswith("error: not a valid verdict: finding `splendid` is not known\n")
    assert str(bad) in pod("fsck", code=1).out


def test_verify_refuses_what_makes_no_sense(pod: Cli) -> None:
    pod("run")
    said = pod("verify", "--providers", "2", code=70)
    assert said.err.splitlines()[-1] == "hint: name a place with providers: `--on devnet`, or `--on golem`"
    assert "0 is not in the range" in pod("verify", "--times", "0", code=2).err


# --- somebody else's pod ------------------------------------------------------------------------------------------


@pytest.fixture
def copy(pod: Cli) -> Cli:
    """A clone of a pod."""
    pod.share()
    pod.at(pod.folder.parent)("clone", "-q", "shared", "copy")
    return pod.at(pod.folder.parent / "copy")


def test_somebody_elses_scripts_are_not_run_unasked(copy: Cli) -> None:
    said = copy("run", code=64)
    assert said.out == "" and not (copy.folder / "output" / "out.txt").exists()
    assert said.err == (
        f"This pod comes from {copy.folder.parent}/shared.\n"
        "Its last commit is by Ann.\n"
        "Its recipe runs on this machine, with your rights:\n"
        "\n"
        "  sh script/run.sh\n"
        "\n"
        f"error: not run: `sh script/run.sh` comes from {copy.folder.parent}/shared and has not been approved\n"
        "hint: read the scripts, then `sovr run --yes` or `sovr trust`\n"
    )
    assert copy.failure("run", code=64)["code"] == "RunNotTrusted"
    copy("run", "--yes")
    assert "comes from" not in copy("run", "--force").err


def test_trust(copy: Cli) -> None:
    assert re.fullmatch(r"approved: sh script/run\.sh \(2 files, scripts <id>\)\n", words(copy("trust").out))
    assert ID.fullmatch(copy("trust", "-q").out.strip())
    copy("run")
    copy.write("recipe.json", '{"name": "x"}')
    copy("commit", "-m", "no command")
    assert copy("trust", code=12).err.startswith("error: recipe.json")


def test_changed_scripts_are_named(pod: Cli, copy: Cli) -> None:
    copy("trust")
    for number in range(12):
        pod.write(f"script/{number:02}.sh", "true\n")
    pod("commit", "-m", "More scripts")
    pod("push")
    copy("pull")
    said = copy("run", code=64)
    assert "New or changed since you approved it:\n\n  script/00.sh\n" in said.err
    assert "  script/09.sh\n  and 2 others\n\nIts recipe runs" in said.err


def test_repeats_ask_too(pod: Cli, copy: Cli) -> None:
    pod("run")
    pod("push")
    copy("pull")
    for command in ("rerun", "verify"):
        said = copy(command, "HEAD", code=64)
        assert words(said.err).splitlines()[-1] == f"hint: read the scripts, then `sovr {command} --yes <id>`"
    copy("verify", "--yes")
    copy("verify")


def test_a_pod_that_runs_is_locked(pod: Cli) -> None:
    from sovrgit.pod.lock import locked

    with locked(pod.folder / ".sovr" / "run.lock"):
        said = pod("run", code=40)
    assert f"(process {os.getpid()}, since 2" in said.err and "the pod is being run" in said.err


def test_an_image_is_refused_with_advice(pod: Cli) -> None:
    pod.write("recipe.json", '{"name": "x", "golem": {"run": "true", "image": "golem/node"}}')
    said = pod("run", "--on", "local", code=70).err
    assert "recipe.json:1, key `golem.image`" in said and "`sovr run --on devnet`" in said
