"""Pods and files beyond what was recorded: what is derived, and what is long."""

from __future__ import annotations

import hashlib

import pytest
from standin_lab import PASSWORD, Person, message

from sovrgit.devnet.fairos import StandIn


def test_a_sharing_reference_is_always_the_same(ada: Person) -> None:
    assert ada.post("/v1/pod/share", podName="box").json() == {"podSharingReference": ada.reference}
    other = ada.post("/v1/pod/share", podName="box", sharedPodName="other").json()["podSharingReference"]
    assert other != ada.reference and len(other) == 64 and int(other, 16)


def test_a_pod_that_is_made_again_has_the_address_and_not_the_password(ada: Person) -> None:
    ada.put("kept", b"1")
    ada.put("gone", b"2")
    address = ada.get("/v1/pod/stat", podName="box").json()["address"]
    info = ada.get("/v1/pod/receiveinfo", sharingRef=ada.reference).json()
    # A name that another session has taken out of the listing is not found when the pod is deleted.
    ada.delete("/v1/file/delete", podName="box", filePath="/gone")
    assert message(ada.delete("/v1/pod/delete", podName="box")) == "pod deleted successfully"
    assert message(ada.public(ada.reference, "/kept")) == "public pod file download: deleted feed"

    reference = ada.pod()

    assert ada.get("/v1/pod/stat", podName="box").json()["address"] == address
    again = ada.get("/v1/pod/receiveinfo", sharingRef=reference).json()
    assert again["podAddress"] == info["podAddress"] and again["password"] != info["password"]
    assert reference != ada.reference
    assert ada.listed() == []
    ada.put("new", b"3")
    assert ada.public(reference, "/new").content == b"3"
    assert "invalid character" in message(ada.public(ada.reference, "/new"))


def test_what_a_deleted_pod_left_behind_cannot_be_written_over(standin: StandIn, ada: Person) -> None:
    other = Person(standin.url).log_in()
    assert ada.listed() == other.listed() == []
    other.put("lost", b"old")
    ada.put("own", b"1")
    assert ada.delete("/v1/pod/delete", podName="box").status_code == 200

    reference = ada.pod()
    ada.put("lost", b"new")

    assert ada.download("/lost").content == b"new"
    assert "invalid character" in message(ada.public(reference, "/lost"))
    assert message(ada.log_in().download("/lost")) == "download: file not found in dfs"


def test_a_mnemonic_brings_back_an_account(ada: Person, standin: StandIn) -> None:
    made = ada.post("/v2/user/signup", userName="bob", password=PASSWORD)
    mnemonic = made.json()["mnemonic"]
    taken = ada.post("/v2/user/signup", userName="bob", password=PASSWORD)
    assert (taken.status_code, message(taken)) == (400, "user signup: user name already present")

    again = ada.post("/v2/user/signup", userName="bob", password="another long password", mnemonic=mnemonic)
    assert again.status_code == 201 and "mnemonic" not in again.json()
    assert again.json()["address"] == made.json()["address"]
    assert message(ada.post("/v2/user/login", userName="bob", password=PASSWORD)) == "user login: invalid password"


def test_an_account_behind_a_signature(standin: StandIn) -> None:
    person = Person(standin.url)

    def address(**given: str) -> str:
        return str(person.post("/v2/user/login-with-signature", **given).json()["address"])

    signature = "ab" * 65
    assert address(signature=signature) == address(signature=signature) == address(signature=signature[:64])
    assert (
        len({address(signature=signature), address(signature=signature, password="x"), address(signature="cd" * 32)})
        == 3
    )


@pytest.mark.parametrize(
    ("size", "status"), [("999999", 500), ("1MB", 200), ("8Mb", 200), ("8000001", 500), ("8MiB", 500)]
)
def test_block_sizes(ada: Person, size: str, status: int) -> None:
    assert ada.upload("f", b"text", block=size).status_code == status


def test_a_refused_block_size_takes_the_name_out_of_the_listing(ada: Person) -> None:
    ada.put("f", b"text")
    assert ada.upload("f", b"more", block="64Mb").status_code == 500
    assert ada.listed() == []
    assert ada.download("/f").content == b"text"


@pytest.mark.parametrize(("length", "told"), [(3700, None), (5000, "payload size is too large")])
def test_names_have_to_fit_into_a_chunk(ada: Person, length: int, told: str | None) -> None:
    answer = ada.upload("n" * length, b"text")
    assert answer.status_code == (500 if told else 200)
    assert told is None or told in message(answer)


def test_without_overwriting_the_old_file_keeps_another_name(ada: Person) -> None:
    ada.put("f", b"old")
    ada.put("f", b"new", overwrite="false")
    aside, name = ada.listed()
    assert name == "f" and aside.endswith("_f")
    assert (ada.download(f"/{aside}").content, ada.download("/f").content) == (b"old", b"new")


def test_a_fork_is_a_copy(ada: Person) -> None:
    ada.post("/v1/dir/mkdir", podName="box", dirPath="/d")
    ada.put("f", b"text", folder="/d")
    assert message(ada.post("/v1/pod/fork", podName="box", forkName="copy")) == "pod forked successfully"
    ada.put("f", b"changed", folder="/d")
    assert ada.download("/d/f", pod="copy").content == b"text"
    assert ada.listed("/d", pod="copy") == ["f"]


def test_forking_what_is_no_reference_makes_an_empty_pod(ada: Person) -> None:
    answer = ada.post("/v1/pod/fork-from-reference", podSharingReference="no hex", forkName="copy")
    assert (answer.status_code, message(answer)) == (200, "pod forked successfully")
    assert ada.get("/v1/pod/ls").json()["pods"] == ["box", "copy"]


def test_large_files_come_back_whole(ada: Person) -> None:
    content = hashlib.shake_128(b"large").digest(9_000_001)
    ada.put("f", content, block="4Mb")
    answer = ada.download("/f")
    assert answer.content == content and answer.headers["content-length"] == "9000001"
    assert answer.headers["content-type"] == "application/octet-stream"
    shared = ada.post("/v1/file/share", podName="box", filePath="/f", destUser="x").json()["fileSharingReference"]
    assert ada.get("/v1/file/receiveinfo", sharingRef=shared).json()["numberOfBlocks"] == "3"


def test_a_received_file_is_a_snapshot(standin: StandIn, ada: Person) -> None:
    ada.put("f", b"then")
    shared = ada.post("/v1/file/share", podName="box", filePath="/f", destUser="bob").json()["fileSharingReference"]
    assert len(shared) == 128
    ada.put("f", b"now")
    ada.delete("/v1/file/delete", podName="box", filePath="/f")
    bob = Person(standin.url, "bob").sign_up()
    bob.pod()

    received = bob.get("/v1/file/receive", podName="box", sharingRef=shared, dirPath="/")

    assert received.json() == {"fileName": "/f"}
    assert bob.download("/f").content == b"then" and bob.listed() == ["f"]


def test_the_listing_of_a_directory_is_a_file(ada: Person) -> None:
    ada.post("/v1/dir/mkdir", podName="box", dirPath="/d")
    ada.put("f", b"text", folder="/d")
    document = ada.public(ada.reference, "/d/index.dfs").json()
    assert document["fileOrDirNames"] == ["_F_f"] and document["meta"]["name"] == "d"
    assert ada.download("/d/index.dfs").json() == document
