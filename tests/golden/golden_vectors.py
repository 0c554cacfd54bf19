"""The values that the golden vectors encode, and the notation in which their files write them.

The files hold what must never change; this one says how each value is written with today's classes.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from sovrgit.objects.commit import Commit, Fork, Reuse, Stamp
from sovrgit.objects.ids import Kind, ObjectId, blob_id
from sovrgit.objects.place import BytePlace, JsonPlace, PixelPlace, TextPlace
from sovrgit.objects.run import External, Member, Run, RunStatus, Usage
from sovrgit.objects.signature import Signature
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import EMPTY_TREE, EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding, OutputDifference, OutputUndecided, OutputWithin, Verdict
from sovrgit.remotes.manifest import Manifest, PackEntry
from sovrgit.store.format import PackClass, Toc

FOLDER = Path(__file__).parent
Json: TypeAlias = Any


class Encoded(Protocol):
    """What every kind can do. A table of contents has no method `id`, because nothing but its pack refers to it."""

    def encode(self) -> bytes: ...


class Sample(NamedTuple):
    """A value, and what is to be learnt from it."""

    about: str
    value: Encoded


DECODERS: dict[Kind, Callable[[bytes], Encoded]] = {
    Kind.TREE: Tree.decode,
    Kind.COMMIT: Commit.decode,
    Kind.RUN: Run.decode,
    Kind.TAG: Tag.decode,
    Kind.VERDICT: Verdict.decode,
    Kind.TOC: Toc.decode,
    Kind.MANIFEST: Manifest.decode,
}


def load(name: str) -> Json:
    """The content of a file of vectors."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def to_notation(value: Any) -> Json:
    """A value as the files write it: bytes are `{"bytes": HEX}`, everything else is JSON's own."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [to_notation(item) for item in value]
    if isinstance(value, dict):
        return {key: to_notation(item) for key, item in value.items()}
    return value


def from_notation(value: Json) -> Any:
    """The value that a file writes."""
    if isinstance(value, dict):
        if value.keys() == {"bytes"}:
            return bytes.fromhex(value["bytes"])
        return {key: from_notation(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_notation(item) for item in value]
    return value


def pattern(length: int) -> bytes:
    """The input of BLAKE3's own test vectors: 0, 1, … 250, and again."""
    return bytes(number % 251 for number in range(length))


def _id(first: int) -> ObjectId:
    return ObjectId(bytes(range(first, first + 32)))


HELLO = b"hello\n"
RECIPE = b'{"name": "demo"}\n'

BLOBS = {
    "empty": ("A file without bytes.", b""),
    "hello": ("A line of text: what `printf 'hello\\n' | b3sum` prints.", HELLO),
    "recipe": ("A recipe.", RECIPE),
    "one chunk": ("1,024 bytes of 0, 1, … 250 repeated: one whole chunk of BLAKE3.", pattern(1024)),
    "two chunks": ("1,025 bytes of the same.", pattern(1025)),
    "long": ("102,400 bytes of the same: the longest of BLAKE3's own vectors.", pattern(102_400)),
}

ADA = Stamp("Ada Lovelace", "ada@example.org", 1_700_000_000, 60)
BOB = Stamp("Bob", "bob@example.org", 1_700_003_600, -300)

SMALL_TREE = Tree.of(
    [
        TreeEntry(b"hello.txt", EntryKind.FILE, blob_id(HELLO), len(HELLO)),
        TreeEntry(b"recipe.json", EntryKind.FILE, blob_id(RECIPE), len(RECIPE)),
    ]
)

KEY = bytes.fromhex("024e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e")
"""The public key of the secret key 0x4c08…2318, which is an example in the documentation of web3.js."""

_COMMIT_SIGNATURE = (
    "d7b5009e9357a08e0d819fd95e3640111b4e4c4001a8a0919f1f29fd532d1e91"
    "543d6f036c4fdc2a92761454b40886ad6f116b7ecce71b9827c96d2e5b26e266"
)
_RUN_SIGNATURE = (
    "624db10edd79dad8f9b0c86567d6a2e5363ac07ed17e06176d49e9df45e41360"
    "6fd1a3eccedcf769898683dc5ec09812bb116d9be9fe81d2267fb6ff7b233f73"
)
_VERDICT_SIGNATURE = (
    "5d5e480bc320fb055f8ef2d1dcbc50b8da7380143ad2be3b07896d8f032c8509"
    "362a87cc35f5e9a4b052bdda4f8d6debd4df5de2127085fef77f456f01220e61"
)
"""r and s, over the object without a signature."""


def _signed(value: str) -> Signature:
    return Signature("eip-191", KEY, bytes.fromhex(value))


