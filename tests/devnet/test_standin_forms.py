"""Forms that are received: odd ones, malformed ones, large ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin_lab import Person, message

from sovrgit.devnet.fairos import StandIn


def form(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end


def field(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


FIELDS = (field("podName", b"box"), field("dirPath", b"/"), field("blockSize", b"1Mb"))
FILE = b'Content-Disposition: form-data; name="files"; filename="f"\r\n\r\ntext'


def send(ada: Person, body: bytes, kind: str = "multipart/form-data; boundary=B") -> tuple[int, str]:
    answer = ada.http.post("/v1/file/upload", content=body, headers={"Content-Type": kind})
    return answer.status_code, message(answer) if answer.status_code != 200 else ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"--B",
        b"--B--",
        form(*FIELDS, FILE, end=b""),
        form(*FIELDS, FILE, end=b"--B-"),
        form(*FIELDS, FILE).replace(b"\r\n\r\n", b"\r\n"),
        form(*FIELDS, b"No header and no end"),
        form(*FIELDS, b"Bad\x00Header: x\r\n\r\ny"),
        form(*[field(f"f{number}", b"") for number in range(1100)], *FIELDS, FILE),
    ],
)
def test_forms_that_are_none(standin: StandIn, ada: Person, body: bytes) -> None:
    status, said = send(ada, body)
    assert (status, said) == (400, 'file upload: "podName" argument missing')
    assert ada.download("/f").status_code == 404
    assert not list((standin.folder / "incoming").iterdir())


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary="]
)
def test_uploads_that_are_no_forms(ada: Person, kind: str) -> None:
    query = "/v1/file/upload?podName=box&dirPath=/&blockSize=1Mb"
    answer = ada.http.post(query, content=form(*FIELDS, FILE), headers={"Content-Type": kind})
    assert answer.status_code == 400 and "file upload: " in message(answer)


def test_a_field_that_is_huge(standin: StandIn, ada: Person) -> None:
    status, _ = send(ada, form(*FIELDS, field("huge", b"x" * (11 << 20)), FILE))
    assert status == 400
    assert not list((standin.folder / "incoming").iterdir())


def test_several_files_in_one_form(ada: Person) -> None:
    files = [("files", (name, name.encode())) for name in ("a", "b")] + [("other", ("c", b"c"))]
    form_ = {"podName": "box", "dirPath": "/", "blockSize": "1Mb"}
    answer = ada.http.post("/v1/file/upload", data=form_, files=files)
    assert [each["fileName"] for each in answer.json()["Responses"]] == ["a", "b"]
    assert ada.listed() == ["a", "b"]


def test_the_first_field_of_a_name_counts_and_the_address_before_it(ada: Person) -> None:
    twice = form(field("dirPath", b"/"), field("dirPath", b"/none"), field("podName", b"none"), FIELDS[2], FILE)
    answer = ada.http.post(
        "/v1/file/upload?podName=box", content=twice, headers={"Content-Type": "multipart/form-data; boundary=B"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("given_", "name"), [("/a/b/c", "c"), ("../../c", "c"), ("c/", "c"), ("ü", "ü"), ("a b", "a b"), ("a\\b", "a\\b")]
)
def test_names_of_files_are_cut_to_the_last_part(ada: Person, given_: str, name: str) -> None:
    ada.put(given_, b"text")
    assert ada.listed() == [name]


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(
    content=st.lists(st.sampled_from([b"\r\n--B", b"\r\n--", b"\r", b"\n", b"--B--", b"-", b"x", b"\r\n--B "])).map(
        b"".join
    )
)
def test_content_that_looks_like_a_boundary(ada: Person, content: bytes) -> None:
    ada.put("f", content)
    assert ada.download("/f").content == content


def test_bodies_in_chunks(standin: StandIn, ada: Person) -> None:
    whole = form(*FIELDS, FILE)
    pieces = (whole[at : at + 7] for at in range(0, len(whole), 7))
    answer = ada.http.post(
        "/v1/file/upload", content=pieces, headers={"Content-Type": "multipart/form-data; boundary=B"}
    )
    assert answer.status_code == 200 and ada.download("/f").content == b"text"
