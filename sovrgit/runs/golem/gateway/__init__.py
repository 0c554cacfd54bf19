"""The gateway: a recording reverse proxy in front of the Golem daemon, which is also the spend firewall.

front.py      HTTP towards the script            upstream.py   connections to the daemon
server.py     the gateway: one call after another
routes.py     which calls there are, and which of them are let through
rules.py      what they must fulfil: networks, budget, prices, bills
record.py     the call log                        book.py       writing it, and telling what is new
story.py      what its lines mean (batches.py: commands; events.py: what is followed)
seen.py       what has been seen                  values.py     reading what the daemon sent
daemon.py     calls of the gateway's own          ending.py     ending what was left open
"""

from sovrgit.runs.golem.gateway.server import Gateway, settle_from

__all__ = ["Gateway", "settle_from"]
