"""Addresses of FairOS servers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from sovrgit.errors import ConfigInvalid

DEFAULT = "http://localhost:9090"
"""Where a FairOS server listens unless told otherwise, and where the first Sovr CLI looked for one."""

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
"""Where a server here is reached: `localhost` leads to one of the two others. The rest of 127.0.0.0/8 is somewhere else
in a container, or on a machine that gives each of its servers an address."""

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_UNREADABLE = "host or port cannot be read"
_EXAMPLE = f"such as `{DEFAULT}` or `https://fairos.example.org`"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server: scheme, host and port. `str` gives it in one form, whatever form it was written in."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ServerAddress:
        """The address that somebody wrote.

        Raises:
            ConfigInvalid: if it is not one of `http` or `https` without a path, or holds a user name or password, which
                are not repeated.
        """
        text = text.strip()
        if not text.isascii() or not text.isprintable():
            raise _invalid("", "it has characters that no address has")
        parts, port = _split(text)
        host = parts.hostname or ""
        if "@" in parts.netloc:
            raise _invalid("", "a user name or password does not belong there", "`sovr login` asks for them")
        if parts.scheme not in _PORTS:
            if re.fullmatch(r"[\w.-]+(:\d+)?/?", text):
                raise _invalid(text, "it has no scheme", f"did you mean `http://{text}`?")
            raise _invalid("", "it begins with neither `http://` nor `https://`")
        if parts.path not in ("", "/") or parts.query or parts.fragment or "?" in text or "#" in text:
            raise _invalid("", "nothing may follow host and port")
        if not _is_host(host) or port == 0 or parts.netloc.endswith(":"):
            raise _invalid("", _UNREADABLE)
        return cls(parts.scheme, host, port or _PORTS[parts.scheme])

    @property
    def private(self) -> bool:
        """Whether nobody else can read what goes to and fro: it is encrypted, or stays on this machine."""
        if self.scheme == "https" or self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def identity(self) -> str:
        """What tells servers apart: the address, with one name for this machine, which has three.

        Logins are kept by it, so that one that was made for `127.0.0.1` is found for `localhost`.
        """
        return str(replace(self, host="localhost") if self.host in _THIS_MACHINE else self)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port != _PORTS[self.scheme] else "")


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError:
        pass
    # Out here: what is wrong with the port may be that it is a password, and the error has it.
    raise _invalid("", _UNREADABLE)


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _invalid(text: str, reason: str, hint: str = _EXAMPLE) -> ConfigInvalid:
    shown = f"server address `{text}`" if text else "server address"
    return ConfigInvalid(file=shown, reason=reason, hint=hint)
