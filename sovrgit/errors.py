"""The one tree of errors that users can meet.

Every class owns its message template, its hint (the useful next command) and its exit code; the table in
`docs/reference/exit-codes.md` is generated from these classes.

    SovrError
    ├── NotAPod, PodExists, RecipeInvalid, ConfigInvalid, IdentityUnknown
    ├── SigningKeyMissing, SigningKeyExists, SignatureInvalid
    ├── RevisionNotFound, RevisionAmbiguous, PathNotFound, NothingToCommit, LocalChanges, InputNeeded
    ├── NameTaken, NotMerged, NothingToUndo, MergeUnfinished, Conflicted, NoMerge
    ├── ObjectInvalid, ObjectMissing, IntegrityFailure, UnsafeName, FileUnstable, FileUnsupported
    ├── NotFetched (an ObjectMissing), NotProven
    ├── Locked, StorageFull, ReadOnly, StorageFailure
    ├── RemoteUnknown, RemoteExists, RemoteUnavailable, RemoteStale, RemoteDiverged, RemoteDamaged, HistoryDiverged
    ├── RunFailed, RunTimedOut, RunWithoutOutput, RunCancelled, RunNotFound, RunNotTrusted
    ├── RunPartial, RunWithoutProvider, RunOverLimit, ProvidersTooFew
    ├── TaskFailed, TaskInvalid, TaskPodUnavailable
    ├── GolemUnavailable, GolemKeyRefused, GolemTooOld, GolemNetworkWrong, GolemWithoutFunds
    ├── SpendingRefused, InterpreterUnfit
    ├── Unsupported, ReferenceUnknown, SharingRefused, DevnetFailed
    ├── LoginNeeded, LoginFailed, PostageExhausted, SecretFound
    ├── KeyNeeded, SealBroken
    ├── GitDamaged, GitUnusable, GitRefRefused
    └── ArchiveInvalid, PodUnrecognised, RegistryInvalid
"""

from __future__ import annotations

import string
from typing import ClassVar


class SovrError(Exception):
    """Something the user can act upon.

    The keyword arguments fill `template` and `hint_template`; those that a template does not name are kept in
    `fields`, for `--json`. An explicit `hint` replaces the template's.
    """

    exit_code: ClassVar[int] = 3
    template: ClassVar[str] = "{reason}"
    hint_template: ClassVar[str] = ""

    def __init__(self, *, hint: str | None = None, **fields: object) -> None:
        self.fields = fields
        self._hint = hint
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return self.template.format_map(self.fields)

    @property
    def hint(self) -> str:
        """What to do next, or an empty string."""
        if self._hint is not None:
            return self._hint
        wanted = {name for _, name, _, _ in string.Formatter().parse(self.hint_template) if name}
        if not wanted <= self.fields.keys():
            return ""
        return self.hint_template.format_map(self.fields)

    def advise(self, hint: str) -> None:
        """Say something else about what to do next: whoever passes an error on may know better."""
        self._hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # A forked child hands its error to its parent.
        return _rebuilt, (type(self), self._hint, self.fields)

    @property
    def code(self) -> str:
        """The stable name of the failure, used by `--json`: that of the class in this file, where others refine it."""
        return next(kind.__name__ for kind in type(self).__mro__ if kind.__module__ == __name__)


def _rebuilt(kind: type[SovrError], hint: str | None, fields: dict[str, object]) -> SovrError:
    return kind(hint=hint, **fields)


# --- the pod and its settings ---------------------------------------------------------------------------------


class NotAPod(SovrError):
    """No `.sovr` in the folder or any folder above it."""

    exit_code = 10
    template = "`{path}` is not in a pod"
    hint_template = "run `sovr init` to make a pod here, or `sovr -C FOLDER …` to work on one elsewhere"


class PodExists(SovrError):
    """The place for a new pod is taken."""

    exit_code = 11
    template = "`{path}` {reason}"
    hint_template = "choose another folder"


