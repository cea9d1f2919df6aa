"""Where Dagster lives in this deployment: its home, its configuration, its code location.

Knows how to prepare them; running Dagster is the worker's and the web process's business.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment

if TYPE_CHECKING:
    import dagster as dg
    from sqlalchemy.engine import URL

CODE_LOCATION = "leads_pipeline"
"""The name of our code location. Runs, sensors and schedules are known by it, whichever process loaded the code."""
DEFINITIONS = "leads_pipeline.definitions"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home, with the `dagster.yaml` of the repository in it as it is now, and return it.

    Raises `SetupProblem` when that file is missing or the home cannot be written.
    """
    home = settings.home / "dagster"
    source = CHECKOUT / "dagster.yaml"
    try:
        wanted = source.read_bytes()
        home.mkdir(parents=True, exist_ok=True)
        target = home / "dagster.yaml"
        if not target.exists() or target.read_bytes() != wanted:
            # Other processes may be reading it.
            unfinished = home / ".dagster.yaml.new"
            unfinished.write_bytes(wanted)
            unfinished.replace(target)
    except FileNotFoundError as error:
        raise SetupProblem(f"{source} is missing; restore it from the repository.") from error
    except OSError as error:
        raise SetupProblem(
            f"{home} cannot be written: {error.strerror}. Set LEADS_HOME to a directory that can."
        ) from error
    return home


@contextmanager
def open_instance(settings: Settings, database: "URL") -> "Generator[dg.DagsterInstance]":
    """Dagster's records of this deployment, for a process that was not started as one of Dagster's."""
    import dagster as dg

    prepare_dagster_home(settings)
    # Dagster reads its storage's URL from the environment, and so shows the variable's name, not the password, in the UI.
    ours = dagster_environment(settings, database)
    os.environ.update({name: ours[name] for name in ("DAGSTER_HOME", "LEADS_DAGSTER_DATABASE_URL")})
    with dg.DagsterInstance.get() as instance:
        yield instance
