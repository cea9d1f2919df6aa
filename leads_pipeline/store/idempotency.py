"""A POST that is sent twice under one key is done once: the second gets the first one's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from leads_pipeline.errors import RequestInvalid, StaleState
from leads_pipeline.store.database import Transaction, as_json

KEPT = timedelta(hours=24)
LOCKED = timedelta(minutes=15)
"""How long a request may be under way before its key is free again: its process has died."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to the first request."""

    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: Any


def reserve(transaction: Transaction, key: str, operation: str) -> Answer | None:
    """Take the key for the request that comes, or return the answer that an earlier one got.

    Raises `StaleState` (409) while the earlier one is under way, `RequestInvalid` for a key used elsewhere.
    """
    transaction.run(
        "DELETE FROM idempotency_keys WHERE organization_id = :organization AND created_at < now() - :kept",
        organization=transaction.organization,
        kept=KEPT,
    )
    taken = transaction.run(
        """INSERT INTO idempotency_keys (organization_id, key, operation, locked_until)
           VALUES (:organization, :key, :operation, now() + :locked)
           ON CONFLICT (organization_id, key) DO UPDATE SET locked_until = excluded.locked_until
           WHERE idempotency_keys.status IS NULL AND idempotency_keys.locked_until < now()""",
        organization=transaction.organization,
        key=key,
        operation=operation,
        locked=LOCKED,
    )
    if taken:
        return None
    row = transaction.one(
        "SELECT * FROM idempotency_keys WHERE organization_id = :organization AND key = :key",
        organization=transaction.organization,
        key=key,
    )
    if row["status"] is None:
        raise StaleState(
            "A request with this Idempotency-Key is under way; send yours again when it has ended.",
            code="idempotency_in_progress",
        )
    if row["operation"] != operation:
        raise reused()
    return Answer(bytes(row["fingerprint"]), row["status"], row["headers"], row["body"])


def keep(transaction: Transaction, key: str, answer: Answer) -> None:
    """Keep the answer of the request that reserved `key`. In the transaction of what the request did."""
    transaction.run(
        """UPDATE idempotency_keys SET fingerprint = :fingerprint, status = :status,
               headers = CAST(:headers AS jsonb), body = CAST(:body AS jsonb)
           WHERE organization_id = :organization AND key = :key""",
        organization=transaction.organization,
        key=key,
        fingerprint=answer.fingerprint,
        status=answer.status,
        headers=as_json(answer.headers),
        body=as_json(answer.body),
    )


def release(transaction: Transaction, key: str) -> None:
    """Free a key whose request failed and changed nothing."""
    transaction.run(
        "DELETE FROM idempotency_keys WHERE organization_id = :organization AND key = :key AND status IS NULL",
        organization=transaction.organization,
        key=key,
    )


def reused() -> RequestInvalid:
    """The error for a key that comes again with another request."""
    return RequestInvalid(
        "This Idempotency-Key was used for another request; make a new key for each.", code="idempotency_key_reused"
    )
