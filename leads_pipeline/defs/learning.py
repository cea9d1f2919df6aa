"""Mapping models in Dagster: the asset, the proof that corrections acted, the job, its schedule and sensor."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field

from leads_pipeline.defs.intake import EVERY_LOOK_SECONDS, ON_ITS_WAY
from leads_pipeline.defs.launchpad import Launchpad
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.serving import register_shipped
from leads_pipeline.defs.shelves import LEARNING, OWNERS
from leads_pipeline.defs.training import SEED, plan, train, train_requested
from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.settings import Settings
from leads_pipeline.store import lessons, model_requests, models, organizations, withdrawal
from leads_pipeline.store.database import SYSTEM, Transaction
from leads_pipeline.store.models import Model
from leads_pipeline.wording import counted

ENOUGH_RIGHT = 0.8
"""The share of corrections in the training split that a new model should get right on their own files."""


class TrainingConfig(Launchpad):
    """What to train. As it stands: the shared model, from the newest shared dataset."""

    organization: str | None = Field(
        default=None,
        description="The organization that the model is for, by name; left out: all that share training data.",
    )
    dataset: int | None = Field(default=None, ge=1, description="The dataset's version; left out: the newest in force.")
    seed: int = Field(default=SEED, ge=0, le=2**62, description="The same dataset and seed make the same model.")
    requested: bool = Field(
        default=False,
        description="Train what was asked for by REST and still waits, and nothing else: the sensor says so.",
    )


def owner_of(transaction: Transaction, name: str | None) -> UUID | None:
    """The organization called so, None for none. Raises `NotFound`."""
    if name is None:
        return None
    owner = organizations.organization_named(transaction, name)
    if owner is None:
        raise NotFound(f"There is no organization {name}.")
    return owner


@dg.asset(
    name="mapping_models",
    deps=["training_datasets"],
    group_name=LEARNING,
    owners=OWNERS,
    kinds={"postgres", "numpy"},
    output_required=False,
    description=(
        "What maps unseen columns. Trained from a dataset, starting from the shipped model, and compared with the "
        "champion column by column on layouts that neither has learned from. A model that is worse on a field that matters "
        "is rejected, with the reason; another becomes a candidate. `leads models promote` makes it the champion from the "
        "next upload on, `leads models rollback` goes back. Launch below, or by `POST /training/retrain`."
    ),
)
def mapping_models(
    context: dg.AssetExecutionContext, config: TrainingConfig, leads: Leads
) -> Iterator[dg.MaterializeResult]:
    """Trains, and keeps what comes of it as a candidate or as rejected. What is refused leaves the asset as it is."""
    register_shipped(leads.database)
    with leads.database.transaction(SYSTEM) as transaction:
        withdrawal.settle(transaction)
    for model in _asked_for(context, leads) if config.requested else [_launched(context, config, leads)]:
        context.log.info("Model %s is %s. %s", model.version, model.status, model.reason or "")
        yield dg.MaterializeResult(metadata=metadata_of(model))


def _launched(context: dg.AssetExecutionContext, config: TrainingConfig, leads: Leads) -> Model:
    try:
        with leads.database.transaction(SYSTEM) as transaction:
            owner = owner_of(transaction, config.organization)
            planned = plan(transaction, owner, version=config.dataset, seed=config.seed)
        return train(leads.database, planned, context.run.run_id, progress=context.log.info)
    except LeadsError as problem:
        raise dg.Failure(problem.detail, allow_retries=False) from problem


def _asked_for(context: dg.AssetExecutionContext, leads: Leads) -> list[Model]:
    """Train what waits; the newest of what came of it."""
    trained: list[Model] = []
    while True:
        with leads.database.transaction(SYSTEM) as transaction:
            request = model_requests.take(transaction, context.run.run_id)
        if request is None:
            return trained[-1:]
        outcome = train_requested(leads.database, request, context.run.run_id, progress=context.log.info)
        if isinstance(outcome, LeadsError):
            context.log.warning("Request %s: %s", request.id, outcome.detail)
        else:
            trained.append(outcome)


def metadata_of(model: Model) -> dict[str, Any]:
    """What Dagster shows of a model."""
    shown: dict[str, Any] = {
        "version": model.version,
        "name": model.name,
        "status": model.status,
        "scope": model.organization or "shared",
        "dataset": model.dataset_version or 0,
        "seconds": model.metrics["seconds"],
        **({} if model.reason is None else {"reason": model.reason}),
        "comparison": dg.MetadataValue.md(comparison_of(model)),
        **({"kin": dg.MetadataValue.md(kin_table(model))} if model.metrics.get("kin") else {}),
    }
    for name in SETS:
        found = model.metrics[name]
        if found["columns"]:
            shown |= {f"{name}/accuracy": found["candidate"], f"{name}/difference": found["difference"]}
    return shown


SETS = ("golden set", "held-out layouts", "shipped layouts")


def comparison_of(model: Model) -> str:
    """Champion and candidate beside each other, for a person."""
    lines = ["| on | columns | champion, candidate | difference (95 %) |", "|---|---:|---:|---:|"]
    for name in SETS:
        found = model.metrics[name]
        if not found["columns"]:
            lines.append(f"| {name} | 0 | | nothing fell to it |")
            continue
        low, high = found["interval"]
        lines.append(
            f"| {name} | {found['columns']:,} | {found['champion']:.1%}, {found['candidate']:.1%} | "
            f"{found['difference']:+.1%} ({low:+.1%} to {high:+.1%}) |"
        )
    return "\n".join(lines)


def kin_table(model: Model) -> str:
    """The fields of the organization's own that the model knows by kin, for a person."""
    lines = ["| field of their own | people use it like |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {kin} |" for name, kin in sorted(model.metrics["kin"].items()))])


