"""Who is logged in. A session is known by what its cookie holds, of which only a hash is stored.

The cookie changes now and then: a copy of an old one is worth nothing soon, and one that comes back long after the browser
has the new one ends the session, since then somebody else has it, too.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction
from leads_pipeline.store.ids import new_id

ROTATED_AFTER = timedelta(minutes=15)
LATE = timedelta(minutes=1)
"""How long the old cookie is still good once the new one has come back: requests that were under way carry it."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly `seen_at` is kept; more would be a write for every request."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. `source` is `password`, `token`, or the issuer that vouched for the person."""

    id: UUID
    role: str
    organization_id: UUID | None
    name: str
    source: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    due: bool
    """Whether the cookie is to be changed."""


def begin(
    transaction: Transaction,
    *,
    role: str,
    name: str,
    source: str,
    lasts: timedelta,
    organization: UUID | None = None,
    token: UUID | None = None,
) -> str:
    """Log somebody in and return what the cookie is to hold. A session by `token` ends when the token does."""
    secret = secrets.token_urlsafe(32)
    transaction.run("DELETE FROM login_sessions WHERE expires_at < now() OR revoked_at < now()")
    transaction.run(
        """INSERT INTO login_sessions (id, hash, role, organization_id, token_id, source, name, expires_at)
           VALUES (:id, :hash, :role, :organization, :token, :source, :name, now() + :lasts)""",
        id=new_id(),
        hash=_hash(secret),
        role=role,
        organization=organization,
        token=token,
        source=source,
        name=name,
        lasts=lasts,
    )
    return secret


def find(transaction: Transaction, secret: str, *, idle: timedelta) -> Session | None:
    """The session of a cookie; None when there is none, or it has ended: logged out, over, or unused for `idle`."""
    row = transaction.first(
        _SESSIONS + " AND (s.hash = :hash OR s.previous_hash = :hash)", hash=_hash(secret), idle=idle, **_TIMES
    )
    if row is None:
        return None
    newest = secrets.compare_digest(bytes(row["hash"]), _hash(secret))
    if not newest and row["superseded"]:
        transaction.run("UPDATE login_sessions SET revoked_at = now() WHERE id = :id", id=row["id"])
        return None
    if row["unseen"] or (newest and row["confirmed_at"] is None):
        transaction.run(
            """UPDATE login_sessions SET seen_at = now(),
                      confirmed_at = CASE WHEN :newest THEN coalesce(confirmed_at, now()) ELSE confirmed_at END
               WHERE id = :id""",
            id=row["id"],
            newest=newest,
        )
    return _session(row, due=newest and row["due"])


def rotate(transaction: Transaction, session: Session) -> str | None:
    """Give the session another cookie and return what it holds; None when another request has just done so."""
    secret = secrets.token_urlsafe(32)
    done = transaction.run(
        """UPDATE login_sessions SET previous_hash = hash, hash = :hash, rotated_at = now(), confirmed_at = NULL
           WHERE id = :id AND rotated_at < now() - :rotated_after""",
        id=session.id,
        hash=_hash(secret),
        rotated_after=ROTATED_AFTER,
    )
    return secret if done else None


def end(transaction: Transaction, session_id: UUID) -> None:
    """Log out."""
    transaction.run("UPDATE login_sessions SET revoked_at = now() WHERE id = :id", id=session_id)


def end_all(transaction: Transaction, *, name: str | None = None, source: str | None = None) -> int:
    """Log out everybody, or who has this name, or came by this source; returns how many sessions were open."""
    ended = transaction.run(
        """UPDATE login_sessions SET revoked_at = now()
           WHERE revoked_at IS NULL AND expires_at > now() AND (CAST(:name AS text) IS NULL OR name = :name)
             AND (CAST(:source AS text) IS NULL OR source = :source)""",
        name=name,
        source=source,
    )
    audit.record(transaction, "login.ended", details={"sessions": ended, "everybody": name is None})
    return ended


def open_sessions(transaction: Transaction, *, idle: timedelta) -> list[Session]:
    """Who is logged in, the last seen first."""
    rows = transaction.all(_SESSIONS + " ORDER BY s.seen_at DESC", idle=idle, **_TIMES)
    return [_session(row, due=row["due"]) for row in rows]


_SESSIONS = """
SELECT s.*, s.rotated_at < now() - :rotated_after AS due, s.seen_at < now() - :seen_every AS unseen,
       coalesce(s.confirmed_at < now() - :late, false) AS superseded
FROM login_sessions s LEFT JOIN api_tokens t ON t.id = s.token_id
WHERE s.revoked_at IS NULL AND s.expires_at > now() AND s.seen_at > now() - :idle
  AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""
_TIMES = {"rotated_after": ROTATED_AFTER, "seen_every": SEEN_EVERY, "late": LATE}


def _session(row: dict[str, Any], *, due: bool) -> Session:
    return Session(
        id=row["id"],
        role=row["role"],
        organization_id=row["organization_id"],
        name=row["name"],
        source=row["source"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
        due=due,
    )


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).digest()
