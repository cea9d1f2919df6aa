"""Training datasets in Dagster: the asset, the check that looks at every version again, its job, sensor and schedule."""

from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field

from leads_pipeline.defs.building import Built, build_requested, metadata_of, scan
from leads_pipeline.defs.examples import DATASET_JOB, training_examples
from leads_pipeline.defs.intake import EVERY_LOOK_SECONDS, ON_ITS_WAY
from leads_pipeline.defs.launchpad import Launchpad
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import LEARNING, OWNERS
from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.settings import Settings
from leads_pipeline.store import dataset_requests, datasets, examples, organizations, withdrawal
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.training.parameters import DatasetParameters, Scope


class DatasetConfig(Launchpad, DatasetParameters):
    """Which dataset to build. As it stands: a shared one, of everything that may be learned from."""

    scope: Scope = Field(
        default="shared",
        description="`shared`: of all organizations that share training data; `organization`: of one of them.",
    )
    organizations: list[str] = Field(
        default=[],
        description="Names. With `organization`, the one it is for; with `shared`, these alone. Left out: all.",
    )
    requested: bool = Field(
        default=False,
        description="Build what was asked for by REST and still waits, and nothing else: the sensor says so.",
    )


def ask(database: Database, config: DatasetConfig) -> UUID:
    """Leave a request for what `config` describes. Raises `NotFound` for an organization that is not there."""
    parameters = config.model_dump(exclude={"requested", "organizations"})
    with database.transaction(SYSTEM) as transaction:
        if config.scope == "shared":
            asked = {**parameters, "organizations": config.organizations}
            return dataset_requests.ask(transaction, None, asked)
        if len(config.organizations) != 1:
            raise NotFound("Name the one organization that the dataset is for.")
        owner = organizations.organization_named(transaction, config.organizations[0])
        if owner is None:
            raise NotFound(f"There is no organization {config.organizations[0]}.")
        return dataset_requests.ask(transaction, owner, parameters)


@dg.asset(
    name="training_datasets",
    deps=["training_examples"],
    group_name=LEARNING,
    owners=OWNERS,
    kinds={"postgres", "parquet"},
    description=(
        "What a model learns from. Frozen, numbered versions of examples: deduplicated, scored, split by file layout "
        "and organization so that nothing is tested on that was trained on, with a card that says what is in them and what "
        "was left out. A version never changes; it is withdrawn when an erasure touched it. Launch with your own "
        "parameters below, or `leads dataset generate`."
    ),
)
def training_datasets(context: dg.AssetExecutionContext, config: DatasetConfig, leads: Leads) -> dg.MaterializeResult:
    """Builds what was asked for: by this launch, or by requests that wait."""
    only = None if config.requested else ask(leads.database, config)
    built: list[Built] = []
    problems: list[LeadsError] = []
    while True:
        with leads.database.transaction(SYSTEM) as transaction:
            request = dataset_requests.take(transaction, context.run.run_id, only)
        if request is None:
            break
        outcome = build_requested(leads.database, leads.settings, request)
        if isinstance(outcome, LeadsError):
            problems.append(outcome)
            context.log.warning("Request %s: %s", request.id, outcome.detail)
        else:
            built.append(outcome)
            context.log.info(
                "Version %s, %s examples%s.",
                outcome.dataset.version,
                outcome.dataset.example_count,
                ", the same as before" if outcome.unchanged else "",
            )
    if only is not None and problems:
        raise dg.Failure(problems[0].detail)
    metadata: dict[str, Any] = {"built": len(built), "refused": len(problems)}
    if built:
        metadata |= metadata_of(built[-1]) | {"card": dg.MetadataValue.md(card_of(built[-1]))}
    return dg.MaterializeResult(metadata=metadata)


