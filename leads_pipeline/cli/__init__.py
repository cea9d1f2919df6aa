"""The `leads` command, a file for each group. Thin: reads its arguments, calls the rooms, prints; heavy imports happen in
the commands.

An error of ours is one line on standard error and exit code 2; with `--json`, standard output holds one object alone.
"""

import sys
from typing import Annotated

import typer

from leads_pipeline import __version__
from leads_pipeline.cli import (
    admin,
    audit,
    contents,
    database,
    datasets,
    erase,
    fine_tuning,
    language_model,
    mapping,
    models,
    organizations,
    retention,
    running,
    schema,
    tokens,
)
from leads_pipeline.errors import LeadsError

app = typer.Typer(
    help="From a lead spreadsheet to mapped leads, with honest confidence, learning from every correction.",
    epilog="Try `leads map FILE` first: it needs nothing running. `leads demo` shows everything.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help comes in a third of the time
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"leads_pipeline {__version__}")
        raise typer.Exit


@app.callback()
def _leads(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version  # Shown already, since the option is eager.


app.add_typer(running.commands)
app.add_typer(mapping.commands)
app.add_typer(database.commands, name="db")
app.add_typer(contents.commands, name="contents")
app.add_typer(organizations.commands, name="organization")
app.add_typer(tokens.commands, name="token")
app.add_typer(admin.commands, name="admin")
app.add_typer(schema.commands, name="schema")
app.add_typer(language_model.commands, name="llm")
app.add_typer(datasets.commands, name="dataset")
app.add_typer(models.commands, name="models")
app.add_typer(fine_tuning.commands, name="fine-tune")
app.add_typer(audit.commands, name="audit")
app.add_typer(retention.commands, name="retention")
app.add_typer(erase.commands, name="erase")


def main() -> None:
    """Run the command; an error of ours ends it with one line and exit code 2."""
    try:
        app()
    except LeadsError as error:
        print(f"leads: {error.detail}", file=sys.stderr)
        sys.exit(2)
