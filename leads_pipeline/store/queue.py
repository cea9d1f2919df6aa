"""The queue of requested processings: `processing_jobs` and the drains that empty it.

A job waits, is claimed for the length of a lease, and ends under the token of its last claim. The queue is the truth
about what is to be done; Dagster's runs only do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from leads_pipeline.errors import FILE_PROBLEMS, FileRejected, LeadsError, StaleClaim
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

MOST_ATTEMPTS = 3
FRESH = timedelta(seconds=15)
"""A drain whose heartbeat is older than this is taken for dead."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed processing. `generation` is the one that its mappings will have."""

    id: UUID
    organization_id: UUID
    upload_id: UUID
    kind: Literal["map", "remap"]
    token: int
    filename: str
    generation: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What could be claimed now, and how long the oldest of it has waited, in seconds."""

    jobs: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """What a job came to, for its row."""

    model_version: str
    schema_version: int
    rows: int
    columns: int
    timings: Mapping[str, float] = field(default_factory=dict[str, float])


def claim(transaction: Transaction, *, limit: int, lease: timedelta, run_id: str) -> list[Job]:
    """Take up to `limit` jobs that wait or whose lease has run out, oldest first, fairly across organizations.

    A claim raises the job's token. An outcome written under an older token is refused with `StaleClaim`, so a worker
    that was frozen past its lease cannot overwrite the one that took over. A job that has been claimed three times
    without an outcome is not handed out again; it fails with the code `poison`.
    """
    _bury(transaction)
    rows = transaction.all(
        """
        WITH RECURSIVE waiting AS (
            (SELECT organization_id FROM processing_jobs WHERE state = 'waiting' ORDER BY organization_id LIMIT 1)
            UNION ALL
            SELECT (SELECT j.organization_id FROM processing_jobs j
                    WHERE j.state = 'waiting' AND j.organization_id > w.organization_id
                    ORDER BY j.organization_id LIMIT 1)
            FROM waiting w WHERE w.organization_id IS NOT NULL
        ), fair AS (
            SELECT id, 0::bigint AS turn, created_at FROM processing_jobs
            WHERE state = 'running' AND lease_until < now()
            UNION ALL
            SELECT mine.id, row_number() OVER (PARTITION BY w.organization_id ORDER BY mine.created_at, mine.id),
                   mine.created_at
            FROM waiting w CROSS JOIN LATERAL (
                -- More than the limit: another drain may hold the first ones at this moment.
                SELECT id, created_at FROM processing_jobs
                WHERE state = 'waiting' AND organization_id = w.organization_id
                ORDER BY created_at, id LIMIT 4 * :limit
            ) mine
            WHERE w.organization_id IS NOT NULL
        ), taken AS (
            SELECT j.id FROM processing_jobs j JOIN fair ON fair.id = j.id
            WHERE j.state = 'waiting' OR (j.state = 'running' AND j.lease_until < now())
            ORDER BY fair.turn, fair.created_at, fair.id
            LIMIT :limit FOR UPDATE OF j SKIP LOCKED
        ), claimed AS (
            UPDATE processing_jobs j
            SET state = 'running', token = token + 1, attempts = attempts + 1, lease_until = now() + :lease,
                started_at = now(), dagster_run_id = :run_id
            FROM taken WHERE j.id = taken.id
            RETURNING j.id, j.organization_id, j.upload_id, j.kind, j.token, j.created_at
        ), shown AS (
            UPDATE file_uploads u SET status = 'processing', version = version + 1
            FROM claimed WHERE u.id = claimed.upload_id
            RETURNING u.id, u.filename, u.generation
        )
        SELECT c.id, c.organization_id, c.upload_id, c.kind, c.token, s.filename, s.generation + 1 AS generation
        FROM claimed c JOIN shown s ON s.id = c.upload_id ORDER BY c.created_at, c.id
        """,
        limit=limit,
        lease=lease,
        run_id=run_id,
    )
    return [Job(**row) for row in rows]


def extend(transaction: Transaction, jobs: Sequence[Job], lease: timedelta) -> None:
    """Renew the leases of jobs that are still being worked on."""
    transaction.run(
        """UPDATE processing_jobs j SET lease_until = now() + :lease
           FROM jsonb_to_recordset(CAST(:jobs AS jsonb)) AS mine (id uuid, token bigint)
           WHERE j.id = mine.id AND j.token = mine.token AND j.state = 'running'""",
        lease=lease,
        jobs=as_json([{"id": job.id, "token": job.token} for job in jobs]),
    )


def give_back(transaction: Transaction, job: Job, *, tried: bool) -> None:
    """Let a job wait again. `tried` says whether that was an attempt, or the drain stopped before it began."""
    transaction.run(
        """UPDATE processing_jobs SET state = 'waiting', lease_until = NULL, attempts = attempts - :untried
           WHERE id = :id AND token = :token AND state = 'running'""",
        id=job.id,
        token=job.token,
        untried=0 if tried else 1,
    )


def finish(transaction: Transaction, job: Job, outcome: Done) -> None:
    """Write the outcome of a job. Raises `StaleClaim` when somebody else has claimed it since."""
    _end(
        transaction,
        job,
        """state = 'done', model_version = :model, schema_version = :schema, row_count = :rows, column_count = :columns,
           timings = CAST(:timings AS jsonb)""",
        model=outcome.model_version,
        schema=outcome.schema_version,
        rows=outcome.rows,
        columns=outcome.columns,
        timings=as_json(outcome.timings),
    )


def fail(transaction: Transaction, job: Job, problem: LeadsError) -> None:
    """End a job, and its upload, with an error. Raises `StaleClaim` like `finish`."""
    _end(transaction, job, "state = 'failed', error_code = :code", code=problem.code)
    transaction.run(
        """UPDATE file_uploads SET status = 'failed', problem = CAST(:problem AS jsonb), version = version + 1
           WHERE id = :upload""",
        upload=job.upload_id,
        problem=as_json(problem.as_problem()),
    )


def waiting(transaction: Transaction) -> Waiting:
    row = transaction.one(
        """SELECT count(*) AS jobs, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest_seconds
           FROM processing_jobs WHERE state = 'waiting' OR (state = 'running' AND lease_until < now())"""
    )
    return Waiting(**row)


# --- Drains --------------------------------------------------------------------------------------------------------


def begin_drain(transaction: Transaction, run_id: str) -> UUID:
    drain = new_id()
    transaction.run("INSERT INTO drains (id, dagster_run_id) VALUES (:id, :run)", id=drain, run=run_id)
    return drain


def heartbeat(transaction: Transaction, drain: UUID) -> None:
    transaction.run("UPDATE drains SET heartbeat_at = clock_timestamp() WHERE id = :id", id=drain)


def end_drain(transaction: Transaction, drain: UUID, because: str) -> None:
    transaction.run(
        "UPDATE drains SET ended_at = clock_timestamp(), stopped_because = :because WHERE id = :id",
        id=drain,
        because=because,
    )


def drain_is_alive(transaction: Transaction) -> bool:
    """Whether a drain is at work: it has not ended, and its heart beat within the last 15 s by the database's clock."""
    return transaction.value(
        "SELECT EXISTS (SELECT 1 FROM drains WHERE ended_at IS NULL AND heartbeat_at > now() - :fresh)", fresh=FRESH
    )


