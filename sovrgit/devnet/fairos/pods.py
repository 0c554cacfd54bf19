"""The pods of a user, as one session knows them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from sovrgit.devnet.fairos.causes import (
    FILE_NOT_FOUND,
    FORK_EXISTS,
    NO_SUCH_POD,
    POD_EXISTS,
    POD_NAME_BLANK,
    POD_NAME_TOO_LONG,
    REFERENCE_BLANK,
    TOO_MANY_PODS,
    Cause,
)
from sovrgit.devnet.fairos.directories import DIRECTORY, FILE, Directories
from sovrgit.devnet.fairos.faults import Kind, now
from sovrgit.devnet.fairos.files import SMALLEST_BLOCK, Files
from sovrgit.devnet.fairos.gotext import unhex
from sovrgit.devnet.fairos.metadata import Inode, compact
from sovrgit.devnet.fairos.network import Network
from sovrgit.devnet.fairos.paths import ROOT, joined
from sovrgit.devnet.fairos.podlist import OwnPod, PodList, SharedPod
from sovrgit.devnet.fairos.wallet import Wallet

LONGEST_NAME = 64
"""Bytes of the name of a pod."""

MOST_PODS = 65535
_LIST = "PodsV2"
_PASSWORD_LENGTH = 32


@dataclass(frozen=True, slots=True)
class OpenPod:
    """A pod that a session has opened, with what it knows of it."""

    name: str
    address: str
    files: Files
    directories: Directories

    @property
    def writable(self) -> bool:
        """Whether it is the user's own."""
        return self.files.writable


