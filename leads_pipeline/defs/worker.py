"""The worker: one Dagster daemon for this database, and the code server that its sensors and runs live in.

The worker is one unit. When either process ends, or the database is lost, the worker ends with an exit code, and whoever
started it (`leads up`, a hosting platform) starts it anew.

The code server is ours and stays: one that the daemon manages itself is replaced every 60 seconds, which costs seconds
of CPU each time and the memory of two servers while they overlap.
"""

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
from leads_pipeline.defs.instance import CODE_LOCATION, DEFINITIONS, prepare_dagster_home
from leads_pipeline.errors import SetupProblem
from leads_pipeline.processes import Group
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment
from leads_pipeline.store.worker_lock import WorkerLock

log = structlog.get_logger()

DAEMON_GRACE_SECONDS = 8.0
CODE_SERVER_GRACE_SECONDS = 15.0
"""Together less than the 30 seconds that hosting platforms give. Runs are asked to end at once."""
CODE_SERVER_START_SECONDS = 180.0
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

    Waits while another worker is at work on the same database: two daemons would start runs twice.
    Raises `SetupProblem` when the database cannot be reached or the code server does not start.
    """
    prepare_dagster_home(settings)
    environment = dagster_environment(settings, database)
    with ExitStack() as stack:
        try:
            stack.enter_context(_stop_on_signals())
            lock = stack.enter_context(_only_worker(database))
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leads-")))
            reaper = stack.enter_context(_reaper(environment))
            code_server = stack.enter_context(_code_server(place, environment))
            _finish(reaper)
            daemon = stack.enter_context(_daemon(place, environment))
            log.info("worker ready", daemon=daemon.pid, code_server=code_server.pid)
            return _watch(daemon, code_server, lock)
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
def _code_server(place: Path, environment: Mapping[str, str]) -> Generator[Group]:
    # A socket in a directory of mode 0700, since the protocol knows no password; and short, since its path is limited.
    address = place / "code.sock"
    command = ["dagster", "api", "grpc", "--socket", str(address), "--module-name", DEFINITIONS]
    command += ["--working-directory", str(CHECKOUT), "--location-name", CODE_LOCATION]
    # Code that does not load is reported in the UI and the log, and the server stays up to say so.
    command += ["--lazy-load-user-code", "--use-python-environment-entry-point", "--log-level", "warning"]
    # The runs are processes of the server's group, and it would wait for them: they are asked to end as well.
    server = processes.start(
        command, environment, directory=CHECKOUT, grace=CODE_SERVER_GRACE_SECONDS, ask_everybody=True
    )
    try:
        limit = time.monotonic() + CODE_SERVER_START_SECONDS
        while not address.exists():
            if server.exit_code() is not None or time.monotonic() > limit:
                raise SetupProblem("Dagster's code server does not start; the lines above say why.")
            time.sleep(POLL_SECONDS)
        yield server
    finally:
        processes.stop([server])


@contextmanager
def _reaper(environment: Mapping[str, str]) -> Generator[Group]:
    # In a process of its own: what it takes to speak to Dagster would stay in our memory for good.
    command = [sys.executable, "-m", "leads_pipeline.defs.reaper"]
    reaper = processes.start(command, environment, directory=CHECKOUT, grace=0)
    try:
        yield reaper
    finally:
        processes.stop([reaper])


def _finish(reaper: Group) -> None:
    while (code := reaper.exit_code()) is None:
        time.sleep(POLL_SECONDS)
    if code:
        raise SetupProblem("Dagster's storage cannot be used; the lines above say why. Is `leads db upgrade` done?")


@contextmanager
def _daemon(place: Path, environment: Mapping[str, str]) -> Generator[Group]:
    server = {"socket": str(place / "code.sock"), "location_name": CODE_LOCATION}
    workspace = place / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    command = ["dagster-daemon", "run", "--workspace", str(workspace), "--log-level", "warning"]
    daemon = processes.start(command, environment, directory=CHECKOUT, grace=DAEMON_GRACE_SECONDS)
    try:
        yield daemon
    finally:
        processes.stop([daemon])


def _watch(daemon: Group, code_server: Group, lock: WorkerLock) -> int:
    held_at = check_at = time.monotonic()
    while True:
        for name, group in (("daemon", daemon), ("code server", code_server)):
            if (code := group.exit_code()) is not None:
                log.error("worker ends", because=f"the {name} ended", exit_code=code)
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
