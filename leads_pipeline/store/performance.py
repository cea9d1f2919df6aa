"""How well files are mapped: each day's counts, sums over days, and what was measured of them.

A day is the UTC day on which a file was mapped. When an upload changes, its day is counted anew, so a measurement costs what
changed and not what is stored. Counts add up: whatever span, model, field or language is asked for is a sum. What rates and
intervals follow from the counts is `insights`' business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import SYSTEM, Database, Transaction, as_json
from leads_pipeline.store.ids import new_id

AT_A_TIME = 1_000
"""Uploads that are marked in one transaction: nobody who corrects shall wait for a lock."""


@dataclass(frozen=True, slots=True)
class Due:
    """Uploads of one organization that have changed since their day was counted: their versions, and the days concerned."""

    organization: UUID
    versions: Mapping[UUID, int]
    days: Sequence[date]


# --- Counting ------------------------------------------------------------------------------------------------------


def organizations_due(transaction: Transaction) -> list[UUID]:
    """Organizations with uploads that have changed since they were counted. Needs the system's scope."""
    rows = transaction.all(f"SELECT DISTINCT organization_id FROM file_uploads WHERE {_IS_DUE} ORDER BY 1")
    return [row["organization_id"] for row in rows]


def newest_review_due(transaction: Transaction) -> tuple[int, datetime | None]:
    """How many fully reviewed uploads are not counted yet, and when the newest was reviewed. Needs the system's scope."""
    row = transaction.one(
        f"""SELECT count(*) AS uploads, max(reviewed_at) AS newest FROM file_uploads
            WHERE {_IS_DUE} AND reviewed_at IS NOT NULL"""
    )
    return row["uploads"], row["newest"]


def count_what_changed(database: Database, organization: UUID, *, target_seconds: float) -> Due:
    """Count the days anew that uploads of this organization have changed in, and say which those were.

    An upload is in time when it was mapped within `target_seconds` of being asked for. Doing it twice does no harm; a
    crash in between leaves the uploads due.
    """
    with database.transaction(organization) as transaction:
        due = _due(transaction)
    for day in due.days:
        with database.transaction(organization) as transaction:
            _count_day(transaction, day, target_seconds)
    changed = list(due.versions.items())
    for start in range(0, len(changed), AT_A_TIME):
        with database.transaction(organization) as transaction:
            _mark(transaction, changed[start : start + AT_A_TIME])
    return due


_IS_DUE = "generation > 0 AND measured_version IS DISTINCT FROM version"


def _due(transaction: Transaction) -> Due:
    rows = transaction.all(
        f"""SELECT id, version, measured_day, (mapped_at AT TIME ZONE 'UTC')::date AS day FROM file_uploads
            WHERE organization_id = :organization AND {_IS_DUE} AND mapped_at IS NOT NULL""",
        organization=transaction.organization,
    )
    days = {row["day"] for row in rows} | {row["measured_day"] for row in rows if row["measured_day"] is not None}
    return Due(transaction.organization, {row["id"]: row["version"] for row in rows}, sorted(days))


def _mark(transaction: Transaction, versions: Iterable[tuple[UUID, int]]) -> None:
    # An upload that somebody is changing stays due, and keeps nobody waiting.
    transaction.run(
        """UPDATE file_uploads u SET measured_version = s.version, measured_day = (u.mapped_at AT TIME ZONE 'UTC')::date
           FROM (SELECT id FROM file_uploads
                 WHERE organization_id = :organization AND id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED) f
           JOIN unnest(CAST(:ids AS uuid[]), CAST(:versions AS integer[])) s (id, version) USING (id)
           WHERE u.id = f.id""",
        organization=transaction.organization,
        ids=[each for each, _ in versions],
        versions=[version for _, version in versions],
    )


