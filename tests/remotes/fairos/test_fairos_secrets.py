"""No secret shows in anything that is told, logged or raised, whatever goes wrong and whatever a server says."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from fairos_lab import ACCOUNT, PASSWORD, REFERENCE, Pauses, Scripted, client, head, message, raw

from sovrgit.credentials.logins import Login, PasswordLogin, SignatureLogin
from sovrgit.errors import SovrError
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.documents import LoggedIn, Shared
from sovrgit.remotes.fairos.session import SignedUp
from sovrgit.remotes.fairos.wire import Answer, Call

SIGNATURE = "c0ffee" * 20 + "0123456789"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uSWQiOiJ4eCJ9.c2lnbmF0dXJl-_x"
WORDS = "abandon ability able about above absent absorb abstract absurd abuse access accident"
CONTENT = "the very secret content of a file"
KEYS = (PASSWORD, SIGNATURE, TOKEN, REFERENCE.reveal())
SECRETS = (*KEYS, WORDS, CONTENT)

Do = Callable[[FairOS], object]

BY_PASSWORD = PasswordLogin("ann", PASSWORD)
BY_SIGNATURE = SignatureLogin.parse(SIGNATURE, PASSWORD)


def upload(fairos: FairOS) -> None:
    fairos.upload("p", "/", "f", CONTENT.encode(), len(CONTENT))


CALLS: dict[str, tuple[str, Login | None, Do]] = {
    "login": ("POST /v2/user/login", BY_PASSWORD, lambda f: f.log_in()),
    "signature": ("POST /v2/user/login-with-signature", BY_SIGNATURE, lambda f: f.log_in()),
    "sign-up": ("POST /v2/user/signup", None, lambda f: f.sign_up("ann", PASSWORD, WORDS)),
    "pods": ("GET /v1/pod/ls", BY_PASSWORD, lambda f: f.pods()),
    "share": ("POST /v1/pod/share", BY_SIGNATURE, lambda f: f.share_pod("p")),
    "info": ("GET /v1/pod/receiveinfo", BY_PASSWORD, lambda f: f.pod_info(REFERENCE)),
    "upload": ("POST /v1/file/upload", BY_SIGNATURE, upload),
    "download": ("POST /v1/file/download", BY_PASSWORD, lambda f: f.read_file("p", "/f", 3)),
    "public": ("GET /public-file", BY_PASSWORD, lambda f: f.read_public_file(REFERENCE, "/f", 3)),
    "logout": ("POST /v1/user/logout", BY_PASSWORD, lambda f: (f.log_in(), f.log_out())),
}

ALL = " | ".join(KEYS)


def echo(status: int) -> Callable[[httpx.Request], httpx.Response]:
    """A server that repeats what it was sent, but for files, and what else it may know of the user."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = b"" if request.url.path == "/v1/file/upload" else request.content
        said = f"{quote(PASSWORD)} {request.url} {body!r} {dict(request.headers)} {ALL} {ALL.upper()}"
        return httpx.Response(status, json={"message": f"download: {said}"})

    return answer