class RecipeInvalid(SovrError):
    """`recipe.json` cannot be read or says something that has no meaning."""

    exit_code = 12
    template = "{file}{at}: {reason}"
    hint_template = "correct the recipe; every key is described in docs/reference/recipe.md"


class ConfigInvalid(SovrError):
    """A configuration file cannot be read or a setting has a wrong value."""

    exit_code = 13
    template = "{file}: {reason}"
    hint_template = "check the configuration file `{file}`"


class IdentityUnknown(SovrError):
    """A commit needs an author and none is known."""

    exit_code = 14
    template = "who is the author of this commit?"
    hint_template = 'run `sovr config --user user.name "Your Name"`, or set SOVR_AUTHOR_NAME'


# --- signatures -------------------------------------------------------------------------------------------------


class SigningKeyMissing(SovrError):
    """Something is to be signed or said of the own key, and there is none."""

    exit_code = 15
    template = "there is no key of yours to sign with"
    hint_template = (
        "`sovr key new` makes one, `sovr key import` takes a wallet's; `--no-sign` or `user.signing false` does without"
    )


class SigningKeyExists(SovrError):
    """A new key would take the place of the one that is kept, which could be lost for ever."""

    exit_code = 16
    template = "there is a key already: `{address}`"
    hint_template = "keep a copy with `sovr key export`, then say `--replace`"


class SignatureInvalid(SovrError):
    """A signature that was not made by the key it names for the object it is in, or that was there and is gone."""

    exit_code = 38
    template = "the signature of {what} {reason}"
    hint_template = (
        "nothing of it was used; do not trust where it came from, and ask the person whose key it names for their copy"
    )


# --- history ----------------------------------------------------------------------------------------------------


class RevisionNotFound(SovrError):
    """A name or id that stands for no commit."""

    exit_code = 20
    template = "no such revision: `{revision}`"
    hint_template = "run `sovr log` to see the commits"


class RevisionAmbiguous(SovrError):
    """A short id that several objects share."""

    exit_code = 21
    template = "`{revision}` is ambiguous: {candidates}"
    hint_template = "give more digits"


class PathNotFound(SovrError):
    """A path that a revision or the working tree does not have."""

    exit_code = 22
    template = "no `{path}` in {where}"
    hint_template = "run `sovr ls` to see what there is"


class NothingToCommit(SovrError):
    """The working tree is what the last commit says: a negative answer, not a failure."""

    exit_code = 1
    template = "nothing to commit, the working tree is clean"


class LocalChanges(SovrError):
    """Files would be overwritten that are in no commit."""

    exit_code = 23
    template = "local changes would be lost: {paths}"
    hint_template = "commit them first (`sovr commit`), or take them back (`sovr restore PATH`)"


class InputNeeded(SovrError):
    """A question has to be answered and there is nobody to ask."""

    exit_code = 24
    template = "{question}: an answer is needed and this is not a terminal"
    hint_template = "{answer}"


class NameTaken(SovrError):
    """A branch or tag that cannot be made, moved or removed, because one of its name is there or in use."""

    exit_code = 25
    template = "the {what} `{name}` is there already"
    hint_template = "choose another name, or `sovr {what} --force` to move it"


class NotMerged(SovrError):
    """A branch whose commits are in no other one."""

    exit_code = 26
    template = "the branch `{branch}` has commits that are nowhere else"
    hint_template = "merge it, or `sovr branch --delete --force {branch}`"


class MergeUnfinished(SovrError):
    """A merge, cherry-pick or revert waits for its conflicts to be resolved."""

    exit_code = 27
    template = "a {operation} is not finished"
    hint_template = "`sovr status` lists its conflicts; `sovr commit` finishes it, `sovr merge --abort` gives it up"


class Conflicted(SovrError):
    """Conflicts of a merge that nobody has resolved."""

    exit_code = 28
    template = "conflicts are not resolved: {paths}"
    hint_template = "edit the files, then `sovr resolve PATH --done`; or `--ours`, `--theirs`"


class NoMerge(SovrError):
    """There is no merge to finish or to give up."""

    exit_code = 29
    template = "no merge is waiting"
    hint_template = "`sovr merge BRANCH` begins one"