def _count_day(transaction: Transaction, day: date, target_seconds: float) -> None:
    # Two runs that count the same day take turns; otherwise both would insert it.
    transaction.run(
        "SELECT pg_advisory_xact_lock(hashtextextended('performance ' || :organization, 0))",
        organization=str(transaction.organization),
    )
    span = {
        "organization": transaction.organization,
        "day": day,
        "since": datetime.combine(day, datetime.min.time(), tzinfo=UTC),
        "until": datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=UTC),
    }
    for table in ("performance_columns", "performance_uploads"):
        transaction.run(
            f"DELETE FROM {table} WHERE organization_id = :organization AND day = :day",
            organization=transaction.organization,
            day=day,
        )
    transaction.run(
        f"""INSERT INTO performance_columns (organization_id, day, basis, model_version, language, method, predicted,
                target, decided, band, columns, confidence_sum, new_headers)
            WITH files AS ({_FILES})
            SELECT :organization, :day, f.basis, m.model_version, s.language, m.method, m.predicted,
                   CASE WHEN f.basis <> 'unreviewed' THEN m.target END, {_DECIDED},
                   least(floor(m.confidence / 10), 9)::smallint, count(*), sum(m.confidence),
                   count(*) FILTER (WHERE p.first_seen = m.created_at)
            FROM files f
            JOIN field_mappings m ON m.upload_id = f.id AND m.generation = f.generation
            JOIN sheets s ON s.upload_id = m.upload_id AND s.generation = m.generation
                         AND s.sheet_index = m.sheet_index
            LEFT JOIN LATERAL (SELECT min(first_seen) AS first_seen FROM field_patterns
                               WHERE organization_id = :organization AND header_key = m.header_key) p ON true
            GROUP BY 3, 4, 5, 6, 7, 8, 9, 10""",
        **span,
    )
    transaction.run(
        f"""INSERT INTO performance_uploads (organization_id, day, basis, model_version, language, drawn, uploads, columns,
                decided, accepted, correct, columns_squared, correct_squared, columns_correct, corrections,
                corrections_squared, llm_uploads, llm_calls, llm_tokens, llm_cost_usd, llm_unpriced_calls, timed,
                work_seconds, wait_seconds, in_time)
            WITH files AS ({_FILES}), counted AS (
                SELECT f.id, f.basis, f.drawn, f.corrected_count, min(m.model_version) AS model_version,
                       count(*) AS columns, count(*) FILTER (WHERE {_DECIDED}) AS decided,
                       count(*) FILTER (WHERE m.applied AND m.target IS NOT NULL) AS accepted,
                       count(*) FILTER (WHERE f.basis <> 'unreviewed' AND m.target IS NOT DISTINCT FROM m.predicted)
                           AS correct
                FROM files f JOIN field_mappings m ON m.upload_id = f.id AND m.generation = f.generation
                GROUP BY f.id, f.basis, f.drawn, f.corrected_count
            )
            SELECT :organization, :day, c.basis, c.model_version, s.language, count(*) FILTER (WHERE c.drawn), count(*),
                   sum(c.columns), sum(c.decided), sum(c.accepted), sum(c.correct), sum(c.columns * c.columns),
                   sum(c.correct * c.correct), sum(c.columns * c.correct), sum(c.corrected_count),
                   sum(c.corrected_count * c.corrected_count), count(*) FILTER (WHERE j.llm_calls > 0),
                   coalesce(sum(j.llm_calls), 0), coalesce(sum(j.llm_tokens), 0), coalesce(sum(j.llm_cost_usd), 0),
                   coalesce(sum(j.llm_calls) FILTER (WHERE j.llm_cost_usd IS NULL), 0), count(j.id),
                   coalesce(sum(extract(epoch FROM j.finished_at - j.started_at)), 0),
                   coalesce(sum(extract(epoch FROM j.finished_at - j.created_at)), 0),
                   count(*) FILTER (WHERE j.finished_at - j.created_at <= :in_time)
            FROM counted c
            CROSS JOIN LATERAL (SELECT language FROM sheets WHERE upload_id = c.id
                                ORDER BY generation DESC, column_count DESC, sheet_index LIMIT 1) s
            LEFT JOIN LATERAL (SELECT * FROM processing_jobs WHERE upload_id = c.id AND state = 'done'
                               ORDER BY created_at DESC LIMIT 1) j ON true
            GROUP BY 3, 4, 5""",
        in_time=timedelta(seconds=target_seconds),
        **span,
    )
    # Last, since it locks what the drain counts in, in the drain's order.
    transaction.run(
        f"""WITH files AS ({_FILES}), gone AS (
                DELETE FROM performance_headers WHERE organization_id = :organization AND day = :day
                RETURNING header_key, predicted, target, reviewed, columns
            ), new AS (
                SELECT m.header_key, m.predicted, CASE WHEN f.basis <> 'unreviewed' THEN m.target END AS target,
                       f.basis <> 'unreviewed' AS reviewed, count(*) AS columns,
                       count(*) FILTER (WHERE NOT {_DECIDED}) AS undecided, count(*) FILTER (WHERE {_WAITS}) AS waiting,
                       count(*) FILTER (WHERE m.method = 'memory') AS recalled, sum(m.confidence) AS confidence_sum,
                       (max(m.id::text) FILTER (WHERE {_WAITS}))::uuid AS sample
                FROM files f JOIN field_mappings m ON m.upload_id = f.id AND m.generation = f.generation
                GROUP BY 1, 2, 3, 4
            ), kept AS (
                INSERT INTO performance_headers (organization_id, day, header_key, predicted, target, reviewed, columns,
                    undecided, waiting, recalled, confidence_sum, sample)
                SELECT :organization, :day, * FROM new
            ), changed AS (
                SELECT header_key, predicted, sum(columns) AS reviewed,
                       coalesce(sum(columns) FILTER (WHERE predicted IS NOT DISTINCT FROM target), 0) AS correct
                FROM (SELECT header_key, predicted, target, columns FROM new WHERE reviewed
                      UNION ALL SELECT header_key, predicted, target, -columns FROM gone WHERE reviewed) c
                GROUP BY 1, 2
            ), locked AS (
                SELECT p.header_key, p.predicted, c.reviewed, c.correct
                FROM field_patterns p JOIN changed c
                  ON p.header_key = c.header_key AND coalesce(p.predicted, '') = coalesce(c.predicted, '')
                WHERE p.organization_id = :organization AND (c.reviewed <> 0 OR c.correct <> 0)
                ORDER BY p.header_key, p.predicted FOR UPDATE OF p
            )
            UPDATE field_patterns p SET reviewed = greatest(0, p.reviewed + l.reviewed),
                correct = greatest(0, p.correct + l.correct)
            FROM locked l WHERE p.organization_id = :organization AND p.header_key = l.header_key
              AND coalesce(p.predicted, '') = coalesce(l.predicted, '')""",
        **span,
    )


