"""The whole system on one machine: the processes of the Procfile, kept running, and stopped together.

PostgreSQL, migrations and what the terminal shows are the caller's business; a production deployment has a platform
that does what this module does.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from leads_pipeline import processes
from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings, child_environment

GRACE_SECONDS = 30.0
"""What the processes are given to end by themselves, as hosting platforms do."""
LONGEST_BACKOFF_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
"""A process that ran so long is started again at once when it ends."""
START_SECONDS = 300.0
"""For a first start on a slow machine, which compiles every module; one that cannot succeed is given up long before."""
HOPELESS_STARTS = 3
"""A process that ended so often before the system was ever ready will not do better the next time."""
LARGEST_LOG_BYTES = 10 * 2**20
MOST_AT_ONCE, PAUSE_SECONDS = 2**20, 0.05
"""How much of a program's output is read at once, and how long until it is looked at again."""
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and what to call it in logs."""

    name: str
    command: Sequence[str]


PROCFILE = (
    Program("web", [sys.executable, "-m", "leads_pipeline", "serve"]),
    Program("worker", [sys.executable, "-m", "leads_pipeline", "worker"]),
)


class System:
    """The running system: `with System(settings) as system: system.wait_ready()`.

    The processes find their database by the settings, as they do everywhere. What they print goes to
    `LEADS_HOME/logs/<name>.log` and, line by line, to `show`; `log` is told what happens to them. A process that ends is
    started again, after 1, 2, 4, ... up to 30 seconds. They end with the `with` block, and when this process is killed.

    Raises `SetupProblem` on entering when the port is taken.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environment: Mapping[str, str] | None = None,
        log: Callable[[str], None] = lambda _line: None,
        show: Callable[[str], None] | None = None,
        programs: Sequence[Program] = PROCFILE,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._settings = settings
        self._environment = child_environment(settings, environment)
        self._log = log
        self._children = [_Child(program, settings.home / "logs", show) for program in programs]
        self._grace = grace
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._ready = threading.Event()
        self._gave_up: SetupProblem | None = None
        # A daemon: were we interrupted before the block is entered, the processes still end with us.
        self._keeper = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    @property
    def base_url(self) -> str:
        """Where the web process answers, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._settings.host, self._settings.host)  # noqa: S104
        return f"http://{host}:{self._settings.port}"

    @property
    def pids(self) -> dict[str, int]:
        """The process groups that run at the moment, by name."""
        return {child.program.name: child.group.pid for child in self._children if child.group is not None}

    def __enter__(self) -> Self:
        check_port(self._settings.host, self._settings.port)
        (self._settings.home / "logs").mkdir(parents=True, exist_ok=True)
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        try:
            self._keeper.join()
        except KeyboardInterrupt:  # A second Ctrl-C: somebody is in a hurry.
            self._hurry.set()
            self._keeper.join()

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        """Return when the web process says that it is ready to serve.

        Raises `SetupProblem` when it does not within `timeout` seconds, or when a process keeps ending.
        """
        limit = time.monotonic() + timeout
        while not _answers(f"{self.base_url}/api/v1/health/ready"):
            if self._gave_up is not None:
                raise self._gave_up
            if time.monotonic() > limit:
                raise SetupProblem(
                    f"The web process was not ready within {timeout:.0f} seconds; {self._settings.home / 'logs'} says why."
                )
            time.sleep(0.1)
        self._ready.set()

    def wait(self) -> None:
        """Return never: the system runs until an exception ends it, such as the interrupt of `interrupt_on_signals`.

        Raises `SetupProblem` when a process ended again and again before it was of any use.
        """
        while True:
            if self._gave_up is not None:
                raise self._gave_up
            time.sleep(0.2)

    def _keep(self) -> None:
        try:
            while not self._stopping.is_set() and self._gave_up is None:
                for child in self._children:
                    self._look_after(child)
                self._stopping.wait(0.1)
        finally:
            processes.stop([child.group for child in self._children if child.group is not None], hurry=self._hurry)
            for child in self._children:
                child.close()

    def _look_after(self, child: "_Child") -> None:
        now, name = time.monotonic(), child.program.name
        if child.group is None:
            if now >= child.start_at:
                try:
                    child.start(self._environment, self._grace)
                except OSError as error:
                    self._gave_up = SetupProblem(f"{name} cannot be started: {error.strerror}.")
            return
        code = child.group.exit_code()
        if code is None:
            return
        child.group.kill()
        child.group = None
        child.failures = 1 if now - child.started_at > HEALTHY_AFTER_SECONDS else child.failures + 1
        ended = f"{name} {_how_it_ended(code)}"
        if child.failures >= HOPELESS_STARTS and not self._ready.is_set():
            child.close()
            said = child.last_words()
            self._gave_up = SetupProblem(f"{ended}, {child.failures} times" + (f": {said}" if said else "."))
            return
        pause = min(2.0 ** (child.failures - 1), LONGEST_BACKOFF_SECONDS)
        child.start_at = now + pause
        self._log(f"{ended}; starting it again in {pause:.0f} s.")


def check_port(host: str, port: int) -> None:
    """Raise `SetupProblem` when nobody could listen on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupProblem(
                f"Port {port} of {host} cannot be used ({(error.strerror or str(error)).lower()}): stop what listens there, "
                "or set PORT to another."
            ) from error


