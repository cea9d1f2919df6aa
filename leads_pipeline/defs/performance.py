"""How well files are mapped, in Dagster: the asset, the checks of its targets, its job, schedule and sensor."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dagster as dg
from pydantic import Field

from leads_pipeline.defs.intake import ON_ITS_WAY, QUIET_SECONDS
from leads_pipeline.defs.launchpad import Launchpad
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import INSIGHT, OWNERS, described, plots
from leads_pipeline.settings import Settings
from leads_pipeline.store import performance
from leads_pipeline.store.database import SYSTEM, Database, SystemScope, Transaction
from leads_pipeline.wording import be, counted

if TYPE_CHECKING:
    from leads_pipeline.insights.intervals import Estimate
    from leads_pipeline.insights.trends import Drift

WINDOW_DAYS = 28
TREND_WEEKS = 12
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


class PerformanceConfig(Launchpad):
    """What is measured. As it stands: what changed since the last time, over the last four weeks."""

    window_days: int = Field(
        WINDOW_DAYS, ge=1, le=366, description="Days (UTC), today included, that a measurement looks back on."
    )


@dataclass(slots=True)
class Measured:
    """What a run did: files and days that it counted, organizations and rows that it measured."""

    uploads: int = 0
    days: int = 0
    organizations: int = 0
    rows: int = 0


def measure_performance(
    database: Database, *, target_seconds: float, today: date, window_days: int = WINDOW_DAYS
) -> Measured:
    """Count what changed, and measure the window that ends with `today`: of every organization that has news or was not
    measured today, and of all together.
    """
    done = Measured()
    end = datetime.combine(today + DAY, time(), tzinfo=UTC)
    start = end - window_days * DAY
    with database.transaction(SYSTEM) as transaction:
        concerned = set(performance.organizations_due(transaction))
    for organization in sorted(concerned):
        due = performance.count_what_changed(database, organization, target_seconds=target_seconds)
        done.uploads += len(due.versions)
        done.days += len(due.days)
    with database.transaction(SYSTEM) as transaction:
        concerned |= set(performance.unmeasured(transaction, end, start.date()))
    scopes: list[UUID | SystemScope] = [*sorted(concerned), SYSTEM]
    for scope in scopes:
        with database.transaction(scope) as transaction:
            done.rows += _measure(transaction, start, end)
    done.organizations = len(concerned)
    _take_over_offline(database)
    return done


def _take_over_offline(database: Database) -> None:
    """Keep what trained models came to on what they were not trained on, beside what files came to; never mixed."""
    from leads_pipeline.insights.performance import offline

    with database.transaction(SYSTEM) as transaction:
        for model in performance.models_unmeasured(transaction):
            found = offline(model["name"], model["metrics"])
            performance.save_offline(transaction, model["organization_id"], model["created_at"], found)


def _measure(transaction: Transaction, start: datetime, end: datetime) -> int:
    from leads_pipeline.insights.performance import Window, measure

    columns = performance.columns_between(transaction, start.date(), end.date())
    uploads = performance.uploads_between(transaction, start.date(), end.date())
    measured = measure(Window.of(start, end, columns, uploads)) if uploads else []
    return performance.save(transaction, end, [asdict(each) for each in measured])


@dg.asset(
    name="model_performance",
    deps=["field_mappings", "user_corrections", "mapping_models"],
    group_name=INSIGHT,
    owners=OWNERS,
    kinds={"postgres", "pandas"},
    description=described(
        "How well files are mapped: for each model version, field, language and organization, and for all "
        "together. Accuracy, wrong maps, coverage, calibration, corrections per file, what memory and the "
        "language model did, cost and seconds, with 95 % intervals, day by day. *Online* is what people reviewed "
        "as a whole; *audit* is what was drawn at random for review; a golden set is kept apart from both. The "
        "plots show all organizations together over four weeks.",
        ("accuracy", "fields", "reliability", "confusions", "corrections", "coverage"),
    )
    + plots(
        accuracy="reviewed columns that were right (0 to 1): should be above 0.90; `accuracy_low` to `accuracy_high`",
        wrong_map_rate="of reviewed columns mapped to a field, those that hold another or none (0 to 1)",
        calibration_error="how far confidence is from what was right (0 to 1): should be at most 0.05",
        coverage="columns decided without a person (0 to 1): should be 0.85 or more",
        corrections_per_upload="columns corrected in each reviewed file: should fall",
        memory_share="columns answered from memory (0 to 1); `llm_share`: by a language model",
        seconds_per_upload="work for each file; `in_time_share`: files mapped in time (0 to 1)",
        new_header_share="columns with a header that their organization had never sent (0 to 1)",
    ),
)
def model_performance(
    context: dg.AssetExecutionContext, config: PerformanceConfig, leads: Leads
) -> dg.MaterializeResult:
    """Counts what changed since the last time, and measures."""
    done = measure_performance(
        leads.database,
        target_seconds=leads.settings.seconds_target,
        today=datetime.now(UTC).date(),
        window_days=config.window_days,
    )
    context.log.info("Counted %s uploads of %s days; %s rows.", done.uploads, done.days, done.rows)
    with leads.database.transaction(SYSTEM) as transaction:
        measured = performance.newest(transaction)
        weekly = performance.uploads_by_week(transaction, *_trend_span(datetime.now(UTC).date()))
    return dg.MaterializeResult(metadata=_metadata(done, measured, weekly))


def _metadata(done: Measured, measured: Sequence[dict[str, Any]], weekly: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from leads_pipeline.insights.targets import whole
    from leads_pipeline.insights.trends import weeks

    shown: dict[str, Any] = {
        "uploads_counted": done.uploads,
        "days_counted": done.days,
        "organizations_measured": done.organizations,
    }
    for basis in ("online", "audit"):
        row = whole(measured, basis)
        if row is not None:
            prefix = "" if basis == "online" else "audit/"
            names = SHOWN if basis == "online" else (*SHOWN[:6], "audit_response")
            shown |= {f"{prefix}{name}": round(float(row[name]), 4) for name in names if row[name] is not None}
    if weekly:
        from leads_pipeline.insights.pages import weeks_table

        shown["weeks"] = dg.MetadataValue.md(weeks_table(weeks(weekly)))
    return shown


SHOWN = (
    "reviewed", "accuracy", "accuracy_low", "accuracy_high", "wrong_map_rate", "calibration_error", "coverage",
    "corrections_per_upload", "memory_share", "llm_share", "llm_calls", "llm_tokens", "llm_cost_usd",
    "cost_per_accepted_usd", "seconds_per_upload", "in_time_share", "new_header_share", "uploads", "columns",
)  # fmt: skip


# --- Targets -------------------------------------------------------------------------------------------------------


@dg.multi_asset_check(
    name="performance_targets",
    specs=[
        dg.AssetCheckSpec(name, asset="model_performance", description=description)
        for name, description in (
            ("common_fields", "Of the fields that most columns hold, each is found in more than 90 % of them."),
            ("corrections_fall", "People do not correct more columns of a file than in the four weeks before."),
            ("calibration", "Confidence is at most 5 points from the share that is right, by tenths of confidence."),
            ("coverage", "At least 85 % of the columns need no person."),
            ("speed", "95 % of the files are mapped within `LEADS_SECONDS_TARGET` of their arrival."),
            ("drift", "This week's headers, confidences, accuracy and corrections are like those of the four before."),
        )
    ],
)
def performance_targets(leads: Leads) -> Iterator[dg.AssetCheckResult]:
    """Compares what was measured of all organizations together with what it should be. A miss that chance may explain is a
    warning.
    """
    from leads_pipeline.insights import targets

    today = datetime.now(UTC).date()
    with leads.database.transaction(SYSTEM) as transaction:
        measured = performance.newest(transaction)
        drift, corrections, reviewed = compare_with_before(transaction, today)
    verdicts = {
        "common_fields": targets.common_fields(measured),
        "corrections_fall": targets.corrections_fall(corrections, reviewed=reviewed),
        "calibration": targets.calibration(measured),
        "coverage": targets.coverage(measured),
        "speed": targets.speed(measured, leads.settings.seconds_target),
        "drift": targets.no_drift(drift),
    }
    for name, verdict in verdicts.items():
        yield dg.AssetCheckResult(
            asset_key="model_performance",
            check_name=name,
            passed=verdict.met,
            severity=dg.AssetCheckSeverity.ERROR if verdict.sure else dg.AssetCheckSeverity.WARN,
            description=verdict.reason,
            metadata=dict(verdict.figures),
        )


def compare_with_before(transaction: Transaction, today: date) -> "tuple[Drift, Estimate | None, int]":
    """The drift of the last seven days against the 28 before, the change of corrections per file of the last four weeks
    against the four before, and how many files were reviewed in the fewer-reviewed of those.
    """
    from leads_pipeline.insights.intervals import difference, wilson
    from leads_pipeline.insights.trends import Drift, accuracy_change, corrections_change, stability_index, together

    end = today + DAY
    spans = {"recent": (end - WEEK, end), "before": (end - 5 * WEEK, end - WEEK)}
    bands = {name: performance.bands_between(transaction, *span) for name, span in spans.items()}
    files = {name: together(performance.uploads_between(transaction, *span)) for name, span in spans.items()}
    heads = {name: performance.new_headers_between(transaction, *span) for name, span in spans.items()}
    new = {name: wilson(*counts) for name, counts in heads.items()}
    recent, before = new["recent"], new["before"]
    four = together(performance.uploads_between(transaction, end - 4 * WEEK, end))
    ahead = together(performance.uploads_between(transaction, end - 8 * WEEK, end - 4 * WEEK))
    drift = Drift(
        confidence_shift=stability_index(bands["before"], bands["recent"]),
        new_headers=None if recent is None or before is None else difference(recent, before),
        accuracy=accuracy_change(files["recent"], files["before"]),
        corrections=corrections_change(files["recent"], files["before"]),
    )
    return drift, corrections_change(four, ahead), int(min(four["uploads"], ahead["uploads"]))


# --- When ----------------------------------------------------------------------------------------------------------

measure_model_performance = dg.define_asset_job(
    "measure_model_performance",
    selection=dg.AssetSelection.assets("model_performance", "recommendations"),
    description="Counts what changed, measures how well files are mapped, compares with the targets, and recommends.",
)


def performance_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that measures each day."""
    return dg.ScheduleDefinition(
        name="measure_performance_daily",
        job=measure_model_performance,
        cron_schedule=settings.performance_schedule,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Measures how well files were mapped over the last four weeks (days in UTC), and makes recommendations.",
    )


@dg.sensor(
    name="reviews_to_measure",
    job=measure_model_performance,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures anew when a batch of reviews is over.",
)
def reviews_to_measure(context: dg.SensorEvaluationContext, leads: Leads) -> dg.SensorResult | dg.SkipReason:
    """Asks for a measurement when files were reviewed and no more are coming."""
    with leads.database.transaction(SYSTEM) as transaction:
        uploads, newest = performance.newest_review_due(transaction)
    if newest is None or newest.isoformat() == context.cursor:
        return dg.SkipReason("No file was reviewed since the last measurement.")
    reviewed = f"{counted(uploads, 'file')} {be(uploads, 'was', 'were')} reviewed"
    if (datetime.now(UTC) - newest).total_seconds() < QUIET_SECONDS:
        return dg.SkipReason(f"{reviewed}, to be measured when no more are coming.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=measure_model_performance.name, statuses=ON_ITS_WAY)):
        return dg.SkipReason(f"{reviewed}; a measurement is starting.")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=newest.isoformat())


def _trend_span(today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    return monday - (TREND_WEEKS - 1) * WEEK, today + DAY
