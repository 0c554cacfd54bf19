"""Who is logged in: sessions, and the tokens and cookies that stand for them. All of it is gone when the process is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Any

from sovrgit.devnet.fairos.causes import NOT_LOGGED_IN, Cause
from sovrgit.devnet.fairos.metadata import compact
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.pods import Pods
from sovrgit.devnet.fairos.wallet import Wallet

COOKIE = "fairOS-dfs"
TOKEN_LIFETIME = 24 * 3600
COOKIE_LIFETIME = 24 * 3600
COOKIE_PATIENCE = 3600
"""Seconds after a login in which its cookie is taken; later it ends the session."""

_JWT_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class Session:
    """A user who is logged in, with what this session knows of the user's pods."""

    id: str
    user_name: str
    wallet: Wallet
    pods: Pods


class Unauthorized(Exception):
    """The call is refused before anything else: 401."""


class Sessions:
    """All sessions of a server."""

    def __init__(
        self, network: Network, clock: Callable[[], float] = time.time, cookie_domain: str = "localhost"
    ) -> None:
        self._network = network
        self._clock = clock
        self._cookie_domain = cookie_domain
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._key = secrets.token_bytes(32)

    # --- logging in and out -------------------------------------------------------------------------------------

    def begin(self, user_name: str, wallet: Wallet) -> Session:
        """Log somebody in. Each login is a session of its own, which knows nothing yet."""
        session = Session(secrets.token_urlsafe(32), user_name, wallet, Pods(self._network, wallet, self._clock))
        with self._lock:
            self._sessions[session.id] = session
        return session

    def get(self, session_id: str) -> Session:
        """A session.

        Raises:
            Cause: `NOT_LOGGED_IN`.
        """
        with self._lock:
            session = self._sessions.get(session_id)
        if session is None:
            raise Cause(NOT_LOGGED_IN)
        return session

    def end(self, session_id: str) -> None:
        """Log out.

        Raises:
            Cause: `NOT_LOGGED_IN`.
        """
        session = self.get(session_id)
        try:
            session.pods.close_all()
        finally:
            with self._lock:
                self._sessions.pop(session_id, None)

    def has_user(self, name: str) -> bool:
        """Whether a user is logged in, in any session."""
        with self._lock:
            return any(session.user_name == name for session in self._sessions.values())

    def forget_sessions(self) -> None:
        """End all sessions. Tokens stay good, but stand for nothing."""
        with self._lock:
            self._sessions.clear()

    def forget_all(self) -> None:
        """End all sessions and make all tokens and cookies invalid."""
        self.forget_sessions()
        self._key = secrets.token_bytes(32)

    # --- tokens and cookies -------------------------------------------------------------------------------------

    def token(self, session: Session) -> str:
        """A token (JWT) for a session."""
        claims = {"iss": "dfs", "exp": int(self._clock()) + TOKEN_LIFETIME, "sessionId": session.id}
        return f"{_JWT_HEADER}.{self._signed(_JWT_HEADER + '.', claims)}"

    def cookie(self, session: Session) -> str:
        """The value of a `Set-Cookie` header for a session."""
        now = self._clock()
        value = self._signed("cookie.", {"session": session.id, "until": int(now) + COOKIE_PATIENCE})
        attributes = f"{COOKIE}={value}; Path=/; Expires={formatdate(now + COOKIE_LIFETIME, usegmt=True)}"
        if self._cookie_domain == "localhost":
            return attributes
        domain = f"; Domain={self._cookie_domain}" if self._cookie_domain else ""
        return f"{attributes.replace('; Expires', f'{domain}; Expires')}; HttpOnly; Secure; SameSite=None"

    def no_cookie(self) -> str:
        """The value of a `Set-Cookie` header that takes the cookie away."""
        expired = formatdate(self._clock() - 1, usegmt=True)
        return f"{COOKIE}=; Path=/; Expires={expired}; Max-Age=0; HttpOnly"

    def admit(self, authorization: str, cookies: str) -> None:
        """Let a call pass: a good token will do, even if its session has ended; otherwise a cookie that is not too old.

        Raises:
            Unauthorized: with the words of the answer.
        """
        if (token := _bearer(authorization)) is not None:
            if self._token_session(token) is None:
                raise Unauthorized("jwt: invalid token")
            return
        claims = self._cookie_claims(cookies)
        if claims["until"] < self._clock():
            try:
                self.end(claims["session"])
            except Cause:
                return
            raise Unauthorized("logging out as cookie login timeout expired")

    def identify(self, authorization: str, cookies: str) -> str:
        """The session of a call: that of the cookie if there is one, even if the token is another's.

        Raises:
            Unauthorized: if there is neither.
        """
        try:
            return str(self._cookie_claims(cookies)["session"])
        except Unauthorized:
            token = _bearer(authorization)
            session_id = None if token is None else self._token_session(token)
            if session_id is None:
                raise Unauthorized("unauthorized") from None
            return session_id

    def _token_session(self, token: str) -> str | None:
        head, dot, rest = token.partition(".")
        claims = self._verified(head + dot, rest) if head == _JWT_HEADER else None
        return str(claims["sessionId"]) if claims and claims["exp"] > self._clock() else None

    def _cookie_claims(self, cookies: str) -> dict[str, Any]:
        try:
            found = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            found = None
        if found is None:
            raise Unauthorized("cookie: invalid cookie: http: named cookie not present")
        claims = self._verified("cookie.", found.value)
        if claims is None:
            raise Unauthorized("cookie: invalid cookie: securecookie: the value is not valid")
        return claims

    def _signed(self, prefix: str, claims: dict[str, Any]) -> str:
        body = base64.urlsafe_b64encode(compact(claims)).rstrip(b"=").decode("ascii")
        return f"{body}.{self._signature(prefix + body)}"

    def _verified(self, prefix: str, text: str) -> dict[str, Any] | None:
        body, _, signature = text.partition(".")
        if not hmac.compare_digest(self._signature(prefix + body).encode(), signature.encode()):
            return None
        try:
            claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (ValueError, binascii.Error):
            return None
        return claims

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _bearer(authorization: str) -> str | None:
    """The token in a header; None if there is none."""
    parts = authorization.split("Bearer")
    return parts[1].strip() or None if len(parts) == 2 else None
