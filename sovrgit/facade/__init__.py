"""The pod of `import sovrgit`: the verbs of the command line as methods, each a few lines over the library.

Nothing is printed and nobody is asked. Like the library, this takes environment and author as arguments.
"""

from __future__ import annotations

from sovrgit.facade.base import Where, identity_of
from sovrgit.facade.branching import Branching
from sovrgit.facade.gitexchange import GitExchange
from sovrgit.facade.history import History
from sovrgit.facade.lineage import Stories
from sovrgit.facade.payload import Payload
from sovrgit.facade.presence import Presence
from sovrgit.facade.running import Approve
from sovrgit.facade.sharing import Sharing
from sovrgit.facade.tasking import Tasking


class Pod(History, Stories, Branching, Tasking, Payload, Sharing, Presence, GitExchange):
    """A pod, with the verbs of the command line.

    `repository` is the library's own object, for whatever this class does not offer. Use it in a `with` block, or
    call `close`, to let go of its files.
    """


__all__ = ("Approve", "Pod", "Where", "identity_of")
