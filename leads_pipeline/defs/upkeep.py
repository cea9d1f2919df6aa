"""Upkeep: what is done when a run fails, and about files in an object store that nobody needs any more."""

import dagster as dg
import structlog

from leads_pipeline.defs.resources import Leads
from leads_pipeline.store import contents, queue
from leads_pipeline.store.database import SYSTEM
from leads_pipeline.vault import vault_of
from leads_pipeline.wording import be, counted

log = structlog.get_logger()


@dg.run_failure_sensor(
    name="failed_runs",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Records every run that failed, in the table `run_failures` and in the log.",
)
def failed_runs(context: dg.RunFailureSensorContext, leads: Leads) -> None:
    """Records the failure. Its text stays in Dagster: it may quote anything."""
    error = context.failure_event.event_specific_data
    cause = getattr(getattr(error, "error", None), "cls_name", None) or "unknown"
    run = context.dagster_run
    log.error("run failed", run=run.run_id, job=run.job_name, error=cause)
    with leads.database.transaction(SYSTEM) as transaction:
        queue.record_run_failure(transaction, run.run_id, run.job_name, cause)


@dg.sensor(
    name="abandoned_contents",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Deletes files from the object store (`LEADS_CONTENTS_URL`) whose upload is deleted or never came to be, within a "
        "minute, up to 500 at a time. Contents in PostgreSQL are deleted with their upload."
    ),
)
def abandoned_contents(leads: Leads) -> dg.SkipReason:
    """Asks for no run: it deletes them itself."""
    vault = vault_of(leads.settings)
    deleted = vault.sweep(leads.database)
    with leads.database.transaction(SYSTEM) as transaction:
        left = contents.abandoned_count(transaction)
    if left and not deleted:
        wait = f"{counted(left, 'file')} {be(left, 'waits', 'wait')}"
        return dg.SkipReason(f"{wait} to be deleted in a store that LEADS_CONTENTS_URL does not name.")
    return dg.SkipReason(f"{counted(deleted, 'file')} deleted from the object store, {left} wait.")
