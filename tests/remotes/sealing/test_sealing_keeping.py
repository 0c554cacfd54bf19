"""Keys are kept with the other secrets, and found by their fingerprints."""

from __future__ import annotations

from pathlib import Path

import pytest
from sealing_lab import KEY, OTHER_KEY

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets, StoreUnusable
from sovrgit.errors import ConfigInvalid, KeyNeeded
from sovrgit.remotes.sealing.keeping import NAMESPACE, find_key, forget_key, keep_key, need_key


class Locked:
    """A keyring that nobody has unlocked."""

    def get(self, namespace: str, name: str) -> str | None:
        raise StoreUnusable(path="the keyring", reason="it is locked")

    def set(self, namespace: str, name: str, value: str) -> None:
        raise StoreUnusable(path="the keyring", reason="it is locked")

    def delete(self, namespace: str, name: str) -> bool:
        raise StoreUnusable(path="the keyring", reason="it is locked")

    def describe(self) -> str:
        return "the keyring"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


@pytest.fixture
def secrets(file: Path) -> Secrets:
    return Secrets([FileStore(file)])


def test_keys_are_kept_side_by_side(secrets: Secrets, file: Path) -> None:
    for key in (KEY, OTHER_KEY, KEY):
        assert keep_key(secrets, key) == str(file)
    assert find_key(secrets, KEY.fingerprint) == need_key(secrets, KEY.fingerprint, "it") == KEY
    assert find_key(secrets, OTHER_KEY.fingerprint) == OTHER_KEY
    assert forget_key(secrets, KEY.fingerprint) == [str(file)]
    assert find_key(secrets, KEY.fingerprint) is None
    assert find_key(secrets, OTHER_KEY.fingerprint) == OTHER_KEY
    assert forget_key(secrets, KEY.fingerprint) == []


def test_a_key_that_is_not_known_is_needed(secrets: Secrets) -> None:
    with pytest.raises(KeyNeeded) as raised:
        need_key(secrets, KEY.fingerprint, "`fairos:mine`")
    assert raised.value.message == "`fairos:mine` is private: no key for it is known here"
    assert "sovr share --private" in raised.value.hint
    assert raised.value.exit_code == 88


def test_a_locked_keyring_may_have_it(file: Path) -> None:
    secrets = Secrets([Locked(), FileStore(file)])
    with pytest.raises(KeyNeeded) as raised:
        need_key(secrets, KEY.fingerprint, "it")
    assert raised.value.hint.startswith("`the keyring`: it is locked; unlock it")
    assert keep_key(secrets, KEY) == str(file)
    assert need_key(secrets, KEY.fingerprint, "it") == KEY


@pytest.mark.parametrize("text", [OTHER_KEY.reveal(), KEY.reveal()[:-2], "", "k1"])
def test_what_is_not_the_key_is_not_taken_for_it(secrets: Secrets, file: Path, text: str) -> None:
    secrets.keep(NAMESPACE, KEY.fingerprint, text)
    with pytest.raises(ConfigInvalid) as raised:
        find_key(secrets, KEY.fingerprint)
    assert raised.value.message.startswith(str(file))
    assert not text or text[4:] not in raised.value.message or len(text) < 5
