"""Logins, and which one counts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.credentials.finding import (
    ENVIRONMENT,
    FoundLogin,
    find_login,
    forget_login,
    keep_login,
    machine_login,
    need_login,
    old_login,
)
from sovrgit.credentials.keyringstore import KeyringStore
from sovrgit.credentials.logins import KeptLogin, Login, PasswordLogin, SignatureLogin, decode, encode
from sovrgit.credentials.stores import Secrets
from sovrgit.errors import ConfigInvalid, LoginNeeded

SERVER = "http://localhost:9090"
SIGNATURE = "ab" * 65
ANN = PasswordLogin("ann", "s3cret password")

TEXT = st.text(st.characters(codec="utf-8"), min_size=1)
LOGINS = st.one_of(
    st.builds(PasswordLogin, TEXT, TEXT),
    st.builds(SignatureLogin, st.text("0123456789abcdef", min_size=32, max_size=65).map(lambda t: t * 2), st.just("x")),
)


@given(LOGINS, st.none() | TEXT)
def test_a_login_comes_back_from_a_store(login: Login, address: str | None) -> None:
    kept = KeptLogin(login, address)
    assert decode(encode(kept), "here") == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        "[]",
        "{}",
        '{"user": "ann"}',
        '{"user": "ann", "password": ""}',
        '{"user": "ann", "password": 5}',
        '{"user": ["s3cret"], "password": "x"}',
        '{"signature": "s3cret"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_login(text: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        decode(text, "here")
    assert "s3cret" not in refused.value.message + repr(refused.value.fields) and refused.value.__context__ is None


@pytest.mark.parametrize("text", [SIGNATURE, "0x" + SIGNATURE, f" {SIGNATURE.upper()}\n", "ab" * 32])
def test_signatures(text: str) -> None:
    assert SignatureLogin.parse(text).signature in (SIGNATURE, "ab" * 32)


@pytest.mark.parametrize("text", ["", "ab" * 31, "a" * 65, "g" * 64, "ab" * 32 + " ab", "٣" * 64])
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        SignatureLogin.parse(text)
    assert text == "" or text not in refused.value.message


def test_bytes_that_are_no_text() -> None:
    for make in (
        lambda: PasswordLogin("ann", "s3cret\udcff"),
        lambda: PasswordLogin("ann\udcff", "x"),
        lambda: SignatureLogin("ab" * 32, "s3cret\udcff"),
    ):
        with pytest.raises(ConfigInvalid, match="not text in UTF-8") as refused:
            make()
        assert refused.value.__context__ is None and "s3cret" not in refused.value.message


# --- which one counts -----------------------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What the first Sovr CLI left."""
    path = tmp_path / "creds.json"
    path.write_text('{"username": "reza", "password": "old password"}')
    return path


def test_the_order(secrets: Secrets, path: Path, old: Path) -> None:
    assert find_login(SERVER, secrets) is None
    assert find_login(SERVER, secrets, old_files=[old]) == FoundLogin(
        PasswordLogin("reza", "old password"), str(old), old=old
    )
    assert keep_login(SERVER, secrets, ANN, "0x1") == str(path)
    assert find_login(SERVER, secrets, old_files=[old]) == FoundLogin(ANN, str(path), "0x1")
    machine = machine_login("bot", "other password", None)
    assert find_login(SERVER, secrets, machine=machine, old_files=[old]) == FoundLogin(
        PasswordLogin("bot", "other password"), ENVIRONMENT
    )
    assert find_login("http://other:9090", secrets) is None
    assert forget_login(SERVER, secrets) == [str(path)] and find_login(SERVER, secrets) is None


def test_a_login_that_must_be_there(secrets: Secrets) -> None:
    with pytest.raises(LoginNeeded) as needed:
        need_login(SERVER, secrets)
    assert needed.value.hint.startswith(f"run `sovr login --server {SERVER}`")
    keep_login(SERVER, secrets, ANN, "0x1")
    assert need_login(SERVER, secrets).login == ANN


def test_a_keyring_that_cannot_be_asked_is_told_of() -> None:
    def broken() -> None:
        raise OSError("locked")

    with pytest.raises(LoginNeeded) as needed:
        need_login(SERVER, Secrets([KeyringStore(broken)]))
    assert (
        needed.value.hint
        == "`the keyring`: it cannot be used (OSError); unlock it if there should be one, or run `sovr login`"
    )


def test_a_login_that_cannot_be_read_is_an_error(secrets: Secrets) -> None:
    secrets.keep("fairos login", SERVER, "{}")
    with pytest.raises(ConfigInvalid):
        find_login(SERVER, secrets)


@pytest.mark.parametrize(
    ("user", "password", "signature", "found"),
    [
        (None, None, None, None),
        ("", "", "", None),
        ("ann", "x", None, PasswordLogin("ann", "x")),
        (None, None, SIGNATURE, SignatureLogin(SIGNATURE)),
        ("", "x", "0x" + SIGNATURE, SignatureLogin(SIGNATURE, "x")),
    ],
)
def test_logins_of_machines(user: str | None, password: str | None, signature: str | None, found: Login | None) -> None:
    assert machine_login(user, password, signature) == found


@pytest.mark.parametrize(
    ("user", "password", "signature"),
    [("ann", None, None), ("ann", "", None), (None, "s3cret", None), ("ann", "s3cret", SIGNATURE), (None, None, "s3")],
)
def test_half_a_login_is_an_error(user: str | None, password: str | None, signature: str | None) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        machine_login(user, password, signature)
    assert "s3cret" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON",
        "[]",
        '{"user": "x", "password": "y"}',
        '{"username": "x"}',
        '{"username": "", "password": ""}',
        '{"username": 1, "password": 2}',
        "[" * 100_000,
        json.dumps({"username": "x", "password": "y" * 70_000}),
    ],
)
def test_files_of_other_programs(old: Path, content: str, tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_text('{"username": "reza", "password": "old password", "more": 1}')
    old.write_text(content)
    found = old_login([tmp_path / "none", tmp_path, old, good])
    assert found is not None and found.old == good


def test_an_old_file_that_cannot_be_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "creds.json"
    os.mkfifo(pipe)
    assert old_login([pipe]) is None
