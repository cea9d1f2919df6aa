"""Fine-tuning at a service: one row for each model that was asked for, from the wish to the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

OPEN = ("waiting", "training", "evaluating")
_KIND = "fine_tuning_job"


@dataclass(frozen=True, slots=True)
class FineTuningJob:
    """A job. `organization_id` None: of the shared dataset; `evaluation` holds counts, empty before it began."""

    id: UUID
    organization_id: UUID | None
    organization: str | None
    dataset_id: UUID | None
    dataset_version: int | None
    base_model: str
    state: str
    cancel_asked: bool
    service_job: str | None
    service_files: Sequence[str]
    service_status: str | None
    trained_tokens: int | None
    events: Sequence[str]
    checkpoints: Sequence[str]
    model: str | None
    evaluation: Mapping[str, Any]
    problem: Mapping[str, Any] | None
    created_at: datetime
    changed_at: datetime


def ask(transaction: Transaction, organization: UUID | None, dataset: UUID, base_model: str) -> UUID:
    """Leave the wish to fine-tune a model on a dataset."""
    job = new_id()
    transaction.run(
        """INSERT INTO fine_tuning_jobs (id, organization_id, dataset_id, base_model)
           VALUES (:id, :organization, :dataset, :model)""",
        id=job,
        organization=organization,
        dataset=dataset,
        model=base_model,
    )
    audit.record(
        transaction, "fine_tuning.requested", (_KIND, job), organization=organization, details={"dataset": str(dataset)}
    )
    return job


def get(transaction: Transaction, job: UUID) -> FineTuningJob:
    """Raises `NotFound`."""
    row = transaction.first(f"{_SELECT} WHERE j.id = :id", id=job)
    if row is None:
        raise NotFound(f"There is no fine-tuning job {job}; `leads fine-tune list` shows them.")
    return FineTuningJob(**row)


def jobs(transaction: Transaction, *, only_open: bool = False, limit: int = 100) -> list[FineTuningJob]:
    """The newest first; those that are open, oldest first."""
    where, order = ("WHERE j.state = ANY(:open)", "ASC") if only_open else ("", "DESC")
    values = {"open": list(OPEN)} if only_open else {}
    rows = transaction.all(f"{_SELECT} {where} ORDER BY j.created_at {order} LIMIT :limit", limit=limit, **values)
    return [FineTuningJob(**row) for row in rows]


def ask_to_cancel(transaction: Transaction, job: UUID) -> None:
    """Leave the wish to cancel a job; one that has ended stays as it is."""
    found = transaction.first(
        """UPDATE fine_tuning_jobs SET cancel_asked_at = now() WHERE id = :id AND state = ANY(:open)
           RETURNING organization_id""",
        id=job,
        open=list(OPEN),
    )
    if found is not None:
        audit.record(transaction, "fine_tuning.cancel_asked", (_KIND, job), organization=found["organization_id"])


def change(transaction: Transaction, job: UUID, **members: Any) -> None:
    """Write what is known of a job now: columns of the table, JSON among them."""
    in_json = {"events", "checkpoints", "evaluation", "problem"}
    assignments = ", ".join(
        f"{name} = CAST(:{name} AS jsonb)" if name in in_json else f"{name} = :{name}" for name in members
    )
    values = {name: as_json(value) if name in in_json else value for name, value in members.items()}
    organization = transaction.value(
        f"UPDATE fine_tuning_jobs SET {assignments}, changed_at = now() WHERE id = :id RETURNING organization_id",
        id=job,
        **values,
    )
    if "state" in members:
        audit.record(transaction, f"fine_tuning.{members['state']}", (_KIND, job), organization=organization)


def fail(transaction: Transaction, job: UUID, problem: LeadsError) -> None:
    change(transaction, job, state="failed", problem=problem.as_problem())


_SELECT = """SELECT j.id, j.organization_id, o.name AS organization, j.dataset_id, d.version AS dataset_version, j.base_model,
        j.state, j.cancel_asked_at IS NOT NULL AS cancel_asked, j.service_job, j.service_files, j.service_status,
        j.trained_tokens, j.events, j.checkpoints, j.model, j.evaluation, j.problem, j.created_at, j.changed_at
    FROM fine_tuning_jobs j LEFT JOIN organizations o ON o.id = j.organization_id
    LEFT JOIN training_datasets d ON d.id = j.dataset_id"""
