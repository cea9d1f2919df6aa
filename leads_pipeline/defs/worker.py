"""The worker: one Dagster daemon for this database, and the code server that its sensors and runs live in.

The worker is one unit. When one of these processes ends (`forking` starts them), or the database is lost, the worker ends
with an exit code, and whoever started it (`leads up`, a hosting platform) starts it anew.

The code server is ours and stays: one that the daemon manages itself is replaced every 60 seconds, which costs seconds
of CPU each time and the memory of two servers while they overlap.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import structlog
import yaml
from sqlalchemy.engine import URL

from leads_pipeline import processes
from leads_pipeline.defs import forking
from leads_pipeline.defs.forking import SOCKET, WORKSPACE
from leads_pipeline.defs.instance import CODE_LOCATION, DEFINITIONS, prepare_dagster_home
from leads_pipeline.errors import SetupProblem
from leads_pipeline.processes import Group
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment
from leads_pipeline.store.worker_lock import WorkerLock

log = structlog.get_logger()

GRACE_SECONDS = 26.0
"""What `forking` needs at most, and less than the 30 seconds that hosting platforms give."""
NICENESS = 5
"""By how much the worker and all that it starts stand back where the processor is wanted by others."""
LOCK_CHECK_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
"""How long a database that is being restarted is waited for."""
POLL_SECONDS = 0.2
TRY_AGAIN = 75
"""The exit code of sysexits.h for a failure that will pass."""


class _Stop(BaseException):
    """SIGTERM or SIGINT came. Like `KeyboardInterrupt`, nothing but the end of the program handles it."""


def run_worker(settings: Settings, database: URL) -> int:
    """Run the daemon and its code server until SIGTERM or SIGINT, and return the exit code for this process.

    Waits while another worker is at work on the same database: two daemons would start runs twice. On a machine that it
    shares with the web process, requests go first.
    Raises `SetupProblem` when the database cannot be reached.
    """
    os.nice(NICENESS)
    prepare_dagster_home(settings)
    environment = dagster_environment(settings, database)
    with ExitStack() as stack:
        try:
            stack.enter_context(_stop_on_signals())
            lock = stack.enter_context(_only_worker(database))
            # A folder of mode 0700, since the code server's protocol knows no password; and short, since a socket's path is
            # limited.
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leads-")))
            household = stack.enter_context(_household(place, environment, settings.log_level))
            return _watch(household, lock)
        except _Stop:
            log.info("worker stops")
            return 0


@contextmanager
def _stop_on_signals() -> Generator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # What is being undone must be undone to its end.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise _Stop

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _only_worker(database: URL) -> Generator[WorkerLock]:
    lock = WorkerLock(database)
    if not lock.take():
        log.info("another worker is at work on this database; waiting for it to end")
        while not lock.take():
            time.sleep(1)
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def _household(place: Path, environment: Mapping[str, str], level: str) -> Generator[Group]:
    server = {"socket": str(place / SOCKET), "location_name": CODE_LOCATION}
    (place / WORKSPACE).write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    command = [sys.executable, "-m", forking.__name__, str(place), DEFINITIONS, level]
    household = processes.start(command, environment, directory=CHECKOUT, grace=GRACE_SECONDS)
    try:
        yield household
    finally:
        processes.stop([household])


def _watch(household: Group, lock: WorkerLock) -> int:
    held_at = check_at = time.monotonic()
    while True:
        if (code := household.exit_code()) is not None:
            log.error("worker ends", because="its processes ended", exit_code=code)
            return 1
        if (now := time.monotonic()) >= check_at:
            check_at = now + LOCK_CHECK_SECONDS
            try:
                if not lock.take():
                    log.error("worker ends", because="another worker has taken over")
                    return TRY_AGAIN
                held_at = now
            except SetupProblem as problem:
                log.warning("database lost", detail=problem.detail)
        if now - held_at > PATIENCE_SECONDS:
            log.error("worker ends", because="the database does not come back")
            return TRY_AGAIN
        time.sleep(POLL_SECONDS)
