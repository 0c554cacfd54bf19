"""References, keys and passwords: whatever fails and whatever is typed, they stay in `.sovr/secrets`."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from command_lab import Cli

from sovrgit.devnet.fairos import Fault, Kind, StandIn
from sovrgit.objects.ids import Kind as ObjectKind
from sovrgit.pod.pod import Pod
from sovrgit.remotes import base
from sovrgit.remotes.fairos import pods, session
from sovrgit.remotes.fairos.place import is_fairos

PASSWORD = "correct horse battery staple"
WRONG = "incorrect donkey battery paperclip"
REFERENCE = re.compile(r"\b[0-9a-f]{64}\b")
WINDOW = 14
"""Characters of a secret that nothing may show in a row."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(base, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(session, "LOGIN_PAUSE", 0.0)
    monkeypatch.setattr(pods, "LIST_PAUSE", 0.0)
    with StandIn(tmp_path / "fairos") as running:
        yield running


class Story:
    """Ada has a public pod, a private one and a fork of the public one; Ben has cloned all three.

    `said` is all that commands printed that are not there to give out a reference.
    """

    def __init__(self, cli: Cli, server: StandIn, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.server = server
        self.said: list[str] = []
        self.top = cli
        cli.set(SOVR_FAIROS_URL=server.url, SOVR_CREDENTIALS=str(cli.folder / "ada.secrets"))
        self.type(PASSWORD)
        cli("login", "--user", "ada", "--new", "--password-stdin", "-q")
        cli.folder = cli.folder / "ada"
        cli.folder.mkdir()
        self.public = cli.at(cli.folder)
        self.public.pod("public")
        recipe = json.loads(self.public.read("recipe.json")) | {"public": True}
        self.public.write("recipe.json", json.dumps(recipe))
        self.public("commit", "-q", "-m", "Public")
        self.public("remote", "add", "origin", "fairos:public")
        self.reference = self.public.json("push")["reference"]
        self.private = cli.at(cli.folder)
        self.private.pod("private")
        self.private("remote", "add", "origin", "fairos:private")
        self.private("push", "-q")
        self.full = self.private.json("share", "--private")["reference"]
        ada = cli.at(cli.folder)
        self.run(ada, "fork", self.reference, "fork")
        self.fork = cli.at(cli.folder / "fork")
        self.run(self.fork, "remote", "add", "mine", "fairos:fork")
        self.forked = self.fork.json("push", "mine")["reference"]
        self.ben = cli.at(cli.folder.parent / "ben")
        self.ben.folder.mkdir()
        for name, reference in (("a", self.reference), ("b", self.full), ("c", self.forked)):
            self.run(self.ben, "clone", reference, name)
        self.copies = [cli.at(self.ben.folder / name) for name in ("a", "b", "c")]
        private, _, key = self.full.partition("#")
        self.secrets = [PASSWORD, WRONG, self.reference, private, key, self.forked]

    def type(self, text: str) -> None:
        """What the next command reads from standard input."""
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode() + b"\n")))

    def run(self, cli: Cli, *arguments: str) -> int:
        """Run a command, however it ends, as people and as programs see it."""
        from sovrgit.commands.main import run

        codes = []
        for options in (("-v", "-v"), ("--json",)):
            self.patch.chdir(cli.folder)
            cli._capture.readouterr()
            codes.append(run([*options, *arguments]))
            self.said += [text.decode("utf-8", "surrogateescape") for text in cli._capture.readouterr()]
            if codes[0] == 0:
                break
        return codes[0]

    def everything_fails(self) -> int:
        """All that people do with remotes; how many of it failed."""
        failed = 0
        for pod in (self.public, self.private, self.fork):
            pod.write("payload/in.txt", f"{len(self.said)}\n")
            assert self.run(pod, "commit", "-m", "More") == 0
            failed += self.run(pod, "push", "mine" if pod is self.fork else "origin") != 0
        failed += self.run(self.private, "share", "--private") != 0
        self.forget_what_was_given_out()
        for copy in self.copies:
            failed += self.run(copy, "fetch") != 0
        for reference in (self.reference, self.full, self.forked):
            failed += self.run(self.ben, "clone", reference, f"new{len(self.said)}") != 0
        failed += self.run(self.ben, "fork", self.forked, f"new{len(self.said)}") != 0
        return failed

    def forget_what_was_given_out(self) -> None:
        """A push of a public pod and `share` print references because they are asked to, and alone on a line."""
        given = {self.reference, self.forked, self.full}
        kept = []
        for text in self.said:
            lines = [line for line in text.splitlines() if line.strip() not in given]
            found = "\n".join(lines)
            for field in ('"reference": "{}"', '"reference":"{}"'):
                for reference in given:
                    found = found.replace(field.format(reference), "")
            kept.append(found)
        self.said = kept

    def check(self) -> None:
        """Nothing shows, and nothing is kept where it should not be."""
        self.forget_what_was_given_out()
        for text in self.said:
            self.check_text(text, "what was printed")
        for folder in (self.top.folder.parent,):
            for path in folder.rglob("*"):
                if path.is_file() and not path.is_symlink() and ".sovr" in path.parts:
                    self._check_file(path)
        for pod in (self.public, self.private, self.fork, *self.copies):
            self._check_objects(pod.folder)

    def check_text(self, text: str, what: str) -> None:
        for secret in self.secrets:
            for form in (secret, secret.upper(), quote(secret)):
                for start in range(len(form) - WINDOW + 1):
                    assert form[start : start + WINDOW] not in text, f"{what}: {text}"

    def _check_file(self, path: Path) -> None:
        if path.name == "secrets":
            assert path.stat().st_mode & 0o077 == 0
            return
        text = path.read_bytes().decode("latin-1")
        if path.parent.name == "remotes" and "fairos:" in text:
            # The manifest of a fork, which names its origin to everybody who can read it; nobody else can read this.
            assert path.stat().st_mode & 0o077 == 0
            text = text.replace(f"fairos:{self.reference}", "")
        self.check_text(text, str(path))

    def _check_objects(self, folder: Path) -> None:
        with Pod(folder) as pod:
            for info in pod.store.packs():
                for item, location in pod.store.contents(info.id):
                    if location.kind is not ObjectKind.TOC:
                        data = bytes(pod.store.read(item, location.kind))
                        self.check_text(data.decode("latin-1"), f"object {item.short} in {folder}")


