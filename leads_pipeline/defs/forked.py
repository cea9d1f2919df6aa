"""What the worker's processes do once they are forked: Dagster's code server, its daemon, and the reaper.

They are forked from a process that has imported `preloaded`, so nothing here is imported anew; but importing this module
costs nothing, since `forking` does. Who starts and stops them is its business.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.forkserver
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn


def serve_code(socket: str, definitions: str, key: bytes | None) -> None:
    """Be Dagster's code server at `socket`, as `dagster api grpc` is, until SIGTERM; then ask the runs to end as well.

    Its runs are forked like itself, where Dagster's own server starts an interpreter for each. `key` is what the process
    that forks them wants to be asked with.
    """
    from dagster._core.origin import get_python_environment_entry_point
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer
    from dagster._utils.log import configure_loggers

    from leads_pipeline.defs.instance import CODE_LOCATION
    from leads_pipeline.settings import CHECKOUT

    class Server(DagsterApiServer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self._mp_ctx = multiprocessing.get_context("forkserver")

    _fork_where_we_were(key)
    configure_loggers(log_level="WARNING")
    logger = logging.getLogger("dagster.code_server")
    over, threads = threading.Event(), FuturesAwareThreadPoolExecutor()
    server = Server(
        server_termination_event=over,
        logger=logger,
        server_threadpool_executor=threads,
        loadable_target_origin=LoadableTargetOrigin(
            executable_path=sys.executable, module_name=definitions, working_directory=str(CHECKOUT)
        ),
        # Code that does not load is reported in the UI and the log, and the server stays up to say so.
        lazy_load_user_code=True,
        entry_point=get_python_environment_entry_point(sys.executable),
        location_name=CODE_LOCATION,
    )
    served = DagsterGrpcServer(
        server_termination_event=over,
        dagster_api_servicer=server,
        logger=logger,
        threadpool_executor=threads,
        socket=socket,
    )
    # Not before: loading the definitions has put Dagster's own handler there.
    signal.signal(signal.SIGTERM, _end_with_runs)
    with contextlib.suppress(KeyboardInterrupt):
        served.serve()


def run_daemon(workspace: str) -> None:
    """Be the Dagster daemon of the code locations in the file `workspace`, as `dagster-daemon run` is, until SIGTERM.

    Ticks of sensors that are under way then come to their end. Dagster's own command takes their workspace away before it
    waits for them, so that they fail, with a traceback each.
    """
    from dagster import DagsterInstance
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._daemon.controller import daemon_controller_from_instance
    from dagster._daemon.daemon import SensorDaemon
    from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

    # That a new deployment has no cursor yet is nothing to warn of.
    consumer = logging.getLogger("dagster.daemon.EventLogConsumerDaemon")
    consumer.addFilter(lambda record: not record.getMessage().startswith("No cursor for event type"))
    setup_interrupt_handlers()
    with (
        contextlib.suppress(KeyboardInterrupt),
        capture_interrupts(),
        DagsterInstance.get() as instance,
        daemon_controller_from_instance(
            instance, WorkspaceFileTarget([workspace]), log_level="warning", code_server_log_level="warning"
        ) as controller,
    ):
        try:
            controller.check_daemon_loop()
        finally:
            # Nothing begins a tick any more once this is left.
            with controller:
                pass
            sensors = controller.get_daemon(SensorDaemon.daemon_type())
            if isinstance(sensors, SensorDaemon) and (ticks := sensors._threadpool_executor) is not None:  # noqa: SLF001
                ticks.shutdown(cancel_futures=True)


def reap_runs() -> None:
    """Report the runs of a worker that is gone; fails where Dagster's storage cannot be used."""
    from leads_pipeline.defs.reaper import reap_all

    reap_all()


def forking_key() -> bytes | None:
    """What the process that forks wants to be asked with, where this version of Python has it ask for something."""
    return getattr(_PYTHONS, "_forkserver_authkey", None)


_PYTHONS: Any = multiprocessing.forkserver._forkserver  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue]


def _fork_where_we_were(key: bytes | None) -> None:
    """Have this process, itself forked, ask for more where it came from. Python would start a second such process."""
    _PYTHONS.ensure_running = lambda: None
    _PYTHONS._forkserver_authkey = key  # noqa: SLF001


def _end_with_runs(_number: int, _frame: FrameType | None) -> NoReturn:
    for run in multiprocessing.active_children():
        run.terminate()
    raise KeyboardInterrupt
