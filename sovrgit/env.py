"""Every environment variable that `sovr` reads, each with its documentation.

Only `sovrgit.commands` reads the environment; the library takes what it needs as arguments. The table in
`docs/reference/environment.md` is generated from `VARIABLES`.
"""

from __future__ import annotations

from typing import NamedTuple


class Variable(NamedTuple):
    """An environment variable and what it does."""

    name: str
    purpose: str


AUTHOR_NAME = Variable("SOVR_AUTHOR_NAME", "Name put into commits and run records; wins over the configuration.")
AUTHOR_EMAIL = Variable("SOVR_AUTHOR_EMAIL", "E-mail address put into commits; wins over the configuration.")
CONFIG = Variable("SOVR_CONFIG", "File to read instead of the user's configuration file; an empty value means none.")
DATE = Variable("SOVR_DATE", "Seconds since 1970 used as the time of commits, for repeatable tests and transcripts.")
EDITOR = Variable("SOVR_EDITOR", "Editor for commit messages; wins over `VISUAL` and `EDITOR`.")
VISUAL = Variable("VISUAL", "Editor for commit messages, used when `SOVR_EDITOR` is not set.")
PLAIN_EDITOR = Variable("EDITOR", "Editor for commit messages, used when neither of the other two is set.")
PAGER = Variable("SOVR_PAGER", "Pager for long output; wins over `PAGER`. An empty value or `cat` means none.")
PLAIN_PAGER = Variable("PAGER", "Pager for long output, used when `SOVR_PAGER` is not set.")
NO_COLOR = Variable("NO_COLOR", "If set and not empty, no colours (https://no-color.org).")
FORCE_COLOR = Variable("FORCE_COLOR", "If set and not empty, colours even when the output is not a terminal.")
NO_PROGRESS = Variable("SOVR_NO_PROGRESS", "If set and not empty, no progress display.")
NO_INPUT = Variable("SOVR_NO_INPUT", "If set and not empty, never ask; commands that would ask fail with a hint.")
FAIROS_URL = Variable("SOVR_FAIROS_URL", "Address of the FairOS server; wins over the setting `fairos.server`.")
FAIROS_USER = Variable("SOVR_FAIROS_USER", "User name at that FairOS server, for machines; wins over `sovr login`.")
FAIROS_PASSWORD = Variable("SOVR_FAIROS_PASSWORD", "Password that goes with `SOVR_FAIROS_USER`, or the signature.")
FAIROS_PASSWORD_FILE = Variable(
    "SOVR_FAIROS_PASSWORD_FILE", "File that holds this password, used when `SOVR_FAIROS_PASSWORD` is not set."
)
FAIROS_SIGNATURE = Variable(
    "SOVR_FAIROS_SIGNATURE", "A wallet's signature to log in with at that FairOS server, instead of user and password."
)
GOLEM_REGISTRY = Variable(
    "SOVR_GOLEM_REGISTRY", "Address of the registry of Golem images; wins over the user's setting `golem.registry`."
)
YAGNA_API_URL = Variable("YAGNA_API_URL", "Address of the Golem daemon, for `sovr run --on golem`.")
YAGNA_APPKEY = Variable("YAGNA_APPKEY", "App-key of the Golem daemon. Scripts do not get it, and no record has it.")
YAGNA_SUBNET = Variable(
    "YAGNA_SUBNET", "Part of the Golem network where providers are looked for; `public` if not set."
)
CREDENTIALS = Variable(
    "SOVR_CREDENTIALS", "File to keep logins and keys in. If set, the keyring of the system is not asked."
)
COMPLETE = Variable("_SOVR_COMPLETE", "Set by the scripts of `sovr completion`: words are wanted for this shell.")
LINE = Variable("_SOVR_LINE", "Set by them, too: the command line up to the cursor.")
BREAKS = Variable("_SOVR_BREAKS", "Set by the one for bash: the characters at which it takes words apart.")

VARIABLES: tuple[Variable, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Variable))
