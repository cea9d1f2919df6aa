"""Retention: contents that have been kept long enough go, and so do Dagster's records of old drains."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import dagster as dg
from pydantic import Field

from leads_pipeline.defs.examples import Made, make_examples
from leads_pipeline.defs.intake import map_waiting_uploads
from leads_pipeline.defs.launchpad import Launchpad
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import OWNERS, UPKEEP, described
from leads_pipeline.errors import LeadsError, SetupProblem
from leads_pipeline.settings import Settings
from leads_pipeline.store import examples, retention
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.retention import Neglected, Overview

AT_A_TIME = 50
CLOCKS_APART = timedelta(hours=1)
MUCH = 0.5
"""Of all contents: more than that at once is no day's work, and more likely a clock or a setting that is wrong."""
FEW = 20
"""So many may go whatever their share is."""
RUNS_AT_A_TIME, MOST_RUNS = 500, 10_000


@dataclass(slots=True)
class Retained:
    """What was done, or would be: what was found, uploads and bytes deleted, what failed by code."""

    found: Overview
    deleted: int = 0
    bytes: int = 0
    organizations: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])


def run_retention(
    database: Database, settings: Settings, *, dry_run: bool, confirmed: bool = False, most: int = 100_000
) -> Retained:
    """Delete what is due, batch by batch, examples made before; with `dry_run`, only tell what would go.

    Raises `SetupProblem`, before anything is deleted, when the clocks are apart, or when more than half of all contents
    would go at once and nobody has `confirmed` that.
    """
    days = settings.training_data_retention_days
    with database.transaction(SYSTEM) as transaction:
        done = Retained(retention.overview(transaction, days))
        first = retention.due(transaction, days, limit=AT_A_TIME if not dry_run else most)
    if dry_run:
        done.organizations.update(each.organization for each in first)
        return done
    _require_sense(done.found, confirmed=confirmed)
    failed: set[UUID] = set()
    while first and done.deleted < most:
        for upload in first:
            try:
                with database.transaction(upload.organization_id) as transaction:
                    owing = examples.upload_named(transaction, upload.upload_id)
                    reviewed = examples.is_reviewed(transaction, upload.upload_id)
                if reviewed:
                    make_examples(database, settings, owing, Made())
            except LeadsError as error:
                # It stays, and is tried again the next day; the others are not to wait for it.
                done.problems[error.code] += 1
                failed.add(upload.upload_id)
                continue
            with database.transaction(upload.organization_id) as transaction:
                gone = retention.expire(transaction, upload.upload_id, days)
            if gone:
                done.deleted += 1
                done.bytes += upload.size_bytes
                done.organizations[upload.organization] += 1
            else:
                failed.add(upload.upload_id)
        with database.transaction(SYSTEM) as transaction:
            first = retention.due(transaction, days, limit=AT_A_TIME, but_not=failed)
    return done


def _require_sense(found: Overview, *, confirmed: bool) -> None:
    apart = abs(datetime.now(UTC) - found.now)
    if apart > CLOCKS_APART:
        raise SetupProblem(
            f"The clocks of this machine and of the database are {apart} apart, so nothing is deleted by age. Set them right."
        )
    if found.newest is not None and found.newest > found.now + CLOCKS_APART:
        raise SetupProblem(
            f"The newest file came at {found.newest:%Y-%m-%d %H:%M}, which the database's clock says is to come: nothing is "
            "deleted by age. Set the clock right."
        )
    if found.due > FEW and found.due > MUCH * found.kept and not confirmed:
        raise SetupProblem(
            f"{found.due:,} of {found.kept:,} files would lose their contents at once. Look at TRAINING_DATA_RETENTION_DAYS "
            "and at the organizations' own settings; if it is meant, `leads retention run --yes`, or say `confirmed`."
        )


