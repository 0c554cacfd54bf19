"""A stand-in for the daemon of the Golem network with simulated providers, to run requestor scripts without a network.

It answers as yagna 0.17.6 does, and what providers are told to do is done on this machine, apart from it where that is
possible. From the bottom: `world` is the lock and the clock; `cell` is where commands run, `sandbox` starts it, and
`volumes` are its files; `agreements`, `market`, `bills`, `ledger`, `batches` and `activities` are what happens on the
network, and `network` is all of it; `marketcalls`, `paymentcalls`, `activitycalls` and `othercalls` are the HTTP calls,
and `handler` is HTTP itself; `gftp` is the program that moves files; and `faults` is all that can be made to go wrong.
"""

from sovrgit.devnet.golem.faults import Fault, Kind
from sovrgit.devnet.golem.server import GolemStandIn

__all__ = ["Fault", "GolemStandIn", "Kind"]
