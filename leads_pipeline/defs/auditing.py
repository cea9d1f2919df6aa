"""The audit trail in the dashboard, and the check that nobody has changed it. The web process seals; here it is read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import OWNERS, UPKEEP
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM

UNSEALED_SECONDS = 300.0
"""For how long an event may wait for its seal before somebody should look why."""


@dg.asset(
    name="audit_trail",
    group_name=UPKEEP,
    owners=OWNERS,
    kinds={"postgres"},
    description=(
        "Who did what, when, and from where. Logins, uploads, answers, datasets, models, exports, deletions, tokens, "
        "settings and what is launched here: append-only, free of personal data, and chained by hashes once a second, so "
        "that one changed byte is found. `leads audit verify` follows the chain, `leads audit export` and "
        "`GET /api/v1/audit` show the events."
    ),
)
def audit_trail(leads: Leads) -> dg.MaterializeResult:
    """Counts what was done in the last day and the last month."""
    now = datetime.now(UTC)
    with leads.database.transaction(SYSTEM) as transaction:
        day = audit.counts(transaction, now - timedelta(days=1))
        month = audit.counts(transaction, now - timedelta(days=30))
    return dg.MaterializeResult(
        metadata={
            "events_of_the_day": sum(day.values()),
            "events_of_30_days": sum(month.values()),
            "logins_refused_of_the_day": day.get("login.refused", 0) + day.get("login.throttled", 0),
            "what_was_done": dg.MetadataValue.md(table_of(day, month)),
        }
    )


def table_of(day: Mapping[str, int], month: Mapping[str, int]) -> str:
    """How often each action was done, for a person."""
    lines = [f"| {action} | {day.get(action, 0):,} | {times:,} |" for action, times in month.items()]
    return "\n".join(["| what was done | last day | last 30 days |", "|---|---:|---:|", *lines])


@dg.asset_check(
    asset="audit_trail",
    name="chain_holds",
    description=(
        "Follows the chain of hashes from its beginning: a changed byte, a missing, an inserted and a dated back event are "
        "found. `head` is worth keeping elsewhere: `leads audit verify --anchor` then finds a chain that was written anew."
    ),
)
def chain_holds(leads: Leads) -> dg.AssetCheckResult:
    """Verifies the trail, and looks whether sealing is up to date."""
    with leads.database.transaction(SYSTEM) as transaction:
        found = audit.verify(transaction)
    late = found.oldest_seconds > UNSEALED_SECONDS
    reason = " ".join(found.problems) if found.problems else None
    if late and reason is None:
        reason = "Events wait for their seals; the web process, which seals them, may be down."
    return dg.AssetCheckResult(
        passed=found.whole and not late,
        severity=dg.AssetCheckSeverity.WARN if found.whole else dg.AssetCheckSeverity.ERROR,
        description=reason,
        metadata={
            "sealed": found.sealed,
            "waiting": found.waiting,
            "oldest_waiting_seconds": round(found.oldest_seconds, 1),
            "problems": len(found.problems),
            "head": str(found.head),
        },
    )


verify_audit_trail = dg.define_asset_job(
    "verify_audit_trail",
    selection=[audit_trail],
    description="Counts what was done, and follows the audit trail's chain from its beginning.",
)


def audit_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Once a day, before anybody is at work."""
    return dg.ScheduleDefinition(
        name="verify_audit_trail_daily",
        job=verify_audit_trail,
        cron_schedule="40 4 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Verifies the audit trail, at twenty to five.",
    )
