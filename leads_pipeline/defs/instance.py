"""Where Dagster lives in this deployment: its home, its configuration, its code location.

Knows how to prepare them; running Dagster is the worker's and the web process's business.
"""

from pathlib import Path

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings

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
