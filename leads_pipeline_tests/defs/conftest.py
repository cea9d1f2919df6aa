"""A deployment on the tests' database, with nothing waiting."""

from collections.abc import Generator
from pathlib import Path

import dagster as dg
import pytest

from leads_pipeline.defs.resources import Leads
from leads_pipeline.settings import Settings
from leads_pipeline.store.database import SYSTEM, Database


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
        transaction.run("DELETE FROM file_uploads WHERE reviewed_count > 0")
    with dg.build_resources({"leads": Leads()}) as resources:
        yield resources.leads
