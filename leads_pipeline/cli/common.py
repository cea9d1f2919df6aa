"""What the commands share: options, settings, the open database, progress."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leads_pipeline.errors import NotFound, RequestInvalid, SetupProblem, complaint

if TYPE_CHECKING:
    from uuid import UUID

    from leads_pipeline.settings import Settings
    from leads_pipeline.store.database import Database

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def read_settings() -> "Settings":
    from pydantic import ValidationError

    from leads_pipeline.logs import configure
    from leads_pipeline.settings import Settings

    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - it reads the environment
    except ValidationError as error:
        first = error.errors()[0]
        raise SetupProblem(
            f"The setting {'.'.join(str(part) for part in first['loc'])} is wrong: {complaint(first)}."
        ) from error
    configure(settings.log_level)
    return settings


@contextmanager
def opened(settings: "Settings") -> "Generator[Database]":
    from leads_pipeline.store.database import open_database
    from leads_pipeline.types import Actor

    with open_database(settings) as database:
        yield database.acting(Actor("operator", "cli"))


@contextmanager
def ready(settings: "Settings") -> "Generator[Database]":
    """The database, for a command that needs its tables."""
    from leads_pipeline.store import migrations

    with opened(settings) as database:
        migrations.require_current(database)
        yield database


def organization_named(database: "Database", name: str) -> "UUID":
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with database.transaction(SYSTEM) as transaction:
        found = organizations.organization_named(transaction, name)
    if found is None:
        raise NotFound(f"There is no organization {name}; `leads organization create NAME` makes one.")
    return found


def existing(path: Path) -> Path:
    if path.is_dir():
        raise NotFound(f"{path} is a folder; name the files in it.", code="file_not_found")
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", code="file_not_found")
    return path


def confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise RequestInvalid("This deletes data. Say --yes to mean it.")
    typer.confirm(question, abort=True)


@contextmanager
def progress() -> "Generator[Any]":
    """Show on a terminal how far something has come: yields what is to be told of it, `step(done, total, what)`."""
    from rich.console import Console
    from rich.progress import Progress

    # On standard error: standard output is for what was asked for. In a log nothing would be left of it but an empty line.
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("working", total=None)

        def step(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, total=total, description=what)

        yield step
