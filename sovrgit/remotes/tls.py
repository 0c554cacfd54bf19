"""What decides whether a server is the one it says it is: the certificates that the system trusts.

For every client of HTTP in this program, also towards addresses without TLS: left to itself httpx would load certifi,
which may be the one of 2020 that yapapi pins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def tls_context(address: str) -> ssl.SSLContext:
    """The context for an address, `https://…` or another one."""
    import ssl

    if address.lower().startswith("https:"):
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Never used, because nothing leads from a plain address to another. It trusts nobody.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
