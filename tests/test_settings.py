"""What settings mean, which value of several counts, and that a pod never names a program or a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sovrgit.errors import ConfigInvalid
from sovrgit.pod.config import Config
from sovrgit.scopes import Scopes, user_file
from sovrgit.settings import SETTINGS, known, nearest, normal

PACKAGE = Path(__file__).parents[1] / "sovrgit"
_USED = re.compile(r"""(?:config|settings?|scopes?|user)\)?\.(?:get|set)\(\s*f?"([^"]+)"|\bsetting\(f?"([^"]+)\"""")


@pytest.fixture
def user(tmp_path: Path) -> Config:
    return Config(tmp_path / "user")


@pytest.fixture
def pod(tmp_path: Path) -> Config:
    return Config(tmp_path / "pod")


def test_every_setting_that_the_program_reads_is_described() -> None:
    used = {
        first or second
        for path in PACKAGE.rglob("*.py")
        if "templates" not in path.parts
        for first, second in _USED.findall(path.read_text(encoding="utf-8"))
    }
    used = {re.sub(r"\{[^}]*\}", "some", name) for name in used if "." in name}
    assert {"user.name", "pod.origin", "remote.some.url", "fairos.server"} <= used
    assert [name for name in sorted(used) if known(name) is None] == []


def test_descriptions_are_sentences() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.purpose[0].isupper() and setting.purpose.endswith("."), setting.name


def test_the_last_place_wins(user: Config, pod: Config) -> None:
    user.set("user.name", "Uma")
    pod.set("user.name", "Pat")
    environ = {"SOVR_AUTHOR_NAME": "Eve"}
    given = {"user.name": "Now"}

    assert Scopes(user).get("user.name") == "Uma"
    assert Scopes(user, pod).get("user.name") == "Pat"
    assert Scopes(user, pod, environ).get("user.name") == "Eve"
    assert Scopes(user, pod, environ, given).get("user.name") == "Now"
    assert [(entry.scope, entry.counts) for entry in Scopes(user, pod, environ, given).entries()] == [
        ("user", False),
        ("pod", False),
        ("environment", False),
        ("command", True),
    ]


@pytest.mark.parametrize(
    "name", ["core.pager", "Core.Pager", "core.editor", "fairos.server", "FAIROS.SERVER", "alias.x"]
)
def test_a_pod_names_no_program_and_no_server(user: Config, pod: Config, name: str) -> None:
    value = "https://evil.example"
    pod.set(name, value)

    assert Scopes(user, pod).get(name) is None
    ignored = Scopes(user, pod).ignored(name)
    assert ignored is not None and ignored.value == value and ignored.ignored
    (entry,) = Scopes(user, pod).entries()
    assert entry.ignored and not entry.counts
    user.set(name, "http://mine.example")
    assert Scopes(user, pod).get(name) == "http://mine.example"
    assert [entry.counts for entry in Scopes(user, pod).entries()] == [True, False]


def test_an_empty_variable_counts_for_the_pager_only(user: Config) -> None:
    user.set("core.pager", "less")
    user.set("core.editor", "vi")
    scopes = Scopes(user, environ={"SOVR_PAGER": "", "SOVR_EDITOR": ""})

    assert scopes.get("core.pager") == "" and scopes.get("core.editor") == "vi"


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("gc.auto", "maybe", "is neither `true` nor `false`"),
        ("remote.a.b.private", "2", "is neither `true` nor `false`"),
        ("fairos.server", "example.org", "is no address"),
        ("alias.l", "log 'x", "has a quote without its other half"),
        ("alias.l", "!sh", "would run another program"),
        ("alias.l", "--json log", "does not begin with a command"),
        ("alias.l", "", "does not begin with a command"),
    ],
)
def test_a_value_without_meaning_is_told_where_it_is_used(user: Config, name: str, value: str, wrong: str) -> None:
    setting = known(name)
    assert setting is not None and setting.check(value).startswith(wrong)
    user.set(name, value)
    with pytest.raises(ConfigInvalid, match=re.escape(wrong)) as raised:
        Scopes(user).get(name)
    assert str(user.path) in raised.value.message


def test_values_with_a_meaning() -> None:
    for name, value in (
        ("gc.auto", "Off"),
        ("gc.auto", "1"),
        ("fairos.server", "http://[::1]:9090"),
        ("alias.l", "log"),
    ):
        setting = known(name)
        assert setting is not None and setting.check(value) == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("usr.name", "user.name"),
        ("core.pagr", "core.pager"),
        ("remote.origin.ulr", "remote.origin.url"),
        ("alia.lg", "alias.lg"),
        ("something.else", None),
    ],
)
def test_what_was_probably_meant(typed: str, meant: str | None) -> None:
    assert known(typed) is None and nearest(typed) == meant


def test_names_are_compared_as_the_files_compare_them(user: Config) -> None:
    assert normal("Remote.Origin.URL") == "remote.Origin.url" and normal("A.B") == "a.b" and normal("x") == "x"
    user.set("User.Name", "Uma")
    assert Scopes(user).get("user.NAME") == "Uma"


def test_where_the_settings_of_the_user_are(tmp_path: Path) -> None:
    assert user_file({}, lambda: tmp_path).path == tmp_path / "config"
    assert user_file({"SOVR_CONFIG": "/x/y"}, lambda: tmp_path).path == Path("/x/y")
    assert list(user_file({"SOVR_CONFIG": ""}, lambda: tmp_path).items()) == []
