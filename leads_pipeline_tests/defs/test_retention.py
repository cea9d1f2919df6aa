"""Retention: what is old goes, what is to be looked at stays, and nothing goes for a wrong clock or setting."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.processing import process
from leads_pipeline.defs.retention import expired_contents, purge_runs, run_retention
from leads_pipeline.errors import SetupProblem, StaleState
from leads_pipeline.insights import pictures
from leads_pipeline.settings import Settings, child_environment
from leads_pipeline.store import audit, corrections, organizations, retention, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import claim_for, received
from leads_pipeline_tests.defs.erasing import Deployment

FILE = b"E-Mail,Frobnik\nada@example.com,1\nbob@example.com,2\n"


@pytest.fixture
def alone(database: Database, organization: UUID) -> UUID:
    """An organization; nobody else has files."""
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM file_uploads")
    return organization


def mapped(database: Database, settings: Settings, organization: UUID, number: int = 0, *, days: int = 100) -> UUID:
    upload_id = received(database, organization, FILE + b"c@example.com,3\n" * number)
    process(database, settings, claim_for(database, upload_id))
    with database.transaction(organization) as transaction:
        transaction.run(
            """UPDATE file_uploads SET received_at = received_at - make_interval(days => :days), audit_share = NULL
               WHERE id = :id""",
            days=days,
            id=upload_id,
        )
    return upload_id


def reviewed(database: Database, settings: Settings, organization: UUID, number: int = 0, *, days: int = 100) -> UUID:
    upload_id = mapped(database, settings, organization, number, days=days)
    with database.transaction(organization) as transaction:
        corrections.review(transaction, upload_id, [], rest_confirmed=True, single_valued=frozenset())
    return upload_id


def is_kept(database: Database, organization: UUID, upload_id: UUID) -> bool:
    with database.transaction(organization) as transaction:
        chunks = transaction.value("SELECT count(*) FROM upload_contents WHERE upload_id = :id", id=upload_id)
        assert (uploads.upload(transaction, upload_id).contents_deleted_at is None) == (chunks > 0)
    return chunks > 0


def test_old_contents_and_samples_go_and_facts_and_examples_stay(
    database: Database, settings: Settings, alone: UUID
) -> None:
    old, new = reviewed(database, settings, alone), reviewed(database, settings, alone, 1, days=10)
    done = run_retention(database, settings, dry_run=False)
    assert (done.deleted, done.bytes, done.found.kept) == (1, len(FILE), 2)
    assert (is_kept(database, alone, old), is_kept(database, alone, new)) == (False, True)
    with database.transaction(alone) as transaction:
        rows = transaction.all("SELECT header, profile FROM field_mappings WHERE upload_id = :id", id=old)
        assert {row["header"] for row in rows} == {"E-Mail", "Frobnik"}
        assert not any("shapes" in row["profile"] for row in rows)
        assert transaction.value("SELECT count(*) FROM training_examples WHERE upload_id = :id", id=old) == 2
        with pytest.raises(StaleState, match="were deleted"):
            uploads.require_contents(uploads.upload(transaction, old))
        assert [event.object for event in audit.events(transaction, limit=9, action="upload.expired")] == [str(old)]


def test_a_dry_run_tells_what_would_go_and_deletes_nothing(database: Database, settings: Settings, alone: UUID) -> None:
    old = reviewed(database, settings, alone)
    done = run_retention(database, settings, dry_run=True)
    assert (done.found.due, done.deleted, sum(done.organizations.values())) == (1, 0, 1)
    assert is_kept(database, alone, old)
    assert expired_contents.op.config_schema.default_value["dry_run"] is True


def test_what_somebody_has_still_to_look_at_is_held(database: Database, settings: Settings, alone: UUID) -> None:
    undecided, drawn = mapped(database, settings, alone), mapped(database, settings, alone, 1)
    with database.transaction(alone) as transaction:
        transaction.run("UPDATE file_uploads SET decided_count = column_count - 1 WHERE id = :id", id=undecided)
        transaction.run(
            "UPDATE file_uploads SET decided_count = column_count, audit_share = 0.5 WHERE id = :id", id=drawn
        )
    done = run_retention(database, settings, dry_run=False)
    assert (done.deleted, done.found.held) == (0, 2)
    assert is_kept(database, alone, undecided)
    assert is_kept(database, alone, drawn)


@pytest.mark.usefixtures("leads")
def test_what_is_kept_because_nobody_looks_at_it_is_told_by_organization(
    database: Database, settings: Settings, alone: UUID
) -> None:
    old, young = mapped(database, settings, alone), mapped(database, settings, alone, 1, days=80)
    with database.transaction(alone) as transaction:
        transaction.run("UPDATE file_uploads SET decided_count = column_count - 1")
        (found,) = retention.neglected(transaction, 90)
        name = organizations.organization(transaction, alone).name
        assert (found.organization, found.files, found.bytes) == (name, 1, len(FILE))
        assert found.oldest == uploads.upload(transaction, old).received_at
    with dg.instance_for_test() as instance:
        done = build_definitions().resolve_job_def("apply_retention").execute_in_process(instance=instance)
    (told,) = done.asset_materializations_for_node("expired_contents")
    assert told.metadata["held_too_long"].value == 1
    assert told.metadata["held_too_long_oldest_days"].value == 100
    assert f"| {name} | 1 | {len(FILE)} |" in str(told.metadata["held"].value)
    assert is_kept(database, alone, young)


def test_where_files_go_right_after_their_review_a_week_without_one_is_told(
    database: Database, settings: Settings, alone: UUID
) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, alone, {"training_data_retention_days": 0})
    mapped(database, settings, alone, days=6)
    mapped(database, settings, alone, 1, days=8)
    with database.transaction(SYSTEM) as transaction:
        assert [found.files for found in retention.neglected(transaction, 90)] == [1]


def test_an_organization_s_own_days_count_and_none_means_after_review(
    database: Database, settings: Settings, alone: UUID
) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, alone, {"training_data_retention_days": 0})
    seen, unseen = reviewed(database, settings, alone, days=0), mapped(database, settings, alone, 1, days=0)
    assert run_retention(database, settings, dry_run=False).deleted == 1
    assert (is_kept(database, alone, seen), is_kept(database, alone, unseen)) == (False, True)


def test_what_goes_in_the_days_to_come_is_told_by_day_and_kind(
    database: Database, settings: Settings, alone: UUID
) -> None:
    reviewed(database, settings, alone, days=100)
    reviewed(database, settings, alone, 1, days=85)
    held = mapped(database, settings, alone, 2, days=85)
    with database.transaction(alone) as transaction:
        transaction.run("UPDATE file_uploads SET decided_count = 0 WHERE id = :id", id=held)
        transaction.run("UPDATE file_uploads SET kind = 'xlsx' WHERE received_at < now() - interval '90 days'")
    with database.transaction(SYSTEM) as transaction:
        today, *later = retention.coming(transaction, 90, ahead=30)
    assert len(later) == 29
    assert (today["excel"], today["csv"], today["held"]) == (len(FILE), 0, 0)
    assert (later[4]["csv"], later[4]["held"]) == (len(FILE) + 16, len(FILE) + 32)
    assert sum(row["csv"] + row["excel"] + row["others"] for row in later) == len(FILE) + 16
    drawn = pictures.retention([today, *later])
    assert "Retention due in 30 days" in drawn
    assert "held for review" in drawn


def test_half_of_everything_goes_only_if_somebody_means_it(
    database: Database, settings: Settings, alone: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads_pipeline.defs.retention.FEW", 1)
    for number in range(3):
        reviewed(database, settings, alone, number)
    with pytest.raises(SetupProblem, match="3 of 3 files would lose their contents at once"):
        run_retention(database, settings, dry_run=False)
    assert run_retention(database, settings, dry_run=False, confirmed=True).deleted == 3


def test_a_clock_that_is_behind_deletes_nothing(database: Database, settings: Settings, alone: UUID) -> None:
    old = reviewed(database, settings, alone)
    reviewed(database, settings, alone, 1, days=-2)
    with pytest.raises(SetupProblem, match="Set the clock right"):
        run_retention(database, settings, dry_run=False)
    assert is_kept(database, alone, old)


def job_named(name: str) -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name=name)
    def job() -> None:
        nothing()

    return job


@pytest.mark.usefixtures("alone")
def test_the_command_purges_records_of_old_drains_and_tells_how_many_before(
    deployment: Deployment, dagster: dg.DagsterInstance
) -> None:
    job_named("map_waiting_uploads").execute_in_process(instance=dagster)
    with deployment.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE dagster.runs SET create_timestamp = create_timestamp - interval '91 days'")

    def purged(*options: str) -> int:
        command = [sys.executable, "-m", "leads_pipeline", "retention", "run", "--json", *options]
        done = subprocess.run(command, env=child_environment(deployment.settings), check=True, capture_output=True)
        return json.loads(done.stdout)["drain_runs"]

    before = dagster.get_runs_count()
    assert (purged("--dry-run"), dagster.get_runs_count()) == (1, before)
    assert (purged(), dagster.get_runs_count()) == (1, before - 1)


def test_records_of_old_drains_are_purged_and_of_nothing_else() -> None:
    with dg.instance_for_test() as instance:
        for name in ("map_waiting_uploads", "generate_training_dataset"):
            job_named(name).execute_in_process(instance=instance)
        now = datetime.now(UTC)
        assert purge_runs(instance, 90, now) == 0
        assert purge_runs(instance, 90, now + timedelta(days=91), dry_run=True) == 1
        assert len(instance.get_runs()) == 2
        assert purge_runs(instance, 90, now + timedelta(days=91)) == 1
        assert [run.job_name for run in instance.get_runs()] == ["generate_training_dataset"]


def test_the_setting_has_a_default_of_90_days(home: Path) -> None:
    assert Settings(LEADS_HOME=home).training_data_retention_days == 90  # pyright: ignore[reportCallIssue]
