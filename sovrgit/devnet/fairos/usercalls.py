"""The calls about users: signing up, logging in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sovrgit.devnet.fairos import users
from sovrgit.devnet.fairos.answers import Answer, done, told
from sovrgit.devnet.fairos.call import Call, failing
from sovrgit.devnet.fairos.causes import BAD_PASSWORD, BAD_USER_NAME, NO_SUCH_USER, USER_EXISTS, Cause
from sovrgit.devnet.fairos.wallet import Wallet


def sign_up(call: Call) -> Answer:
    """POST /v2/user/signup"""
    given = call.told()
    name, password = call.needed(given, "userName", "password")
    (mnemonic,) = call.texts(given, "mnemonic")
    with failing(call, USER_EXISTS):
        user = users.sign_up(call.network, name, password, mnemonic)
    more = {"mnemonic": user.mnemonic} if user.mnemonic else {}
    document = {"nameHash": f"0x{user.name_hash}", "message": "user signed-up successfully", **more}
    return _welcome(call, name, user.wallet, document, HTTPStatus.CREATED)


def log_in(call: Call) -> Answer:
    """POST /v2/user/login"""
    name, password = call.needed(call.told(), "userName", "password")
    with failing(call, BAD_PASSWORD, not_found=[NO_SUCH_USER]):
        user = users.log_in(call.network, name, password)
    document = {"nameHash": f"0x{user.name_hash}", "message": "user logged-in successfully"}
    return _welcome(call, name, user.wallet, document)


def log_in_with_signature(call: Call) -> Answer:
    """POST /v2/user/login-with-signature"""
    given = call.told()
    (signature,) = call.needed(given, "signature")
    (password,) = call.texts(given, "password")
    with failing(call):
        wallet = Wallet.of_signature(signature, password)
    return _welcome(call, wallet.address, wallet, {"message": "user logged-in successfully"})


def present(call: Call) -> Answer:
    """GET /v2/user/present"""
    (name,) = call.asked("userName")
    return told({"present": users.exists(call.network, name)})


def delete(call: Call) -> Answer:
    """DELETE /v2/user/delete"""
    (password,) = call.needed(call.told(with_code=True), "password", with_code=True)
    with failing(call, BAD_USER_NAME, BAD_PASSWORD):
        session = call.session()
        users.check(call.network, session.user_name, password)
        call.sessions.end(session.id)
    return done("user deleted successfully", headers=_without_cookie(call))


def is_logged_in(call: Call) -> Answer:
    """GET /v1/user/isloggedin"""
    (name,) = call.asked("userName")
    return told({"loggedin": call.sessions.has_user(name)})


def log_out(call: Call) -> Answer:
    """POST /v1/user/logout"""
    with failing(call):
        call.sessions.end(call.session_id)
    return done("user logged out successfully", headers=_without_cookie(call))


def stat(call: Call) -> Answer:
    """GET /v1/user/stat"""
    with failing(call):
        session = call.session()
        if not users.exists(call.network, session.user_name):
            raise Cause(BAD_USER_NAME)
    return told({"userName": session.user_name, "address": f"0x{session.wallet.address}"})


def old_sign_up(call: Call) -> Answer:
    """POST /v1/user/signup"""
    call.needed(call.told(), "userName", "password")
    return deprecated(call)


def old_present(call: Call) -> Answer:
    """GET /v1/user/present"""
    call.asked("userName")
    return deprecated(call)


def deprecated(call: Call) -> Answer:
    """Any call of the first version that is no longer."""
    raise call.refused("deprecated")


def _welcome(call: Call, name: str, wallet: Wallet, more: dict[str, Any], status: int = HTTPStatus.OK) -> Answer:
    session = call.sessions.begin(name, wallet)
    document = {
        "address": f"0x{wallet.address}",
        "publicKey": wallet.public_key,
        **more,
        "accessToken": call.sessions.token(session),
    }
    return told(document, status, (("Set-Cookie", call.sessions.cookie(session)),))


def _without_cookie(call: Call) -> tuple[tuple[str, str], ...]:
    return (("Set-Cookie", call.sessions.no_cookie()),)
