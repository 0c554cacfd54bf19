"""The commands by topic, each with its line in `sovr --help`.

Kept apart from the commands, so that help and completion import none of them.
"""

from __future__ import annotations

from keyword import iskeyword

COMMANDS: dict[str, dict[str, str]] = {
    "Start": {
        "demo": "Show the whole loop on a real pod, step by step",
        "init": "Make a pod, empty or from a template",
        "clone": "Get a pod by its reference",
        "fork": "Get a pod to build upon, and record where it came from",
    },
    "Work": {
        "status": "Show what has changed since the last commit",
        "commit": "Record the state of the pod",
        "diff": "Show changes, of the working tree or between revisions",
        "restore": "Take back changes to files",
        "undo": "Take back what the last command did",
    },
    "Branch": {
        "branch": "List, make, rename and remove branches",
        "switch": "Check out another branch",
        "merge": "Bring another branch into this one",
        "cherry-pick": "Do again here what a commit did elsewhere",
        "revert": "Take back what a commit did, by a new commit",
        "resolve": "Settle conflicts of a merge",
        "tag": "List, make and remove tags",
    },
    "Run": {
        "run": "Run the pod, and record and commit the result",
        "runs": "List runs",
        "logs": "Show what a run printed",
        "rerun": "Repeat a run from its recorded inputs, in a clean place",
        "verify": "Repeat a run and compare its outputs with the recorded ones",
        "payload": "Show and lock what the recipe takes from other pods",
        "lock": "Look up what the images in the recipe are, and write it down",
        "trust": "Approve the scripts of a pod that came from somebody else, or name keys",
    },
    "Look": {
        "log": "Show the history",
        "reflog": "Show where branches were before, and what moved them",
        "show": "Show a commit, a run or another object",
        "blame": "Show which commit each line of a file comes from",
        "lineage": "Show where a file came from, or what was made of it",
        "export": "Write the story of a run as RO-Crate, PROV or in-toto",
        "ls": "List the files of a revision",
        "cat": "Print a file of a revision",
        "du": "Show what is here, and what is only at remotes",
    },
    "Share": {
        "remote": "List, add and remove remotes",
        "push": "Send commits to a remote",
        "persist": "Commit and push in one go",
        "persist-self": "Push this program itself, as a public pod",
        "bundle": "Put a pod into one file",
        "git": "Exchange history with Git repositories",
        "share": "Print the reference by which others get a pod",
        "fetch": "Get what a remote has, without touching the files here",
        "pull": "Get what a remote has, and merge it",
        "get": "Get content that was left at a remote",
        "drop": "Remove content here that a remote has",
        "key": "Make, show and take the key that you sign with",
        "login": "Log in at a FairOS server, or make an account there",
        "logout": "Forget a login",
        "whoami": "Show which login counts, and where it is kept",
    },
    "Find": {
        "pods": "List the pods of your FairOS account",
        "import": "Get a pod of your account into a folder",
        "search": "Find pods in registries",
        "registry": "List pods for others to find, and remember their lists",
    },
    "Try": {
        "devnet": "Run a stand-in for a FairOS server on this machine",
    },
    "Keep": {
        "fsck": "Check that everything stored is whole",
        "gc": "Remove what nothing leads to, and fold small packs",
        "config": "Read and change settings",
        "doctor": "Look whether everything that is needed is there",
    },
    "Help": {
        "help": "Explain a command or a topic, without a network",
        "completion": "Print the script that lets a shell complete",
    },
}

ALIASES = {"st": "status", "ci": "commit", "checkout": "switch", "history": "log"}
"""Words that people of other tools type first, told of in the error message; they are not run."""


def module_of(name: str) -> str:
    """The module of a command. A word that Python keeps for itself has a line under it there."""
    module = name.replace("-", "_")
    return f"sovrgit.commands.{module}_" if iskeyword(module) else f"sovrgit.commands.{module}"


def names() -> list[str]:
    """All commands, in the order of the help."""
    return [name for topic in COMMANDS.values() for name in topic]