def purge_runs(instance: dg.DagsterInstance, days: int, now: datetime, *, dry_run: bool = False) -> int:
    """Delete Dagster's records of drains that ended longer ago, up to 10,000; how many were deleted, or would be."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = dg.RunsFilter(
        job_name=map_waiting_uploads.name, statuses=ended, created_before=now - timedelta(days=max(days, 1))
    )
    if dry_run:
        return min(instance.get_runs_count(old), MOST_RUNS)
    deleted = 0
    while deleted < MOST_RUNS and (runs := instance.get_runs(old, limit=RUNS_AT_A_TIME)):
        for run in runs:
            instance.delete_run(run.run_id)
        deleted += len(runs)
    return deleted


# --- What Dagster sees ---------------------------------------------------------------------------------------------


class RetentionConfig(Launchpad):
    """As it stands, nothing is deleted: the run shows what would go."""

    dry_run: bool = Field(default=True, description="Show what would be deleted, and delete nothing.")
    confirmed: bool = Field(
        default=False,
        description="Delete even if it is more than half of all contents at once. Look at a dry run first.",
    )
    most: int = Field(default=100_000, ge=1, le=1_000_000, description="Files that one run deals with at most.")


@dg.asset(
    name="expired_contents",
    deps=["training_examples"],
    group_name=UPKEEP,
    owners=OWNERS,
    kinds={"postgres"},
    description=described(
        "What has been kept long enough: contents of files and masked samples, which are deleted every night. "
        "They go when they are older than `TRAINING_DATA_RETENTION_DAYS`, or an organization's own number of days; "
        "facts, mappings and answers stay, and examples are made before; Dagster's records of drains as old go as well. "
        "A file that somebody has still to look at is held, and named below by organization once it is too old. "
        "Launched from here, it is a dry run unless you say otherwise.",
        ("retention", "files"),
    ),
)
def expired_contents(context: dg.AssetExecutionContext, config: RetentionConfig, leads: Leads) -> dg.MaterializeResult:
    """Deletes what is due, or tells what would go."""
    settings = leads.settings
    try:
        done = run_retention(
            leads.database, settings, dry_run=config.dry_run, confirmed=config.confirmed, most=config.most
        )
    except LeadsError as error:
        raise dg.Failure(error.detail) from error
    now = datetime.now(UTC)
    runs = purge_runs(context.instance, settings.training_data_retention_days, now, dry_run=config.dry_run)
    with leads.database.transaction(SYSTEM) as transaction:
        neglected = retention.neglected(transaction, settings.training_data_retention_days)
    return dg.MaterializeResult(
        metadata={
            "dry_run": config.dry_run,
            "due": done.found.due,
            "due_bytes": done.found.due_bytes,
            "held_for_review": done.found.held,
            "held_too_long": sum(each.files for each in neglected),
            "held_too_long_oldest_days": max(((now - each.oldest).days for each in neglected), default=0),
            "deleted": done.deleted,
            "deleted_bytes": done.bytes,
            "drain_runs": runs,
            **{f"problems/{code}": count for code, count in sorted(done.problems.items())},
            "organizations": dg.MetadataValue.md(table_of(done)),
            "held": dg.MetadataValue.md(table_of_neglected(neglected)),
        }
    )


def table_of(done: Retained) -> str:
    """Of whom how many files, for a person."""
    lines = [f"| {name} | {count:,} |" for name, count in done.organizations.most_common(50)]
    return "\n".join(["| organization | files |", "|---|---:|", *lines])


NEGLECTED = (
    "Nobody has looked at what is open in these, so they stay. Have them reviewed (`GET /api/v1/uploads?status=mapped` lists "
    "them), or deleted (`DELETE /api/v1/uploads/{id}`)."
)


def table_of_neglected(neglected: Sequence[Neglected]) -> str:
    """Whose files are kept beyond their time because nobody has looked at them, and what to do, for a person."""
    if not neglected:
        return "No file is kept beyond its time."
    lines = [
        f"| {each.organization} | {each.files:,} | {each.bytes:,} | {each.oldest:%Y-%m-%d} |" for each in neglected[:50]
    ]
    return "\n".join(
        [
            NEGLECTED,
            "",
            "| organization | files | bytes | oldest |",
            "|---|---:|---:|---|",
            *lines,
        ]
    )


apply_retention = dg.define_asset_job(
    "apply_retention",
    selection=[expired_contents],
    description="Deletes contents that have been kept long enough. From the launchpad a dry run, unless you say otherwise.",
)


def retention_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every night."""
    return dg.ScheduleDefinition(
        name="apply_retention_daily",
        job=apply_retention,
        cron_schedule="10 4 * * *",
        execution_timezone=settings.timezone,
        run_config=dg.RunConfig(ops={"expired_contents": RetentionConfig(dry_run=False)}),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Deletes contents that have been kept long enough, at ten past four.",
    )
