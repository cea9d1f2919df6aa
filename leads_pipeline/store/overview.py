"""What a glance at the system shows: figures of periods, what waits, what is kept, and what needs somebody.

Each question is asked of one organization in its own transaction, and of all of them in the system's scope. All of it comes
from counters that uploads and jobs carry, never from the mappings, so its cost does not grow with the columns stored.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from leads_pipeline.store.database import SYSTEM, Transaction

Period = Literal["day", "week"]
DAYS, WEEKS = 21, 12
"""How many periods are shown."""


def period(transaction: Transaction, now: datetime) -> Period:
    """Days while the oldest upload is younger than three weeks, then weeks (UTC, from Monday)."""
    oldest: datetime | None = transaction.value(
        f"""SELECT min(f.received_at) FROM organizations o CROSS JOIN LATERAL (
                SELECT received_at FROM file_uploads WHERE organization_id = o.id ORDER BY received_at LIMIT 1) f
            WHERE {_MINE.replace("organization_id", "o.id")}""",
        organization=_owner(transaction),
    )
    return "day" if oldest is None or now - oldest < timedelta(days=DAYS) else "week"


def uploads_by_period(transaction: Transaction, unit: Period, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Uploads by the day or week that they came in, oldest first; periods without any are there with zeros.

    What is summed over fully reviewed uploads begins with `reviewed_`; sums of squares and products tell how far columns of
    one file are right or wrong together.
    """
    return transaction.all(
        f"""WITH counted AS (
               SELECT date_trunc(:unit, received_at AT TIME ZONE 'UTC') AS start, count(*) AS uploads,
                      count(*) FILTER (WHERE status = 'failed') AS failed,
                      count(*) FILTER (WHERE status IN ('received', 'processing')) AS waiting,
                      count(*) FILTER (WHERE status = 'mapped') AS mapped,
                      count(*) FILTER (WHERE status = 'reviewed') AS reviewed,
                      sum(column_count)::bigint AS columns, sum(decided_count)::bigint AS decided,
                      sum(column_count) FILTER (WHERE status = 'reviewed')::bigint AS reviewed_columns,
                      sum(column_count - corrected_count) FILTER (WHERE status = 'reviewed')::bigint AS reviewed_right,
                      sum(corrected_count) FILTER (WHERE status = 'reviewed')::bigint AS reviewed_corrections,
                      sum(column_count::bigint ^ 2) FILTER (WHERE status = 'reviewed')::bigint AS reviewed_columns_squared,
                      sum((column_count - corrected_count)::bigint ^ 2) FILTER (WHERE status = 'reviewed')::bigint
                          AS reviewed_right_squared,
                      sum(column_count::bigint * (column_count - corrected_count)) FILTER (WHERE status = 'reviewed')::bigint
                          AS reviewed_columns_right,
                      sum(corrected_count::bigint ^ 2) FILTER (WHERE status = 'reviewed')::bigint
                          AS reviewed_corrections_squared
               FROM file_uploads WHERE {_MINE} AND received_at >= {_FIRST} GROUP BY 1
           )
           SELECT p.start::date AS start, {_zeros("c", _SUMS)} FROM {_PERIODS} LEFT JOIN counted c USING (start)
           ORDER BY 1""",
        **_span(transaction, unit, now),
    )


_SUMS = (
    "uploads", "failed", "waiting", "mapped", "reviewed", "columns", "decided", "reviewed_columns", "reviewed_right",
    "reviewed_corrections", "reviewed_columns_squared", "reviewed_right_squared", "reviewed_columns_right",
    "reviewed_corrections_squared",
)  # fmt: skip


def jobs_by_period(transaction: Transaction, unit: Period, now: datetime) -> Sequence[Mapping[str, Any]]:
    """What was processed by the day or week that it ended in, oldest first: calls of a language model, their tokens and cost
    (of those whose price is known), and how many seconds half and 95 % of the files were waited for, None without any.
    """
    return transaction.all(
        f"""WITH counted AS (
               SELECT date_trunc(:unit, finished_at AT TIME ZONE 'UTC') AS start, count(*) AS jobs,
                      sum(llm_calls)::bigint AS llm_calls, sum(llm_tokens)::bigint AS llm_tokens,
                      sum(llm_cost_usd)::float AS llm_cost_usd,
                      sum(llm_calls) FILTER (WHERE llm_cost_usd IS NULL)::bigint AS llm_unpriced_calls,
                      percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
                          ORDER BY extract(epoch FROM finished_at - created_at)::float) AS waits
               FROM processing_jobs WHERE {_MINE} AND finished_at >= {_FIRST} GROUP BY 1
           )
           SELECT p.start::date AS start, {
            _zeros("c", ("jobs", "llm_calls", "llm_tokens", "llm_cost_usd", "llm_unpriced_calls"))
        }, c.waits[1] AS half_waited, c.waits[2] AS most_waited
           FROM {_PERIODS} LEFT JOIN counted c USING (start) ORDER BY 1""",
        **_span(transaction, unit, now),
    )


