"""Sessions: begun late, begun anew when they have ended, ended; by whom, and what a refusal is worth."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fairos_lab import ACCOUNT, LOGIN, PASSWORD, URL, Pauses, Scripted, body_of, client, message, token

from sovrgit.credentials.logins import Login, PasswordLogin, SignatureLogin
from sovrgit.errors import LoginFailed, LoginNeeded, RemoteUnavailable
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.pods import PodNames
from sovrgit.remotes.fairos.session import LOGIN_ATTEMPTS
from sovrgit.remotes.fairos.timeouts import Timeouts

EMPTY = httpx.Response(200, json={"pods": ["one"], "sharedPods": ["two"]})
GONE = [
    message(401, "jwt: invalid token"),
    message(400, "ls pod: user not logged-in"),
    message(404, "pod open: user not logged-in"),
    message(500, "file stat: user not logged-in"),
    message(400, "unauthorized"),
]


def pods(*answers: httpx.Response | Exception) -> Scripted:
    return Scripted().on("GET /v1/pod/ls", *answers)


# --- beginning ------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_before_it_is_needed() -> None:
    server = pods(EMPTY)
    asked = []

    def find() -> Login:
        asked.append(1)
        return LOGIN

    with client(server, find):
        assert server.seen == [] == asked
    assert server.seen == [] == asked


def test_a_login_with_a_password() -> None:
    server = pods(EMPTY)
    fairos = client(server)
    assert fairos.pods() == PodNames(["one"], ["two"])
    first, second = server.seen
    assert (first.method, str(first.url)) == ("POST", f"{URL}/v2/user/login")
    assert body_of(first) == {"userName": "ann", "password": PASSWORD}
    assert first.headers["Content-Type"] == "application/json" and "Authorization" not in first.headers
    assert second.headers["Authorization"] == f"Bearer {token(1)}"
    assert fairos.log_in().user == "ann" and fairos.log_in().address == ACCOUNT
    fairos.pods()
    assert server.routes.count("POST /v2/user/login") == 1


@pytest.mark.parametrize("password", ["", "more"])
def test_a_login_with_a_signature(password: str) -> None:
    server = pods(EMPTY)
    client(server, SignatureLogin.parse("0x" + "aB" * 65, password)).pods()
    fields = {"signature": "ab" * 65} | ({"password": password} if password else {})
    assert server.routes[0] == "POST /v2/user/login-with-signature" and body_of(server.seen[0]) == fields


def test_no_login() -> None:
    with pytest.raises(LoginNeeded) as needed:
        client(Scripted(), None).pods()
    assert needed.value.exit_code == 80 and f"sovr login --server {URL}" in needed.value.hint


def test_a_login_that_is_found_when_it_is_needed() -> None:
    server = pods(EMPTY)
    asked = []

    def find() -> Login:
        asked.append(1)
        return LOGIN

    fairos = client(server, find)
    fairos.pods()
    fairos.log_out()
    fairos.pods()
    assert asked == [1]

    def none() -> Login:
        raise LoginNeeded(server=URL)

    with pytest.raises(LoginNeeded):
        client(server, none).pods()


def test_no_cookies() -> None:
    server = pods(httpx.Response(200, json={"pods": []}, headers={"Set-Cookie": "fairOS-dfs=other; Path=/"}))
    fairos = client(server)
    fairos.pods()
    fairos.pods()
    assert all("Cookie" not in request.headers for request in server.seen)


def test_several_threads_log_in_once() -> None:
    server = pods(EMPTY)
    fairos = client(server)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: fairos.pods(), range(16)))
    assert server.routes.count("POST /v2/user/login") == 1


# --- ending ---------------------------------------------------------------------------------------------------------


def test_the_session_is_ended() -> None:
    server = pods(EMPTY)
    with client(server) as fairos:
        fairos.pods()
    assert server.routes[-1] == "POST /v1/user/logout"
    assert server.last.headers["Authorization"] == f"Bearer {token(1)}" and server.last.content == b""


@pytest.mark.parametrize("answer", [message(500, "oops"), httpx.ConnectError("x"), message(500, "user not logged-in")])
def test_a_session_that_cannot_be_ended(answer: httpx.Response | Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = pods(EMPTY).on("POST /v1/user/logout", answer)
    with client(server) as fairos:
        fairos.pods()
    hidden = isinstance(answer, httpx.Response) and b"not logged-in" in answer.content
    assert ("not logged out" in caplog.text) is not hidden
    fairos = client(server)
    fairos.pods()
    if not hidden:
        with pytest.raises(RemoteUnavailable):
            fairos.log_out()
    fairos.log_out()


def test_a_farewell_does_not_take_long() -> None:
    server = pods(EMPTY)
    with client(server, timeouts=Timeouts(farewell=2.5)) as fairos:
        fairos.pods()
    assert server.last.extensions["timeout"]["read"] == 2.5


def test_after_the_end_another_session_begins() -> None:
    server = pods(EMPTY)
    fairos = client(server)
    fairos.pods()
    fairos.log_out()
    fairos.pods()
    assert server.last.headers["Authorization"] == f"Bearer {token(2)}"


# --- lost sessions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", GONE)
def test_a_lost_session_is_begun_anew(gone: httpx.Response) -> None:
    server = pods(gone, EMPTY)
    assert client(server).pods().own == ["one"]
    login, call = "POST /v2/user/login", "GET /v1/pod/ls"
    assert server.routes == [login, call, login, call]
    assert server.last.headers["Authorization"] == f"Bearer {token(2)}"


@pytest.mark.parametrize("gone", GONE)
def test_a_session_that_is_lost_at_once(gone: httpx.Response) -> None:
    server = pods(gone)
    with pytest.raises(LoginFailed, match="forgets its sessions"):
        client(server).pods()
    assert server.routes.count("POST /v2/user/login") == 2


def test_a_call_that_must_not_be_sent_twice_is_sent_again_if_the_session_was_lost() -> None:
    server = Scripted().on("POST /v1/pod/new", GONE[0], message(201, "pod created successfully"))
    assert client(server).make_pod("p")
    assert server.routes.count("POST /v1/pod/new") == 2


def test_a_failure_is_not_repeated() -> None:
    for failure in (message(503, ""), message(500, "oops"), httpx.ReadTimeout("x")):
        server = pods(failure)
        with pytest.raises(Transient):
            client(server).pods()
        assert server.routes.count("GET /v1/pod/ls") == 1


def test_several_threads_that_lose_a_session_begin_one() -> None:
    together = threading.Barrier(4)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"].endswith(token(1)):
            together.wait(20)
            return message(401, "jwt: invalid token")
        return httpx.Response(200, json={"pods": []})

    server = Scripted().on("GET /v1/pod/ls", answer)
    fairos = client(server)
    fairos.log_in()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fairos.pods(), range(4)))
    assert server.routes.count("POST /v2/user/login") == 2


STAT, UPLOAD, LOGIN_CALL = "GET /v1/file/stat", "POST /v1/file/upload", "POST /v2/user/login"
STORED = httpx.Response(200, json={"Responses": [{"fileName": "f", "message": "uploaded successfully"}]})


@pytest.mark.parametrize(
    ("known", "calls"),
    [
        (message(400, 'file stat: "podName" argument missing'), [LOGIN_CALL, UPLOAD, STAT, UPLOAD, UPLOAD]),
        (message(401, "jwt: invalid token"), [LOGIN_CALL, UPLOAD, STAT, LOGIN_CALL, UPLOAD, UPLOAD]),
    ],
)
def test_an_upload_that_broke_off_may_have_been_refused(known: httpx.Response, calls: list[str]) -> None:
    # The refusal of a token that has died does not always arrive before the connection breaks.
    server = Scripted().on(UPLOAD, httpx.WriteError("broken pipe"), STORED).on(STAT, known)
    fairos = client(server)
    with pytest.raises(Transient):
        fairos.upload("p", "/", "f", b"x", 1)
    fairos.upload("p", "/", "f", b"x", 1)
    fairos.upload("p", "/", "f", b"x", 1)
    assert server.routes == calls


def test_a_server_that_went_away_during_an_upload() -> None:
    known = message(400, 'file stat: "podName" argument missing')
    server = Scripted().on(UPLOAD, httpx.WriteError("x"), STORED).on(STAT, httpx.ConnectError("x"), known)
    fairos = client(server)
    for _ in range(2):
        with pytest.raises(Transient):
            fairos.upload("p", "/", "f", b"x", 1)
    fairos.upload("p", "/", "f", b"x", 1)
    assert server.routes == [LOGIN_CALL, UPLOAD, STAT, STAT, UPLOAD]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [message(400, "user login: invalid password"), message(404, "x: no user available")])
def test_a_refusal_may_be_a_timeout(answer: httpx.Response) -> None:
    good = httpx.Response(200, json={"address": ACCOUNT, "accessToken": "good"})
    server, pauses = pods(EMPTY).on("POST /v2/user/login", answer, answer, good), Pauses()
    client(server, pause=pauses).pods()
    assert pauses == [1.0, 2.0] and server.last.headers["Authorization"] == "Bearer good"


@pytest.mark.parametrize("answer", [message(400, "user login: invalid password"), message(404, "x: no user available")])
def test_a_refusal_that_stays(answer: httpx.Response) -> None:
    server = Scripted().on("POST /v2/user/login", answer)
    with pytest.raises(LoginFailed) as failed:
        client(server).pods()
    assert type(failed.value) is LoginFailed and failed.value.exit_code == 81
    assert len(server.seen) == LOGIN_ATTEMPTS
    assert "cut off from its network" in failed.value.hint


def test_a_login_that_fails_for_another_reason() -> None:
    for answer in (message(500, "user login: context deadline exceeded"), httpx.ReadTimeout("x"), message(502, "")):
        with pytest.raises(Transient):
            client(Scripted().on("POST /v2/user/login", answer)).pods()
    with pytest.raises(LoginFailed, match="in front of it"):
        client(Scripted().on("POST /v2/user/login", httpx.Response(401))).pods()


@pytest.mark.parametrize("given", [{}, {"accessToken": ""}, {"accessToken": "a\r\nX: y"}, {"accessToken": "t" * 9000}])
def test_a_server_without_tokens(given: dict[str, str]) -> None:
    answer = httpx.Response(200, json={"address": ACCOUNT, **given})
    with pytest.raises(RemoteUnavailable, match="no token"):
        client(Scripted().on("POST /v2/user/login", answer)).pods()


# --- new accounts ---------------------------------------------------------------------------------------------------

WORDS = "one two three four five six seven eight nine ten eleven twelve"


def signed_up(**fields: str) -> httpx.Response:
    return httpx.Response(201, json={"address": ACCOUNT, "accessToken": "new", **fields})


def test_signing_up() -> None:
    server = pods(GONE[0], EMPTY).on("POST /v2/user/signup", signed_up(mnemonic=WORDS))
    fairos = client(server, None)
    made = fairos.sign_up("ann", PASSWORD)
    assert (made.address, made.mnemonic, made.complete) == (ACCOUNT, WORDS, True)
    assert body_of(server.last) == {"userName": "ann", "password": PASSWORD}
    assert fairos.log_in().user == "ann"
    # The first session is the one that signing up began, the next one needs the login that it was told.
    fairos.pods()
    assert server.routes[1:] == ["GET /v1/pod/ls", "POST /v2/user/login", "GET /v1/pod/ls"]
    assert server.seen[1].headers["Authorization"] == "Bearer new"


def test_signing_up_with_words() -> None:
    server = Scripted().on("POST /v2/user/signup", signed_up())
    assert client(server, None).sign_up("ann", PASSWORD, WORDS).mnemonic == ""
    assert body_of(server.last)["mnemonic"] == WORDS


def test_an_account_without_funds() -> None:
    body = {"address": ACCOUNT, "mnemonic": WORDS, "message": "insufficient funds for creating account on fairOS-dfs"}
    server = Scripted().on("POST /v2/user/signup", httpx.Response(402, json=body))
    fairos = client(server, None)
    made = fairos.sign_up("ann", PASSWORD)
    assert (made.address, made.mnemonic, made.complete) == (ACCOUNT, WORDS, False)
    with pytest.raises(LoginNeeded):
        fairos.pods()
    server.on("POST /v2/user/signup", message(402, "insufficient funds"))
    with pytest.raises(LoginFailed, match="no funds"):
        fairos.sign_up("ann", PASSWORD)


@pytest.mark.parametrize(
    ("user", "password", "words", "reason"),
    [
        ("Ann", PASSWORD, None, "small letters"),
        ("", PASSWORD, None, "small letters"),
        ("ann lee", PASSWORD, None, "small letters"),
        ("ann", "short", None, "12 bytes"),
        ("ann", PASSWORD, "one two", "12, with one space"),
        ("ann", PASSWORD, WORDS.replace(" ", "  ", 1), "12, with one space"),
    ],
)
def test_what_no_account_can_have(user: str, password: str, words: str | None, reason: str) -> None:
    server = Scripted()
    with pytest.raises(LoginFailed, match=reason):
        client(server, None).sign_up(user, password, words)
    assert server.seen == []


def test_bytes_of_a_password_count() -> None:
    client(Scripted().on("POST /v2/user/signup", signed_up()), None).sign_up("ann", "пароль")


def test_an_account_that_is_refused() -> None:
    taken = Scripted().on("POST /v2/user/signup", message(400, "user signup: user name already present"))
    with pytest.raises(LoginFailed, match="the user name `ann` is taken"):
        client(taken, None).sign_up("ann", PASSWORD)
    wrong = Scripted().on("POST /v2/user/signup", message(500, "x: one of the words is not in bip39 word list"))
    with pytest.raises(LoginFailed, match="not the words"):
        client(wrong, None).sign_up("ann", PASSWORD, WORDS)
    # A second attempt would find that the name is taken, if the first one came through.
    unknown = Scripted().on("POST /v2/user/signup", message(500, "user signup: odd"))
    with pytest.raises(RemoteUnavailable) as failed:
        client(unknown, None).sign_up("ann", PASSWORD)
    assert not isinstance(failed.value, Transient)


def test_whether_a_user_is_there() -> None:
    server = Scripted().on("GET /v2/user/present", httpx.Response(200, json={"present": True}))
    assert client(server, None).user_present("ann") is True
    assert str(server.last.url) == f"{URL}/v2/user/present?userName=ann" and server.routes == ["GET /v2/user/present"]
    assert not client(server, None).user_present("Ann & \udcff") and len(server.seen) == 1


def test_logins_do_not_show() -> None:
    for login in (LOGIN, PasswordLogin("ann", PASSWORD), SignatureLogin.parse("ab" * 65, PASSWORD)):
        assert PASSWORD not in repr(login) + str(login) and "abab" not in repr(login)
