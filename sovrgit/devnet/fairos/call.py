"""A request, as the calls see it: its arguments, who makes it, and what it may be about to meet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from sovrgit.devnet.body import BadBody, Body
from sovrgit.devnet.fairos.answers import Refused
from sovrgit.devnet.fairos.causes import Cause
from sovrgit.devnet.fairos.faults import Fault, Faults, begin
from sovrgit.devnet.fairos.forms import Form, read_form
from sovrgit.devnet.fairos.mishaps import before
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.pods import OpenPod
from sovrgit.devnet.fairos.sessions import Session, Sessions, Unauthorized

LONGEST_JSON = 1 << 20
_HALVES = re.compile("[\ud800-\udfff]")


class Drive(NamedTuple):
    """What a call is about: a pod, or a group, of which there are none here."""

    name: str
    group: bool = False


@dataclass(slots=True)
class Call:
    """One request.

    Attributes:
        name: `METHOD /path`, where what follows `/public/` is left out: that is a secret.
        prefix: what the messages of this call begin with.
        rest: what follows `/public/` in the path.
        missing: what is answered if what is asked for is not found.
        pause: waits for some seconds.
        faults: those that hit this call.
    """

    name: str
    network: Network
    sessions: Sessions
    all_faults: Faults
    query_text: str
    headers: Message
    body: Body
    prefix: str
    missing: Refused
    pause: Callable[[float], object]
    rest: str = ""
    faults: list[Fault] = field(default_factory=list)
    _query: dict[str, str] | None = None

    # --- arguments ----------------------------------------------------------------------------------------------

    @property
    def query(self) -> dict[str, str]:
        """The arguments in the address; of equal ones the first."""
        if self._query is None:
            try:
                pairs = parse_qsl(self.query_text, keep_blank_values=True, errors="replace", max_num_fields=1000)
            except ValueError:
                pairs = []
            self._query = dict(reversed(pairs))
        return self._query

    def asked(self, *names: str, with_code: bool = False) -> list[str]:
        """Arguments in the address that have to be there."""
        return [self._needed(name, self.query.get(name, ""), with_code) for name in names]

    def told(self, *, with_code: bool = False) -> dict[str, Any]:
        """The JSON object in the body. Names of keys are matched as Go does, whatever their case.

        Raises:
            Refused: if the type of the body is not exactly JSON's, or it is none.
        """
        if self.headers.get("Content-Type", "") != "application/json":
            raise self.refused("invalid request body type", with_code=with_code)
        try:
            text = self.body.whole(LONGEST_JSON).decode("utf-8", "replace").lstrip(" \t\r\n")
            document, _ = json.JSONDecoder(parse_constant=_refuse).raw_decode(text)
        except (ValueError, BadBody, RecursionError):
            raise self.refused("could not decode arguments", with_code=with_code) from None
        if document is None:
            document = {}
        if not isinstance(document, dict):
            raise self.refused("could not decode arguments", with_code=with_code)
        return document

    def texts(self, document: dict[str, Any], *names: str, with_code: bool = False) -> list[str]:
        """Texts in a JSON object; empty where there is none.

        Raises:
            Refused: if one of them is something else than a text.
        """
        folded = {key.lower(): value for key, value in document.items()}
        found = []
        for name in names:
            value = document.get(name, folded.get(name.lower()))
            if value is not None and not isinstance(value, str):
                raise self.refused("could not decode arguments", with_code=with_code)
            found.append(_HALVES.sub("\ufffd", value or ""))
        return found

    def needed(self, document: dict[str, Any], *names: str, with_code: bool = False) -> list[str]:
        """Texts in a JSON object that have to be there.

        Raises:
            Refused: if one is not.
        """
        texts = self.texts(document, *names, with_code=with_code)
        return [self._needed(name, text, with_code) for name, text in zip(names, texts, strict=True)]

    def form(self) -> AbstractContextManager[Form]:
        """The form in the body."""
        return read_form(self.network, self.body, self.headers.get("Content-Type", ""))

    def value(self, form: Form, name: str) -> str:
        """An argument in the address, or else in the form."""
        return self.query.get(name, form.fields.get(name, ""))

    # --- the pod ------------------------------------------------------------------------------------------------

    def asked_drive(self) -> Drive:
        """The pod in the address. A group that is there takes its place, even if it is empty."""
        if "groupName" in self.query:
            return Drive(self.query["groupName"], group=True)
        (name,) = self.asked("podName")
        return Drive(name)

    def told_drive(self, document: dict[str, Any]) -> Drive:
        """The pod in a JSON object."""
        (group,) = self.texts(document, "groupName")
        if group:
            return Drive(group, group=True)
        (name,) = self.needed(document, "podName")
        return Drive(name)

    def form_drive(self, form: Form) -> Drive:
        """The pod in a form or in the address."""
        if group := self.value(form, "groupName"):
            return Drive(group, group=True)
        return Drive(self._needed("podName", self.value(form, "podName"), with_code=False))

    def drive_and(self, document: dict[str, Any], name: str) -> tuple[Drive, str]:
        """The pod in a JSON object, and one more text that has to be there."""
        drive = self.told_drive(document)
        (text,) = self.needed(document, name)
        return drive, text

    def pod(self, drive: Drive) -> OpenPod:
        """A pod of the user who calls.

        Raises:
            Refused: if the call is in no session.
            Cause: if the session has ended, or there is no such pod.
        """
        session = self.session()
        if drive.group:
            raise Cause(f"could not find pod: {drive.name}")
        return session.pods.get(drive.name)

    def _needed(self, name: str, value: str, with_code: bool) -> str:
        if not value:
            raise self.refused(f'"{name}" argument missing', with_code=with_code)
        return value

    # --- who, and how it ends -----------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """Which session it is in.

        Raises:
            Refused: if it is in none.
        """
        try:
            return self.sessions.identify(self.headers.get("Authorization", ""), self.headers.get("Cookie", ""))
        except Unauthorized as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None

    def session(self) -> Session:
        """The session it is in.

        Raises:
            Refused: if it is in none.
            Cause: if that has ended.
        """
        return self.sessions.get(self.session_id)

    def refused(self, words: str, status: int = HTTPStatus.BAD_REQUEST, *, with_code: bool = False) -> Refused:
        """An error with this call's words before it."""
        return Refused(status, f"{self.prefix}: {words}", with_code=with_code)

    # --- faults -------------------------------------------------------------------------------------------------

    def arrives(self) -> None:
        """Find out what the call is to meet."""
        self._meet(None)

    def about(self, file: str) -> None:
        """Say which file the call is about: it may meet more.

        Raises:
            Refused: if that is an answer.
        """
        self._meet(file)

    def _meet(self, file: str | None) -> None:
        hit = self.all_faults.take(self.name, file)
        self.faults += hit
        begin(tuple(self.faults))
        for fault in hit:
            before(self, fault)


@contextmanager
def failing(call: Call, *bad: str, not_found: Collection[str] = (), with_code: bool = False) -> Iterator[None]:
    """Answer the causes in `bad` with 400, those in `not_found` with 404, and all others with 500."""
    try:
        yield
    except Cause as cause:
        status = HTTPStatus.NOT_FOUND if cause.message in not_found else HTTPStatus.INTERNAL_SERVER_ERROR
        if cause.message in bad:
            status = HTTPStatus.BAD_REQUEST
        raise call.refused(cause.message, status, with_code=with_code) from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
