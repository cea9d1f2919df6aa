"""`leads db`."""

import json
import sys

import typer

from leads_pipeline.cli.common import AsJson, Yes, confirm, opened, read_settings

commands = typer.Typer(help="The database: bring it up to date, look at it, begin anew.", no_args_is_help=True)


@commands.command("upgrade")
def db_upgrade() -> None:
    """Create or update all tables, ours and Dagster's. Safe to run again."""
    from leads_pipeline.system import migrate

    settings = read_settings()
    with opened(settings) as database:
        print(f"The database is at revision {migrate(settings, database)}.")


@commands.command("status")
def db_status(*, as_json: AsJson = False) -> None:
    """Show the schema's revision, and how many rows each table holds (about, where they are many)."""
    from leads_pipeline.store import migrations
    from leads_pipeline.store.database import shown

    with opened(read_settings()) as database:
        status = migrations.status(database)
        place = shown(database.url)
    if as_json:
        print(json.dumps({"revision": status.revision, "newest": status.newest, "rows": status.rows}))
        return
    print(f"database  {place}")
    print(f"revision  {status.revision or 'none'}" + ("" if status.current else f" (newest: {status.newest})"))
    for table, rows in status.rows.items():
        print(f"  {table:<20} {rows:>12,}")
    if not status.current:
        print("Run `leads db upgrade`.")


@commands.command("check")
def db_check() -> None:
    """Check the connection, the revision, the role and the row-level security. Exit code 2 if anything is wrong."""
    from leads_pipeline.store import migrations

    with opened(read_settings()) as database:
        problems = migrations.check(database)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(2)
    print("All is well: reachable, up to date, ordinary role, row-level security forced on every table.")


@commands.command("reset")
def db_reset(*, yes: Yes = False) -> None:
    """Delete everything stored, and make empty tables. Asks first."""
    from leads_pipeline.store import migrations
    from leads_pipeline.system import migrate
    from leads_pipeline.vault import vault_of

    settings = read_settings()
    with opened(settings) as database:
        place = database.url.render_as_string(hide_password=True)
        confirm(f"Delete every upload, mapping, correction and run in {place}?", yes=yes)
        if migrations.is_current(database):
            vault_of(settings).empty(database)
        migrations.reset(database)
        print(f"Everything is deleted; the database is at revision {migrate(settings, database)}.")
        print("Tokens and passwords are gone, too: a system that runs makes new ones when it is started again.")
