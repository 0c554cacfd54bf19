"""`sovr run`: run the pod."""

from __future__ import annotations

import click

from sovrgit.commands.app import App
from sovrgit.commands.making import sovr_command
from sovrgit.commands.placing import Placing, placing_options
from sovrgit.commands.reusing import reuse_finder
from sovrgit.objects.commit import REUSE_RULES


@sovr_command("run")
@click.argument("arguments", nargs=-1)
@placing_options
@click.option("--force", is_flag=True, help="Run even if the result is known.")
@click.option(
    "--reuse",
    type=click.Choice(REUSE_RULES),
    help="Whose results may be taken: of this pod only, of those whose keys you trust, or anybody's.",
)
@click.option("-p", "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the run.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End it after this.")
@click.option("--keep-env", multiple=True, metavar="NAME", help="Pass this environment variable on, and record it.")
@click.option("--allow-empty", is_flag=True, help="A run without output counts as a success.")
@click.option("--commit-failed", is_flag=True, help="Commit what a failed run has left.")
@click.option("--plan", "plan_only", is_flag=True, help="Of a task: only say what would run, and why.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Of a task: run N pods at the same time.")
@click.option("--update", is_flag=True, help="Of a task: get the pods that it names anew from where they come.")
@click.option("--keep-going", is_flag=True, help="Of a task: go on with what does not depend on a failure.")
def command(
    app: App,
    arguments: tuple[str, ...],
    placing: Placing,
    force: bool,
    reuse: str | None,
    parameters: tuple[str, ...],
    timeout: float | None,
    keep_env: tuple[str, ...],
    allow_empty: bool,
    commit_failed: bool,
    plan_only: bool,
    jobs: int | None,
    update: bool,
    keep_going: bool,
) -> int:
    """Run the pod as its recipe says, and record and commit the result.

    If the same inputs have been run before, the known result is taken. With --reuse it is also looked for at the
    remotes of the pod and in registries, and it is said whose it is. ARGUMENTS after `--` are added to the command;
    parameters reach it as SOVR_PARAM_NAME.

    Recipes for Golem run on the devnet, which needs no account and no money, unless you name a network. Nothing is
    spent without --network and a budget.

    In a task, each of its pods is run as soon as those are done whose output it takes; what is known is not run again.
    With --reuse the results of single pods are taken from others, also for --plan, which runs nothing.
    A budget is for all of them together.
    """
    from sovrgit.commands.placing import place
    from sovrgit.commands.running import end_of, live, request_for, supplied, tell_moved
    from sovrgit.lockfile import read_recipe_file
    from sovrgit.runs.run import run_pod
    from sovrgit.tasks.kind import is_task
    from sovrgit.ui.runview import RunResultView

    if is_task(app.pod):
        from sovrgit.commands.taskrun import run_task_here

        if arguments or commit_failed:
            raise click.UsageError("a task has no command: it takes no ARGUMENTS and no --commit-failed")
        return run_task_here(
            app,
            placing,
            parameters=parameters,
            force=force,
            reuse=reuse,
            timeout=timeout,
            keep_env=keep_env,
            allow_empty=allow_empty,
            plan_only=plan_only,
            jobs=jobs,
            update=update,
            keep_going=keep_going,
        )
    if plan_only or jobs is not None or update or keep_going:
        # It may be none only because it cannot be read, which is worth more to know.
        read_recipe_file(app.pod.root)
        raise click.UsageError("--plan, --jobs, --update and --keep-going are for tasks, and this pod is none")
    request = request_for(
        app,
        arguments=arguments,
        parameters=parameters,
        force=force,
        timeout=timeout,
        keep=keep_env,
        allow_empty=allow_empty,
        commit_failed=commit_failed,
        find=None if force else reuse_finder(app, reuse),
    )
    executor, choice = place(app, placing, timeout=timeout)
    if choice.because:
        app.console.note(f"on the devnet, because {choice.because}")
    if executor.mode == "declared" and not executor.digest:
        app.console.note("the image is not locked, its tag may stand for another one tomorrow; `sovr lock` locks it")
    request = supplied(app, request, executor.mode)
    with live(app, executor) as (sink, decided, cancel):
        result = run_pod(app.pod, executor, request, sink, decided, cancel)
    app.show(RunResultView(result))
    if result.reused:
        tell_moved(app)
    return end_of(result.id, result.run)
