"""Whose token a request carries, remembered for a moment: under load most requests ask nobody, and take no thread to do so.

A token that this process has revoked or replaced is worthless at once, one that another process has after
`REMEMBERED_SECONDS` at most. The dashboard and whoever logs in always ask.
"""

import hashlib
import time
from datetime import UTC, datetime

from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.organizations import Token

REMEMBERED_SECONDS = 1.0
MOST_REMEMBERED = 10_000


class Holders:
    """Remembers for one web process. Tokens that are not good are never remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, Token]] = {}

    def remembered(self, token: str) -> Token | None:
        """Whose token this was a moment ago; None says nothing."""
        until, found = self._known.get(_key(token), (0.0, None))
        return found if time.monotonic() < until else None

    def find(self, token: str) -> Token | None:
        """Whose token this is, None for one that is not good."""
        now = time.monotonic()
        with self._database.question(SYSTEM) as question:
            found = organizations.token_holder(question, token)
        if found is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self.forget()
            left = REMEMBERED_SECONDS if found.expires_at is None else _seconds_until(found.expires_at)
            self._known[_key(token)] = (now + min(left, REMEMBERED_SECONDS), found)
        return found

    def forget(self) -> None:
        """Ask about every token anew."""
        self._known = {}


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _seconds_until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()
