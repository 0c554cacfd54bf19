"""Answers of a real FairOS server, as data, and the means to ask another server the same questions.

    python tests/devnet/recorded.py URL [--write] [--restart COMMAND] [TOPIC ...]

compares a server with the fixtures, or with `--write` records its answers in them. A fixture is a file of cases. A case
signs up its `users`, each of which is also a session, and takes its steps one after the other:

    {"as": "ada", "send": "POST /v1/pod/new", "json": {"podName": "p"}, "answer": {"status": 201, ...}}

| key | is |
| --- | --- |
| `as`, `token`, `cookie` | a session whose token is sent, a token that no server gave, a session whose cookie is sent |
| `query`, `json`, `form`, `body`, `headers` | what is sent. `form` goes urlencoded, or with `files` as multipart |
| `files` | `[name, content]` or `[name, content, field]`. Content is text, or `{"size", "seed"}` for made-up bytes |
| `session` | the answer is a login: its token and cookie are this session's from now on |
| `keep` | `{"ref": "podSharingReference"}`: a field of the answer gets a name |
| `do` | `restart`: the server is stopped and started again. The case says `"needs": ["restart"]` |
| `answer` | `status`; `type`, unless it is that of JSON; headers that matter; `json`, `text` or `bytes`, if any |
| `dropped` | true in an answer: the server broke the connection off |

`{ada}` stands for the user's name, which differs each time, and `{ref}` for a kept value, in requests and answers. What
else differs each time stands in `<>`. Numbers and text are told apart even there. `dirs` and `files` are sorted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parent / "fixtures"
PASSWORD = "a long enough password"

_TIMEOUT = 120.0
_JSON = "application/json; charset=utf-8"
_HEADERS = ("allow", "location", "set-cookie")
_LONGEST_TEXT = 300
_SECONDS = re.compile(r"\b[12]\d{9}(?=\b|_)")
_SHAPES = (
    (re.compile(r"\b04[0-9a-f]{128}\b"), "<publickey>"),
    (re.compile(r"\b[0-9a-f]{128}\b"), "<hex128>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hex64>"),
    (re.compile(r"\b0x[0-9a-fA-F]{40}\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{40}\b"), "<hex40>"),
    (re.compile(r"\bey[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"(?<=fairOS-dfs=)[^;]+"), "<cookie>"),
    (re.compile(r"(?<=Expires=)[^;]+"), "<date>"),
    (_SECONDS, "<seconds>"),
    (re.compile(r"\binvalid character .*"), "invalid character <any>"),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A story of requests and the answers that the real server gave."""

    topic: str
    name: str
    users: tuple[str, ...]
    needs: tuple[str, ...]
    steps: tuple[Json, ...]

    def __str__(self) -> str:
        return f"{self.topic}/{self.name}"


def topics() -> list[str]:
    """The names of the fixtures."""
    return sorted(path.stem for path in FIXTURES.glob("*.json"))


def load(topic: str) -> list[Case]:
    """The cases of one fixture."""
    document = json.loads((FIXTURES / f"{topic}.json").read_text())
    return [
        Case(topic, case["name"], tuple(case.get("users", ())), tuple(case.get("needs", ())), tuple(case["steps"]))
        for case in document["cases"]
    ]


def replay(case: Case, url: str, restart: Callable[[], None] | None = None) -> list[Json]:
    """Asks the server at `url` everything that the case asks, and gives its answers, one for each step.

    Raises LookupError if the case needs something that was not given.
    """
    if "restart" in case.needs and restart is None:
        raise LookupError(f"{case} needs a server that can be restarted")
    with httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False) as client:
        talk = _Talk(client)
        for user in case.users:
            talk.names[user] = f"{user}-{secrets.token_hex(4)}"
            talk.ask(
                {
                    "send": "POST /v2/user/signup",
                    "json": {"userName": talk.names[user], "password": PASSWORD},
                    "session": user,
                }
            )
        answers: list[Json] = []
        for step in case.steps:
            if step.get("do") == "restart":
                assert restart is not None
                restart()
                answers.append({})
            else:
                answers.append(talk.ask(step))
        return answers


def differences(case: Case, answers: list[Json]) -> list[str]:
    """Where the answers are not the recorded ones, one line each."""
    found: list[str] = []
    for number, (step, answer) in enumerate(zip(case.steps, answers, strict=True), 1):
        told = f"{case} step {number}, {step.get('send', step.get('do'))}"
        found += [f"{told}: {line}" for line in _unequal(step.get("answer", {}), answer, "answer")]
    return found


