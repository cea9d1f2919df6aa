"""Sensors, called as the functions they are, and the drain, on a real database."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.drain import drain
from leads_pipeline.defs.inbox import take_in
from leads_pipeline.defs.intake import DrainConfig, map_uploads, new_uploads
from leads_pipeline.defs.resources import Leads
from leads_pipeline.providers.inbox import Inbox
from leads_pipeline.settings import Settings
from leads_pipeline.store import queue, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import drained, received
from leads_pipeline_tests.defs.waiting import eventually

GOOD = b"First Name,Last Name,E-Mail\nAda,Byron,ada@example.com\n"


def ask() -> dg.RunRequest | dg.SkipReason:
    with (
        dg.instance_for_test() as instance,
        dg.build_sensor_context(instance, resources={"leads": Leads()}) as context,
    ):
        answer = new_uploads(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_the_sensor_asks_for_a_drain_when_an_upload_waits(leads: Leads, organization: UUID) -> None:
    assert isinstance(ask(), dg.SkipReason)
    received(leads.database, organization)
    assert isinstance(ask(), dg.RunRequest)


def test_the_sensor_asks_for_none_while_a_drain_is_at_work(leads: Leads, organization: UUID) -> None:
    received(leads.database, organization)
    with leads.database.transaction(SYSTEM) as transaction:
        queue.begin_drain(transaction, "run")
    answer = ask()
    assert isinstance(answer, dg.SkipReason)
    assert "1 upload waits; a drain is at work" in (answer.skip_message or "")


def test_a_drain_maps_what_waits_and_a_bad_file_is_an_outcome(
    leads: Leads, settings: Settings, organization: UUID
) -> None:
    good = received(leads.database, organization, GOOD)
    bad = received(leads.database, organization, b"Name\n", name="header_only.csv")
    totals = drained(leads.database, settings)
    assert (totals.uploads, totals.figures.rows, totals.figures.columns) == (2, 1, 3)
    assert totals.errors == {"no_data_rows": 1}
    assert totals.stopped_because == "nothing waits"
    with leads.database.transaction(organization) as transaction:
        assert uploads.upload(transaction, good).status == "mapped"
        assert uploads.upload(transaction, bad).status == "failed"


def test_a_full_disk_costs_an_upload_no_attempt(leads: Leads, settings: Settings, organization: UUID) -> None:
    upload_id = received(leads.database, organization, GOOD)
    short = settings.model_copy(update={"drain_max_seconds": 0.001})
    with leads.database.transaction(SYSTEM) as transaction:
        transaction.run(
            """CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"""
        )
        transaction.run(
            "CREATE TRIGGER disk_full BEFORE INSERT ON field_mappings FOR EACH ROW EXECUTE FUNCTION disk_full()"
        )
    try:
        for _ in range(queue.MOST_ATTEMPTS + 1):
            assert drained(leads.database, short).errors == {"disk_full": 1}
    finally:
        with leads.database.transaction(SYSTEM) as transaction:
            transaction.run("DROP FUNCTION disk_full CASCADE")
    assert drained(leads.database, short).uploads == 1
    with leads.database.transaction(organization) as transaction:
        assert uploads.upload(transaction, upload_id).status == "mapped"


def test_a_drain_that_is_interrupted_lets_go_of_what_it_has_not_begun(
    leads: Leads, settings: Settings, organization: UUID
) -> None:
    for number in range(12):
        received(leads.database, organization, GOOD + b"Alan,Turing,alan%d@example.org\n" % number)
    totals = drained(leads.database, settings, interrupted=lambda: True)
    assert totals.stopped_because == "interrupted"
    with leads.database.transaction(SYSTEM) as transaction:
        assert queue.waiting(transaction).jobs == 12 - totals.uploads
        running = transaction.value("SELECT count(*) FROM processing_jobs WHERE state = 'running'")
    assert running == 0


def test_a_drain_ends_when_its_time_is_up_and_the_next_goes_on(
    leads: Leads, settings: Settings, organization: UUID
) -> None:
    for number in range(12):
        received(leads.database, organization, GOOD + b"Alan,Turing,alan%d@example.org\n" % number)
    short = settings.model_copy(update={"drain_max_seconds": 0.001})
    first = drained(leads.database, short)
    assert first.stopped_because == "time is up"
    second = drained(leads.database, settings)
    assert first.uploads + second.uploads == 12


def test_a_drain_that_is_stopped_in_the_dashboard_finishes_its_files_and_ends_canceled(
    leads: Leads, organization: UUID
) -> None:
    upload_id = received(leads.database, organization)

    def is_mapped() -> bool:
        with leads.database.transaction(organization) as transaction:
            return uploads.upload(transaction, upload_id).status == "mapped"

    def stop(instance: dg.DagsterInstance) -> None:
        eventually(is_mapped)
        (run,) = instance.get_runs()
        instance.report_run_canceling(run)

    config = {"ops": {"map_uploads": {"config": {"linger_seconds": 60}}}}
    with dg.instance_for_test() as instance, ThreadPoolExecutor(1) as person:
        stopping = person.submit(stop, instance)
        with pytest.raises(dg.DagsterExecutionInterruptedError):
            build_definitions().resolve_job_def("map_waiting_uploads").execute_in_process(config, instance=instance)
        stopping.result()
        (run,) = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.CANCELED
        seen = instance.get_latest_materialization_event(dg.AssetKey("file_uploads"))
    assert seen is not None
    assert seen.asset_materialization is not None
    assert seen.asset_materialization.metadata["uploads"].value == 1


def test_a_drain_tells_what_it_has_mapped_when_it_begins_to_wait_for_more(
    leads: Leads, settings: Settings, organization: UUID
) -> None:
    over = threading.Event()
    patient = settings.model_copy(update={"drain_linger_seconds": 600})
    parts = drain(leads.database, patient, "run", interrupted=over.is_set)
    received(leads.database, organization, GOOD)
    assert next(parts).uploads == 1
    with leads.database.transaction(SYSTEM) as transaction:
        assert queue.drain_is_alive(transaction)
    over.set()
    (last,) = parts
    assert (last.uploads, last.stopped_because) == (0, "interrupted")


def test_what_a_lingering_drain_takes_in_is_shown_at_once_and_what_comes_later_by_itself(
    leads: Leads, organization: UUID
) -> None:
    received(leads.database, organization, GOOD)
    with dg.instance_for_test() as instance, ThreadPoolExecutor(1) as person:

        def send_another_when_the_first_is_shown() -> None:
            eventually(lambda: instance.get_latest_materialization_event(dg.AssetKey("field_mappings")))
            received(leads.database, organization, GOOD + b"Alan,Turing,alan@example.org\n")

        sending = person.submit(send_another_when_the_first_is_shown)
        config = dg.RunConfig({"map_uploads": DrainConfig(max_seconds=None, linger_seconds=2)})
        result = dg.materialize([map_uploads], instance=instance, resources={"leads": Leads()}, run_config=config)
        sending.result()
    rows = [
        event.materialization.metadata["rows"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("file_uploads")
    ]
    assert rows == [1, 2]


@pytest.fixture
def inbox(tmp_path: Path, database: Database, organization: UUID) -> Inbox:
    with database.transaction(SYSTEM) as transaction:
        name = transaction.value("SELECT name FROM organizations WHERE id = :id", id=organization)
    (tmp_path / name).mkdir()
    (tmp_path / name / "list.csv").write_bytes(GOOD + os.urandom(8).hex().encode() + b",,\n")
    return Inbox(str(tmp_path))


def test_an_inbox_file_becomes_one_upload_even_after_a_crash_in_between(
    database: Database, settings: Settings, organization: UUID, inbox: Inbox
) -> None:
    (file,) = inbox.scan()
    claim = inbox.take(file)
    assert claim is not None
    assert take_in(database, settings, inbox, claim)
    # A crash after storing and before moving leaves the claim: it is found again, and stored no second time.
    with database.transaction(organization) as transaction:
        (found,) = uploads.uploads(transaction, limit=10)
    assert (found.source, found.filename) == ("inbox", "list.csv")
    assert take_in(database, settings, inbox, claim)
    with database.transaction(organization) as transaction:
        assert len(uploads.uploads(transaction, limit=10)) == 1


def test_a_folder_may_write_its_organization_in_another_case(
    database: Database, settings: Settings, tmp_path: Path, inbox: Inbox
) -> None:
    (folder,) = tmp_path.iterdir()
    folder.rename(tmp_path / folder.name.upper())
    (file,) = inbox.scan()
    claim = inbox.take(file)
    assert claim is not None
    assert take_in(database, settings, inbox, claim)


def test_a_folder_of_no_organization_is_refused_with_the_reason(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "Nobody knows"
    folder.mkdir()
    (folder / "list.csv").write_bytes(GOOD)
    inbox = Inbox(str(tmp_path))
    (file,) = inbox.scan()
    claim = inbox.take(file)
    assert claim is not None
    assert not take_in(database, settings, inbox, claim)
    assert (folder / "failed" / "list.csv.reason.txt").read_text().startswith("not_found\n")