def queue_age(transaction: Transaction) -> Sequence[Mapping[str, Any]]:
    """What waits or is at work now, by how long it has been there: upper bounds in seconds (None: longer), and how many."""
    return transaction.all(
        f"""WITH aged AS (
               SELECT width_bucket(extract(epoch FROM now() - created_at)::float, ARRAY[30, 120, 600, 3600]::float[]) AS band,
                      count(*) AS jobs, max(extract(epoch FROM now() - created_at))::float AS oldest
               FROM processing_jobs WHERE {_MINE} AND state IN ('waiting', 'running') GROUP BY 1
           )
           SELECT b.below, coalesce(a.jobs, 0) AS jobs, coalesce(a.oldest, 0) AS oldest_seconds
           FROM (VALUES (0, 30), (1, 120), (2, 600), (3, 3600), (4, NULL)) AS b (band, below) LEFT JOIN aged a USING (band)
           ORDER BY b.band""",
        organization=_owner(transaction),
    )


def answers_by_field(transaction: Transaction, since: date) -> Sequence[Mapping[str, Any]]:
    """Columns of fully reviewed files mapped since that day, by the field proposed and the one that was right (None: no
    target). As fresh as the newest measurement.
    """
    return transaction.all(
        f"""SELECT predicted, target, sum(columns)::bigint AS columns FROM performance_columns
            WHERE {_MINE} AND basis <> 'unreviewed' AND day >= :since GROUP BY 1, 2""",
        organization=_owner(transaction),
        since=since,
    )


def answers_by_confidence(transaction: Transaction, since: date) -> Sequence[Mapping[str, Any]]:
    """Those columns by tenths of confidence, lowest first: how many, their mean confidence (0 to 1), how many were right."""
    return transaction.all(
        f"""SELECT band, sum(columns)::bigint AS columns, sum(confidence_sum) / sum(columns) / 100 AS confidence,
                   coalesce(sum(columns) FILTER (WHERE predicted IS NOT DISTINCT FROM target), 0)::bigint AS right_columns
            FROM performance_columns WHERE {_MINE} AND basis <> 'unreviewed' AND day >= :since
            GROUP BY band ORDER BY band""",
        organization=_owner(transaction),
        since=since,
    )


# --- What is kept --------------------------------------------------------------------------------------------------

_KINDS = {
    "Contents of files": ("upload_contents", "content_objects"),
    "Uploads and jobs": ("file_uploads", "sheets", "processing_jobs"),
    "Mappings": ("field_mappings", "llm_answers", "field_patterns"),
    "Corrections and memory": ("user_corrections", "memory_entries"),
    "Training": (
        "training_examples",
        "training_datasets",
        "dataset_examples",
        "mapping_models",
        "mapping_model_chunks",
    ),
    "Audit trail": ("audit_events", "audit_seals", "audit_unsealed"),
}


def storage_of_system(transaction: Transaction) -> Mapping[str, int]:
    """Bytes of the database by what they hold, indexes included, the largest first. Needs the system's scope."""
    kinds = {table: kind for kind, tables in _KINDS.items() for table in tables}
    rows = transaction.all(
        """SELECT n.nspname = 'dagster' AS is_dagster, c.relname AS name, pg_total_relation_size(c.oid)::bigint AS bytes
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname IN (current_schema(), 'dagster')"""
    )
    found: dict[str, int] = {}
    for row in rows:
        kind = "History of Dagster" if row["is_dagster"] else kinds.get(row["name"], "All else")
        found[kind] = found.get(kind, 0) + row["bytes"]
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def kept_files(transaction: Transaction) -> Mapping[str, int]:
    """Bytes of files whose contents are kept, by their kind, the largest first."""
    rows = transaction.all(
        f"""SELECT kind, sum(size_bytes)::bigint AS bytes FROM file_uploads
            WHERE {_MINE} AND contents_deleted_at IS NULL GROUP BY kind ORDER BY bytes DESC""",
        organization=_owner(transaction),
    )
    return {row["kind"]: row["bytes"] for row in rows}


