"""Addresses of servers: one form for each, and none that holds a secret."""

from __future__ import annotations

import pytest

from sovrgit.errors import ConfigInvalid
from sovrgit.remotes.fairos.address import DEFAULT, ServerAddress


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (DEFAULT, "http://localhost:9090"),
        (" HTTP://LocalHost:9090/ ", "http://localhost:9090"),
        ("https://fairos.example.org", "https://fairos.example.org"),
        ("https://fairos.example.org:443/", "https://fairos.example.org"),
        ("http://fairos.example.org:80", "http://fairos.example.org"),
        ("https://fairos.example.org:80", "https://fairos.example.org:80"),
        ("http://10.0.0.1:9090", "http://10.0.0.1:9090"),
        ("http://[::1]:9090", "http://[::1]:9090"),
        ("http://fair_os:9090", "http://fair_os:9090"),
    ],
)
def test_every_address_has_one_form(written: str, form: str) -> None:
    parsed = ServerAddress.parse(written)
    assert str(parsed) == form
    assert ServerAddress.parse(form) == parsed


@pytest.mark.parametrize("written", ["http://127.0.0.1:9090", "http://[::1]:9090/", "http://LOCALHOST:9090"])
def test_this_machine_is_one_server(written: str) -> None:
    assert ServerAddress.parse(written).identity == DEFAULT


@pytest.mark.parametrize(
    "written",
    ["https://localhost:9090", "http://localhost:9091", "http://127.0.0.2:9090", "http://localhost.example.org:9090"],
)
def test_what_is_another_server(written: str) -> None:
    parsed = ServerAddress.parse(written)
    assert parsed.identity == str(parsed) != DEFAULT


@pytest.mark.parametrize(
    "written",
    [
        "",
        "localhost",
        "ftp://host",
        "file:///etc/passwd",
        "http://",
        "http://:9090",
        "http://host:",
        "http://host:0",
        "http://host:65536",
        "http://host:-1",
        "http://host:x",
        "http://host/v1",
        "http://host?",
        "http://host/?x=1",
        "http://host/#",
        "http://host#x",
        "http://ho st",
        "http://-host",
        "http://host\\evil",
        "http://[::1",
        "http://[fe80::1%25eth0]:9090",
        "http://host\nother",
        "https://exämple.org",
    ],
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        ServerAddress.parse(written)
    assert refused.value.hint and "\n" not in refused.value.message


def test_a_missing_scheme_is_told() -> None:
    with pytest.raises(ConfigInvalid) as refused:
        ServerAddress.parse("localhost:9090")
    assert refused.value.message == "server address `localhost:9090`: it has no scheme"
    assert refused.value.hint == "did you mean `http://localhost:9090`?"


@pytest.mark.parametrize(
    "written",
    ["https://ann:s3cret@host", "https://s3cret@host", "http://host/s3cret", "s3cret://x", "https://ann:s3cret"],
)
def test_what_may_be_a_secret_is_not_repeated(written: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        ServerAddress.parse(written)
    assert "s3cret" not in refused.value.message + refused.value.hint + repr(refused.value.fields)
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("written", "private"),
    [
        ("http://localhost:9090", True),
        ("http://fairos.localhost", True),
        ("http://127.0.0.1:9090", True),
        ("http://127.8.9.1:9090", True),
        ("http://[::1]:9090", True),
        ("https://fairos.example.org", True),
        ("http://fairos.example.org", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_whether_others_can_listen(written: str, private: bool) -> None:
    assert ServerAddress.parse(written).private is private
