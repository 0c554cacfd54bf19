"""Secrets that are known by what they look like, in any file.

Every byte of a push passes through here, and a regular expression of all rules would take seconds for what `find` does
in a fraction of one. So only two things are searched for: a few literals, and runs of at least 20 characters that
tokens are made of. The first three characters of a run say which rules are worth trying.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sovrgit.pod.secretscan.rules import Hit, Rule

SHORTEST = 20
"""Characters of the shortest token that is recognised, an AWS key id. Few words of text or code are as long."""

_CLASS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_RUNS = bytes(ord("a") if byte in _CLASS else ord(" ") for byte in range(256))
_RUN = b"a" * SHORTEST
_PREFIX = 3
_WINDOW = 80
"""Bytes before a value in which its label is looked for."""

_DISTINCT = 6
"""Different characters that a key has at the least; `1111…` in an example is none."""


class _Token(NamedTuple):
    """A token that is recognised by how its run begins."""

    rule: Rule
    beginnings: str
    pattern: re.Pattern[bytes]
    accept: Callable[[re.Match[bytes]], bool] = lambda match: True


class _Labelled(NamedTuple):
    """A value of known length in hexadecimal or letters, which means something only after its label."""

    rule: Rule
    lengths: tuple[int, ...]
    label: re.Pattern[bytes]
    value: re.Pattern[bytes]


def _is_no_example(match: re.Match[bytes]) -> bool:
    """AWS's own documentation has `EXAMPLE` in all of its keys."""
    return b"EXAMPLE" not in match[0]