# --- What needs somebody -------------------------------------------------------------------------------------------


def totals(transaction: Transaction) -> Mapping[str, Any]:
    """Counts over all uploads; the seconds that the oldest of those has waited that are not mapped yet; and how many mapped
    ones have columns that wait for a person, `open`, and how many columns of them.
    """
    return transaction.one(
        f"""SELECT count(*) AS uploads, count(*) FILTER (WHERE status = 'failed') AS failed,
                   count(*) FILTER (WHERE status IN ('received', 'processing')) AS waiting,
                   count(*) FILTER (WHERE status = 'mapped') AS unreviewed,
                   count(*) FILTER (WHERE status = 'reviewed') AS reviewed,
                   coalesce(sum(row_count), 0)::bigint AS rows, coalesce(sum(column_count), 0)::bigint AS columns,
                   coalesce(sum(decided_count), 0)::bigint AS decided, coalesce(sum(reviewed_count), 0)::bigint AS answers,
                   coalesce(sum(corrected_count), 0)::bigint AS corrections,
                   coalesce(sum(column_count) FILTER (WHERE status = 'reviewed'), 0)::bigint AS reviewed_columns,
                   coalesce(sum(column_count - corrected_count) FILTER (WHERE status = 'reviewed'), 0)::bigint
                       AS reviewed_right,
                   coalesce(sum(corrected_count) FILTER (WHERE status = 'reviewed'), 0)::bigint AS reviewed_corrections,
                   coalesce(sum(size_bytes) FILTER (WHERE contents_deleted_at IS NULL), 0)::bigint AS bytes,
                   count(*) FILTER (WHERE {_OPEN}) AS open,
                   coalesce(sum(column_count - decided_count) FILTER (WHERE {_OPEN}), 0)::bigint AS open_columns,
                   coalesce(extract(epoch FROM now() - min(received_at)
                       FILTER (WHERE status IN ('received', 'processing'))), 0)::float AS oldest_seconds
            FROM file_uploads WHERE {_MINE}""",
        organization=_owner(transaction),
    )


def failures(transaction: Transaction, since: datetime) -> Sequence[Mapping[str, Any]]:
    """Uploads that could not be mapped since then, by the code of their problem, with its title; most frequent first."""
    return transaction.all(
        f"""SELECT problem ->> 'code' AS code, max(problem ->> 'title') AS title, count(*) AS uploads
            FROM file_uploads WHERE {_MINE} AND status = 'failed' AND received_at >= :since
            GROUP BY 1 ORDER BY 3 DESC, 1""",
        organization=_owner(transaction),
        since=since,
    )


def disputed_headers(transaction: Transaction) -> int:
    """Headers about which people said different things for the same values in the same surroundings."""
    return transaction.value(
        f"""SELECT count(DISTINCT (organization_id, header_key)) FROM memory_entries
            WHERE {_MINE} AND disputed AND neighbours <> ''""",
        organization=_owner(transaction),
    )


def spent_this_month(transaction: Transaction, now: datetime) -> Mapping[str, Any]:
    """What language models cost this month (UTC): the sum of what is known, and calls without a known price."""
    return transaction.one(
        f"""SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(tokens), 0)::bigint AS tokens,
                   coalesce(sum(cost_usd), 0)::float AS cost_usd, coalesce(sum(unpriced_calls), 0)::bigint AS unpriced_calls
            FROM llm_spending WHERE {_MINE} AND month = date_trunc('month', CAST(:now AS timestamptz) AT TIME ZONE 'UTC')""",
        organization=_owner(transaction),
        now=now,
    )


def failed_runs(transaction: Transaction, since: datetime) -> Sequence[Mapping[str, Any]]:
    """Runs of Dagster that failed since then, by job; the newest of each. Needs the system's scope."""
    return transaction.all(
        """SELECT job, count(*) AS runs, (array_agg(dagster_run_id ORDER BY failed_at DESC))[1] AS newest_run
           FROM run_failures WHERE failed_at >= :since GROUP BY job ORDER BY runs DESC, job""",
        since=since,
    )


