"""Looking for secrets in all that would be sent: history, runs, records, and only what is new."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Mapping

import pytest
from pod_lab import Lab, Node, link, store_tree, text

from sovrgit.errors import ObjectMissing, SecretFound
from sovrgit.objects.commit import Commit
from sovrgit.objects.ids import Data, Kind, ObjectId
from sovrgit.objects.run import Run, RunStatus
from sovrgit.objects.tag import Tag
from sovrgit.pod import secondprocess
from sovrgit.pod.secretscan import contents, find, packs
from sovrgit.pod.secretscan.find import Finding, find_secrets, refusal, secrets_to_send
from sovrgit.pod.secretscan.looking import HEAD, WHOLE
from sovrgit.pod.secretscan.packs import looking_ahead
from sovrgit.remotes.collect import Collector
from sovrgit.store.catalogue import Location
from sovrgit.store.store import ObjectStore

TOKEN = b"ghp_" + b"aB3dE5gH7jK9" * 3
LOGIN = b'{"username": "ada", "password": "engine"}'

Files = Mapping[str, bytes | Node]


class Maker:
    """Objects in the store of a pod."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.store = lab.pod.store
        self.commits: list[ObjectId] = []

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        with self.store.session() as session:
            made = session.add(kind, data)
            session.commit()
        return made

    def tree(self, files: Files) -> ObjectId:
        nodes = {path.encode(): node if isinstance(node, Node) else text(node) for path, node in files.items()}
        return store_tree(self.store, nodes)

    def commit(self, files: Files, *parents: ObjectId, message: str = "m", run: ObjectId | None = None) -> ObjectId:
        made = Commit(self.tree(files), parents, self.lab.who(), message, run=run)
        self.commits.append(self.add(Kind.COMMIT, made.encode()))
        return self.commits[-1]

    def run(self, files: Files, output: Files, log: Files, **fields: object) -> ObjectId:
        recipe = self.add(Kind.BLOB, b"{}")
        made = Run(
            status=RunStatus.SUCCEEDED,
            pod="lab",
            recipe=recipe,
            input=self.tree(files),
            key=recipe,
            command=("true",),
            executor={"name": "local"},
            platform={"system": "any"},
            started=1,
            finished=2,
            output=self.tree(output),
            log=self.tree(log),
            **fields,  # type: ignore[arg-type]
        )
        return self.add(Kind.RUN, made.encode())

    def everything(self) -> dict[ObjectId, Location]:
        """All objects of the store, as if all of them were to be sent."""
        return {item: place for pack in self.store.packs() for item, place in self.store.contents(pack.id)}


@pytest.fixture
def made(lab: Lab) -> Maker:
    return Maker(lab)


def short(findings: Iterable[Finding]) -> list[tuple[str, str, int | None]]:
    return [(os.fsdecode(found.path), found.rule, found.line) for found in findings]


def both(made: Maker, items: Iterable[ObjectId], *allowed: bytes) -> list[Finding]:
    """What is found among these objects, asked in both ways."""
    found = find_secrets(made.store, items, allowed=allowed)
    assert secrets_to_send(made.store, made.everything(), allowed) == found
    return found


def test_a_pod_without_secrets(made: Maker) -> None:
    commit = made.commit({"recipe.json": b"{}", "script/run.sh": b"true\n", "payload/creds.txt": b"none"})

    assert both(made, [commit]) == []


def test_files_are_found_by_name_and_by_content(made: Maker) -> None:
    commit = made.commit({"creds.json": LOGIN, "deep/down/notes.txt": b"one\ntwo " + TOKEN, "fine.txt": b"fine"})

    found = both(made, [commit])

    assert short(found) == [("creds.json", "login", 1), ("deep/down/notes.txt", "github", 2)]
    assert [each.holder for each in found] == [commit, commit]
    assert bytes(made.store.read(found[0].object, Kind.BLOB)) == LOGIN
    assert found[0].what == "a login with its password"


