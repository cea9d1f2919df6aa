"""Performance as Dagster shows it: measured by the real job, compared with its targets, asked for when reviews are over."""

from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.performance import reviews_to_measure
from leads_pipeline.defs.resources import Leads
from leads_pipeline.store import corrections
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import mapped_upload


@pytest.fixture
def leads(home: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Generator[Leads]:
    """The resource, with nothing of other tests to measure."""
    monkeypatch.setenv("LEADS_HOME", str(home))
    with database.transaction(SYSTEM) as transaction:
        for table in ("model_performance", "performance_columns", "performance_uploads", "file_uploads"):
            transaction.run(f"DELETE FROM {table}")
    with dg.build_resources({"leads": Leads()}) as resources:
        yield resources.leads


def reviewed(database: Database, organization: UUID, *, missed: bool = False) -> UUID:
    """A file that was reviewed; the number of the company was another name of it where that is `missed`."""
    upload, columns = mapped_upload(database, organization, {"Firma": "Company", "Mail": "Email", "Nr": None})
    with database.transaction(organization) as transaction:
        answers = [Correction(columns["Nr"].id, "Company")] if missed else []
        corrections.review(transaction, upload, answers, rest_confirmed=True, single_valued=())
    return upload


def test_the_job_measures_and_says_which_targets_are_missed(
    leads: Leads, database: Database, organization: UUID
) -> None:
    for number in range(40):
        reviewed(database, organization, missed=bool(number % 2))
    definition = build_definitions().resolve_job_def("measure_model_performance")
    with dg.instance_for_test() as instance:
        result = definition.execute_in_process(instance=instance)
    assert result.success
    shown = result.asset_materializations_for_node("model_performance")[0].metadata
    assert shown["uploads_counted"].value == 40
    assert shown["accuracy"].value == round(100 / 120, 4)
    assert "| 40 | 40 | 83.3 % " in str(shown["weeks"].value)
    verdicts = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert {name for name, each in verdicts.items() if not each.passed} == {"common_fields", "coverage"}
    assert verdicts["common_fields"].description == "Not above 90 %: Company 66.7 % of 60."


def test_reviews_are_measured_when_no_more_are_coming(leads: Leads, database: Database, organization: UUID) -> None:
    def look(instance: dg.DagsterInstance, cursor: str | None = None) -> object:
        with dg.build_sensor_context(instance, cursor=cursor, resources={"leads": Leads()}) as context:
            return reviews_to_measure(context)

    with dg.instance_for_test() as instance:
        assert isinstance(look(instance), dg.SkipReason)
        reviewed(database, organization)
        assert "when no more are coming" in str(look(instance))
        with database.transaction(organization) as transaction:
            transaction.run("UPDATE file_uploads SET reviewed_at = reviewed_at - interval '1 minute'")
        asked = look(instance)
        assert isinstance(asked, dg.SensorResult)
        assert len(asked.run_requests or []) == 1
        assert isinstance(look(instance, asked.cursor), dg.SkipReason)
