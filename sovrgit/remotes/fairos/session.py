"""A user's session at a server: begun by the first call that needs one, begun anew when the server has forgotten it.

The token is kept in memory only. A session costs the server memory until it is ended, so it is ended.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sovrgit.credentials.logins import Login, PasswordLogin, SignatureLogin
from sovrgit.errors import LoginFailed, LoginNeeded, RemoteUnavailable, SovrError
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.answers import failure_of, message_of
from sovrgit.remotes.fairos.documents import LoggedIn, json_body, read
from sovrgit.remotes.fairos.failures import LoginDoubted, NameTaken, SessionLost
from sovrgit.remotes.fairos.timeouts import Timeouts
from sovrgit.remotes.fairos.wire import Answer, Call, Sink, Wire

LOGIN_ATTEMPTS = 3
"""A server whose lookup took too long says that the password is wrong, or that there is no such user."""

LOGIN_PAUSE = 1.0
"""Seconds before the second attempt; twice as long before the third."""

SHORTEST_PASSWORD = 12
"""Bytes, says the server."""

USER_NAME = re.compile(r"[a-z0-9_-]+")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
_UNFUNDED = 402
_CREATED = 201
_WORDS = 12
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a server: its address, which is public, and its name if it has one."""

    address: str
    user: str | None


@dataclass(frozen=True, slots=True)
class SignedUp:
    """An account that was made, or that could be if its address had the funds for it.

    `mnemonic` is the account's key in words, empty if it came from the user. Nobody else keeps it.
    """

    address: str
    mnemonic: str = field(repr=False)
    complete: bool


@dataclass(frozen=True, slots=True)
class _Live:
    """A session that has begun."""

    token: str = field(repr=False)
    account: Account


