"""Upkeep: what is done when something of Dagster's own goes wrong."""

import dagster as dg
import structlog

from leads_pipeline.defs.resources import Leads
from leads_pipeline.store import queue
from leads_pipeline.store.database import SYSTEM

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
