"""The ends that a requestor script can come to: what is a success, and that nothing stays open or is given away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from hashlib import sha3_256
from pathlib import Path

import pytest
from golem_pod import GolemPod

from sovrgit.devnet.golem import Fault, Kind
from sovrgit.errors import InterpreterUnfit
from sovrgit.objects.run import RunStatus
from sovrgit.runs.executor import Cancel, Event, Output, Progress, Started
from sovrgit.runs.golem.observed import AgreementChanged, LimitHit


def test_a_good_end(lab: GolemPod) -> None:
    lab.script("allocation = allocate(); leave(); call('DELETE', '/payment-api/v1/allocations/' + allocation)")
    result = lab.run()
    run = result.run
    assert run.succeeded and run.reason == "" and result.committed is not None
    assert run.executor["name"] == "devnet" and run.executor["mode"] == "script" and run.executor["yagna"] == "0.17.6"
    assert run.golem["emulated"] is True and run.golem["network"] == "hoodi" and run.golem["sandbox"] == "none"
    assert [one["released"] for one in run.golem["allocations"]] == [True]
    assert run.golem["calls"] == "logs/golem-calls.jsonl" and (lab.pod.root / "logs" / "golem-calls.jsonl").exists()
    assert list((lab.pod.folder / "golem").iterdir()) == [] and lab.nothing_is_open()


def test_what_a_script_leaves_open_is_ended(lab: GolemPod) -> None:
    lab.script("agree(); leave(); os._exit(3)")
    run = lab.run().run
    assert run.status is RunStatus.FAILED and run.exit_code == 3
    assert [one["state"] for one in run.golem["agreements"]] == ["Terminated"]
    assert lab.nothing_is_open()


def test_a_script_that_is_killed_leaves_nothing_open(lab: GolemPod) -> None:
    lab.script("agree(); os.kill(os.getpid(), signal.SIGKILL)")
    assert lab.run().run.signal == 9
    assert lab.nothing_is_open()


@pytest.mark.parametrize("times", [1, 2])
def test_a_script_that_ignores_an_interrupt(lab: GolemPod, times: int) -> None:
    lab.script(
        "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "agree(); print('ready'); sys.stdout.flush(); time.sleep(3600)"
    )
    lab.patience = 0.1
    with Cancel() as cancel:

        def on(event: Event) -> None:
            if isinstance(event, Output) and b"ready" in event.data:
                for _ in range(times):
                    cancel.request()

        lab.on = on
        run = lab.run(cancel=cancel, grace=0.1).run
    assert run.status is RunStatus.CANCELLED and run.signal == 9
    assert lab.nothing_is_open() and run.golem["agreements"]


def test_a_script_that_ends_politely_is_waited_for(lab: GolemPod) -> None:
    lab.script("""
allocation = allocate()
def ended(*_):
    call('DELETE', '/payment-api/v1/allocations/' + allocation)
    sys.exit(1)
signal.signal(signal.SIGINT, ended)
print('ready'); sys.stdout.flush(); time.sleep(3600)""")
    with Cancel() as cancel:
        lab.on = lambda event: cancel.request() if isinstance(event, Output) else None
        run = lab.run(cancel=cancel).run
    assert run.status is RunStatus.CANCELLED and run.exit_code == 1 and lab.nothing_is_open()


def test_a_script_that_never_ends_is_ended_by_its_timeout(lab: GolemPod) -> None:
    lab.patience = 0.1
    lab.script("allocate(); time.sleep(3600)")
    run = lab.run(timeout=1.0, grace=0.1).run
    assert run.status is RunStatus.TIMED_OUT and lab.nothing_is_open()


def test_doing_nothing_is_no_success(lab: GolemPod) -> None:
    lab.script("allocate(); demand(memory=100000)")
    run = lab.run(allow_empty=True).run
    assert run.status is RunStatus.FAILED and run.exit_code == 0
    assert run.reason == "the script asked for providers, and no command succeeded at any, as no provider took part"


def test_without_output_it_is_no_success_either(lab: GolemPod) -> None:
    lab.script("allocate()")
    run = lab.run().run
    assert run.status is RunStatus.FAILED and run.reason == "left nothing in `output`"


# --- money ------------------------------------------------------------------------------------------------------


def test_a_script_cannot_set_more_aside_than_the_budget(lab: GolemPod) -> None:
    lab.script("allocate('2')")
    run = lab.run(wish={"budget": Decimal(1)}).run
    assert run.status is RunStatus.FAILED and run.exit_code == 1 and "budget" in run.reason
    assert lab.ask("/payment-api/v1/allocations") == [] and run.golem.get("allocations", []) == []


def test_a_recipe_can_lower_the_budget_only(lab: GolemPod) -> None:
    lab.script("allocate('0.5'); leave()", budget="0.4")
    assert not lab.run(wish={"budget": Decimal(1)}).run.succeeded
    lab.script("allocate('0.5'); leave()", budget="1000000")
    assert lab.run(wish={"budget": Decimal(1)}).run.succeeded
    lab.script("allocate('2'); leave()", budget="1000000")
    assert not lab.run(wish={"budget": Decimal(1)}).run.succeeded


def test_another_network_than_the_users_is_refused(lab: GolemPod) -> None:
    lab.script("allocate('0.1', platform='erc20-polygon-glm'); leave()", network="polygon", budget="1000000")
    run = lab.run().run
    assert not run.succeeded and "polygon" in run.reason
    assert "allocations" not in run.golem and lab.ask("/payment-api/v1/allocations") == []


def test_when_the_cost_passes_the_budget_the_run_is_stopped(lab: GolemPod) -> None:
    # The devnet is cheap, so that the budget has to be tiny.
    lab.script("""
