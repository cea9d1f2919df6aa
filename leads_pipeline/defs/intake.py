"""Intake and mapping: the assets that a drain brings up to date, its job, and the sensors that ask for one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg
from dagster._utils.interrupts import capture_interrupts, pop_captured_interrupt
from pydantic import Field

from leads_pipeline.defs.drain import Totals, drain
from leads_pipeline.defs.launchpad import Launchpad
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import INTAKE, LEARNING, MAPPING, OWNERS, described, plots, table
from leads_pipeline.insights.charts import size
from leads_pipeline.store import overview, queue, summary
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.wording import be, counted


class DrainConfig(Launchpad):
    """How long this drain works. The defaults are those of the deployment's settings."""

    max_seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Seconds after which it makes room for the next. Left out: LEADS_DRAIN_MAX_SECONDS.",
    )
    linger_seconds: float | None = Field(
        None,
        ge=0,
        le=3_600,
        description="Seconds that it waits for more uploads. Left out: LEADS_DRAIN_LINGER_SECONDS.",
    )


@dg.multi_asset(
    name="map_uploads",
    specs=[
        dg.AssetSpec(
            "file_uploads",
            group_name=INTAKE,
            owners=OWNERS,
            kinds={"postgres", "excel"},
            description=described(
                "The files that came in: one row for each spreadsheet received by REST or the inbox, and what became of it. "
                "Its state is `received`, `processing`, `mapped`, `reviewed` or `failed`. A file is mapped "
                "within seconds of its arrival; one that fails stays here with the reason, and the next goes on.",
                ("queue", "uploads", "waits", "storage"),
            )
            + plots(
                uploads="files taken in, since the point before; `rows`: the rows in them",
                failed="those that could not be mapped; `errors/...` by the code of the reason",
                waiting="files that still wait: should be 0",
                oldest_waiting_seconds="how long the oldest of them has waited: should stay under 120",
                megabytes_stored="size of all files received",
            ),
        ),
        dg.AssetSpec(
            "field_mappings",
            deps=["file_uploads"],
            group_name=MAPPING,
            owners=OWNERS,
            kinds={"postgres", "python"},
            description=described(
                "What each column means: one row for each, with the lead field that it holds, or none, a calibrated "
                "confidence and the reason. *Coverage* is the share of columns that needed no person; "
                "watch it together with the corrections that people make.",
                ("coverage", "accuracy", "llm-calls", "llm-tokens", "llm-cost"),
            )
            + plots(
                coverage="columns decided without a person, of those of these files (0 to 1): should be 0.85 or more",
                mean_confidence="mean chance of being right, in percent, as the model sees it",
                seconds_per_upload="work for each file, waiting left out",
                llm_calls="calls of a language model, one a file with open columns; `llm_cost_usd`: what they cost",
            ),
        ),
        dg.AssetSpec(
            "leads",
            deps=["field_mappings"],
            group_name=MAPPING,
            owners=OWNERS,
            kinds={"postgres", "csv"},
            description=described(
                "What can be exported: the rows of all mapped files whose contents are kept, in the lead schema. Leads are "
                "not stored twice: an export reads the file again with the mappings of that moment.",
                ("files",),
            ),
        ),
    ],
)
def map_uploads(
    context: dg.AssetExecutionContext, config: DrainConfig, leads: Leads
) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization]:
    """Drains the queue of uploads: reads and maps whatever waits, until nothing does."""
    changes = {"drain_max_seconds": config.max_seconds, "drain_linger_seconds": config.linger_seconds}
    settings = leads.settings.model_copy(update={name: value for name, value in changes.items() if value is not None})
    parts = drain(
        leads.database,
        settings,
        context.run.run_id,
        asked_to_stop=lambda: _is_canceled(context),
        interrupted=pop_captured_interrupt,
    )
    whole, told = Totals(), False
    for part in _undisturbed(parts):
        whole.include(part)
        if told and not part.uploads and not part.errors:
            continue
        for asset, metadata in _figures(leads.database, part).items():
            # Dagster wants one result of an asset, and takes any number of further materializations.
            if told:
                yield dg.AssetMaterialization(asset, metadata=metadata)
            else:
                yield dg.MaterializeResult(asset_key=asset, metadata=metadata)
        told = True
    context.log.info(
        "Stopped because %s: %s uploads, %s columns.", whole.stopped_because, whole.uploads, whole.figures.columns
    )
    if _is_canceled(context):
        # Whoever stopped it is to see a run that was stopped; what it did until then is recorded.
        raise dg.DagsterExecutionInterruptedError


def _undisturbed(parts: Iterator[Totals]) -> Iterator[Totals]:
    """Captured, a signal does not tear a transaction apart: the drain lets go of what it has not begun, and ends well."""
    while True:
        with capture_interrupts():
            part = next(parts, None)
        if part is None:
            return
        yield part


def _figures(database: Database, part: Totals) -> Mapping[str, Mapping[str, dg.MetadataValue | int | float]]:
    """What is shown of this part of a drain, and of everything at this moment, for each asset."""
    with database.transaction(SYSTEM) as transaction:
        everything = summary.system_totals(transaction)
        waiting = queue.waiting(transaction)
        kept = overview.storage_of_system(transaction)
    return {
        "file_uploads": {
            "uploads": part.uploads,
            "rows": part.figures.rows,
            "failed": part.errors.total(),
            **{f"errors/{code}": count for code, count in sorted(part.errors.items())},
            "waiting": everything["waiting"],
            "oldest_waiting_seconds": round(waiting.oldest_seconds, 1),
            "uploads_total": everything["uploads"],
            "megabytes_stored": round(everything["bytes"] / 1e6, 1),
            "storage": dg.MetadataValue.md(
                table(("what is kept", "size"), {kind: size(count) for kind, count in kept.items()})
            ),
        },
        "field_mappings": {
            "columns": part.figures.columns,
            "mapped": part.figures.mapped,
            **_known("coverage", part.figures.coverage),
            **_known("mean_confidence", part.figures.mean_confidence),
            **_known("seconds_per_upload", _per_upload(part)),
            "llm_calls": part.figures.llm_calls,
            "llm_cost_usd": round(part.figures.llm_cost, 6),
            "columns_total": everything["columns"],
            "corrected_total": everything["corrected"],
        },
        "leads": {"exportable_uploads": everything["exportable"], "exportable_rows": everything["rows"]},
    }


