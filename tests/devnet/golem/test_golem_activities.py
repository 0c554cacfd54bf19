"""Activities: commands, results as polled and as followed, transfers, usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golem_lab import ACTIVITY, Requestor, run, transfer, wait_until

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.devnet.golem.batches import CAPTURED, Allowance, Output


def test_the_forms_of_creating_one(ada: Requestor) -> None:
    agreement = ada.agree()
    assert isinstance(ada.post(f"{ACTIVITY}/activity", agreement), str)
    made = ada.post(f"{ACTIVITY}/activity", {"agreementId": agreement})["activityId"]
    assert ada.get(f"{ACTIVITY}/activity/{made}/agreement") == agreement
    ada.post(f"{ACTIVITY}/activity", {"id": agreement}, 400)
    ada.post(f"{ACTIVITY}/activity", "nothing", 500)
    ada.post(f"{ACTIVITY}/activity", "0" * 64, 404)
    ada.terminate(agreement)
    ada.post(f"{ACTIVITY}/activity", agreement, 400)


def test_states_and_the_order_of_commands(ada: Requestor) -> None:
    activity = ada.activity(deployed=False)
    path = f"{ACTIVITY}/activity/{activity}/state"
    assert ada.get(path) == {"state": ["Initialized", None]}
    (early,) = ada.execute(activity, run("true"))
    assert early["result"] == "Error" and "deploy() command is expected now" in early["message"]
    ada.execute(activity, {"deploy": {}})
    assert ada.get(path)["state"] == ["Deployed", None]
    (early,) = ada.execute(activity, run("true"))
    assert "start() command is expected now" in early["message"]
    ada.execute(activity, {"start": {}})
    assert ada.get(path)["state"] == ["Ready", None]
    (last,) = ada.execute(activity, {"terminate": {}})
    assert last["result"] == "Ok" and ada.get(path)["state"] == ["Terminated", None]
    ada.post(f"{ACTIVITY}/activity/{activity}/exec", {"text": '[{"start":{}}]'}, 500)


def test_results(ada: Requestor) -> None:
    activity = ada.activity()
    found = ada.execute(
        activity, run("/bin/sh", "-c", "echo out; echo err >&2"), run("sh", "-c", "exit 3"), run("true")
    )
    first, second = found
    assert (first["index"], first["result"], first["stdout"], first["stderr"]) == (0, "Ok", "out\n", "err\n")
    assert first["message"] is None and not first["isBatchFinished"]
    # Nothing runs after what failed.
    assert (
        second["result"] == "Error" and second["message"].endswith("exited with code 3") and second["isBatchFinished"]
    )
    assert "127" in ada.execute(activity, run("/no/such/program"))[0]["message"]
    (silent,) = ada.execute(activity, {"run": {"entry_point": "echo", "args": ["x"]}})
    assert silent["stdout"] is None and silent["stderr"] is None
    assert "cannot contain a NUL" in ada.execute(activity, run("echo", "a\0b"))[0]["message"]


def test_a_poll_answers_with_what_there_is(ada: Requestor) -> None:
    activity = ada.activity()
    batch = ada.send(activity, run("echo", "1"), run("sleep", "600"))
    path = f"{ACTIVITY}/activity/{activity}/exec/{batch}"
    assert ada.get(f"{path}?timeout=20&commandIndex=0")[0]["stdout"] == "1\n"
    assert len(ada.get(f"{path}?timeout=0")) == 1
    ada.get(f"{ACTIVITY}/activity/{activity}/exec/other", 404)
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    assert "endpoint address not found" in ada.results(activity, batch, 500)["message"]


def test_output_is_kept_up_to_a_limit(ada: Requestor) -> None:
    activity = ada.activity()
    found = ada.shell(activity, f"head -c {3 * CAPTURED} /dev/zero | tr '\\0' x; echo end >&2")
    assert len(found["stdout"]) < CAPTURED + 100 and "keeps no more" in found["stdout"][-60:]
    assert found["stderr"] == "end\n"


def test_old_batches_are_forgotten(ada: Requestor) -> None:
    activity = ada.activity()
    batches = [ada.send(activity, run("echo", str(number))) for number in range(60)]
    assert ada.results(activity, batches[-1])[0]["stdout"] == "59\n"
    batches.append(ada.send(activity, run("true")))
    ada.results(activity, batches[0], 404)
    assert ada.results(activity, batches[-2])[0]["stdout"] == "59\n"


def test_no_more_is_kept_than_there_is_room_for() -> None:
    allowance = Allowance(10)
    first, second = Output(True, allowance.take), Output(True, allowance.take)
    assert first.add(b"12345") == "12345"
    assert second.add(b"1234567").startswith("12345\n[") and second.add(b"8") == "" and allowance.take(1) == 0
    allowance.give(5)
    assert first.add(b"67") == "67" and first.text() == "1234567"
    assert Output(False, allowance.take).add(b"x") == "" and allowance.take(9) == 3


def test_commands_for_which_there_is_no_room(golem: GolemStandIn, ada: Requestor) -> None:
    activity = ada.activity()
    taken = golem._network._tools.allowance.take(1 << 40)
    text = json.dumps([run("true")])
    ada.post(f"{ACTIVITY}/activity/{activity}/exec", {"text": text}, 503)
    golem._network._tools.allowance.give(taken)
    assert ada.shell(activity, "echo on")["stdout"] == "on\n"


def test_output_that_is_no_text(ada: Requestor) -> None:
    assert ada.shell(ada.activity(), "printf 'a\\377\\303'")["stdout"] == "a�"


def test_what_goes_on_in_the_background_is_not_waited_for(ada: Requestor) -> None:
    assert ada.shell(ada.activity(), "sleep 600 & echo done")["stdout"] == "done\n"


def follow(ada: Requestor, activity: str, batch: str) -> list[dict[str, Any]]:
    """What is told to those who follow a batch, up to its end."""
    told: list[dict[str, Any]] = []
    path = f"{ACTIVITY}/activity/{activity}/exec/{batch}"
    with ada.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for line in answer.iter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line.removeprefix("data: ")))
            if told and "finished" in told[-1]["kind"] and told[-1]["index"] == 1:
                break
    return told


def test_events_as_they_happen(ada: Requestor) -> None:
    activity = ada.activity()
    batch = ada.send(activity, run("/bin/sh", "-c", "echo out; echo err >&2"), run("sh", "-c", "exit 7"))
    told = follow(ada, activity, batch)
    assert all(event["batch_id"] == batch and event["timestamp"] for event in told)
    first = [event["kind"] for event in told if event["index"] == 0]
    assert list(first[0]) == ["started"] and "run" in first[0]["started"]["command"]
    assert {"stdout": "out\n"} in first and {"stderr": "err\n"} in first
    assert first[-1] == {"finished": {"return_code": 0, "message": None}}
    assert told[-1]["kind"]["finished"]["return_code"] == 7
    # Whoever comes late hears it all.
    assert follow(ada, activity, batch) == told


def test_following_ends_with_the_activity(ada: Requestor) -> None:
    activity = ada.activity()
    batch = ada.send(activity, run("sleep", "600"))
    path = f"{ACTIVITY}/activity/{activity}/exec/{batch}"
    with ada.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: runtime"
        Requestor(ada.golem).call("DELETE", f"{ACTIVITY}/activity/{activity}")
        assert not any("finished" in line for line in lines)


def test_files_in_and_out(ada: Requestor, tmp_path: Path) -> None:
    assert ada.files is not None
    activity = ada.activity()
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(bytes(range(256)) * 9000)
    found = ada.execute(
        activity,
        transfer(ada.files.publish(source), "container:/golem/input/deep/er/file"),
        transfer("container:/golem/input/deep/er/file", "container:/golem/output/copy"),
        run("/bin/sh", "-c", "wc -c < /golem/output/copy"),
        transfer("container:/golem/output/copy", ada.files.receive(target)),
    )
    assert [one["result"] for one in found] == ["Ok"] * 4, found
    assert found[2]["stdout"].strip() == str(256 * 9000) and target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/golem/output",
        "/golem/output/../../../etc/passwd",
        "golem/output/x",
        "/golem/other/x",
        "/",
        "/golem/output/link",
        "/golem/output/dir/file",
        "/golem/output/fifo",
        "/golem/output/absent",
    ],
)
def test_nothing_outside_of_the_volumes_is_read(ada: Requestor, tmp_path: Path, path: str) -> None:
    assert ada.files is not None
    activity = ada.activity()
    made = "cd /golem/output; ln -s /etc/passwd link; ln -s /etc dir; mkfifo fifo"
    assert ada.shell(activity, made)["result"] == "Ok"
    (found,) = ada.execute(activity, transfer(f"container:{path}", ada.files.receive(tmp_path / "out")))
    assert "path not found in container" in found["message"], found
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.parametrize("path", ["/golem/work/link", "/golem/work/dir/file", "/golem/work/../x", "/golem/work/fifo"])
def test_nothing_outside_of_the_volumes_is_written(ada: Requestor, tmp_path: Path, path: str) -> None:
    assert ada.files is not None
    outside, source = tmp_path / "outside", tmp_path / "source"
    outside.mkdir()
    source.write_text("new")
    activity = ada.activity()
    ada.shell(activity, f"cd /golem/work; ln -s {outside}/file link; ln -s {outside} dir; mkfifo fifo")
    (found,) = ada.execute(activity, transfer(ada.files.publish(source), f"container:{path}"))
    assert "path not found in container" in found["message"] and list(outside.iterdir()) == []


def test_transfers_that_cannot_be(ada: Requestor, tmp_path: Path) -> None:
    assert ada.files is not None
    activity = ada.activity()
    source = tmp_path / "source"
    source.write_text("old")
    url = ada.files.publish(source)
    source.write_text("new")
    messages = [
        ada.execute(activity, transfer(one, "container:/golem/work/x"))[0]["message"]
        for one in (url, url[:-1] + "!", f"gftp://0x{'0' * 40}/{'a' * 64}", "https://localhost/x", "file:/etc/passwd")
    ]
    assert "hash mismatch" in messages[0]
    assert all("nothing is published" in one for one in messages[1:3]), messages
    assert all("unsupported scheme" in one for one in messages[3:]), messages
    # What may be read may not be written.
    (found,) = ada.execute(activity, run("touch", "/golem/work/y"), transfer("container:/golem/work/y", url))[1:]
    assert "no such destination" in found["message"] and source.read_text() == "new"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[1]",
        "[{}]",
        '[{"dance":{}}]',
        '[{"run":{}}]',
        '[{"run":1}]',
        '[{"run":{"entry_point":"x","args":[1]}}]',
        '[{"transfer":{"from":"x"}}]',
        json.dumps([{"start": {}}] * 2000),
    ],
)
def test_malformed_scripts(ada: Requestor, text: str) -> None:
    activity = ada.activity(deployed=False)
    assert ada.post(f"{ACTIVITY}/activity/{activity}/exec", {"text": text}, 400)["message"]
    ada.post(f"{ACTIVITY}/activity/{activity}/exec", {}, 400)


def test_usage_counts(ada: Requestor) -> None:
    activity = ada.activity()
    path = f"{ACTIVITY}/activity/{activity}/usage"
    before = ada.get(path)["currentUsage"]
    ada.shell(activity, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    after = ada.get(path)
    assert after["currentUsage"][0] > before[0] and after["currentUsage"][1] > before[1] and after["timestamp"] > 0
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    ended = ada.get(path)["currentUsage"]
    assert ada.get(path)["currentUsage"] == ended


def test_nothing_is_left_of_an_activity(ada: Requestor, golem: GolemStandIn) -> None:
    activity = ada.activity()
    folder = golem.folder / "activities" / activity
    assert folder.is_dir() and ada.shell(activity, "echo $$ > /golem/work/pid")["result"] == "Ok"
    ada.call("DELETE", f"{ACTIVITY}/activity/{activity}")
    wait_until(lambda: not folder.exists())
