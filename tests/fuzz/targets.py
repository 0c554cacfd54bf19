"""Everything that reads bytes which somebody else may have written, with bytes that it reads well."""

from __future__ import annotations

import io
import json
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

GOLDEN = Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))

from golden_vectors import DECODERS, SAMPLES  # noqa: E402 - the folder is on the path from here on
from run_targets import run_checks  # noqa: E402

from sovrgit.errors import SovrError  # noqa: E402
from sovrgit.objects.ids import Kind, ObjectId  # noqa: E402
from sovrgit.pod.config import Config  # noqa: E402
from sovrgit.pod.ignore import IgnoreRules  # noqa: E402
from sovrgit.pod.index import Index  # noqa: E402
from sovrgit.pod.mergestate import read_state  # noqa: E402
from sovrgit.pod.pod import Pod  # noqa: E402
from sovrgit.pod.recipe import parse_recipe, recipe_warnings  # noqa: E402
from sovrgit.pod.reflog import moves  # noqa: E402
from sovrgit.pod.refs import Refs, RefStore  # noqa: E402
from sovrgit.registry import form  # noqa: E402
from sovrgit.remotes.bundle import BundleRemote, verify_bundle, write_bundle  # noqa: E402
from sovrgit.remotes.firstcli.archive import unpack  # noqa: E402
from sovrgit.remotes.firstcli.members import Limits  # noqa: E402
from sovrgit.remotes.manifest import Manifest, PackEntry  # noqa: E402
from sovrgit.remotes.sealing.key import PodKey  # noqa: E402
from sovrgit.remotes.sealing.labels import Label  # noqa: E402
from sovrgit.remotes.sealing.seal import seal_bytes  # noqa: E402
from sovrgit.remotes.sealing.unseal import unseal_bytes  # noqa: E402
from sovrgit.remotes.state import RemoteState  # noqa: E402
from sovrgit.runs.log import plain, read_log  # noqa: E402
from sovrgit.store import format  # noqa: E402
from sovrgit.store.packreader import PackReader, salvage  # noqa: E402
from sovrgit.store.verify import verify_pack  # noqa: E402

Check = Callable[[bytes], object]


class Target(NamedTuple):
    """`check` reads bytes. It raises `SovrError` for what it refuses, and nothing else. `mend` makes checksums right
    again, so that what lies behind them is reached."""

    seeds: list[bytes]
    check: Check
    mend: Callable[[bytes], bytes] = bytes


class Bad(AssertionError):
    """Something was read and would be written otherwise."""


def same(decode: Callable[[bytes], object], encode: Callable[[object], bytes]) -> Check:
    """Reads, and sees that the same bytes come out again."""

    def check(data: bytes) -> None:
        again = encode(decode(data))
        if again != data:
            raise Bad(f"{data!r} comes out as {again!r}")

    return check


def make_targets(folder: Path) -> dict[str, Target]:
    """All targets; `folder` is for those that read files."""
    runs = {name: Target(seeds, check) for name, (seeds, check) in run_checks(folder).items()}
    return {**_objects(), **_packs(folder), **_repository(folder), **_from_others(folder), **runs}


def _objects() -> dict[str, Target]:
    return {
        kind.label: Target(
            [sample.value.encode() for sample in SAMPLES[kind].values()],
            same(decode, lambda value: value.encode()),  # type: ignore[attr-defined]
        )
        for kind, decode in DECODERS.items()
    }


# --- packs ------------------------------------------------------------------------------------------------------


def _crc(fields: bytes) -> bytes:
    return fields + struct.pack("<I", zlib.crc32(fields))