call('POST', '/activity-api/v1/activity', agree("0.00001"))
time.sleep(3600)""")
    lab.patience = 0.2
    run = lab.run(wish={"budget": Decimal("0.00001")}, grace=0.2).run
    assert run.status is RunStatus.FAILED and "passed the budget" in run.reason
    assert run.golem["stopped"] and lab.nothing_is_open()
    assert any(isinstance(e, Progress) and isinstance(e.seen, LimitHit) for e in lab.events)


def test_a_provider_that_bills_too_much_is_not_paid(lab: GolemPod) -> None:
    # So much, since ten seconds are forgiven, and this activity takes a hundredth of one.
    lab.devnet.faults.add(Fault(Kind.OVER_BILLING, times=0, amount=1_000_000))
    lab.script("""
agreement = agree()
activity = call("POST", "/activity-api/v1/activity", agreement)
text = json.dumps([{"deploy": {}}, {"start": {"args": []}}, {"run": {"entry_point": "/bin/true", "args": []}}])
batch = call("POST", "/activity-api/v1/activity/%s/exec" % activity, {"text": text})
while not call("GET", "/activity-api/v1/activity/%s/exec/%s?timeout=5" % (activity, batch))[-1]["isBatchFinished"]:
    pass
call("DELETE", "/activity-api/v1/activity/" + activity)
call("POST", "/market-api/v1/agreements/%s/terminate" % agreement, {"message": "done"})
event = call("GET", "/payment-api/v1/invoiceEvents?timeout=5&afterTimestamp=2020-01-01T00:00:00Z")[0]
invoice = call("GET", "/payment-api/v1/invoices/" + event["invoiceId"])
allocation = call("GET", "/payment-api/v1/allocations")[0]["allocationId"]
try:
    body = {"totalAmountAccepted": invoice["amount"], "allocationId": allocation}
    call("POST", "/payment-api/v1/invoices/%s/accept" % event["invoiceId"], body)
