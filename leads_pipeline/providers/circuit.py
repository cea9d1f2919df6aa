"""A circuit breaker: when a service keeps failing, it is left alone for a while, and nobody waits for it."""

import threading
import time
from collections.abc import Callable


class Circuit:
    """Opens after `failures` in a row, for `pause` seconds; then one call is let through, and decides.

    Safe to share between threads. `clock` counts seconds.
    """

    def __init__(self, *, failures: int = 5, pause: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._pause, self._clock = failures, pause, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._closed_from = 0.0
        self._trying = False

    def lets_through(self) -> bool:
        """Whether a call may be made now. Whoever is let through must report `succeeded` or `failed`."""
        with self._lock:
            if self._failed < self._most and self._clock() >= self._closed_from:
                return True
            if self._clock() < self._closed_from or self._trying:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failed, self._trying = 0, False

    def failed(self, *, pause: float | None = None) -> None:
        """A call failed. `pause` opens the circuit at once, for so many seconds: the service has said so itself."""
        with self._lock:
            self._failed, self._trying = self._failed + 1, False
            if pause is not None:
                self._failed = max(self._failed, self._most)
                self._closed_from = max(self._closed_from, self._clock() + pause)
            elif self._failed >= self._most:
                self._closed_from = max(self._closed_from, self._clock() + self._pause)