class NothingToUndo(SovrError):
    """No command has moved anything that could be moved back: a negative answer, not a failure."""

    exit_code = 1
    template = "nothing to undo"
    hint_template = "`sovr reflog` lists what moved"


# --- objects and files ------------------------------------------------------------------------------------------


class ObjectInvalid(SovrError):
    """Bytes that are not a canonical object of the kind they are said to be."""

    exit_code = 30
    template = "not a valid {kind}: {reason}"
    hint_template = "the data comes from a broken or hostile source; run `sovr fsck` to check what is here"


class ObjectMissing(SovrError):
    """An object that is referred to and that no pack here holds."""

    exit_code = 31
    template = "object {id} is missing"
    hint_template = "run `sovr fetch` to get it from a remote, or `sovr fsck` to see what else is missing"


class NotFetched(ObjectMissing):
    """Content that was left at a remote on purpose, and that a command needs."""

    exit_code = 36
    template = "the content of {id} is not here: it was left at a remote"
    hint_template = "`sovr get PATH` gets what is at a path, `sovr get --all` everything; `sovr du` lists what is where"


class NotProven(SovrError):
    """Content that was not removed here, because no remote is proven to hold it."""

    exit_code = 37
    template = "`{path}` was not dropped: {reason}"
    hint_template = "`sovr push` brings it to a remote; then drop it"


class IntegrityFailure(SovrError):
    """Stored bytes that do not have the hash they are filed under."""

    exit_code = 32
    template = "{what} is damaged: {reason}"
    hint_template = "run `sovr fsck` to see all damage; a clone from a remote brings undamaged copies"


class UnsafeName(SovrError):
    """A name that could lead out of the pod, or clashes with another on this file system."""

    exit_code = 33
    template = "refusing `{name}`: {reason}"
    hint_template = "the pod was made by a broken or hostile program; do not use it"


class FileUnstable(SovrError):
    """A file that was written to while it was read."""

    exit_code = 34
    template = "`{path}` changes while it is being read"
    hint_template = "wait until the program that writes it has finished, then repeat the command"


class FileUnsupported(SovrError):
    """A socket, device or pipe in the working tree, named explicitly."""

    exit_code = 35
    template = "`{path}` is a {what} and cannot be committed"
    hint_template = "name it in `.sovrignore`"


# --- places -----------------------------------------------------------------------------------------------------


class Locked(SovrError):
    """Another process is changing the pod or the remote."""

    exit_code = 40
    template = "`{path}` is being changed by another process ({holder})"
    hint_template = "wait for it to finish and repeat the command"


class StorageFull(SovrError):
    """No space left, or a quota reached. Nothing was changed."""

    exit_code = 41
    template = "no space left at `{path}`"
    hint_template = "free some space and repeat the command; the pod is as it was"


class ReadOnly(SovrError):
    """A place that cannot be written to."""

    exit_code = 42
    template = "cannot write to `{path}`: {reason}"
    hint_template = "check the permissions of the folder"


class StorageFailure(SovrError):
    """The operating system failed to read or write."""

    exit_code = 43
    template = "`{path}`: {reason}"


# --- remotes ----------------------------------------------------------------------------------------------------


class RemoteUnknown(SovrError):
    """A remote's name that this pod does not know."""

    exit_code = 50
    template = "no remote named `{name}`"
    hint_template = "run `sovr remote list`, or `sovr remote add {name} LOCATION`"


class RemoteExists(SovrError):
    """A remote's name that is taken."""

    exit_code = 51
    template = "there is already a remote named `{name}`"
    hint_template = "choose another name, or `sovr remote remove {name}` first"


class RemoteUnavailable(SovrError):
    """A remote that cannot be reached, or a place that holds none."""

    exit_code = 52
    template = "cannot use the remote at `{location}`: {reason}"
    hint_template = "check the location; `sovr remote list` shows what is configured"


