"""The calls about pods."""

from __future__ import annotations

from http import HTTPStatus

from sovrgit.devnet.fairos.answers import Answer, done, told
from sovrgit.devnet.fairos.call import Call, failing
from sovrgit.devnet.fairos.causes import (
    NO_SUCH_POD,
    NOT_LOGGED_IN,
    POD_EXISTS,
    POD_NAME_TOO_LONG,
    TOO_MANY_PODS,
    Cause,
)
from sovrgit.devnet.fairos.gotext import quoted, unhex


def new(call: Call) -> Answer:
    """POST /v1/pod/new"""
    (name,) = call.needed(call.told(), "podName")
    with failing(call, NOT_LOGGED_IN, NO_SUCH_POD, POD_NAME_TOO_LONG, POD_EXISTS, TOO_MANY_PODS):
        call.session().pods.new(name)
    return done("pod created successfully", HTTPStatus.CREATED)


def open_(call: Call) -> Answer:
    """POST /v1/pod/open"""
    (name,) = call.needed(call.told(), "podName")
    with failing(call, not_found=[NOT_LOGGED_IN, NO_SUCH_POD]):
        call.session().pods.get(name)
    return done("pod opened successfully")


def close(call: Call) -> Answer:
    """POST /v1/pod/close"""
    (name,) = call.needed(call.told(), "podName")
    with failing(call, NOT_LOGGED_IN):
        call.session().pods.close(name)
    return done("pod closed successfully")


def sync(call: Call) -> Answer:
    """POST /v1/pod/sync and /v1/pod/sync-async"""
    (name,) = call.needed(call.told(), "podName")
    with failing(call, NOT_LOGGED_IN, NO_SUCH_POD, POD_NAME_TOO_LONG):
        call.session().pods.clean(name).directories.refresh()
    return done("pod synced successfully")


def share(call: Call) -> Answer:
    """POST /v1/pod/share"""
    given = call.told()
    (name,) = call.needed(given, "podName")
    (shared_name,) = call.texts(given, "sharedPodName")
    with failing(call, NOT_LOGGED_IN, NO_SUCH_POD):
        reference = call.session().pods.share(name, shared_name or name)
    return told({"podSharingReference": reference})


def delete(call: Call) -> Answer:
    """DELETE /v1/pod/delete"""
    (name,) = call.texts(call.told(), "podName")
    if not name:
        raise call.refused('"podName" parameter missing in cookie')
    call.prefix = "delete pod"
    with failing(call, NOT_LOGGED_IN):
        call.session().pods.delete(name)
    return done("pod deleted successfully")


def list_(call: Call) -> Answer:
    """GET /v1/pod/ls"""
    with failing(call, NOT_LOGGED_IN):
        own, shared = call.session().pods.names()
    return told({"pods": own, "sharedPods": shared})


def stat(call: Call) -> Answer:
    """GET /v1/pod/stat"""
    (name,) = call.asked("podName")
    with failing(call, NOT_LOGGED_IN):
        pod = call.session().pods.get(name)
    return told({"podName": pod.name, "address": pod.address})


def present(call: Call) -> Answer:
    """GET /v1/pod/present"""
    (name,) = call.asked("podName")
    try:
        there = call.session().pods.present(name)
    except Cause:
        # Also when the session has ended: a mistake of the server.
        there = False
    return told({"present": there})


def receive_info(call: Call) -> Answer:
    """GET /v1/pod/receiveinfo"""
    reference = _reference(call)
    with failing(call, with_code=True):
        call.session()
        info = call.network.shared_pod(reference)
    return told(info)


def receive(call: Call) -> Answer:
    """GET /v1/pod/receive"""
    reference = _reference(call)
    wanted = call.query.get("sharedPodName", "")
    # Other names than those of one byte are not looked at: a mistake of the server.
    name = wanted if len(wanted.encode()) == 1 else ""
    with failing(call, with_code=True):
        pod = call.session().pods.receive(reference, name)
    return done(f"public pod {quoted(pod.name)}, added as shared pod")


def fork(call: Call) -> Answer:
    """POST /v1/pod/fork"""
    name, fork_name = call.needed(call.told(), "podName", "forkName")
    with failing(call, NOT_LOGGED_IN, NO_SUCH_POD):
        call.session().pods.fork(name, fork_name)
    return done("pod forked successfully")


def fork_reference(call: Call) -> Answer:
    """POST /v1/pod/fork-from-reference"""
    reference, fork_name = call.texts(call.told(), "podSharingReference", "forkName")
    with failing(call, NOT_LOGGED_IN, NO_SUCH_POD):
        call.session().pods.fork_reference(reference, fork_name)
    return done("pod forked successfully")


def _reference(call: Call) -> bytes:
    (text,) = call.asked("sharingRef", with_code=True)
    # Whether the session has an id is asked before the reference is read.
    _ = call.session_id
    try:
        return unhex(text)
    except Cause as cause:
        raise call.refused(f"invalid reference:{cause.message}", with_code=True) from None
