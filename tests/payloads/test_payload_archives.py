"""Archives as payload that are meant to do harm: nothing of them is stored, placed or left."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_lab import link, of_type, tarred, zipped
from payload_lab import Taker
from run_lab import Lab

from sovrgit.errors import ArchiveInvalid, UnsafeName
from sovrgit.objects.ids import Kind
from sovrgit.payloads import locking
from sovrgit.payloads.unpacking import store_archive
from sovrgit.remotes.firstcli.members import Limits

SMALL = Limits(entries=20, size=1 << 20, ratio=3, free=1 << 14)

HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a way out": ("x.zip", lambda: zipped(("../../evil", b"x"))),
    "a way out of a tar": ("x.tar", lambda: tarred(("../../evil", b"x"))),
    "an absolute name": ("x.zip", lambda: zipped(("/tmp/evil", b"x"))),
    "an absolute name in a tar": ("x.tar.gz", lambda: tarred(("/tmp/evil", b"x"), mode="w:gz")),
    "a drive": ("x.zip", lambda: zipped(("C:evil", b"x"))),
    "a backslash": ("x.zip", lambda: zipped(("..\\evil", b"x"))),
    "a link out": ("x.zip", lambda: zipped(link("evil", "/etc/passwd"))),
    "a link upwards": ("x.zip", lambda: zipped(link("a/evil", "../../evil"))),
    "a file through a link": ("x.tar", lambda: tarred(("a", of_type(tarfile.SYMTYPE, "..")), ("a/evil", b"x"))),
    "a hard link out": ("x.tar", lambda: tarred(("evil", of_type(tarfile.LNKTYPE, "../../evil")))),
    "a device": ("x.tar", lambda: tarred(("evil", of_type(tarfile.CHRTYPE)))),
    "a pipe": ("x.tar", lambda: tarred(("evil", of_type(tarfile.FIFOTYPE)))),
    "one name twice": ("x.tar", lambda: tarred(("evil", b"x"), ("evil", b"y"))),
    "a file that is a folder": ("x.zip", lambda: zipped(("evil", b"x"), ("evil/y", b"y"))),
    "too deep": ("x.zip", lambda: zipped(("d/" * 65 + "evil", b"x"))),
    "no archive": ("x.zip", lambda: b"PK nothing of the kind"),
    "no tar": ("x.tgz", lambda: b"\x1f\x8bnothing of the kind"),
    "cut off": ("x.zip", lambda: zipped(("evil", os.urandom(1000)))[:-30]),
}

BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "compressed": ("x.zip", lambda: zipped(("evil", bytes(1 << 19)))),
    "a compressed tar": ("x.tar.gz", lambda: tarred(("evil", bytes(1 << 19)), mode="w:gz")),
    "many": ("x.zip", lambda: zipped(*((f"evil{number}", b"") for number in range(30)))),
    "many in a tar": ("x.tar", lambda: tarred(*((f"evil{number}", b"") for number in range(30)))),
    "large": ("x.tar", lambda: tarred(*((f"evil{number}", os.urandom(1 << 17)) for number in range(10)))),
}


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(*arguments: object, **named: object) -> object:
        return store_archive(*arguments, **{**named, "limits": SMALL})  # type: ignore[arg-type]

    monkeypatch.setattr(locking, "store_archive", limited)


def _refused(taker: Taker, giver: Lab, tmp_path: Path, name: str, data: bytes) -> None:
    (giver.root / name).write_bytes(data)
    giver.commit()
    taker.wants(("../data", name))
    before = taker.lab.on_disk()
    with pytest.raises((ArchiveInvalid, UnsafeName)):
        taker.run()
    after = {path: content for path, content in taker.lab.on_disk().items() if path != "recipe.lock"}
    assert after == before and taker.leftovers == []
    assert not list(tmp_path.rglob("*evil*")) and not os.path.lexists("/tmp/evil")
    assert Kind.RUN not in taker.pod.store.counts()


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives(taker: Taker, giver: Lab, tmp_path: Path, kind: str) -> None:
    name, make = HOSTILE[kind]
    _refused(taker, giver, tmp_path, name, make())


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs(taker: Taker, giver: Lab, tmp_path: Path, kind: str) -> None:
    name, make = BOMBS[kind]
    _refused(taker, giver, tmp_path, name, make())


def test_what_an_archive_may_hold(taker: Taker, giver: Lab) -> None:
    data = zipped(("a/b.txt", b"b\n"), link("a/c.txt", "b.txt"), ("empty/", b""), (".git/config", b"evil"))
    (giver.root / "x.zip").write_bytes(data)
    giver.commit()
    taker.wants(("../data", "x.zip"))
    taker.run()
    place = taker.pod.root / "payload" / "external"
    assert (place / "a" / "c.txt").read_text() == "b\n" and (place / "a" / "c.txt").is_symlink()
    assert list((place / "empty").iterdir()) == [] and not (place / ".git").exists()


def test_names_that_this_file_system_takes_for_one(taker: Taker, giver: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system does that does not tell upper from lower case."""
    from sovrgit.pod import newfile

    giver.write("pair/Name", "one\n")
    giver.write("pair/name", "two\n")
    giver.commit()
    taker.wants(("../data", "pair"))
    opened, seen = os.open, set()

    def folding(path: object, flags: int, *more: object, **named: object) -> int:
        if flags & os.O_EXCL and isinstance(path, bytes) and path.lower() == b"name":
            if b"name" in seen:
                raise FileExistsError(path)
            seen.add(b"name")
        return opened(path, flags, *more, **named)  # type: ignore[call-overload, no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr(newfile.os, "open", folding)
        with pytest.raises(UnsafeName, match="does not tell it from another"):
            taker.run()
    assert not (taker.pod.root / "payload" / "external").exists() and taker.leftovers == []