FIRST_COMMIT = Commit(SMALL_TREE.id(), (), ADA, "First commit\n")

TREES = {
    "empty": Sample("A folder without entries. Its id is that of every empty folder.", EMPTY_TREE),
    "two files": Sample("What the example in docs/internals/format.md takes apart.", SMALL_TREE),
    "every kind": Sample(
        "A file, an executable, a symbolic link and a folder, in the order of their bytes: capitals first.",
        Tree.of(
            [
                TreeEntry(b"run.sh", EntryKind.EXECUTABLE, _id(1), 70_000),
                TreeEntry(b"latest", EntryKind.SYMLINK, blob_id(b"output/1"), 8),
                TreeEntry(b"output", EntryKind.DIRECTORY, EMPTY_TREE.id(), 0),
                TreeEntry(b"README", EntryKind.FILE, _id(2), 200),
            ]
        ),
    ),
    "odd names": Sample(
        "Names are bytes: one that is not UTF-8, one with a line break, one that only looks like `..`.",
        Tree.of(
            [
                TreeEntry(b"\xff\xfe", EntryKind.FILE, _id(3), 1),
                TreeEntry(b"a\nb", EntryKind.FILE, _id(4), 2),
                TreeEntry(b"...", EntryKind.FILE, _id(5), 3),
                TreeEntry("é".encode(), EntryKind.FILE, _id(6), 4),
            ]
        ),
    ),
    "large sizes": Sample(
        "A size in each of the forms that msgpack has for it, up to the largest.",
        Tree.of(
            TreeEntry(f"{number:02}".encode(), EntryKind.FILE, _id(7), size)
            for number, size in enumerate(
                [0, 127, 128, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1]
            )
        ),
    ),
    "unknown keys": Sample(
        "Keys of a newer version, one sorted before `entries` and one after it. They are kept.",
        Tree(SMALL_TREE.entries, {"attributes": {"hello.txt": ["a", 1, True]}, "flag": False}),
    ),
}

NEWER = Signature("eip-191-threshold", other={"parts": [b"\1", b"\2"], "key": "text", "note": ""})
"""Of a scheme that is not known yet."""

COMMITS = {
    "minimal": Sample("What the example in docs/internals/format.md takes apart.", FIRST_COMMIT),
    "no message": Sample("A message is written even if it is empty.", Commit(_id(1), (_id(2),), ADA, "")),
    "merge": Sample(
        "Two parents, and a committer who is not the author.",
        Commit(_id(1), (_id(2), _id(3)), ADA, "Merge\n\nBoth sides.\n", BOB),
    ),
    "run and fork": Sample(
        "Made by a run, as the first commit of a fork.",
        Commit(
            _id(1),
            (_id(2),),
            Stamp("", "", -1, -1440),
            "Ergebnis: größer\n",
            run=_id(4),
            fork=Fork("file:///srv/pods/demo", _id(2), "demo"),
        ),
    ),
    "reuse": Sample(
        "Takes the output of a run over that was known in the pod.",
        Commit(_id(1), (_id(2),), ADA, "m", run=_id(4), reuse=Reuse("own")),
    ),
    "reuse from elsewhere": Sample(
        "Takes the output of a run over that was found at a remote and signed by a trusted key.",
        Commit(
            _id(1),
            (_id(2),),
            ADA,
            "m",
            run=_id(4),
            reuse=Reuse("trusted", "fairos:ref-0123456789abcdef", "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"),
        ),
    ),
    "signed": Sample(
        "The first one again, signed.",
        replace(
            FIRST_COMMIT,
            signature=_signed(_COMMIT_SIGNATURE),
        ),
    ),
    "signed otherwise": Sample(
        "Signed by a scheme of a newer version, of which everything is kept.", replace(FIRST_COMMIT, signature=NEWER)
    ),
    "unknown keys": Sample(
        "Keys of a newer version, one of which says nothing. They are kept.",
        Commit(_id(1), (), ADA, "m", extra={"signature": b"\0\1", "draft": False, "notes": []}),
    ),
}

PLAIN_RUN = Run(
    status=RunStatus.SUCCEEDED,
    pod="demo",
    recipe=blob_id(RECIPE),
    input=SMALL_TREE.id(),
    key=_id(9),
    command=(),
    executor={"name": "local"},
    platform={"system": "Linux"},
    started=1_700_000_000_000_000_000,
    finished=1_700_000_001_000_000_000,
)

