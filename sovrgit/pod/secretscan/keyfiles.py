"""Files whose names say that they hold secrets, and what must be in them for that to be believed."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

from sovrgit.pod.secretscan.rules import Rule, is_placeholder
from sovrgit.pod.secretscan.tokens import is_phrase

Check = Callable[[bytes, bytes], int | None]
"""Given the name, in lower case, and the content of a file: where in it the secret begins, or None."""


class KeyFile(NamedTuple):
    """A rule for files of some names: patterns in lower case, with the folder where there is a slash."""

    rule: Rule
    names: tuple[str, ...]
    check: Check

    def fits(self, path: bytes) -> bool:
        """Whether a path, in lower case, is one of those that are meant."""
        parts = path.rsplit(b"/", 2)
        name, with_folder = parts[-1], b"/".join(parts[-2:])
        return any(fnmatchcase(with_folder if "/" in wanted else name, wanted.encode()) for wanted in self.names)


def may_be_named(name: bytes) -> bool:
    """Whether there are rules for a name, in some folder. Asked for every file of a push, so it is quick."""
    name = name.lower()
    return name in _BY_NAME or name[name.rfind(b".") :] in _BY_ENDING or _ODD.search(name) is not None


def files_named(path: bytes) -> list[KeyFile]:
    """The rules for a file of this path: none for nearly all."""
    name = path[path.rfind(b"/") + 1 :].lower()
    found = _BY_NAME.get(name, ()) + _BY_ENDING.get(name[name.rfind(b".") :], ())
    if _ODD.search(name):
        found += _OTHERS
    if not found:
        return []
    lowered = path.lower()
    return [key_file for key_file in found if key_file.fits(lowered)]


# --- what must be in them ---------------------------------------------------------------------------------------------


def _assigned(*pattern: bytes) -> Check:
    """A check for a value, the only group that takes part in a match, that is no placeholder."""
    compiled = re.compile(b"".join(pattern), re.IGNORECASE | re.MULTILINE)

    def check(name: bytes, data: bytes) -> int | None:
        for match in compiled.finditer(data):
            if not is_placeholder(match[match.lastindex or 0]):
                return match.start()
        return None

    return check


def _begins(*magics: bytes) -> Check:
    return lambda name, data: 0 if data.startswith(magics) else None


def _no_example(check: Check) -> Check:
    """The same, but not for `.env.example` and its relatives, which are there to be shared."""
    return lambda name, data: None if _EXAMPLE.search(name) else check(name, data)


_EXAMPLE = re.compile(rb"example|sample|template|dist|default")
_SHORT = 1024
"""Bytes of a file that somebody wrote the words of a wallet into, at most."""

_DER = (b"\x30\x82", b"\x30\x81", b"\x30\x80")
"""How keys and stores of keys in ASN.1 begin."""

_ALONE = re.compile(rb"\s{0,99}[A-Za-z0-9_.+/=-]{16,500}\s{0,99}")
_PUBLIC = (
    b"ssh-",
    b"ecdsa-",
    b"sk-ssh-",
    b"sk-ecdsa-",
    b"-----BEGIN CERT",
    b"-----BEGIN PUBLIC",
    b"---- BEGIN SSH2 PUB",
)
_LINE_OF_WORDS = re.compile(rb"^[ \t]{0,9}((?:[a-z]{3,8}[ \t]{1,4}){11,23}[a-z]{3,8})[ \t]{0,9}\r?$", re.MULTILINE)


def _key(name: bytes, data: bytes) -> int | None:
    """A key in binary, of a private network of IPFS, in an encrypted file of a wallet, or alone in the file."""
    if data.startswith((*_DER, b"/key/swarm/psk/")) or (b'"ciphertext"' in data and b'"kdf' in data):
        return 0
    alone = data.strip() if _ALONE.fullmatch(data) else b""
    return 0 if len(set(alone)) > 6 and not is_placeholder(alone) else None


def _ssh_key(name: bytes, data: bytes) -> int | None:
    """A key in a form that is not known by its content."""
    text = data.lstrip()
    return 0 if len(text) >= 64 and not text.startswith(_PUBLIC) and b"PRIVATE KEY-----" not in text else None


def _words(name: bytes, data: bytes) -> int | None:
    """Words of a wallet on a line of their own, in a file with little else: long ones are poems or data."""
    if len(data) > _SHORT:
        return None
    phrases = (match.start(1) for match in _LINE_OF_WORDS.finditer(data) if is_phrase(match[1].split()))
    return next(phrases, None)


_SECRET = rb"(?:passw(?:or)?d|pwd|secret|token|private[_-]?key|api[_-]?key|credential|signature|mnemonic)[\w.-]{0,40}"
_IS = rb"\\?[\"']?\s{0,9}[:=]\s{0,9}\\?[\"']?"
_NAME = rb"^[ \t]{0,9}(?:export[ \t]{1,4})?"
_IN_ADDRESS = rb"://[^/\s:@]{0,99}:([^/\s@]{3,})@"

# --- the rules --------------------------------------------------------------------------------------------------------

KEY_FILES: tuple[KeyFile, ...] = (
    KeyFile(
        Rule("login", "a login with its password", "a password, secret, token or key that has a value"),
        (
            *("creds.json", "credentials.json", "credentials", "login.json", "secrets.json", "secrets.toml"),
            *("secrets.yaml", "secrets.yml", "rclone.conf"),
        ),
        _assigned(_SECRET, _IS, rb"([^\s\"',{}\[\]\\]{3,})"),
    ),
    KeyFile(
        Rule("env", "settings that are not for others", "any value; not in names with `example`, `sample` or the like"),
        (".env", ".env.*", ".envrc"),
        _no_example(_assigned(_NAME, rb"\w{1,99}[ \t]{0,9}=[ \t]{0,9}[\"']?([^\s\"'#]+)")),
    ),
    KeyFile(
        Rule(
            "env-secret", "settings with a password", "a name with `KEY`, `TOKEN`, `SECRET` or `PASSWORD`, and a value"
        ),
        ("*.env",),
        _no_example(
            _assigned(
                _NAME,
                rb"\w{0,60}(?:KEY|TOKEN|SECRET|PASSW(?:OR)?D|MNEMONIC)\w{0,60}",
                rb"[ \t]{0,9}=[ \t]{0,9}[\"']?([^\s\"'#]{6,})",
            )
        ),
    ),
    KeyFile(
        Rule("ssh-key", "an SSH key", "anything but a public key"),
        ("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss"),
        _ssh_key,
    ),
    KeyFile(
        Rule("key-file", "a key", "a key in binary, in a wallet's encrypted form, or alone in the file"),
        ("*.key", "*.p8", "*.pk8", "*.token", ".vault-token", "huggingface/token", ".huggingface/token"),
        _key,
    ),
    KeyFile(
        Rule("key-store", "a store of keys", "the first bytes of a PKCS #12, Java or KeePass store"),
        ("*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"),
        _begins(*_DER, b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce", b"\x03\xd9\xa2\x9a"),
    ),
    KeyFile(
        Rule("wallet", "a wallet", "a wallet of Bitcoin Core or its relatives"),
        ("wallet.dat",),
        lambda name, data: 0 if b"\0" in data else None,
    ),
    KeyFile(
        Rule("mnemonic-file", "the words of a wallet", "a line of 12, 15, 18, 21 or 24 short words, in a short file"),
        ("*mnemonic*", "*phrase*", "*wallet*", "*seed*"),
        _words,
    ),
    KeyFile(
        Rule("netrc", "a login with its password", "a password"),
        (".netrc", "_netrc"),
        _assigned(rb"\bpassword\s{1,9}(\S{3,})"),
    ),
    KeyFile(
        Rule("package-login", "a login at a package index", "a password or token that has a value"),
        (".pypirc", ".npmrc", ".yarnrc", ".yarnrc.yml", "pip.conf", ".condarc"),
        _assigned(
            rb"(?:^[ \t]{0,9}password|_authtoken|_auth|_password|npmauthtoken)", _IS, rb"([^\s\"']{4,})|", _IN_ADDRESS
        ),
    ),
    KeyFile(
        Rule("git-login", "a login at a Git server", "an address with a password in it"),
        (".git-credentials", ".git/config"),
        _assigned(_IN_ADDRESS),
    ),
    KeyFile(
        Rule("kubeconfig", "access to a cluster", "a client's key, a token or a password"),
        ("kubeconfig", "*.kubeconfig", ".kube/config"),
        _assigned(rb"^[ \t]{0,40}(?:client-key-data|token|password):[ \t]{1,9}[\"']?([^\s\"']{6,})"),
    ),
    KeyFile(
        Rule("registry-login", "a login at a container registry", "an `auth` that has a value"),
        (".docker/config.json", ".dockercfg", ".dockerconfigjson", "containers/auth.json"),
        _assigned(rb"\"(?:auth|identitytoken)\"\s{0,9}:\s{0,9}\"([^\"]{8,})\""),
    ),
    KeyFile(
        Rule("database-login", "a login at a database", "a password"),
        (".pgpass", ".my.cnf", ".mylogin.cnf"),
        _assigned(rb"^(?:[^#:\n]*:[^:\n]*:[^:\n]*:[^:\n]*:|password[ \t]{0,9}=[ \t]{0,9}[\"']?)(\S{3,})"),
    ),
    KeyFile(
        Rule("kaggle", "a Kaggle key", "a `key` of 32 hexadecimal digits"),
        ("kaggle.json",),
        _assigned(rb"\"key\"\s{0,9}:\s{0,9}\"([0-9a-f]{32})\""),
    ),
)
"""The rules of this file, in the order of the documentation."""


def _by(part: Callable[[str], str | None]) -> dict[bytes, tuple[KeyFile, ...]]:
    """The rules by some part of the names that they are for."""
    found: dict[bytes, tuple[KeyFile, ...]] = {}
    for key_file in KEY_FILES:
        for key in dict.fromkeys(part(name) for name in key_file.names):
            if key is not None:
                found[key.encode()] = (*found.get(key.encode(), ()), key_file)
    return found


def _ending(name: str) -> str | None:
    return name[1:] if name.startswith("*.") else None


def _odd(name: str) -> str | None:
    return name.strip("*") if "*" in name and _ending(name) is None else None


_BY_NAME = _by(lambda name: None if "*" in name else name.rpartition("/")[2])
_BY_ENDING = _by(_ending)
_OTHERS = tuple(dict.fromkeys(key_file for found in _by(_odd).values() for key_file in found))
_ODD = re.compile(b"|".join(re.escape(part) for part in _by(_odd)))
