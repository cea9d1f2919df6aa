"""How often a token may ask. The buckets lie in PostgreSQL; a web process takes a handful of requests out at a time.

So no process lets through what another one has let through already, and most requests ask nobody: under load one in sixty
does. What was taken and not used goes back with the next handful.
"""

import math
import time
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from leads_pipeline.errors import TooMany
from leads_pipeline.settings import Settings
from leads_pipeline.store import quotas
from leads_pipeline.store.database import SYSTEM, Database

HANDFUL_SECONDS = 0.2
"""A handful is at most what the rate allows in so long."""
HANDFUL_LASTS_SECONDS = 1.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Handful:
    """What this process may let through by itself until `until`; `size` it was, `left` it is. Empty until `empty_until`."""

    size: int = 0
    left: int = 0
    until: float = 0.0
    empty_until: float = 0.0


class RateLimiter:
    """Counts for one web process."""

    def __init__(self, settings: Settings) -> None:
        self._rate, self._burst = settings.rate_limit, max(settings.rate_burst, 1)
        self._largest = max(1, min(int(self._rate * HANDFUL_SECONDS), self._burst))
        self._handfuls: dict[UUID, _Handful] = {}
        self._lock = Lock()

    def take_at_hand(self, key: UUID) -> bool:
        """Count one request of `key` if that takes nobody else's word; False says that it was not counted."""
        with self._lock:
            return self._take_at_hand(key, time.monotonic())

    def take(self, database: Database, key: UUID) -> None:
        """Count one request of `key`. Raises `TooMany`, with `retry_after` in whole seconds, when there were too many."""
        now = time.monotonic()
        with self._lock:
            if self._take_at_hand(key, now):
                return
            handful = self._handfuls[key]
            if now < handful.empty_until:
                raise _too_many(handful.empty_until - now)
            # As many as were of use in the last one; twice as many when it did not last.
            used = handful.size - handful.left
            want = max(1, min(self._largest, used if handful.left else 2 * used))
            returned, handful.left = handful.left, 0
            self._forget_some(now)
        with database.question(SYSTEM) as question:
            grant = quotas.take(question, key, rate=self._rate, burst=self._burst, want=want, returned=returned)
        with self._lock:
            if grant.granted == 0:
                handful.empty_until = now + grant.wait
                raise _too_many(grant.wait)
            # Another thread may have brought a handful meanwhile.
            handful.left += grant.granted - 1
            handful.size, handful.until = grant.granted, now + HANDFUL_LASTS_SECONDS

    def _take_at_hand(self, key: UUID, now: float) -> bool:
        handful = self._handfuls.setdefault(key, _Handful())
        if handful.left and now < handful.until:
            handful.left -= 1
            return True
        return False

    def _forget_some(self, now: float) -> None:
        if len(self._handfuls) > MOST_REMEMBERED:
            kept = {key: handful for key, handful in self._handfuls.items() if now < handful.until}
            self._handfuls = kept if len(kept) < MOST_REMEMBERED else {}


def _too_many(wait: float) -> TooMany:
    seconds = max(1, math.ceil(wait))
    return TooMany(
        f"This token has asked more often than it may; ask again in {seconds} {'second' if seconds == 1 else 'seconds'}.",
        extra={"retry_after": seconds},
    )
