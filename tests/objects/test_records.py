"""Commits, runs, tags and verdicts: what each field may hold, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from object_strategies import DECODERS, Encoded

from sovrgit.errors import ObjectInvalid
from sovrgit.objects import codec
from sovrgit.objects.commit import MAX_ZONE, Commit, Fork, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.place import BytePlace, PixelPlace, TextPlace
from sovrgit.objects.run import External, Member, Run, RunStatus, Usage
from sovrgit.objects.tag import Tag
from sovrgit.objects.verdict import Finding, OutputDifference, OutputUndecided, OutputWithin, Verdict

A, B, C = (ObjectId(bytes([number]) * 32) for number in (1, 2, 3))
AUTHOR = Stamp("Ada", "ada@example.org", 1_700_000_000, 60)
COMMITTER = Stamp("Bob", "bob@example.org", 1_700_000_100, -300)

COMMIT = Commit(A, (B, C), AUTHOR, "message", COMMITTER, A, Fork("path", B, "pod"))
RUN = Run(
    status=RunStatus.FAILED,
    pod="pod",
    recipe=A,
    input=B,
    key=C,
    command=("python3", "[@]script.py"),
    executor={"name": "local"},
    platform={"system": "Linux"},
    started=1,
    finished=2,
    reason="exit code 1",
    outputs=("output",),
    output=A,
    log=B,
    base=C,
    dirty=True,
    exit_code=1,
    signal=9,
    usage=Usage(1, 2, 3, 4, 5, 6),
    parameters={"n": "1"},
    environment={"LANG": "C"},
    external=(External("ref", A, "output", B),),
    pods=(Member("svm", "pods/svm", A, B),),
    repeats=C,
    by="Ada",
    golem={"agreements": [{"id": "x"}]},
)
TAG = Tag("v1", A, Kind.COMMIT, AUTHOR, "message")
VERDICT = Verdict(
    Finding.DIFFERS,
    A,
    B,
    1,
    2,
    (OutputDifference(b"a", "changed"), OutputDifference(b"b", "changed", "r", TextPlace(1, 2), "d")),
    "reason",
    "Ada",
    (OutputWithin(b"c", "rule", "detail"),),
    (OutputUndecided(b"d", "rule", "reason"),),
    (b"e",),
    7,
)

FULL: dict[Kind, Encoded] = {Kind.COMMIT: COMMIT, Kind.RUN: RUN, Kind.TAG: TAG, Kind.VERDICT: VERDICT}

REQUIRED = {
    Kind.COMMIT: {"tree", "author", "message"},
    Kind.RUN: {"status", "pod", "recipe", "input", "key", "executor", "platform", "started", "finished"},
    Kind.TAG: {"name", "target", "kind", "tagger", "message"},
    Kind.VERDICT: {"finding", "run", "repeat", "time", "files"},
}


def fields_of(kind: Kind) -> dict[str, Any]:
    return codec.decode(FULL[kind].encode(), kind=kind)


def keys() -> list[tuple[Kind, str]]:
    return [(kind, key) for kind in FULL for key in fields_of(kind)]


@pytest.mark.parametrize(("kind", "key"), keys())
def test_a_field_is_required_or_optional_as_documented(kind: Kind, key: str) -> None:
    fields = fields_of(kind)
    del fields[key]
    data = codec.encode(fields, kind=kind)
    if key in REQUIRED[kind]:
        with pytest.raises(ObjectInvalid, match="missing"):
            DECODERS[kind](data)
    else:
        assert DECODERS[kind](data).encode() == data


def misfits() -> list[tuple[Kind, str, object]]:
    others = [False, 3, "text", b"bytes", [1], ["text"], [b"bytes"], [{}], {"x": 1}, {"x": "y"}]
    return [
        (kind, key, value) for kind, key in keys() for value in others if not _same_shape(fields_of(kind)[key], value)
    ]


def _same_shape(right: Any, value: object) -> bool:
    if type(right) is not type(value) or type(value) is bytes:
        return False
    if isinstance(right, list) and isinstance(value, list):
        return type(right[0]) is type(value[0]) and type(value[0]) in (str, bytes)
    if isinstance(right, dict) and isinstance(value, dict):
        return set(map(type, right.values())) in ({type(value["x"])}, {list})
    return isinstance(right, str | int) and right not in ("failed", "differs")


@pytest.mark.parametrize(("kind", "key", "value"), misfits())
def test_a_field_of_another_type_is_refused(kind: Kind, key: str, value: object) -> None:
    with pytest.raises(ObjectInvalid):
        DECODERS[kind](codec.encode({**fields_of(kind), key: value}, kind=kind))


@pytest.mark.parametrize(("kind", "key"), keys())
def test_a_field_that_says_nothing_is_refused_or_required(kind: Kind, key: str) -> None:
    fields = fields_of(kind)
    fields[key] = type(fields[key])()
    data = codec.encode(fields, kind=kind)
    try:
        assert DECODERS[kind](data).encode() == data
    except ObjectInvalid:
        return
    assert key in REQUIRED[kind] or key == "exit"


def nested_maps() -> list[tuple[Kind, tuple[str | int, ...]]]:
    return [
        (Kind.COMMIT, ("author",)),
        (Kind.COMMIT, ("committer",)),
        (Kind.COMMIT, ("fork",)),
        (Kind.RUN, ("external", 0)),
        (Kind.RUN, ("usage",)),
        (Kind.TAG, ("tagger",)),
        (Kind.VERDICT, ("differences", 0)),
        (Kind.VERDICT, ("differences", 1, "where")),
        (Kind.VERDICT, ("within", 0)),
        (Kind.VERDICT, ("undecided", 0)),
    ]


@pytest.mark.parametrize(("kind", "path"), nested_maps())
def test_unknown_keys_inside_a_known_map_are_refused(kind: Kind, path: tuple[str | int, ...]) -> None:
    fields: Any = fields_of(kind)
    inside = fields
    for step in path:
        inside = inside[step]
    inside["x"] = 1
    with pytest.raises(ObjectInvalid, match="not known"):
        DECODERS[kind](codec.encode(fields, kind=kind))


@pytest.mark.parametrize(("kind", "path"), [pair for pair in nested_maps() if pair[1] != ("usage",)])
def test_a_known_map_is_complete(kind: Kind, path: tuple[str | int, ...]) -> None:
    fields: Any = fields_of(kind)
    inside = fields
    for step in path:
        inside = inside[step]
    for key in list(inside):
        kept = inside.pop(key)
        if (path[0], key) == ("within", "detail"):
            DECODERS[kind](codec.encode(fields, kind=kind))
            inside[key] = kept
            continue
        with pytest.raises(ObjectInvalid, match="missing"):
            DECODERS[kind](codec.encode(fields, kind=kind))
        inside[key] = kept


IMPOSSIBLE: list[Encoded] = [
    replace(COMMIT, author=AUTHOR._replace(zone=MAX_ZONE + 1)),
    replace(COMMIT, author=AUTHOR._replace(zone=-MAX_ZONE - 1)),
    replace(COMMIT, committer=COMMITTER._replace(zone=MAX_ZONE + 1)),
    replace(COMMIT, committer=AUTHOR),
    replace(COMMIT, author=AUTHOR._replace(time=1 << 64)),
    replace(COMMIT, message="\ud800"),
    replace(COMMIT, extra={"x": None}),
    replace(COMMIT, extra={"x": 1.5}),
    replace(RUN, started=-1),
    replace(RUN, finished=-1),
    replace(RUN, exit_code=-1),
    replace(RUN, signal=0),
    replace(RUN, usage=Usage(wall=-1)),
    replace(RUN, executor={}),
    replace(RUN, platform={}),
    replace(RUN, golem={"cost": 0.5}),
    replace(TAG, kind=Kind.TOC),
    replace(TAG, kind=Kind.MANIFEST),
    replace(TAG, tagger=AUTHOR._replace(zone=MAX_ZONE + 1)),
    replace(VERDICT, time=-1),
    replace(VERDICT, files=-1),
    replace(VERDICT, differences=(OutputDifference(b"a", "moved"),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=TextPlace(0, 1)),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=TextPlace(1, 0)),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=BytePlace(-1)),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=PixelPlace(0, 0, 0, 1)),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=PixelPlace(-1, 0, 1, 1)),)),
    replace(VERDICT, differences=(OutputDifference(b"a", "changed", where=PixelPlace(0, 0, 1, 1, 0)),)),
    replace(VERDICT, finding=Finding.IDENTICAL),
    replace(VERDICT, finding=Finding.AGREES),
    replace(VERDICT, finding=Finding.AGREES, differences=(), undecided=(), within=(), ignored=()),
]


@pytest.mark.parametrize("value", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_what_could_not_be_decoded_is_not_encoded(value: Encoded) -> None:
    with pytest.raises(ObjectInvalid):
        value.encode()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.RUN, {"status": "won"}),
        (Kind.RUN, {"dirty": False}),
        (Kind.RUN, {"usage": {"wall": 0}}),
        (Kind.RUN, {"usage": {"wall": True}}),
        (Kind.RUN, {"exit": -1}),
        (Kind.RUN, {"signal": 0}),
        (Kind.RUN, {"started": -1}),
        (Kind.RUN, {"reason": ""}),
        (Kind.RUN, {"by": ""}),
        (Kind.RUN, {"key": bytes(31)}),
        (Kind.TAG, {"kind": 0}),
        (Kind.TAG, {"kind": 7}),
        (Kind.TAG, {"kind": 8}),
        (Kind.TAG, {"kind": 9}),
        (Kind.VERDICT, {"finding": "maybe"}),
        (Kind.VERDICT, {"reason": ""}),
        (Kind.VERDICT, {"by": ""}),
        (Kind.VERDICT, {"files": -1}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "moved"}]}),
        (Kind.VERDICT, {"differences": [{"path": "a", "change": "added"}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "rule": ""}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "where": {}}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "where": {"pointer": b"/"}}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "where": {"line": 1}}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "where": {"box": [1, 2, 3]}}]}),
        (Kind.VERDICT, {"differences": [{"path": b"a", "change": "added", "where": {"box": [1, 2, 3, 4, 5]}}]}),
        (Kind.VERDICT, {"within": [{"path": b"a", "rule": "r", "detail": ""}]}),
        (Kind.VERDICT, {"ignored": ["a"]}),
        (Kind.VERDICT, {"unlisted": 0}),
        (Kind.COMMIT, {"parents": []}),
        (Kind.COMMIT, {"parents": [bytes(31)]}),
        (Kind.COMMIT, {"committer": AUTHOR._asdict()}),
        (Kind.COMMIT, {"author": {**AUTHOR._asdict(), "zone": MAX_ZONE + 1}}),
        (Kind.COMMIT, {"author": {**AUTHOR._asdict(), "time": True}}),
    ],
)
def test_values_out_of_bounds_are_refused(kind: Kind, change: dict[str, Any]) -> None:
    with pytest.raises(ObjectInvalid):
        DECODERS[kind](codec.encode({**fields_of(kind), **change}, kind=kind))


@pytest.mark.parametrize("zone", [-MAX_ZONE, 0, MAX_ZONE])
def test_the_bounds_of_zones_are_accepted(zone: int) -> None:
    commit = replace(COMMIT, author=AUTHOR._replace(zone=zone, time=-1))
    assert Commit.decode(commit.encode()) == commit


def test_what_a_commit_says_of_itself() -> None:
    assert replace(COMMIT, message="one\n\ntwo").summary == "one"
    assert COMMIT.time == COMMITTER.time
    assert replace(COMMIT, committer=None).time == AUTHOR.time


def test_an_empty_message_is_written() -> None:
    commit = replace(COMMIT, message="")
    assert codec.decode(commit.encode(), kind=Kind.COMMIT)["message"] == ""
    assert Commit.decode(commit.encode()) == commit


def test_an_exit_code_of_zero_is_not_no_exit_code() -> None:
    ended, killed = replace(RUN, exit_code=0), replace(RUN, exit_code=None)
    assert ended.id() != killed.id()
    assert Run.decode(ended.encode()).exit_code == 0
    assert Run.decode(killed.encode()).exit_code is None


@pytest.mark.parametrize("status", RunStatus)
def test_only_one_status_is_a_success(status: RunStatus) -> None:
    assert Run.decode(replace(RUN, status=status).encode()).succeeded == (status == "succeeded")