class RemoteStale(SovrError):
    """The remote has commits that are not here: fetch first."""

    exit_code = 53
    template = "the remote `{remote}` has changed since you last fetched: fetch first"
    hint_template = "run `sovr pull`, then `sovr push` again"


class RemoteDiverged(SovrError):
    """A remote's history of manifests forked or went back: two writers, or a stale or lying server."""

    exit_code = 54
    template = "the remote `{remote}` is not a continuation of what was seen before: {reason}"
    hint_template = (
        "nothing was changed here; two writers may have pushed at once. "
        "`sovr fetch --accept-divergence` takes the remote's state and keeps yours"
    )


class RemoteDamaged(SovrError):
    """A remote that serves bytes which do not have the hash they should have."""

    exit_code = 55
    template = "the remote `{remote}` is damaged: {reason}"
    hint_template = "nothing of it was used; ask the owner to push again, or use another remote"


class HistoryDiverged(SovrError):
    """Both sides have commits that the other has not, so a fast-forward cannot be made."""

    exit_code = 56
    template = "`{branch}` and `{other}` have both moved on"
    hint_template = "`sovr merge {other}` brings them together; `sovr log --graph --all` shows both"


# --- runs -------------------------------------------------------------------------------------------------------


class RunFailed(SovrError):
    """The command of a run ended with a failure. The run is recorded."""

    exit_code = 60
    template = "the run failed: {reason}"
    hint_template = "read its log with `sovr logs {run}`"


class RunTimedOut(SovrError):
    """A run was ended because its time was up. The run is recorded."""

    exit_code = 61
    template = "the run was ended after {seconds} s, its timeout"
    hint_template = "read its log with `sovr logs {run}`, or allow more time with `--timeout SECONDS`"


class RunWithoutOutput(SovrError):
    """The command ended well and left nothing in the declared output. The run is recorded."""

    exit_code = 62
    template = "the command succeeded but left nothing in `{output}`"
    hint_template = (
        "check where it writes; `golem.output` in recipe.json names the folder (`--allow-empty` accepts this)"
    )


class RunCancelled(SovrError):
    """A run was interrupted by the user. The run is recorded."""

    exit_code = 130
    template = "the run was cancelled"
    hint_template = "read its log with `sovr logs {run}`"


class RunNotFound(SovrError):
    """A run's id that this pod does not know."""

    exit_code = 63
    template = "no such run: `{run}`"
    hint_template = "run `sovr runs` to see the runs"


class RunNotTrusted(SovrError):
    """The command of somebody else's pod was not approved."""

    exit_code = 64
    template = "not run: `{command}` comes from {origin} and has not been approved"
    hint_template = "read the scripts, then `sovr run --yes` or `sovr trust`"


class TaskFailed(SovrError):
    """A pod of a task did not succeed, so that the task has no result. What the others have made is kept."""

    exit_code = 47
    template = "the task is not complete: {reason}"
    hint_template = "the next `sovr run` goes on from what has succeeded"


class TaskInvalid(SovrError):
    """A task that cannot be run as its recipe is, together with the pods that it names."""

    exit_code = 48
    template = "the task cannot be run: {reason}"
    hint_template = "change `pods` in recipe.json; `sovr run --plan` shows what would run"


class TaskPodUnavailable(SovrError):
    """A pod of a task that cannot be had. Nothing was run."""

    exit_code = 49
    template = "the pod `{name}` of the task cannot be had: {reason}"
    hint_template = "check its reference in recipe.json: {reference}"


class RunPartial(SovrError):
    """A run that did some of its work: tasks were left, or files are missing. It is recorded."""

    exit_code = 65
    template = "the run is not complete: {reason}"
    hint_template = "read its log with `sovr logs {run}`; `sovr run --commit-failed` keeps what there is"


class RunWithoutProvider(SovrError):
    """A run on Golem for which no provider was found. It is recorded."""

    exit_code = 66
    template = "no provider was found: {reason}"
    hint_template = (
        "ask for less memory, disk or threads, allow higher prices with the settings `golem.price.*`, "
        "or name another subnet with `--subnet`; `sovr logs {run}`"
    )


