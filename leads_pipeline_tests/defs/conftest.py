"""A deployment on the tests' database, with nothing waiting."""

from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.defs.resources import Leads
from leads_pipeline.settings import Settings, dagster_environment
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.system import migrate
from leads_pipeline_tests.defs.erasing import Deployment


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(LEADS_HOME=home, LEADS_DRAIN_LINGER_SECONDS=0)  # pyright: ignore[reportCallIssue]


@pytest.fixture
def leads(home: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Generator[Leads]:
    """The resource, as Dagster would make it."""
    monkeypatch.setenv("LEADS_HOME", str(home))
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM processing_jobs")
        transaction.run("DELETE FROM drains")
        transaction.run("DELETE FROM dataset_requests")
        transaction.run("DELETE FROM model_requests")
        transaction.run("DELETE FROM file_uploads WHERE reviewed_count > 0")
    with dg.build_resources({"leads": Leads()}) as resources:
        yield resources.leads


@pytest.fixture
def deployment(database: Database, organization: UUID, home: Path, tmp_path: Path, leads: Leads) -> Deployment:
    del leads  # nothing waits
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM erasures")
    return Deployment(database, organization, tmp_path / "home")


@pytest.fixture
def dagster(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Generator[dg.DagsterInstance]:
    """Dagster's own tables, in the same database."""
    migrate(deployment.settings, deployment.database)
    for name, value in dagster_environment(deployment.settings, deployment.database.url).items():
        if name in ("DAGSTER_HOME", "LEADS_DAGSTER_DATABASE_URL"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEADS_HOME", str(deployment.home))
    if deployment.settings.database_url is not None:
        monkeypatch.setenv("DATABASE_URL", deployment.settings.database_url.get_secret_value())
    with dg.DagsterInstance.get() as instance:
        yield instance