def test_nothing_shows_the_secret(made: Maker) -> None:
    commit = made.commit({"creds.json": LOGIN, "notes.txt": TOKEN})
    found = both(made, [commit])
    error = refusal(found)

    for said in (repr(found), error.message, error.hint, repr(error.fields), str(error)):
        assert TOKEN.decode() not in said and "engine" not in said


def test_history_is_looked_through(made: Maker) -> None:
    first = made.commit({"a.txt": b"a", "creds.json": LOGIN})
    second = made.commit({"a.txt": b"b"}, first)

    found = both(made, [first, second])

    assert short(found) == [("creds.json", "login", 1)] and found[0].holder == first
    assert find_secrets(made.store, [second]) == []


def test_every_version_is_found(made: Maker) -> None:
    first = made.commit({"creds.json": LOGIN})
    second = made.commit({"creds.json": LOGIN.replace(b"engine", b"difference")}, first)

    found = both(made, [first, second])

    assert {each.holder for each in found} == {first, second} and len(found) == 2


def test_what_the_other_side_has_is_left_alone(made: Maker) -> None:
    known = made.commit({"folder/creds.json": LOGIN, "folder/a.txt": b"a", "b.txt": b"b"})
    later = made.commit({"folder/creds.json": LOGIN, "folder/a.txt": b"A", "b.txt": TOKEN})

    tree = made.store.commit(known).tree
    assert short(find_secrets(made.store, [later], [tree])) == [("b.txt", "github", 1)]
    assert find_secrets(made.store, [known], [tree]) == []
    assert find_secrets(made.store, [tree], [tree]) == []
    assert len(find_secrets(made.store, [tree])) == 1


def test_a_file_that_moves_into_another_folder_is_new_there(made: Maker) -> None:
    known = made.commit({"notes.txt": LOGIN})
    later = made.commit({"kept/creds.json": LOGIN}, known)

    assert short(find_secrets(made.store, [later])) == [("kept/creds.json", "login", 1)]


def test_one_content_at_several_paths(made: Maker) -> None:
    commit = made.commit(
        {"a/notes.txt": LOGIN, "b/creds.json": LOGIN, "c/creds.json": LOGIN, "d.txt": TOKEN, "e": TOKEN}
    )

    assert [path for path, _, _ in short(both(made, [commit]))] == ["b/creds.json", "c/creds.json", "d.txt", "e"]


def test_links_are_not_files(made: Maker) -> None:
    commit = made.commit({"creds.json": link(b"/home/ada/creds.json"), "x": link(TOKEN)})

    assert both(made, [commit]) == []


def test_paths_can_be_allowed(made: Maker) -> None:
    commit = made.commit(
        {"creds.json": LOGIN, "tests/a/creds.json": LOGIN, "tests/b.txt": TOKEN, "testsuite.txt": TOKEN}
    )

    assert [path for path, _, _ in short(both(made, [commit], b"creds.json", b"tests/"))] == ["testsuite.txt"]
    assert len(both(made, [commit], b"tests/a")) == 3
    assert len(both(made, [commit], b"creds", b"test")) == 4
    assert both(made, [commit], b"creds.json", b"tests", b"testsuite.txt") == []


def test_an_allowed_path_does_not_allow_the_same_content_elsewhere(made: Maker) -> None:
    commit = made.commit({"a.txt": TOKEN, "b.txt": TOKEN})

    assert short(both(made, [commit], b"a.txt")) == [("b.txt", "github", 1)]


def test_runs_are_looked_through(made: Maker) -> None:
    run = made.run(
        {"recipe.json": b"{}", "payload/.env": b"A=1"},
        {"output/result.txt": b"ok"},
        {"logs/run.log": b"start\ntoken " + TOKEN + b"\n"},
    )

    found = both(made, [run])

    assert short(found) == [("logs/run.log", "github", 2), ("payload/.env", "env", 1)]
    assert {each.holder for each in found} == {run}


