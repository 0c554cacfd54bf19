"""Stores of secrets: a file that nobody else can read, a keyring or what passes for one, and several as one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.keyringstore import KeyringStore
from sovrgit.credentials.stores import Found, Secrets, SecretStore, StoreUnusable
from sovrgit.errors import ConfigInvalid, ReadOnly, StorageFailure


class Keyring:
    """A backend of the library `keyring`, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Locked(Keyring):
    """One that raises what the libraries below it do."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"dbus: {self.kept}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"cannot keep {password}")

    def delete_password(self, service: str, username: str) -> None:
        raise RuntimeError("no")


def keyring_store(backend: Keyring | None) -> KeyringStore:
    return KeyringStore(lambda: backend)


# --- any store ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "keyring"])
def store(request: pytest.FixtureRequest, path: Path) -> SecretStore:
    return FileStore(path) if request.param == "file" else keyring_store(Keyring())


def test_a_secret_is_kept(store: SecretStore) -> None:
    assert store.get("login", "http://a") is None
    assert not store.delete("login", "http://a")
    store.set("login", "http://a", "one")
    store.set("login", "http://b", "two ü\n")
    store.set("pod key", "http://a", "three")
    assert store.get("login", "http://a") == "one"
    assert store.get("login", "http://b") == "two ü\n"
    assert store.get("pod key", "http://a") == "three"
    store.set("login", "http://a", "four")
    assert store.get("login", "http://a") == "four"
    assert store.delete("login", "http://a") and not store.delete("login", "http://a")
    assert store.get("login", "http://a") is None and store.get("pod key", "http://a") == "three"
    assert store.describe()


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_only(path: Path) -> None:
    old = os.umask(0)
    try:
        FileStore(path).set("login", "a", "secret")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir() if not entry.name.endswith(".lock")] == ["credentials"]
    FileStore(path).set("login", "b", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    store = FileStore(path)
    store.set("login", "a", "s3cret")
    path.chmod(mode)
    before = path.read_bytes()
    for use in (
        lambda: store.get("login", "a"),
        lambda: store.set("login", "a", "other"),
        lambda: store.delete("login", "a"),
    ):
        with pytest.raises(ConfigInvalid, match="others may read") as refused:
            use()
        assert f"chmod 600 {path}" in refused.value.hint and "s3cret" not in refused.value.message
    assert path.read_bytes() == before
    path.chmod(0o600)
    assert store.get("login", "a") == "s3cret"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(path: Path) -> None:
    FileStore(path).set("login", "a", "secret")
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigInvalid, match="another user"):
        FileStore(path).get("login", "a")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"s3cret",
        b'{"version": 1, "secrets": {"login": {"a": "s3cret"}',
        b'{"version": 2, "secrets": {"login": {"a": "s3cret"}}}',
        b'{"secrets": {}}',
        b'["s3cret"]',
        b'{"version": 1, "secrets": ["s3cret"]}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (5 << 20),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_and_kept(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    for use in (lambda: FileStore(path).get("login", "a"), lambda: FileStore(path).set("login", "a", "other")):
        with pytest.raises(ConfigInvalid) as refused:
            use()
        error: BaseException | None = refused.value
        while error is not None:
            assert "s3cret" not in str(error) + repr(vars(error))
            error = error.__cause__ or error.__context__
    assert path.read_bytes() == content


def test_what_is_no_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises((ConfigInvalid, StorageFailure)):
        FileStore(path).get("login", "a")
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(ConfigInvalid, match="not a file"):
        FileStore(path).get("login", "a")


def test_a_link_to_a_file_is_followed(path: Path, tmp_path: Path) -> None:
    FileStore(tmp_path / "elsewhere").set("login", "a", "secret")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert FileStore(path).get("login", "a") == "secret"


def test_reading_makes_nothing(path: Path) -> None:
    assert FileStore(path).get("login", "a") is None and not FileStore(path).delete("login", "a")
    assert not path.parent.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    with pytest.raises(ReadOnly):
        FileStore(path).set("login", "a", "secret")


def test_several_at_once_lose_nothing(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: FileStore(path).set("login", str(number), "x"), range(40)))
    assert len(json.loads(path.read_bytes())["secrets"]["login"]) == 40


# --- the keyring ----------------------------------------------------------------------------------------------------


def test_names_in_the_keyring() -> None:
    backend = Keyring()
    keyring_store(backend).set("fairos login", "http://localhost:9090", "x")
    assert backend.kept == {("sovr fairos login", "http://localhost:9090"): "x"}


def test_no_keyring() -> None:
    store = keyring_store(None)
    assert store.get("login", "a") is None and not store.delete("login", "a")
    with pytest.raises(StoreUnusable, match="has none"):
        store.set("login", "a", "secret")


def test_a_keyring_that_fails() -> None:
    backend = Locked()
    backend.kept["x", "y"] = "s3cret"
    store = keyring_store(backend)
    for use in (
        lambda: store.get("login", "a"),
        lambda: store.set("login", "a", "s3cret"),
        lambda: store.delete("login", "a"),
    ):
        with pytest.raises(StoreUnusable, match="RuntimeError") as failed:
            use()
        assert "s3cret" not in failed.value.message and failed.value.__context__ is None

    def broken() -> Any:
        raise ImportError("no module named dbus")

    with pytest.raises(StoreUnusable, match="ImportError"):
        KeyringStore(broken).get("login", "a")


def test_the_keyring_is_looked_for_once_and_late() -> None:
    looked = []

    def load() -> Keyring:
        looked.append(1)
        return Keyring()

    store = KeyringStore(load)
    assert looked == []
    store.get("login", "a")
    store.get("login", "a")
    assert looked == [1]


@pytest.mark.parametrize("backend", ["fail", "null"])
def test_backends_of_the_library_that_stand_for_none(backend: str) -> None:
    # In a process of its own, which no keyring of whoever runs the tests gets to hear of.
    code = (
        "from sovrgit.credentials.keyringstore import KeyringStore, system_keyring\n"
        "assert system_keyring() is None\n"
        "assert KeyringStore().get('login', 'a') is None\n"
    )
    environ = {"PYTHON_KEYRING_BACKEND": f"keyring.backends.{backend}.Keyring", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


# --- several as one -------------------------------------------------------------------------------------------------


def test_the_first_store_that_takes_it(path: Path) -> None:
    backend = Keyring()
    secrets = Secrets([keyring_store(backend), FileStore(path)])
    assert secrets.keep("login", "a", "one") == "the keyring"
    assert secrets.find("login", "a") == Found("one", "the keyring") and not path.exists()
    for none in (None, Locked()):
        secrets = Secrets([keyring_store(none), FileStore(path)])
        assert secrets.keep("login", "a", "two") == str(path)
        assert secrets.find("login", "a") == Found("two", str(path))
        assert secrets.forget("login", "a") == [str(path)] and secrets.find("login", "a") is None


def test_a_secret_is_in_one_place_only(path: Path) -> None:
    FileStore(path).set("login", "a", "old")
    secrets = Secrets([keyring_store(Keyring()), FileStore(path)])
    assert secrets.find("login", "a") == Found("old", str(path))
    secrets.keep("login", "a", "new")
    assert FileStore(path).get("login", "a") is None
    FileStore(path).set("login", "a", "older still")
    assert secrets.find("login", "a") == Found("new", "the keyring")
    assert secrets.forget("login", "a") == ["the keyring", str(path)]


def test_why_a_store_was_passed_over(path: Path) -> None:
    secrets = Secrets([keyring_store(Locked()), FileStore(path)])
    assert secrets.find("login", "a") is None
    assert [error.message for error in secrets.passed_over] == ["`the keyring`: it cannot be used (RuntimeError)"]


def test_no_store_takes_it() -> None:
    with pytest.raises(StoreUnusable):
        Secrets([keyring_store(None), keyring_store(Locked())]).keep("login", "a", "secret")


def test_a_store_that_must_not_be_read_is_not_passed_over(path: Path) -> None:
    FileStore(path).set("login", "a", "secret")
    path.chmod(0o644)
    with pytest.raises(ConfigInvalid):
        Secrets([keyring_store(None), FileStore(path)]).find("login", "a")


def test_what_was_found_does_not_show() -> None:
    assert "s3cret" not in repr(Found("s3cret", "the keyring")) + str(Found("s3cret", "the keyring"))