class Session:
    """Sends calls, as a user or as nobody. May be used by several threads at once.

    Args:
        login: the user's, or what finds it when it is first needed; None if nobody is to log in.
        pause: waits for a number of seconds.
    """

    def __init__(
        self,
        wire: Wire,
        login: Login | Callable[[], Login] | None,
        timeouts: Timeouts,
        pause: Callable[[float], None],
    ) -> None:
        self._wire = wire
        self.server = str(wire.address)
        self._login = login
        self._timeouts = timeouts
        self._pause = pause
        self._lock = threading.Lock()
        self._live: _Live | None = None
        self._shaken: _Live | None = None
        """The session of an upload that broke off, until it is known that the server still knows it."""

    def account(self) -> Account:
        """Whose session it is; logs in if that was not done yet.

        Raises:
            LoginNeeded, LoginFailed, RemoteUnavailable: if it cannot be done.
        """
        return self._current(None).account

    def send(self, call: Call, sink: Sink | None = None) -> Answer:
        """Send a call as the user.

        If the session has ended, another one is begun and the call repeated, whatever it is: it was not carried out.

        Raises:
            LoginNeeded: if no login is known.
            LoginFailed: if it is refused.
            SovrError: as the answer gives cause; see `answers` and `Wire.send`.
        """
        live = self._current(None)
        is_upload = call.transfer and sink is None
        if is_upload and live is self._shaken:
            live = self._known(live)
        try:
            return self._ask(call, live.token, sink)
        except SessionLost:
            _log.debug("the session has ended, another one is begun")
        except Transient:
            if is_upload:
                self._shaken = live
            raise
        try:
            return self._ask(call, self._current(live).token, sink)
        except SessionLost:
            reason = "it forgets its sessions as soon as they have begun"
        raise LoginFailed(server=self.server, reason=reason, hint="wait a moment; the server may be restarting")

    def send_as_nobody(self, call: Call, sink: Sink | None = None) -> Answer:
        """Send a call that needs no user.

        Raises:
            SovrError: as the answer gives cause.
        """
        return self._ask(call, None, sink)

    def sign_up(self, user: str, password: str, mnemonic: str | None) -> SignedUp:
        """Make an account, and go on as its user.

        Raises:
            LoginFailed: if name, password or words will not do, or the name is taken.
            RemoteUnavailable: if the server cannot be reached, or did not do it for reasons of its own.
        """
        login = self._checked(user, password, mnemonic)
        fields = {"userName": user, "password": password} | ({"mnemonic": mnemonic} if mnemonic else {})
        call = Call("POST", "/v2/user/signup", body=json_body(fields), repeatable=False)
        answer = self._wire.send(call)
        if answer.status == _UNFUNDED:
            offered = read(answer.body, LoggedIn, self.server)
            if not offered.address:
                raise LoginFailed(server=self.server, reason="it has no funds for a new account", hint="")
            return SignedUp(offered.address, offered.mnemonic, complete=False)
        if answer.status != _CREATED:
            failure = self._failure(answer, call, (password, mnemonic or ""))
            if isinstance(failure, NameTaken):
                hint = "choose another, or log in without `--new` if it is yours"
                failure = LoginFailed(server=self.server, reason=f"the user name `{user}` is taken", hint=hint)
            raise failure
        found = read(answer.body, LoggedIn, self.server)
        with self._lock:
            self._login = login
            self._live = self._begun(found, login)
        return SignedUp(found.address, found.mnemonic, complete=True)

    def end(self) -> None:
        """Log out, if logged in.

        Raises:
            RemoteUnavailable: if the server did not confirm it: then the session lasts until the server restarts.
        """
        with self._lock:
            live, self._live = self._live, None
        if live is None:
            return
        try:
            self._ask(Call("POST", "/v1/user/logout", patience=self._timeouts.farewell), live.token, None)
        except SessionLost:
            _log.debug("the session had ended before")

    # --- inside -------------------------------------------------------------------------------------------------

    def _ask(self, call: Call, token: str | None, sink: Sink | None) -> Answer:
        answer = self._wire.send(call, token, sink)
        if answer.status in (200, 201):
            return answer
        raise self._failure(answer, call, (token or "",))

    def _failure(self, answer: Answer, call: Call, secrets: Iterable[str]) -> SovrError:
        login = self._login
        own: tuple[str, ...] = ()
        if isinstance(login, PasswordLogin):
            own = (login.password,)
        elif isinstance(login, SignatureLogin):
            own = (login.password, login.signature)
        return failure_of(
            answer.status,
            message_of(answer.body),
            self.server,
            repeatable=call.repeatable,
            elsewhere=answer.elsewhere,
            secrets=(*own, *secrets),
        )

    def _current(self, lost: _Live | None) -> _Live:
        """A session other than the one that was lost; logs in if there is none."""
        with self._lock:
            if self._live is None or self._live is lost:
                self._live = None
                self._live = self._log_in()
            return self._live

    def _known(self, live: _Live) -> _Live:
        """The session if the server still knows its token, otherwise another one.

        A server refuses an upload before it has read it, and closes. Where the network is slow, the connection may
        break before the refusal arrives, and would do so at every further attempt. What is asked here costs the server
        nothing: it looks at the token, and then misses the name of a file.
        """
        try:
            self._ask(Call("GET", "/v1/file/stat"), live.token, None)
        except SessionLost:
            live = self._current(live)
        except Transient:
            raise
        except RemoteUnavailable:
            _log.debug("the session goes on")
        self._shaken = None
        return live

    def _log_in(self) -> _Live:
        if callable(self._login):
            self._login = self._login()
        if self._login is None:
            raise LoginNeeded(server=self.server)
        for attempt in range(LOGIN_ATTEMPTS):
            if attempt:
                self._pause(LOGIN_PAUSE * 2 ** (attempt - 1))
            try:
                return self._begun(self._ask_for_session(self._login), self._login)
            except LoginDoubted as error:
                reason = error.fields["reason"]
        hint = (
            f"try `sovr login --server {self.server}` with the right name and password; "
            "a server that is cut off from its network says the same of every login"
        )
        raise LoginFailed(server=self.server, reason=reason, hint=hint)

    def _ask_for_session(self, login: Login) -> LoggedIn:
        if isinstance(login, PasswordLogin):
            path, fields = "/v2/user/login", {"userName": login.user, "password": login.password}
        else:
            path, fields = "/v2/user/login-with-signature", {"signature": login.signature}
            if login.password:
                fields["password"] = login.password
        try:
            return read(self._ask(Call("POST", path, body=json_body(fields)), None, None).body, LoggedIn, self.server)
        except SessionLost:
            # Nobody needs a session to begin one: this comes from something between us and the server.
            reason = "something in front of it asks for a login of its own"
        raise LoginFailed(server=self.server, reason=reason, hint="use the address of the server itself")

    def _begun(self, found: LoggedIn, login: Login) -> _Live:
        if not _TOKEN.fullmatch(found.access_token):
            hint = "`sovr` needs a FairOS server of version 0.10 or newer"
            raise RemoteUnavailable(location=self.server, reason="it gives out no token", hint=hint)
        user = login.user if isinstance(login, PasswordLogin) else None
        return _Live(found.access_token, Account(found.address, user))

    def _checked(self, user: str, password: str, mnemonic: str | None) -> PasswordLogin:
        if not USER_NAME.fullmatch(user):
            raise self._refused("a user name has small letters, digits, `-` and `_` only")
        login = PasswordLogin(user, password)
        if len(password.encode()) < SHORTEST_PASSWORD:
            raise self._refused(f"the password must have {SHORTEST_PASSWORD} bytes or more")
        if mnemonic and len(mnemonic.split(" ")) != _WORDS:
            raise self._refused(f"the words of an account are {_WORDS}, with one space between them")
        return login

    def _refused(self, reason: str) -> LoginFailed:
        return LoginFailed(server=self.server, reason=reason, hint="choose another")
