"""Every setting that `sovr` knows, each with its documentation, what it may hold, and who may set it.

The table in `docs/reference/configuration.md` and the help about configuration are generated from `SETTINGS`. Other
names are kept and shown, and mean nothing to `sovr`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sovrgit import env

PLACES: Final = ("local", "devnet", "golem")
"""Where a pod can run."""

TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})
"""What Git understands, too."""


def _anything(_: str) -> str:
    return ""


def _boolean(text: str) -> str:
    return "" if text.lower() in TRUE | FALSE else "is neither `true` nor `false`"


def _address(text: str) -> str:
    return "" if re.match(r"https?://[^/\s]", text) else "is no address, such as `https://fairos.example.org`"


def _command_line(text: str) -> str:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        return "has a quote without its other half"
    if words and words[0].startswith("!"):
        return "would run another program; an alias stands for a command of `sovr`"
    return "" if words and not words[0].startswith("-") else "does not begin with a command"


def _amount(text: str) -> str:
    return "" if re.fullmatch(r"[0-9]{1,10}(?:\.[0-9]{1,18})?", text.strip()) else "is no amount of tokens, such as 0.5"


def _whose(text: str) -> str:
    from sovrgit.objects.commit import REUSE_RULES

    return "" if text in REUSE_RULES else f"is none of {', '.join(REUSE_RULES)}"


def _place(text: str) -> str:
    return "" if text in PLACES else f"is none of {', '.join(PLACES)}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting may hold: a word for it, and a check that says what is wrong, or nothing."""

    word: str
    check: Callable[[str], str]


TEXT = Kind("text", _anything)
BOOLEAN = Kind("true or false", _boolean)
ADDRESS = Kind("address", _address)
PROGRAM = Kind("command line", _anything)
COMMAND = Kind("command of sovr", _command_line)
AMOUNT = Kind("amount of tokens", _amount)
WHOSE = Kind("own, trusted or any", _whose)
PLACE = Kind("local, devnet or golem", _place)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting. In its name, `NAME` stands for any word of the user's.

    `users_only` says why the value in a pod's file does not count, and is empty where it does. `variable` is the
    environment variable that wins over both files; an empty one counts only if `empty_counts`.
    """

    name: str
    kind: Kind
    purpose: str
    default: str = ""
    users_only: str = ""
    variable: env.Variable | None = None
    empty_counts: bool = False

    def check(self, value: str) -> str:
        """What is wrong with a value, or nothing."""
        return self.kind.check(value)


_A_PROGRAM = "names a program to run"
_MONEY = "decides what is spent"
_A_SIGNATURE = "decides what is signed in your name"
_A_BELIEF = "decides whose results are believed"
_AN_ENDPOINT = "names an endpoint to talk to"

SETTINGS: Final = (
    Setting("user.name", TEXT, "Who makes commits and runs.", variable=env.AUTHOR_NAME),
    Setting("user.email", TEXT, "The e-mail address that goes into commits.", variable=env.AUTHOR_EMAIL),
    Setting(
        "user.signing",
        BOOLEAN,
        "Whether commits, runs and verdicts are signed with your key.",
        "`false`",
        users_only=_A_SIGNATURE,
    ),
    Setting(
        "core.editor",
        PROGRAM,
        "The editor for commit messages.",
        "`VISUAL`, else `EDITOR`",
        users_only=_A_PROGRAM,
        variable=env.EDITOR,
    ),
    Setting(
        "core.pager",
        PROGRAM,
        "What shows long output on a terminal; empty or `cat` for nothing.",
        "`PAGER`, else `less -FRX`",
        users_only=_A_PROGRAM,
        variable=env.PAGER,
        empty_counts=True,
    ),
    Setting("alias.NAME", COMMAND, "What `sovr NAME` stands for: a command and its options.", users_only=_A_PROGRAM),
    Setting(
        "fairos.server",
        ADDRESS,
        "The FairOS server that is meant when none is named.",
        "`http://localhost:9090`",
        users_only=_AN_ENDPOINT,
        variable=env.FAIROS_URL,
    ),
    Setting("run.on", PLACE, "Where pods run.", "as the recipe is"),
    Setting(
        "run.reuse",
        WHOSE,
        "Whose results `sovr run` takes instead of computing them.",
        "`own`",
        users_only=_A_BELIEF,
    ),
    Setting(
        "golem.python",
        TEXT,
        "The interpreter, with yapapi, for requestor scripts and jobs on Golem.",
        "the one that `sovr` runs in, if it has yapapi",
        users_only=_A_PROGRAM,
    ),
    Setting("golem.network", TEXT, "The network for `--on golem`, such as `hoodi`.", users_only=_MONEY),
    Setting("golem.budget", AMOUNT, "The most that a run may cost.", users_only=_MONEY),
    Setting("golem.price.start", AMOUNT, "The highest price of a start.", users_only=_MONEY),
    Setting("golem.price.hour", AMOUNT, "The highest price of an hour.", users_only=_MONEY),
    Setting("golem.price.cpu-hour", AMOUNT, "The highest price of an hour of a processor.", users_only=_MONEY),
    Setting(
        "golem.registry",
        ADDRESS,
        "The registry of images that `sovr lock` asks.",
        "`https://registry.golem.network`",
        users_only=_AN_ENDPOINT,
        variable=env.GOLEM_REGISTRY,
    ),
    Setting("gc.auto", BOOLEAN, "Whether many small packs are folded in the background.", "`true`"),
    Setting(
        "remote.NAME.url",
        TEXT,
        "Where a remote is, as `sovr remote add` wrote it. A sharing reference is not in here, only its fingerprint.",
    ),
    Setting(
        "remote.NAME.private",
        BOOLEAN,
        "Whether a FairOS pod is sealed with its first push.",
        "as the recipe says",
    ),
    Setting("remote.NAME.key", TEXT, "The fingerprint of the key that a FairOS pod is sealed with."),
    Setting("remote.NAME.recipe", TEXT, "The recipe that a FairOS pod has for others to read; written by pushes."),
    Setting("pod.origin", TEXT, "Where the pod was cloned from; written by clones."),
    Setting(
        "pod.foreign",
        BOOLEAN,
        "Whether the pod came from somebody else, so that its scripts are approved before they run.",
        "`false`",
    ),
)

_ANY = "NAME"
_PATTERNS = tuple(
    (re.compile(r"(?s)" + re.escape(setting.name).replace(_ANY, r".+") + r"\Z"), setting) for setting in SETTINGS
)


def normal(name: str) -> str:
    """A name as it is compared: section and key in lower case, what is between them as it is."""
    section, dot, rest = name.partition(".")
    middle, inner_dot, key = rest.rpartition(".")
    return section.lower() + dot + middle + inner_dot + key.lower()


def known(name: str) -> Setting | None:
    """The setting of this name, if it is one that means something."""
    return next((setting for pattern, setting in _PATTERNS if pattern.match(normal(name))), None)


def nearest(name: str) -> str | None:
    """The known name that was probably meant, if there is one."""
    import difflib

    parts = normal(name).split(".")
    middle = ".".join(parts[1:-1]) or "NAME"
    # What stands for itself in the name that was typed may stay in the one that is proposed.
    candidates = [
        setting.name.replace(_ANY, parts[-1] if setting.name.endswith(f".{_ANY}") else middle) for setting in SETTINGS
    ]
    found = difflib.get_close_matches(normal(name), candidates, 1, 0.7)
    return found[0] if found else None


def is_true(value: str) -> bool:
    """The meaning of a value that was checked to be a boolean."""
    return value.lower() in TRUE
