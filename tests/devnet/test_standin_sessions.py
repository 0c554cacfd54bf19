"""Tokens, cookies, and what one session does not know of another."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standin_lab import PASSWORD, Person, client, message

from sovrgit.devnet.fairos import StandIn
from sovrgit.devnet.fairos.sessions import COOKIE_PATIENCE, TOKEN_LIFETIME


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        # About now, because clients throw away cookies that are past their time.
        self.time = time.time()

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(tmp_path: Path, clock: Clock) -> Iterator[StandIn]:
    with StandIn(tmp_path / "timed", clock=clock) as made:
        yield made


# --- tokens -------------------------------------------------------------------------------------------------------


def test_a_token_says_when_it_ends_and_for_which_session(timed: StandIn, clock: Clock) -> None:
    ada = Person(timed.url).sign_up()

    token = ada.http.headers["Authorization"].removeprefix("Bearer ")
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))

    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert claims["exp"] == int(clock.time) + TOKEN_LIFETIME and claims["sessionId"]


def test_a_token_ends(timed: StandIn, clock: Clock) -> None:
    ada = Person(timed.url).sign_up()
    assert ada.get("/v1/pod/ls").status_code == 200

    clock.time += TOKEN_LIFETIME

    assert (ada.get("/v1/pod/ls").status_code, message(ada.get("/v1/pod/ls"))) == (401, "jwt: invalid token")


@pytest.mark.parametrize("damage", [lambda t: t[:-2], lambda t: t + "A", lambda t: "x" + t, lambda t: "a.b.c"])
def test_a_token_that_was_tampered_with(ada: Person, damage: Callable[[str], str]) -> None:
    token = ada.http.headers["Authorization"].removeprefix("Bearer ")
    ada.http.headers["Authorization"] = f"Bearer {damage(token)}"

    assert (ada.get("/v1/pod/ls").status_code, message(ada.get("/v1/pod/ls"))) == (401, "jwt: invalid token")


def test_a_restart_makes_all_tokens_invalid_and_keeps_the_data(tmp_path: Path) -> None:
    with StandIn(tmp_path / "f") as first:
        ada = Person(first.url).sign_up()
        reference = ada.pod()
        ada.put("f", b"text")
    with StandIn(tmp_path / "f", port=first.port):
        assert message(ada.get("/v1/pod/ls")) == "jwt: invalid token"
        ada.log_in()
        assert ada.get("/v1/pod/ls").json()["pods"] == ["box"]
        assert ada.download("/f").content == ada.public(reference, "/f").content == b"text"


def test_tokens_and_sessions_can_be_made_to_die(standin: StandIn, ada: Person) -> None:
    standin.forget_sessions()
    dead = ada.get("/v1/pod/ls")
    assert (dead.status_code, message(dead)) == (400, "ls pod: user not logged-in")
    assert ada.get("/v1/pod/present", podName="box").json() == {"present": False}
    assert message(ada.download("/f")) == "download: user not logged-in"

    standin.forget_tokens()
    assert ada.get("/v1/pod/ls").status_code == 401

    assert ada.log_in().get("/v1/pod/present", podName="box").json() == {"present": True}


# --- cookies ------------------------------------------------------------------------------------------------------


def test_a_cookie_wins_over_a_token(standin: StandIn) -> None:
    ada, bob = Person(standin.url, "ada").sign_up(), Person(standin.url, "bob").sign_up()
    ada.pod("hers")
    bob.pod("his")
    with client(standin.url) as careless:
        careless.post("/v2/user/login", json={"userName": "bob", "password": PASSWORD})
        assert careless.cookies
        answer = careless.get("/v1/pod/ls", headers={"Authorization": ada.http.headers["Authorization"]})

    assert answer.json()["pods"] == ["his"]


def test_a_cookie_alone_is_taken_for_an_hour_and_ends_the_session_after_it(timed: StandIn, clock: Clock) -> None:
    ada = Person(timed.url).sign_up()
    with client(timed.url) as http:
        token = http.post("/v2/user/login", json={"userName": "ada", "password": PASSWORD}).json()["accessToken"]
        assert http.get("/v1/pod/ls").status_code == 200
        clock.time += COOKIE_PATIENCE + 1

        late = http.get("/v1/pod/ls")
        assert (late.status_code, message(late)) == (401, "logging out as cookie login timeout expired")

        http.cookies.clear()
        same_session = http.get("/v1/pod/ls", headers={"Authorization": f"Bearer {token}"})
        assert message(same_session) == "ls pod: user not logged-in"
    assert ada.get("/v1/pod/ls").status_code == 200


def test_cookies_of_a_server_with_a_domain_do_not_come_back(tmp_path: Path) -> None:
    with StandIn(tmp_path / "f", cookie_domain="api.fairos.io") as standin, client(standin.url) as http:
        answer = http.post("/v2/user/signup", json={"userName": "ada", "password": PASSWORD})
        assert "Domain=api.fairos.io" in answer.headers["set-cookie"] and "Secure" in answer.headers["set-cookie"]
        assert http.get("/v1/pod/ls").status_code == 401


@pytest.mark.parametrize("cookie", ["fairOS-dfs=x", "fairOS-dfs=a.b", "fairOS-dfs="])
def test_a_cookie_that_no_server_gave(standin: StandIn, cookie: str) -> None:
    with client(standin.url) as http:
        answer = http.get("/v1/pod/ls", headers={"Cookie": cookie})
    assert answer.status_code == 401 and message(answer).startswith("cookie: invalid cookie: ")


# --- what a session knows -----------------------------------------------------------------------------------------


@pytest.fixture
def other(standin: StandIn, ada: Person) -> Iterator[Person]:
    """Ada, a second time."""
    person = Person(standin.url).log_in()
    yield person
    person.http.close()


def test_new_names_are_not_seen_until_the_pod_is_closed(ada: Person, other: Person) -> None:
    ada.put("a", b"1")
    assert other.listed() == ["a"]
    ada.put("b", b"2")

    assert other.listed() == ["a"]
    assert other.post("/v1/pod/sync", podName="box").status_code == 200
    assert other.listed() == ["a"]
    assert message(other.get("/v1/file/stat", podName="box", filePath="/b")) == "file stat: file not found in dfs"
    # A path that is not known is looked up, whatever the listing says.
    assert other.download("/b").content == b"2"

    assert other.post("/v1/pod/close", podName="box").status_code == 200
    assert other.listed() == ["a", "b"]


def test_new_names_are_seen_after_a_login(ada: Person, other: Person) -> None:
    assert other.listed() == []
    ada.put("a", b"1")
    assert other.listed() == []
    assert other.log_in().listed() == ["a"]


@pytest.mark.parametrize("refresh", ["ls", "sync", "close"])
def test_new_content_is_not_seen_until_it_is_looked_for(ada: Person, other: Person, refresh: str) -> None:
    ada.put("a", b"old")
    assert other.listed() == ["a"] and other.download("/a").content == b"old"
    ada.put("a", b"newer")

    assert other.download("/a").content == b"old"
    assert other.public(ada.reference, "/a").content == b"newer"

    match refresh:
        case "ls":
            other.listed()
        case "sync":
            other.post("/v1/pod/sync", podName="box")
        case "close":
            other.post("/v1/pod/close", podName="box")
    assert other.download("/a").content == b"newer"


def test_a_file_that_was_deleted_elsewhere_is_still_served_from_the_cache(ada: Person, other: Person) -> None:
    ada.put("a", b"text")
    assert other.download("/a").content == b"text"

    ada.delete("/v1/file/delete", podName="box", filePath="/a")

    assert other.download("/a").content == b"text"
    assert message(ada.download("/a")) == "download: file not found in dfs"
    assert message(ada.public(ada.reference, "/a")) == "public pod file download: deleted feed"


def test_two_sessions_lose_each_others_names(ada: Person, other: Person) -> None:
    assert ada.listed() == other.listed() == []
    ada.put("hers", b"1")
    other.put("others", b"2")

    assert ada.log_in().listed() == ["others"]
    assert ada.download("/hers").content == b"1"


def test_a_received_pod_is_live_and_read_only(standin: StandIn, ada: Person) -> None:
    bob = Person(standin.url, "bob").sign_up()
    ada.put("a", b"1")
    received = bob.get("/v1/pod/receive", sharingRef=ada.reference)
    assert message(received) == 'public pod "box", added as shared pod'
    assert message(bob.get("/v1/pod/receive", sharingRef=ada.reference)) == "pod receive: pod already exists"

    ada.put("b", b"2")
    assert bob.listed() == ["a", "b"]
    assert message(bob.upload("c", b"3")) == "file upload: read only feed"
    deleted = bob.delete("/v1/file/delete", podName="box", filePath="/a")
    assert message(deleted) == "file delete: operation not permitted: read only pod"
    assert ada.log_in().listed() == ["a", "b"]


@pytest.mark.parametrize(("wanted", "name"), [("b", "b"), ("bx", "box"), ("ö", "box"), ("", "box")])
def test_a_name_for_a_received_pod_is_taken_if_it_is_one_byte(
    standin: StandIn, ada: Person, wanted: str, name: str
) -> None:
    bob = Person(standin.url, "bob").sign_up()
    bob.get("/v1/pod/receive", sharingRef=ada.reference, sharedPodName=wanted)
    assert bob.get("/v1/pod/ls").json() == {"pods": [], "sharedPods": [name]}
