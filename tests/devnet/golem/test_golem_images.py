"""Images: folders and GVMI files as the root of activities, and what hostile ones cannot do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from golem_lab import Requestor, run

from sovrgit.devnet.golem import GolemStandIn, unpack
from sovrgit.devnet.golem.gvmi import BadImage, read_config
from sovrgit.errors import DevnetFailed

HASH = "9a3b5d67b0b27746283cb5f287c13eab1beaa12d92a9f536b747c7ae"
Start = Callable[..., Requestor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a stand-in that knows some images, for somebody who demands there."""
    with ExitStack() as stack:

        def made(images: dict[str, Path], *, namespaces: bool = True) -> Requestor:
            folder = tmp_path / "golem"
            golem = stack.enter_context(GolemStandIn(folder, providers=3, images=images, namespaces=namespaces))
            person = Requestor(golem)
            stack.callback(person.http.close)
            return person

        with GolemStandIn(tmp_path / "probe") as probe:
            if probe.sandbox == "none":
                pytest.skip(f"no namespaces on this machine: {probe.reason}")
        yield made


def small_root(folder: Path) -> Path:
    """A root that is all there is: a shell, some programs, and the libraries that they need."""
    programs = [shutil.which(name) for name in ("sh", "cat", "ls", "id", "touch", "rm", "pwd", "head", "stat")]
    needed = {os.path.realpath(program) for program in programs if program}
    listed = subprocess.run(["ldd", *needed], capture_output=True, text=True, check=False).stdout
    libraries = {word for word in listed.split() if word.startswith("/") and os.path.isfile(word)}
    for path in libraries:
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), place)
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for program in filter(None, programs):
        shutil.copy(os.path.realpath(program), folder / "bin" / os.path.basename(program))
    (folder / "etc").mkdir()
    (folder / "etc" / "name").write_text("small\n")
    return folder


def gvmi(folder: Path, target: Path, config: Any) -> str:
    """Make a GVMI of a folder; the SHA3-224 of it."""
    if shutil.which("mksquashfs") is None or shutil.which("unsquashfs") is None:
        pytest.skip("squashfs-tools is not installed")
    subprocess.run(["mksquashfs", folder, target, "-noappend", "-quiet", "-no-progress"], check=True)
    text = json.dumps(config).encode()
    with target.open("ab") as file:
        file.write(zlib.crc32(text).to_bytes(4, "little") + text + b"%08d" % len(text))
    return hashlib.sha3_224(target.read_bytes()).hexdigest()


def test_a_folder_is_the_root(start: Start, tmp_path: Path) -> None:
    root = small_root(tmp_path / "root")
    bob = start({"me/small:1": root})
    info = bob.get("/v1/image/info?tag=me/small:1")
    assert info["size"] == sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    assert bob.get(f"/v1/image/info?hash={info['sha3']}") == info
    assert bob.http.head(info["http"]).status_code == 200

    activity = bob.activity(bob.agree(image=info["sha3"]))
    found = bob.shell(activity, "cat /etc/name; pwd; ls / /golem; id -u")
    inside = found["stdout"].split()
    assert inside[:2] == ["small", "/golem/work"] and inside[-1] == "0", found
    assert "usr" not in inside or (root / "usr").exists()
    assert {"input", "output", "work"} <= set(inside) and "sovrgit" not in inside
    # What is written lies over it, until the end of the activity.
    assert bob.shell(activity, "echo other > /etc/name; touch /new; rm /bin/touch")["result"] == "Ok"
    assert bob.shell(activity, "cat /etc/name; ls /new /bin/touch")["stdout"].split() == ["other", "/new"]
    other = bob.activity(bob.agree(image=info["sha3"], name="devnet-2"))
    assert bob.shell(other, "cat /etc/name; ls /new /bin/touch")["stdout"].split() == ["small", "/bin/touch"]
    assert (root / "etc" / "name").read_text() == "small\n" and not (root / "new").exists()
    # And there is not room for everything.
    full = bob.shell(activity, "head -c 140000000 /dev/zero > /big")
    assert full["result"] == "Error" and "o space left" in full["stderr"]


def test_all_other_images_are_a_view_of_this_machine(start: Start, tmp_path: Path) -> None:
    bob = start({HASH: small_root(tmp_path / "root")})
    assert bob.get(f"/v1/image/info?hash={HASH}")["sha3"] == HASH
    assert bob.get("/v1/image/info?tag=golem/other")["size"] == 0
    assert bob.shell(bob.activity(bob.agree(image="0" * 56)), "python3 -c 'print(6*7)'")["stdout"] == "42\n"
    # Also for a demand that says something else there.
    for name, said in (("devnet-2", 5), ("devnet-3", "hash:sha3:../..:x")):
        agreement = bob.agree(name=name, **{"golem.srv.comp.task_package": said})
        assert bob.shell(bob.activity(agreement), "test ! -e /etc/name")["result"] == "Ok"


