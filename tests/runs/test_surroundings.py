"""What a command gets to know of its surroundings, and what of it a record keeps."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from sovrgit.runs.surroundings import SET, child_environment, looks_secret, platform_facts


def test_only_listed_variables_are_passed_on() -> None:
    environ = {"PATH": "/bin", "HOME": "/home/ada", "LC_ALL": "C", "DISPLAY": ":0", "EDITOR": "vi", "PS1": "$"}
    full, recorded = child_environment(environ)
    assert full == {"PATH": "/bin", "HOME": "/home/ada", "LC_ALL": "C", **SET}
    assert recorded == {"LC_ALL": "C"}


@pytest.mark.parametrize("name", ["LANG", "LC_TIME", "TZ", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"])
def test_what_changes_results_is_recorded(name: str) -> None:
    full, recorded = child_environment({name: "1"})
    assert full[name] == recorded[name] == "1"


@pytest.mark.parametrize("name", ["HOME", "USER", "PATH", "TMPDIR", "VIRTUAL_ENV", "CONDA_PREFIX", "https_proxy"])
def test_what_describes_the_machine_is_passed_but_not_recorded(name: str) -> None:
    full, recorded = child_environment({name: "/somewhere"})
    assert full[name] == "/somewhere"
    assert recorded == {}


def test_keep_and_extra_are_passed_and_recorded() -> None:
    environ = {"DATASET": "small", "OTHER": "x", "TZ": "UTC"}
    full, recorded = child_environment(environ, keep=["DATASET", "ABSENT"], extra={"TZ": "CET", "SEED": "4"})
    assert full == {"DATASET": "small", "TZ": "CET", "SEED": "4", **SET}
    assert recorded == {"DATASET": "small", "SEED": "4", "TZ": "CET"}


def test_secrets_that_were_asked_for_are_passed_but_not_recorded() -> None:
    environ = {"API_TOKEN": "abc", "DATABASE": "postgres://ada:hunter2@db/x"}
    full, recorded = child_environment(environ, keep=environ, extra={"YAGNA_APPKEY": "def"})
    assert full == {**environ, "YAGNA_APPKEY": "def", **SET}
    assert recorded == {}


def test_a_prefix_does_not_let_secrets_through() -> None:
    full, _ = child_environment({"SLURM_JWT": "eyJ", "CONDA_TOKEN": "abc", "SLURM_NTASKS": "4"})
    assert full == {"SLURM_NTASKS": "4", **SET}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", ""),
        ("aws_secret_access_key", ""),
        ("GITHUB_TOKEN", ""),
        ("DB_PWD", ""),
        ("MY_CREDENTIALS", ""),
        ("WALLET_PASSPHRASE", ""),
        ("REMOTE", "https://ada:hunter2@example.org/"),
        ("REMOTE", "https://ghp_abc@example.org/"),
        ("REMOTE", "https://example.org/?access_token=abc"),
        ("DSN", "Server=db;Password = abc"),
    ],
)
def test_secrets_are_recognised(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PYTHONHASHSEED", "0"), ("AUTHOR", "Ada"), ("MAIL", "ada@example.org"), ("URL", "https://example.org/a@b")],
)
def test_ordinary_values_are_no_secrets(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_a_folder_can_be_put_first_on_path() -> None:
    full, _ = child_environment({"PATH": "/usr/bin:/bin"}, first_on_path=Path("/opt/venv/bin"))
    assert full["PATH"] == "/opt/venv/bin:/usr/bin:/bin"
    full, _ = child_environment({}, first_on_path=Path("/opt/venv/bin"))
    assert full["PATH"] == f"/opt/venv/bin:{os.defpath}"


def test_bytes_that_are_not_text_can_be_recorded() -> None:
    value = os.fsdecode(b"caf\xe9")
    full, recorded = child_environment({"PLACE": value}, keep=["PLACE"])
    assert full["PLACE"] == value
    assert recorded["PLACE"] == r"caf\xe9"


def test_platform_facts_say_nothing_of_the_person() -> None:
    facts = platform_facts()
    assert facts["system"] == platform.system()
    assert facts["machine"] == platform.machine()
    assert facts["python"] == platform.python_version().rstrip("+")
    assert int(facts["cpus"]) >= 1
    assert platform.node() not in facts.values()
