"""`sovr completion`: completion in shells."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.ui.completionview import SHELLS, ScriptView


@sovr_command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(app: App, shell: str) -> None:
    """Print the script that lets a shell complete commands, options, branches, runs and paths.

    \b
    bash:  eval "$(sovr completion bash)"          in ~/.bashrc
    zsh:   eval "$(sovr completion zsh)"           in ~/.zshrc, after compinit
    fish:  sovr completion fish > ~/.config/fish/completions/sovr.fish
    """
    app.show(ScriptView(shell))