def _is_jwt(match: re.Match[bytes]) -> bool:
    # The payload of the token that jwt.io shows everybody.
    if match[2].startswith(b"eyJzdWIiOiIxMjM0NTY3ODkwIi"):
        return False
    try:
        header = json.loads(base64.urlsafe_b64decode(match[1] + b"=" * (-len(match[1]) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def _is_pem(match: re.Match[bytes]) -> bool:
    text = match[0][: len(match[0]) // 4 * 4]
    return b"PRIVATE KEY" in base64.b64decode(text)


PRIVATE_KEY = Rule(
    "private-key",
    "a private key",
    "a PEM or PGP block `BEGIN … PRIVATE KEY` with its body, the same in base64, PuTTY and age keys",
)
_AWS = Rule("aws", "an AWS key", "`AKIA…` and `ASIA…`, and what is assigned to `aws_secret_access_key`")
_GITHUB = Rule("github", "a GitHub token", "`ghp_…`, `gho_…`, `ghu_…`, `ghs_…`, `ghr_…`, `github_pat_…`")
_GITLAB = Rule("gitlab", "a GitLab token", "`glpat-…`, `gldt-…`, `glrt-…`, `glptt-…`")
_SLACK = Rule("slack", "a Slack token", "`xoxb-…` and its siblings, `xapp-…`, addresses of incoming webhooks")
_STRIPE = Rule("stripe", "a Stripe key", "`sk_live_…`, `rk_live_…`")
_GOOGLE = Rule("google", "a Google key", "`AIza…`, `GOCSPX-…`")
_MODELS = Rule("model-api", "a key of an AI service", "`sk-…` of OpenAI and those who follow it, Anthropic, `hf_…`")
_PACKAGES = Rule("package-index", "a token of a package index", "`pypi-AgE…`, `npm_…`, `dckr_pat_…`")
_CLOUD = Rule("digitalocean", "a DigitalOcean token", "`dop_v1_…`, `doo_v1_…`, `dor_v1_…`")
_JWT = Rule("jwt", "a JSON web token", "three parts with dots between them, the first of which decodes to a header")
_POD_KEY = Rule("pod-key", "the key of a private pod", "what `sovr share --private` prints: `k1` and 56 characters")
_WALLET_KEY = Rule(
    "wallet-key", "a wallet's private key", "64 hexadecimal digits after `private_key`, `secret key` or the like"
)
_KEYSTORE = Rule("keystore", "a wallet's key file", "an Ethereum key file (version 3), by its `ciphertext`")
_APP_KEY = Rule("app-key", "an app key", "32 hexadecimal digits after `YAGNA_APPKEY`, `app-key` or the like")
_WANDB = Rule("wandb", "a Weights & Biases key", "40 hexadecimal digits after `WANDB_API_KEY`")
PHRASE = Rule("mnemonic", "the words of a wallet", "12, 15, 18, 21 or 24 short words and nothing else after `mnemonic`")

_TOKENS = (
    _Token(_AWS, "AKI ASI", re.compile(rb"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])"), _is_no_example),
    _Token(
        _AWS,
        "aws AWS",
        re.compile(rb"(?i:aws_secret_access_key)[\"']?\s{0,4}[=:]\s{0,4}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
        _is_no_example,
    ),
    _Token(_GITHUB, "ghp gho ghu ghs ghr", re.compile(rb"gh[pousr]_[A-Za-z0-9]{36,255}(?![A-Za-z0-9_-])")),
    _Token(_GITHUB, "git", re.compile(rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}")),
    _Token(_GITLAB, "glp gld glr", re.compile(rb"gl(?:pat|ptt|dt|rt)-(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{20,}")),
    _Token(_SLACK, "xox", re.compile(rb"xox[abeoprs]-(?:\d{6,20}-){1,3}[A-Za-z0-9]{20,}")),
    _Token(_SLACK, "xap", re.compile(rb"xapp-\d-[A-Z0-9]{6,}-\d+-[a-z0-9]{20,}")),
    _Token(_STRIPE, "sk_ rk_", re.compile(rb"[sr]k_live_[A-Za-z0-9]{20,}")),
    _Token(_GOOGLE, "AIz", re.compile(rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),
    _Token(_GOOGLE, "GOC", re.compile(rb"GOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])")),
    _Token(_MODELS, "sk-", re.compile(rb"sk-(?:proj|svcacct|admin|ant|or)-(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{32,}")),
    _Token(_MODELS, "sk-", re.compile(rb"sk-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{32,}(?![A-Za-z0-9_-])")),
    _Token(_MODELS, "hf_", re.compile(rb"hf_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{34,}(?![A-Za-z0-9_-])")),
    _Token(_PACKAGES, "pyp", re.compile(rb"pypi-AgE[A-Za-z0-9_-]{50,}")),
    _Token(_PACKAGES, "npm", re.compile(rb"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_-])")),
    _Token(_PACKAGES, "dck", re.compile(rb"dckr_pat_[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])")),
    _Token(_CLOUD, "dop doo dor", re.compile(rb"do[por]_v1_[0-9a-f]{64}")),
    _Token(_JWT, "eyJ", re.compile(rb"(eyJ[\w-]{10,2000})\.(eyJ[\w-]{10,})\.[\w-]{16,}"), _is_jwt),
    _Token(
        _POD_KEY,
        " ".join(f"k1{digit}" for digit in "abcdefghijklmnopqrstuvwxyz234567"),
        re.compile(rb"k1[a-z2-7]{56}(?![A-Za-z0-9_-])"),
    ),
    _Token(PRIVATE_KEY, "LS0", re.compile(rb"LS0tLS1CRUdJTi[A-Za-z0-9+/]{34,100}"), _is_pem),
    _Token(PRIVATE_KEY, "AGE", re.compile(rb"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")),
    _Token(PRIVATE_KEY, "PuT", re.compile(rb"PuTTY-User-Key-File-\d: \S+")),
)

_ASSIGNED = rb"\w{0,8}[\"'\]]{0,2}\s{0,4}(?:[:=,]|:=|=>|is)?\s{0,4}(?:[\w.]{1,24}\()?[\"'(]{0,2}$"
"""What may stand between a name and its value, in about any language."""

_HEX = re.compile(rb"(?:0x)?[0-9a-fA-F]+")
_LETTERS = re.compile(rb"[A-Za-z0-9]+")

_LABELLED = (
    _Labelled(
        _WALLET_KEY,
        (64, 66),
        re.compile(rb"(?i)(?:private|priv|secret|wallet|signer|signing|deployer)[ _-]?(?:hex[ _-]?)?key" + _ASSIGNED),
        _HEX,
    ),
    _Labelled(_KEYSTORE, (64, 66), re.compile(rb"(?i)[\"']ciphertext[\"']\s{0,4}:\s{0,4}[\"']$"), _HEX),
    _Labelled(_APP_KEY, (32,), re.compile(rb"(?i)(?:yagna|golem|\b)_?app[ _-]?key" + _ASSIGNED), _HEX),
    _Labelled(_WANDB, (40,), re.compile(rb"(?i)wandb[ _-]?(?:api)?[ _-]?key" + _ASSIGNED), _HEX),
    _Labelled(_SLACK, (24,), re.compile(rb"hooks\.slack\.com/services/T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/$"), _LETTERS),
)

_PEM = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:[\s\"',+]|\\[nr]|[A-Za-z][A-Za-z-]{2,30}: [^\r\n\0]{1,200}[\r\n]){1,60}[A-Za-z0-9+/=]{32}"
)
_LONGEST_TITLE = 80
"""Bytes from the first dash of a PEM block to `PRIVATE KEY`, at most."""

_WORDS = re.compile(
    rb"nemonic[\"']?(?:[ _-]?(?:phrase|words|seed))?[\"']?\s{0,4}(?:is|=|:|=>)?\s{0,4}[\"'\[(]{0,2}"
    rb"((?:[a-z]{3,8}[ ,\"']{1,4}){11,23}[a-z]{3,8})(?=[\"'\])},; \t]{0,6}(?:[\r\n\0]|\\n|$))"
)
_COUNTS = {12, 15, 18, 21, 24}

_BY_PREFIX: dict[bytes, tuple[_Token, ...]] = {
    beginning: tuple(token for token in _TOKENS if beginning.decode() in token.beginnings.split())
    for beginning in {part.encode() for token in _TOKENS for part in token.beginnings.split()}
}
_BY_LENGTH: dict[int, tuple[_Labelled, ...]] = {
    length: tuple(labelled for labelled in _LABELLED if length in labelled.lengths)
    for length in {length for labelled in _LABELLED for length in labelled.lengths}
}

RULES: tuple[Rule, ...] = tuple(
    dict.fromkeys([PRIVATE_KEY, *(token.rule for token in _TOKENS), *(each.rule for each in _LABELLED), PHRASE])
)
"""The rules of this file, in the order of the documentation."""


def tokens_in(data: bytes) -> Iterator[Hit]:
    """What looks like a secret in some bytes. They may be those of several files, with NUL between them."""
    yield from _blocks(data)
    yield from _phrases(data)
    runs = data.translate(_RUNS)
    at = runs.find(_RUN)
    while at >= 0:
        end = runs.find(b" ", at + SHORTEST)
        if end < 0:
            end = len(runs)
        for token in _BY_PREFIX.get(data[at : at + _PREFIX], ()):
            match = token.pattern.match(data, at)
            if match is not None and token.accept(match):
                yield Hit(token.rule, at)
        for labelled in _BY_LENGTH.get(end - at, ()):
            if labelled.label.search(data, max(at - _WINDOW, 0), at) and _is_key(labelled, data[at:end]):
                yield Hit(labelled.rule, at)
        at = runs.find(_RUN, end)


def _is_key(labelled: _Labelled, value: bytes) -> bool:
    return labelled.value.fullmatch(value) is not None and len(set(value)) >= _DISTINCT


def _blocks(data: bytes) -> Iterator[Hit]:
    at = data.find(b"PRIVATE KEY")
    while at >= 0:
        start = data.rfind(b"-----BEGIN ", max(at - _LONGEST_TITLE, 0), at)
        if start >= 0 and _PEM.match(data, start):
            yield Hit(PRIVATE_KEY, start)
        at = data.find(b"PRIVATE KEY", at + 1)


def _phrases(data: bytes) -> Iterator[Hit]:
    at = data.find(b"nemonic")
    while at >= 0:
        match = _WORDS.match(data, at)
        if match is not None and is_phrase(re.findall(rb"[a-z]+", match[1])):
            yield Hit(PHRASE, match.start(1))
        at = data.find(b"nemonic", at + 1)


def is_phrase(words: list[bytes]) -> bool:
    """Whether words can be those of a wallet: by their number, and not the same few again and again as in examples."""
    return len(words) in _COUNTS and len(set(words)) > len(words) // 2
