"""What people asked to be forgotten: rows that wait until a run has done it, and the certificates that stay.

A row is claimed for the length of a lease and goes on where the last claim stopped; progress under an older token is refused.
What an erasure takes with it is `forgetting`'s business.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from leads_pipeline.errors import LeadsError, NotFound, StaleClaim
from leads_pipeline.store import audit, logins
from leads_pipeline.store.database import SYSTEM, Database, Transaction, as_json
from leads_pipeline.store.ids import new_id

Kind = Literal["person", "upload", "organization"]

LEASE = timedelta(minutes=5)
"""Longer than any single step takes; each renews it."""
MOST_ATTEMPTS = 5
KEY = "erasures"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `organization_id` None: in everybody's data; `subject` is gone once it is done.

    `outcome` holds counts, and the versions that were withdrawn; `texts` what is still to be looked for elsewhere.
    """

    id: UUID
    organization_id: UUID | None
    kind: Kind
    dry_run: bool
    subject: Mapping[str, Any] | None
    subject_hash: bytes
    state: Literal["waiting", "running", "done", "failed"]
    token: int
    looked_at: UUID | None
    texts: Sequence[str]
    outcome: Mapping[str, Any]
    problem: Mapping[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed")


def ask(
    transaction: Transaction,
    organization: UUID | None,
    kind: Kind,
    subject: Mapping[str, Any],
    *,
    dry_run: bool = False,
) -> UUID:
    """Leave the wish, and return its id: that of the same wish if it waits already. Needs the system's scope."""
    digest = hmac.digest(
        logins.deployment_key(transaction, KEY),
        as_json([kind, *sorted((name, value) for name, value in subject.items() if value)]).encode(),
        hashlib.sha256,
    )
    known = transaction.value(
        """SELECT id FROM erasures WHERE state IN ('waiting', 'running') AND subject_hash = :hash AND dry_run = :dry_run
             AND organization_id IS NOT DISTINCT FROM :organization LIMIT 1""",
        hash=digest,
        dry_run=dry_run,
        organization=organization,
    )
    if known is not None:
        return known
    erasure = new_id()
    transaction.run(
        """INSERT INTO erasures (id, organization_id, kind, dry_run, subject, subject_hash)
           VALUES (:id, :organization, :kind, :dry_run, CAST(:subject AS jsonb), :hash)""",
        id=erasure,
        organization=organization,
        kind=kind,
        dry_run=dry_run,
        subject=as_json(subject),
        hash=digest,
    )
    audit.record(
        transaction,
        "erasure.requested",
        ("erasure", erasure),
        organization=organization,
        details={"kind": kind, "dry_run": dry_run, "subject": digest.hex()},
    )
    return erasure


def get(transaction: Transaction, erasure: UUID) -> Erasure:
    """Raises `NotFound` for one that is not this scope's."""
    row = transaction.first(f"SELECT {_FIELDS} FROM erasures WHERE id = :id", id=erasure)
    if row is None:
        raise NotFound(f"There is no erasure {erasure}; `leads erase list` shows those that there are.")
    return _erasure(row)


def newest(transaction: Transaction, *, limit: int) -> list[Erasure]:
    """Those that the scope sees, newest first."""
    return [
        _erasure(row)
        for row in transaction.all(f"SELECT {_FIELDS} FROM erasures ORDER BY id DESC LIMIT :limit", limit=limit)
    ]


def totals(transaction: Transaction) -> Mapping[str, int]:
    """How many there are in each state, dry runs left out."""
    return transaction.one(
        """SELECT count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
                  count(*) FILTER (WHERE state IN ('waiting', 'running')) AS waiting
           FROM erasures WHERE NOT dry_run"""
    )


def waiting(transaction: Transaction) -> int:
    """How many could be claimed now."""
    return transaction.value(f"SELECT count(*) FROM erasures WHERE {_CLAIMABLE}")


def wait_for(database: Database, erasure: UUID) -> Erasure:
    """The erasure, once nobody is at work on it any more, or nobody has been for the length of a lease."""
    deadline = time.monotonic() + LEASE.total_seconds()
    seen = -1
    while True:
        with database.transaction(SYSTEM) as transaction:
            found = get(transaction, erasure)
        if found.ended or time.monotonic() > deadline:
            return found
        progress = int(found.outcome.get("uploads", 0))
        if progress != seen:
            seen, deadline = progress, time.monotonic() + LEASE.total_seconds()
        time.sleep(0.5)


def claim(transaction: Transaction, run_id: str, erasure: UUID | None = None) -> Erasure | None:
    """Claim the oldest that waits or whose lease has run out, or a certain one; None when there is none.

    One that was claimed five times without a step in between fails. Needs the system's scope.
    """
    for row in transaction.all(
        f"SELECT id FROM erasures WHERE {_CLAIMABLE} AND attempts >= :most FOR UPDATE SKIP LOCKED", most=MOST_ATTEMPTS
    ):
        fail(
            transaction,
            row["id"],
            LeadsError("Every attempt at the erasure ended before its time; ask for it again.", code="poison"),
        )
    row = transaction.first(
        f"""UPDATE erasures SET state = 'running', attempts = attempts + 1, token = token + 1, lease_until = now() + :lease,
                started_at = coalesce(started_at, now()), dagster_run_id = :run
            WHERE id = (SELECT id FROM erasures WHERE {_CLAIMABLE} AND (CAST(:id AS uuid) IS NULL OR id = :id)
                        ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING {_FIELDS}""",
        lease=LEASE,
        run=run_id,
        id=erasure,
    )
    return None if row is None else _erasure(row)


def note(
    transaction: Transaction,
    erasure: Erasure,
    *,
    outcome: Mapping[str, Any],
    texts: Sequence[str],
    looked_at: UUID | None,
) -> None:
    """Write how far it has come, in the transaction of the step itself. Raises `StaleClaim` when another has taken over."""
    _held(
        transaction,
        erasure,
        """outcome = CAST(:outcome AS jsonb), texts = CAST(:texts AS jsonb), looked_at = :looked_at, attempts = 1,
           lease_until = now() + :lease""",
        outcome=as_json(outcome),
        texts=as_json(texts),
        looked_at=looked_at,
        lease=LEASE,
    )


def give_back(transaction: Transaction, erasure: Erasure) -> None:
    """Let it wait again: something that it needs does not answer."""
    _held(transaction, erasure, "state = 'waiting', lease_until = NULL, attempts = greatest(attempts - 1, 0)")


def finish(transaction: Transaction, erasure: Erasure, outcome: Mapping[str, Any]) -> None:
    """It is done: the certificate stays here and in the audit trail, whom it was about does not.

    Raises `StaleClaim` when another has taken over.
    """
    _held(
        transaction,
        erasure,
        """state = 'done', lease_until = NULL, finished_at = clock_timestamp(), subject = NULL, texts = '[]',
           outcome = CAST(:outcome AS jsonb)""",
        outcome=as_json(outcome),
    )
    audit.record(
        transaction,
        "erasure.done",
        ("erasure", erasure.id),
        organization=erasure.organization_id,
        details={
            "kind": erasure.kind,
            "dry_run": erasure.dry_run,
            "subject": erasure.subject_hash.hex(),
            **{name: value for name, value in outcome.items() if isinstance(value, (int, list))},
            **{name: list(value) for name, value in outcome.items() if isinstance(value, dict)},
        },
    )


def fail(transaction: Transaction, erasure: UUID, problem: LeadsError) -> None:
    """It cannot be done; whom it was about is forgotten as well. Needs the system's scope."""
    organization = transaction.value(
        """UPDATE erasures SET state = 'failed', lease_until = NULL, finished_at = clock_timestamp(), subject = NULL,
               texts = '[]', problem = CAST(:problem AS jsonb) WHERE id = :id RETURNING organization_id""",
        id=erasure,
        problem=as_json(problem.as_problem()),
    )
    audit.record(
        transaction, "erasure.failed", ("erasure", erasure), organization=organization, details={"code": problem.code}
    )


_FIELDS = """id, organization_id, kind, dry_run, subject, subject_hash, state, token, looked_at, texts, outcome, problem,
    created_at, finished_at"""
_CLAIMABLE = "(state = 'waiting' OR (state = 'running' AND lease_until < now()))"


def _held(transaction: Transaction, erasure: Erasure, assignments: str, **values: Any) -> None:
    if not transaction.run(
        f"UPDATE erasures SET {assignments} WHERE id = :id AND token = :token AND state = 'running'",
        id=erasure.id,
        token=erasure.token,
        **values,
    ):
        raise StaleClaim(f"Erasure {erasure.id} was claimed again after token {erasure.token}.")


def _erasure(row: Mapping[str, Any]) -> Erasure:
    return Erasure(**{**row, "subject_hash": bytes(row["subject_hash"])})
