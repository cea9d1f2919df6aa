"""The worker with a real Dagster daemon, code server and run."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from leads_pipeline.defs.instance import prepare_dagster_home
from leads_pipeline.defs.worker import NICENESS
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment
from leads_pipeline.store.database import Database
from leads_pipeline.store.ids import new_id
from leads_pipeline_tests.defs.waiting import LONGEST, eventually

WORKER = """
import sys
from sqlalchemy.engine import make_url
from leads_pipeline.defs import worker
from leads_pipeline.settings import Settings
worker.DEFINITIONS = "leads_pipeline_tests.defs.slow_definitions"
sys.exit(worker.run_worker(Settings(), make_url(sys.argv[1])))
"""


class Worker:
    """A worker in a process of its own, with a mark in the environment of everything that it starts."""

    def __init__(self, settings: Settings, database: Database, log: Path) -> None:
        self.mark = str(new_id())
        self.log = log
        environment = {**os.environ, "LEADS_HOME": str(settings.home), "LEADS_TEST_MARK": self.mark}
        url = database.url.render_as_string(hide_password=False)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WORKER, url], env=environment, cwd=CHECKOUT, stdout=output, stderr=output
            )

    def said(self, words: str) -> bool:
        """Whether it has said so; fails for a worker that has ended without."""
        ended = self.process.poll() is not None
        if words in (log := self.log.read_text()):
            return True
        assert not ended, log
        return False

    def stop(self) -> int:
        """Ask it to end, and return its exit code. It kills what has not ended within its own grace."""
        self.process.terminate()
        return self.process.wait(LONGEST)

    def forked(self) -> list[int]:
        """What runs from the pages of the one process that has imported our code, that process included."""
        return [pid for pid in self.processes() if b"multiprocessing.forkserver" in _command(pid)]

    def processes(self) -> list[int]:
        """What is alive of this worker, itself included."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if f"LEADS_TEST_MARK={self.mark}".encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(LEADS_HOME=tmp_path)  # pyright: ignore[reportCallIssue]


@pytest.fixture
def start(settings: Settings, database: Database, tmp_path: Path) -> Generator[Callable[[], Worker]]:
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker(settings, database, tmp_path / f"worker-{len(started)}.log"))
        return started[-1]

    yield start
    for worker in started:
        for pid in worker.processes():
            os.kill(pid, signal.SIGKILL)
        worker.process.wait()


@pytest.fixture
def instance(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Generator[dg.DagsterInstance]:
    prepare_dagster_home(settings)
    for name, value in dagster_environment(settings, database.url, {}).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        yield instance
        for run in instance.get_runs(dg.RunsFilter(job_name="slow")):
            instance.delete_run(run.run_id)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_runs_alone_and_the_next_one_tidies_up_after_it(
    start: Callable[[], Worker], instance: dg.DagsterInstance
) -> None:
    def runs(*statuses: dg.DagsterRunStatus) -> int:
        return instance.get_runs_count(dg.RunsFilter(job_name="slow", statuses=[*statuses]))

    first = start()
    eventually(lambda: first.said("worker ready"))
    eventually(lambda: runs(dg.DagsterRunStatus.STARTED))
    # The one that forks, the code server, the daemon, and the run: none of them has imported anything itself.
    assert len(first.forked()) == 4
    # Where the processor is wanted by the web process as well, requests go first.
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in first.forked()} == {NICENESS + os.nice(0)}

    second = start()
    eventually(lambda: second.said("another worker is at work"))
    assert not second.said("worker ready")

    first.process.kill()
    eventually(lambda: second.said("worker ready"))
    eventually(lambda: not first.processes())
    # Its run was told to end, or else was found by the second worker.
    eventually(lambda: runs(dg.DagsterRunStatus.FAILURE))

    assert second.stop() == 0
    assert second.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_that_is_told_to_stop_has_its_run_end_at_once(
    start: Callable[[], Worker], instance: dg.DagsterInstance
) -> None:
    worker = start()
    started = dg.RunsFilter(job_name="slow", statuses=[dg.DagsterRunStatus.STARTED])
    eventually(lambda: instance.get_runs_count(started))
    assert worker.stop() == 0
    assert worker.processes() == []
    # It has said so itself: one that was killed would still be taken for started.
    failed = dg.RunsFilter(job_name="slow", statuses=[dg.DagsterRunStatus.FAILURE])
    assert instance.get_runs_count(failed) == 1


def test_a_worker_that_is_told_to_stop_lets_a_sensor_finish_and_logs_no_trouble(
    start: Callable[[], Worker], instance: dg.DagsterInstance
) -> None:
    def ticks(*statuses: TickStatus) -> int:
        sensors = [state for state in instance.all_instigator_state() if state.name == "thorough"]
        return sum(
            len(instance.get_ticks(each.instigator_origin_id, each.selector_id, statuses=[*statuses]))
            for each in sensors
        )

    worker = start()
    eventually(lambda: ticks(TickStatus.STARTED))
    assert worker.stop() == 0
    assert ticks(TickStatus.FAILURE, TickStatus.STARTED) == 0
    assert ticks(TickStatus.SKIPPED)
    log = worker.log.read_text()
    assert not any(word in log for word in ("Traceback", "ERROR", "WARNING"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_ends_with_the_process_that_its_runs_are_forked_from(start: Callable[[], Worker]) -> None:
    worker = start()
    eventually(lambda: worker.said("worker ready"))
    os.kill(min(worker.forked()), signal.SIGKILL)
    assert worker.process.wait(LONGEST) == 1
    assert worker.processes() == []


def test_a_worker_that_is_told_to_stop_while_it_starts_leaves_nothing(start: Callable[[], Worker]) -> None:
    worker = start()
    eventually(lambda: len(worker.processes()) > 2)
    assert worker.stop() == 0
    assert worker.processes() == []
