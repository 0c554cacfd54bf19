"""The gateway: a recording reverse proxy in front of the Golem daemon, which is also the spend firewall.

server.py     the gateway itself                   call.py       one call, from its request to its line in the log
front.py      HTTP towards the script              upstream.py   connections to the daemon
rules.py      what calls must fulfil: networks, budget, prices, bills
book.py       writing the log, telling what is new  events.py    what is followed
daemon.py     calls of the gateway's own           ending.py     ending what was left open; recovery.py: by the log
"""

from sovrgit.runs.golem.gateway.recovery import settle_from
from sovrgit.runs.golem.gateway.server import Gateway

__all__ = ["Gateway", "settle_from"]