RUNS = {
    "minimal": Sample("No more than is required.", PLAIN_RUN),
    "signed": Sample(
        "The same, signed.",
        replace(
            PLAIN_RUN,
            signature=_signed(_RUN_SIGNATURE),
        ),
    ),
    "full": Sample(
        "Every field. An exit code of zero is written; a usage that is not known is not.",
        Run(
            status=RunStatus.PARTIAL,
            pod="demo",
            recipe=_id(1),
            input=_id(2),
            key=_id(3),
            command=("python3", "[@]script/main.py"),
            executor={"name": "golem", "version": "0.1"},
            platform={"system": "Linux", "machine": "x86_64"},
            started=1_700_000_000_000_000_000,
            finished=1_700_000_060_123_456_789,
            reason="2 of 3 tasks ended well",
            outputs=("output", "results"),
            output=_id(4),
            log=_id(5),
            base=_id(6),
            dirty=True,
            exit_code=0,
            signal=15,
            usage=Usage(wall=60_123_456_789, memory=1 << 30),
            parameters={"width": "640"},
            environment={"LANG": "C.UTF-8"},
            external=(External("file:///srv/pods/data", _id(7), "output/a.csv", _id(8)),),
            repeats=_id(9),
            by="Ada Lovelace <ada@example.org>",
            golem={"budget": "1.5", "agreements": [{"id": "a1", "provider": {"name": "p", "paid": True}}]},
        ),
    ),
    "task": Sample(
        "A task, whose pods have runs of their own.",
        replace(
            PLAIN_RUN,
            executor={"name": "task"},
            pods=(
                Member("svm", "pods/svm", _id(10), _id(11)),
                Member("compare", "file:///srv/pods/compare", _id(12), _id(13)),
            ),
        ),
    ),
    "placed payload": Sample(
        "Payload of other pods: a program under a name of its own, and a folder that was spread out.",
        replace(
            PLAIN_RUN,
            external=(
                External("file:///srv/pods/tools", _id(7), "bin/solve", _id(8), "solve", executable=True),
                External("file:///srv/pods/data", _id(9), "output", _id(10)),
            ),
        ),
    ),
    "unknown keys": Sample(
        "A run that was ended by a signal, with a key of a newer version.",
        Run(
            status=RunStatus.TIMED_OUT,
            pod="",
            recipe=_id(1),
            input=_id(2),
            key=_id(3),
            command=("sleep", "60"),
            executor={"name": "local"},
            platform={"system": "Linux"},
            started=0,
            finished=(1 << 64) - 1,
            signal=9,
            extra={"energy": 12, "zone": ""},
        ),
    ),
}

TAGS = {
    "commit": Sample("A release.", Tag("v1.0", FIRST_COMMIT.id(), Kind.COMMIT, ADA, "First release\n")),
    "run": Sample("A tag of a run, without a message.", Tag("published", _id(1), Kind.RUN, BOB, "")),
    "unknown keys": Sample(
        "Signed by a newer version.", Tag("v1.1", _id(1), Kind.VERDICT, ADA, "m", {"signature": b"\xff" * 64})
    ),
}

SAME = Verdict(Finding.IDENTICAL, _id(1), _id(2), 1, 3)

VERDICTS = {
    "identical": Sample("The outputs are the same.", SAME),
    "signed": Sample(
        "The same, signed.",
        replace(
            SAME,
            signature=_signed(_VERDICT_SIGNATURE),
        ),
    ),
    "differs": Sample(
        "Three outputs are not the same; a path is bytes.",
        Verdict(
            Finding.DIFFERS,
            _id(1),
            _id(2),
            1_700_000_000_000_000_000,
            300,
            (
                OutputDifference(b"output/a", "added"),
                OutputDifference(b"output/b", "changed"),
                OutputDifference(b"output/\xff", "removed"),
            ),
            by="Ada",
        ),
    ),
    "not comparable": Sample(
        "The repeat failed.", Verdict(Finding.INCOMPARABLE, _id(1), _id(2), 5, 0, reason="the repeat failed")
    ),
    "agrees": Sample(
        "Within the rules of the recipe.",
        Verdict(
            Finding.AGREES,
            _id(1),
            _id(2),
            6,
            3,
            within=(
                OutputWithin(b"output/a.csv", '{"numeric":{"absolute":0,"relative":1e-06}}', "2 numbers, by 3e-09"),
                OutputWithin(b"output/b.json", '{"json":{"absolute":0,"ignore":["time"],"relative":0}}'),
            ),
            ignored=(b"output/time",),
        ),
    ),
    "places": Sample(
        "Each way to say where, and how much.",
        Verdict(
            Finding.DIFFERS,
            _id(1),
            _id(2),
            7,
            6,
            (
                OutputDifference(b"output/a.json", "changed", '{"json":{}}', JsonPlace("/rows/0/x"), "1 value"),
                OutputDifference(b"output/b.json", "changed", '{"json":{}}', JsonPlace("")),
                OutputDifference(b"output/c.txt", "changed", where=TextPlace(12, 7)),
                OutputDifference(b"output/d.bin", "changed", where=BytePlace(0), detail="3 bytes longer"),
                OutputDifference(b"output/e.png", "changed", '{"image":{}}', PixelPlace(0, 20, 3, 1)),
                OutputDifference(b"output/f.gif", "changed", '{"image":{}}', PixelPlace(1, 0, 300, 70_000, 2)),
            ),
        ),
    ),
    "unlisted": Sample(
        "More than can be listed.",
        Verdict(Finding.DIFFERS, _id(1), _id(2), 9, 1, (OutputDifference(b"output/a", "added"),), unlisted=70_000),
    ),
    "undecided": Sample(
        "One output could not be compared.",
        Verdict(
            Finding.INCOMPARABLE,
            _id(1),
            _id(2),
            8,
            2,
            reason="output/a.png: not a picture",
            undecided=(OutputUndecided(b"output/a.png", '{"image":{}}', "not a picture"),),
        ),
    ),
    "unknown keys": Sample(
        "With a key of a newer version.", Verdict(Finding.IDENTICAL, _id(1), _id(2), 0, 1, extra={"tolerance": "0.1"})
    ),
}