@pytest.fixture
def story(cli: Cli, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> Story:
    return Story(cli, server, monkeypatch)


def test_when_all_is_well(story: Story) -> None:
    assert story.everything_fails() == 0
    for pod in (story.public, story.private, story.fork, *story.copies):
        for command in (("remote",), ("log",), ("status",), ("show", "HEAD"), ("config",), ("fsck",), ("whoami",)):
            story.run(pod, *command)
    story.check()


ALWAYS = {"times": 0}
FAULTS = [
    Fault(Kind.WRONG_BYTES, "/public-file", **ALWAYS),
    Fault(Kind.JSON_IN_BODY, "/public-file", **ALWAYS),
    Fault(Kind.UNREADABLE, **ALWAYS),
    Fault(Kind.TOKEN_DEATH, **ALWAYS),
    Fault(Kind.LOST_PODS, "/v1/*", **ALWAYS),
]
"""Those that end in errors of different makers."""


def test_when_something_fails(story: Story) -> None:
    for fault in FAULTS:
        story.server.faults.add(fault)
        assert story.everything_fails() > 0, fault.kind
        story.server.faults.clear()
    story.check()


def test_when_the_server_repeats_what_it_knows(story: Story) -> None:
    """A password is told from other words by those who sent it: not in the answer to a call that needs none."""
    secrets = [secret for secret in story.secrets if secret != WRONG]
    for call, told in (("/v1/*", secrets), ("/public-file", [secret for secret in secrets if secret != PASSWORD])):
        text = " ".join(["download:", *told, *(secret.upper() for secret in told)])
        story.server.faults.clear()
        story.server.faults.add(Fault(Kind.ERROR, call, status=404, text=text, **ALWAYS))
        assert story.everything_fails() > 0
    story.server.faults.clear()
    story.check()


def test_when_there_is_no_server(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.server.close()
    assert story.everything_fails() > 8
    story.check()


def test_when_a_wrong_password_is_typed(story: Story) -> None:
    story.type(WRONG)
    assert story.run(story.public, "login", "--user", "ada", "--password-stdin") == 81
    story.top.set(SOVR_FAIROS_USER="ada", SOVR_FAIROS_PASSWORD=WRONG)
    assert story.everything_fails() > 0
    story.check()


def test_when_references_and_keys_are_typed_wrong(story: Story) -> None:
    """All but a digit of a secret is nearly the secret."""
    private, _, key = story.full.partition("#")
    wrong = [
        *(
            story.reference[:at] + text + story.reference[at + 1 :]
            for at in (0, 30, 63)
            for text in ("", "o", "00", "-", " ")
        ),
        *(
            f"{private}#{text}"
            for text in (key[:-1], key + "a", key[:9] + "1" + key[10:], key.upper()[:-1], " " + key[:-2])
        ),
        *(f"{private[:-1]}#{key}", f"{private}o#{key}", f"{private}##{key}", f"{private}/{key}", f"{private} {key}"),
        f"{story.reference}/sovr/manifest",
        f"http://127.0.0.1:9/public/{story.reference}/x",
        f"swarm:{story.reference}",
        f"file://{story.reference}",
        f"fairos+http://127.0.0.1:9/x/{story.reference}",
        f"fairos+http://ada:{PASSWORD}@127.0.0.1:9/pod",
        f"fairos+ftp://127.0.0.1:9/{story.reference}",
    ]
    for number, text in enumerate(wrong):
        for typed in (text, f"fairos:{text}"):
            assert story.run(story.ben, "clone", typed, "never"), typed
            if is_fairos(typed) and story.run(story.public, "remote", "add", f"r{number}", typed) == 0:
                story.run(story.public, "fetch", f"r{number}")
                story.run(story.public, "remote", "remove", f"r{number}")
    story.check()


def test_fork_of_a_pod_without_a_name(story: Story) -> None:
    """What cannot be called by its recipe is not called by its reference."""
    story.public.write("recipe.json", "{")
    story.public("commit", "-q", "-m", "Broken")
    story.run(story.public, "push")
    assert story.run(story.ben, "fork", story.reference, "nameless") == 0
    story.copies.append(story.top.at(story.ben.folder / "nameless"))
    story.run(story.copies[-1], "log")
    story.check()
