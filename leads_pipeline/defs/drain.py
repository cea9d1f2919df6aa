"""The loop that empties the queue: claim, process, again, until there is nothing more or its time is up.

The queue is the truth: a drain that dies loses nothing, two drains at once do nothing twice, and a bad file is an
outcome, never a failed run. Knows nothing of Dagster but that somebody may want it to stop.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from leads_pipeline.defs.asking import Asker
from leads_pipeline.defs.processing import LEASE, Figures, Processed, Work, process
from leads_pipeline.errors import ContentsUnavailable
from leads_pipeline.logs import where
from leads_pipeline.settings import Settings
from leads_pipeline.store import queue
from leads_pipeline.store.database import AWAY, SYSTEM, Database, is_disk_full
from leads_pipeline.store.queue import Job

log = structlog.get_logger()

HEARTBEAT_SECONDS = 3.0
POLL_SECONDS = 0.25
"""How often an idle drain looks for a new upload: what a person waits for at most, besides the reading."""
PATIENCE_SECONDS = 60.0
FULL_DISK_SECONDS = 10.0
"""How long nothing new is begun after the disk was found full."""
REPORT_SECONDS = 60.0
"""How long a drain that is kept busy says nothing of what it has done."""
TIME_IS_UP = "time is up"
MOST_ASKING = 8
"""Files that wait for a language model, for each call that is made at the same time."""

Outcome = Processed | Work | None


@dataclass(slots=True)
class Totals:
    """What a drain did, or did since it last said so; and why it stopped, once it has."""

    uploads: int = 0
    figures: Figures = field(default_factory=Figures)
    errors: Counter[str] = field(default_factory=Counter[str])
    taken_over: int = 0
    stopped_because: str = ""

    def add(self, done: Processed | None) -> None:
        if done is None:
            self.taken_over += 1
            return
        self.uploads += 1
        self.figures += done.figures
        if done.error is not None:
            self.errors[done.error] += 1

    def include(self, part: "Totals") -> None:
        """Add what was done after this."""
        self.uploads += part.uploads
        self.figures += part.figures
        self.errors += part.errors
        self.taken_over += part.taken_over
        self.stopped_because = part.stopped_because


def drain(
    database: Database,
    settings: Settings,
    run_id: str,
    *,
    asked_to_stop: Callable[[], bool] = lambda: False,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[Totals]:
    """Process what waits, `settings.readers` files at a time; linger for more.

    Yields what was done, part by part: when it first has nothing more to do, then at most every `REPORT_SECONDS`, and at the
    end what is left, which may be nothing; the last part tells why it stopped.

    Files that wait for a language model do so apart from the readers, who go on with other files meanwhile.

    Ends when nothing came for `drain_linger_seconds`, when `drain_max_seconds` are over, or when asked to stop; claimed
    jobs that were not begun wait again then. `asked_to_stop` is called every few seconds, `interrupted` several times a
    second.
    """
    with database.transaction(SYSTEM) as transaction:
        this_drain = queue.begin_drain(transaction, run_id)
    with (
        ThreadPoolExecutor(settings.readers, thread_name_prefix="reader") as readers,
        closing(Asker(database, settings)) as asker,
    ):
        loop = _Loop(database, settings, run_id, this_drain, readers, asker, asked_to_stop, interrupted)
        try:
            while not loop.totals.stopped_because:
                loop.turn()
                if loop.has_news():
                    yield loop.news()
        finally:
            # However it ends, a signal included: what is not begun waits for the next drain, not for its lease.
            loop.wind_up()
            with database.transaction(SYSTEM) as transaction:
                queue.end_drain(transaction, this_drain, loop.totals.stopped_because or "interrupted")
    yield loop.news()


class _Loop:
    """The state of a drain: which jobs are at work, and when things last happened (monotonic seconds)."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        run_id: str,
        drain: UUID,
        readers: ThreadPoolExecutor,
        asker: Asker,
        asked_to_stop: Callable[[], bool],
        interrupted: Callable[[], bool],
    ) -> None:
        self.database, self.settings, self.run_id, self.drain = database, settings, run_id, drain
        self.readers, self.asker = readers, asker
        self.asked_to_stop, self.interrupted = asked_to_stop, interrupted
        self.totals = Totals()
        self.at_work: dict[Future[Outcome], Job] = {}
        self.asking: set[Future[Outcome]] = set()
        self.begun = self.beaten = self.worked = self.answered = self.begin_at = self.told = time.monotonic()

    def turn(self) -> None:
        """Beat, claim and collect once; notice when it is time to stop."""
        now = time.monotonic()
        try:
            self._beat(now)
            self._claim()
            self.answered = now
        except AWAY:
            # A database that is restarted comes back within a minute; one that does not is for the next drain.
            if now - self.answered > PATIENCE_SECONDS:
                raise
            log.warning("the database does not answer", run=self.run_id)
            time.sleep(1)
        if self.at_work:
            self._collect(POLL_SECONDS)
            self.worked = time.monotonic()
        elif now - self.worked >= self.settings.drain_linger_seconds:
            self.totals.stopped_because = "nothing waits"
        else:
            time.sleep(POLL_SECONDS)
        if now - self.begun >= self.settings.drain_max_seconds:
            self.totals.stopped_because = TIME_IS_UP
        if self.interrupted():
            self.totals.stopped_because = "interrupted"

    def has_news(self) -> bool:
        """Whether something was done that nobody was told of, and it is time to."""
        if not self.totals.uploads or self.totals.stopped_because:
            return False
        begins_to_linger = not self.at_work and self.told == self.begun
        return begins_to_linger or time.monotonic() - self.told >= REPORT_SECONDS

    def news(self) -> Totals:
        """What was done since this was asked last."""
        news, self.totals = self.totals, Totals()
        self.told = time.monotonic()
        return news

    def wind_up(self) -> None:
        """Give back what was not begun, and wait for what was; for a language model only where nothing presses."""
        if self.totals.stopped_because != TIME_IS_UP:
            self.asker.give_up()
        for future, job in list(self.at_work.items()):
            if future.cancel():
                del self.at_work[future]
                self.asking.discard(future)
                with self.database.transaction(SYSTEM) as transaction:
                    queue.give_back(transaction, job, tried=False)
        while self.at_work:
            self._collect(HEARTBEAT_SECONDS)
            self._beat(time.monotonic())

    def _beat(self, now: float) -> None:
        if now - self.beaten < HEARTBEAT_SECONDS:
            return
        with self.database.transaction(SYSTEM) as transaction:
            queue.heartbeat(transaction, self.drain)
            queue.extend(transaction, list(self.at_work.values()), LEASE)
        self.beaten = now
        if self.asked_to_stop():
            self.totals.stopped_because = "asked to stop"

    def _claim(self) -> None:
        # Twice as many as are read at a time: the next one is there when a reader is free.
        free = 2 * self.settings.readers - (len(self.at_work) - len(self.asking))
        # A language model that is slow does not make the drain take in ever more files.
        free = min(free, MOST_ASKING * self.settings.llm_calls - len(self.asking))
        if free <= 0 or self.totals.stopped_because or time.monotonic() < self.begin_at:
            return
        with self.database.transaction(SYSTEM) as transaction:
            claimed = queue.claim(transaction, limit=free, lease=LEASE, run_id=self.run_id)
        for job in claimed:
            self.at_work[self.readers.submit(process, self.database, self.settings, job)] = job

    def _collect(self, timeout: float) -> None:
        finished, _ = wait(self.at_work, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in finished:
            job = self.at_work.pop(future)
            self.asking.discard(future)
            error = future.exception()
            if error is None:
                self._collected(job, future.result())
            elif is_disk_full(error):
                self._disk_was_full(job)
            elif isinstance(error, AWAY):
                # The database went away under this job: its lease runs out, and the next claim takes it.
                self.totals.errors["database_unavailable"] += 1
                log.warning("job left to its lease", job=str(job.id))
            elif isinstance(error, ContentsUnavailable):
                # Neither this file nor the next can be had: they wait, and the next drain looks again.
                log.warning("the store of files does not answer", job=str(job.id), detail=error.detail)
                self.totals.stopped_because = "the store of files does not answer"
                with self.database.transaction(SYSTEM) as transaction:
                    queue.give_back(transaction, job, tried=False)
            else:
                # Our own fault, not the file's: another attempt may fare better, and the third one's failure is final.
                self.totals.errors["internal_error"] += 1
                log.error("job failed unexpectedly", job=str(job.id), error=where(error))
                with self.database.transaction(SYSTEM) as transaction:
                    queue.give_back(transaction, job, tried=True)

    def _disk_was_full(self, job: Job) -> None:
        # No fault of the file's either: it waits, and costs no attempt, until somebody has freed some space.
        self.begin_at = time.monotonic() + FULL_DISK_SECONDS
        self.totals.errors["disk_full"] += 1
        log.error("the disk is full", job=str(job.id))
        with suppress(*AWAY), self.database.transaction(SYSTEM) as transaction:
            queue.give_back(transaction, job, tried=False)

    def _collected(self, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Work):
            future = self.asker.submit(outcome)
            self.asking.add(future)
            self.at_work[future] = job
        else:
            self.totals.add(outcome)