def card_of(built: Built) -> str:
    """The card, for a person."""
    dataset = built.dataset
    lines = [
        f"### Version {dataset.version} ({dataset.organization or 'shared'})",
        f"{dataset.example_count:,} examples of {dataset.counts['templates']:,} layouts. Quality {dataset.quality_score}.",
        "",
        *(f"- −{reason['points']:g}: {reason['detail']}" for reason in dataset.quality_reasons),
        "",
        "| lead field | examples |",
        "|---|---:|",
        *(f"| {name or 'no target'} | {count:,} |" for name, count in list(dataset.card["fields"].items())[:20]),
        "",
        "Left out: "
        + (", ".join(f"{count:,} {why}" for why, count in dataset.card["left_out"].items() if count) or "nothing")
        + ".",
    ]
    return "\n".join(lines)


@dg.asset_check(
    asset="training_datasets",
    name="no_personal_data",
    blocking=True,
    description=(
        "Looks at every header and surrogate of the version once more: e-mail addresses, phone numbers, IBANs, cards, ids, "
        "names, and any word that is neither made up nor public. A version with a finding is withdrawn, and nothing "
        "downstream learns from it."
    ),
)
def no_personal_data(context: dg.AssetCheckExecutionContext, leads: Leads) -> dg.AssetCheckResult:
    """Re-scans what this run has built, or the newest version of every scope where it built nothing."""
    with leads.database.transaction(SYSTEM) as transaction:
        versions = datasets.built_by(transaction, context.run.run_id) or datasets.newest_of_all(transaction)
    found: dict[str, int] = {}
    for version in versions:
        with leads.database.transaction(SYSTEM) as transaction:
            for kind, count in scan(transaction, version).items():
                found[kind] = found.get(kind, 0) + count
                datasets.withdraw(transaction, version, "A scan found personal data in it.")
            withdrawal.settle(transaction)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"versions": len(versions), **{f"found/{kind}": count for kind, count in sorted(found.items())}},
        description=None if not found else "Personal data was found; the version is withdrawn.",
    )


generate_training_dataset = dg.define_asset_job(
    DATASET_JOB,
    selection=dg.AssetSelection.assets(training_examples, training_datasets),
    description="Brings the examples up to date and freezes the next version of a training dataset.",
)


@dg.sensor(
    name="dataset_requests",
    job=generate_training_dataset,
    minimum_interval_seconds=EVERY_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Picks up what was asked for by `POST /training/generate-dataset`.",
)
def requested_datasets(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run when a request waits and none is starting, or at work: that one builds whatever was asked for by then."""
    with leads.database.transaction(SYSTEM) as transaction:
        waiting = dataset_requests.waiting(transaction)
    if not waiting:
        return dg.SkipReason("No dataset was asked for.")
    statuses = [*ON_ITS_WAY, dg.DagsterRunStatus.STARTED]
    if context.instance.get_runs_count(dg.RunsFilter(job_name=generate_training_dataset.name, statuses=statuses)):
        return dg.SkipReason(f"{waiting} requests wait; a run is at it.")
    return dg.RunRequest(run_config=run_config(DatasetConfig(requested=True)))


def run_config(config: DatasetConfig) -> dict[str, Any]:
    """The job's run configuration for these parameters."""
    members = config.model_dump(exclude_none=True)
    return {"ops": {"training_datasets": {"config": members}}}


def refresh_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that keeps the shared dataset up to date."""

    @dg.schedule(
        name="refresh_training_dataset",
        job=generate_training_dataset,
        cron_schedule=settings.dataset_schedule,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Freezes the next version of the shared training dataset when there is something new.",
    )
    def refresh_training_dataset(leads: Leads) -> dg.RunRequest | dg.SkipReason:
        with leads.database.transaction(SYSTEM) as transaction:
            sharing = datasets.organizations_in(transaction)
            there = examples.due_count(transaction) or datasets.has_news(transaction, sharing)
        if not sharing:
            return dg.SkipReason("No organization shares its training data.")
        if not there:
            return dg.SkipReason("Nobody has answered since the newest version.")
        return dg.RunRequest(run_config=run_config(DatasetConfig()))

    return refresh_training_dataset