def test_a_run_of_a_commit_is_looked_through_once(made: Maker) -> None:
    log = {"logs/run.log": TOKEN}
    run = made.run({"recipe.json": b"{}"}, {"output/x": b"x"}, log)
    commit = made.commit({"recipe.json": b"{}", "output/x": b"x", **log}, run=run)

    assert [found.path for found in both(made, [commit, run])] == [b"logs/run.log"]


def test_records_are_looked_through(made: Maker) -> None:
    run = made.run({}, {}, {}, parameters={"token": TOKEN.decode()})
    commit = made.commit({"a": b"a"}, message=f"use {TOKEN.decode()}")
    tag = made.add(Kind.TAG, Tag("v1", commit, Kind.COMMIT, made.lab.who(), TOKEN.decode()).encode())
    names = [f"commit {commit.short}", f"run {run.short}", f"tag {tag.short}"]

    found = both(made, [run, commit, tag])

    assert short(found) == [(name, "github", None) for name in names]
    assert short(both(made, [run, commit, tag], names[1].encode())) == [
        (names[0], "github", None),
        (names[2], "github", None),
    ]


def test_only_what_is_sent(made: Maker) -> None:
    commit = made.commit({"folder/a.txt": TOKEN, "b.txt": TOKEN + b"b", "c.txt": b"c"})
    needed = made.everything()
    first = next(item for item in needed if needed[item].size == len(TOKEN))

    found = secrets_to_send(made.store, needed, sent={first: needed[first]})

    assert short(found) == [("folder/a.txt", "github", 1)]
    without = {item: place for item, place in needed.items() if item != first}
    assert short(secrets_to_send(made.store, without)) == [("b.txt", "github", 1)]
    assert secrets_to_send(made.store, {commit: needed[commit]}) == []


def test_what_a_push_collects(made: Maker) -> None:
    log = {"logs/run.log": TOKEN}
    first = made.commit({"creds.json": LOGIN, "a.txt": b"a"})
    run = made.run({"a.txt": b"b"}, {"output/x": b"x"}, log)
    second = made.commit({"creds.json": LOGIN, "a.txt": b"b", "output/x": b"x", **log}, first, run=run)
    failed = made.run({"a.txt": b"b"}, {}, {"logs/run.log": b"failed " + TOKEN})
    third = made.commit({"a.txt": TOKEN + b"c"}, second)

    def pushed(known: list[ObjectId], *tips: ObjectId) -> list[tuple[str, ObjectId]]:
        collector = Collector(made.store, known)
        for tip in tips:
            collector.add(tip)
        found = secrets_to_send(made.store, collector.wanted)
        return [(os.fsdecode(each.path), each.holder) for each in found]

    assert pushed([], third) == [("a.txt", third), ("creds.json", first), ("logs/run.log", second)]
    assert pushed([first], third) == [("a.txt", third), ("logs/run.log", second)]
    assert pushed([second], third) == [("a.txt", third)]
    assert pushed([third], third, failed) == [("logs/run.log", failed)]
    assert pushed([third], third) == []


def test_a_path_need_not_be_text(made: Maker) -> None:
    tree = store_tree(made.store, {b"\xff/creds.json": text(LOGIN)})

    (found,) = find_secrets(made.store, [tree])

    assert found.path == b"\xff/creds.json" and found.holder == tree
    assert "`\\xff/creds.json` line 1 (a login with its password)" in refusal([found]).message


# --- large files, many files, damaged ones --------------------------------------------------------------------------


def test_large_files_are_looked_at_in_part(made: Maker) -> None:
    noise = random.Random(5).randbytes(2 * WHOLE).replace(b"\0", b"\1")
    early, late = TOKEN + b" " + noise, noise + b" " + TOKEN
    middle = b"x" * (HEAD - 10) + b" " + TOKEN + noise
    files = {"early.bin": early, "late.bin": late, "middle.bin": middle, "whole.txt": b"a " * 400_000 + TOKEN}

    assert [path for path, _, _ in short(both(made, [made.commit(files)]))] == ["early.bin", "whole.txt"]


