"""The summary of a week, in Dagster: for the deployment in the asset's metadata, for each organization in its table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from leads_pipeline.defs.performance import WEEK, compare_with_before
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import INSIGHT, OWNERS
from leads_pipeline.settings import Settings
from leads_pipeline.store import performance, recommendations, weekly
from leads_pipeline.store.database import SYSTEM, Database, Transaction

MOST_ADVICE = 5


def write_summaries(database: Database, *, today: date) -> tuple[int, str, Mapping[str, Any]]:
    """Write the summaries of the last whole week: of every organization that sent files, and of all together.

    Returns how many organizations there were, and the text and figures of all together.
    """
    monday = today - timedelta(days=today.weekday()) - WEEK
    with database.transaction(SYSTEM) as transaction:
        concerned = weekly.organizations_with_files(transaction, monday, monday + WEEK)
    for organization in concerned:
        with database.transaction(organization) as transaction:
            advice = recommendations.newest(transaction, limit=MOST_ADVICE)
            _write(transaction, monday, advice, recommendations.checked(transaction, limit=MOST_ADVICE))
    with database.transaction(SYSTEM) as transaction:
        # By kind and organization: a title may quote somebody's header.
        advice = [
            {**row, "title": f"{row['kind'].replace('_', ' ')}, {row['organization'] or 'for all'}"}
            for row in recommendations.over_all(transaction, limit=MOST_ADVICE)
        ]
        body, figures = _write(transaction, monday, advice, [])
    return len(concerned), body, figures


def _write(
    transaction: Transaction, monday: date, advice: Sequence[Mapping[str, Any]], checked: Sequence[Mapping[str, Any]]
) -> tuple[str, Mapping[str, Any]]:
    from leads_pipeline.insights.pages import summary_of
    from leads_pipeline.insights.trends import Week, weeks

    found = {
        week.monday: week for week in weeks(performance.uploads_by_week(transaction, monday - WEEK, monday + WEEK))
    }
    week = found.get(monday, Week(monday, 0, 0, 0, None, None, None, None, None))
    drift, *_ = compare_with_before(transaction, monday + WEEK - timedelta(days=1))
    body = summary_of(week, found.get(monday - WEEK), advice=advice, checked=checked, drift=drift.findings())
    figures = asdict(week)
    weekly.save(transaction, monday, body, figures)
    return body, figures


@dg.asset(
    name="weekly_summary",
    deps=["model_performance", "recommendations"],
    group_name=INSIGHT,
    owners=OWNERS,
    kinds={"postgres", "markdown"},
    description=(
        "What the week came to. On one page, beside the week before: files, accuracy, corrections, coverage, calls and "
        "seconds, what drifted, what would help most, and what earlier advice brought. Written every Monday "
        "(`LEADS_SUMMARY_SCHEDULE`) for the deployment, shown here, and for each organization, in `weekly_summaries`."
    ),
)
def weekly_summary(leads: Leads) -> dg.MaterializeResult:
    """Writes the summaries of the last whole week."""
    organizations, body, figures = write_summaries(leads.database, today=datetime.now(UTC).date())
    names = ("uploads", "columns", "reviewed_uploads", "coverage", "llm_calls_per_upload", "seconds_per_upload")
    shown = {name: round(figures[name], 4) for name in names if figures[name] is not None}
    return dg.MaterializeResult(
        metadata={"organizations": organizations, **shown, "summary": dg.MetadataValue.md(body)}
    )


write_weekly_summary = dg.define_asset_job(
    "write_weekly_summary",
    selection=dg.AssetSelection.assets(weekly_summary),
    description="Writes what the last whole week came to.",
)


def summary_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that sums the week up."""
    return dg.ScheduleDefinition(
        name="summarize_week",
        job=write_weekly_summary,
        cron_schedule=settings.summary_schedule,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Writes the summary of the week before (UTC, from Monday).",
    )