def test_a_folder_without_programs_lies_over_the_view_of_this_machine(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "image" / "golem" / "entrypoints" / "run.sh"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\npython3 -c 'print(6 * 7)' > /golem/output/answer; cat /golem/output/answer\n")
    program.chmod(0o700)
    bob = start({HASH: tmp_path / "image"})
    (found,) = bob.execute(bob.activity(bob.agree(image=HASH)), run("/golem/entrypoints/run.sh"))
    assert found["stdout"] == "42\n", found


def test_a_gvmi(start: Start, tmp_path: Path) -> None:
    config = {
        "Env": ["NAME=value", "EMPTY=", "PATH=/bin"],
        "User": "1000:1001",
        "WorkingDir": "/etc",
        "Volumes": {"/golem/work": {}, "/data/deep/": {}},
        "Cmd": ["/bin/sh"],
    }
    root = small_root(tmp_path / "root")
    # Nobody may write here, and it must be possible to clear it away nevertheless.
    (root / "closed").mkdir()
    (root / "closed" / "file").write_text("x")
    (root / "closed").chmod(0o555)
    sha3 = gvmi(root, tmp_path / "image.gvmi", config)
    bob = start({"me/small:1": tmp_path / "image.gvmi"})
    info = bob.get("/v1/image/info?tag=me/small:1")
    assert (info["sha3"], info["size"]) == (sha3, (tmp_path / "image.gvmi").stat().st_size)

    activity = bob.activity(bob.agree(image=sha3))
    found = bob.shell(activity, 'pwd; id -u; id -g; echo "$NAME-$EMPTY-$PATH"; cat name; ls /golem; touch /data/deep/x')
    assert found["stdout"].split() == ["/etc", "1000", "1001", "value--/bin", "small", "work"], found
    assert found["result"] == "Ok"
    moved, refused = {"from": "container:/data/deep/x", "to": "container:/golem/work/y"}, "container:/golem/input/y"
    assert bob.execute(activity, {"transfer": moved})[0]["result"] == "Ok"
    (lost,) = bob.execute(activity, {"transfer": {**moved, "to": refused}})
    assert "path not found in container" in lost["message"]
    bob.golem.close()
    with GolemStandIn(bob.golem.folder) as again:
        assert list((again.folder / "images").iterdir()) == []


def test_the_image_that_was_named_and_no_other(start: Start, tmp_path: Path) -> None:
    sha3 = gvmi(small_root(tmp_path / "root"), tmp_path / "image.gvmi", {})
    with pytest.raises(DevnetFailed, match=f"is another one: its SHA3-224 is {sha3}"):
        start({HASH: tmp_path / "image.gvmi"})
    bob = start({sha3: tmp_path / "image.gvmi"})
    assert bob.shell(bob.activity(bob.agree(image=sha3)), "pwd")["stdout"] == "/\n"


def test_what_is_in_a_hostile_folder_has_no_effect(start: Start, tmp_path: Path) -> None:
    secret, outside = tmp_path / "secret", tmp_path / "outside"
    secret.write_text("secret")
    outside.mkdir()
    root = small_root(tmp_path / "root")
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("../../../../../../../.." + str(tmp_path))
    (root / "tmp").symlink_to(outside)
    (root / "bin" / "mine").write_text("#!/bin/sh\nid -u\n")
    (root / "bin" / "mine").chmod(0o6755)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as there, pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        there.bind("socket")
    if os.geteuid() == 0:
        os.mknod(root / "disk", 0o60666, os.makedev(1, 0))
    bob = start({HASH: root})
    activity = bob.activity(bob.agree(image=HASH))
    assert bob.shell(activity, "cat /out/secret || cat /up/secret")["result"] == "Error"
    assert bob.shell(activity, "echo x > /tmp/file")["result"] == "Error" and list(outside.iterdir()) == []
    listed = bob.shell(activity, "ls /; stat -c %a /bin/mine")["stdout"].split()
    assert not {"pipe", "socket", "disk"} & set(listed) and listed[-1] == "755"


@pytest.mark.parametrize("path", ["golem", "dev", "proc", "golem/work"])
def test_links_in_the_place_of_what_is_put_there(start: Start, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = small_root(tmp_path / "root")
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).symlink_to(outside)
    bob = start({HASH: root})
    activity = bob.activity(bob.agree(image=HASH), deployed=False)
    (found,) = bob.execute(activity, {"deploy": {}})
    assert found["result"] == "Error" and "something else than a folder" in found["message"]
    assert list(outside.iterdir()) == []


def test_links_where_small_files_are_put(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "image" / "etc").mkdir(parents=True)
    (tmp_path / "image" / "etc" / "passwd").symlink_to(tmp_path / "file")
    bob = start({HASH: tmp_path / "image"})
    (found,) = bob.execute(bob.activity(bob.agree(image=HASH), deployed=False), {"deploy": {}})
    assert found["result"] == "Error" and (tmp_path / "file").read_text() == "mine"


def test_a_squashfs_with_devices_and_powers(start: Start, tmp_path: Path) -> None:
    root = small_root(tmp_path / "root")
    (root / "bin" / "mine").write_text("#!/bin/sh\n")
    (root / "bin" / "mine").chmod(0o6755)
    if os.geteuid() == 0:
        os.mknod(root / "disk", 0o60666, os.makedev(1, 0))
    sha3 = gvmi(root, tmp_path / "image.gvmi", {})
    bob = start({sha3: tmp_path / "image.gvmi"})
    activity = bob.activity(bob.agree(image=sha3))
    assert bob.shell(activity, "head -c 1 /disk")["result"] == "Error"
    powers = bob.shell(activity, "cat /proc/self/status")["stdout"]
    assert {line.split()[1] for line in powers.splitlines() if line.startswith("Cap")} == {"0" * 16}
    assert "NoNewPrivs:\t1" in powers


def test_what_would_take_too_much_room(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = small_root(tmp_path / "root")
    with (root / "holes").open("wb") as file:
        file.truncate(100 << 20)
    gvmi(root, tmp_path / "image.gvmi", {})
    assert (tmp_path / "image.gvmi").stat().st_size < 50 << 20
    monkeypatch.setattr(unpack, "MOST_BYTES", 64 << 20)
    for path in (tmp_path / "image.gvmi", root):
        with pytest.raises(DevnetFailed, match="has more than 0 GiB"):
            start({"x": path})
        assert sum(file.stat().st_size for file in (tmp_path / "golem" / "images").rglob("*")) < 80 << 20
    monkeypatch.setattr(unpack, "MOST_FILES", 3)
    with pytest.raises(DevnetFailed, match="has more than 3 files"):
        start({"x": root / "bin" / ".."})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Volumes": {"/golem/../../etc": {}}}, "a volume that cannot be one"),
        ({"Volumes": {"/": {}}}, "a volume that cannot be one"),
        ({"Volumes": {"/proc/x": {}}}, "a volume that cannot be one"),
        ({"Volumes": {"work": {}}}, "a volume that cannot be one"),
        ({"Volumes": {f"/{number}": {} for number in range(65)}}, "no object of up to 64"),
        ({"User": "root"}, "not written in numbers"),
        ({"User": "1:2:3"}, "not written in numbers"),
        ({"User": "4294967295"}, "beyond all numbers"),
        ({"Env": "A=b"}, "an `Env` that is no list"),
        ({"WorkingDir": "here"}, "a `WorkingDir` that is no path"),
        ([], "a configuration that is no object"),
    ],
)
def test_configurations_without_meaning(tmp_path: Path, config: Any, said: str) -> None:
    text = json.dumps(config).encode()
    with pytest.raises(BadImage, match=said):
        read(tmp_path, b"hsqs" + zlib.crc32(text).to_bytes(4, "little") + text + b"%08d" % len(text))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "does not begin as a squashfs"),
        (b"hsqs", "ends too early"),
        (b"hsqs" + bytes(100), "no image for Golem"),
        (b"hsqs" + bytes(100) + b"99999999", "which cannot be"),
        (b"hsqs" + bytes(4) + b"{}" + b"00000002", "checksum"),
        (b"hsqs" + zlib.crc32(b"[" * 9999).to_bytes(4, "little") + b"[" * 9999 + b"00009999", "no JSON"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(BadImage, match=said):
        read(tmp_path, data)


def read(folder: Path, data: bytes) -> None:
    (folder / "image").write_bytes(data)
    with (folder / "image").open("rb") as file:
        read_config(file)


def test_images_that_cannot_be_used_are_said_at_the_start(tmp_path: Path, start: Start) -> None:
    (tmp_path / "damaged").write_bytes(b"hsqs" + bytes(1000) + zlib.crc32(b"{}").to_bytes(4, "little") + b"{}00000002")
    for name, path, said in (
        ("x", tmp_path / "absent", "does not exist"),
        ("x y", tmp_path, "cannot be called 'x y'"),
        ("x", tmp_path / "damaged", "cannot be read: " if shutil.which("unsquashfs") else "squashfs-tools"),
    ):
        with pytest.raises(DevnetFailed, match=said):
            start({name: path})


def test_without_unsquashfs_it_says_how_to_get_it(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"hsqs" + zlib.crc32(b"{}").to_bytes(4, "little") + b"{}00000002"
    (tmp_path / "image").write_bytes(text)
    monkeypatch.setattr(unpack, "SEARCH", str(tmp_path))
    with pytest.raises(DevnetFailed, match="the package is `squashfs-tools`"):
        start({"x": tmp_path / "image"})


def test_without_namespaces(tmp_path: Path) -> None:
    with pytest.raises(DevnetFailed, match=r"no images without namespaces, and none of these here: .* not asked for"):
        GolemStandIn(tmp_path / "golem", images={"x": tmp_path}, namespaces=False)
    with GolemStandIn(tmp_path / "golem", namespaces=False) as again:
        assert again.sandbox == "none"
