"""The folder: what stays in it, who may use it, and what happens when it is damaged."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from standin_lab import PASSWORD, Person, message

from sovrgit.devnet.fairos import StandIn
from sovrgit.devnet.fairos.blobs import Blobs
from sovrgit.errors import DevnetFailed, ReadOnly, StorageFailure


def the_only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_password_is_in_the_folder(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    token = ada.http.headers["Authorization"].removeprefix("Bearer ")
    everything = b"\0".join(path.read_bytes() for path in files(standin.folder))
    assert PASSWORD.encode() not in everything and token.encode() not in everything
    assert b"salt" in everything


def test_nobody_else_may_read_the_folder(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    assert stat.S_IMODE(standin.folder.stat().st_mode) == 0o700
    assert all(
        stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in files(standin.folder) if path.name != "format"
    )


def test_no_name_of_a_client_becomes_a_name_in_the_folder(standin: StandIn, ada: Person, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if standin.folder not in path.parents}
    evil = "../../../evil"
    ada.post("/v1/pod/new", podName=evil)
    ada.upload(evil, b"text")
    ada.upload("f", b"text", folder=f"/{evil}")
    ada.post("/v1/dir/mkdir", podName="box", dirPath=f"/{evil}-too")
    ada.post("/v2/user/signup", userName=evil, password=PASSWORD)
    ada.get("/v2/user/present", userName=evil)
    ada.public(evil, evil)
    ada.http.get(f"/public/{ada.reference}/%2e%2e/%2e%2e/evil")
    assert not list(tmp_path.rglob("*evil*"))
    assert {path for path in tmp_path.rglob("*") if standin.folder not in path.parents} == before
    assert ada.download("/evil").content == b"text"


def test_one_stand_in_at_a_time_serves_a_folder(standin: StandIn) -> None:
    with pytest.raises(DevnetFailed, match="is served by another stand-in"):
        StandIn(standin.folder)
    standin.close()
    StandIn(standin.folder).close()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DevnetFailed, match="holds something else"):
        StandIn(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("sovrgit fairos stand-in 2\n")
    with pytest.raises(DevnetFailed, match="does not say what this version expects"):
        StandIn(tmp_path)


def test_a_folder_that_was_left_while_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / ".new-1-abc").touch()
    StandIn(tmp_path).close()


def test_a_place_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((StorageFailure, ReadOnly)):
        StandIn(tmp_path / "file" / "folder")


def test_a_taken_port_is_said_to_be_and_the_folder_let_go(standin: StandIn, tmp_path: Path) -> None:
    with pytest.raises(DevnetFailed, match=f"port {standin.port} of this machine is taken"):
        StandIn(tmp_path / "other", port=standin.port)
    StandIn(tmp_path / "other").close()


def test_uploads_that_were_not_complete_are_removed_at_the_start(tmp_path: Path) -> None:
    StandIn(tmp_path / "f").close()
    (tmp_path / "f" / "incoming" / "half").write_bytes(b"x")
    StandIn(tmp_path / "f").close()
    assert os.listdir(tmp_path / "f" / "incoming") == []


# --- damage -------------------------------------------------------------------------------------------------------


def test_a_line_that_a_crash_has_torn_does_not_count(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    feed = max((standin.folder / "feeds").glob("*/*"), key=lambda path: b'"fileName":"f"' in path.read_bytes())
    with feed.open("ab") as file:
        file.write(b'["torn')
    assert ada.public(ada.reference, "/f").content == b"text"
    ada.put("f", b"after")
    assert ada.public(ada.reference, "/f").content == b"after"


def test_a_damaged_feed_is_an_error_and_not_the_end(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    for feed in (standin.folder / "feeds").glob("*/*"):
        feed.write_bytes(b"nonsense\n")
    answer = ada.public(ada.reference, "/f")
    assert (answer.status_code, message(answer)) == (
        500,
        "public pod file download: the stand-in's folder is damaged: feeds",
    )
    assert ada.get("/").status_code == 404 or ada.http.get("/").text == "OK\n"


def test_bytes_that_are_gone(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"text")
    for blob in (standin.folder / "blobs").glob("*/*"):
        blob.unlink()
    assert message(ada.public(ada.reference, "/f")) == "public pod file download: Not Found"
    assert ada.download("/f").status_code == 500


@pytest.mark.parametrize("place", ["names/*", "chunks/*"])
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"a":'])
def test_other_damage_is_an_error_and_not_the_end(standin: StandIn, ada: Person, place: str, content: bytes) -> None:
    the_only(standin.folder, place).write_bytes(content)
    login = ada.post("/v2/user/login", userName="ada", password=PASSWORD)
    read = ada.public(ada.reference, "/index.dfs")
    assert {login.status_code, read.status_code} == {200, 500}
    assert ada.http.get("/").text == "OK\n"


def test_a_user_without_a_password_cannot_log_in(standin: StandIn, ada: Person) -> None:
    the_only(standin.folder, "names/*").write_text('{"name":"ada","address":"00"}')
    assert message(ada.post("/v2/user/login", userName="ada", password=PASSWORD)) == "user login: invalid password"


def test_a_folder_that_cannot_be_written_to(standin: StandIn, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(Blobs, "store", full)
    answer = ada.upload("f", b"text")
    assert (answer.status_code, message(answer)) == (500, "file upload: No space left on device")
    monkeypatch.undo()
    ada.put("f", b"text")
    assert os.listdir(standin.folder / "incoming") == []


def test_versions_of_a_feed_are_read_from_its_end(standin: StandIn, ada: Person) -> None:
    for number in range(3):
        ada.put("f", b"%d" % number)
    feed = next(path for path in (standin.folder / "feeds").glob("*/*") if b'"fileName":"f"' in path.read_bytes())
    lines = feed.read_bytes()
    feed.write_bytes(lines[: lines.index(b"\n") + 1] * 2000 + lines)
    assert feed.stat().st_size > 512 << 10
    assert ada.public(ada.reference, "/f").content == b"2"
