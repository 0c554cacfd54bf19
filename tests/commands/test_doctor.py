"""`sovr doctor`: this machine and the pod, and the Golem daemon, for which the devnet stands in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_lab import Cli, checked

from sovrgit.devnet.golem import GolemStandIn
from sovrgit.doctor.golem import Wanted, examine_golem

YAPAPI = os.environ.get("SOVR_TEST_YAPAPI_PYTHON", sys.executable)


@pytest.fixture
def golem(tmp_path: Path) -> Iterator[GolemStandIn]:
    with GolemStandIn(tmp_path / "golem", namespaces=False, providers=1) as standin:
        yield standin


@pytest.fixture
def user(cli: Cli, golem: GolemStandIn, tmp_path: Path) -> Cli:
    """Somebody who has everything, but perhaps no yapapi."""
    cli.set(**golem.variables, PATH=f"{golem.folder / 'bin'}:/usr/bin:/bin", SOVR_CONFIG=str(tmp_path / "config"))
    return cli


def found(cli: Cli, *arguments: str, code: int) -> dict[str, Any]:
    document = cli.json("doctor", *arguments, code=code)
    assert document["ok"] == (code == 0)
    return {finding["what"]: finding for finding in document["findings"]}


class _Either:
    """Equal to both exit codes: whether there is a yapapi here is not what is tested."""

    def __eq__(self, other: object) -> bool:
        return other in (0, 1)

    __hash__ = None  # type: ignore[assignment]


EITHER: Any = _Either()


def golem_found(cli: Cli, *arguments: str) -> dict[str, str]:
    """What is wrong, but for yapapi."""
    document = checked("doctor", cli("--json", "doctor", "golem", *arguments, code=EITHER).out)
    wrong = [one for one in document["findings"] if one["state"] != "ok" and one["what"] != "yapapi"]
    return {one["what"]: one["detail"] for one in wrong}


# --- this machine -------------------------------------------------------------------------------------------------


def test_a_pod_that_is_well(pod: Cli) -> None:
    pod.share()
    said = pod("doctor")
    assert said.err == "all is well\n" and "ok       author" in said.out and "Ann <ann@example.org>" in said.out
    assert all(finding["state"] == "ok" for finding in found(pod, code=0).values())
    assert pod("doctor", "-q").out == ""


def test_outside_of_a_pod(cli: Cli) -> None:
    assert "is in none" in found(cli, code=0)["pod"]["detail"]


def test_what_is_wrong_with_a_pod(pod: Cli) -> None:
    pod("remote", "add", "gone", "../gone")
    pod.write("recipe.json", "{")
    pod.write(".sovr/format", "nonsense")
    assert "not what it should be" in found(pod, code=1)["pod"]["detail"]
    assert pod("doctor", "-q", code=1).out.startswith("problem  pod ")


def test_recipe_lock_and_remotes(pod: Cli) -> None:
    pod("remote", "add", "gone", "../gone")
    pod.write("recipe.json", '{"name": "x", "golem": {"run": "true", "image": "golem/alpine:latest"}}')
    wrong = found(pod, code=1)
    assert wrong["image lock"]["mend"] == "`sovr lock`"
    assert wrong["remote gone"]["state"] == "problem" and wrong["recipe"]["state"] == "ok"
    pod.write("recipe.lock", "{")
    assert "no JSON" in found(pod, code=1)["image lock"]["detail"]
    pod.write("recipe.json", "{")
    wrong = found(pod, code=1)
    assert wrong["recipe"]["state"] == "problem" and "image lock" not in wrong


def test_settings_that_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[half")
    cli.set(SOVR_CONFIG=str(tmp_path / "config"))
    assert found(cli, code=1)["settings"]["state"] == "problem"


# --- Golem --------------------------------------------------------------------------------------------------------


def test_a_daemon_that_is_well(user: Cli, golem: GolemStandIn) -> None:
    assert golem_found(user).keys() <= {"balance"}
    said = user("doctor", "golem", code=EITHER).out
    assert f"{golem.url}, the devnet" in said and golem.variables["YAGNA_APPKEY"] not in said
    assert "hoodi, paid in tglm, which is worth nothing" in said


def test_no_daemon(user: Cli) -> None:
    user.set(YAGNA_API_URL="http://127.0.0.1:1")
    wrong = found(user, "golem", code=1)
    assert "nothing listens there" in wrong["daemon"]["detail"] and "yagna service run" in wrong["daemon"]["mend"]
    assert {one for one, finding in wrong.items() if finding["state"] == "unknown"} == {
        *("version", "app-key", "network", "balance", "allocations")
    }


def test_something_else_answers(user: Cli) -> None:
    for address in ("not an address", "http://"):
        user.set(YAGNA_API_URL=address)
        assert found(user, "golem", code=1)["daemon"]["state"] == "problem"


@pytest.mark.parametrize(("key", "reason"), [("", "is not set"), ("wrong", "does not know")])
def test_app_keys(user: Cli, key: str, reason: str) -> None:
    user.set(YAGNA_APPKEY=key)
    wrong = golem_found(user)
    assert reason in wrong.pop("app-key") and set(wrong) == {"network", "balance", "allocations"}


def test_networks(user: Cli) -> None:
    assert "no `moon`" in golem_found(user, "--network", "moon")["network"]
    assert golem_found(user, "--network", "polygon").keys() <= {"balance"}
    user("doctor", "--network", "hoodi", code=2)


GOOD: dict[str, Any] = {
    "/version/get": {"current": {"version": "0.17.6", "name": "x"}},
    "/me": {"identity": "0x1"},
    "/payment-api/v1/requestorAccounts": [{"platform": "erc20-hoodi-tglm"}, {"platform": "erc20-polygon-glm"}],
    "/payment-api/v1/status": {"amount": "2", "reserved": "0.5"},
    "/payment-api/v1/allocations": [],
}


@pytest.mark.parametrize(
    ("network", "path", "answer", "what", "mend"),
    [
        ("hoodi", "/version/get", {"current": {"version": "0.17.3"}}, "version", "newer yagna"),
        ("hoodi", "/version/get", {"current": {"version": "x" * 99}}, "version", "newer yagna"),
        ("hoodi", "/version/get", [], "daemon", "yagna service run"),
        ("hoodi", "/version/get", "x" * (5 << 20), "daemon", "yagna service run"),
        ("hoodi", "/me", {}, "app-key", "yagna app-key list"),
        ("sepolia", "", None, "network", "yagna payment init --sender --network sepolia"),
        ("hoodi", "/payment-api/v1/requestorAccounts", 500, "network", "yagna payment init"),
        ("hoodi", "/payment-api/v1/status", {"amount": "1", "reserved": "1"}, "balance", "yagna payment fund"),
        ("polygon", "/payment-api/v1/status", {"amount": "0", "reserved": "0"}, "balance", "send GLM"),
        ("hoodi", "/payment-api/v1/status", {"amount": -1}, "balance", "yagna payment status"),
        ("hoodi", "/payment-api/v1/status", 500, "balance", "yagna payment status"),
        ("hoodi", "/payment-api/v1/allocations", {}, "allocations", "release-allocations"),
        ("hoodi", "/payment-api/v1/allocations", [{"timestamp": "?", "timeout": 7}, 1], "allocations", "release"),
    ],
)
def test_a_daemon_that_is_not_well(network: str, path: str, answer: Any, what: str, mend: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        said = answer if request.url.path == path else GOOD[request.url.path]
        return httpx.Response(said) if isinstance(said, int) else httpx.Response(200, json=said)

    wanted = Wanted("http://127.0.0.1:1", "key", network, "public", Path("/nonexistent"), {"PATH": ""}, 0)
    findings = {one.what: one for one in examine_golem(wanted, httpx.MockTransport(handle))}
    wrong = {one.what for one in findings.values() if one.state == "problem"} - {"gftp", "yapapi"}
    assert wrong == {what} and mend in findings[what].mend


def test_a_daemon_that_does_not_tell_the_balance() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        missing = request.url.path.endswith("/status")
        return httpx.Response(404) if missing else httpx.Response(200, json=GOOD[request.url.path])

    wanted = Wanted("http://127.0.0.1:1", "key", "hoodi", "public", Path("/nonexistent"), {"PATH": ""}, 0)
    (balance,) = [one for one in examine_golem(wanted, httpx.MockTransport(handle)) if one.what == "balance"]
    assert balance.state == "unknown" and balance.mend == "`yagna payment status --network hoodi`"


def test_gftp_and_interpreter(user: Cli, tmp_path: Path) -> None:
    user.set(PATH="/usr/bin:/bin")
    (tmp_path / "config").write_text("[golem]\n\tpython = /nonexistent/python\n")
    wrong = found(user, "golem", code=1)
    assert wrong["gftp"]["state"] == "problem"
    assert "cannot be started" in wrong["yapapi"]["detail"] and "golem.python" in wrong["yapapi"]["mend"]
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named yapapi >&2; exit 1\n")
    broken.chmod(0o755)
    (tmp_path / "config").write_text(f"[golem]\n\tpython = {broken}\n")
    assert "no module named yapapi" in found(user, "golem", code=1)["yapapi"]["detail"]


@pytest.mark.skipif("SOVR_TEST_YAPAPI_PYTHON" not in os.environ, reason="SOVR_TEST_YAPAPI_PYTHON names no interpreter")
def test_an_interpreter_with_yapapi(user: Cli, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[golem]\n\tpython = {YAPAPI}\n")
    assert found(user, "golem", code=0)["yapapi"]["detail"].startswith("0.13.1 on Python 3.")


def test_stale_allocations_stay(user: Cli, golem: GolemStandIn) -> None:
    def allocate(**lasting: int) -> None:
        ends = (datetime.now(UTC) + timedelta(**lasting)).isoformat()
        body = {"paymentPlatform": "erc20-hoodi-tglm", "totalAmount": "1.5", "timeout": ends}
        answer = httpx.post(
            f"{golem.url}/payment-api/v1/allocations",
            json=body,
            headers={"Authorization": f"Bearer {golem.variables['YAGNA_APPKEY']}"},
            trust_env=False,
        )
        assert answer.is_success, answer.text

    allocate(hours=1)
    assert "allocations" not in golem_found(user)
    allocate(days=3650)
    assert golem_found(user)["allocations"] == "1 of 2 are stale and hold 1.5"
    assert "release-allocations" in user("doctor", "golem", code=1).out
    assert golem_found(user)["allocations"] == "1 of 2 are stale and hold 1.5"  # nothing was changed
    user.set(SOVR_DATE=str(int((datetime.now(UTC) + timedelta(hours=12)).timestamp())))
    assert golem_found(user)["allocations"] == "2 of 2 are stale and hold 3"
