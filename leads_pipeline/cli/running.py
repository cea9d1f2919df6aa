"""Commands that run the system, or a part of it."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from leads_pipeline.cli.common import opened, read_settings, ready
from leads_pipeline.errors import SetupProblem

commands = typer.Typer()


@commands.command()
def up() -> None:
    """Run the whole system on this machine until Ctrl-C.

    PostgreSQL if none is given, migrations, web, worker. Keeps what is stored. Prints where the dashboard is and how to
    log in.
    """
    from leads_pipeline.system import run_system

    raise typer.Exit(run_system(read_settings()))


@commands.command()
def demo(
    *,
    stay: Annotated[
        bool | None, typer.Option(help="Stay up at the end until Ctrl-C. The default: only on a terminal.")
    ] = None,
) -> None:
    """Show the main job, end to end, on `examples/`.

    Real spreadsheets go through the running system, are corrected and exported.
    """
    from leads_pipeline.system import run_demo_system

    raise typer.Exit(run_demo_system(read_settings(), stay=sys.stdout.isatty() if stay is None else stay))


@commands.command()
def serve(
    *, host: Annotated[str | None, typer.Option(help="The address to listen on; the default is LEADS_HOST.")] = None
) -> None:
    """Run the web process: REST and the dashboard.

    REST is under /api/v1, the dashboard under /admin: what the Procfile's `web` does.
    """
    from leads_pipeline.api.serve import serve as run

    settings = read_settings()
    run(settings if host is None else settings.model_copy(update={"host": host}))


@commands.command()
def worker() -> None:
    """Run the worker: sensors, schedules and runs. This is what the Procfile's `worker` does."""
    from leads_pipeline.defs.worker import run_worker

    settings = read_settings()
    # Code that does not fit the tables would end every attempt to map a file, and blame the file.
    with ready(settings) as database:
        raise typer.Exit(run_worker(settings, database.url))


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@commands.command(context_settings=_PASSED_ON)
def dagster(context: typer.Context) -> None:
    """Pass on to `dagster`, with our environment set.

    For example `leads dagster run list`.
    """
    _pass_on([sys.executable, "-m", "dagster", *context.args])


@commands.command(context_settings=_PASSED_ON)
def dg(context: typer.Context) -> None:
    """Pass on to `dg`, Dagster's newer command.

    It has to be installed. For example `leads dg check defs`.
    """
    import shutil

    program = shutil.which("dg", path=str(Path(sys.executable).parent)) or shutil.which("dg")
    if program is None:
        raise SetupProblem(
            "The command dg is not installed: `make .venv/test` brings it here, `pip install dagster-dg-cli` elsewhere."
        )
    _pass_on([program, *context.args])


def _pass_on(command: list[str]) -> NoReturn:
    import subprocess

    from leads_pipeline.settings import CHECKOUT, dagster_environment
    from leads_pipeline.system import migrate

    settings = read_settings()
    with opened(settings) as database:
        migrate(settings, database)
        environment = dagster_environment(settings, database.url)
        raise typer.Exit(subprocess.run(command, env=environment, cwd=CHECKOUT, check=False).returncode)  # noqa: S603