@dg.asset_check(
    asset="mapping_models",
    name="corrections_acted",
    description=(
        "Of what people corrected since the model before: how much entered the dataset, how much of that the new model gets "
        "right on its own file and with the header written otherwise, and what not, with the reason. Warns when corrections "
        "were lost on the way."
    ),
)
def corrections_acted(context: dg.AssetCheckExecutionContext, leads: Leads) -> dg.AssetCheckResult:
    """Proves that the loop is closed, by the model that this run has trained or the newest."""
    with leads.database.transaction(SYSTEM) as transaction:
        model = models.made_by(transaction, context.run.run_id) or models.newest_of_all(transaction)
    if model is None:
        return dg.AssetCheckResult(passed=True, description="No model was trained yet.")
    proof = model.metrics["corrections"]
    held_out = proof["reasons"].get(HELD_OUT, 0)
    taught = proof["tried"] - held_out
    passed = proof["corrections"] == 0 or (proof["entered"] > 0 and proof["right"] >= ENOUGH_RIGHT * taught)
    counts = {name: proof[name] for name in ("corrections", "entered", "tried", "right", "variants", "variants_right")}
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"model": model.version, **counts, "not_right": dg.MetadataValue.md(_failures(proof))},
        description=(
            f"{proof['entered']} of {proof['corrections']} corrections entered the dataset; model {model.version} gets "
            f"{proof['right']} of {proof['tried']} right on their own files and {proof['variants_right']} of "
            f"{proof['variants']} variants of their headers."
        ),
    )


HELD_OUT = "its layout is held out, to judge models by"


def _failures(proof: dict[str, Any]) -> str:
    lines = ["| header | people said | the model says | why |", "|---|---|---|---|"]
    for each in proof["not_right"]:
        header = str(each["header"]).replace("|", "\\|")
        lines.append(
            f"| {header} | {each['target'] or 'no target'} | {each['model'] or 'no target'} | {each['reason']} |"
        )
    return "\n".join(lines) if proof["not_right"] else "Every correction acted."


retrain_mapping_model = dg.define_asset_job(
    "retrain_mapping_model",
    selection=dg.AssetSelection.assets(mapping_models),
    description="Trains a model from a dataset, compares it with the champion, and keeps it as a candidate or rejected.",
)


