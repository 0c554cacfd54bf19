"""`sovr init`: make a pod."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.initview import CreatedView

if TYPE_CHECKING:
    from sovrgit.pod.recipe import Golem


@sovr_command("init")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--template",
    metavar="NAME",
    help="Begin with a template: hello-world, digits, golem-hello, classify, blender or blender-declared.",
)
@click.option("--task", is_flag=True, help="A task, which chains other pods.")
@click.option("--name", help="The pod's name; the folder's if not given.")
@click.option("--description", help="What it is for.")
@click.option("--author", help="Who made it.")
@click.option("--version", "version", help="Its version; 1.0 if not given.")
@click.option("--public/--private", default=None, help="Whether pushing shares it with everybody.")
@click.option("--exec", "exec_", metavar="COMMAND", help="The command that runs it.")
@click.option("--payload", "external", nargs=2, multiple=True, metavar="REF PATH", help="External payload.")
@click.option("--pod", "pods", multiple=True, metavar="REF", help="A pod of the task; repeat it for more.")
def command(
    app: App,
    folder: Path | None,
    template: str | None,
    task: bool,
    external: tuple[tuple[str, str], ...],
    pods: tuple[str, ...],
    **values: object,
) -> None:
    """Make a pod in FOLDER, or here.

    On a terminal, and with nothing said, a few questions are asked. A folder that has a recipe.json already becomes a
    pod as it is, and gets a .sovrignore if it has none.
    """
    from sovrgit.pod.pod import Pod
    from sovrgit.pod.recipe import RECIPE_FILE, parse_recipe
    from sovrgit.pod.scaffold import write_ignore, write_skeleton, write_template

    answers = {key: value for key, value in values.items() if value is not None}
    written: tuple[str, ...] = ()
    target = app.folder / (folder or "")
    if (target / ".sovr" / "format").exists():
        Pod.create(target)
    if (target / RECIPE_FILE).is_file():
        parse_recipe((target / RECIPE_FILE).read_bytes())
        written = write_ignore(target)
    elif template is not None:
        if task or external or pods:
            raise click.UsageError("a template says itself whether it is a task, and what it takes from other pods")
        written = write_template(template, target, author=_author(app, answers), **_for_template(answers))
    else:
        from sovrgit.commands.wizard import ask_recipe, recipe_from

        asked = app.may_ask and not answers and not task and not external and not pods
        if asked:
            data, target = ask_recipe(app, target, folder is not None)
        else:
            answers.setdefault("author", _author(app, answers))
            external = tuple((_from(target, ref, app.folder), path) for ref, path in external)
            data = recipe_from(target, answers, task=task, external=external, pods=pods)
        written = write_skeleton(target, data)
    recipe = parse_recipe((target / RECIPE_FILE).read_bytes())
    pod = Pod.create(target)
    app.use(pod)
    missing = _missing_script(pod.root, recipe.golem)
    app.show(CreatedView(pod.root, recipe.name, str(recipe.kind), written, app.folder, missing))


def _from(target: Path, reference: str, base: Path) -> str:
    """A reference as the recipe of a pod has it, where paths start from the pod's folder."""
    from sovrgit.payloads.reference import rebased

    return rebased(reference, base, target)


def _missing_script(root: Path, golem: Golem | None) -> str:
    """The script that the command of a new pod names and that has still to be written; empty if there is none."""
    if golem is None:
        return ""
    from sovrgit.pod.recipe_checks import is_inside
    from sovrgit.runs.inputs import command_of

    named = (part.removeprefix("[@]") for part in command_of(golem, ()))
    return next((part for part in named if is_inside(part, golem.script_folder) and not (root / part).exists()), "")


def _for_template(answers: dict[str, object]) -> dict[str, Any]:
    """What was said that goes into the recipe of a template."""
    values = {key: answers[key] for key in ("description", "version", "public") if key in answers}
    return {"name": answers.get("name"), "exec": answers.get("exec_"), "values": values}


def _author(app: App, answers: dict[str, object]) -> str:
    given = answers.get("author")
    return str(given) if given is not None else app.author().name
