"""Work handed to a child process, and its answer: the parent's side of `nursery`.

`ask` is all that the rest of the room needs. What a file is, and what a child does with it, is none of its business:
jobs are JSON, answers are frames, and a child that died is reported as `ChildDied` with its exit code.
"""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from leads_pipeline.errors import FileRejected, LeadsError, SetupProblem
from leads_pipeline.spreadsheets import frames
from leads_pipeline.spreadsheets.nursery import READY, STATUS

_MAX_FRAME_BYTES = 64 * 2**20
_START_SECONDS = 60
_LOADER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class ChildDied(Exception):
    """The child ended without an answer. `exit_code` is negative for a signal."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


def ask(job: Mapping[str, Any], *, wall_seconds: float) -> Generator[bytes, None, dict[str, Any]]:
    """Have a child do `job`: yields the data it streams, returns its answer.

    `wall_seconds` bounds the time spent waiting for the child; what the caller does between two pieces does not count.
    Raises the `LeadsError` that the child raised, `FileRejected` (`read_timeout`), or `ChildDied`. Closing the
    generator early ends the child.
    """
    channel, control = _nursery.bear()
    with channel, control:
        budget = wall_seconds
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died already: its exit code will say how
            channel.settimeout(budget)
            channel.sendall(json.dumps(job).encode())
            channel.shutdown(socket.SHUT_WR)
        buffer = frames.Buffer(_MAX_FRAME_BYTES)
        while True:
            started = time.monotonic()
            channel.settimeout(max(budget, 0.001))
            try:
                received = channel.recv(2**20)
            except TimeoutError:
                raise FileRejected(
                    "read_timeout",
                    f"Reading the file took longer than {wall_seconds:g} seconds. Split it, or save it anew.",
                ) from None
            except ConnectionResetError:
                received = b""
            budget -= time.monotonic() - started
            if not received:
                raise ChildDied(_exit_code(control))
            for kind, payload in buffer.feed(received):
                if kind == frames.DATA:
                    yield payload
                elif kind == frames.ANSWER:
                    return json.loads(payload)
                else:
                    raise _as_error(json.loads(payload))


def warm_up() -> None:
    """Start the nursery now, so that the first file does not wait for it (about 0.3 s)."""
    _nursery.start()


def stop() -> None:
    """End the nursery and wait for it. The next file starts a new one."""
    _nursery.stop()


def _exit_code(control: socket.socket) -> int:
    control.settimeout(5)
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        status = control.recv(STATUS.size)
        if len(status) == STATUS.size:
            return STATUS.unpack(status)[0]
    return -9


def _as_error(problem: Mapping[str, Any]) -> LeadsError:
    code, detail, extra = problem["code"], problem["detail"], problem["extra"]
    if problem["rejected"]:
        return FileRejected(code, detail, extra=extra)
    return LeadsError(detail, code=code, status=problem["status"], title=problem["title"], extra=extra)


class _Nursery:
    """The one nursery of this process, started when it is first needed and again should it have died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._owner = 0

    def start(self) -> None:
        with self._lock:
            self._connected()

    def bear(self) -> tuple[socket.socket, socket.socket]:
        """A new child: the channel to talk to it, and the control socket that keeps it alive."""
        channel, childs_channel = socket.socketpair()
        control, nurserys_control = socket.socketpair()
        with childs_channel, nurserys_control, self._lock:
            fds = [childs_channel.fileno(), nurserys_control.fileno()]
            try:
                socket.send_fds(self._connected(), [b"+"], fds)
            except OSError:  # it died: a second one is started, whose failure would be worth an error
                self.stop()
                socket.send_fds(self._connected(), [b"+"], fds)
        return channel, control

    def _connected(self) -> socket.socket:
        if self._socket is not None and self._owner == os.getpid():
            return self._socket
        # After a fork (of a web server, of a test runner) the nursery belongs to the other process: leave it alone.
        ours, theirs = socket.socketpair()
        with theirs:
            program = (
                "import json, socket, sys; sys.path[:] = json.loads(sys.argv[2]); "
                "from leads_pipeline.spreadsheets.nursery import serve; serve(socket.socket(fileno=int(sys.argv[1])))"
            )
            # -c, so that the main module of whoever calls is never run again; -I, so that nothing lying in the
            # current folder is imported; a bare environment, so that no child of a hostile file can read a secret.
            self._process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-I",
                    "-c",
                    program,
                    str(theirs.fileno()),
                    json.dumps([*filter(None, sys.path), *([str(Path.cwd())] if "" in sys.path else [])]),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _LOADER_VARIABLES if name in os.environ}
                | {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"},
            )
        ours.settimeout(_START_SECONDS)
        try:
            ready = ours.recv(len(READY))
        except (TimeoutError, ConnectionResetError):
            ready = b""
        if ready != READY:
            ours.close()
            self._process.kill()
            self._process.wait()
            raise SetupProblem(
                "The process that reads spreadsheets did not start. Its error stands above, or in the log."
            )
        ours.settimeout(None)
        self._socket, self._owner = ours, os.getpid()
        return ours

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None and self._owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
        self._process = self._socket = None


_nursery = _Nursery()
atexit.register(stop)