def test_large_files_with_lists_of_lists(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    from sovrgit.store import chunking, chunklists, session

    for name, value in (("AVERAGE", 256), ("MINIMUM", 64), ("MAXIMUM", 1024), ("BLOCK", 4096)):
        monkeypatch.setattr(chunking, name, value)
    monkeypatch.setattr(session, "CHUNK_FROM", 1024)
    monkeypatch.setattr(chunklists, "MAX_LIST", 300)
    noise = random.Random(5).randbytes(60_000).replace(b"\0", b"\1")
    commit = made.commit({"a.bin": noise + b" " + TOKEN})
    assert max(place.depth for place in made.everything().values()) > 1
    monkeypatch.setattr(contents, "WHOLE", 30_000)
    monkeypatch.setattr(contents, "HEAD", 20_000)
    monkeypatch.setattr(find, "WHOLE", 30_000)

    assert find_secrets(made.store, [commit]) == []
    assert [path for path, _, _ in short(find_secrets(made.store, [made.commit({"b.bin": TOKEN + b" " + noise})]))] == [
        "b.bin"
    ]


MANY: Files = {
    **{f"{number // 50}/{number}.txt": b"%d " % number * 30 for number in range(500)},
    "3/creds.json": LOGIN,
    "6/short": b"x",
    "7/notes.txt": b"\n\n" + TOKEN,
    "8/large.txt": b"word " * 300_000 + TOKEN,
    "9/last.txt": TOKEN + b" ",
    "9/noise.txt": TOKEN + random.Random(2).randbytes(200).replace(b"\0", b""),
}
EXPECTED = [
    ("3/creds.json", "login", 1),
    ("7/notes.txt", "github", 3),
    ("9/last.txt", "github", 1),
    ("9/noise.txt", "github", 1),
]


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[ObjectId]:
    """Packs are looked at as wholes, and in small groups; those that were."""
    looked: list[ObjectId] = []
    original = packs._suspects

    def note(store: ObjectStore, pack: ObjectId) -> Iterator[ObjectId]:
        looked.append(pack)
        return original(store, pack)

    for name, value in (("_STORED", 2000), ("_PLAIN", 2000), ("MANY", 100), ("LARGE", 1000)):
        monkeypatch.setattr(packs, name, value)
    monkeypatch.setattr(find, "MANY", 100)
    monkeypatch.setattr(packs, "_suspects", note)
    return looked


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A second process helps; the processes that were made."""
    made: list[int] = []
    fork = os.fork

    def note() -> int:
        process = fork()
        if process:
            made.append(process)
        return process

    monkeypatch.setattr(os, "fork", note)
    monkeypatch.setattr(packs, "can_fork", lambda: True)
    monkeypatch.setattr(packs, "WORTHWHILE", 100)
    return made


def collected(made: Maker, tip: ObjectId) -> dict[ObjectId, Location]:
    collector = Collector(made.store, ())
    collector.add(tip)
    return collector.wanted


def test_many_files(made: Maker, whole: list[ObjectId]) -> None:
    assert short(both(made, [made.commit(MANY)])) == EXPECTED
    assert whole


def test_packs_of_which_little_is_wanted_are_not_looked_at_whole(made: Maker, whole: list[ObjectId]) -> None:
    commit = made.commit(MANY)
    needed = made.everything()
    few = {item: needed[item] for item in list(needed)[:50]}

    assert find_secrets(made.store, [commit], [made.store.commit(commit).tree]) == []
    secrets_to_send(made.store, needed, sent=few)
    assert not whole


def test_many_files_with_two_processes(made: Maker, whole: list[ObjectId], forks: list[int]) -> None:
    assert short(both(made, [made.commit(MANY)])) == EXPECTED
    assert len(forks) == 2


@pytest.mark.usefixtures("whole")
def test_many_files_when_the_second_process_dies(
    made: Maker, forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secondprocess.FromBothEnds, "from_end", lambda self: os._exit(9))

    assert short(find_secrets(made.store, [made.commit(MANY)])) == EXPECTED
    assert forks


def test_a_look_that_begins_before_it_is_known_what_is_needed(
    made: Maker, whole: list[ObjectId], forks: list[int]
) -> None:
    commit = made.commit(MANY)
    with looking_ahead(made.store, ()) as ahead:
        found = secrets_to_send(made.store, collected(made, commit), ahead=ahead)

    assert short(found) == EXPECTED and len(forks) == 1


def test_a_look_that_nobody_wanted(made: Maker, whole: list[ObjectId], forks: list[int]) -> None:
    made.commit(MANY)
    other = made.commit({"notes.txt": TOKEN})
    with looking_ahead(made.store, ()) as ahead:
        found = secrets_to_send(made.store, collected(made, other), ahead=ahead)

    assert short(found) == [("notes.txt", "github", 1)]
    assert len(forks) == 1 and not whole
    with pytest.raises(ChildProcessError):
        os.waitpid(forks[0], 0)


def test_no_look_at_what_the_other_side_has(made: Maker, whole: list[ObjectId], forks: list[int]) -> None:
    commit = made.commit(MANY)
    there = {info.id for info in made.store.packs()}
    with looking_ahead(made.store, there) as ahead:
        found = secrets_to_send(made.store, collected(made, commit), ahead=ahead)

    assert short(found) == EXPECTED and len(forks) == 1


def test_a_failure_ends_the_look(made: Maker, whole: list[ObjectId], forks: list[int]) -> None:
    made.commit(MANY)
    with pytest.raises(ZeroDivisionError), looking_ahead(made.store, ()):
        raise ZeroDivisionError
    with pytest.raises(ChildProcessError):
        os.waitpid(forks[0], 0)


def test_packs_that_cannot_be_read_are_looked_at_one_by_one(
    made: Maker, whole: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = made.commit(MANY)
    tried: list[int] = []

    def fail(*_: object) -> list[Data]:
        tried.append(1)
        raise ValueError("damaged")

    monkeypatch.setattr(packs, "_contents", fail)

    assert short(find_secrets(made.store, [commit])) == EXPECTED and tried and whole


def test_a_damaged_pack_is_told(made: Maker) -> None:
    commit = made.commit({f"{number}.txt": b"%d " % number * 30 for number in range(50)})
    (pack,) = {place.pack for place in made.everything().values() if place.kind is Kind.BLOB}
    path = made.store.pack_path(pack)
    data = bytearray(path.read_bytes())
    places = sorted(place.offset for place in made.everything().values() if place.kind is Kind.BLOB)
    for offset in range(places[3], places[-1]):
        data[offset] ^= 0x55
    os.chmod(path, 0o644)
    path.write_bytes(data)

    with pytest.raises(Exception) as failed:
        find_secrets(made.store, [commit])
    assert type(failed.value).__name__ in ("IntegrityFailure", "ObjectMissing")


def test_what_is_missing_is_told(made: Maker) -> None:
    with pytest.raises(ObjectMissing):
        find_secrets(made.store, [ObjectId(bytes(32))])


# --- the refusal ----------------------------------------------------------------------------------------------------


def test_the_refusal_names_a_few(made: Maker) -> None:
    files = {f"{number}/creds.json": LOGIN for number in range(7)}

    error = refusal(both(made, [made.commit(files)]))

    assert isinstance(error, SecretFound) and error.exit_code == 83
    assert error.message.startswith("not sent, because this looks like secrets: `0/creds.json` line 1 (a login with")
    assert error.message.endswith("`4/creds.json` line 1 (a login with its password), 2 more")
    assert error.fields["paths"] == "\n".join(files)
    assert "--allow-secret PATH" in error.hint


def test_the_refusal_names_a_path_once(made: Maker) -> None:
    first = made.commit({"creds.json": LOGIN + TOKEN})
    second = made.commit({"creds.json": LOGIN + b" " + TOKEN}, first)

    found = both(made, [first, second])

    assert len(found) == 4 and refusal(found).message.count("creds.json") == 1
