"""What answers mean: every message that servers were seen to send, with every status that it comes with."""

from __future__ import annotations

import pytest

from sovrgit.errors import LoginFailed, PostageExhausted, ReadOnly, RemoteUnavailable, SovrError
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.answers import failure_of, message_of
from sovrgit.remotes.fairos.failures import (
    FileAbsent,
    FolderAbsent,
    LoginDoubted,
    NameTaken,
    PodAbsent,
    ReferenceAbsent,
    SessionLost,
)
from sovrgit.remotes.fairos.wording import LONGEST, safe

SERVER = "http://fairos.test:9090"


def meaning(status: int, text: str, *, repeatable: bool = True, elsewhere: str = "") -> SovrError:
    return failure_of(status, text, SERVER, repeatable=repeatable, elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, "jwt: invalid token", SessionLost),
        (401, "cookie: invalid cookie: http: named cookie not present", SessionLost),
        (401, "", SessionLost),
        (400, "unauthorized", SessionLost),
        *((status, "ls pod: user not logged-in", SessionLost) for status in (400, 404, 500)),
        (404, "pod open: pod does not exist", PodAbsent),
        (404, "file upload: pod does not exist", PodAbsent),
        (400, "pod share: pod does not exist", PodAbsent),
        (500, "download: pod does not exist", PodAbsent),
        (400, "pod new: pod already exists", NameTaken),
        (500, "pod receive: pod already exists", NameTaken),
        (500, "pod fork: pod with fork name already exists", NameTaken),
        (500, "mkdir: directory name already present", NameTaken),
        (400, "user signup: user name already present", NameTaken),
        (500, "mkdir: directory not present", FolderAbsent),
        (404, "ls: directory not present", FolderAbsent),
        (404, "download: file not found in dfs", FileAbsent),
        (500, "file stat: file not found in dfs", FileAbsent),
        (500, "public pod file download: feed does not exist or was not updated yet", FileAbsent),
        (500, "public pod file download: deleted feed", FileAbsent),
        (500, "public pod file download: Not Found", ReferenceAbsent),
        (500, "pod receive info: Not Found", ReferenceAbsent),
        (404, "user login: no user available", LoginDoubted),
        (400, "user login: invalid password", LoginDoubted),
        (500, "user signup: number of word in mnemonic is not 12", LoginFailed),
        (500, "user signup: one or more of the mnemonic words is not in bip39 word list", LoginFailed),
        (500, "file upload: read only feed", ReadOnly),
        (500, "file delete: operation not permitted: read only pod", ReadOnly),
        (500, "file upload: batch is overissued", PostageExhausted),
        (500, "file upload: batch not usable yet or does not exist", PostageExhausted),
        (500, "mkdir: upload: batch with id not found", PostageExhausted),
        (500, "pod new: invalid batch id", PostageExhausted),
        (402, "", PostageExhausted),
        (422, "anything", PostageExhausted),
    ],
)
def test_what_is_known(status: int, text: str, kind: type[SovrError]) -> None:
    for repeatable in (True, False):
        assert type(meaning(status, text, repeatable=repeatable)) is kind


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_what_passes(status: int) -> None:
    for text in ("", "pod new: anything"):
        assert type(meaning(status, text, repeatable=False)) is Transient


@pytest.mark.parametrize(
    "text",
    [
        'download: Get "http://localhost:1633/bytes": dial tcp 127.0.0.1:1633: connect: connection refused',
        "download: context deadline exceeded",
        "file upload: upload: unexpected EOF",
        "ls pod: Node is syncing. This endpoint is unavailable. Try again later.",
    ],
)
def test_troubles_of_the_server_with_swarm_pass(text: str) -> None:
    assert type(meaning(500, text, repeatable=False)) is Transient


def test_an_unknown_failure_passes_only_if_the_request_may_be_repeated() -> None:
    for text in ("", "download: split write all failed"):
        assert type(meaning(500, text)) is Transient
        assert type(meaning(500, text, repeatable=False)) is RemoteUnavailable


@pytest.mark.parametrize(
    "text",
    [
        "pod new: invalid request body type",
        'pod new: "podName" argument missing',
        "pod new: pod name too long",
        "pod new: max number of pods reached",
        "mkdir: too long directory name",
        "file upload: upload: block size must be between 1000000 - 8000000 (1Mb - 8Mb)",
        "payload size is too large. maximum payload size is 4096 bytes",
        "user signup: password should be at least 12 characters long",
    ],
)
def test_what_another_attempt_would_not_change(text: str) -> None:
    for status in (400, 500):
        found = meaning(status, text)
        assert type(found) is RemoteUnavailable and f"the server says: {text}" in found.message


def test_a_server_that_is_something_else() -> None:
    for status in (404, 405):
        found = meaning(status, "")
        assert type(found) is RemoteUnavailable and "no FairOS server" in found.message
    assert type(meaning(404, "404: no such bucket")) is RemoteUnavailable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_told_and_not_followed(status: int) -> None:
    elsewhere = meaning(status, "", elsewhere="https://evil.example/public-file?sharingRef=abc")
    assert type(elsewhere) is RemoteUnavailable
    assert "evil" not in elsewhere.message + elsewhere.hint and "elsewhere" in elsewhere.message
    secure = meaning(status, "", elsewhere="https://fairos.test/v1/pod/ls")
    assert secure.hint == "use the address `https://fairos.test`"
    back = failure_of(status, "", "https://fairos.test", repeatable=True, elsewhere="http://fairos.test/")
    assert "elsewhere" in back.message and "http" not in back.hint


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message":"one"}\n', "one"),
        (b'{"message":"one","code":400}\n', "one"),
        (b'{"message":5}', ""),
        (b'["message"]', ""),
        (b'{"message":"cut', ""),
        (b"404 page not found", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_messages_of_every_shape(body: bytes, text: str) -> None:
    assert message_of(body) == text


def test_what_is_told_of_a_server() -> None:
    assert safe("download: file not found in dfs") == "download: file not found in dfs"
    assert safe("key " + "ab" * 32 + " is odd") == "key … is odd"
    assert safe("token eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uIjoxfQ.AAAA-BBBB_CC") == "token …"
    assert safe("wrong Open Sesame, ann", ["open sesame", ""]) == "wrong …, ann"
    assert safe("a\x1b[31mb\nc\x00\u202ed") == "a [31mb c d"
    assert len(safe("word " * 1000)) <= LONGEST
