"""The worker's household: one process that has imported Dagster and our code, and all that is forked from it.

To import them takes seconds of CPU and 130 MB. So it is done once, by a process that then does nothing but fork; the code
server, the daemon and every run begin as copies of it, in some milliseconds and on its pages.

The worker starts this as a command, `python -m leads_pipeline.defs.forking PLACE DEFINITIONS LEVEL`, under a guardian that
ends whatever is left of it. It is one unit: when the code server or the daemon ends, so does the rest. It imports next to
nothing itself.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog

from leads_pipeline.defs import forked
from leads_pipeline.logs import configure

log = structlog.get_logger()

DAEMON_GRACE_SECONDS = 8.0
CODE_SERVER_GRACE_SECONDS = 15.0
"""Together less than the 30 seconds that hosting platforms give. Runs are asked to end at once."""
CODE_SERVER_START_SECONDS = 180.0
SOCKET, WORKSPACE = "code.sock", "workspace.yaml"
PRELOADED = "leads_pipeline.defs.preloaded"
"""By its name alone: importing it is what this process must not do."""
POLL_SECONDS = 0.02


class _Stop(BaseException):
    """SIGTERM came. Like `KeyboardInterrupt`, nothing but the end of the program handles it."""


def keep(place: Path, definitions: str) -> None:
    """Run the daemon and its code server until one of them ends, or cannot be started; the log says why.

    `place` is a folder for nobody else, where the code server's socket will lie and the daemon's workspace does.
    """
    socket, workspace = place / SOCKET, place / WORKSPACE
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    with ExitStack() as stack:
        reaper = stack.enter_context(_forked(context, forked.reap_runs, grace=0))
        code_server = stack.enter_context(
            _forked(
                context,
                forked.serve_code,
                str(socket),
                definitions,
                forked.forking_key(),
                grace=CODE_SERVER_GRACE_SECONDS,
            )
        )
        reaper.join()
        if reaper.exitcode:
            log.error("Dagster's storage cannot be used; the lines above say why. Is `leads db upgrade` done?")
            return
        if not _appears(socket, code_server):
            log.error("Dagster's code server does not start; the lines above say why.")
            return
        daemon = stack.enter_context(_forked(context, forked.run_daemon, str(workspace), grace=DAEMON_GRACE_SECONDS))
        log.info("worker ready", daemon=daemon.pid, code_server=code_server.pid)
        wait([daemon.sentinel, code_server.sentinel])
        for name, process in (("daemon", daemon), ("code server", code_server)):
            if not process.is_alive():
                log.error("worker ends", because=f"the {name} ended", exit_code=process.exitcode)


@contextmanager
def _forked(
    context: ForkServerContext, target: Callable[..., None], *args: object, grace: float
) -> Generator[ForkServerProcess]:
    """A process that does `target`. It has `grace` seconds to end after it was asked to by SIGTERM."""
    process = context.Process(target=target, args=args)
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(grace)
        process.kill()


def _appears(socket: Path, server: ForkServerProcess) -> bool:
    limit = time.monotonic() + CODE_SERVER_START_SECONDS
    while not socket.exists():
        if not server.is_alive() or time.monotonic() > limit:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # What is being undone must be undone to its end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Stop


def main() -> int:
    """The command. Returns 0 when it was told to end by SIGTERM."""
    signal.signal(signal.SIGTERM, _stop)
    place, definitions, level = sys.argv[1:]
    configure(level)
    try:
        keep(Path(place), definitions)
    except _Stop:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
