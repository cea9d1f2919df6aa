"""Requests for mapping models: rows that wait until a run trains what they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.store import requests
from leads_pipeline.store.database import Transaction
from leads_pipeline.store.requests import Kind

MODEL = Kind("model", lease=timedelta(minutes=30))


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, and what became of it. `owner` None: the shared model. `dataset` is the version to learn from,
    None for the newest; `model` the version that was made, and `model_status` and `reason` what it is by now, and why.
    """

    id: UUID
    owner: UUID | None
    dataset: int | None
    state: str
    model: int | None
    model_status: str | None
    reason: str | None
    problem: Mapping[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


def ask(transaction: Transaction, owner: UUID | None, dataset: int | None) -> UUID:
    """Leave a request, unless the same is waiting: then that is the one."""
    same = transaction.value(
        """SELECT id FROM model_requests
           WHERE organization_id IS NOT DISTINCT FROM :owner AND state = 'waiting'
             AND CAST(parameters ->> 'dataset' AS integer) IS NOT DISTINCT FROM :dataset
           ORDER BY created_at LIMIT 1""",
        owner=owner,
        dataset=dataset,
    )
    return same or requests.ask(transaction, MODEL, owner, {"dataset": dataset}, {"dataset": dataset})


def waiting(transaction: Transaction) -> int:
    """How many could be taken now."""
    return requests.waiting(transaction, MODEL)


def take(transaction: Transaction, run_id: str) -> Request | None:
    """Take the oldest that waits or whose lease has run out; None when there is none."""
    taken = requests.take(transaction, MODEL, run_id)
    return None if taken is None else get(transaction, taken)


def done(transaction: Transaction, request: UUID, model: UUID) -> None:
    """The model is there."""
    requests.done(transaction, MODEL, request, model)


def fail(transaction: Transaction, request: UUID, problem: LeadsError) -> None:
    """No model was trained, and the request says why."""
    requests.fail(transaction, MODEL, request, problem)


def get(transaction: Transaction, request: UUID) -> Request:
    """Raises `NotFound` for a request that is not this scope's."""
    row = transaction.first(
        """SELECT r.id, r.organization_id AS owner, CAST(r.parameters ->> 'dataset' AS integer) AS dataset, r.state,
                  m.version AS model, m.status AS model_status, m.reason, r.problem, r.created_at, r.finished_at
           FROM model_requests r LEFT JOIN mapping_models m ON m.id = r.model_id WHERE r.id = :id""",
        id=request,
    )
    if row is None:
        raise NotFound(f"There is no request {request} for a model.")
    return Request(**row)
