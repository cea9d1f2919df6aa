"""Dagster's configuration, as Dagster itself reads it, on a real PostgreSQL."""

import tomllib
from collections.abc import Generator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from leads_pipeline.defs.instance import CODE_LOCATION, DEFINITIONS, prepare_dagster_home
from leads_pipeline.defs.reaper import reap
from leads_pipeline.settings import CHECKOUT, Settings, dagster_environment
from leads_pipeline.store.database import Database
from leads_pipeline.store.ids import new_id


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(LEADS_HOME=tmp_path)  # pyright: ignore[reportCallIssue]


@pytest.fixture
def instance(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Generator[dg.DagsterInstance]:
    prepare_dagster_home(settings)
    for name, value in dagster_environment(settings, database.url, {}).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        yield instance


def test_the_home_follows_the_configuration_in_the_repository(settings: Settings) -> None:
    home = prepare_dagster_home(settings)
    assert (home / "dagster.yaml").read_bytes() == (CHECKOUT / "dagster.yaml").read_bytes()
    (home / "dagster.yaml").write_text("storage: {}")
    prepare_dagster_home(settings)
    assert (home / "dagster.yaml").read_bytes() == (CHECKOUT / "dagster.yaml").read_bytes()


def test_dagster_accepts_the_configuration_and_keeps_to_its_schema(
    instance: dg.DagsterInstance, database: Database
) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    with database.engine.connect() as connection:
        tables = (
            connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'dagster'").scalars().all()
        )
    assert {"runs", "event_logs", "alembic_version"} <= set(tables)


def test_every_process_knows_the_code_by_the_same_name() -> None:
    (location,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == DEFINITIONS
    assert location["python_module"]["location_name"] == CODE_LOCATION
    # Where a pyproject.toml speaks of Dagster, `dagster job launch` asks it, and a run of another name finds no code.
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert project["code_location_target_module"] == DEFINITIONS
    assert project["code_location_name"] == CODE_LOCATION


def test_runs_that_lost_their_worker_are_recorded_as_ended(instance: dg.DagsterInstance) -> None:
    runs = {
        status: instance.add_run(
            dg.DagsterRun(job_name="map_waiting_uploads", run_id=str(new_id()), status=status)
        ).run_id
        for status in (
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.CANCELING,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.SUCCESS,
        )
    }
    assert len(reap(instance)) == 3
    became = {before: run.status for before, run_id in runs.items() if (run := instance.get_run_by_id(run_id))}
    assert became == {
        dg.DagsterRunStatus.STARTED: dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.STARTING: dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELING: dg.DagsterRunStatus.CANCELED,
        dg.DagsterRunStatus.NOT_STARTED: dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.SUCCESS: dg.DagsterRunStatus.SUCCESS,
    }
    for run_id in runs.values():
        instance.delete_run(run_id)
