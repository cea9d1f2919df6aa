"""Starting processes so that they end with whoever started them, and nothing of them is left behind.

What the processes are is somebody else's business: `supervisor` runs the web process and the worker, `defs.worker` the
Dagster daemon and its code server.

Each command runs under a guardian, a process of a few megabytes that leads a process group of its own:
`python -m leads_pipeline.processes`. Its standard input is a pipe that only we hold. When the pipe is closed, because we
want the command to stop or because we are gone, SIGKILL included, the guardian ends the group.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Group:
    """A command that runs, with everything that it starts."""

    guardian: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The number of the process group."""
        return self.guardian.pid

    def exit_code(self) -> int | None:
        """How the command ended, None while it runs; 128 + n when signal n ended it, as in shells."""
        return self.guardian.poll()

    def ask_to_stop(self) -> None:
        assert self.guardian.stdin is not None
        self.guardian.stdin.close()

    def kill(self) -> None:
        """Kill what is left of the group, and of the session where it has its own."""
        _kill_all(self.pid)
        self.guardian.wait()
        self.ask_to_stop()


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: Path,
    grace: float,
    own_session: bool = False,
    output: int | None = None,
) -> Group:
    """Run `command` in `directory`. It has `grace` seconds to end after it was asked to by SIGTERM.

    In a session of its own, it hears nothing of a terminal's Ctrl-C. `output` is for both of its streams, as in
    `subprocess`.
    """
    guardian = subprocess.Popen(  # noqa: S603 - our own commands
        [sys.executable, "-m", __name__, str(grace), *command],
        env=environment,
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=own_session,
        process_group=None if own_session else 0,
    )
    return Group(guardian)


def stop(groups: Iterable[Group], *, hurry: threading.Event | None = None) -> None:
    """Ask the groups to end, and kill what has not when its grace is over, or `hurry` is set.

    Nothing of them is left when this returns, even if it is interrupted.
    """
    asked = list(groups)
    try:
        for group in asked:
            group.ask_to_stop()
        while any(group.exit_code() is None for group in asked):  # Their guardians see to it that this ends.
            if hurry is not None and hurry.is_set():
                break
            time.sleep(POLL_SECONDS)
    finally:
        for group in asked:
            group.kill()


def _kill_all(group: int) -> None:
    """Kill the processes of the group, and of its session, ourselves last."""
    for pid in sorted(_processes_of(group), key=lambda pid: pid == os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _processes_of(group: int) -> list[int]:
    found: list[int] = []
    for pid in _process_ids():
        try:
            if os.getpgid(pid) == group or os.getsid(pid) == group:
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return found


def _process_ids() -> list[int]:
    if Path("/proc/self/stat").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=False)  # noqa: S607
    return [int(word) for word in listed.stdout.split()]


def _guard(grace: float, command: Sequence[str]) -> int:
    """Run the command until it ends, we are signalled, or whoever started us has closed the pipe or is gone."""
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _noted)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin, awake], [], [])
        if sys.stdin in ready or not set(os.read(awake, 512)) <= {signal.SIGCHLD}:
            _end(child, grace)
    if select.select([sys.stdin], [], [], 0)[0]:
        # Nobody may be there any more to clean up after the command. This is our own end too.
        _kill_all(os.getpid())
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end(child: subprocess.Popen[bytes], grace: float) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child.terminate()
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _noted(_number: int, _frame: object) -> None:
    """The wakeup pipe has it."""


if __name__ == "__main__":
    sys.exit(_guard(float(sys.argv[1]), sys.argv[2:]))
