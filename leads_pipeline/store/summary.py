"""Figures over an organization's uploads, from counters that every upload carries: no query here reads the mappings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leads_pipeline.store.database import Transaction


def totals(transaction: Transaction, since: datetime, until: datetime) -> Mapping[str, int]:
    """Counts over the uploads received from `since` to before `until`, and how many bytes of files are kept, of any day.

    `reviewed_columns` and `right_columns` count fully reviewed uploads only: people correct what is wrong, so elsewhere
    silence says nothing.
    """
    groups = transaction.all(
        # By status in one pass over the rows: counting each figure by a condition of its own, and the bytes in a second pass,
        # took half as long again.
        """SELECT status, received_at >= :since AND received_at < :until AS within, count(*) AS uploads,
                  sum(row_count)::bigint AS rows, sum(column_count) AS columns, sum(mapped_count) AS mappings,
                  sum(decided_count) AS decided, sum(reviewed_count) AS reviewed, sum(corrected_count) AS corrections,
                  coalesce(sum(size_bytes) FILTER (WHERE contents_deleted_at IS NULL), 0)::bigint AS storage_bytes
           FROM file_uploads
           WHERE organization_id = :organization
             AND ((received_at >= :since AND received_at < :until) OR contents_deleted_at IS NULL)
           GROUP BY 1, 2""",
        organization=transaction.organization,
        since=since,
        until=until,
    )
    counted = [group for group in groups if group["within"]]

    def total(name: str, *statuses: str) -> int:
        return sum(group[name] for group in counted if not statuses or group["status"] in statuses)

    summed = ("uploads", "rows", "columns", "mappings", "decided", "reviewed", "corrections")
    reviewed_columns = total("columns", "reviewed")
    return {
        **{name: total(name) for name in summed},
        "failed": total("uploads", "failed"),
        "waiting": total("uploads", "received", "processing"),
        "reviewed_columns": reviewed_columns,
        "right_columns": reviewed_columns - total("corrections", "reviewed"),
        "storage_bytes": sum(group["storage_bytes"] for group in groups),
    }


def llm_totals(transaction: Transaction, since: datetime, until: datetime) -> Mapping[str, Any]:
    """What a language model was asked. `cost_usd` is the sum of what is known, None where nothing is; `unpriced_calls`
    are the calls whose cost is not known.
    """
    return transaction.one(
        """SELECT coalesce(sum(llm_calls), 0)::bigint AS calls, coalesce(sum(llm_tokens), 0)::bigint AS tokens,
                  CASE WHEN coalesce(sum(llm_calls), 0) = 0 THEN 0
                       ELSE sum(llm_cost_usd) FILTER (WHERE llm_calls > 0) END::float AS cost_usd,
                  coalesce(sum(llm_calls) FILTER (WHERE llm_cost_usd IS NULL), 0)::bigint AS unpriced_calls
           FROM processing_jobs
           WHERE organization_id = :organization AND finished_at >= :since AND finished_at < :until""",
        organization=transaction.organization,
        since=since,
        until=until,
    )


def header_patterns(
    transaction: Transaction, *, per_field: int, field: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """For each lead field (None: no target), the headers that were mapped to it most often, at most `per_field`.

    `reviewed` are columns of fully reviewed files, `correct` those of them that needed no correction. `answers` are what
    people said about the header, with how often each. `conflicts` are the answers that contradict each
    other about the same values in the same surroundings: of each person the newest, for each field how many gave it.
    """
    return transaction.all(
        """WITH ranked AS (
               SELECT *, row_number() OVER (PARTITION BY predicted ORDER BY seen DESC, header_key) AS rank
               FROM field_patterns
               WHERE organization_id = :organization AND (CAST(:field AS text) IS NULL OR predicted = :field)
           ), shown AS (SELECT DISTINCT header_key FROM ranked WHERE rank <= :per_field),
           answers AS (
               SELECT header_key, jsonb_object_agg(coalesce(target, ''), answers) AS answers, sum(answers) AS answered
               FROM (SELECT header_key, target, sum(answers) AS answers FROM memory_entries JOIN shown USING (header_key)
                     WHERE organization_id = :organization AND neighbours = '' GROUP BY header_key, target) m
               GROUP BY header_key
           ), voices AS (
               SELECT header_key, neighbours, value_class, target, person, last_at,
                      person = '' OR last_at = max(last_at) OVER (
                          PARTITION BY header_key, neighbours, value_class, person) AS holds
               FROM memory_entries JOIN shown USING (header_key)
               WHERE organization_id = :organization AND disputed AND neighbours <> ''
           ), disputes AS (
               SELECT header_key, neighbours, value_class,
                      jsonb_agg(jsonb_build_object('target', target, 'people', people, 'newest', newest)
                                ORDER BY people DESC, newest DESC) AS answers
               FROM (SELECT header_key, neighbours, value_class, target, count(*) AS people, max(last_at) AS newest
                     FROM voices WHERE holds GROUP BY header_key, neighbours, value_class, target) v
               GROUP BY header_key, neighbours, value_class HAVING count(*) > 1
           ), conflicts AS (
               SELECT header_key, jsonb_agg(jsonb_build_object('values', value_class, 'answers', answers)) AS conflicts
               FROM disputes GROUP BY header_key
           )
           SELECT r.predicted AS field, r.header, r.header_key, r.seen, r.confidence_sum / r.seen AS confidence,
                  r.last_seen, r.reviewed, r.correct, coalesce(a.answered, 0)::bigint AS answered,
                  coalesce(a.answers, '{}') AS answers,
                  coalesce(c.conflicts, '[]') AS conflicts
           FROM ranked r LEFT JOIN answers a USING (header_key) LEFT JOIN conflicts c USING (header_key)
           WHERE r.rank <= :per_field ORDER BY r.predicted NULLS LAST, r.rank""",
        organization=transaction.organization,
        field=field,
        per_field=per_field,
    )


def system_totals(transaction: Transaction) -> Mapping[str, Any]:
    """Over all organizations: what the dashboard shows about intake and mapping."""
    return transaction.one(
        """SELECT count(*) AS uploads, count(*) FILTER (WHERE status = 'failed') AS failed,
                  count(*) FILTER (WHERE status IN ('received', 'processing')) AS waiting,
                  count(*) FILTER (WHERE status IN ('mapped', 'reviewed') AND contents_deleted_at IS NULL) AS exportable,
                  coalesce(sum(row_count) FILTER (WHERE contents_deleted_at IS NULL), 0)::bigint AS rows,
                  coalesce(sum(column_count), 0)::bigint AS columns,
                  coalesce(sum(mapped_count), 0)::bigint AS mapped, coalesce(sum(decided_count), 0)::bigint AS decided,
                  coalesce(sum(reviewed_count), 0)::bigint AS reviewed,
                  coalesce(sum(corrected_count), 0)::bigint AS corrected, coalesce(sum(size_bytes), 0)::bigint AS bytes
           FROM file_uploads"""
    )


def corrections_since(transaction: Transaction, since: datetime | None) -> Mapping[str, Any]:
    """How many answers of each kind came after `since`, over all organizations, and when the newest did."""
    return transaction.one(
        """SELECT count(*) FILTER (WHERE kind = 'confirmed') AS confirmed,
                  count(*) FILTER (WHERE kind = 'corrected') AS corrected,
                  count(*) FILTER (WHERE undone_at IS NOT NULL) AS undone,
                  count(DISTINCT upload_id) AS uploads, max(created_at) AS newest
           FROM user_corrections
           WHERE kind <> 'unseated' AND (CAST(:since AS timestamptz) IS NULL OR created_at > :since)""",
        since=since,
    )
