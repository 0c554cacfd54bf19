"""What commands share that sign, or say who has signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sovrgit.commands.app import App
from sovrgit.errors import SignatureInvalid

if TYPE_CHECKING:
    from sovrgit.objects.ids import ObjectId
    from sovrgit.objects.signature import Signed, Signer
    from sovrgit.signing.checking import Signers
    from sovrgit.signing.known import KnownKeys
    from sovrgit.ui.signatureview import ShownSignature


def known_keys(app: App) -> KnownKeys:
    """The keys that the user knows by name."""
    from sovrgit.commands.accounts import user_places
    from sovrgit.signing.known import KnownKeys

    return KnownKeys(user_places(app)[1] / "keys.json")


def find_signer(app: App, wanted: bool | None) -> Signer | None:
    """What signs: nothing, unless the settings or the command line say so.

    Raises:
        SigningKeyMissing: if they do, and there is no key.
        ConfigInvalid, StorageFailure: if the key cannot be read.
    """
    if not (signs_by_default(app) if wanted is None else wanted):
        return None
    from sovrgit.commands.accounts import kept_secrets
    from sovrgit.signing.keeping import own_key, signer_of

    return signer_of(own_key(kept_secrets(app)).key)


def signs_by_default(app: App) -> bool:
    """Whether commits and records are signed if nobody says otherwise."""
    from sovrgit.settings import is_true

    return is_true(app.setting("user.signing") or "false")


class Looker:
    """Looks at signatures, and remembers the names of keys, and what it has found forged."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._names: Mapping[str, str] | None = None
        self._forged: SignatureInvalid | None = None

    def look(self, identity: ObjectId, record: Signed) -> ShownSignature | None:
        """The signature of an object, to be shown."""
        if record.signature is None:
            return None
        from sovrgit.signing.checking import check_signature
        from sovrgit.ui.signatureview import ShownSignature

        try:
            found = check_signature(record, identity)
        except SignatureInvalid as error:
            self._forged = self._forged or error
            return ShownSignature(record.signature.scheme, "", problem=error.message)
        assert found is not None
        if self._names is None:
            self._names = known_keys(self._app).read()
        return ShownSignature(found.scheme, found.address, self._names.get(found.address, ""))

    def look_at(self, records: Iterable[tuple[ObjectId, Signed]]) -> dict[ObjectId, ShownSignature]:
        """The signatures of those of some objects that have one."""
        found = ((identity, self.look(identity, record)) for identity, record in records)
        return {identity: shown for identity, shown in found if shown is not None}

    def fail(self) -> None:
        """End with an error if something was forged: what was to be shown has been shown.

        Raises:
            SignatureInvalid: if so.
        """
        if self._forged is not None:
            self._forged.advise("do not trust what this object says; `sovr fsck` finds all that are like it")
            raise self._forged


def names_for(app: App, signers: Signers) -> Mapping[str, str]:
    """What the user calls the keys of those who have signed."""
    return known_keys(app).read() if signers.addresses else {}
