"""Calls about pods: which there are, making one, sharing one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sovrgit.errors import ReferenceUnknown, RemoteUnavailable
from sovrgit.remotes.fairos.caller import Caller
from sovrgit.remotes.fairos.documents import Names, Shared, SharedPod, json_body
from sovrgit.remotes.fairos.failures import NameTaken
from sovrgit.remotes.fairos.names import check_pod_name
from sovrgit.remotes.fairos.reference import SharingReference
from sovrgit.remotes.fairos.session import Session
from sovrgit.remotes.fairos.wire import Call

LIST_ATTEMPTS = 3
LIST_PAUSE = 0.2
"""Seconds before the list of pods is asked for again; twice as long before the third time."""

_THE_LIST = ""


class PodNames(NamedTuple):
    """The names of a user's own pods and of those that were shared with them."""

    own: list[str]
    shared: list[str]


class PodInfo(NamedTuple):
    """What a sharing reference says of a pod: the name it was shared under, its address and its owner's."""

    name: str
    address: str
    owner: str


class Pods(Caller):
    """Calls about pods. All need a login."""

    def __init__(self, session: Session, pause: Callable[[float], None]) -> None:
        super().__init__(session)
        self._pause = pause

    def pods(self) -> PodNames:
        """The names of all pods, as the server has them now.

        An empty list can also mean that the server failed to read it.

        Raises:
            SovrError: as for every call.
        """
        names = self._ask(Call("GET", "/v1/pod/ls"), Names)
        return PodNames(names.pods or [], names.shared_pods or [])

    def pod_present(self, pod: str) -> bool:
        """Whether the user has a pod of their own of this name.

        A list that the server failed to read looks empty, so an empty one is asked for again before it is believed. It
        is the list that is asked for and not the pod: other calls would write the empty list back.
        """
        for attempt in range(LIST_ATTEMPTS):
            if attempt:
                self._pause(LIST_PAUSE * 2 ** (attempt - 1))
            names = self.pods()
            if pod in names.own:
                return True
            if names.own or names.shared:
                return False
        return False

    def make_pod(self, pod: str) -> bool:
        """Make a pod; False if there was one of this name.

        Not to be called for a pod that was there once: the server forgets pods when it fails to read their list, and a
        second one of the same name would take the place of the first.

        Raises:
            UnsafeName: if no pod can have this name.
        """
        call = Call("POST", "/v1/pod/new", body=json_body({"podName": check_pod_name(pod)}), repeatable=False)
        with self._writing(_THE_LIST):
            try:
                self._session.send(call)
            except NameTaken:
                return False
        return True

    def share_pod(self, pod: str) -> SharingReference:
        """The pod's sharing reference: the same one every time. Whoever has it can read the pod, for ever.

        Raises:
            PodAbsent: if the user has no such pod.
        """
        with self._writing(_THE_LIST):
            shared = self._ask(Call("POST", "/v1/pod/share", body=json_body({"podName": pod})), Shared)
        try:
            return SharingReference.parse(shared.pod_sharing_reference)
        except ReferenceUnknown:
            pass
        raise RemoteUnavailable(location=self._server, reason="what it gave out is not a sharing reference", hint="")

    def pod_info(self, reference: SharingReference) -> PodInfo:
        """What a sharing reference says of its pod. The server writes the reference into its log.

        Raises:
            ReferenceAbsent: if nothing is found there.
        """
        call = Call("GET", "/v1/pod/receiveinfo", query={"sharingRef": reference.reveal()})
        found = self._ask(call, SharedPod)
        return PodInfo(found.pod_name, found.pod_address, found.user_address)
