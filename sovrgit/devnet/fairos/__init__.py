"""A stand-in for a FairOS-DFS server, backed by a folder, for trying and testing without a Swarm node.

It answers as FairOS-DFS 0.10.1 does, mistakes included. From the bottom: `network` is the folder in the place of Swarm;
`files`, `directories` and `pods` are what one session knows of a pod; `sessions` are the users that are logged in;
`usercalls`, `podcalls`, `dircalls`, `filecalls` and `publiccalls` are the HTTP calls; `handler` is HTTP itself; and
`faults` is everything that can be made to go wrong.
"""

from sovrgit.devnet.fairos.faults import Fault, Kind
from sovrgit.devnet.fairos.server import StandIn

__all__ = ["Fault", "Kind", "StandIn"]
