"""Fine-tuning at a service, off by default: from a frozen dataset to a verdict about the model that came of it.

    waiting      the model is looked up, files are sent, the job is started     a run
    training     the service is at it                                          looked at every minute, by the sensor
    evaluating   the model is asked about columns that it was not trained on    a run
    candidate, rejected, failed, cancelled

The row says where a job stands; every step can be begun again. So worker, run and service may die at any point.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import dagster as dg
import structlog

from leads_pipeline.defs.building import rows_of
from leads_pipeline.defs.intake import ON_ITS_WAY
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import MAPPING, OWNERS
from leads_pipeline.errors import (
    DatasetRefused,
    FineTuningRefused,
    LeadsError,
    NotFound,
    ServiceUnavailable,
    SetupProblem,
)
from leads_pipeline.mapping.definitions import Gain
from leads_pipeline.providers.fine_tuning import FineTuning
from leads_pipeline.settings import Settings
from leads_pipeline.store import datasets, fine_tuning
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.datasets import Dataset
from leads_pipeline.store.fine_tuning import FineTuningJob
from leads_pipeline.training import dataset_files
from leads_pipeline.wording import be, counted

log = structlog.get_logger()

LASTS = timedelta(days=90)
"""A model that is gone sooner is not worth tuning, and one in use is warned of."""
MOST_ASKED = 300
"""Columns that a model is evaluated on: at a few cents, its accuracy within about 5 points."""
FEWEST_MISTAKES = 5
"""Of the mapping, in the test split: if a model makes all of them right, that is no chance any more at 5 %."""
AT_ONCE = 4
SEED = 1
NO_ANSWER = "no answer"
"""What stands where the service's own word for a job would, until it answers again."""


def ask(database: Database, settings: Settings, *, owner: UUID | None, version: int | None, today: date) -> UUID:
    """Leave the wish to fine-tune on a dataset, the newest of its scope unless a version is named.

    Raises a `LeadsError` in a sentence where that is known to be in vain: it is switched off, the dataset is withdrawn or
    too small, or the model is unknown or gone within 90 days.
    """
    model = settings.fine_tuning_model
    if model is None:
        raise SetupProblem("Fine-tuning is off; LEADS_FINE_TUNING_MODEL names the model to be tuned.")
    with database.transaction(SYSTEM) as transaction:
        found = (
            datasets.newest(transaction, owner)
            if version is None
            else datasets.dataset_numbered(transaction, owner, version)
        )
        if found is None:
            whose = "shared training dataset" if owner is None else "training dataset of this organization"
            raise NotFound(f"There is no {whose} yet; `leads dataset generate` builds one.")
        _require_fit(transaction, found)
    with FineTuning(settings) as service:
        require_lasting(service.shutdown_dates(), model, today)
    with database.transaction(SYSTEM) as transaction:
        return fine_tuning.ask(transaction, owner, found.id, model)


def require_lasting(models: Mapping[str, date | None], model: str, today: date) -> None:
    """Raise `FineTuningRefused` unless the service has the model, and keeps it for 90 days."""
    if model not in models:
        raise FineTuningRefused(
            f"The service does not offer the model {model}; LEADS_FINE_TUNING_MODEL names one that it lists.",
            code="model_unknown",
        )
    ends = models[model]
    if ends is not None and ends - today < LASTS:
        raise FineTuningRefused(
            f"{model} is shut down on {ends}, {_in_days(ends, today)}, and what is tuned from it goes with it. Choose a model "
            "that stays for 90 days at least.",
            code="model_shutting_down",
        )


def follow(database: Database, settings: Settings) -> int:
    """Look at every job that a service is at, and carry out wishes to cancel; how many runs have something to do."""
    with database.transaction(SYSTEM) as transaction:
        found = fine_tuning.jobs(transaction, only_open=True)
    if not found:
        return 0
    with FineTuning(settings) as service:
        for job in found:
            with _outcome(database, job):
                if job.cancel_asked:
                    _cancel(database, service, job)
                elif job.state == "training":
                    _look(database, service, job)
    with database.transaction(SYSTEM) as transaction:
        left = fine_tuning.jobs(transaction, only_open=True)
    return sum(job.state != "training" for job in left)


def work(database: Database, settings: Settings, *, today: date) -> int:
    """Start what waits, and evaluate what is trained; how many jobs went on."""
    with database.transaction(SYSTEM) as transaction:
        found = [job for job in fine_tuning.jobs(transaction, only_open=True) if job.state != "training"]
    if found:
        with FineTuning(settings) as service:
            for job in found:
                with _outcome(database, job):
                    if job.state == "waiting":
                        _start(database, service, job, today)
                    else:
                        _evaluate(database, service, job)
    return len(found)


