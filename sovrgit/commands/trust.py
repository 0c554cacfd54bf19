"""`sovr trust`: approve the scripts of a pod that came from somebody else."""

from __future__ import annotations

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.errors import RecipeInvalid
from sovrgit.ui.trustview import TrustView


@sovr_command("trust")
def command(app: App) -> None:
    """Approve the scripts of the last commit, so that `sovr run` does not ask.

    The approval is for these scripts: when others are pulled, `sovr run` asks again.
    """
    import shlex

    from sovrgit.runs.inputs import command_of, read_recipe
    from sovrgit.runs.trust import approve, code_of

    tree = app.pod.head_tree()
    recipe = read_recipe(app.pod.store, tree)[1]
    if recipe.golem is None:
        raise RecipeInvalid(file=recipe.file, at="", reason="there is nothing in it that could be run")
    code = code_of(app.pod.store, tree, recipe.golem)
    approve(app.pod, code.id, code.files)
    app.show(TrustView(code.id, shlex.join(command_of(recipe.golem, ())), len(code.files)))