def recommended(transaction: Transaction, limit: int) -> Sequence[Mapping[str, Any]]:
    """The open recommendations that save most work, with whose they are (None: the deployment's)."""
    return transaction.all(
        f"""SELECT o.name AS organization, r.title, r.because, r.reviews_saved, r.effort_minutes
            FROM recommendations r LEFT JOIN organizations o ON o.id = r.organization_id
            WHERE r.state = 'open' AND {_MINE.replace("organization_id", "r.organization_id")}
            ORDER BY r.reviews_saved DESC NULLS LAST, r.rank, r.id LIMIT :limit""",
        organization=_owner(transaction),
        limit=limit,
    )


def learned(transaction: Transaction) -> Mapping[str, Any]:
    """What maps now, what may follow it, and the newest dataset in force: of one organization, or the shared ones.

    `champion`, `candidate` and `challenger` are versions of models, `dataset` one of a dataset; None where there is none.
    An organization without a champion of its own has the shared one; `own_champions` counts those that have one. `lost` is
    its champion, or the shared one, if that was withdrawn within the last week and no model was trained in its place.
    """
    return transaction.one(
        """WITH mine AS (
               SELECT status, version, shipped, promoted_at, organization_id FROM mapping_models
               WHERE organization_id IS NOT DISTINCT FROM CAST(:organization AS uuid)
                  OR (organization_id IS NULL AND status = 'champion')
           ), champion AS (
               SELECT * FROM mine WHERE status = 'champion' ORDER BY organization_id NULLS LAST LIMIT 1
           ), dataset AS (
               SELECT version, example_count, frozen_at FROM training_datasets
               WHERE status = 'frozen' AND organization_id IS NOT DISTINCT FROM CAST(:organization AS uuid)
               ORDER BY version DESC LIMIT 1
           )
           SELECT c.version AS champion, c.shipped, c.promoted_at, c.organization_id IS NOT NULL AS own,
                  (SELECT max(version) FROM mine WHERE status = 'candidate') AS candidate,
                  (SELECT max(version) FROM mine WHERE status = 'challenger') AS challenger,
                  (SELECT count(*) FROM mapping_models WHERE status = 'champion' AND organization_id IS NOT NULL)
                      AS own_champions,
                  (SELECT max(w.version) FROM mapping_models w
                   WHERE w.promoted_at IS NOT NULL AND w.ended_at = w.withdrawn_at
                     AND w.withdrawn_at > now() - interval '7 days'
                     AND (w.organization_id IS NOT DISTINCT FROM CAST(:organization AS uuid)
                          OR (w.organization_id IS NULL AND c.organization_id IS NULL))
                     AND NOT EXISTS (SELECT FROM mapping_models m WHERE NOT m.shipped AND m.created_at > w.withdrawn_at
                                     AND m.organization_id IS NOT DISTINCT FROM w.organization_id)) AS lost,
                  d.version AS dataset, d.example_count AS examples, d.frozen_at
           FROM (SELECT) one LEFT JOIN champion c ON true LEFT JOIN dataset d ON true""",
        organization=_owner(transaction),
    )


# --- Parts of queries ----------------------------------------------------------------------------------------------

_MINE = "(CAST(:organization AS uuid) IS NULL OR organization_id = :organization)"
_OPEN = "status = 'mapped' AND decided_count < column_count AND reviewed_count = 0"
_FIRST = "date_trunc(:unit, CAST(:now AS timestamptz) AT TIME ZONE 'UTC' - :back) AT TIME ZONE 'UTC'"
_PERIODS = """generate_series(date_trunc(:unit, CAST(:now AS timestamptz) AT TIME ZONE 'UTC' - :back),
    date_trunc(:unit, CAST(:now AS timestamptz) AT TIME ZONE 'UTC'), ('1 ' || :unit)::interval) AS p (start)"""


def _zeros(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"coalesce({table}.{name}, 0) AS {name}" for name in names)


def _owner(transaction: Transaction) -> UUID | None:
    """The transaction's organization, None in the system's scope: all of them."""
    return None if transaction.scope is SYSTEM else transaction.organization


def _span(transaction: Transaction, unit: Period, now: datetime) -> Mapping[str, Any]:
    back = timedelta(days=DAYS - 1) if unit == "day" else timedelta(weeks=WEEKS - 1)
    return {"organization": _owner(transaction), "unit": unit, "now": now, "back": back}
