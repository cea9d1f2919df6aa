"""Requests for training datasets: rows that wait until a run builds what they ask for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.store import requests
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.requests import Kind

DATASET = Kind("dataset", lease=timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, and what became of it. `organization_id` None: by an operator."""

    id: UUID
    organization_id: UUID | None
    parameters: Mapping[str, Any]
    state: str
    attempts: int
    dataset_id: UUID | None
    dataset_version: int | None
    unchanged: bool
    problem: Mapping[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


def ask(transaction: Transaction, organization: UUID | None, parameters: Mapping[str, Any]) -> UUID:
    """Leave a request."""
    return requests.ask(transaction, DATASET, organization, parameters, {"scope": parameters.get("scope")})


def wait_for(database: Database, request: UUID) -> Request:
    """The request, once nobody is at work on it any more, or after the length of a lease.

    A run that took it away from the one that was started for it may still be building.
    """
    deadline = time.monotonic() + DATASET.lease.total_seconds()
    while True:
        with database.transaction(SYSTEM) as transaction:
            found = get(transaction, request)
        if found.state not in ("waiting", "running") or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def waiting(transaction: Transaction) -> int:
    """How many could be taken now."""
    return requests.waiting(transaction, DATASET)


def take(transaction: Transaction, run_id: str, request: UUID | None = None) -> Request | None:
    """Take the oldest that waits or whose lease has run out, or a certain one; None when there is none."""
    taken = requests.take(transaction, DATASET, run_id, request)
    return None if taken is None else get(transaction, taken)


def done(transaction: Transaction, request: UUID, dataset: UUID, *, unchanged: bool) -> None:
    """The dataset is there; `unchanged` says that it was there before."""
    requests.done(transaction, DATASET, request, dataset)
    transaction.run(
        "UPDATE dataset_requests SET unchanged = :unchanged WHERE id = :id", id=request, unchanged=unchanged
    )


def fail(transaction: Transaction, request: UUID, problem: LeadsError) -> None:
    """It cannot be built, and the request says why."""
    requests.fail(transaction, DATASET, request, problem)


def get(transaction: Transaction, request: UUID) -> Request:
    """Raises `NotFound` for a request that is not this scope's."""
    row = transaction.first(
        """SELECT r.id, r.organization_id, r.parameters, r.state, r.attempts, r.dataset_id, d.version AS dataset_version,
                  r.unchanged, r.problem, r.created_at, r.finished_at
           FROM dataset_requests r LEFT JOIN training_datasets d ON d.id = r.dataset_id WHERE r.id = :id""",
        id=request,
    )
    if row is None:
        raise NotFound(f"There is no request {request} for a training dataset.")
    return Request(**row)
