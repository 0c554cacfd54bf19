"""What looks like a secret in one file, and what does not.

The secrets here are made up, and put together when the tests run, so that these files have none in them themselves.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
from pathlib import Path

import pytest

from sovrgit.pod.secretscan.keyfiles import KEY_FILES, files_named
from sovrgit.pod.secretscan.looking import ALL_RULES, HEAD, look
from sovrgit.pod.secretscan.rules import is_placeholder

ROOT = Path(__file__).parents[2]
LETTERS = "bdfhjlnprtvxzBDFHJLNPRTVXZ02468"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
UPPER = "QWERTZUIOPASDFGH"
WORDS = re.findall("[a-z]+", "lemon brave oxygen camera lunar vessel gospel inform tunnel sketch parade fiscal")
MORE = re.findall("[a-z]+", "wagon silver panther globe erupt hidden jacket nominee quarter runway sponsor tobacco")


def some(count: int, letters: str = LETTERS) -> str:
    """So many letters that look as if they were chosen at random."""
    return "".join(letters[place * 7 % len(letters)] for place in range(count))


def pem(title: str = "PRIVATE KEY") -> str:
    body = "\n".join(some(64) for _ in range(3))
    return f"-----BEGIN {title}-----\n{body}\n-----END {title}-----\n"


def part(fields: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def jwt(header: dict[str, str]) -> str:
    return ".".join([part(header), part({"sub": "somebody", "iat": "1"}), some(43)])


def seen(content: str | bytes, path: str = "some/notes.txt") -> list[tuple[str, int | None]]:
    data = content if isinstance(content, bytes) else content.encode()
    return [(sight.rule.name, sight.line) for sight in look(path.encode(), data)]


TOKENS = {
    "aws": [
        f"AKIA{UPPER}",
        f"ASIA{UPPER}",
        f"aws_secret_access_key = {some(20)}/{some(19)}",
        f'AWS_SECRET_ACCESS_KEY="{some(9)}+{some(30)}"',
    ],
    "github": [f"gh{kind}_{some(36)}" for kind in "pousr"] + [f"github_pat_{some(22)}_{some(59)}"],
    "gitlab": [f"glpat-{some(20)}", f"glrt-{some(20)}"],
    "slack": [
        f"xoxb-1234567890-{some(24)}",
        f"xoxp-1234567890-1234567890-{some(24)}",
        f"xapp-1-{UPPER}-1234567890-{some(40, 'abcdef0123456789')}",
        f"https://hooks.slack.com/services/T{UPPER[:8]}/B{UPPER[:8]}/{some(24)}",
    ],
    "stripe": [f"sk_live_{some(24)}", f"rk_live_{some(24)}"],
    "google": [f"AIza{some(35)}", f"GOCSPX-{some(28)}"],
    "model-api": [
        f"sk-proj-{some(40)}",
        f"sk-ant-api03-{some(80)}",
        f"sk-or-v1-{some(64, HEX)}",
        f"sk-{some(48)}",
        f"hf_{some(34)}",
    ],
    "package-index": [f"pypi-AgEIcHlwaS5vcmc{some(60)}", f"npm_{some(36)}", f"dckr_pat_{some(27)}"],
    "digitalocean": [f"dop_v1_{some(64, HEX)}"],
    "jwt": [jwt({"alg": "HS256", "typ": "JWT"}), jwt({"typ": "JWT", "alg": "none"})],
    "pod-key": [f"{some(64, HEX)}{some(64, HEX)}#k1{some(56, 'abcdefghijklmnopqrstuvwxyz234567')}"],
    "wallet-key": [
        f"private_key = 0x{some(64, HEX)}",
        f'"privateKey": "{some(64, HEX)}"',
        f"PRIVATE_KEY={some(64, HEX)}",
        f"secret key: {some(64, HEX)}",
        f'wallet.private_key = bytes.fromhex("{some(64, HEX)}")',
        f"deployer_key := '0x{some(64, HEX)}'",
    ],
    "keystore": [
        json.dumps({"version": 3, "crypto": {"ciphertext": some(64, HEX), "kdf": "scrypt", "kdfparams": {}}}),
        json.dumps({"Crypto": {"ciphertext": some(64, HEX)}}, indent=2),
    ],
    "app-key": [f"YAGNA_APPKEY={some(32, HEX)}", f"app-key: {some(32, HEX)}", f'golem_app_key = "{some(32, HEX)}"'],
    "wandb": [f"WANDB_API_KEY={some(40, HEX)}"],
    "mnemonic": [
        "mnemonic: " + " ".join(WORDS),
        json.dumps({"server": "x", "mnemonic": " ".join(WORDS)}),
        json.dumps({"mnemonic": " ".join(WORDS), "kept_in": None}, indent=2),
        "Mnemonic = '" + " ".join([*WORDS, *MORE]) + "'\n",
    ],
    "private-key": [
        pem(),
        pem("RSA PRIVATE KEY"),
        pem("ENCRYPTED PRIVATE KEY"),
        pem("OPENSSH PRIVATE KEY"),
        pem("PGP PRIVATE KEY BLOCK").replace("-----\n", "-----\nVersion: 1\n\n", 1),
        pem().replace("\n", "\r\n"),
        json.dumps({"private_key": pem()}),
        "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in pem().splitlines()) + ")\n",
        "client-key-data: " + base64.b64encode(pem("EC PRIVATE KEY").encode()).decode(),
        f"AGE-SECRET-KEY-1{some(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}",
        "PuTTY-User-Key" + "-File-3: ssh-ed25519\n",
    ],
}
"""By rule: what must be recognised, whatever the file is called."""


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in TOKENS.items() for text in texts])
@pytest.mark.parametrize("around", ["{}", "\n\nmore text {}\n", 'x = "{}"\n', "({})", "2026-01-01 12:00:00 {} done"])
def test_tokens_are_recognised_wherever_they_stand(rule: str, text: str, around: str) -> None:
    if rule == "mnemonic" and around in ("({})", "2026-01-01 12:00:00 {} done"):
        around = "{}\nmore"
    content = around.format(text)

    assert [name for name, _ in seen(content)] == [rule]
    assert [name for name, _ in seen(content.encode(), "logs/run.log")] == [rule]


def test_every_rule_of_tokens_is_tried() -> None:
    assert set(TOKENS) == {rule.name for rule in ALL_RULES} - {key_file.rule.name for key_file in KEY_FILES}


def test_the_line_is_that_of_the_first() -> None:
    token = f"ghp_{some(36)}"

    assert seen(f"{token}\n{token}\n") == [("github", 1)]
    assert seen(f"a\nb\n\nkey {token} and AKIA{UPPER}\n{token}") == [("github", 4), ("aws", 4)]


NO_TOKENS = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']",
    "XAKIA" + UPPER,
    "ghp_short",
    "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
    "looks for `-----BEGIN RSA PRIVATE KEY-----` in the file and refuses it",
    pem("CERTIFICATE"),
    pem("PUBLIC KEY"),
    "LS0tLS1CRUdJTi" + base64.b64encode(pem("CERTIFICATE").encode()).decode()[14:],
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0."
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    jwt({"not": "a token"}),
    "eyJ" + some(20) + ".eyJ" + some(20) + "." + some(30),
    f"sha256:{some(64, HEX)}",
    f'"hash": "{some(64, HEX)}", "public_key": "0x{some(64, HEX)}"',
    f"private_key = {'11' * 32}",
    f"private_key = {some(63, HEX)}",
    f"key = {some(32, HEX)}",
    f"commit {some(40, HEX)}",
    "sk-learn-is-a-library-for-machine-learning-and-more",
    "sk-and-thirty-two-or-more-letters-that-are-all-lower-case",
    "hf_this_is_the_name_of_a_function_that_does_things",
    "glpat-is-what-tokens-of-gitlab-begin-with",
    "k1" + some(55, "abcdefg234567"),
    "mnemonic: the twelve words of an account to be named so",
    "mnemonic: " + " ".join(WORDS[:11]),
    "mnemonic: " + " ".join(WORDS) + " more",
    "mnemonic: test test test test test test test test test test test junk",
    " ".join(WORDS),
    "=" * 80 + "\n" + "-" * 80 + "\n" + "_" * 80,
]


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_no_token(text: str) -> None:
    assert seen(text) == []
    assert seen(f"a = '{text}'\n") == []


# --- by name ------------------------------------------------------------------------------------------------------

FILES: dict[str, list[tuple[str, str | bytes]]] = {
    "login": [
        ("creds.json", '{"username": "foo", "password": "bar"}'),
        ("payload/CREDS.json", '{\n  "username": "ada",\n  "password": "difference engine"\n}\n'),
        (".aws/credentials", f"[default]\naws_secret_access_key={some(30)}\n"),
        ("home/credentials.json", json.dumps({"fairos login": {"http://x": '{"password": "p4ss"}'}})),
        (".streamlit/secrets.toml", 'db_token = "abc"\n'),
        ("rclone.conf", "[x]\npassword = obscured\n"),
    ],
    "env": [(".env", "PORT=3000\n"), ("app/.env.production", "export A='b'\n"), (".envrc", "export TOKEN=t\n")],
    "env-secret": [("deploy/prod.env", "NAME=x\nDB_PASSWORD=hunter22\n")],
    "ssh-key": [(".ssh/id_ed25519", some(100)), ("id_rsa", some(100))],
    "key-file": [
        ("app.key", some(32, HEX) + "\n"),
        ("server.key", b"\x30\x82\x04\xa4\x02\x01\x00" + bytes(range(250))),
        ("swarm.key", "/key/swarm/psk/1.0.0/\n/base16/\n" + some(64, HEX)),
        ("keys/libp2p.key", '{"crypto": {"ciphertext": "ab", "kdfparams": {}}}'),
        (".cache/huggingface/token", f"hf-{some(30)}"),
        ("a.token", some(40)),
    ],
    "key-store": [
        ("a.p12", b"\x30\x82\x0a\x00\x02"),
        ("A.JKS", b"\xfe\xed\xfe\xed\x00\x00"),
        ("x.kdbx", b"\x03\xd9\xa2\x9a\x67\xfb"),
    ],
    "wallet": [("wallet.dat", b"\x00\x05bitcoin")],
    "mnemonic-file": [
        ("mnemonic.txt", " ".join(WORDS)),
        ("my-seed", "keep this:\r\n" + " ".join(WORDS) + "\r\n"),
        ("recovery phrase.md", " ".join([*WORDS, *MORE]) + "\n"),
    ],
    "netrc": [(".netrc", "machine x login ada password engine\n")],
    "package-login": [
        (".pypirc", "[pypi]\nusername = a\npassword = bcdef\n"),
        (".npmrc", "//registry.example.org/:_authToken=abcdef\n"),
        ("pip.conf", "index-url = https://ada:engine@example.org/simple\n"),
    ],
    "git-login": [(".git-credentials", "https://ada:engine@example.org\n")],
    "kubeconfig": [
        (".kube/config", "users:\n- name: a\n  user:\n    token: abcdefgh\n"),
        ("kubeconfig", "  password: abcdef"),
    ],
    "registry-login": [(".docker/config.json", '{"auths": {"x": {"auth": "YWRhOmVuZ2luZQ=="}}}')],
    "database-login": [(".pgpass", "host:5432:db:ada:engine\n"), (".my.cnf", "[client]\npassword=engine\n")],
    "kaggle": [("kaggle.json", json.dumps({"username": "ada", "key": some(32, HEX)}))],
}
"""By rule: names with what must be in them."""

NO_FILES: list[tuple[str, str | bytes]] = [
    ("creds.json", '{"username": "", "password": ""}'),
    ("creds.json", '{"username": "<user>", "password": "<password>"}'),
    ("creds.json", '{"password": "${PASSWORD}", "token": "{{ token }}", "secret": "your secret here"}'),
    ("credentials.json", '{"installed": {"redirect_uris": ["http://localhost"]}}'),
    ("creds.txt", '{"username": "foo", "password": "bar"}'),
    (".env", '# nothing is set\nA=\nexport B=""\nC=<value>\nD=$HOME\n'),
    (".env.example", "TOKEN=abcdefgh\n"),
    ("example.env", "TOKEN=abcdefgh\n"),
    ("plain.env", "PORT=3000\nNAME=thing\n"),
    ("id_rsa", "ssh-rsa " + some(200)),
    ("id_rsa", "short"),
    ("id_rsa.pub", "ssh-rsa " + some(200)),
    ("answers.key", "1 a\n2 b\n3 c\n"),
    ("slides.key", b"PK\x03\x04" + bytes(range(200))),
    ("empty.key", ""),
    ("dots.key", "." * 40),
    ("cert.pem", pem("CERTIFICATE")),
    ("ca.p12", "text"),
    ("wallet.dat", "text"),
    ("seed.txt", "42\n"),
    ("phrases.txt", "the quick brown fox jumps over the lazy dog and then runs away\n"),
    ("phrases.txt", "the quick brown fox jumps over the lazy dog and runs away\n" * 30),
    ("seeds.csv", " ".join(WORDS) + ",1\n"),
    ("wallets.md", " ".join(["test"] * 11 + ["junk"]) + "\n"),
    (".npmrc", "//registry.example.org/:_authToken=${NPM_TOKEN}\nsave-exact=true\n"),
    ("pip.conf", "[global]\nindex-url = https://example.org/simple\n"),
    (".git/config", '[remote "origin"]\n url = https://example.org/a.git\n'),
    ("config", "token: abcdefgh\n"),
    ("config.json", '{"auths": {"x": {"auth": "YWRhOmVuZ2luZQ=="}}}'),
    ("token", some(40)),
    ("kaggle.json", '{"key": "value"}'),
]


@pytest.mark.parametrize(("rule", "path", "data"), [(rule, *file) for rule, files in FILES.items() for file in files])
def test_files_are_recognised(rule: str, path: str, data: str | bytes) -> None:
    assert [name for name, _ in seen(data, path)] == [rule]
    assert seen("" if isinstance(data, str) else b"", path) == []


def test_every_rule_of_names_is_tried() -> None:
    assert set(FILES) == {key_file.rule.name for key_file in KEY_FILES}


@pytest.mark.parametrize(("path", "data"), NO_FILES)
def test_what_is_no_such_file(path: str, data: str | bytes) -> None:
    assert seen(data, path) == []


def test_names_are_looked_up_quickly() -> None:
    assert files_named(b"a/b/c.txt") == files_named(b"") == files_named(b"a.env/b") == files_named(b"x.env.y") == []
    assert [found.rule.name for found in files_named(b"a/.env.local")] == ["env"]
    assert [found.rule.name for found in files_named(b"Wallet.Dat")] == ["wallet", "mnemonic-file"]
    assert [found.rule.name for found in files_named(b"deep/.kube/config")] == ["kubeconfig"]
    assert files_named(b"deep.kube/config") == []


def test_a_key_by_its_content_is_told_once() -> None:
    assert [name for name, _ in seen(pem("OPENSSH PRIVATE KEY"), "id_rsa")] == ["private-key"]
    assert [name for name, _ in seen(pem(), "tls.key")] == ["private-key"]


def test_one_file_may_hold_several() -> None:
    data = json.dumps({"password": "abc", "token": f"ghp_{some(36)}"}, indent=1)

    assert seen(data, "creds.json") == [("github", 3), ("login", 2)]


# --- what is not looked into ----------------------------------------------------------------------------------------


def test_binary_files_are_not_searched_for_tokens() -> None:
    token = f"ghp_{some(36)}".encode()

    assert seen(b"\0" + token) == []
    assert seen(b" " * 8192 + b"\0" + token) == [("github", 1)]
    assert seen(b"\x30\x82" + bytes(100), "x.p12") == [("key-store", None)]


def test_names_that_are_no_text() -> None:
    assert [sight.rule.name for sight in look(b"\xff\xfe/creds.json", b'{"password": "\xff\xfe\xfd"}')] == ["login"]


@pytest.mark.parametrize(
    "path", ["x.txt", "creds.json", ".env", "x.key", "my-seed.txt", "id_rsa", ".pgpass", ".kube/config"]
)
def test_odd_content_does_no_harm(path: str) -> None:
    rng = random.Random(7)
    words = [
        "PRIVATE KEY",
        "-----BEGIN ",
        "nemonic",
        "password",
        "=",
        ":",
        '"',
        "eyJ",
        ".",
        "\n",
        " ",
        "abc ",
        "sk-",
        "k1a",
    ]
    for _ in range(60):
        look(path.encode(), "".join(rng.choices(words, k=3000)).encode())
        look(path.encode(), rng.randbytes(2000))
    for text in (
        "password ",
        "a ",
        "abcd ",
        "-----BEGIN PRIVATE KEY-----\n",
        "nemonic ",
        ":",
        "eyJ",
        " " * 50,
        "=",
        "A" * 9,
    ):
        look(path.encode(), (text * (HEAD // len(text))).encode())


def test_placeholders() -> None:
    held = [
        b"<your password>",
        b"${X}",
        b"$X",
        b"{{ x }}",
        b"xxxx",
        b"****",
        b"YOUR_TOKEN",
        b"changeme",
        b"Example",
        b"null",
    ]

    assert all(map(is_placeholder, held))
    assert not any(map(is_placeholder, [b"hunter2", b"x", b"nullable", b"secret", b"p4ss"]))


# --- few false alarms -----------------------------------------------------------------------------------------------

SHOWN = {"tests/devnet/fixtures/users.json", "tests/golden/sealed.json", "docs/tutorial-sharing.md"}
"""Files that have secrets for a reason: what a server said of a throwaway account, keys of golden vectors and of a
pod that is made to show how they look."""


def test_nothing_in_this_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0")[:-1] if listed.returncode == 0 else _source_files()
    found = {name: seen((ROOT / name).read_bytes(), name) for name in names if (ROOT / name).is_file()}

    assert len(found) > 300
    assert {name for name, sights in found.items() if sights} <= SHOWN


def _source_files() -> list[str]:
    return [
        str(path.relative_to(ROOT))
        for folder in ("sovrgit", "docs", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix != ".pyc"
    ]


def test_nothing_in_noise() -> None:
    rng = random.Random(3)
    lock = "\n".join(f'    "sha512-{base64.b64encode(rng.randbytes(64)).decode()}",' for _ in range(2000))
    hashes = "\n".join(f"{rng.randbytes(32).hex()}  file{number}.bin" for number in range(2000))
    image = base64.encodebytes(rng.randbytes(200_000)).decode()
    notebook = json.dumps({"cells": [{"outputs": [{"data": {"image/png": image}}]}] * 3, "metadata": {}})
    numbers = "\n".join(",".join(str(rng.random()) for _ in range(9)) for _ in range(3000))
    urls = "\n".join(base64.urlsafe_b64encode(rng.randbytes(48)).decode() for _ in range(5000))

    for text in (lock, hashes, image, notebook, numbers, urls):
        assert seen(text) == []
    assert seen(rng.randbytes(500_000)) == []