@contextmanager
def _outcome(database: Database, job: FineTuningJob) -> Iterator[None]:
    """An error of ours is the job's outcome; a service that does not answer is asked again."""
    try:
        yield
    except ServiceUnavailable as error:
        log.warning("the fine-tuning service does not answer", job=str(job.id), detail=error.detail)
        with database.transaction(SYSTEM) as transaction:
            fine_tuning.change(transaction, job.id, service_status=NO_ANSWER)
    except LeadsError as error:
        log.warning("fine-tuning ended", job=str(job.id), code=error.code)
        with database.transaction(SYSTEM) as transaction:
            fine_tuning.fail(transaction, job.id, error)


def _start(database: Database, service: FineTuning, job: FineTuningJob, today: date) -> None:
    require_lasting(service.shutdown_dates(), job.base_model, today)
    with database.transaction(SYSTEM) as transaction:
        dataset = _dataset_of(transaction, job)
    with TemporaryDirectory(prefix="leads-fine-tuning-") as directory:
        files: list[str] = []
        for split in ("train", "validation"):
            if split == "validation" and not dataset.counts["splits"].get(split):
                continue
            path = Path(directory) / split
            with path.open("wb") as file, database.transaction(SYSTEM) as transaction:
                for block in dataset_files.write(rows_of(transaction, dataset.id), "chat", split=split):
                    file.write(block)
            files.append(service.upload(job.id, split, path))
    training, validation = files[0], files[1] if len(files) > 1 else None
    started = service.start(job.id, model=job.base_model, training=training, validation=validation, seed=SEED)
    with database.transaction(SYSTEM) as transaction:
        fine_tuning.change(
            transaction, job.id, state="training", service_job=started, service_files=files, service_status=None
        )


def _look(database: Database, service: FineTuning, job: FineTuningJob) -> None:
    assert job.service_job is not None, "what is trained has a job at the service"
    seen = service.look(job.service_job)
    if seen.ended:
        service.forget(job.service_files)
    known = {
        "service_status": seen.status,
        "events": list(seen.events),
        "checkpoints": list(seen.checkpoints),
        "trained_tokens": seen.trained_tokens,
        "model": seen.model,
    }
    with database.transaction(SYSTEM) as transaction:
        if seen.status == "succeeded" and seen.model:
            fine_tuning.change(transaction, job.id, state="evaluating", **known)
        elif seen.status == "cancelled":
            fine_tuning.change(transaction, job.id, state="cancelled", **known)
        elif seen.ended:
            fine_tuning.change(transaction, job.id, **known)
            why = FineTuningRefused(f"The service could not train it: {(seen.error or 'it gives no reason')[:300]}")
            fine_tuning.fail(transaction, job.id, why)
        else:
            fine_tuning.change(transaction, job.id, **known)


def _cancel(database: Database, service: FineTuning, job: FineTuningJob) -> None:
    # A run may have started it and died before it could say so.
    started = job.service_job or service.started(job.id)
    if started is not None and not service.look(started).ended:
        service.cancel(started)
    service.forget(job.service_files)
    with database.transaction(SYSTEM) as transaction:
        fine_tuning.change(transaction, job.id, state="cancelled")


def _evaluate(database: Database, service: FineTuning, job: FineTuningJob) -> None:
    """Ask the model about columns of the test split, and weigh it against what the mapping had proposed for them."""
    assert job.model is not None, "a model that is evaluated has a name"
    with database.transaction(SYSTEM) as transaction:
        dataset = _dataset_of(transaction, job)
        # The same columns whenever it is begun again, and of any dataset no more than these in memory.
        asked = heapq.nsmallest(
            MOST_ASKED,
            dataset_files.questions(rows_of(transaction, dataset.id), "test"),
            key=lambda each: sha256(each[0].id.encode()).digest(),
        )
    model = job.model
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda each: service.answer(model, each[1]), asked))
    gain = Gain.of(
        (row.predicted == row.target, answer == (row.target or dataset_files.NO_TARGET))
        for (row, _), answer in zip(asked, said, strict=True)
    )
    evaluation = {
        **asdict(gain),
        "by_chance": gain.by_chance,
        "of": "columns of the test split, as the mapping proposed them",
    }
    state = "candidate" if gain.proven else "rejected"
    with database.transaction(SYSTEM) as transaction:
        fine_tuning.change(transaction, job.id, state=state, evaluation=evaluation)


def _dataset_of(transaction: Transaction, job: FineTuningJob) -> Dataset:
    if job.dataset_id is None:
        raise FineTuningRefused("The dataset that it was to learn from is deleted.")
    found = datasets.dataset(transaction, job.dataset_id)
    _require_fit(transaction, found)
    return found


def _require_fit(transaction: Transaction, found: Dataset) -> None:
    datasets.require_in_force(found)
    dataset_files.require_enough(found.counts, "chat", "train")
    mistakes = datasets.mistakes(transaction, found.id, "test")
    if mistakes < FEWEST_MISTAKES:
        raise DatasetRefused(
            f"No model could prove that it is better: of the {counted(found.counts['splits'].get('test', 0), 'column')} that "
            f"dataset {found.version} holds out, the mapping had {mistakes} wrong, and {FEWEST_MISTAKES} are needed. Review "
            "files of more layouts."
        )