map_waiting_uploads = dg.define_asset_job(
    "map_waiting_uploads",
    selection=[map_uploads],
    description="Maps the uploads that wait. The sensor `new_uploads` starts it; starting it by hand does no harm.",
)


ON_ITS_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
"""Run monitoring ends a run that stays in one of these, so counting them cannot block for ever; STARTED could."""

EVERY_LOOK_SECONDS = 1
"""The interval of a sensor that is to be asked whenever Dagster looks at its sensors, every 5 seconds. With an interval of
5, one that was asked a moment late misses its next turn, and is asked after 10.
"""


@dg.sensor(
    job=map_waiting_uploads,
    minimum_interval_seconds=EVERY_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run that maps all waiting uploads, when there are any and none is at work.",
)
def new_uploads(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Asks for a drain when uploads wait and none is at work.

    Without a run key: one whose run failed would block for ever.
    """
    with leads.database.transaction(SYSTEM) as transaction:
        waiting, draining = queue.waiting(transaction), queue.drain_is_alive(transaction)
    if not waiting.jobs:
        return dg.SkipReason("No upload is waiting.")
    if draining:
        return dg.SkipReason(
            f"{counted(waiting.jobs, 'upload')} {be(waiting.jobs, 'waits', 'wait')}; a drain is at work."
        )
    if context.instance.get_runs_count(dg.RunsFilter(job_name=map_waiting_uploads.name, statuses=ON_ITS_WAY)):
        return dg.SkipReason(
            f"{counted(waiting.jobs, 'upload')} {be(waiting.jobs, 'waits', 'wait')}; a drain is starting."
        )
    return dg.RunRequest(tags={"leads/waiting": str(waiting.jobs)})


@dg.asset(
    name="user_corrections",
    deps=["field_mappings"],
    group_name=LEARNING,
    owners=OWNERS,
    kinds={"postgres"},
    description=described(
        "What people said: one row for each answer, by which a mapping was confirmed or changed. Answers act on the next "
        "file at once, through the memory of their organization; this asset counts them. The *collection rate* is the share "
        "of the mapped files that people have reviewed as a whole.",
        ("collection", "corrections", "accuracy"),
    )
    + plots(
        collection_rate="reviewed files, of those that were mapped (0 to 1): what there is to learn from",
        corrections_per_upload="columns corrected in each reviewed file: should fall",
        accuracy="columns of reviewed files that needed no correction (0 to 1): should be 0.90 or more",
        undone="answers that somebody took back",
    ),
)
def user_corrections(leads: Leads) -> dg.MaterializeResult:
    """Counts the answers that have come."""
    with leads.database.transaction(SYSTEM) as transaction:
        counts = summary.corrections_since(transaction, None)
        files = overview.totals(transaction)
    return dg.MaterializeResult(
        metadata={
            "confirmed": counts["confirmed"],
            "corrected": counts["corrected"],
            "undone": counts["undone"],
            "uploads_with_answers": counts["uploads"],
            **_share("collection_rate", files["reviewed"], files["reviewed"] + files["unreviewed"]),
            **_share("accuracy", files["reviewed_right"], files["reviewed_columns"]),
            **_share("corrections_per_upload", files["reviewed_corrections"], files["reviewed"]),
        }
    )


count_corrections = dg.define_asset_job(
    "count_corrections", selection=[user_corrections], description="Brings the figures about corrections up to date."
)

QUIET_SECONDS = 20
"""Corrections come in bursts; they are counted when a burst is over, or after a few minutes of an endless one."""
LONGEST_WAIT_SECONDS = 300


@dg.sensor(
    job=count_corrections,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Counts the answers of people when new ones came and no more are coming.",
)
def new_corrections(context: dg.SensorEvaluationContext, leads: Leads) -> dg.SensorResult | dg.SkipReason:
    """Asks for the corrections to be counted when new ones came and no more are coming."""
    since = datetime.fromisoformat(context.cursor) if context.cursor else None
    with leads.database.transaction(SYSTEM) as transaction:
        counts = summary.corrections_since(transaction, since)
    newest: datetime | None = counts["newest"]
    if newest is None:
        return dg.SkipReason("Nobody has answered since the last count.")
    quiet = (datetime.now(UTC) - newest).total_seconds()
    waited = (datetime.now(UTC) - since).total_seconds() if since else 0.0
    if quiet < QUIET_SECONDS and waited < LONGEST_WAIT_SECONDS:
        return dg.SkipReason("Answers are coming in; they are counted when they pause.")
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=newest.isoformat())


def _is_canceled(context: dg.AssetExecutionContext) -> bool:
    # A stop from the UI reaches a run on another machine only through its status.
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


def _per_upload(totals: Totals) -> float | None:
    return round(totals.figures.seconds / totals.uploads, 3) if totals.uploads else None


def _known(name: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {name: value}


def _share(name: str, part: int, whole: int) -> dict[str, float]:
    return {name: round(part / whole, 4)} if whole else {}
