"""Which files have been kept long enough, and the deletion of what is in them. The facts about them stay.

A file that somebody has still to look at is held: one with columns that nobody and nothing has decided, or one that was drawn
at random for review. So is one that is being mapped. With 0 days, a file goes once it was reviewed, or could not be read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.store import audit, contents
from leads_pipeline.store.database import SYSTEM, Transaction


@dataclass(frozen=True, slots=True)
class Expired:
    """An upload whose contents are due. `version` is the upload's; `organization` its owner's name."""

    upload_id: UUID
    organization_id: UUID
    version: int
    organization: str
    size_bytes: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is: uploads with contents, those due and their bytes, those too old but held, and the database's clock."""

    kept: int
    due: int
    due_bytes: int
    held: int
    newest: datetime | None
    now: datetime


def overview(transaction: Transaction, days: int) -> Overview:
    """Over all organizations; `days` is for those that have set none of their own."""
    return Overview(
        **transaction.one(
            f"""SELECT count(*) AS kept, count(*) FILTER (WHERE {_DUE}) AS due,
                       coalesce(sum(u.size_bytes) FILTER (WHERE {_DUE}), 0)::bigint AS due_bytes,
                       count(*) FILTER (WHERE {_OLD} AND {_HELD}) AS held, max(u.received_at) AS newest,
                       clock_timestamp() AS now
                FROM file_uploads u JOIN organizations o ON o.id = u.organization_id
                WHERE u.contents_deleted_at IS NULL""",
            days=days,
        )
    )


@dataclass(frozen=True, slots=True)
class Neglected:
    """Files of an organization that are kept beyond their time: how many, their bytes, and when the oldest came."""

    organization: str
    files: int
    bytes: int
    oldest: datetime


GRACE_DAYS = 7
"""Where files go right after their review, one that waits for it is no neglect before that."""


def neglected(transaction: Transaction, days: int) -> list[Neglected]:
    """Files that are due but for somebody who has still to look at them, by organization, those with the most first."""
    rows = transaction.all(
        f"""SELECT o.name AS organization, count(*) AS files, sum(u.size_bytes)::bigint AS bytes, min(u.received_at) AS oldest
            FROM organizations o JOIN file_uploads u ON u.organization_id = o.id
            WHERE (CAST(:organization AS uuid) IS NULL OR o.id = :organization)
              AND u.status = 'mapped' AND u.contents_deleted_at IS NULL AND ({_HELD} OR {_DAYS} = 0)
              AND u.received_at < now() - make_interval(days => greatest({_DAYS}, :grace))
            GROUP BY o.id ORDER BY 2 DESC, 1""",
        organization=None if transaction.scope is SYSTEM else transaction.organization,
        days=days,
        grace=GRACE_DAYS,
    )
    return [Neglected(**row) for row in rows]


def due(transaction: Transaction, days: int, *, limit: int, but_not: Collection[UUID] = ()) -> list[Expired]:
    """Up to `limit` uploads whose contents are due, oldest first."""
    rows = transaction.all(
        f"""SELECT u.id AS upload_id, u.organization_id, u.version, o.name AS organization, u.size_bytes, u.received_at
            FROM file_uploads u JOIN organizations o ON o.id = u.organization_id
            WHERE u.contents_deleted_at IS NULL AND {_DUE}
              AND NOT u.id = ANY(CAST(:but_not AS uuid[]))
            ORDER BY u.received_at, u.id LIMIT :limit""",
        days=days,
        limit=limit,
        but_not=list(but_not),
    )
    return [Expired(**row) for row in rows]


def coming(transaction: Transaction, days: int, *, ahead: int) -> Sequence[Mapping[str, Any]]:
    """What goes on each of the next `ahead` days (UTC), today first and with what should be gone already: bytes of CSV, of
    Excel's workbooks and of other files, and of files that would go but for somebody who has still to look at them.
    """
    return transaction.all(
        f"""WITH going AS (
                SELECT greatest((u.received_at AT TIME ZONE 'UTC')::date + {_DAYS}, (now() AT TIME ZONE 'UTC')::date) AS day,
                       u.kind, u.size_bytes, {_HELD} OR {_DAYS} = 0 AND u.status = 'mapped' AS held
                FROM file_uploads u JOIN organizations o ON o.id = u.organization_id
                WHERE u.contents_deleted_at IS NULL
            ), counted AS (
                SELECT day, sum(size_bytes) FILTER (WHERE NOT held AND kind = 'csv') AS csv,
                       sum(size_bytes) FILTER (WHERE NOT held AND kind LIKE 'xls%') AS excel,
                       sum(size_bytes) FILTER (WHERE NOT held AND kind <> 'csv' AND kind NOT LIKE 'xls%') AS others,
                       sum(size_bytes) FILTER (WHERE held) AS held
                FROM going GROUP BY day
            )
            SELECT p.day::date AS start, coalesce(csv, 0)::bigint AS csv, coalesce(excel, 0)::bigint AS excel,
                   coalesce(others, 0)::bigint AS others, coalesce(held, 0)::bigint AS held
            FROM generate_series(0, :ahead - 1) n CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE 'UTC')::date + n AS day) p
            LEFT JOIN counted c ON c.day = p.day ORDER BY 1""",
        days=days,
        ahead=ahead,
    )


def expire(transaction: Transaction, upload_id: UUID, days: int) -> bool:
    """Delete an upload's contents and the masked samples of its columns; False when it is not due any more.

    Needs the transaction of its organization.
    """
    expired = transaction.run(
        f"""UPDATE file_uploads SET contents_deleted_at = now(), version = version + 1 WHERE id = (
                SELECT u.id FROM file_uploads u JOIN organizations o ON o.id = u.organization_id
                WHERE u.organization_id = :organization AND u.id = :id AND u.contents_deleted_at IS NULL
                  AND {_DUE} FOR UPDATE OF u)""",
        organization=transaction.organization,
        id=upload_id,
        days=days,
    )
    if not expired:
        return False
    contents.delete_with_samples(transaction, upload_id)
    audit.record(transaction, "upload.expired", ("upload", upload_id))
    return True


_DAYS = "coalesce(o.training_data_retention_days, :days)"
_OLD = f"u.received_at < now() - make_interval(days => {_DAYS})"
_HELD = """(u.status IN ('received', 'processing')
            OR u.status = 'mapped' AND (u.decided_count < u.column_count OR u.audit_share IS NOT NULL))"""
_DUE = f"({_OLD} AND NOT {_HELD} AND ({_DAYS} > 0 OR u.status IN ('reviewed', 'failed')))"
