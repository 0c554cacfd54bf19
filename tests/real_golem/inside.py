"""The program that all that is real runs below: it goes into an empty network, starts the daemon there, takes orders.

    python inside.py BINARY FOLDER

When all is set up it says `{"ready": {...}}`, what a requestor script finds in its environment; otherwise
`{"impossible": TEXT}` if this machine does not allow it. Then it takes orders, a JSON object a line:

| order | answer |
| --- | --- |
| `run`: argv, `folder`, `environment` | `code`, `stdout`, `stderr` of a program that runs in here |
| `replay`: a topic | `answers` of the daemon to the questions of the devnet's fixtures |
| `problems` | what went wrong in the provider stand-ins |

At the end of the input everything ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
"""CLONE_NEWNET and CLONE_NEWUSER (clone(2))."""

_SET_FLAGS, _UP = 0x8914, 1
"""SIOCSIFFLAGS and IFF_UP (netdevice(7))."""

_QUESTIONS = Path(__file__).parents[1] / "devnet" / "golem"
_ORDINARY = 1000
_LIBC = ctypes.CDLL(None, use_errno=True)
COUNT = 2
"""Providers."""


def main() -> int:
    sys.path.append(str(_QUESTIONS))
    binary, folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        leave_the_network()
    except OSError as error:
        say({"impossible": f"no network namespaces on this machine: {error.strerror}"})
        return 1
    with everything(binary, folder) as place:
        say({"ready": {"version": place.version}})
        for line in sys.stdin:
            try:
                answer = place.obey(json.loads(line))
            except Exception:
                answer = {"failed": traceback.format_exc()}
            say(answer)
    return 0


def leave_the_network() -> None:
    """Go where there is nothing but a loopback interface, as an ordinary user of this place.

    Raises:
        OSError: if this machine does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    _enter(_NEW_USER | _NEW_NETWORK, (0, user), (0, group))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
    # The devnet's sandbox needs somebody who is not root, or a root that is one everywhere.
    _enter(_NEW_USER, (_ORDINARY, 0), (_ORDINARY, 0))
    # A datagram socket sends nothing when it is connected, but there must be a route.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        if any_socket.connect_ex(("192.0.2.1", 9)) == 0:
            raise OSError(0, "there is still a way out")


def _enter(namespaces: int, user: tuple[int, int], group: tuple[int, int]) -> None:
    if _LIBC.unshare(namespaces):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny")
    for name, (inside, outside) in (("uid_map", user), ("gid_map", group)):
        Path("/proc/self", name).write_text(f"{inside} {outside} 1")


@contextlib.contextmanager
def everything(binary: Path, folder: Path) -> Iterator[Place]:
    """The daemon, the providers, and what of the devnet serves here as well: registry, `gftp`, start-up shim."""
    from gsb import Bus
    from real_provider import RealProvider
    from yagna import API, BUS, REQUESTOR_KEY, Yagna

    from sovrgit.devnet.golem import GolemStandIn
    from sovrgit.devnet.golem.batches import Allowance
    from sovrgit.devnet.golem.faults import Faults
    from sovrgit.devnet.golem.images import Images
    from sovrgit.devnet.golem.providers import make_providers
    from sovrgit.devnet.golem.published import Published
    from sovrgit.devnet.golem.sandbox import Sandbox
    from sovrgit.devnet.golem.tools import Tools
    from sovrgit.devnet.golem.world import World

    with contextlib.ExitStack() as stack:
        helper = stack.enter_context(GolemStandIn(folder / "devnet", namespaces=False))
        scratch = folder / "scratch" / "root"
        scratch.mkdir(parents=True)
        activities = folder / "activities"
        activities.mkdir()
        sandbox = Sandbox(scratch)
        world = World()
        stack.callback(world.close)
        owner = json.loads((helper.folder / "identity.json").read_text())["nodeId"]
        published = Published(helper.folder / "published", owner)
        (folder / "images").mkdir()
        images = Images(folder / "images", {}, sandbox)
        tools = Tools(world, sandbox, published, Faults([]), activities, Allowance(1 << 30), images)
        likes = make_providers(COUNT, sandbox.kind, sandbox.memory)
        daemon = Yagna(binary, folder, [one.name for one in likes])
        stack.callback(daemon.stop)
        bus = Bus(*BUS)
        stack.callback(bus.close)
        providers = [
            RealProvider(member, like, bus, tools) for member, like in zip(daemon.providers, likes, strict=True)
        ]
        for one in providers:
            stack.callback(one.close)
        variables = {
            "YAGNA_APPKEY": REQUESTOR_KEY,
            "YAGNA_API_URL": API,
            "YAGNA_PAYMENT_NETWORK": "hoodi",
            "SOVR_GOLEM_REGISTRY": helper.url,
            "PATH": f"{helper.folder / 'bin'}:{os.defpath}",
            "PYTHONPATH": str(helper.folder / "python"),
        }
        yield Place(variables, tools, providers, daemon.version)


class Place:
    """What is in here, and what can be had of it."""

    def __init__(self, variables: dict[str, str], tools: Any, providers: list[Any], version: str) -> None:
        self.variables = variables
        self.version = version
        self._tools = tools
        self._providers = providers

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what an order says."""
        if "run" in order:
            environment = {**self.variables, **order["environment"]}
            argv, folder = order["run"], order["folder"]
            done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        if "replay" in order:
            from recorded_golem import load, replay

            from sovrgit.devnet.golem.faults import Fault

            faults, key, url = self._tools.faults, self.variables["YAGNA_APPKEY"], self.variables["YAGNA_API_URL"]
            cases = load(order["replay"])
            return {"answers": [replay(case, url, key, lambda fault: faults.add(Fault.of(fault))) for case in cases]}
        return {"problems": [line for one in self._providers for line in one.problems]}


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