class _Talk:
    """One case at one server: sessions, names, and kept values."""

    def __init__(self, client: httpx.Client) -> None:
        self.names: dict[str, str] = {}
        self._client = client
        self._tokens: dict[str, str] = {}
        self._cookies: dict[str, str] = {}

    def ask(self, step: Json) -> Json:
        method, _, path = self._filled(step["send"]).partition(" ")
        headers = self._filled(step.get("headers", {}))
        if "as" in step:
            headers["Authorization"] = f"Bearer {self._tokens[step['as']]}"
        if "token" in step:
            headers["Authorization"] = f"Bearer {step['token']}"
        if "cookie" in step:
            headers["Cookie"] = self._cookies[step["cookie"]]
        request: dict[str, Any] = {"headers": headers}
        for key, argument in (("query", "params"), ("json", "json"), ("form", "data"), ("body", "content")):
            if key in step:
                request[argument] = self._filled(step[key])
        if "files" in step:
            request["files"] = [_part(*self._filled(file)) for file in step["files"]]
        self._client.cookies.clear()
        try:
            answer = self._client.request(method, path, **request)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return {"dropped": True}
        return self._seen(step, answer)

    def _seen(self, step: Json, answer: httpx.Response) -> Json:
        body = _body(answer)
        if "session" in step and "accessToken" in body.get("json", {}):
            self._tokens[step["session"]] = body["json"]["accessToken"]
            self._cookies[step["session"]] = answer.headers.get("set-cookie", "").partition(";")[0]
        for name, key in step.get("keep", {}).items():
            if key in body.get("json", {}):
                self.names[name] = body["json"][key]
        seen: Json = {"status": answer.status_code}
        if "json" not in body or answer.headers["content-type"] != _JSON:
            seen["type"] = answer.headers.get("content-type")
        for header in _HEADERS:
            if header in answer.headers:
                seen[header] = self._plain(answer.headers[header])
        if answer.request.method == "HEAD" and "content-length" in answer.headers:
            seen["content-length"] = answer.headers["content-length"]
        for kind, value in body.items():
            seen[kind] = value if kind == "bytes" else self._plain(value)
        return seen

    def _filled(self, value: Any) -> Any:
        """`{name}` becomes what it stands for."""
        if isinstance(value, str):
            for name, meaning in self.names.items():
                value = value.replace(f"{{{name}}}", meaning)
            return value
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        return [self._filled(each) for each in value] if isinstance(value, list) else value

    def _plain(self, value: Any, key: str = "") -> Any:
        """What differs each time becomes a name or a shape."""
        if isinstance(value, str):
            if key == "mnemonic":
                return f"<{len(value.split())} words>"
            if key == "fileInodeReference":
                return "<base64>"
            for name, meaning in self.names.items():
                value = value.replace(meaning, f"{{{name}}}")
            for shape, replacement in _SHAPES:
                value = shape.sub(replacement, value)
            return value
        if isinstance(value, dict):
            return {name: self._plain(each, name) for name, each in value.items()}
        if isinstance(value, list):
            plain = [self._plain(each) for each in value]
            return sorted(plain, key=lambda entry: str(entry.get("name"))) if key in ("dirs", "files") else plain
        if isinstance(value, int) and key.endswith("Time") and _SECONDS.fullmatch(str(value)):
            return "<integer seconds>"
        return value


def _part(name: str, content: str | Json, field: str = "files") -> tuple[str, tuple[str, bytes]]:
    if isinstance(content, str):
        return field, (name, content.encode())
    return field, (name, hashlib.shake_128(str(content["seed"]).encode()).digest(content["size"]))


def _body(answer: httpx.Response) -> Json:
    data = answer.content
    if not data:
        return {}
    if "json" in answer.headers.get("content-type", ""):
        return {"json": answer.json()}
    if len(data) <= _LONGEST_TEXT and data.isascii():
        return {"text": data.decode()}
    return {"bytes": {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}}


def _unequal(expected: Any, found: Any, where: str) -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        lines: list[str] = []
        for key in [*expected, *(key for key in found if key not in expected)]:
            if key not in found:
                lines.append(f"{where} lacks {key}: {expected[key]!r}")
            elif key not in expected:
                lines.append(f"{where} has also {key}: {found[key]!r}")
            else:
                lines += _unequal(expected[key], found[key], f"{where}.{key}")
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for i, (one, other) in pairs for line in _unequal(one, other, f"{where}[{i}]")]
    same = type(expected) is type(found) and expected == found
    return [] if same else [f"{where} is {found!r}, not {expected!r}"]


def _written(document: Json) -> str:
    """A fixture as text: one line for a request, one for its answer."""
    head = {key: value for key, value in document.items() if key != "cases"}
    cases: list[str] = []
    for case in document["cases"]:
        steps: list[str] = []
        for step in case["steps"]:
            request = {key: value for key, value in step.items() if key != "answer"}
            line = f"  {json.dumps(request, ensure_ascii=False)}"
            if "answer" in step:
                line = f'{line[:-1]},\n   "answer": {json.dumps(step["answer"], ensure_ascii=False)}}}'
            steps.append(line)
        opening = json.dumps({key: value for key, value in case.items() if key != "steps"}, ensure_ascii=False)
        cases.append(f'{opening[:-1]}, "steps": [\n' + ",\n".join(steps) + "\n]}")
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "cases": [\n' + ",\n".join(cases) + "\n]}\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Compare a FairOS server with the recorded answers, or record them.")
    parser.add_argument("url")
    parser.add_argument("topics", nargs="*", metavar="TOPIC")
    parser.add_argument("--write", action="store_true", help="record the answers of this server")
    parser.add_argument("--restart", metavar="COMMAND", help="restarts the server, for the cases that need it")
    options = parser.parse_args(arguments)

    def restart() -> None:
        subprocess.run(shlex.split(options.restart), check=True)

    bad = 0
    for topic in options.topics or topics():
        path = FIXTURES / f"{topic}.json"
        document = json.loads(path.read_text())
        for case, told in zip(load(topic), document["cases"], strict=True):
            try:
                answers = replay(case, options.url, restart if options.restart else None)
            except LookupError as error:
                sys.stdout.write(f"left out: {error}\n")
                continue
            lines = differences(case, answers)
            bad += bool(lines)
            sys.stdout.write("".join(f"{line}\n" for line in lines) if not options.write else "")
            for step, answer in zip(told["steps"], answers, strict=True):
                step.update({"answer": answer} if answer else {})
        if options.write:
            path.write_text(_written(document))
    sys.stdout.write(f"{bad} case{'' if bad == 1 else 's'} {'recorded anew' if options.write else 'differ'}\n")
    return 0 if options.write else bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
