"""Settings: what is set is read back, and a file is never left unreadable."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovrgit.errors import ConfigInvalid, StorageFailure
from sovrgit.pod.config import Config

NAMES = ["user.name", "remote.origin.location", 'remote.with "quotes" and \\.location', "remote.a.b.c.location"]
VALUES = st.one_of(
    st.text(max_size=20),
    st.text(';# \t"\\\n\r\f\vé=[]\x85', max_size=10),
    st.binary(max_size=10).map(lambda data: data.decode("utf-8", "surrogateescape")),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "config")


def test_no_file_no_settings(config: Config) -> None:
    assert config.get("user.name") is None
    assert list(config.items()) == config.subsections("remote") == []
    config.set("user.name", None)
    assert not config.remove_section("remote.origin")


def test_settings(config: Config) -> None:
    config.set("user.name", "Ada")
    config.set("remote.origin.location", "/srv/pod")
    config.set("remote.b.location", "two")
    config.set("remote.b.location", "three")
    again = Config(config.path)
    assert (
        list(again.items())
        == list(config.items())
        == [
            ("user.name", "Ada"),
            ("remote.origin.location", "/srv/pod"),
            ("remote.b.location", "three"),
        ]
    )
    assert again.subsections("remote") == ["origin", "b"]
    assert again.remove_section("remote.origin")
    again.set("user.name", None)
    assert list(Config(config.path).items()) == [("remote.b.location", "three")]
    assert config.path.stat().st_mode & 0o777 == 0o600


def test_section_and_key_do_not_mind_capitals_and_the_subsection_does(config: Config) -> None:
    config.set("remote.Origin.location", "here")
    assert config.get("REMOTE.Origin.Location") == "here"
    assert config.get("remote.origin.location") is None


@settings(deadline=None)
@given(name=st.sampled_from(NAMES), value=VALUES, other=VALUES)
def test_what_is_set_is_read_back(name: str, value: str, other: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Config(Path(folder) / "config")
        config.set("other.setting", other)
        config.set(name, value)
        again = Config(config.path)
        assert again.get(name) == config.get(name) == value
        assert again.get("other.setting") == other


@settings(deadline=None)
@given(name=st.text(max_size=12), value=st.just("v") | VALUES)
def test_a_name_that_cannot_be_written_leaves_the_file_as_it_was(name: str, value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Config(Path(folder) / "config")
        config.set("user.name", "Ada")
        before = config.path.read_bytes()
        try:
            config.set(f"a{name}", value)
        except ConfigInvalid:
            assert config.path.read_bytes() == before
            assert list(config.items()) == [("user.name", "Ada")]
        else:
            assert Config(config.path).get(f"a{name}") == value
        assert Config(config.path).get("user.name") == "Ada"


@pytest.mark.parametrize(
    "name",
    ["", "user", ".name", "user.", "user.na me", "us er.name", "a.\nb.c", "a.b\n.c", "user.näme", "u\udfff.n"],
)
def test_names_that_are_refused(config: Config, name: str) -> None:
    with pytest.raises(ConfigInvalid):
        config.set(name, "value")
    assert not config.path.exists()


DAMAGED = [
    b"no section = 1\n",
    b"[user\nname = Ada\n",
    b'[user]\nname = "Ada\n',
    b"[us er]\n",
    b"[user]\nna me = Ada\n",
    b"\0\0\0\0",
    b'[remote origin]\nlocation = "x"\n',
]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_file_that_cannot_be_read_is_refused_and_kept(config: Config, data: bytes) -> None:
    config.path.write_bytes(data)
    for attempt in (
        lambda: config.get("user.name"),
        lambda: config.set("user.name", "Ada"),
        lambda: list(config.items()),
        lambda: config.subsections("remote"),
        lambda: config.remove_section("user"),
    ):
        with pytest.raises(ConfigInvalid, match=str(config.path)):
            attempt()
    assert config.path.read_bytes() == data


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text('[]"=\\ab.\n# \t;\0é', max_size=30).map(str.encode)))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_bytes(data)
        config = Config(path)
        try:
            before = dict(config.items())
            config.set("a.b", "c")
        except ConfigInvalid:
            assert path.read_bytes() == data
        else:
            assert dict(Config(path).items()) == {**before, "a.b": "c"}


def test_a_folder_in_the_place_of_the_file(config: Config) -> None:
    config.path.mkdir()
    with pytest.raises(ConfigInvalid):
        config.get("user.name")


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    config = Config(tmp_path / "file" / "config")
    with pytest.raises((StorageFailure, ConfigInvalid)):
        config.set("user.name", "Ada")


def test_settings_of_git_with_several_values_are_kept(config: Config) -> None:
    config.path.write_bytes(
        b'; by hand\n[remote "o"]\n\tfetch = one\n\tfetch = two # twice\n\tflag\n[Alias]\nX = "a;b"\n'
    )
    config.set("user.name", "Ada")
    assert list(Config(config.path).items()) == [
        ("remote.o.fetch", "one"),
        ("remote.o.fetch", "two"),
        ("remote.o.flag", "true"),
        ("Alias.X", "a;b"),
        ("user.name", "Ada"),
    ]


def test_nothing_is_included(config: Config, tmp_path: Path) -> None:
    """A line in a file must not pull in others, from anywhere on the disk."""
    (tmp_path / "more").write_bytes(b"[user]\nname = Eve\n")
    config.path.write_bytes(b"[include]\npath = more\n")
    assert config.get("user.name") is None
    config.set("user.email", "ada@example.org")
    assert list(Config(config.path).items()) == [("include.path", "more"), ("user.email", "ada@example.org")]


def test_git_reads_the_same(config: Config) -> None:
    values = {"user.name": 'a;b # "c" \\ d', "remote.a b.url": "  two\tspaces\n ", "x.y": "é", "x.empty": ""}
    for name, value in values.items():
        config.set(name, value)
    for name, value in values.items():
        command = ["git", "config", "--file", str(config.path), "-z", "--get", name]
        try:
            done = subprocess.run(command, capture_output=True, check=True)
        except FileNotFoundError:
            pytest.skip("git is not installed")
        assert done.stdout == value.encode() + b"\0"