_FILES = """SELECT id, generation, corrected_count, audit_share IS NOT NULL AS drawn,
           CASE WHEN status <> 'reviewed' THEN 'unreviewed' WHEN audit_share IS NULL THEN 'reviewed'
                ELSE 'audited' END AS basis
    FROM file_uploads
    WHERE organization_id = :organization AND generation > 0 AND mapped_at >= :since AND mapped_at < :until"""

_DECIDED = "coalesce(m.decided, m.auto_applied OR (m.predicted IS NULL AND m.confidence >= 70))"
_WAITS = f"m.review IS NULL AND NOT {_DECIDED}"


# --- Adding up -----------------------------------------------------------------------------------------------------


def columns_between(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Columns of the files that were mapped from `since` to before `until`, added up by everything that is known of them.

    Of the transaction's organization, or of all in the system's scope.
    """
    return transaction.all(
        f"""SELECT basis, model_version, language, method, predicted, target, decided, band, sum(columns)::bigint AS columns,
                   sum(confidence_sum) AS confidence_sum, sum(new_headers)::bigint AS new_headers
            FROM performance_columns WHERE {_IN_SPAN} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8""",
        **_span(transaction, since, until),
    )


def uploads_between(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Files likewise, by basis, model version and language."""
    return transaction.all(
        f"""SELECT basis, model_version, language, {_UPLOAD_SUMS} FROM performance_uploads
            WHERE {_IN_SPAN} GROUP BY 1, 2, 3""",
        **_span(transaction, since, until),
    )


def uploads_by_week(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Files by the Monday of the week (UTC) that they were mapped in, and by basis; oldest first."""
    return transaction.all(
        f"""SELECT date_trunc('week', day)::date AS week, basis, {_UPLOAD_SUMS} FROM performance_uploads
            WHERE {_IN_SPAN} GROUP BY 1, 2 ORDER BY 1, 2""",
        **_span(transaction, since, until),
    )


def columns_by_week(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Columns by week, basis and field: how many were mapped to the field, and how many of those rightly; how many hold it
    by what people said. What is None is "no target".
    """
    return transaction.all(
        f"""WITH counted AS (
                SELECT date_trunc('week', day)::date AS week, basis, predicted, target, sum(columns) AS columns,
                       sum(new_headers) AS new_headers
                FROM performance_columns WHERE {_IN_SPAN} GROUP BY 1, 2, 3, 4
            ), sides AS (
                SELECT week, basis, predicted AS field, columns AS proposed, new_headers, 0 AS held,
                       CASE WHEN basis <> 'unreviewed' AND predicted IS NOT DISTINCT FROM target THEN columns ELSE 0 END
                           AS correct
                FROM counted
                UNION ALL
                SELECT week, basis, target, 0, 0, columns, 0 FROM counted WHERE basis <> 'unreviewed'
            )
            SELECT week, basis, field, sum(proposed)::bigint AS proposed, sum(new_headers)::bigint AS new_headers,
                   sum(held)::bigint AS held, sum(correct)::bigint AS correct
            FROM sides GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
        **_span(transaction, since, until),
    )


def bands_between(transaction: Transaction, since: date, until: date) -> list[int]:
    """How many columns were mapped with a confidence in each tenth, lowest first. Memory's answers are left out."""
    rows = transaction.all(
        f"""SELECT band, sum(columns)::bigint AS columns FROM performance_columns
            WHERE {_IN_SPAN} AND method <> 'memory' GROUP BY band""",
        **_span(transaction, since, until),
    )
    counted = {row["band"]: row["columns"] for row in rows}
    return [counted.get(band, 0) for band in range(10)]


def confidence_between(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """Columns by tenth of confidence: how many, how many left undecided, how many reviewed, and how many of those right.
    Memory's answers are left out: they hold whatever the threshold.
    """
    return transaction.all(
        f"""SELECT band, sum(columns)::bigint AS columns,
                   coalesce(sum(columns) FILTER (WHERE NOT decided), 0)::bigint AS undecided,
                   coalesce(sum(columns) FILTER (WHERE basis <> 'unreviewed'), 0)::bigint AS reviewed,
                   coalesce(sum(columns) FILTER (WHERE basis <> 'unreviewed' AND predicted IS NOT DISTINCT FROM target),
                            0)::bigint AS correct
            FROM performance_columns WHERE {_IN_SPAN} AND method <> 'memory' GROUP BY band ORDER BY band""",
        **_span(transaction, since, until),
    )


def confusions_between(transaction: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """What was taken for what, in fully reviewed files: the field proposed, the right one, and how many columns. None is
    "no target".
    """
    return transaction.all(
        f"""SELECT predicted, target, sum(columns)::bigint AS columns FROM performance_columns
            WHERE {_IN_SPAN} AND basis <> 'unreviewed' AND predicted IS DISTINCT FROM target
            GROUP BY predicted, target ORDER BY columns DESC, predicted, target""",
        **_span(transaction, since, until),
    )


def new_headers_between(transaction: Transaction, since: date, until: date) -> tuple[int, int]:
    """How many columns had a header that the organization had never sent before, and how many there were."""
    row = transaction.one(
        f"""SELECT coalesce(sum(new_headers), 0)::bigint AS new, coalesce(sum(columns), 0)::bigint AS columns
            FROM performance_columns WHERE {_IN_SPAN}""",
        **_span(transaction, since, until),
    )
    return row["new"], row["columns"]


def _span(transaction: Transaction, since: date, until: date) -> dict[str, Any]:
    organization = None if transaction.scope is SYSTEM else transaction.organization
    return {"organization": organization, "since": since, "until": until}


_IN_SPAN = """(CAST(:organization AS uuid) IS NULL OR organization_id = :organization)
    AND day >= :since AND day < :until"""

_SUMMED = (
    "drawn", "uploads", "columns", "decided", "accepted", "correct", "columns_squared", "correct_squared",
    "columns_correct", "corrections", "corrections_squared", "llm_uploads", "llm_calls", "llm_tokens",
    "llm_unpriced_calls", "timed", "in_time",
)  # fmt: skip
_UPLOAD_SUMS = (
    ", ".join(f"sum({name})::bigint AS {name}" for name in _SUMMED)
    + ", sum(llm_cost_usd)::float AS llm_cost_usd, sum(work_seconds) AS work_seconds, sum(wait_seconds) AS wait_seconds"
)


# --- What was measured ---------------------------------------------------------------------------------------------


def unmeasured(transaction: Transaction, window_end: datetime, since: date) -> list[UUID]:
    """Organizations that have files since `since`, and no measurement of the window that ends then. Needs the system's
    scope.
    """
    rows = transaction.all(
        """SELECT DISTINCT p.organization_id FROM performance_uploads p
           WHERE p.day >= :since AND NOT EXISTS (
               SELECT FROM model_performance m
               WHERE m.organization_id = p.organization_id AND m.window_end = :window_end)
           ORDER BY 1""",
        since=since,
        window_end=window_end,
    )
    return [row["organization_id"] for row in rows]


def save(transaction: Transaction, window_end: datetime, measurements: Iterable[Mapping[str, Any]]) -> int:
    """Keep what was measured of the window that ends then, in place of what was measured of it before.

    In an organization's transaction it is hers, in the system's scope that of all together. Returns the number of rows.
    """
    organization = None if transaction.scope is SYSTEM else transaction.organization
    transaction.run(
        f"""DELETE FROM model_performance
           WHERE {_whose(transaction)} AND window_end = :window_end
             AND measured_on IN ('online', 'audit')""",
        organization=organization,
        window_end=window_end,
    )
    rows = [{**measurement, "id": new_id(), "organization_id": organization} for measurement in measurements]
    if rows:
        transaction.run(
            f"""INSERT INTO model_performance (id, organization_id, {", ".join(MEASURED)})
                SELECT id, organization_id, {", ".join(MEASURED)}
                FROM jsonb_populate_recordset(NULL::model_performance, CAST(:rows AS jsonb))""",
            rows=as_json(rows),
        )
        transaction.run(
            f"""UPDATE model_performance SET measured_at = now()
               WHERE {_whose(transaction)} AND window_end = :window_end""",
            organization=organization,
            window_end=window_end,
        )
    return len(rows)


def models_unmeasured(transaction: Transaction) -> list[dict[str, Any]]:
    """Trained models whose comparison on a golden set and on held-out layouts is not among the measurements yet: `name`,
    `metrics`, when they were made, and whose they are. Needs the system's scope.
    """
    return transaction.all(
        """SELECT m.organization_id, m.name, m.metrics, m.created_at FROM mapping_models m
           WHERE NOT m.shipped AND m.metrics <> '{}' AND NOT EXISTS (
               SELECT FROM model_performance p
               WHERE p.model_version = m.name AND p.measured_on IN ('golden', 'held_out'))
           ORDER BY m.version"""
    )


def save_offline(
    transaction: Transaction, organization: UUID | None, made_at: datetime, measurements: Iterable[Mapping[str, Any]]
) -> None:
    """Keep what a model came to before it was used. `organization` None: a shared model's, which everybody may see."""
    rows = [{**each, "id": new_id(), "organization_id": organization, "measured_at": made_at} for each in measurements]
    transaction.run(
        """INSERT INTO model_performance (id, organization_id, model_version, measured_on, field, columns, reviewed, accuracy,
               accuracy_low, accuracy_high, wrong_map_rate, measured_at)
           SELECT id, organization_id, model_version, measured_on, field, columns, reviewed, accuracy, accuracy_low,
                  accuracy_high, wrong_map_rate, measured_at
           FROM jsonb_populate_recordset(NULL::model_performance, CAST(:rows AS jsonb))""",
        rows=as_json(rows),
    )


def offline(transaction: Transaction, *, limit: int = 500) -> list[dict[str, Any]]:
    """What models came to on golden sets and held-out layouts, newest first: shared ones, and the organization's own."""
    return transaction.all(
        """SELECT organization_id, model_version, measured_on, field, columns, accuracy, accuracy_low, accuracy_high,
                  wrong_map_rate, measured_at
           FROM model_performance WHERE measured_on IN ('golden', 'held_out')
           ORDER BY measured_at DESC, model_version, measured_on, columns DESC LIMIT :limit""",
        limit=limit,
    )


MEASURED = (
    "model_version", "measured_on", "field", "language", "window_start", "window_end", "uploads", "reviewed_uploads",
    "columns", "reviewed", "accuracy", "accuracy_low", "accuracy_high", "mapped", "wrong_map_rate", "wrong_map_low",
    "wrong_map_high", "coverage", "coverage_low", "coverage_high", "calibration_error", "corrections_per_upload",
    "corrections_low", "corrections_high", "memory_share", "llm_share", "llm_calls", "llm_tokens", "llm_cost_usd",
    "accepted", "cost_per_accepted_usd", "seconds_per_upload", "in_time_share", "new_header_share", "audit_response",
)  # fmt: skip
"""What a measurement says: the columns of `model_performance`, and the members of `insights.performance.Measurement`."""


def newest(transaction: Transaction) -> list[dict[str, Any]]:
    """The newest measurements of files, of every model, field and language: the transaction's organization's, or in the
    system's scope those of all together.
    """
    return transaction.all(
        f"""SELECT {", ".join(MEASURED)}, measured_at FROM model_performance
            WHERE {_whose(transaction)} AND window_end = (SELECT max(window_end) FROM model_performance
                WHERE {_whose(transaction)} AND measured_on IN ('online', 'audit'))
            ORDER BY measured_on DESC, model_version NULLS FIRST, language NULLS FIRST, columns DESC""",
        organization=_span(transaction, date.min, date.max)["organization"],
    )


def history(transaction: Transaction, *, since: datetime, field: str | None = None) -> list[dict[str, Any]]:
    """What was measured day by day of all models and languages together, oldest first; of one field, or of all (None)."""
    return transaction.all(
        f"""SELECT {", ".join(MEASURED)}, measured_at FROM model_performance
            WHERE {_whose(transaction)} AND window_end >= :since AND model_version IS NULL AND language IS NULL
              AND field IS NOT DISTINCT FROM CAST(:field AS text) AND measured_on IN ('online', 'audit')
            ORDER BY window_end, measured_on""",
        organization=_span(transaction, date.min, date.max)["organization"],
        since=since,
        field=field,
    )


def _whose(transaction: Transaction) -> str:
    """The transaction's organization's, or those of all together; so that an index serves both."""
    return "organization_id IS NULL" if transaction.scope is SYSTEM else "organization_id = :organization"
