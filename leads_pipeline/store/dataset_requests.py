"""Requests for training datasets: rows that wait until a run builds what they ask for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError, NotFound
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM, Database, Transaction, as_json
from leads_pipeline.store.ids import new_id

LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 3


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
    request = new_id()
    transaction.run(
        """INSERT INTO dataset_requests (id, organization_id, parameters)
           VALUES (:id, :organization, CAST(:parameters AS jsonb))""",
        id=request,
        organization=organization,
        parameters=as_json(parameters),
    )
    audit.record(
        transaction,
        "dataset.requested",
        ("dataset_request", request),
        organization=organization,
        details={"scope": parameters.get("scope")},
    )
    return request


def wait_for(database: Database, request: UUID) -> Request:
    """The request, once nobody is at work on it any more, or after the length of a lease.

    A run that took it away from the one that was started for it may still be building.
    """
    deadline = time.monotonic() + LEASE.total_seconds()
    while True:
        with database.transaction(SYSTEM) as transaction:
            found = get(transaction, request)
        if found.state not in ("waiting", "running") or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def waiting(transaction: Transaction) -> int:
    """How many could be taken now."""
    return transaction.value(
        """SELECT count(*) FROM dataset_requests
           WHERE state = 'waiting' OR (state = 'running' AND lease_until < now())"""
    )


def take(transaction: Transaction, run_id: str, request: UUID | None = None) -> Request | None:
    """Take the oldest that waits or whose lease has run out, or a certain one; None when there is none.

    One that was taken three times without an outcome fails.
    """
    transaction.run(
        """UPDATE dataset_requests SET state = 'failed', lease_until = NULL, finished_at = now(),
               problem = CAST(:problem AS jsonb)
           WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now()) AND attempts >= :most""",
        most=MOST_ATTEMPTS,
        problem=as_json(
            LeadsError("Every attempt to build the dataset ended before its time.", code="poison").as_problem()
        ),
    )
    taken = transaction.value(
        """UPDATE dataset_requests SET state = 'running', attempts = attempts + 1, lease_until = now() + :lease,
               started_at = now(), dagster_run_id = :run
           WHERE id = (SELECT id FROM dataset_requests
                       WHERE (state = 'waiting' OR (state = 'running' AND lease_until < now()))
                         AND (CAST(:id AS uuid) IS NULL OR id = :id)
                       ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id""",
        lease=LEASE,
        run=run_id,
        id=request,
    )
    return None if taken is None else get(transaction, taken)


def done(transaction: Transaction, request: UUID, dataset: UUID, *, unchanged: bool) -> None:
    """The dataset is there; `unchanged` says that it was there before."""
    transaction.run(
        """UPDATE dataset_requests SET state = 'done', lease_until = NULL, finished_at = clock_timestamp(),
               dataset_id = :dataset, unchanged = :unchanged WHERE id = :id""",
        id=request,
        dataset=dataset,
        unchanged=unchanged,
    )


def fail(transaction: Transaction, request: UUID, problem: LeadsError) -> None:
    transaction.run(
        """UPDATE dataset_requests SET state = 'failed', lease_until = NULL, finished_at = clock_timestamp(),
               problem = CAST(:problem AS jsonb) WHERE id = :id""",
        id=request,
        problem=as_json(problem.as_problem()),
    )


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