def _packs(folder: Path) -> dict[str, Target]:
    packs = [bytes.fromhex(item["encoding"]) for item in json.loads((GOLDEN / "pack.json").read_text())["vectors"]]
    headers = [pack[16:68] for pack in packs]
    path = folder / "pack"

    def pack(data: bytes) -> None:
        path.write_bytes(data)
        digest = ObjectId(blake3(data).digest())
        for leave in (False, True):
            try:
                verify_pack(path, digest, len(data), leave_blobs=leave)
            except SovrError:
                pass
        with PackReader(path, digest) as reader:
            salvage(reader)

    def sealed_end(data: bytes) -> bytes:
        """The trailer's checksum made right."""
        return data[:-20] + _crc(data[-20:-12]) + data[-8:] if len(data) >= 20 else data

    return {
        "pack": Target(packs, pack, sealed_end),
        "pack header": Target([item[:16] for item in packs], lambda data: format.read_pack_header(data, "it")),
        "entry header": Target(
            headers,
            lambda data: format.read_entry_header(data, 0, "it"),
            lambda data: _crc(data[:48]) if len(data) >= 48 else data,
        ),
        "chunk list": Target(
            [bytes(range(32)) + struct.pack("<I", 5), (bytes(32) + struct.pack("<I", 1 << 20)) * 3],
            same(lambda data: format.read_chunk_list(data, "it"), format.chunk_list),  # type: ignore[arg-type]
        ),
    }


# --- what is in a repository ------------------------------------------------------------------------------------


def _repository(folder: Path) -> dict[str, Target]:
    some = ObjectId(bytes(range(32)))
    pod = Pod.create(folder / "pod")
    (folder / "remotes").mkdir(exist_ok=True)

    def into(name: str, read: Callable[[], object], top: Path = pod.folder) -> Check:
        def check(data: bytes) -> None:
            (top / name).write_bytes(data)
            read()

        return check

    def index() -> None:
        for row in Index.load(pod.index_path).folders.values():
            row.all_ids()
            list(zip(row.names, row.kinds, row.sizes, row.mtimes, row.ctimes, row.inodes, strict=True))

    full = Index(bytes(32), bytes(32))
    from sovrgit.pod.index import Folder

    row = Folder.empty(5)
    row.append("name", ord("f"), 5, 1, 2, 3, bytes(32))
    full.folders[""] = row
    full.save(folder / "saved")

    state = RemoteState(SAMPLES[Kind.MANIFEST][next(iter(SAMPLES[Kind.MANIFEST]))].value, frozenset({some}))  # type: ignore[arg-type]
    state.save(folder, "seed")
    refs = Refs("refs/heads/main", {"refs/heads/main": some, "refs/tags/é": some})
    line = {"time": 5, "command": "commit", "head": "refs/heads/main", "from": "refs/heads/a"}
    line |= {"changes": [["refs/heads/main", "", str(some)]], "worktree": [str(some), str(some)]}
    side = [b"a".hex(), 1, str(some), 5]
    merge = {"version": 1, "operation": "merge", "head": str(some), "other": str(some), "label": "side", "message": "m"}
    merge |= {
        "tree": str(some),
        "conflicts": [{"path": "61", "name": "a", "reason": "text", "sides": [None, side, side]}],
    }
    merge |= {"resolved": ["61"], "author": ["Ann", "ann@example.org", 5, 60]}

    def merging() -> None:
        (pod.folder / "refs").write_bytes(Refs("refs/heads/main", {"refs/heads/main": some}).encode())
        read_state(pod)

    def refs_again(data: bytes) -> None:
        # People may have put the lines in another order.
        found = Refs.decode(data)
        if Refs.decode(found.encode()) != found:
            raise Bad(f"{data!r} comes out as {found!r}")

    def journal() -> None:
        RefStore(pod.folder).journal()
        moves(pod)

    return {
        "refs": Target([refs.encode()], refs_again),
        "journal": Target([json.dumps(line).encode() + b"\n"], into("journal", journal)),
        "index": Target(
            [(folder / "saved").read_bytes()],
            into("index", index),
            lambda data: data[:-32] + blake3(data[8:-32]).digest() if len(data) > 40 else data,
        ),
        "merge state": Target([json.dumps(merge).encode()], into("merge", merging)),
        "remote state": Target(
            [(folder / "remotes/seed").read_bytes()],
            into("remotes/it", lambda: RemoteState.load(folder, "it"), folder),
        ),
        "config": Target(
            [b'[user]\n\tname = Ann\n[remote "origin"]\n\turl = ../there\n\tx = "a\\tb" ; c\n', b"[a]\n\tb\n"],
            into("config", lambda: list(Config(pod.folder / "config").items())),
        ),
    }