class Pods:
    """The pods of the user of one session."""

    def __init__(self, network: Network, wallet: Wallet, clock: Callable[[], float]) -> None:
        self._network = network
        self._wallet = wallet
        self._clock = clock
        self._open: dict[str, OpenPod] = {}

    # --- the list -----------------------------------------------------------------------------------------------

    def names(self) -> tuple[list[str], list[str]]:
        """The names of own and of received pods. If the list cannot be read, there are none."""
        pods = self._read_list() or PodList()
        return [pod.name for pod in pods.own], [pod.name for pod in pods.shared]

    def present(self, name: str) -> bool:
        """Whether the list has a pod of this name."""
        try:
            return self._list().has(_clean(name))
        except Cause:
            return False

    def _list(self) -> PodList:
        """The list; if it cannot be read, an empty one is written in its place: a mistake of the server."""
        found = self._read_list()
        if found is None:
            found = PodList()
            self._write_list(found)
        return found

    def _read_list(self) -> PodList | None:
        if now(Kind.LOST_PODS):
            return None
        try:
            return PodList.parse(self._list_file().read(joined("", _LIST)))
        except (Cause, ValueError, KeyError, TypeError, OSError):
            return None

    def _write_list(self, pods: PodList) -> None:
        self._list_file().upload(pods.encode(), ROOT, _LIST, SMALLEST_BLOCK, "gzip")

    def _list_file(self) -> Files:
        # Made anew each time, so that the list is never a cached one.
        return Files(self._network, self._wallet.address, self._wallet.seed, self._clock, writable=True)

    # --- opening ------------------------------------------------------------------------------------------------

    def get(self, name: str) -> OpenPod:
        """A pod, opened if it is not yet.

        Raises:
            Cause: if there is none of this name.
        """
        known = self._open.get(name)
        if known is not None:
            return known
        pods = self._list()
        own, received = pods.owned(name), pods.received(name)
        if own is not None:
            pod = self._opened(name, self._wallet.pod_address(own.index), own.password, writable=True)
            pod.directories.inode(ROOT)
        elif received is not None:
            pod = self._opened(name, received.address, received.password, writable=False)
        else:
            raise Cause(NO_SUCH_POD)
        return pod

    def clean(self, name: str) -> OpenPod:
        """A pod whose name may have spaces around it.

        Raises:
            Cause: if there is none of this name.
        """
        return self.get(_clean(name))

    def close(self, name: str) -> None:
        """Close a pod and forget what was known of it.

        Raises:
            Cause: if it is not open.
        """
        pod = self._open.get(name)
        if pod is None:
            raise Cause(f"could not find pod: {name}")
        self._list()
        pod.directories.forget()
        pod.files.forget()
        self._open.pop(name, None)

    def close_all(self) -> None:
        """Close all pods."""
        for name in list(self._open):
            self.close(name)

    def _opened(self, name: str, address: str, password: str, *, writable: bool) -> OpenPod:
        files = Files(self._network, address, password, self._clock, writable=writable)
        pod = OpenPod(name, address, files, Directories(files))
        self._open[name] = pod
        return pod

    # --- making and removing ------------------------------------------------------------------------------------

    def new(self, name: str) -> OpenPod:
        """Make a pod.

        Raises:
            Cause: if the name is bad or taken.
        """
        given, name = name, _clean(name)
        pods = self._list()
        if pods.has(name):
            raise Cause(POD_EXISTS)
        taken = {pod.index for pod in pods.own}
        index = next((number for number in range(1, MOST_PODS) if number not in taken), 0)
        if not index:
            raise Cause(TOO_MANY_PODS)
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_PASSWORD_LENGTH))
        pods.own.append(OwnPod(name, index, password.encode().hex()))
        self._write_list(pods)
        pod = self._opened(name, self._wallet.pod_address(index), pods.own[-1].password, writable=True)
        pod.directories.make_root()
        # The pod is made under the cleaned name and then opened under the other one: a mistake of the server.
        return self.get(given)

    def delete(self, name: str) -> None:
        """Delete an own pod with all that its listings name, or forget a received one.

        Raises:
            Cause: if there is none, or something in it cannot be removed.
        """
        pod = self.get(name)
        if pod.writable:
            try:
                pod.directories.remove_root()
            except Cause as cause:
                if cause.message != FILE_NOT_FOUND:
                    raise
        pods = self._list()
        if not (pods.owned(name) if pod.writable else pods.received(name)):
            raise Cause("pod not found")
        if pod.writable:
            pods.own = [known for known in pods.own if known.name != name]
        else:
            pods.shared = [known for known in pods.shared if known.name != name]
        self._open.pop(name, None)
        self._write_list(pods)

    # --- sharing ------------------------------------------------------------------------------------------------

    def share(self, name: str, shared_name: str) -> str:
        """A reference with which everybody can read an own pod: 64 hexadecimal digits, always the same.

        Raises:
            Cause: if there is no own pod of this name.
        """
        own = self._list().owned(name)
        if own is None:
            raise Cause(NO_SUCH_POD)
        info = {
            "podName": shared_name,
            "podAddress": self._wallet.pod_address(own.index),
            "password": own.password,
            "userAddress": self._wallet.address,
        }
        return self._network.put_chunk(compact(info))

    def receive(self, reference: bytes, name: str) -> OpenPod:
        """Take a pod that was shared into the list, under its own name if none is given.

        Raises:
            Cause: if the reference stands for no pod, or the name is taken.
        """
        info = self._network.shared_pod(reference)
        name = _clean(name or info["podName"])
        pods = self._list()
        if pods.has(name):
            raise Cause(POD_EXISTS)
        pods.shared.append(SharedPod(name, info["podAddress"], info["password"]))
        self._write_list(pods)
        return self._opened(name, info["podAddress"], info["password"], writable=False)

    def fork(self, name: str, fork_name: str) -> None:
        """Copy a pod into a new one.

        Raises:
            Cause: if there is none, or the new name is taken.
        """
        self._prepare_fork(fork_name)
        source, target = self.clean(name), self.clean(fork_name)
        try:
            root = source.directories.inode(ROOT)
        except Cause:
            raise Cause("root inode not found") from None
        _copy(source, target, ROOT, root)

    def fork_reference(self, reference: str, fork_name: str) -> None:
        """Copy a pod that was shared into a new one.

        Raises:
            Cause: if the reference stands for no pod, or the name is taken. The new pod stays all the same.
        """
        if not reference:
            raise Cause(REFERENCE_BLANK)
        self._prepare_fork(fork_name)
        try:
            parsed = unhex(reference)
        except Cause:
            # Said to have worked: a mistake of the server.
            return
        info = self._network.shared_pod(parsed)
        files = Files(self._network, info["podAddress"], info["password"], self._clock, writable=False)
        source = OpenPod(info["podName"], info["podAddress"], files, Directories(files))
        source.directories.refresh()
        _copy(source, self.clean(fork_name), ROOT, source.directories.inode(ROOT))

    def _prepare_fork(self, fork_name: str) -> None:
        if not fork_name:
            raise Cause(POD_NAME_BLANK)
        if self.present(fork_name):
            raise Cause(FORK_EXISTS)
        self.new(fork_name)


def _copy(source: OpenPod, target: OpenPod, path: str, inode: Inode) -> None:
    for entry in inode.names:
        if entry.startswith(FILE):
            name = entry.removeprefix(FILE)
            target.files.copy_from(source.files, source.files.download(joined(path, name)))
            target.directories.add(path, name, FILE)
        elif entry.startswith(DIRECTORY):
            below = joined(path, entry.removeprefix(DIRECTORY))
            found = source.directories.inode(below)
            target.directories.make(below)
            _copy(source, target, below, found)


def _clean(name: str) -> str:
    if not name:
        raise Cause(NO_SUCH_POD)
    if len(name.encode()) > LONGEST_NAME:
        raise Cause(POD_NAME_TOO_LONG)
    return name.strip()
