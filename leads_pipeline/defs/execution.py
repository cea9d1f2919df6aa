"""Jobs run from the command line: the same ones, recorded in Dagster like those that sensors and schedules start."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import URL

from leads_pipeline.defs.instance import DEFINITIONS, prepare_dagster_home
from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings, child_environment, dagster_environment


def run_job(settings: Settings, database: URL, job: str, run_config: Mapping[str, Any]) -> None:
    """Run a job here and now, in a process of its own, and wait for its end.

    Raises `SetupProblem` when the run failed; its events are in the dashboard.
    """
    prepare_dagster_home(settings)
    environment = dagster_environment(settings, database, child_environment(settings))
    with TemporaryDirectory(prefix="leads-run-") as directory:
        config = Path(directory) / "config.json"
        config.write_text(json.dumps(run_config), "utf-8")
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", DEFINITIONS, "-j", job, "-c", str(config)]
        done = subprocess.run(  # noqa: S603
            command, env=environment, cwd=CHECKOUT, check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
    if done.returncode:
        raise SetupProblem(f"The run of {job} failed; `leads dagster run list` names it, the dashboard shows why.")
