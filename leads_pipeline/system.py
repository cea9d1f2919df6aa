"""The whole system on one machine, for a person at a terminal: made ready, run, shown, and stopped again.

What runs is the supervisor's business; what the demo tells is the demo's.
"""

import secrets
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from leads_pipeline.api import passwords
from leads_pipeline.defs.instance import prepare_dagster_home
from leads_pipeline.defs.serving import register_shipped
from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment
from leads_pipeline.store import migrations, organizations
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.supervisor import System, check_port, interrupt_on_signals


def run_system(settings: Settings) -> int:
    """Run until SIGINT or SIGTERM, and return the exit code. Raises `SetupProblem`."""
    try:
        with interrupt_on_signals(), _ready(settings) as database:
            # Before the web process makes one, and shows it in its log.
            password = passwords.first_password(settings, database)
            with System(settings, log=print) as system:
                system.wait_ready()
                print(f"Ready. REST: {system.base_url}/api/v1, described at {system.base_url}/docs")
                _say_how_to_log_in(settings, database, system.base_url, password)
                print("Ctrl-C stops everything; what is stored stays.", flush=True)
                system.wait()
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def run_demo_system(settings: Settings, *, stay: bool) -> int:
    """Run the system, tell the demo through it, and stop, or stay up until Ctrl-C. Raises a `LeadsError`."""
    from rich.console import Console

    from leads_pipeline.demo import run_demo

    out = Console(width=None if sys.stdout.isatty() else 100)
    try:
        with interrupt_on_signals(), _ready(settings) as database:
            password = passwords.first_password(settings, database)
            print("Starting the web process and the worker ...", flush=True)
            with System(settings, log=print) as system:
                system.wait_ready()
                # An organization of its own: another demo's corrections would spoil the surprise.
                name = f"Demo of {datetime.now():%Y-%m-%d %H:%M:%S}"  # noqa: DTZ005 - for the eyes of who sits here
                with database.transaction(SYSTEM) as transaction:
                    owner = organizations.ensure_organization(transaction, name)
                    token = organizations.create_token(transaction, owner, label="demo")
                admin = admin_token_file(settings, database)
                run_demo(
                    system.base_url,
                    token,
                    CHECKOUT / "examples",
                    out,
                    exports=settings.home / "demo",
                    dashboard=f"{system.base_url}/admin",
                    login=f"paste the token that lies in {_shown(admin)}"
                    + ("" if password is None else f", or use the password {password}"),
                )
                if stay:
                    print("The system stays up; Ctrl-C stops it.", flush=True)
                    system.wait()
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def migrate(settings: Settings, database: Database) -> str:
    """Bring our tables and Dagster's up to date, and return the revision of ours."""
    revision = migrations.upgrade(database)
    register_shipped(database)
    prepare_dagster_home(settings)
    # Dagster's storage makes its tables by itself, but not if two processes begin at once; and it takes seconds to ask.
    if migrations.dagster_tables(database) != _dagster_version():
        environment = dagster_environment(settings, database.url)
        command = [sys.executable, "-m", "dagster", "instance", "migrate"]
        done = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise SetupProblem(f"Dagster's tables could not be made: {last}")
        migrations.note_dagster_tables(database, _dagster_version())
    return revision


def admin_token_file(settings: Settings, database: Database) -> Path:
    """The file, readable by its owner alone, that holds a token for the dashboard: a good one, made anew if need be."""
    path = settings.home / "admin-token"
    with database.transaction(SYSTEM) as transaction:
        if path.exists() and organizations.token_holder(transaction, path.read_text().strip()):
            return path
        token = organizations.create_token(transaction, None, scopes=[organizations.ADMIN], label="leads up")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(token + "\n")
    unfinished.replace(path)
    return path


@contextmanager
def _ready(settings: Settings) -> Generator[Database]:
    """The database, open and up to date, after a word on each step that takes time."""
    # Before anything is started: the commonest trouble shall cost no waiting.
    check_port(settings.host, settings.port)
    print("Starting PostgreSQL ..." if settings.database_url is None else "Connecting to PostgreSQL ...", flush=True)
    with open_database(settings) as database:
        print("Bringing the tables up to date ...", flush=True)
        migrate(settings, database)
        yield database


def _say_how_to_log_in(settings: Settings, database: Database, base_url: str, password: str | None) -> None:
    print(f"Dashboard: {base_url}/admin; log in with the token in {_shown(admin_token_file(settings, database))}")
    if password is not None:
        print(f"           or with the password {password}, which is not shown again")
    elif settings.oidc_issuer is None:
        print("           or with the administrator's password; `leads admin reset-password` makes another")


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _dagster_version() -> str:
    return f"dagster {version('dagster')}"