# --- what others have made --------------------------------------------------------------------------------------


def _from_others(folder: Path) -> dict[str, Target]:
    key, label = PodKey(bytes(range(32))), Label.of_pack(ObjectId(bytes(32)))
    recipe = {"name": "pod", "public": True, "payload": [{"ref": "a", "data": "b"}], "version": "1.0"}
    recipe["golem"] = {"exec": "python3 [@]x.py", "payload": "payload", "output": {"share": "o"}, "timeout": 5}
    task = {"name": "t", "pods": ["a", {"ref": "b", "name": "c", "needs": ["a"]}], "payload": []}
    job = {
        "name": "j",
        "golem": {"image": "x", "run": ["a"], "each": "*.csv", "resources": {"cpu": 1}, "budget": "1.5"},
    }
    log = (
        b"# sovr log 1\n2026-11-23T08:20:51.123Z O one\n2026-11-23T08:20:51.124Z E+ two\n2026-11-23T08:20:52.000Z N x\n"
    )
    registry = {"a": {**recipe, "sovr": {"kind": "compute", "time": 5, "generation": 1}}}
    shared = {"a": [{"recipe": recipe, "sharing_reference": "ab" * 64}]}

    def recipes(data: bytes) -> None:
        recipe_warnings(parse_recipe(data))

    def rules(data: bytes) -> None:
        made = IgnoreRules("", data, None)
        names = ["a" * 120, "data.csv", "d", "é", "a\nb"]
        made.may_ignore("", names)
        for name in (*names, "a/" * 60 + "b"):
            made.ignores(name, True)

    def reading(data: bytes) -> None:
        b"".join(plain(read_log(io.BytesIO(data))))

    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pod/recipe.json", json.dumps(recipe))
        archive.writestr("pod/payload/", b"")
        archive.writestr("pod/payload/x", b"x" * 300)

    def unpacking(data: bytes) -> None:
        (folder / "archive").write_bytes(data)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            unpack(folder / "archive", Path(place) / "new", limits=Limits(entries=100, size=1 << 20))

    packed = bytes.fromhex(json.loads((GOLDEN / "pack.json").read_text())["vectors"][0]["encoding"])
    (folder / "one.pack").write_bytes(packed)
    entry = PackEntry(ObjectId(blake3(packed).digest()), len(packed), format.PackClass.CONTENT, 2)
    manifest = Manifest(bytes(16), 1, (), "w", 0, "refs/heads/main", {"refs/heads/main": ObjectId(bytes(32))}, (entry,))
    write_bundle(folder / "bundle", manifest, [folder / "one.pack"])

    def bundle(data: bytes) -> None:
        path = folder / "mutated"
        path.write_bytes(data)
        remote = BundleRemote(path)
        try:
            raw = remote.read_manifest()
            assert raw is not None
            for pack in Manifest.decode(raw).packs[:5]:
                remote.has_pack(pack.id, pack.size)
        except SovrError:
            pass
        verify_bundle(path)

    return {
        "recipe": Target([json.dumps(item, indent=1).encode() for item in (recipe, task, job)], recipes),
        "ignore": Target([b"*.pyc\n!keep.pyc\n/data/\n**/x/*\n[a-z]?\\ \n# c\n", b"a*b*c*d\na/**/b\n"], rules),
        "log": Target([log], reading),
        "registry": Target(
            [json.dumps(item).encode() for item in (registry, shared)], lambda data: form.decode(data, "it")
        ),
        "archive": Target([zipped.getvalue()], unpacking),
        "bundle": Target(
            [(folder / "bundle").read_bytes()],
            bundle,
            lambda data: data[:-32] + blake3(data[:-32]).digest() if len(data) > 32 else data,
        ),
        "sealed": Target(
            [seal_bytes(b"x" * 300, key, label)],
            lambda data: unseal_bytes(data, key, label, limit=1 << 16),
        ),
    }