except urllib.error.HTTPError as error:
    leave(str(error.code))""")
    run = lab.run().run
    assert run.succeeded and (lab.pod.root / "output" / "out.txt").read_text() == "403"
    assert run.golem["cost"]["accepted"] == "0" and Decimal(run.golem["cost"]["unpaid"]) > 0
    assert lab.nothing_is_open()


# --- files ------------------------------------------------------------------------------------------------------

_RECEIVES = """
import subprocess
with subprocess.Popen(["gftp", "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as gftp:
    def ask(method, **parameters):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        gftp.stdin.write(json.dumps(request).encode() + b"\\n"); gftp.stdin.flush()
        return json.loads(gftp.stdout.readline())["result"]
    ask("version")
    ask("publish", files=["recipe.json"])
    ask("receive", output_file="output/a.png")
    ask("receive", output_file="output/b.png")
    %s
    ask("shutdown")
"""


def test_files_are_in_the_record(lab: GolemPod) -> None:
    lab.script(_RECEIVES % "leave('a', 'a.png'); leave('bb', 'b.png'); ask('close', urls=[])")
    run = lab.run().run
    recipe = (lab.pod.root / "recipe.json").read_bytes()
    assert run.succeeded and run.golem["files"] == [
        {"path": "recipe.json", "direction": "in", "sha3_256": sha3_256(recipe).hexdigest(), "size": len(recipe)},
        {"path": "output/a.png", "direction": "out", "sha3_256": sha3_256(b"a").hexdigest(), "size": 1},
        {"path": "output/b.png", "direction": "out", "sha3_256": sha3_256(b"bb").hexdigest(), "size": 2},
    ]


def test_an_empty_file_was_not_received(lab: GolemPod) -> None:
    lab.script(_RECEIVES % "leave('a', 'a.png')")
    run = lab.run().run
    assert run.status is RunStatus.PARTIAL and run.exit_code == 0
    assert run.reason == "`b.png` was to be received from a provider, and is empty"
    lab.script(_RECEIVES % "pass")
    run = lab.run().run
    assert run.status is RunStatus.FAILED and "`a.png` and 1 more" in run.reason


def test_no_link_is_taken_for_a_file(lab: GolemPod) -> None:
    lab.script(
        _RECEIVES % "leave(); [os.remove('output/' + n) or os.symlink('/etc/passwd', 'output/' + n)"
        " for n in ('a.png', 'b.png')]"
    )
    assert [set(one) for one in lab.run().run.golem["files"]][1:] == [{"path", "direction"}] * 2


# --- secrets ----------------------------------------------------------------------------------------------------


def test_no_key_is_stored_or_shown(lab: GolemPod) -> None:
    lab.script("""
key = os.environ["YAGNA_APPKEY"]
print("authorization: Bearer " + key); sys.stdout.flush()
open("logs/debug.log", "w").write("x" * ((1 << 20) - 10) + key + "\\n" + "Bearer " + key[:20])
os.makedirs("output/deep"); open("output/deep/config", "w").write(json.dumps({"key": key}))
os.symlink("/etc/hostname", "output/link"); print(key[:-1], end="")
allocate()
sys.exit(key)""")
    result = lab.run(commit_failed=True)
    text = (lab.pod.root / "logs" / "debug.log").read_text()
    lines = [event.data for event in lab.events if isinstance(event, Output)]
    stars = "*" * 32
    assert f"{stars}\n" in text and text.startswith("x" * 100) and len(text) == (1 << 20) - 10 + 32 + 1 + 7 + 20
    assert json.loads((lab.pod.root / "output" / "deep" / "config").read_text()) == {"key": stars}
    stored = lab.stored()
    assert b"Bearer" in stored and stars.encode() in stored
    for secret in (lab.devnet.variables["YAGNA_APPKEY"], *_keys(lab)):
        assert secret.encode() not in stored and secret.encode() not in b"".join(lines)
    assert stars in lab.log() and os.readlink(lab.pod.root / "output" / "link") == "/etc/hostname"
    assert result.run.exit_code == 1


def _keys(lab: GolemPod) -> list[str]:
    """The gateway's key, from what the script has printed of it: all but its last digit."""
    text = lab.log()
    known = text[text.index("deep") :] if "deep" in text else text
    found = [word for line in known.splitlines() for word in line.split() if len(word) == 31]
    assert found
    return [found[0] + digit for digit in "0123456789abcdef"]


def test_the_daemons_own_key_does_not_reach_the_script(lab: GolemPod) -> None:
    lab.script("leave(json.dumps(dict(os.environ)))")
    environ = {"YAGNA_APPKEY": lab.devnet.variables["YAGNA_APPKEY"]}
    assert lab.run(environ=environ).run.succeeded
    seen = json.loads((lab.pod.root / "output" / "out.txt").read_text())
    assert seen["YAGNA_APPKEY"] == "*" * 32 and seen["YAGNA_API_URL"] != lab.devnet.url
    assert seen["YAGNA_PAYMENT_NETWORK"] == "hoodi" and seen["YAGNA_PAYMENT_DRIVER"] == "erc20"


# --- a killed sovr ----------------------------------------------------------------------------------------------

_KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from golem_pod import GolemPod
from sovrgit.pod.pod import Pod
from sovrgit.runs.executor import Output
class Devnet:
    url, folder = sys.argv[2], Path(sys.argv[4])
with Pod.find(Path(sys.argv[1])) as pod:
    lab = GolemPod(pod, Devnet())
    lab.on = lambda event: os.kill(os.getpid(), 9) if isinstance(event, Output) else None
    lab.run()
"""


def test_what_a_killed_sovr_leaves_is_ended_by_the_next_run(lab: GolemPod) -> None:
    lab.script("agree(); print('ready'); sys.stdout.flush(); time.sleep(3600)")
    argv = [sys.executable, "-c", _KILLED, str(lab.pod.root), lab.devnet.url]
    done = subprocess.run(
        [*argv, str(Path(__file__).parent), str(lab.devnet.folder)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -9, done.stderr
    assert not lab.nothing_is_open() and len(list((lab.pod.folder / "golem").iterdir())) == 1
    lab.script("leave()")
    assert lab.run().run.succeeded
    assert lab.nothing_is_open() and list((lab.pod.folder / "golem").iterdir()) == []


# --- the rest ---------------------------------------------------------------------------------------------------


def test_what_is_seen_is_told_while_it_goes_on(lab: GolemPod) -> None:
    lab.script("agree(); leave()")
    lab.run()
    seen = [event.seen for event in lab.events if isinstance(event, Progress)]
    states = [one.state for one in seen if isinstance(one, AgreementChanged)]
    assert states[-1] == "Terminated" and "Approved" in states
    assert isinstance(lab.events[0], Started | Progress)


def test_a_script_for_yapapi_needs_it(lab: GolemPod) -> None:
    lab.script("import yapapi")
    executor = lab.executor()
    assert executor.choice.needs_python
    error = lab.refused(InterpreterUnfit, wish={"python": Path("/nonexistent/python")})
    assert "cannot be started" in error.message and "golem.python" in error.hint
    assert not (lab.pod.root / "logs" / "run.log").exists()
