"""Objects of every kind, and damage to their encodings, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hypothesis import strategies as st

from sovrgit.objects.commit import MAX_ZONE, REUSE_RULES, Commit, Fork, Reuse, Stamp
from sovrgit.objects.ids import Kind, ObjectId
from sovrgit.objects.place import BytePlace, JsonPlace, PixelPlace, TextPlace
from sovrgit.objects.run import External, Member, Run, RunStatus, Usage
from sovrgit.objects.signature import ETHEREUM, Signature
from sovrgit.objects.tag import Tag
from sovrgit.objects.tree import MAX_SIZE, EntryKind, Tree, TreeEntry
from sovrgit.objects.verdict import Finding, OutputDifference, OutputUndecided, OutputWithin, Verdict


class Encoded(Protocol):
    """What every object kind can do."""

    def encode(self) -> bytes: ...

    def id(self) -> ObjectId: ...


DECODERS: dict[Kind, Callable[[bytes], Encoded]] = {
    Kind.TREE: Tree.decode,
    Kind.COMMIT: Commit.decode,
    Kind.RUN: Run.decode,
    Kind.TAG: Tag.decode,
    Kind.VERDICT: Verdict.decode,
}

ids = st.binary(min_size=32, max_size=32).map(ObjectId)
text = st.text(st.characters(codec="utf-8"), max_size=12)
integers = st.integers(-(1 << 63), (1 << 64) - 1)
naturals = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))
positives = st.integers(1, (1 << 64) - 1)
scalars = st.one_of(st.booleans(), integers, st.integers(-200, 70_000), text, st.binary(max_size=40))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=8,
)
text_maps = st.dictionaries(text, text, max_size=4)
some_text_maps = st.dictionaries(text, text, min_size=1, max_size=4)

extras = st.dictionaries(text.map(lambda key: "x-" + key), st.one_of(values, st.sampled_from(["", b"", 0, False])))
"""Keys that no version has yet, whose values say nothing as often as not."""

_FORBIDDEN_NAMES = {b"", b".", b".."}
names = st.one_of(
    st.binary(min_size=1, max_size=40).map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"-")),
    st.sampled_from([b"...", b".sovrx", b"sovr", b".git", b"recipe.json", b"\xff\xfe", b" ", b"-", b"x" * 300]),
).filter(lambda name: name not in _FORBIDDEN_NAMES and name.lower() != b".sovr")


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    found = draw(st.lists(names, unique=True, max_size=6))
    entries = [
        TreeEntry(name, draw(st.sampled_from(EntryKind)), draw(ids), draw(st.integers(0, MAX_SIZE)))
        for name in sorted(found)
    ]
    return Tree(tuple(entries), draw(extras))


halves = st.integers(1, 1 << 250).map(lambda number: number.to_bytes(32))
signatures = st.one_of(
    st.builds(
        lambda first, x, r, s: Signature(ETHEREUM, first + x, r + s),
        st.sampled_from([b"\2", b"\3"]),
        st.binary(min_size=32, max_size=32),
        halves,
        halves,
    ),
    st.builds(
        lambda scheme, other: Signature(scheme, other=other),
        text.filter(lambda scheme: scheme != ETHEREUM),
        st.dictionaries(text.filter(lambda key: key != "scheme"), scalars, max_size=3),
    ),
)
"""In their form; none of them fits."""

stamps = st.builds(Stamp, text, text, integers, st.integers(-MAX_ZONE, MAX_ZONE))
forks = st.builds(Fork, text, ids, text)
reuses = st.builds(Reuse, st.sampled_from(REUSE_RULES), text, text)


@st.composite
def commits(draw: st.DrawFn) -> Commit:
    author = draw(stamps)
    return Commit(
        tree=draw(ids),
        parents=tuple(draw(st.lists(ids, max_size=3))),
        author=author,
        message=draw(text),
        committer=draw(st.none() | stamps.filter(lambda stamp: stamp != author)),
        run=draw(st.none() | ids),
        fork=draw(st.none() | forks),
        reuse=draw(st.none() | reuses),
        signature=draw(st.none() | signatures),
        extra=draw(extras),
    )


runs = st.builds(
    Run,
    status=st.sampled_from(RunStatus),
    pod=text,
    recipe=ids,
    input=ids,
    key=ids,
    command=st.lists(text, max_size=3).map(tuple),
    executor=some_text_maps,
    platform=some_text_maps,
    started=naturals,
    finished=naturals,
    reason=text,
    outputs=st.lists(text, max_size=3).map(tuple),
    output=st.none() | ids,
    log=st.none() | ids,
    base=st.none() | ids,
    dirty=st.booleans(),
    exit_code=st.none() | naturals,
    signal=st.none() | st.integers(1, 64),
    usage=st.builds(Usage, *[naturals] * len(Usage._fields)),
    parameters=text_maps,
    environment=text_maps,
    external=st.lists(st.builds(External, text, ids, text, ids), max_size=2).map(tuple),
    pods=st.lists(st.builds(Member, text, text, ids, ids), max_size=2).map(tuple),
    repeats=st.none() | ids,
    by=text,
    golem=st.dictionaries(text, values, max_size=3),
    signature=st.none() | signatures,
    extra=extras,
)

tags = st.builds(
    Tag,
    name=text,
    target=ids,
    kind=st.sampled_from([kind for kind in Kind if kind <= Kind.VERDICT]),
    tagger=stamps,
    message=text,
    extra=extras,
)

places = st.one_of(
    st.builds(JsonPlace, text),
    st.builds(TextPlace, positives, positives),
    st.builds(BytePlace, naturals),
    st.builds(PixelPlace, naturals, naturals, positives, positives, positives),
)
_differences = st.builds(
    OutputDifference,
    st.binary(max_size=20),
    st.sampled_from(["added", "removed", "changed"]),
    text,
    st.none() | places,
    text,
)
_within = st.builds(OutputWithin, st.binary(max_size=20), text, text)
_undecided = st.builds(OutputUndecided, st.binary(max_size=20), text, text)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    """Verdicts whose finding fits what they list."""
    finding = draw(st.sampled_from(Finding))
    ruled = finding is not Finding.IDENTICAL
    within = draw(st.lists(_within, max_size=2)) if ruled else []
    needs = 1 if finding is Finding.AGREES and not within else 0
    return Verdict(
        finding=finding,
        run=draw(ids),
        repeat=draw(ids),
        time=draw(naturals),
        files=draw(naturals),
        differences=() if finding is Finding.AGREES else tuple(draw(st.lists(_differences, max_size=3))),
        reason=draw(text),
        by=draw(text),
        within=tuple(within),
        undecided=tuple(draw(st.lists(_undecided, max_size=2))) if ruled and finding is not Finding.AGREES else (),
        ignored=tuple(draw(st.lists(st.binary(max_size=20), min_size=needs, max_size=2))) if ruled else (),
        unlisted=draw(naturals) if ruled else 0,
        signature=draw(st.none() | signatures),
        extra=draw(extras),
    )


STRATEGIES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TREE: trees(),
    Kind.COMMIT: commits(),
    Kind.RUN: runs,
    Kind.TAG: tags,
    Kind.VERDICT: verdicts(),
}

objects: st.SearchStrategy[tuple[Kind, Encoded]] = st.one_of(
    [st.tuples(st.just(kind), strategy) for kind, strategy in STRATEGIES.items()]
)


@st.composite
def damaged(draw: st.DrawFn, data: bytes, donor: bytes) -> bytes:
    """`data` after one to three flips, insertions, deletions or splices from `donor`."""
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(result) - 1, 0)))
        match draw(st.sampled_from(["flip", "set", "insert", "delete", "splice", "cut"])):
            case "flip" if result:
                result[place] ^= 1 << draw(st.integers(0, 7))
            case "set" if result:
                # Bytes that mean something: nil, float, extension, long forms, containers, small numbers.
                result[place] = draw(st.sampled_from([*range(0xC0, 0xE0), 0, 1, 0x80, 0x90, 0xA0, 0xFF]))
            case "insert":
                result[place:place] = draw(st.binary(min_size=1, max_size=6))
            case "delete":
                del result[place : place + draw(st.integers(1, 6))]
            case "splice":
                start = draw(st.integers(0, len(donor)))
                length = draw(st.integers(0, 64))
                result[place : place + draw(st.integers(0, 64))] = donor[start : start + length]
            case "cut":
                del result[place:]
    return bytes(result)
