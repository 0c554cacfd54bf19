"""The client of a FairOS server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from sovrgit.credentials.logins import Login
from sovrgit.errors import SovrError
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.documents import Present, read
from sovrgit.remotes.fairos.files import Files
from sovrgit.remotes.fairos.pods import Pods
from sovrgit.remotes.fairos.public import Public
from sovrgit.remotes.fairos.session import USER_NAME, Account, Session, SignedUp
from sovrgit.remotes.fairos.timeouts import PATIENCE, Timeouts
from sovrgit.remotes.fairos.wire import Call, Wire

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)


class FairOS(Pods, Files, Public):
    """A FairOS server, and a user of it if there is a login. May be used by several threads at once.

    Reading by reference needs no login; everything else logs in when it is first done. Nothing but a login is tried
    again in here: that is for `with_retries`, by `Transient`. At most eight requests run at once, and of those that
    write to one pod only one.

    Every call raises, beside what it says itself: `LoginNeeded` and `LoginFailed` if it is for users only, `Transient`
    for what may pass, and another `RemoteUnavailable` for what will not.

    Args:
        login: the user's, or what finds it when it is first needed.
        transport: takes the place of the network, for tests.
        pause: waits for a number of seconds, between attempts to log in.
    """

    def __init__(
        self,
        address: ServerAddress,
        login: Login | Callable[[], Login] | None = None,
        *,
        timeouts: Timeouts = PATIENCE,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._wire = Wire(address, timeouts, transport)
        super().__init__(Session(self._wire, login, timeouts, pause), pause)

    @property
    def private(self) -> bool:
        """Whether nobody between here and the server can read passwords and references: TLS, or this machine."""
        return self.address.private

    def log_in(self) -> Account:
        """Log in now rather than at the first call that needs it; the account.

        Raises:
            LoginNeeded: if no login is known.
            LoginFailed: if it is refused.
        """
        return self._session.account()

    def log_out(self) -> None:
        """End the session, if there is one. The next call that needs one begins another.

        Raises:
            RemoteUnavailable: if the server did not confirm it.
        """
        self._session.end()

    def sign_up(self, user: str, password: str, mnemonic: str | None = None) -> SignedUp:
        """Make an account and go on as its user.

        Args:
            mnemonic: the twelve words of an account to be named so; otherwise the server makes a new one.

        Raises:
            LoginFailed: if name, password or words will not do, or the name is taken.
        """
        return self._session.sign_up(user, password, mnemonic)

    def user_present(self, user: str) -> bool:
        """Whether there is a user of this name. Also False if the server cannot reach the register of names."""
        if not USER_NAME.fullmatch(user):
            return False
        answer = self._session.send_as_nobody(Call("GET", "/v2/user/present", {"userName": user}))
        return read(answer.body, Present, self._server).present

    def close(self) -> None:
        """Log out and close the connections.

        A server that does not answer to a log-out is no reason for a command that did its work to fail: it is noted in
        the log, and the session lasts until the server restarts.
        """
        try:
            self.log_out()
        except SovrError as error:
            _log.info("not logged out: %s", error.message)
        finally:
            self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FairOS({str(self.address)!r})"