def record_run_failure(transaction: Transaction, run_id: str, job: str, error: str) -> None:
    """Remember that a Dagster run failed. `error` is a kind of error, never its text."""
    transaction.run(
        """INSERT INTO run_failures (dagster_run_id, job, error) VALUES (:run, :job, :error)
           ON CONFLICT (dagster_run_id) DO NOTHING""",
        run=run_id,
        job=job,
        error=error,
    )


def _end(transaction: Transaction, job: Job, assignments: str, **values: Any) -> None:
    if not transaction.run(
        f"""UPDATE processing_jobs SET {assignments}, lease_until = NULL, finished_at = clock_timestamp()
            WHERE id = :id AND token = :token AND state = 'running'""",
        id=job.id,
        token=job.token,
        **values,
    ):
        raise StaleClaim(f"Job {job.id} was claimed again after token {job.token}.")


def _bury(transaction: Transaction) -> None:
    problem = FileRejected(
        "poison",
        f"{MOST_ATTEMPTS} attempts to read this file ended without an outcome. Open it in a spreadsheet program, save it "
        "as CSV and send that.",
    )
    assert problem.code in FILE_PROBLEMS
    transaction.run(
        """WITH dead AS (
               UPDATE processing_jobs SET state = 'failed', error_code = :code, lease_until = NULL,
                      finished_at = clock_timestamp()
               WHERE attempts >= :most AND (state = 'waiting' OR (state = 'running' AND lease_until < now()))
               RETURNING upload_id
           )
           UPDATE file_uploads SET status = 'failed', problem = CAST(:problem AS jsonb), version = version + 1
           WHERE id IN (SELECT upload_id FROM dead)""",
        code=problem.code,
        most=MOST_ATTEMPTS,
        problem=as_json(problem.as_problem()),
    )