TOCS = {
    "empty": Sample("No entries.", Toc.empty()),
    "two entries": Sample(
        "A commit and a chunked file, as the last entry of a pack holds them.",
        Toc(
            ids=bytearray(_id(1) + _id(2)),
            kinds=bytearray([Kind.COMMIT, Kind.BLOB]),
            codecs=bytearray([1, 2]),
            depths=bytearray([0, 1]),
            offsets=array("I", [16, 300]),
            stored=array("I", [232, 7200]),
            sizes=array("Q", [400, 5 << 32]),
        ),
    ),
    "of another pack": Sample(
        "The table of a content pack, as a metadata pack holds it: `pack` is the content pack's id.",
        Toc(
            ids=bytearray(_id(3)),
            kinds=bytearray([Kind.BLOB]),
            codecs=bytearray([0]),
            depths=bytearray([0]),
            offsets=array("I", [16]),
            stored=array("I", [5000]),
            sizes=array("Q", [5000]),
            pack=_id(4),
        ),
    ),
}

_REPOSITORY = bytes(range(16))

MANIFESTS = {
    "new": Sample(
        "The first manifest of a remote, which holds nothing yet.",
        Manifest(_REPOSITORY, 1, (), "w1", 0, "refs/heads/main", {}, ()),
    ),
    "in use": Sample(
        "The third manifest: it names the two before it, the latest first.",
        Manifest(
            repository=_REPOSITORY,
            generation=3,
            chain=(_id(2), _id(1)),
            writer="w1",
            time=1_700_000_000_000_000_000,
            head="refs/heads/main",
            refs={"refs/heads/main": _id(3), "refs/tags/v1": _id(4)},
            packs=(
                PackEntry(_id(5), 33_554_432, PackClass.CONTENT, 130),
                PackEntry(_id(6), 4_000, PackClass.METADATA, 7),
            ),
            recipe={"name": "demo", "description": "A pod"},
        ),
    ),
    "forked": Sample(
        "A fork on a network, which leaves a pack in the place that it was forked from.",
        Manifest(
            _REPOSITORY,
            1,
            (),
            "w1",
            5,
            "refs/heads/main",
            {"refs/heads/main": _id(2)},
            (
                PackEntry(_id(3), 4_000, PackClass.METADATA, 7, "fairos:" + "0f" * 32),
                PackEntry(_id(4), 5_000, PackClass.METADATA, 8),
            ),
        ),
    ),
    "unknown keys": Sample(
        "A key of a newer version.",
        Manifest(
            _REPOSITORY,
            300,
            (_id(1),),
            "w2",
            5,
            "refs/heads/main",
            {"refs/heads/main": _id(2)},
            (PackEntry(_id(3), 83_886_080, PackClass.METADATA, 0),),
            extra={"signature": b"\0", "expires": 0},
        ),
    ),
}

SAMPLES: dict[Kind, dict[str, Sample]] = {
    Kind.TREE: TREES,
    Kind.COMMIT: COMMITS,
    Kind.RUN: RUNS,
    Kind.TAG: TAGS,
    Kind.VERDICT: VERDICTS,
    Kind.TOC: TOCS,
    Kind.MANIFEST: MANIFESTS,
}
