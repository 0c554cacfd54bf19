"""Servers that are not there, not well, or not what they should be, over a real connection."""

from __future__ import annotations

import datetime
import logging
import socket
import ssl
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fairos_lab import LOGIN, REFERENCE, Raw, Scripted, client, head, raw

from sovrgit.devnet.fairos import StandIn
from sovrgit.errors import RemoteUnavailable
from sovrgit.remotes.base import Transient
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.timeouts import Timeouts


def public(server: Raw | ServerAddress, **options: object) -> bytes:
    """Read a file by reference."""
    address = server.address if isinstance(server, Raw) else server
    with FairOS(address, **options) as fairos:  # type: ignore[arg-type]
        return fairos.read_public_file(REFERENCE, "/f", 1000)


def test_a_whole_answer_is_read() -> None:
    with raw(head("200 OK", "Content-Length: 3", "Connection: close") + b"abc") as server:
        assert public(server) == b"abc"
        assert server.requests[0].startswith(b"GET /public-file?sharingRef=" + REFERENCE.reveal().encode())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        None,
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        head("200 OK", "Content-Length: 6"),
        head("200 OK", "Content-Length: 6") + b"abc",
        head("200 OK", "Content-Length: x") + b"abc",
        head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n",
        head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\nabc\r\n",
        head("500 Internal Server Error", "Content-Length: 3000000") + b'{"message":"download: blo',
        head("200 OK", *(f"X-{number}: {'x' * 1000}" for number in range(200))),
    ],
)
def test_answers_that_are_cut_off_or_make_no_sense(answer: bytes | None) -> None:
    with raw(answer) as server, pytest.raises(Transient) as failed:
        public(server)
    assert failed.value.message.startswith(f"cannot use the remote at `{server.address}`: ")


def test_a_connection_that_is_reset_before_the_request() -> None:
    with raw(None, reads=False) as server, pytest.raises(Transient):
        public(server)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(RemoteUnavailable, match="no server is running there") as failed:
        public(ServerAddress("http", "127.0.0.1", port))
    # Nobody waits for what never was.
    assert not isinstance(failed.value, Transient)


def test_a_server_that_has_gone_is_waited_for(tmp_path: Path) -> None:
    with StandIn(tmp_path) as server, FairOS(ServerAddress.parse(server.url)) as fairos:
        assert not fairos.user_present("ann")
        server.close()
        with pytest.raises(Transient, match="connection refused") as failed:
            fairos.user_present("ann")
        assert "running" in failed.value.hint


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = ServerAddress("http", "127.0.0.1", silent.getsockname()[1])
        with pytest.raises(Transient, match=r"no answer within 0\.05 s"):
            public(address, timeouts=Timeouts(transfer=0.05))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectTimeout("x"), "no connection within 5 s"),
        (httpx.WriteTimeout("x"), "it took no data for 60 s"),
        (httpx.PoolTimeout("x"), "no connection became free within 10 s"),
        (httpx.ReadError("x"), "the connection was lost"),
        (httpx.WriteError("x"), "the connection was lost"),
        (httpx.ConnectError("x"), "no connection can be made"),
        (httpx.RemoteProtocolError("x"), "its answer was cut off, or is not HTTP"),
    ],
)
def test_what_goes_wrong_is_told(error: Exception, reason: str) -> None:
    with pytest.raises(Transient) as failed:
        client(Scripted().on("GET /public-file", error)).read_public_file(REFERENCE, "/f", 1)
    assert failed.value.fields["reason"] == reason


@pytest.mark.parametrize(("number", "kind"), [(socket.EAI_NONAME, RemoteUnavailable), (socket.EAI_AGAIN, Transient)])
def test_a_host_that_is_not_known(number: int, kind: type[Exception]) -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = socket.gaierror(number, "Name or service not known")
    with pytest.raises(RemoteUnavailable) as failed:
        client(Scripted().on("GET /public-file", error)).read_public_file(REFERENCE, "/f", 1)
    assert type(failed.value) is kind