def failing(kind: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    """An error of httpx as httpx makes them: with the request, and here with its address in the text."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise kind(f"{request.url} {ALL}", request=request) from OSError(5, f"at {request.url}")

    return answer


FAULTS: dict[str, Any] = {
    **{f"echo {status}": echo(status) for status in (400, 401, 402, 403, 404, 418, 422, 429, 500, 503)},
    **{
        kind.__name__: failing(kind)
        for kind in (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ReadError,
            httpx.ReadTimeout,
            httpx.WriteError,
            httpx.WriteTimeout,
            httpx.PoolTimeout,
            httpx.RemoteProtocolError,
            httpx.LocalProtocolError,
            httpx.UnsupportedProtocol,
            httpx.ProxyError,
        )
    },
    "invalid address": httpx.InvalidURL(ALL),
    "redirect": httpx.Response(302, headers={"Location": f"https://fairos.test/{TOKEN}?ref={REFERENCE.reveal()}"}),
    "not JSON": httpx.Response(200, text=ALL),
    "other JSON": httpx.Response(200, json={"message": ALL, "pods": ALL, "fileSize": ALL, "podSharingReference": 1}),
    "short": httpx.Response(200, headers={"Content-Length": "100000"}, text=ALL),
    "wrong password": message(400, f"user login {ALL}: invalid password"),
    "postage": message(500, f"file upload {ALL}: batch is overissued"),
    "gone": message(500, f"{ALL}: user not logged-in"),
    "created": httpx.Response(201, json={"accessToken": ALL}),
    "no token": httpx.Response(200, json={"accessToken": ALL}),
    "reference": httpx.Response(200, json={"podSharingReference": REFERENCE.reveal() + "0"}),
    "upload": httpx.Response(200, json={"Responses": [{"fileName": "f", "message": ALL}]}),
}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    for name in ("sovrgit", "sovrgit.remotes.fairos.wire"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield caplog


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it drags along."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__]


def everything(error: BaseException) -> str:
    """All the text of an error and of what it drags along."""
    texts = ["".join(traceback.format_exception(error))]
    for found in chain(error):
        assert not type(found).__module__.startswith(("httpx", "httpcore", "h11", "msgspec", "json"))
        texts += [str(found), repr(found), repr(found.args), repr(vars(found)), *getattr(found, "__notes__", ())]
        if isinstance(found, SovrError):
            texts += [found.message, found.hint, repr(found.fields)]
            texts.append(repr(pickle.dumps(found)))
    return "\n".join(texts)


def records(logged: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {record.args!r} {record.exc_info!r}" for record in logged.records)


def assert_silent(text: str) -> None:
    for secret in SECRETS:
        for form in (secret, secret.upper(), quote(secret), quote_plus(secret)):
            for start in range(0, len(form) - 15):
                assert form[start : start + 16] not in text


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_nothing_shows(call: str, fault: str, logged: pytest.LogCaptureFixture) -> None:
    route, login, do = CALLS[call]
    begun = httpx.Response(200, json={"accessToken": TOKEN, "address": ACCOUNT})
    server = Scripted().on("POST /v2/user/login", begun).on("POST /v2/user/login-with-signature", begun)
    server.on(route, FAULTS[fault])
    fairos = client(server, login, pause=Pauses())
    text = ""
    try:
        do(fairos)
    except SovrError as error:
        text = everything(error)
        assert error.message
    else:
        # Some faults of some calls are no faults of others.
        assert fault in (
            "created",
            "no token",
            "other JSON",
            "reference",
            "upload",
            "not JSON",
            "gone",
            "echo 402",
            "echo 401",
        )
    fairos.close()
    assert records(logged).count("POST") + records(logged).count("GET") > 0
    assert_silent(text + records(logged) + repr(fairos))


@pytest.mark.parametrize("answer", [b"", None, head("200 OK", "Content-Length: 9") + b"x", b"\x00" * 50])
def test_nothing_shows_over_a_real_connection(answer: bytes | None, logged: pytest.LogCaptureFixture) -> None:
    with raw(answer, answer) as server, FairOS(server.address, BY_PASSWORD) as fairos:
        for do in (lambda: fairos.read_public_file(REFERENCE, "/f", 9), fairos.pods):
            with pytest.raises(SovrError) as failed:
                do()
            assert_silent(everything(failed.value))
        assert REFERENCE.reveal().encode() in server.requests[0] and PASSWORD.encode() in server.requests[1]
    assert_silent(records(logged))


def test_a_good_day_leaves_no_secret_in_the_log(logged: pytest.LogCaptureFixture) -> None:
    server = Scripted().on("GET /v1/pod/ls", httpx.Response(200, json={"pods": ["p"]}))
    server.on("GET /public-file", httpx.Response(200, content=CONTENT.encode()))
    server.on("POST /v2/user/login", httpx.Response(200, json={"accessToken": TOKEN, "address": ACCOUNT}))
    with client(server, BY_PASSWORD) as fairos:
        fairos.pods()
        assert fairos.read_public_file(REFERENCE, "/f", 100) == CONTENT.encode()
    told = records(logged)
    assert "GET /public-file: 200" in told
    assert_silent(told)
    assert not any(record.name.startswith(("httpx", "httpcore")) for record in logged.records)


def test_values_do_not_show_what_they_hold() -> None:
    fairos = client(Scripted(), BY_SIGNATURE)
    fairos.log_in()
    live = fairos._session._live
    query = {"sharingRef": REFERENCE.reveal()}
    values = (
        fairos,
        live,
        BY_PASSWORD,
        BY_SIGNATURE,
        REFERENCE,
        Call("GET", "/public-file", query),
        Answer(200, ALL.encode(), ALL),
        LoggedIn(TOKEN, ACCOUNT, WORDS),
        Shared(REFERENCE.reveal()),
        SignedUp(ACCOUNT, WORDS, complete=True),
    )
    assert_silent("".join(repr(value) + str(value) for value in values))
    assert "token-1" not in repr(live)
