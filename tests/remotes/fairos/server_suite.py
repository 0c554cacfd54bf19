"""What every FairOS server must do for the client, over a real connection. Subclasses say where one is."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sovrgit.credentials.logins import Login, PasswordLogin, SignatureLogin
from sovrgit.errors import LoginFailed, LoginNeeded, RemoteDamaged
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS
from sovrgit.remotes.fairos.failures import FileAbsent, FolderAbsent, PodAbsent, ReferenceAbsent
from sovrgit.remotes.fairos.pods import PodNames
from sovrgit.remotes.fairos.reference import SharingReference

Connect = Callable[..., FairOS]


def no_pause(_: float) -> None:
    """Do not wait."""


class Total:
    """Adds up what it is told of."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, amount: int) -> None:
        self.done += amount


class ServerSuite:
    """A FairOS server. `server` is a fixture of the subclass: its address."""

    @pytest.fixture
    def connect(self, server: ServerAddress) -> Iterator[Connect]:
        """Makes clients of the server: of a new user, of the user of a login, or of nobody."""
        made: list[FairOS] = []

        def connect(login: Login | None = None, *, nobody: bool = False) -> FairOS:
            chosen = None if nobody else login or SignatureLogin.parse(secrets.token_hex(32))
            made.append(FairOS(server, chosen, pause=no_pause))
            return made[-1]

        yield connect
        for fairos in made:
            fairos.close()

    @pytest.fixture
    def ann(self, connect: Connect) -> FairOS:
        """A user with a pod `p`, and a folder `/sovr` in it."""
        fairos = connect()
        assert fairos.make_pod("p") and fairos.make_folder("p", "/sovr")
        return fairos

    # --- users --------------------------------------------------------------------------------------------------

    def test_an_account(self, connect: Connect) -> None:
        user = f"u-{secrets.token_hex(6)}"
        new = connect(nobody=True)
        assert not new.user_present(user)
        made = new.sign_up(user, "a long password")
        assert made.complete and len(made.mnemonic.split()) == 12
        assert new.user_present(user)
        assert new.log_in().address == made.address
        assert new.make_pod("p")
        again = connect(PasswordLogin(user, "a long password"))
        account = again.log_in()
        assert (account.user, account.address.lower()) == (user, made.address.lower())
        assert again.pods() == PodNames(["p"], [])
        with pytest.raises(LoginFailed, match="is taken"):
            connect(nobody=True).sign_up(user, "another password")
        for login in (PasswordLogin(user, "a wrong password"), PasswordLogin(user + "x", "a long password")):
            with pytest.raises(LoginFailed):
                connect(login).pods()

    def test_words_of_an_account(self, connect: Connect) -> None:
        words = connect(nobody=True).sign_up(f"u-{secrets.token_hex(6)}", "a long password").mnemonic
        made = connect(nobody=True).sign_up(f"u-{secrets.token_hex(6)}", "a long password", words)
        assert made.complete and made.mnemonic == ""

    def test_a_signature_is_an_account(self, connect: Connect) -> None:
        signature = secrets.token_hex(65)
        one, same = connect(SignatureLogin.parse(signature)), connect(SignatureLogin.parse("0x" + signature.upper()))
        other = connect(SignatureLogin.parse(signature, "with a password"))
        assert one.log_in() == same.log_in() and one.log_in().user is None
        assert other.log_in().address != one.log_in().address

    def test_nobody(self, connect: Connect) -> None:
        with pytest.raises(LoginNeeded):
            connect(nobody=True).pods()

    def test_logging_out(self, ann: FairOS) -> None:
        ann.log_out()
        ann.log_out()
        assert ann.pods().own == ["p"]

    def test_two_clients_of_one_user(self, connect: Connect) -> None:
        login = SignatureLogin.parse(secrets.token_hex(32))
        one, two = connect(login), connect(login)
        one.make_pod("p")
        two.pods()
        one.close()
        assert two.pods().own == ["p"]

    # --- pods ---------------------------------------------------------------------------------------------------

    def test_pods(self, connect: Connect) -> None:
        fairos = connect()
        assert fairos.pods() == PodNames([], []) and not fairos.pod_present("one")
        for name in ("one", "a name with spaces & more: /?", "ключ"):
            assert fairos.make_pod(name)
            assert not fairos.make_pod(name)
            assert fairos.pod_present(name)
        assert len(fairos.pods().own) == 3 and not fairos.pod_present("two")

    def test_sharing(self, ann: FairOS, connect: Connect) -> None:
        reference = ann.share_pod("p")
        assert ann.share_pod("p") == reference
        info = connect().pod_info(reference)
        assert info.name == "p" and info.owner.lower() == ann.log_in().address.lower().removeprefix("0x")
        with pytest.raises(PodAbsent):
            ann.share_pod("other")
        with pytest.raises(ReferenceAbsent):
            ann.pod_info(SharingReference.parse(secrets.token_hex(32)))

    # --- folders ------------------------------------------------------------------------------------------------

    def test_folders(self, ann: FairOS) -> None:
        assert not ann.make_folder("p", "/sovr")
        assert ann.make_folder("p", "/sovr/deep")
        assert ann.listing("p", "/") == (["sovr"], [])
        assert ann.listing("p", "/sovr/deep") == ([], [])
        with pytest.raises(FolderAbsent):
            ann.make_folder("p", "/no/such")
        with pytest.raises(FolderAbsent):
            ann.listing("p", "/no")
        with pytest.raises(PodAbsent):
            ann.make_folder("q", "/sovr")

    # --- files --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1, 1000, 1_000_000, 1_000_001, 9_000_000])
    def test_a_file_comes_back(self, ann: FairOS, connect: Connect, tmp_path: Path, size: int) -> None:
        data = os.urandom(size)
        source = tmp_path / "source"
        source.write_bytes(data)
        reference = ann.share_pod("p")
        sent, own, public = Total(), Total(), Total()
        ann.upload("p", "/sovr", "f", source, size, sent)
        got = bytearray()
        assert ann.download("p", "/sovr/f", size, got.extend, own) == (size, False)
        assert got == data
        got.clear()
        assert connect(nobody=True).public_file(reference, "/sovr/f", size, got.extend, public) == (size, False)
        assert got == data
        assert sent.done == own.done == public.done == size

    def test_a_file_is_replaced(self, ann: FairOS, connect: Connect) -> None:
        reference, nobody = ann.share_pod("p"), connect(nobody=True)
        for data in (b"one", b"two and more", b""):
            ann.upload("p", "/sovr", "f", data, len(data))
            assert nobody.read_public_file(reference, "/sovr/f", 100) == data == ann.read_file("p", "/sovr/f", 100)
        assert [entry.name for entry in ann.listing("p", "/sovr").files] == ["f"]

    def test_no_more_is_taken_than_wanted(self, ann: FairOS, connect: Connect) -> None:
        reference, nobody = ann.share_pod("p"), connect(nobody=True)
        ann.upload("p", "/", "f", bytes(3_000_000), 3_000_000)
        for limit in (0, 10, 2_999_999):
            got = bytearray()
            assert ann.download("p", "/f", limit, got.extend) == (limit, True) and len(got) == limit
            assert nobody.public_file(reference, "/f", limit, got.extend) == (limit, True) and len(got) == 2 * limit
        with pytest.raises(RemoteDamaged):
            nobody.read_public_file(reference, "/f", 10)
        with pytest.raises(RemoteDamaged):
            ann.read_file("p", "/f", 10)

    def test_what_is_not_there(self, ann: FairOS, connect: Connect) -> None:
        reference, nobody = ann.share_pod("p"), connect(nobody=True)
        with pytest.raises(FileAbsent):
            ann.read_file("p", "/sovr/f", 1)
        with pytest.raises(FileAbsent):
            ann.stat_file("p", "/sovr/f")
        with pytest.raises(FileAbsent):
            ann.delete_file("p", "/sovr/f")
        with pytest.raises(FileAbsent):
            nobody.read_public_file(reference, "/sovr/f", 1)
        with pytest.raises(ReferenceAbsent):
            nobody.read_public_file(SharingReference.parse(secrets.token_hex(32)), "/sovr/f", 1)
        with pytest.raises(PodAbsent):
            ann.read_file("q", "/sovr/f", 1)
        with pytest.raises(PodAbsent):
            ann.upload("q", "/", "f", b"x", 1)
        with pytest.raises(FolderAbsent):
            ann.upload("p", "/no", "f", b"x", 1)

    def test_what_is_known_of_a_file(self, ann: FairOS) -> None:
        ann.upload("p", "/sovr", "f", bytes(1234), 1234)
        stat = ann.stat_file("p", "/sovr/f")
        assert (stat.name, stat.size, stat.block_size) == ("f", 1234, 1_000_000) and stat.modified > 1_600_000_000
        assert ann.listing("p", "/sovr") == ([], [("f", 1234)])

    def test_deleting(self, ann: FairOS, connect: Connect) -> None:
        reference = ann.share_pod("p")
        ann.upload("p", "/sovr", "f", b"x", 1)
        ann.delete_file("p", "/sovr/f")
        with pytest.raises(FileAbsent):
            ann.read_file("p", "/sovr/f", 1)
        with pytest.raises(FileAbsent):
            connect(nobody=True).read_public_file(reference, "/sovr/f", 1)
        assert ann.listing("p", "/sovr").files == []

    def test_many_at_once(self, ann: FairOS, connect: Connect) -> None:
        reference, nobody = ann.share_pod("p"), connect(nobody=True)
        files = {f"f-{number}": bytes([number]) * 50_000 for number in range(12)}
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda item: ann.upload("p", "/sovr", item[0], item[1], len(item[1])), files.items()))
            own = list(pool.map(lambda name: ann.read_file("p", f"/sovr/{name}", 1 << 20), files))
            public = list(pool.map(lambda name: nobody.read_public_file(reference, f"/sovr/{name}", 1 << 20), files))
        assert own == public == list(files.values())
        # Writes to a pod go one after the other, or a server would lose names.
        assert {entry.name for entry in ann.listing("p", "/sovr").files} == set(files)