def test_a_redirect_is_not_followed() -> None:
    with raw(b"never asked") as elsewhere:
        answer = head("307 Temporary Redirect", f"Location: {elsewhere.address}/public-file?x=1", "Content-Length: 0")
        with raw(answer) as server, pytest.raises(RemoteUnavailable, match="elsewhere"):
            public(server)
        assert elsewhere.requests == []


@pytest.mark.parametrize("location", ["http://[::1", "//", "ftp://x/", "http://a:b@c/", "\u00fc", "x" * 5000, ""])
def test_a_redirect_to_nowhere(location: str) -> None:
    answer = httpx.Response(302, headers=[(b"Location", location.encode("utf-8"))])
    with pytest.raises(RemoteUnavailable):
        client(Scripted().on("GET /public-file", answer)).read_public_file(REFERENCE, "/f", 1)


# --- encryption -----------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_speak_tls() -> None:
    with raw(head("200 OK", "Content-Length: 3") + b"abc", reads=False) as server:
        address = ServerAddress("https", server.address.host, server.address.port)
        with pytest.raises(RemoteUnavailable, match="not accepted") as failed:
            public(address)
    assert not isinstance(failed.value, Transient)


class Secure:
    """A server with a certificate of its own, for this machine."""

    def __init__(self, folder: Path) -> None:
        x509 = pytest.importorskip("cryptography.x509")
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate = folder / "certificate.pem"
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        secret = folder / "key.pem"
        secret.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, secret)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = ServerAddress("https", "localhost", self._socket.getsockname()[1])
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
                with self._context.wrap_socket(connection, server_side=True) as secure:
                    self.asked.append(secure.recv(65536))
                    secure.sendall(head("200 OK", "Content-Length: 3", "Connection: close") + b"abc")
            except ssl.SSLError:
                connection.close()
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(20)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    made = Secure(tmp_path)
    yield made
    made.close()


def test_a_certificate_that_the_system_does_not_trust(secure: Secure) -> None:
    with pytest.raises(RemoteUnavailable, match="not accepted") as failed:
        public(secure.address)
    assert not isinstance(failed.value, Transient) and secure.asked == []


def test_a_certificate_that_the_system_trusts(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    assert public(secure.address) == b"abc"
    wrong = ServerAddress("https", "127.0.0.1", secure.address.port)
    with pytest.raises(RemoteUnavailable, match="not accepted"):
        public(wrong)


def test_the_certificates_of_certifi_do_not_count(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    """yapapi brings those of 2020 with it, into the same environment if the extra `golem` is installed."""
    asked: list[str] = []
    certifi = types.ModuleType("certifi")
    certifi.where = lambda: asked.append("where") or str(secure.certificate)  # type: ignore[attr-defined]
    certifi.contents = lambda: asked.append("contents") or secure.certificate.read_text()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "certifi", certifi)
    with pytest.raises(RemoteUnavailable, match="not accepted"):
        public(secure.address)
    assert asked == [] and secure.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    assert public(secure.address) == b"abc" and asked == []


# --- what is loaded, and what is not --------------------------------------------------------------------------------


def test_the_command_line_of_httpx_is_not_loaded() -> None:
    """It would be half of the time that passes before the first call."""
    code = (
        "import sys, sovrgit.remotes.fairos.client, httpx; "
        "assert 'pygments' not in sys.modules and 'httpx._main' not in sys.modules; from httpx._main import main"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_trust_is_not_loaded_for_plain_addresses() -> None:
    code = (
        "import sys\n"
        "from sovrgit.remotes.fairos.address import ServerAddress\n"
        "from sovrgit.remotes.fairos.reference import SharingReference\n"
        "print('httpx' in sys.modules)\n"
        "from sovrgit.remotes.fairos.client import FairOS\n"
        "FairOS(ServerAddress.parse('http://localhost:9090')).close()\n"
        "print('truststore' in sys.modules, 'keyring' in sys.modules)\n"
        "FairOS(ServerAddress.parse('https://localhost:9090')).close()\n"
        "print('truststore' in sys.modules, 'keyring' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False", "False", "True", "False"]


def test_the_loggers_of_others_are_quiet() -> None:
    FairOS(ServerAddress.parse("http://localhost:9090"), LOGIN).close()
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