class ProvidersTooFew(SovrError):
    """A result was to be checked by more different providers than could be had. The verdicts so far are recorded."""

    exit_code = 17
    template = "different providers that were to repeat it: {wanted}; that did: {found} ({reason})"
    hint_template = "try again later, allow higher prices with `--max-price`, or name another subnet with `--subnet`"


class RunOverLimit(SovrError):
    """A run on Golem that was stopped because it would have spent more than it may. It is recorded."""

    exit_code = 67
    template = "the run was stopped: {reason}"
    hint_template = "`sovr show {run}` says what was spent; docs/howto/golem.md explains the limits"


# --- Golem ------------------------------------------------------------------------------------------------------


class GolemUnavailable(SovrError):
    """No Golem daemon can be talked to."""

    exit_code = 90
    template = "no Golem daemon can be used at {url}: {reason}"
    hint_template = "start it with `yagna service run`, or try the pod without it: `sovr run --on devnet`"


class GolemKeyRefused(SovrError):
    """The Golem daemon does not know the app-key, or none was given."""

    exit_code = 91
    template = "the Golem daemon at {url} refuses the app-key: {reason}"
    hint_template = "make one with `yagna app-key create sovr`, and set YAGNA_APPKEY to it"


class GolemTooOld(SovrError):
    """A Golem daemon of a version that does not know today's networks."""

    exit_code = 92
    template = "the Golem daemon at {url} is version {version}; {needed} is the oldest that can be used"
    hint_template = "install a newer yagna, and start it again"


class GolemNetworkWrong(SovrError):
    """A payment network that the Golem daemon is not set up for."""

    exit_code = 93
    template = "the Golem daemon at {url} cannot pay on `{network}`: {reason}"
    hint_template = "run `yagna payment init --sender --network {network}`, or name another network"


class GolemWithoutFunds(SovrError):
    """The account of the Golem daemon has less than what a run may cost."""

    exit_code = 94
    template = "there are {available} {token} for a budget of {budget} on `{network}`"
    hint_template = "`yagna payment status --network {network}` shows the account; lower `--budget`, or fund it"


class SpendingRefused(SovrError):
    """A run on Golem for which nobody has said on which network, or how much, may be spent. Nothing was spent."""

    exit_code = 95
    template = "nothing is spent without being told: {reason}"


class InterpreterUnfit(SovrError):
    """The interpreter for Golem scripts has no yapapi that works."""

    exit_code = 96
    template = "the interpreter `{python}` cannot run scripts on Golem: {reason}"
    hint_template = (
        "install it there with `pip install 'sovrgit[golem]'`, "
        "or name another interpreter: `sovr config --user golem.python PATH`"
    )


# --- the rest ---------------------------------------------------------------------------------------------------


class Unsupported(SovrError):
    """Something that this version or this machine cannot do."""

    exit_code = 70
    template = "{what} is not supported: {reason}"


class ReferenceUnknown(SovrError):
    """A reference of a form that no kind of remote understands."""

    exit_code = 71
    template = "`{reference}` is not a reference that can be cloned"
    hint_template = "give a folder, a `file://` address or the path of a pod"


class SharingRefused(SovrError):
    """Something that would be given to more people, or to others, than was said; or to nobody who could use it."""

    exit_code = 72
    template = "{what}: {reason}"


class DevnetFailed(SovrError):
    """A stand-in on this machine that cannot be started, reached or stopped."""

    exit_code = 84
    template = "{reason}"
    hint_template = "run `sovr devnet status` to see what runs"


# --- exchange with Git ------------------------------------------------------------------------------------------


class GitDamaged(SovrError):
    """A Git repository with something in it that is missing, damaged, or made to do harm."""

    exit_code = 97
    template = "the Git repository cannot be read: {what}: {reason}"
    hint_template = "nothing was changed; `git fsck` in that repository says more"


class GitUnusable(SovrError):
    """A folder that is no Git repository, or one of a form that is not understood."""

    exit_code = 98
    template = "`{path}` cannot be used as a Git repository: {reason}"
    hint_template = "give the folder of a repository, with or without `.git`"


