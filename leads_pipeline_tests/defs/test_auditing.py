"""The audit trail in the dashboard."""

from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.resources import Leads
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import received


@pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster")
def test_the_trail_is_counted_and_its_chain_verified_by_the_job(
    database: Database, leads: Leads, organization: UUID
) -> None:
    received(database, organization)
    with database.transaction(SYSTEM) as transaction:
        while audit.seal(transaction):
            pass
    job = build_definitions(leads=leads).get_repository_def().get_job("verify_audit_trail")
    result = job.execute_in_process()
    (checked,) = result.get_asset_check_evaluations()
    assert (checked.check_name, checked.passed) == ("chain_holds", True)
    (materialized,) = result.get_asset_materialization_events()
    metadata = materialized.materialization.metadata
    assert int(str(metadata["events_of_the_day"].value)) >= 2
    table = metadata["what_was_done"]
    assert isinstance(table, dg.MarkdownMetadataValue)
    assert "| upload.received |" in str(table.value)
