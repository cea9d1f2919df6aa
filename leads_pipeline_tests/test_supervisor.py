"""The supervisor with real processes: small stand-ins for the web process and the worker."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings
from leads_pipeline.store.ids import new_id
from leads_pipeline.supervisor import PROCFILE, Program, System

WEB = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/v1/health/ready" else 404)
        self.end_headers()
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready).serve_forever()
"""
# Like the worker: it has a child in a group of its own, and a grandchild, and writes in colours.
WORKER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"], process_group=0)
print("\\x1b[32mworking\\x1b[0m", flush=True)
time.sleep(600)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('no', flush=True); time.sleep(600)"
)


def python(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(LEADS_HOME=tmp_path, PORT=port)  # pyright: ignore[reportCallIssue]


@pytest.fixture
def mark() -> Generator[str]:
    """What the processes of one test carry in their environment; whatever is left of them in the end is killed."""
    mark = str(new_id())
    yield mark
    for pid in alive(mark):
        os.kill(pid, signal.SIGKILL)


def alive(mark: str) -> list[int]:
    """The processes that carry the mark."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"LEADS_TEST_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.05)


def commands_of(mark: str, code: str) -> list[int]:
    """The processes that run this code themselves, not their guardians."""
    return [
        pid
        for pid in alive(mark)
        if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:3] == [b"-c", code.encode()]
    ]


def test_the_system_is_ready_when_the_web_process_is_and_leaves_nothing_behind(settings: Settings, mark: str) -> None:
    shown: list[str] = []
    programs = [python("web", WEB), python("worker", WORKER)]
    with System(settings, environment={"LEADS_TEST_MARK": mark}, programs=programs, show=shown.append) as system:
        system.wait_ready(20)
        assert system.base_url == f"http://127.0.0.1:{settings.port}"
        assert set(system.pids) == {"web", "worker"}
        eventually(lambda: len(alive(mark)) == 6 and "worker | working" in shown)
    assert alive(mark) == []
    assert "web    | listening" in shown
    assert (settings.home / "logs/worker.log").read_text() == "working\n"


def test_a_process_that_dies_is_started_again(settings: Settings, mark: str) -> None:
    said: list[str] = []
    programs = [python("web", WEB), python("worker", WORKER)]
    with System(settings, environment={"LEADS_TEST_MARK": mark}, programs=programs, log=said.append) as system:
        system.wait_ready(20)
        eventually(lambda: len(alive(mark)) == 6)
        (first,) = commands_of(mark, WORKER)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: commands_of(mark, WORKER) not in ([], [first]))
        eventually(lambda: len(alive(mark)) == 6)  # What the dead one had started is gone.
    assert said == ["worker was killed by signal 9; starting it again in 1 s."]
    assert alive(mark) == []


def test_a_process_that_does_not_listen_is_killed_after_the_grace(settings: Settings, mark: str) -> None:
    programs = [python("web", WEB), python("worker", STUBBORN)]
    with System(settings, environment={"LEADS_TEST_MARK": mark}, programs=programs, grace=0.5) as system:
        system.wait_ready(20)
        eventually((settings.home / "logs/worker.log").exists)
        asked = time.monotonic()
    assert 0.4 < time.monotonic() - asked < 5
    assert alive(mark) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_everything_ends_with_the_supervisor_however_it_ends(
    settings: Settings, mark: str, number: signal.Signals
) -> None:
    script = f"""
from leads_pipeline.settings import Settings
from leads_pipeline.supervisor import Program, System, interrupt_on_signals
import sys
with interrupt_on_signals():
    try:
        with System(Settings(), programs=[Program("web", [sys.executable, "-c", {WEB!r}]),
                                          Program("worker", [sys.executable, "-c", {WORKER!r}])]) as system:
            system.wait_ready(20)
            print("ready", flush=True)
            system.wait()
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""
    environment = {**os.environ, "LEADS_HOME": str(settings.home), "PORT": str(settings.port), "LEADS_TEST_MARK": mark}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "ready\n"
        eventually(lambda: len(alive(mark)) == 7)
        supervisor.send_signal(number)
        assert supervisor.stdout.read() == ("" if number is signal.SIGKILL else "stopped\n")
    eventually(lambda: not alive(mark))


def test_a_port_that_is_taken_is_said_before_anything_starts(settings: Settings, mark: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with (
            pytest.raises(SetupProblem, match=re.escape(f"Port {settings.port}")),
            System(settings, environment={"LEADS_TEST_MARK": mark}, programs=[python("web", WEB)]),
        ):
            pass
    assert alive(mark) == []


def test_a_process_that_cannot_run_is_given_up_with_its_last_words(settings: Settings, mark: str) -> None:
    broken = "import sys; sys.exit('leads: The database cannot be reached.')"
    with (
        pytest.raises(
            SetupProblem, match=r"web ended with exit code 1, 3 times: leads: The database cannot be reached\."
        ),
        System(settings, environment={"LEADS_TEST_MARK": mark}, programs=[python("web", broken)]) as system,
    ):
        system.wait_ready(30)
    assert alive(mark) == []


def test_a_system_that_is_never_ready_is_not_waited_for_without_end(settings: Settings, mark: str) -> None:
    with (
        pytest.raises(SetupProblem, match="was not ready within 1 seconds"),
        System(
            settings, environment={"LEADS_TEST_MARK": mark}, programs=[python("web", "import time; time.sleep(60)")]
        ) as system,
    ):
        system.wait_ready(1)


def test_it_runs_the_processes_of_the_procfile() -> None:
    lines = dict(line.split(": ", 1) for line in (CHECKOUT / "Procfile").read_text().splitlines())
    for program in PROCFILE:
        assert " ".join(["python", *program.command[1:]]) in lines[program.name]