class GitRefRefused(SovrError):
    """A branch or tag of a Git repository that is not moved, because something would be lost there."""

    exit_code = 99
    template = "`{name}` of the Git repository is not moved: {reason}"
    hint_template = "`sovr git import` brings what is there; `--force` moves it all the same"


# --- servers with accounts --------------------------------------------------------------------------------------


class LoginNeeded(SovrError):
    """A server does this for its own users only, and no login for it is known."""

    exit_code = 80
    template = "a login at `{server}` is needed"
    hint_template = "run `sovr login --server {server}`, with `--new` to make an account first"


class LoginFailed(SovrError):
    """A server refused a login, or a new account."""

    exit_code = 81
    template = "no login at `{server}`: {reason}"
    hint_template = "try again with `sovr login --server {server}`"


class PostageExhausted(SovrError):
    """A server has no valid postage left to store anything with. What is stored already stays."""

    exit_code = 82
    template = "the server `{server}` cannot store anything: {reason}"
    hint_template = (
        "nothing was lost; whoever runs the server has to buy or extend a postage batch, "
        "or push to another server with `sovr remote add`"
    )


class SecretFound(SovrError):
    """Something that was about to be sent looks like a key or a password. Nothing was sent."""

    exit_code = 83
    template = "not sent, because this looks like secrets: {findings}"
    hint_template = (
        "take them out and replace them as docs/howto/secrets.md says, or allow each with `--allow-secret PATH`"
    )


# --- private pods -----------------------------------------------------------------------------------------------


class KeyNeeded(SovrError):
    """Something of a private pod, for which no key is known, or another one."""

    exit_code = 88
    template = "{what} is private: {reason}"
    hint_template = (
        "the key is in the reference that `sovr share --private` prints: run it where the pod was pushed from, "
        "or ask the pod's owner"
    )


class SealBroken(SovrError):
    """Something of a private pod that is not as it was sealed: damaged, changed, cut off or exchanged."""

    exit_code = 89
    template = "{what} is not as it was sealed: {reason}"
    hint_template = (
        "nothing of it was used; try again, and if it stays so ask the owner to push again: "
        "whoever keeps the pod has damaged or exchanged it"
    )


# --- payload of other pods ------------------------------------------------------------------------------------


class PayloadUnavailable(SovrError):
    """Payload of another pod that is not here and cannot be had."""

    exit_code = 44
    template = "the payload `{path}` of another pod cannot be had: {reason}"
    hint_template = "`sovr payload status` shows what each payload is and where it comes from"


class PayloadClash(SovrError):
    """A place for payload of other pods that something else has already. Nothing was changed."""

    exit_code = 45
    template = "payload of another pod cannot be placed at `{path}`: {reason}"
    hint_template = "move it away, and repeat the command"


class PayloadChanged(SovrError):
    """Payload of another pod that is not what it was locked as."""

    exit_code = 46
    template = "the payload `{path}` of another pod is not what `recipe.lock` says: {reason}"
    hint_template = "if you trust the other pod as it is now, `sovr payload update` locks it anew"


# --- what the first Sovr CLI stored, and registries -------------------------------------------------------------


class ArchiveInvalid(SovrError):
    """A zip or tar archive that is damaged, grows beyond its bounds, or holds what no pod has."""

    exit_code = 85
    template = "the archive `{archive}` is refused: {reason}"
    hint_template = "nothing of it was kept; ask its owner to store it again"


class PodUnrecognised(SovrError):
    """A place on a FairOS server that holds neither a pod of sovr nor one of the first Sovr CLI."""

    exit_code = 86
    template = "no pod that sovr knows is at `{place}`: {reason}"
    hint_template = "check the name or reference; `sovr pods --all` lists what is on your account"


class RegistryInvalid(SovrError):
    """A registry that is not known here, is known already, or cannot be understood."""

    exit_code = 87
    template = "the registry `{name}` {reason}"
    hint_template = "`sovr registry list` shows the registries that are known here"
