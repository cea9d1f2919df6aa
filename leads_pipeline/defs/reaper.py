"""Ends the runs of a worker that is gone.

Dagster leaves the run of a machine that died as started, for ever, and it keeps its place in the queue. Run by the
worker, under its lock and before its daemon, when no run can be alive.
"""

import dagster as dg
import structlog

log = structlog.get_logger()

GONE = "The worker that executed this run is gone."


def reap(instance: dg.DagsterInstance) -> list[str]:
    """Report the runs that nobody executes any more as failed, or canceled if they were being canceled.

    Only runs of Dagster's default launcher, whose processes are the worker's own, can be told to be dead. Returns the
    ids of the runs.
    """
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return []
    orphans = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
        )
    )
    for run in orphans:
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, GONE)
        else:
            instance.report_run_failed(run, GONE)
    return [run.run_id for run in orphans]


def reap_all() -> None:
    """The same on the instance of this environment, with a word in the log on each run."""
    with dg.DagsterInstance.get() as instance:
        for run_id in reap(instance):
            log.warning("run had lost its worker; recorded as ended", run=run_id)
