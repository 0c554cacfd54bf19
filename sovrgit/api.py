"""`import sovrgit`: what the command line can do, a notebook or a script can.

    pod = sovrgit.open("digits", author="Ada Lovelace <ada@example.org>")
    pod.run()
    pod.lineage("output/metrics.json")

Beside `sovrgit.commands` this file is the one place that looks at the process: if no `environ` is given, `os.environ`
says what a run's command gets, and who the author is if nobody was named. Nothing is printed, and nobody is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sovrgit.facade import Pod, Where, identity_of
from sovrgit.facade.base import inside
from sovrgit.pod.pod import Pod as Repository

if TYPE_CHECKING:
    from sovrgit.remotes.clone import Obtained
    from sovrgit.remotes.networks import Networks
    from sovrgit.remotes.selection import Selection


def init(
    folder: Where,
    *,
    template: str | None = None,
    command: str = "sh script/run.sh",
    name: str | None = None,
    description: str = "",
    author: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Pod:
    """Make a pod in a folder, from a template or with a command of its own.

    A folder that has a recipe.json already becomes a pod as it is, and gets a .sovrignore if it has none.

    Args:
        template: the name of a template, such as `hello-world`; `sovr init --help` lists them.
        command: what runs the pod, if there is no template.
        name: the pod's name; the folder's if not given, or the template's.

    Raises:
        PodExists: if the folder is a pod already, or has files that the template would write.
        IdentityUnknown: if the new recipe has no author.
        PathNotFound: if there is no such template.
        RecipeInvalid: if the values make no recipe.
    """
    from sovrgit.pod.recipe import RECIPE_FILE
    from sovrgit.pod.scaffold import new_recipe, write_ignore, write_skeleton, write_template

    root = Path(os.path.abspath(folder))
    surroundings = _surroundings(environ)
    if not (root / RECIPE_FILE).is_file():
        made_by = identity_of(author, surroundings, None)[0]
        if template is not None:
            write_template(template, root, name=name, author=made_by)
        else:
            recipe = new_recipe(name=name or root.name, description=description, author=made_by, exec=command)
            write_skeleton(root, recipe)
    else:
        write_ignore(root)
    return Pod(
        Repository.create(root),
        author=author,
        environ=surroundings,
        networks=_networks_of(surroundings),
        known_keys=_known_keys,
        devnet=_devnet,
    )


def open(folder: Where = ".", *, author: str | None = None, environ: Mapping[str, str] | None = None) -> Pod:
    """The pod that a folder lies in.

    Args:
        author: `Name <address>` for commits and records. If not given: `SOVR_AUTHOR_NAME` and `SOVR_AUTHOR_EMAIL`
            of `environ`, else `user.name` and `user.email` of the pod's settings.
        environ: `os.environ` if not given. Of it, the commands of runs get what `sovr run` would pass on.

    Raises:
        NotAPod: if it lies in none.
    """
    return Pod(
        Repository.find(Path(folder)),
        author=author,
        environ=_surroundings(environ),
        networks=_networks_of(environ),
        known_keys=_known_keys,
        devnet=_devnet,
    )


def clone(
    reference: str,
    folder: Where | None = None,
    *,
    payload: bool = True,
    only: Iterable[Where] = (),
    depth: int | None = None,
    author: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Pod:
    """Get the pod that a reference names, into a folder. Nothing of what is cloned is run.

    Args:
        payload: False leaves the content of payload and output at the remote. `Pod.get` gets it, and what reads it.
        only: paths from the pod's root, if nothing else is to be here.
        depth: get no more than so many commits of each branch.

    Raises:
        PathNotFound: if there is nothing at one of them.
        PodExists: if the folder is not empty.
        ReferenceUnknown, RemoteUnavailable, RemoteDamaged: as the reference gives cause.
    """
    from sovrgit.remotes.selection import Selection

    selection = Selection(payload, [inside(path) for path in only], depth)
    return _get(reference, folder, "origin", author, environ, selection)[0]


def fork(
    reference: str,
    folder: Where | None = None,
    *,
    author: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Pod:
    """Get the pod that a reference names to build upon it; its first commit here names the origin.

    Raises:
        IdentityUnknown: if that commit has no author.
        PodExists, ReferenceUnknown, RemoteUnavailable, RemoteDamaged: as for `clone`.
    """
    from sovrgit.getting import begin_fork

    # Before anything is received.
    identity_of(author, _surroundings(environ), None)
    pod, cloned = _get(reference, folder, "upstream", author, environ)
    begin_fork(cloned, reference, pod.stamp())
    return pod


def import_git(
    repository: Where,
    folder: Where,
    *,
    author: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Pod:
    """Make a pod in a folder out of a Git repository on this machine, with all its history.

    Raises:
        PodExists: if the folder is not empty.
        GitUnusable, GitDamaged, UnsafeName: if the repository cannot be taken.
    """
    from sovrgit.gitexchange import ImportRequest, import_into_new

    request = ImportRequest(Path(repository), time.time_ns())
    done = import_into_new(Path(os.path.abspath(folder)), request)
    return Pod(done.pod, author=author, environ=_surroundings(environ), networks=_networks_of(environ))


def _get(
    reference: str,
    folder: Where | None,
    remote_name: str,
    author: str | None,
    environ: Mapping[str, str] | None,
    selection: Selection | None = None,
) -> tuple[Pod, Obtained]:
    from sovrgit.getting import get_pod

    networks = _networks_of(environ)
    cloned = get_pod(
        reference,
        Path.cwd(),
        None if folder is None else Path(folder),
        remote_name=remote_name,
        time_ns=time.time_ns(),
        selection=selection,
        networks=networks(None),
    )
    return Pod(
        cloned.pod,
        author=author,
        environ=_surroundings(environ),
        networks=networks,
        known_keys=_known_keys,
        devnet=_devnet,
    ), cloned


def _surroundings(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ


def _networks_of(environ: Mapping[str, str] | None) -> Callable[[Repository | None], Networks]:
    """How networks are reached from a pod, or from where there is none yet."""

    def find(repository: Repository | None) -> Networks:
        from sovrgit.accounts import Surroundings
        from sovrgit.scopes import Scopes, user_file

        surroundings = _surroundings(environ)
        pod = None if repository is None else repository.config
        scopes = Scopes(user_file(surroundings, lambda: _places()[0]), pod, surroundings)
        return Surroundings(surroundings, scopes.get, Path.cwd(), repository, _places).networks()

    return find


def _devnet() -> tuple[str, Path] | None:
    """The stand-in for Golem that `sovr devnet start` has started: its address and folder."""
    from sovrgit.devnet.background import Background
    from sovrgit.store.processes import birth_of

    found = Background(_places()[1] / "devnet" / "golem.json", birth_of).find()
    return None if found is None else (found.url, Path(found.folder))


def _known_keys() -> Mapping[str, str]:
    """The keys that `sovr trust key` has named."""
    from sovrgit.signing.known import KnownKeys

    return KnownKeys(_places()[1] / "keys.json").read()


def _places() -> tuple[Path, Path]:
    from platformdirs import user_config_path, user_state_path

    return user_config_path("sovr"), user_state_path("sovr")


__all__ = ("Pod", "clone", "fork", "import_git", "init", "open")
