"""`sovr login`, `logout` and `whoami` against the stand-in: what is asked, kept and shown, and what never is."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lab import Cli, terminal

from sovrgit.commands.accounts import connect
from sovrgit.commands.app import App
from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.errors import LoginNeeded
from sovrgit.remotes.fairos.address import ServerAddress

PASSWORD = "correct horse battery staple"
SIGNATURE = "c0ffee" * 20 + "0123456789"


class Lab:
    """A command line, and a server that it finds in its environment."""

    def __init__(self, cli: Cli, server: StandIn, folder: Path) -> None:
        self.cli = cli
        self.server = server
        self.url = server.url
        self.file = folder / "config" / "credentials"
        self.environ = {"SOVR_FAIROS_URL": server.url, "SOVR_CREDENTIALS": str(self.file)}
        cli.set(**self.environ)

    def type(self, *lines: str) -> None:
        """What standard input has for the next command."""
        data = "".join(line + "\n" for line in lines).encode()
        self.cli._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    def account(self, user: str = "ann") -> str:
        """Make an account; its words. Nobody is logged in afterwards."""
        self.type(PASSWORD)
        words: str = self.cli.json("login", "--new", "--user", user, "--password-stdin")["mnemonic"]
        self.cli("logout")
        return words


@pytest.fixture
def lab(cli: Cli, tmp_path: Path) -> Iterator[Lab]:
    with StandIn(tmp_path / "fairos") as server:
        yield Lab(cli, server, tmp_path)


# --- logging in -----------------------------------------------------------------------------------------------------


def test_logging_in_and_out(lab: Lab) -> None:
    lab.account()
    lab.type(PASSWORD)
    said = lab.cli("login", "--user", "ann", "--password-stdin")
    assert said.lines[0].startswith(f"logged in at {lab.url} as ann (0x")
    assert said.err == f"the login is kept in {lab.file}\n"
    assert stat.S_IMODE(lab.file.stat().st_mode) == 0o600
    who = lab.cli("whoami")
    assert [line.split()[0] for line in who.lines] == ["server", "user", "address", "login"]
    assert who.lines[0].endswith(lab.url) and who.lines[1].endswith("ann") and who.lines[3].endswith(str(lab.file))
    assert lab.cli("-q", "whoami").out == "ann\n"
    out = lab.cli("logout")
    assert out.out == "" and out.err == f"logged out of {lab.url}: the login was removed from {lab.file}\n"
    assert lab.cli("logout").err == f"no login was kept for {lab.url}\n"
    none = lab.cli("whoami", code=1)
    assert none.out == "" and none.err.startswith(f"not logged in at {lab.url}\nhint: `sovr login --server {lab.url}`")
    for each in (said, who, out, none):
        assert PASSWORD not in each.out + each.err


def test_this_machine_by_its_other_name(lab: Lab) -> None:
    """A devnet prints the number, and the usual server is named by the word."""
    lab.account()
    lab.type(PASSWORD)
    lab.cli("login", "--user", "ann", "--password-stdin")
    word = lab.url.replace("127.0.0.1", "localhost")
    assert word != lab.url
    lab.cli.set(SOVR_FAIROS_URL=word)
    assert lab.cli.json("whoami")["user"] == "ann"
    assert lab.cli.json("pods")["pods"] == []
    lab.cli("logout")
    lab.cli("whoami", "--server", lab.url, code=1)


def test_the_documents(lab: Lab) -> None:
    assert lab.account().count(" ") == 11
    lab.type(PASSWORD)
    made = lab.cli.json("login", "--user", "ann", "--password-stdin")
    assert (made["server"], made["user"], made["kept_in"], made["mnemonic"]) == (lab.url, "ann", str(lab.file), None)
    who = lab.cli.json("whoami")
    assert who["logged_in"] and who["address"] == made["address"] and not who["checked"]
    assert lab.cli.json("whoami", "--check")["checked"]
    assert lab.cli.json("logout")["removed_from"] == [str(lab.file)]
    assert lab.cli.json("logout")["removed_from"] == []
    none = lab.cli.json("whoami", code=1)
    assert not none["logged_in"] and none["user"] is None and none["kept_in"] is None


def test_no_session_stays_at_the_server(lab: Lab) -> None:
    lab.account()
    lab.type(PASSWORD)
    lab.cli("login", "--user", "ann", "--password-stdin")
    lab.cli("whoami", "--check")
    counts = lab.server.counts.all()
    began = counts["POST /v2/user/login"].calls + counts["POST /v2/user/signup"].calls
    assert counts["POST /v1/user/logout"].calls == began == 3


def test_a_wrong_password_is_not_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.remotes.fairos.session.LOGIN_PAUSE", 0.0)
    lab.account()
    lab.type("a wrong password")
    failure = lab.cli.failure("login", "--user", "ann", "--password-stdin", code=81)
    assert failure["code"] == "LoginFailed" and "a wrong password" not in json.dumps(failure)
    lab.cli("whoami", code=1)


def test_a_refusal_may_pass(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovrgit.remotes.fairos.session.LOGIN_PAUSE", 0.0)
    lab.account()
    lab.server.faults.add(Fault(Kind.BAD_LOGIN, times=2))
    lab.type(PASSWORD)
    lab.cli("login", "--user", "ann", "--password-stdin")


def test_a_signature(lab: Lab) -> None:
    lab.type("0x" + SIGNATURE)
    said = lab.cli("login", "--signature-stdin")
    assert f"logged in at {lab.url} as a wallet's signature (0x" in said.out and "c0ffee" not in said.out + said.err
    first = lab.cli.json("whoami")
    assert first["user"] is None and first["address"].startswith("0x")
    assert "none, a wallet's signature" in lab.cli("whoami").out
    assert lab.cli("-q", "whoami").out.strip() == first["address"]
    lab.type(SIGNATURE, PASSWORD)
    lab.cli("login", "--signature-stdin", "--password-stdin")
    assert lab.cli.json("whoami")["address"] != first["address"]
    lab.type("c0ffee")
    refused = lab.cli("login", "--signature-stdin", code=13)
    assert refused.err.startswith("error: signature: it must be an even number of hex digits")


def test_a_new_account(lab: Lab) -> None:
    lab.type(PASSWORD)
    said = lab.cli("login", "--new", "--user", "ann", "--password-stdin")
    words = said.lines[2].strip()
    assert len(words.split()) == 12 and "These twelve words are the account itself" in said.err
    assert words not in lab.file.read_text()
    lab.type(PASSWORD)
    taken = lab.cli("login", "--new", "--user", "ann", "--password-stdin", code=81)
    assert "the user name `ann` is taken" in taken.err
    lab.type(PASSWORD, words)
    again = lab.cli("login", "--new", "--user", "ann2", "--password-stdin", "--mnemonic-stdin")
    assert words not in again.out and len(again.lines) == 1
    lab.type("short")
    assert "12 bytes or more" in lab.cli("login", "--new", "--user", "ben", "--password-stdin", code=81).err


def test_the_words_show_even_if_the_login_cannot_be_kept(lab: Lab) -> None:
    lab.file.parent.mkdir()
    lab.file.write_text("not a file of secrets")
    lab.file.chmod(0o644)
    lab.type(PASSWORD)
    said = lab.cli("login", "--new", "--user", "ann", "--password-stdin", code=13)
    assert len(said.lines[2].split()) == 12 and "others may read" in said.err


def test_an_account_without_funds(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from sovrgit.remotes.fairos.session import SignedUp

    words = "one two three four five six seven eight nine ten eleven twelve"
    made = SignedUp("0x" + "ab" * 20, words, complete=False)
    monkeypatch.setattr("sovrgit.remotes.fairos.client.FairOS.sign_up", lambda *_: made)
    lab.type(PASSWORD)
    said = lab.cli("login", "--new", "--user", "ann", "--password-stdin", code=81)
    assert said.lines[0] == made.address and said.lines[2].strip() == words
    assert "--mnemonic-stdin" in said.err and words not in said.err
    lab.type(PASSWORD)
    document = json.loads(lab.cli("--json", "login", "--new", "--user", "ann", "--password-stdin", code=81).out)
    assert document["kept_in"] is None and document["mnemonic"] == words
    assert not lab.file.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--signature-stdin", "--user", "ann"], "a signature stands for an account of its own"),
        (["--signature-stdin", "--new"], "a signature stands for an account of its own"),
        (["--mnemonic-stdin"], "`--mnemonic-stdin` goes with `--new`"),
        (["--user", "ann", "--password-stdin"], "standard input has no password"),
        (["--signature-stdin"], "standard input has no signature"),
    ],
)
def test_usage(lab: Lab, arguments: list[str], message: str) -> None:
    lab.type()
    assert lab.cli("login", *arguments, code=2).err.startswith(f"error: {message}")


def test_nobody_to_ask(lab: Lab) -> None:
    for arguments in ([], ["--user", "ann"], ["--password-stdin"]):
        lab.type(PASSWORD)
        said = lab.cli("login", *arguments, code=24)
        assert "hint: give `--user NAME` and `--password-stdin`" in said.err


def test_a_server_that_is_not_there(lab: Lab) -> None:
    lab.server.close()
    lab.type(PASSWORD)
    said = lab.cli("login", "--user", "ann", "--password-stdin", code=52)
    assert "no server is running there" in said.err and "check its address" in said.err


# --- on a terminal --------------------------------------------------------------------------------------------------


def test_questions(lab: Lab) -> None:
    lab.account()
    with terminal(lab.cli.folder, "login", environ={**lab.environ, "NO_COLOR": "1"}) as shell:
        shell.expect("User name: ")
        shell.type("ann\n")
        shell.expect("Password: ")
        shell.wait_for_sleep()
        shell.type(PASSWORD + "\n")
        shown, code = shell.end()
    assert code == 0 and "logged in at" in shown and PASSWORD not in shown
    assert lab.cli("-q", "whoami").out == "ann\n"


def test_a_new_password_is_asked_for_twice(lab: Lab) -> None:
    with terminal(lab.cli.folder, "login", "--new", "--user", "ben", environ=lab.environ) as shell:
        shell.expect("Password: ")
        shell.wait_for_sleep()
        shell.type(PASSWORD + "\n")
        shell.expect("Repeat for confirmation: ")
        shell.wait_for_sleep()
        shell.type(PASSWORD + "\n")
        shown, code = shell.end()
    assert code == 0 and "These twelve words" in shown and PASSWORD not in shown


# --- which server ---------------------------------------------------------------------------------------------------


def test_which_server(lab: Lab) -> None:
    def server(*arguments: str) -> str:
        found: str = lab.cli.json("whoami", *arguments, code=1)["server"]
        return found

    assert server("--server", "https://Fairos.example.org/") == "https://fairos.example.org"
    assert server() == lab.url
    lab.cli._patch.delenv("SOVR_FAIROS_URL")
    assert server() == "http://localhost:9090"
    lab.cli.write("user config", '[fairos]\n\tserver = "http://here.example:1"\n')
    lab.cli.set(SOVR_CONFIG=str(lab.cli.folder / "user config"))
    assert server() == "http://here.example:1"
    lab.cli.pod()
    # A pod does not say whom the login is sent to.
    lab.cli.write(".sovr/config", '[fairos]\n\tserver = "http://pod.example:2"\n')
    said = lab.cli("whoami", code=1)
    assert "http://here.example:1" in said.out + said.err and "pod.example" not in said.out + said.err
    assert said.err.startswith("warning: `fairos.server` in `")
    lab.cli("-c", "fairos.server=http://now.example:3", "whoami", code=1)
    lab.cli.set(SOVR_FAIROS_URL="ftp://x")
    assert "`fairos.server` is no address" in lab.cli("whoami", code=13).err


def test_each_server_has_its_login(lab: Lab) -> None:
    lab.account()
    lab.type(PASSWORD)
    lab.cli("login", "--user", "ann", "--password-stdin")
    lab.cli("whoami", "--server", "http://other.example", code=1)
    assert lab.cli("logout", "--server", "http://other.example").err.startswith("no login was kept")
    lab.cli("whoami", "--server", lab.url + "/")


def test_a_connection_that_others_can_read(lab: Lab) -> None:
    lab.type()
    said = lab.cli("login", "--server", "http://fairos.example", "--user", "ann", "--password-stdin", code=2)
    assert said.err.startswith("warning: the connection to http://fairos.example is not encrypted")
    lab.type()
    assert "warning" not in lab.cli("login", "--user", "ann", "--password-stdin", code=2).err


# --- environment and old files --------------------------------------------------------------------------------------


def test_the_environment_wins(lab: Lab, tmp_path: Path) -> None:
    lab.account("bot")
    lab.account()
    lab.cli.set(SOVR_FAIROS_USER="bot", SOVR_FAIROS_PASSWORD=PASSWORD)
    who = lab.cli.json("whoami", "--check")
    assert (who["user"], who["kept_in"]) == ("bot", "the environment") and who["address"]
    assert "`sovr whoami --check` asks the server" in lab.cli("whoami").out
    lab.type(PASSWORD)
    assert "wins over this one" in lab.cli("login", "--user", "ann", "--password-stdin").err
    assert lab.cli("-q", "whoami").out == "bot\n"
    assert "still is a login in the environment" in lab.cli("logout").err
    # It is meant for the server of the environment, and no other gets to see it.
    lab.cli("whoami", "--server", "http://other.example", code=1)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    lab.cli.set(SOVR_FAIROS_PASSWORD="", SOVR_FAIROS_PASSWORD_FILE=str(secret))
    assert lab.cli.json("whoami", "--check")["user"] == "bot"
    secret.unlink()
    assert lab.cli("whoami", code=43).err.startswith(f"error: `{secret}`: no such file")
    lab.cli.set(SOVR_FAIROS_PASSWORD_FILE="")
    assert "half of a login" in lab.cli("whoami", code=13).err


def test_a_signature_in_the_environment(lab: Lab) -> None:
    lab.cli.set(SOVR_FAIROS_SIGNATURE=SIGNATURE)
    assert lab.cli.json("whoami", "--check")["address"].startswith("0x")


@pytest.fixture
def old(lab: Lab) -> Path:
    """What the first Sovr CLI left, for the only server that it knew."""
    lab.cli._patch.setattr("sovrgit.accounts.DEFAULT", lab.url)
    lab.account("reza")
    return lab.cli.write("creds.json", json.dumps({"username": "reza", "password": PASSWORD}))


def test_the_file_of_the_first_cli(lab: Lab, old: Path) -> None:
    said = lab.cli("whoami")
    assert f"hint: `sovr login` keeps this login safe; then delete `{old}`" in said.err and PASSWORD not in said.out
    assert lab.cli.json("whoami", "--check")["kept_in"] == str(old)
    assert f"still is a login in `{old}`" in lab.cli("logout").err
    lab.type()
    assert "run `sovr login --yes`" in lab.cli("login", code=24).err
    taken = lab.cli("login", "--yes")
    assert "as reza" in taken.out and f"hint: delete `{old}`" in taken.err
    assert lab.cli.json("whoami")["kept_in"] == str(lab.file)
    assert old.exists()


def test_where_the_first_cli_left_it(lab: Lab, old: Path) -> None:
    lab.cli("whoami", "--server", "http://other.example", code=1)
    beside = lab.cli.write("src/creds.json", old.read_text())
    old.unlink()
    lab.cli("whoami", code=1)
    lab.cli.write("src/cli.py", "")
    assert lab.cli.json("whoami")["kept_in"] == str(beside)
    beside.unlink()
    lab.cli.pod()
    kept = lab.cli.write("creds.json", json.dumps({"username": "reza", "password": PASSWORD}))
    assert lab.cli.at(lab.cli.folder / "payload").json("whoami")["kept_in"] == str(kept)


def test_a_file_that_came_with_a_pod_does_not_count(lab: Lab, old: Path) -> None:
    content = old.read_text()
    old.unlink()
    lab.cli.pod()
    (lab.cli.folder / ".sovrignore").unlink(missing_ok=True)
    lab.cli.write("creds.json", content)
    assert lab.cli.json("whoami")["logged_in"]
    lab.cli("commit", "-m", "Credentials by mistake")
    lab.cli("whoami", code=1)


# --- for other commands -------------------------------------------------------------------------------------------


def test_a_client_for_other_commands(lab: Lab, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lab.cli._patch.chdir(lab.cli.folder)
    with connect(App(os.environ), ServerAddress.parse(lab.url)) as fairos:
        assert not fairos.user_present("ann")
        with pytest.raises(LoginNeeded):
            fairos.pods()
    lab.account()
    lab.type(PASSWORD)
    lab.cli("login", "--user", "ann", "--password-stdin")
    with connect(App(os.environ), ServerAddress.parse(lab.url)) as fairos:
        assert fairos.log_in().user == "ann"
    assert capsysbinary.readouterr().err == b""


def test_a_client_with_the_login_of_the_first_cli(
    lab: Lab, old: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    lab.cli._patch.chdir(lab.cli.folder)
    with connect(App(os.environ), ServerAddress.parse(lab.url)) as fairos:
        assert fairos.log_in().user == "reza"
    said = capsysbinary.readouterr().err.decode()
    assert said == f"hint: logging in as `{old}` says; `sovr login` keeps it safe, then delete the file\n"


# --- what is loaded -------------------------------------------------------------------------------------------------


def test_nothing_heavy_for_a_look(lab: Lab) -> None:
    import subprocess
    import sys

    code = "import sys; from sovrgit.commands.main import run; run(['-q', 'whoami']); print(*sys.modules)"
    environ = {**os.environ, **lab.environ}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert not {"httpx", "keyring", "truststore"} & set(ran.stdout.split())
