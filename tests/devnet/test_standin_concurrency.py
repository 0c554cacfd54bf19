"""Many at once, in one session and in several."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from standin_lab import PASSWORD, Person

from sovrgit.devnet.fairos import Fault, Kind, StandIn

THREADS = 8


def content(number: int) -> bytes:
    return hashlib.shake_128(b"%d" % number).digest(200_000 + number)


def test_uploads_at_once_in_one_session_are_all_kept(ada: Person) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda number: ada.upload(f"f{number}", content(number)), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    # The listing may have lost names: nobody takes turns. The files are there.
    for number in range(24):
        assert ada.public(ada.reference, f"/f{number}").content == content(number)
    assert set(ada.log_in().listed()) <= {f"f{number}" for number in range(24)}


def test_uploads_at_once_in_sessions_of_their_own(standin: StandIn, ada: Person) -> None:
    writers = [Person(standin.url).log_in() for _ in range(4)]
    for writer in writers:
        assert writer.listed() == []
    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(lambda number: writers[number].put(f"f{number}", content(number)), range(len(writers))))
    # Each has written back the list that it knew, so the last one's name is the only one.
    assert len(ada.log_in().listed()) == 1
    for number in range(len(writers)):
        assert ada.download(f"/f{number}").content == content(number)


def test_readers_see_one_version_or_the_other(ada: Person) -> None:
    versions = {content(number) for number in range(12)}
    ada.put("f", content(0))
    with ThreadPoolExecutor(THREADS) as pool:
        read = [pool.submit(lambda: ada.public(ada.reference, "/f").content) for _ in range(60)]
        for number in range(12):
            ada.put("f", content(number))
        assert all(future.result() in versions for future in read)
    assert ada.public(ada.reference, "/f").content == content(11)


def test_people_at_once(standin: StandIn) -> None:
    def live(number: int) -> list[str]:
        person = Person(standin.url, f"user{number}").sign_up()
        person.pod("box")
        person.put("f", content(number))
        person.log_in()
        assert person.download("/f").content == content(number)
        return person.listed()

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(live, range(16))) == [["f"]] * 16


def test_one_name_for_two_people(standin: StandIn) -> None:
    def sign_up(_: int) -> int:
        with httpx.Client(base_url=standin.url, trust_env=False) as http:
            return http.post("/v2/user/signup", json={"userName": "eve", "password": PASSWORD}).status_code

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(sign_up, range(6))) == [201] + [400] * 5


def test_a_fault_hits_as_many_calls_as_it_says(standin: StandIn, ada: Person) -> None:
    standin.faults.add(Fault(Kind.ERROR, call="/v1/pod/ls", first=5, times=7))
    with ThreadPoolExecutor(THREADS) as pool:
        statuses = list(pool.map(lambda _: ada.get("/v1/pod/ls").status_code, range(40)))
    assert statuses.count(500) == 7


def test_counts_of_calls_at_once(standin: StandIn, ada: Person) -> None:
    standin.counts.clear()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: ada.get("/v1/pod/ls"), range(40)))
    assert standin.counts.all()["GET /v1/pod/ls"].calls == 40


@pytest.mark.parametrize("what", ["upload", "download"])
def test_closing_in_the_middle_of_a_transfer(standin: StandIn, ada: Person, what: str) -> None:
    large = b"x" * (64 << 20)
    ada.put("large", large)

    def pieces() -> Iterator[bytes]:
        yield b'--B\r\nContent-Disposition: form-data; name="files"; filename="f"\r\n\r\n' + large[: 1 << 20]
        standin.close()
        while True:
            yield large[: 1 << 20]

    with pytest.raises(httpx.TransportError):
        if what == "upload":
            headers = {"Content-Type": "multipart/form-data; boundary=B"}
            ada.http.post("/v1/file/upload", content=pieces(), headers=headers)
        else:
            query = {"podName": "box", "filePath": "/large"}
            with ada.http.stream("GET", "/v1/file/download", params=query) as answer:
                for piece in answer.iter_raw(1 << 20):
                    assert piece
                    standin.close()
    with StandIn(standin.folder, port=standin.port):
        assert ada.log_in().download("/large").content == large
