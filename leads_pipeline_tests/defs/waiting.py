"""Waiting for what other processes and threads do, with a bound."""

import time
from collections.abc import Callable

LONGEST = 300.0
"""Seconds for what takes a few on a machine with nothing else to do: only something that hangs takes so long."""


def eventually(condition: Callable[[], object]) -> None:
    """Return once the condition holds. Raises `AssertionError` when that takes too long."""
    limit = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.1)
