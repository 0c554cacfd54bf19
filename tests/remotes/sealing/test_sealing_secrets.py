"""No key shows in anything that is told, logged or raised, and nothing of it in what is stored."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sealing_lab import KEY, LABELS, LIMIT, OTHER_KEY, PACK, noise, opened, sealed

from sovrgit.credentials.filestore import FileStore
from sovrgit.credentials.stores import Secrets
from sovrgit.errors import SovrError
from sovrgit.remotes.sealing.form import FILES_CONTEXT
from sovrgit.remotes.sealing.keeping import NAMESPACE, find_key, keep_key, need_key
from sovrgit.remotes.sealing.key import PodKey
from sovrgit.remotes.sealing.labels import NAMES_CONTEXT, hidden_name
from sovrgit.remotes.sealing.seal import seal
from sovrgit.remotes.sealing.unseal import Unsealer, unseal

SECRET_BYTES = (bytes(range(32)), bytes(range(1, 33)), KEY.derived(FILES_CONTEXT), KEY.derived(NAMES_CONTEXT))
CONTENT = b"the very secret content of a file"


def forms() -> list[str]:
    """What a secret could look like in a text."""
    found = [KEY.reveal()[2:], KEY.reveal().upper()[2:], OTHER_KEY.reveal()[2:], CONTENT.decode()]
    for secret in SECRET_BYTES:
        found += [secret.hex(), repr(secret)[2:-1], base64.b64encode(secret).decode(), str(int.from_bytes(secret))]
    return found


def fails(action: Callable[[], object]) -> SovrError:
    with pytest.raises(SovrError) as raised:
        action()
    return raised.value


def failures(folder: Path) -> list[SovrError]:
    secrets = Secrets([FileStore(folder / "secrets.json")])
    text = KEY.reveal()
    for name, kept in ((KEY.fingerprint, text[:-1]), (OTHER_KEY.fingerprint, text)):
        secrets.keep(NAMESPACE, name, kept)
    good = sealed(CONTENT)
    (folder / "good").write_bytes(good)
    (folder / "bad").write_bytes(good[:-1])
    return [
        *(fails(lambda text=text: PodKey.parse(text)) for text in (text[:-1], text + "a", text[1:], f"x{text}")),
        *(fails(lambda place=place: PodKey.parse(text[:place] + "8" + text[place + 1 :])) for place in (3, 30, 57)),
        fails(lambda: PodKey.parse(text[:-1] + ("a" if text[-1] != "a" else "b"))),
        fails(lambda: find_key(secrets, KEY.fingerprint)),
        fails(lambda: find_key(secrets, OTHER_KEY.fingerprint)),
        fails(lambda: need_key(secrets, "00" * 32, "it")),
        fails(lambda: opened(good, key=OTHER_KEY)),
        fails(lambda: opened(good, LABELS[0])),
        fails(lambda: opened(good + b"x")),
        fails(lambda: opened(good, limit=3)),
        fails(lambda: opened(CONTENT)),
        fails(lambda: unseal(folder / "bad", folder / "new", KEY, PACK, limit=LIMIT)),
        fails(lambda: unseal(folder / "absent", folder / "new", KEY, PACK, limit=LIMIT)),
        fails(lambda: seal(folder / "absent", folder / "new", KEY, PACK)),
        fails(lambda: seal(folder / "good", folder / "bad", KEY, PACK)),
    ]


def test_no_secret_in_any_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = forms()
    for error in failures(tmp_path):
        again = pickle.loads(pickle.dumps(error))
        texts = [error.message, error.hint, str(error), repr(error), repr(error.fields), again.message, again.hint]
        texts += traceback.format_exception(error)
        for text in texts:
            assert not [form for form in wanted if form in text]
    assert not [form for form in wanted if form in caplog.text]


def test_values_do_not_show_what_they_hold() -> None:
    unsealer = Unsealer(KEY, PACK, lambda _: None, limit=LIMIT)
    unsealer.feed(sealed(CONTENT))
    for text in (repr(KEY), str(KEY), repr(unsealer), repr(LABELS), repr((KEY, OTHER_KEY))):
        assert not [form for form in forms() if form in text]


def test_what_is_stored_holds_no_secret() -> None:
    data = sealed(CONTENT + noise(70_000))
    for secret in (*SECRET_BYTES, CONTENT):
        for part in (secret[:8], secret[-8:]):
            assert part not in data
    shown = [KEY.fingerprint, *(hidden_name(KEY, label) for label in LABELS)]
    for text in shown:
        assert not [secret for secret in SECRET_BYTES if secret.hex()[:16] in text]


def test_a_kept_key_is_in_its_place_only(tmp_path: Path) -> None:
    secrets = Secrets([FileStore(tmp_path / "secrets.json")])
    place = keep_key(secrets, KEY)
    assert KEY.reveal() in Path(place).read_text("utf-8")
    assert Path(place).stat().st_mode & 0o077 == 0
    assert KEY.reveal() not in repr(secrets.find(NAMESPACE, KEY.fingerprint))