def _in_days(day: date, today: date) -> str:
    days = (day - today).days
    many = counted(abs(days), "day")
    return f"in {many}" if days > 0 else "today" if days == 0 else f"{many} ago"


# --- What Dagster sees ---------------------------------------------------------------------------------------------


@dg.op(name="fine_tune_models", description="Starts what waits, evaluates what is trained.")
def fine_tune_models(context: dg.OpExecutionContext, leads: Leads) -> None:
    """Goes on with every job that is not the service's to go on with."""
    context.log.info("%s jobs went on.", work(leads.database, leads.settings, today=datetime.now(UTC).date()))


@dg.job(
    name="fine_tune",
    description="Sends training datasets to a fine-tuning service, and evaluates what comes back. The sensor "
    "`fine_tuning_jobs` starts it for what `leads fine-tune start` asks for.",
)
def fine_tune() -> None:
    """One step, since each job is a row that says where it stands."""
    fine_tune_models()


@dg.sensor(
    name="fine_tuning_jobs",
    job_name=fine_tune.name,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Follows models that a service is fine-tuning (`LEADS_FINE_TUNING_MODEL`), restarts in between or not.",
)
def fine_tuning_jobs(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Looks at what is being trained, and asks for a run when something is to be sent or evaluated."""
    if leads.settings.openai_api_key is None:
        return dg.SkipReason("OPENAI_API_KEY is not set.")
    waiting = follow(leads.database, leads.settings)
    if not waiting:
        return dg.SkipReason("No model waits to be trained or evaluated.")
    statuses = [*ON_ITS_WAY, dg.DagsterRunStatus.STARTED]
    if context.instance.get_runs_count(dg.RunsFilter(job_name=fine_tune.name, statuses=statuses)):
        return dg.SkipReason(f"{counted(waiting, 'model')} {be(waiting, 'waits', 'wait')}; a run is at it.")
    return dg.RunRequest()


language_model = dg.AssetSpec(
    "language_model",
    group_name=MAPPING,
    owners=OWNERS,
    kinds={"openai"},
    description=(
        "Who is asked about columns that stay open. OpenAI's model, or that of a server that speaks its protocol, where "
        "`OPENAI_API_KEY` is set. It is not ours and ends some day: the check looks every day for how long it stays."
    ),
)


@dg.asset_check(
    asset="language_model",
    name="language_model_stays",
    description="Warns 90 days before the models in use, or to be fine-tuned, are shut down by their provider.",
)
def language_model_stays(leads: Leads) -> dg.AssetCheckResult:
    """Reads `shutdown_date` of the models endpoint."""
    settings = leads.settings
    if settings.openai_api_key is None:
        return dg.AssetCheckResult(passed=True, description="No language model is used.")
    try:
        with FineTuning(settings) as service:
            known = service.shutdown_dates()
    except LeadsError as error:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=error.detail)
    today = datetime.now(UTC).date()
    warnings = [_warning(model, known, today) for model in models_in_use(settings, known)]
    said = [warning for warning in warnings if warning]
    return dg.AssetCheckResult(
        passed=not said,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(said) or "Every model in use stays for 90 days at least, as far as is announced.",
        metadata={model: str(known.get(model) or "no end announced") for model in models_in_use(settings, known)},
    )


def models_in_use(settings: Settings, known: Mapping[str, date | None]) -> Sequence[str]:
    """The models of the endpoints that are called, and the one to be fine-tuned. With `auto`, those that there are."""
    endpoints = {
        "decisions": settings.llm_decisions_model,
        "responses": settings.llm_responses_model,
    }
    chosen = [model for name, model in endpoints.items() if settings.llm_endpoint in ("auto", name)]
    if settings.llm_endpoint == "auto" and any(model in known for model in chosen):
        chosen = [model for model in chosen if model in known]
    return list(dict.fromkeys([*chosen, *([settings.fine_tuning_model] if settings.fine_tuning_model else [])]))


def _warning(model: str, known: Mapping[str, date | None], today: date) -> str | None:
    if model not in known:
        return f"The service does not list {model}."
    ends = known[model]
    if ends is None or ends - today >= LASTS:
        return None
    return f"{model} is shut down on {ends}, {_in_days(ends, today)}; choose another one."


check_language_model = dg.define_asset_job(
    "check_language_model",
    selection=dg.AssetSelection.checks(language_model_stays),
    description="Looks whether the language model in use will be there in 90 days.",
)


def language_model_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the daily look."""
    return dg.ScheduleDefinition(
        name="check_language_model_daily",
        job=check_language_model,
        cron_schedule="15 6 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks every day whether the language model in use will be there in 90 days.",
    )
