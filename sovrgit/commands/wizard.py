"""The questions of `sovr init`: those that the first Sovr CLI asked, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click

from sovrgit.commands.app import App
from sovrgit.pod.recipe import ExternalPayload
from sovrgit.pod.scaffold import new_recipe


def recipe_from(
    target: Path,
    answers: Mapping[str, object],
    *,
    task: bool,
    external: Iterable[tuple[str, str]] = (),
    pods: Iterable[str] = (),
) -> bytes:
    """The recipe that the options of `sovr init` describe.

    Raises:
        RecipeInvalid: if they make no recipe.
    """
    command = str(answers.get("exec_", ""))
    if not task and not command:
        command = "sh script/run.sh"
    return new_recipe(
        kind="task" if task else "compute",
        name=str(answers.get("name") or target.absolute().name),
        description=str(answers.get("description", "")),
        author=str(answers.get("author", "")),
        version=str(answers.get("version", "1.0")),
        public=bool(answers.get("public", False)),
        exec=command,
        external=[ExternalPayload(ref, data) for ref, data in external],
        pods=list(pods),
    )


def ask_recipe(app: App, target: Path, chosen: bool) -> tuple[bytes, Path]:
    """Ask for everything; the recipe, and the folder it belongs in.

    Args:
        chosen: whether the user named the folder. If not, the pod gets a folder of its name, as with the first CLI,
            unless this one is empty.
    """
    click.echo("A few questions about the new pod; Enter takes what stands in brackets.\n", err=True)
    kind = _ask("Is it a pod or a task?", "pod", ["pod", "task"])
    default = target.absolute().name if chosen or not any(target.iterdir()) else None
    answers: dict[str, object] = {
        "name": _ask("Name", default, check=_name),
        "description": _ask("Description", ""),
        "author": _ask("Author", app.author().name),
        "version": _ask("Version", "1.0"),
        "public": click.confirm("Should pushing share it with everybody?", default=False, err=True),
    }
    external: list[tuple[str, str]] = []
    pods: list[str] = []
    if kind == "pod":
        answers["exec_"] = _ask("Command that runs it", "sh script/run.sh")
        if click.confirm("Does it take payload from other pods?", default=False, err=True):
            while reference := _ask(f"Reference of payload {len(external) + 1} (empty ends)", ""):
                external.append((reference, _ask("Path of the data in that pod", "/")))
    else:
        while reference := _ask(f"Reference of pod {len(pods) + 1} (empty ends)", ""):
            pods.append(reference)
    if default is None:
        target = target / str(answers["name"])
    return recipe_from(target, answers, task=kind == "task", external=external, pods=pods), target


def _ask(
    question: str,
    default: str | None,
    choices: list[str] | None = None,
    check: Callable[[str], str] | None = None,
) -> str:
    kind = click.Choice(choices) if choices else str
    answer: str = click.prompt(
        question, default=default, type=kind, value_proc=check, show_default=bool(default), err=True
    )
    return answer.strip()


def _name(text: str) -> str:
    """A name that can be a pod's; click asks again for one that cannot."""
    from sovrgit.pod.recipe_checks import check_name
    from sovrgit.pod.recipe_lines import Fault

    try:
        return check_name((), text.strip())
    except Fault as fault:
        raise click.UsageError(fault.reason) from None
