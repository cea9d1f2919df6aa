"""`leads retention`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from leads_pipeline.cli.common import AsJson, Yes, read_settings, ready

commands = typer.Typer(help="Contents of files that have been kept long enough.", no_args_is_help=True)


@commands.callback()
def retention() -> None:
    """A group, though it has one command."""


@commands.command("run")
def retention_run(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; delete nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than TRAINING_DATA_RETENTION_DAYS, or an organization's own number of days.

    Facts, mappings and answers stay. What somebody has still to look at is held. If more than half of all contents would
    go at once, nothing does unless you say --yes. Dagster's records of drains that are as old are purged as well.
    """
    from leads_pipeline.defs.instance import open_instance
    from leads_pipeline.defs.retention import purge_runs, run_retention

    settings = read_settings()
    with ready(settings) as database:
        done = run_retention(database, settings, dry_run=dry_run, confirmed=yes)
        with open_instance(settings, database.url) as instance:
            days, now = settings.training_data_retention_days, datetime.now(UTC)
            runs = purge_runs(instance, days, now, dry_run=dry_run)
    found = done.found
    if as_json:
        shown = {"dry_run": dry_run, "kept": found.kept, "due": found.due, "due_bytes": found.due_bytes}
        shown |= {"held": found.held, "deleted": done.deleted, "drain_runs": runs, "problems": dict(done.problems)}
        print(json.dumps(shown))
        return
    for name, count in done.organizations.most_common():
        print(f"{count:>8,}  {name}")
    if dry_run:
        print(f"{found.due:,} of {found.kept:,} files would lose their contents, {found.due_bytes:,} bytes.")
    else:
        print(f"{done.deleted:,} of {found.kept:,} files lost their contents, {done.bytes:,} bytes.")
    print(f"{runs:,} records of old drains {'would be' if dry_run else 'were'} purged.")
    if found.held:
        print(f"{found.held:,} are as old, and held until somebody has looked at them.")
    for code, count in done.problems.items():
        print(f"{count:,} stay: {code}.")
