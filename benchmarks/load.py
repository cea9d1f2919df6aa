"""An open load over HTTP: a request is sent when its time has come, whether the one before was answered or not, and its
latency counts from then. So a server that falls behind shows it; one that falls far behind is given up.
"""

import gc
import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.table import Figure, milliseconds, quantile

CONNECTIONS = 32
PATIENCE_SECONDS = 20.0
"""How much longer than it should take a load may take. What was not sent by then is not sent."""
WARM_UP_SECONDS = 1.0
"""Latencies count from the second second on: before, the processes of PostgreSQL have yet to map their memory."""
QUIET = 0.05
"""The share of a core that an idle web process uses at most."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    token: str
    body: bytes | None = None


@dataclass(slots=True)
class Answers:
    """What a load came to: seconds from when each request was due, but for the first ones; statuses, and processor time of
    the server for each.
    """

    a_second: float
    wanted: int
    seconds: list[float] = field(default_factory=list[float])
    statuses: Counter[str] = field(default_factory=Counter[str])
    lasted: float = 0.0
    processor_seconds: float | None = None

    def figures(self, what: str, target: str = "") -> list[Figure]:
        told = [f"{n:,} {status}" for status, n in self.statuses.most_common()]
        if (missing := self.wanted - self.statuses.total()) > 0:
            told.append(f"{missing:,} not sent")
        found = [Figure(f"{what}: {', '.join(told)}", self._rate())]
        if self.seconds:
            found += [
                Figure(f"{what}: median", milliseconds(quantile(self.seconds, 0.5))),
                Figure(f"{what}: p99", milliseconds(quantile(self.seconds, 0.99)), target),
            ]
        if self.seconds and self.processor_seconds is not None:
            each = self.processor_seconds / self.statuses.total()
            found.append(Figure(f"{what}: processor time of the web process", milliseconds(each)))
        return found

    def _rate(self) -> str:
        return f"{self.statuses.total() / self.lasted:.0f} of {self.a_second:g} a second"


def send(port: int, requests: Sequence[Request], a_second: float, *, pid: int | None = None) -> Answers:
    """Send the requests, `a_second` of them each second. `pid` leads the server's process group.

    Ends when all were answered, or `PATIENCE_SECONDS` after that should have been.
    """
    answers = Answers(a_second, len(requests))
    waiting, taking = iter(enumerate(requests)), threading.Lock()
    before = processor_seconds(pid)
    begun = time.perf_counter() + 0.5
    until = begun + len(requests) / a_second + PATIENCE_SECONDS

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        while True:
            with taking:
                number, request = next(waiting, (-1, None))
            if request is None or time.perf_counter() > until:
                return
            due = begun + number / a_second
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                status = str(ask(connection, request))
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
                connection.close()
            with taking:
                answers.statuses[status] += 1
                if due - begun >= WARM_UP_SECONDS:
                    answers.seconds.append(time.perf_counter() - due)

    with _undisturbed(), ThreadPoolExecutor(CONNECTIONS) as senders:
        for sender in [senders.submit(work) for _ in range(CONNECTIONS)]:
            sender.result()
    answers.lasted = time.perf_counter() - begun
    after = processor_seconds(pid)
    answers.processor_seconds = None if before is None or after is None else after - before
    return answers


@contextmanager
def _undisturbed() -> Generator[None]:
    """No garbage is collected here meanwhile: walking through all that a benchmark has loaded holds every sender up for a
    quarter of a second, which would be counted as the server's.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def ask(connection: http.client.HTTPConnection, request: Request) -> int:
    headers = {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json"}
    connection.request(request.method, request.path, request.body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def settle(pid: int) -> None:
    """Wait until the server is done with starting: it answers before its dashboard is loaded."""
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        before = processor_seconds(pid)
        time.sleep(1)
        after = processor_seconds(pid)
        if before is None or after is None or after - before < QUIET:
            return


def processor_seconds(group: int | None) -> float | None:
    """Of all processes of a group, None where there is no way to know."""
    if group is None or not Path("/proc/self/stat").exists():
        return None
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(") ")[2].split()
        except OSError:  # It has ended meanwhile.
            continue
        if group in (int(words[2]), int(words[3])):
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")
