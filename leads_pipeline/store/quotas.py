"""What may be asked and kept: token buckets that all web processes share, and an organization's quotas."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from leads_pipeline.errors import TooMany
from leads_pipeline.settings import Settings
from leads_pipeline.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Grant:
    """How many requests were granted; when none, the seconds until one will be."""

    granted: int
    wait: float


def take(transaction: Transaction, key: UUID, *, rate: float, burst: float, want: int, returned: int) -> Grant:
    """Take up to `want` requests out of a bucket that fills with `rate` a second up to `burst`, after giving back `returned`.

    `want` must not exceed `burst`.
    """
    row = transaction.one(
        """INSERT INTO rate_buckets AS b (key, level, granted) VALUES (:key, :burst - :want, :want)
           ON CONFLICT (key) DO UPDATE SET
               (level, granted, updated_at) = (
                   SELECT full_ - least(:want, floor(full_)), least(:want, floor(full_)), greatest(now(), b.updated_at)
                   FROM (SELECT least(CAST(:burst AS double precision), b.level + :returned
                             + :rate * greatest(extract(epoch FROM now() - b.updated_at), 0)) AS full_) f)
           RETURNING granted, level""",
        key=key,
        rate=rate,
        burst=burst,
        want=want,
        returned=returned,
    )
    return Grant(int(row["granted"]), (1 - row["level"]) / rate)


def forget_full_buckets(transaction: Transaction) -> None:
    """Buckets that nobody has asked for an hour are full, as new ones are."""
    transaction.run("DELETE FROM rate_buckets WHERE updated_at < now() - interval '1 hour'")


def require_room(transaction: Transaction, settings: Settings) -> None:
    """Raise `TooMany` when the organization keeps more, or has sent more today, than it may: the newest upload counts.

    `settings` are the organization's (`organizations.settings_for`). Called in the transaction of the upload, which so
    never was. Uploads of an organization that has a quota wait for each other here.
    """
    if settings.max_daily_uploads is None and settings.max_storage_bytes is None:
        return
    transaction.run(
        "SELECT pg_advisory_xact_lock(hashtextextended('quota ' || :organization, 0))",
        organization=str(transaction.organization),
    )
    if settings.max_daily_uploads is not None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        sent = transaction.value(
            "SELECT count(*) FROM file_uploads WHERE organization_id = :organization AND received_at >= :today",
            organization=transaction.organization,
            today=today,
        )
        if sent > settings.max_daily_uploads:
            seconds = int((today + timedelta(days=1) - datetime.now(UTC)).total_seconds()) + 1
            raise TooMany(
                f"This organization may send {settings.max_daily_uploads:,} files a day (UTC); send more tomorrow, or ask "
                "the administrator for a higher max_daily_uploads.",
                code="quota_exceeded",
                title="The quota is used up",
                extra={"retry_after": seconds},
            )
    if settings.max_storage_bytes is not None:
        kept = transaction.value(
            """SELECT coalesce(sum(size_bytes), 0)::bigint FROM file_uploads
               WHERE organization_id = :organization AND contents_deleted_at IS NULL""",
            organization=transaction.organization,
        )
        if kept > settings.max_storage_bytes:
            raise TooMany(
                f"This organization may keep {settings.max_storage_bytes:,} bytes of files; delete uploads, or ask the "
                "administrator for a higher max_storage_bytes.",
                code="quota_exceeded",
                title="The quota is used up",
            )