@dg.sensor(
    name="model_requests",
    job=retrain_mapping_model,
    minimum_interval_seconds=EVERY_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Picks up what was asked for by `POST /training/retrain`.",
)
def requested_models(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run when a request waits and none is starting."""
    with leads.database.transaction(SYSTEM) as transaction:
        waiting = model_requests.waiting(transaction)
    if not waiting:
        return dg.SkipReason("No model was asked for.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=retrain_mapping_model.name, statuses=ON_ITS_WAY)):
        return dg.SkipReason(f"{waiting} requests wait; a run is starting.")
    return dg.RunRequest(run_config=training_run_config(TrainingConfig(requested=True)))


def training_run_config(config: TrainingConfig) -> dict[str, Any]:
    """The job's run configuration for these choices."""
    return {"ops": {"mapping_models": {"config": config.model_dump(exclude_none=True)}}}


@dataclass(frozen=True, slots=True)
class _Due:
    """A scope with something that a model may learn from: whose, which dataset, and why now."""

    organization: str | None
    dataset: int
    corrections: int
    lost: bool


def _due(transaction: Transaction) -> list[_Due]:
    """Scopes with new corrections, and those whose newest model is withdrawn, where a model can be trained."""
    lost = {row["organization_id"]: row["organization"] for row in withdrawal.to_rebuild(transaction)}
    news = {row["organization_id"]: row for row in lessons.news(transaction)}
    names = {**{owner: row["organization"] for owner, row in news.items()}, **lost}
    found: list[_Due] = []
    for owner, name in names.items():
        try:
            planned = plan(transaction, owner)
        except LeadsError:
            continue
        corrections = news[owner]["corrections"] if owner in news else 0
        found.append(_Due(name, planned.dataset.version, corrections, owner in lost))
    return found


@dg.sensor(
    name="corrections_to_learn",
    job=retrain_mapping_model,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Trains a model when a dataset holds enough corrections that no model has learned from, and one in place of a "
        "model whose dataset was withdrawn, as when an upload in it is deleted; has that dataset built again first."
    ),
)
def corrections_to_learn(context: dg.SensorEvaluationContext, leads: Leads) -> dg.SensorResult | dg.SkipReason:
    """Asks for a run for each scope with enough news, or whose newest model was withdrawn."""
    with leads.database.transaction(SYSTEM) as transaction:
        withdrawal.settle(transaction)
        withdrawal.ask_again(transaction)
    at_it = [*ON_ITS_WAY, dg.DagsterRunStatus.STARTED]
    if context.instance.get_runs_count(dg.RunsFilter(job_name=retrain_mapping_model.name, statuses=at_it)):
        return dg.SkipReason("A run is at it.")
    with leads.database.transaction(SYSTEM) as transaction:
        due = _due(transaction)
    enough = leads.settings.training_corrections
    asked = [each for each in due if each.lost or each.corrections >= enough]
    if not asked:
        most = max((each.corrections for each in due), default=0)
        return dg.SkipReason(
            f"The newest datasets hold {counted(most, 'new correction')}; {enough} have a model trained."
        )
    return dg.SensorResult(run_requests=[_request(each) for each in asked])


def training_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that trains each week."""

    @dg.schedule(
        name="train_weekly",
        job=retrain_mapping_model,
        cron_schedule=settings.training_schedule,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Trains a model for each scope whose newest dataset holds something new.",
    )
    def train_weekly(leads: Leads) -> list[dg.RunRequest] | dg.SkipReason:
        with leads.database.transaction(SYSTEM) as transaction:
            due = _due(transaction)
        if not due:
            return dg.SkipReason("No dataset holds anything that the last model has not learned from.")
        return [_request(each) for each in due]

    return train_weekly


def _request(due: _Due) -> dg.RunRequest:
    # One run for each scope and dataset: what failed once would fail again.
    return dg.RunRequest(
        run_key=f"{due.organization or ''} {due.dataset}",
        run_config=training_run_config(TrainingConfig(organization=due.organization)),
    )
