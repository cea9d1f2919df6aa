"""What people ask for and a run makes later, a training dataset or a model: rows that wait until a run takes them.

A run that has taken one holds it for the length of a lease. Three that end without an outcome fail it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.errors import LeadsError
from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be asked for: `makes` names it, its table and its events."""

    makes: str
    lease: timedelta

    @property
    def table(self) -> str:
        return f"{self.makes}_requests"


def ask(
    transaction: Transaction,
    kind: Kind,
    organization: UUID | None,
    parameters: Mapping[str, Any],
    details: Mapping[str, audit.Detail],
) -> UUID:
    """Leave a request; `organization` None: by an operator. `details` are what the audit trail tells of it."""
    request = new_id()
    transaction.run(
        f"""INSERT INTO {kind.table} (id, organization_id, parameters)
            VALUES (:id, :organization, CAST(:parameters AS jsonb))""",
        id=request,
        organization=organization,
        parameters=as_json(parameters),
    )
    audit.record(
        transaction,
        f"{kind.makes}.requested",
        (f"{kind.makes}_request", request),
        organization=organization,
        details=details,
    )
    return request


def waiting(transaction: Transaction, kind: Kind) -> int:
    """How many could be taken now."""
    return transaction.value(
        f"""SELECT count(*) FROM {kind.table}
            WHERE state = 'waiting' OR (state = 'running' AND lease_until < now())"""
    )


def take(transaction: Transaction, kind: Kind, run_id: str, request: UUID | None = None) -> UUID | None:
    """Take the oldest that waits or whose lease has run out, or a certain one; None when there is none."""
    transaction.run(
        f"""UPDATE {kind.table} SET state = 'failed', lease_until = NULL, finished_at = now(),
                problem = CAST(:problem AS jsonb)
            WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now()) AND attempts >= :most""",
        most=MOST_ATTEMPTS,
        problem=as_json(
            LeadsError(f"Every attempt to make the {kind.makes} ended before its time.", code="poison").as_problem()
        ),
    )
    return transaction.value(
        f"""UPDATE {kind.table} SET state = 'running', attempts = attempts + 1, lease_until = now() + :lease,
                started_at = now(), dagster_run_id = :run
            WHERE id = (SELECT id FROM {kind.table}
                        WHERE (state = 'waiting' OR (state = 'running' AND lease_until < now()))
                          AND (CAST(:id AS uuid) IS NULL OR id = :id)
                        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id""",
        lease=kind.lease,
        run=run_id,
        id=request,
    )


def done(transaction: Transaction, kind: Kind, request: UUID, made: UUID) -> None:
    """What was asked for is there: `made` is its id."""
    transaction.run(
        f"""UPDATE {kind.table} SET state = 'done', lease_until = NULL, finished_at = clock_timestamp(),
                {kind.makes}_id = :made WHERE id = :id""",
        id=request,
        made=made,
    )


def fail(transaction: Transaction, kind: Kind, request: UUID, problem: LeadsError) -> None:
    """It cannot be made, and the request says why."""
    transaction.run(
        f"""UPDATE {kind.table} SET state = 'failed', lease_until = NULL, finished_at = clock_timestamp(),
                problem = CAST(:problem AS jsonb) WHERE id = :id""",
        id=request,
        problem=as_json(problem.as_problem()),
    )
