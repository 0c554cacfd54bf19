"""The top of the command line: global options, finding commands, and turning errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sovrgit import __version__, env
from sovrgit.commands.app import App
from sovrgit.commands.catalogue import ALIASES, COMMANDS, module_of, names
from sovrgit.commands.completable import global_words, make_completable
from sovrgit.commands.making import global_options
from sovrgit.commands.upkeep import WRITERS, keep_tidy
from sovrgit.errors import ConfigInvalid, SovrError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

USAGE = 2
BUG = SovrError.exit_code
INTERRUPTED = 130
BROKEN_PIPE = 141
"""128 plus SIGPIPE, as shells report it."""


class _ReaderGone(Exception):
    """Nobody reads any more what is printed. No OSError, because click would end the process with 1 for that one."""


class Commands(click.Group):
    """Loads a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the help."""
        return names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in names():
            return None
        module = importlib.import_module(module_of(cmd_name))
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names, itself or as an alias, or an error that suggests one."""
        if args[0] in names():
            return super().resolve_command(ctx, args)
        from sovrgit.commands.aliases import aliases, expanded

        app = ctx.ensure_object(App)
        args = expanded(app, args)
        name = args[0]
        if name in names():
            return super().resolve_command(ctx, args)
        import difflib

        known = [*names(), *aliases(app)]
        near = [ALIASES[name]] if name in ALIASES else difflib.get_close_matches(name, known, 1, 0.6)
        suggestion = f"; did you mean `{near[0]}`?" if near else "; `sovr --help` lists the commands"
        raise click.UsageError(f"no such command: `{name}`{suggestion}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands and aliases, without loading any of them."""
        if incomplete.startswith("-"):
            return [*click.Command.shell_complete(self, ctx, incomplete), *global_words(incomplete)]
        from click.shell_completion import CompletionItem

        from sovrgit.commands.aliases import aliases

        known = {name: text for topic in COMMANDS.values() for name, text in topic.items()}
        known |= {name: f"alias of {text}" for name, text in aliases(ctx.ensure_object(App)).items()}
        return [CompletionItem(name, help=text) for name, text in known.items() if name.startswith(incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by topic."""
        for topic, commands in COMMANDS.items():
            with formatter.section(topic):
                formatter.write_dl(list(commands.items()), col_max=12)
        with contextlib.suppress(ConfigInvalid):  # the help helps to find what is wrong with it
            from sovrgit.commands.aliases import aliases

            if own := aliases(ctx.ensure_object(App)):
                with formatter.section("Aliases"):
                    formatter.write_dl(list(own.items()), col_max=12)


def _work_in(ctx: click.Context, _: click.Parameter, folders: tuple[str, ...]) -> None:
    for folder in folders:
        ctx.ensure_object(App).change_folder(folder)


def _give(ctx: click.Context, _: click.Parameter, given: tuple[str, ...]) -> None:
    for setting in given:
        ctx.ensure_object(App).give(setting)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"sovr {__version__}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "folders",
    metavar="DIR",
    multiple=True,
    expose_value=False,
    callback=_work_in,
    help="Work as if started in DIR.",
)
@click.option(
    "-c",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    expose_value=False,
    callback=_give,
    help="Use this setting, for this command only.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Git for compute pods: keep, run, share and trace computations.

    \b
    Every command takes:
      --json             one documented JSON document instead of text
      -q, -v             say less, say more
      --color WHEN       always, never or auto
      --no-pager         never send output through a pager
      -y, --yes          answer every question with yes
    """
    app = ctx.ensure_object(App)
    app.command = ctx.invoked_subcommand or ""


cli.params += global_options()
make_completable(cli.params)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code."""
    app = App(os.environ)
    try:
        if app.environ.get(env.COMPLETE.name):
            from sovrgit.commands.completing import answer

            return answer(app, cli)
        return _run(app, arguments)
    except (BrokenPipeError, _ReaderGone):
        # The reader has gone; closing without a message is what every other tool does.
        return BROKEN_PIPE
    finally:
        _let_go_of_output()
        app.close()


def _let_go_of_output() -> None:
    """Drop what cannot be written, or the interpreter would complain about it when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _run(app: App, arguments: Sequence[str]) -> int:
    try:
        result: Any = cli.main(list(arguments), prog_name="sovr", standalone_mode=False, obj=app)
        app.flush()
        if app.command in WRITERS:
            keep_tidy(app)
        return result if isinstance(result, int) else 0
    except SovrError as error:
        app.report(error)
        code = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        code = USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"run `{context.command_path} --help`" if context else "run `sovr --help`"
        app.report_usage(_in_our_style(error), hint)
        code = USAGE
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr.isatty():
            app.console.note("")  # the terminal has just shown ^C
        app.report_usage("interrupted", "", code="Interrupted", exit_code=INTERRUPTED)
        code = INTERRUPTED
    except (BrokenPipeError, _ReaderGone):
        raise
    except OSError as error:
        from sovrgit.store.files import storage_error

        known = storage_error(error)
        app.report(known)
        code = known.exit_code
    except Exception as error:
        import traceback

        traceback.print_exc()
        message = f"this is a bug in sovr: {type(error).__name__}: {error}"
        app.report_usage(message, "please report it, with the lines above", code="Bug", exit_code=BUG)
        raise SystemExit(BUG) from error
    return code


def _in_our_style(error: click.ClickException) -> str:
    """The message of a usage error in the style of all others: lower case, backticks, no full stop."""
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(f"`{name}`" for name in error.possibilities or ())
        return f"no such option: `{error.option_name}`" + (f"; did you mean {near}?" if near else "")
    text = re.sub(r"'([^'\n]*)'", r"`\1`", error.format_message()).rstrip(".")
    # Names of variables keep their capitals.
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