@contextmanager
def interrupt_on_signals() -> Generator[None]:
    """Turn SIGTERM and SIGHUP into what Ctrl-C is, a `KeyboardInterrupt`, in the main thread."""
    import signal

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class _Child:
    """A program, and what became of it so far."""

    program: Program
    logs: Path
    show: Callable[[str], None] | None
    group: processes.Group | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    reader: threading.Thread | None = None
    tail: deque[str] = field(default_factory=lambda: deque[str](maxlen=50))

    def start(self, environment: Mapping[str, str], grace: float) -> None:
        self.close()
        self.tail.clear()
        self.group = processes.start(
            self.program.command,
            environment,
            directory=CHECKOUT,
            grace=grace,
            own_session=True,
            output=subprocess.PIPE,
        )
        self.started_at = time.monotonic()
        output = self.group.guardian.stdout
        assert output is not None
        self.reader = threading.Thread(target=self._read, args=[output], daemon=True)
        self.reader.start()

    def last_words(self) -> str:
        """The last line that the process printed."""
        return next((line for line in reversed(self.tail) if line.strip()), "").strip()

    def close(self) -> None:
        if self.reader is not None:
            self.reader.join(timeout=5)
            self.reader = None

    def _read(self, output: IO[bytes]) -> None:
        # A full disk must not stop the process by filling its pipe: then its lines are shown, and no longer kept.
        path: Path | None = self.logs / f"{self.program.name}.log"
        with output:
            for coloured in _in_bursts(output):  # Dagster's lines are, whether it speaks to a terminal or not
                raw = _COLOURS.sub(b"", coloured)
                for line in raw.decode(errors="replace").removesuffix("\n").split("\n"):
                    self.tail.append(line)
                    if self.show is not None:
                        self.show(f"{self.program.name:<6} | {line}")
                if path is not None:
                    path = _append(path, raw)


def _in_bursts(output: IO[bytes]) -> Generator[bytes]:
    """Whole lines as they come, but no more often than a person could read: each look wakes this process, and so takes
    the processor from the one that writes.
    """
    begun = b""
    while chunk := os.read(output.fileno(), MOST_AT_ONCE):
        whole, end, begun = (begun + chunk).rpartition(b"\n")
        if end:
            yield whole + end
        time.sleep(PAUSE_SECONDS)
    if begun:
        yield begun


def _append(path: Path, line: bytes) -> Path | None:
    try:
        if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            log.write(line)
    except OSError:
        return None
    return path


def _answers(url: str) -> bool:
    from http.client import HTTPException
    from urllib.request import urlopen

    with contextlib.suppress(OSError, HTTPException), urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
        return answer.status == 200
    return False


def _how_it_ended(code: int) -> str:
    signal_number = -code if code < 0 else code - 128
    return f"was killed by signal {signal_number}" if signal_number > 0 else f"ended with exit code {code}"
