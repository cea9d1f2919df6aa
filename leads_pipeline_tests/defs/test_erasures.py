"""Erasure: what is nobody's stays, a killed one goes on where it stopped, and an organization ends with all that it had."""

import io
import json
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
import openpyxl
import pytest

from leads_pipeline.api.erasures import ErasureShown
from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.erasures import erasures_asked_for
from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.defs.forgetting import erase_waiting
from leads_pipeline.defs.processing import process
from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import NotFound, StaleClaim, StaleState
from leads_pipeline.spreadsheets import person, person_to_json
from leads_pipeline.store import audit, erasures, organizations, sessions, uploads
from leads_pipeline.store.database import SYSTEM
from leads_pipeline_tests.builders import claim_for, received
from leads_pipeline_tests.defs.erasing import HEADERS, OTHERS, Canary, Deployment, csv_of


@pytest.fixture
def made(deployment: Deployment) -> UUID:
    """A reviewed file of two people."""
    upload = deployment.file(csv_of([HEADERS, Canary(1).row, OTHERS]), "two.csv")
    deployment.reviewed(upload, reviewer="ann")
    return upload


def test_a_dry_run_tells_what_would_go_and_erases_nothing(deployment: Deployment, made: UUID) -> None:
    with deployment.database.transaction(SYSTEM) as transaction:
        wanted = person_to_json(person([Canary(1).email]))
        asked = erasures.ask(transaction, deployment.organization, "person", wanted, dry_run=True)
    done = deployment.erase(asked)
    assert (done.outcome["erased"], done.outcome["rows"], done.outcome["erased_uploads"]) == (1, 1, [str(made)])
    assert (done.dry_run, done.subject) == (True, None)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, made).filename == "two.csv"
        assert transaction.value("SELECT count(*) FROM upload_contents WHERE upload_id = :id", id=made) == 1


def test_an_organization_erases_in_its_own_data_alone_and_the_deployment_everywhere(
    deployment: Deployment, made: UUID, other_organization: UUID
) -> None:
    content = csv_of([HEADERS, Canary(1).row]).encode()
    theirs = received(deployment.database, other_organization, content)
    process(deployment.database, deployment.settings, claim_for(deployment.database, theirs))
    assert deployment.erase(deployment.ask(Canary(1))).outcome["erased"] == 1
    with deployment.database.transaction(other_organization) as transaction:
        assert uploads.upload(transaction, theirs).status == "mapped"
    assert deployment.erase(deployment.ask(Canary(1), everywhere=True)).outcome["erased"] == 1
    with deployment.database.transaction(other_organization) as transaction:
        assert uploads.upload(transaction, theirs).status == "erased"


def test_an_erasure_that_was_killed_goes_on_where_it_stopped_and_counts_nothing_twice(
    deployment: Deployment, made: UUID
) -> None:
    for number in range(4):
        deployment.file(csv_of([HEADERS, Canary(1).row, [f"P{number}", "Q", "p@example.com", ""]]))
    asked = deployment.ask(Canary(1))
    seen: list[int] = []

    def dies(done: int) -> None:
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_waiting(deployment.database, deployment.settings, "first", only=asked, progress=dies)
    assert erase_waiting(deployment.database, deployment.settings, "second", only=asked) == []
    with deployment.database.transaction(SYSTEM) as transaction:
        assert erasures.waiting(transaction) == 0
        transaction.run("UPDATE erasures SET lease_until = now() - interval '1 second' WHERE id = :id", id=asked)
        assert erasures.waiting(transaction) == 1
    seen.clear()
    (done,) = erase_waiting(deployment.database, deployment.settings, "third", only=asked, progress=seen.append)
    assert seen == [3, 4, 5]
    assert (done.outcome["uploads"], done.outcome["erased"], done.outcome["rows"]) == (5, 5, 5)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert len(audit.events(transaction, limit=20, action="upload.erased")) == 5


def test_who_was_overtaken_changes_nothing_any_more(deployment: Deployment, made: UUID) -> None:
    asked = deployment.ask(Canary(1))
    with deployment.database.transaction(SYSTEM) as transaction:
        late = erasures.claim(transaction, "late", asked)
        assert late is not None
        transaction.run("UPDATE erasures SET lease_until = now() - interval '1 second' WHERE id = :id", id=asked)
    deployment.erase(asked)
    with deployment.database.transaction(SYSTEM) as transaction, pytest.raises(StaleClaim):
        erasures.finish(transaction, late, {})


def test_the_same_wish_twice_is_one_erasure(deployment: Deployment) -> None:
    assert deployment.ask(Canary(1)) == deployment.ask(Canary(1)) != deployment.ask(Canary(2))


def test_an_upload_is_erased_with_its_names_and_what_memory_learned_from_it(deployment: Deployment) -> None:
    upload = deployment.file("E-Mail,Frobnikation\nada@example.com,1\n", "Frobnikation of May.csv")
    deployment.reviewed(upload, comment="odd", reviewer="ann")
    make_waiting_examples(deployment.database, deployment.settings)
    with deployment.database.transaction(SYSTEM) as transaction:
        asked = erasures.ask(transaction, deployment.organization, "upload", {"upload": str(upload)})
    done = deployment.erase(asked)
    assert (done.outcome["headers"], done.outcome["examples"], done.outcome["comments"]) == (2, 2, 1)
    with deployment.database.transaction(deployment.organization) as transaction:
        found = uploads.upload(transaction, upload)
        assert (found.status, found.filename, found.row_count, found.reviewed_count) == ("erased", "erased.csv", 1, 2)
        assert transaction.value("SELECT count(*) FROM memory_entries") == 0
        assert transaction.value("SELECT count(*) FROM field_patterns") == 0
        with pytest.raises(StaleState):
            uploads.request_remap(transaction, upload)
    # Sent again, it is a new file.
    again = deployment.file("E-Mail,Frobnikation\nada@example.com,1\n")
    assert again != upload


def test_an_upload_that_is_being_mapped_is_erased_and_its_outcome_refused(deployment: Deployment) -> None:
    upload = received(deployment.database, deployment.organization, csv_of([HEADERS, Canary(1).row]).encode())
    job = claim_for(deployment.database, upload)
    deployment.erase(deployment.ask(Canary(1)))
    process(deployment.database, deployment.settings, job)
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, upload).status == "erased"
        assert transaction.value("SELECT count(*) FROM field_mappings WHERE upload_id = :id", id=upload) == 0


def test_contents_that_cannot_be_had_are_named_and_kept(deployment: Deployment, made: UUID) -> None:
    with deployment.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE upload_contents SET key_id = 'lost', wrapped_key = 'x' WHERE upload_id = :id", id=made)
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["not_looked_through_uploads"] == [str(made)]
    assert "erased" not in done.outcome
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, made).status == "reviewed"


def test_a_workbook_that_is_kept_with_its_pictures_is_named_with_how_many_there_are(
    deployment: Deployment, made: UUID
) -> None:
    book, content = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in (HEADERS, OTHERS):
        book.active.append(row)
    book.save(content)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/media/scan.png", b"\x89PNG\r\n\x1a\n Ada Byron")
    scanned = deployment.file(content.getvalue(), "scanned.xlsx")
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["erased_uploads"] == [str(made)]
    assert ErasureShown.of(done).not_fully_searched_uploads == {str(scanned): 1}
    with deployment.database.transaction(deployment.organization) as transaction:
        assert uploads.upload(transaction, scanned).status == "mapped"
        (event,) = audit.events(transaction, limit=1, action="erasure.done")
    assert event.details["not_fully_searched_uploads"] == [str(scanned)]


def test_an_organization_ends_with_all_that_is_its_own_and_the_certificate_stays(
    deployment: Deployment, made: UUID, other_organization: UUID
) -> None:
    owner, database = deployment.organization, deployment.database
    make_waiting_examples(database, deployment.settings)
    with database.transaction(SYSTEM) as transaction:
        token = organizations.create_token(transaction, owner)
        sessions.begin(
            transaction, role="organization", name="Ann", source="issuer", lasts=timedelta(hours=1), organization=owner
        )
        asked = erasures.ask(transaction, owner, "organization", {"name": deployment.name})
    (deployment.home / "inbox" / deployment.name / "done").mkdir(parents=True)
    (deployment.home / "inbox" / deployment.name / "done" / "old.csv").write_text("x")
    done = deployment.erase(asked)
    assert (done.outcome["uploads"], done.outcome["files_deleted"]) == (1, 1)
    with database.transaction(SYSTEM) as transaction:
        left = transaction.all(
            """SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organization_id'"""
        )
        there = {
            row["name"]: transaction.value(f"SELECT count(*) FROM {row['name']} WHERE organization_id = :id", id=owner)
            for row in left
        }
        assert {name for name, count in there.items() if count} <= {"erasures", "audit_events", "audit_seals"}
        assert organizations.token_holder(transaction, token) is None
        with pytest.raises(NotFound):
            organizations.organization(transaction, owner)
        organizations.organization(transaction, other_organization)
        events = audit.events(transaction, limit=9, organization=owner, action="erasure.done")
    assert [event.details["kind"] for event in events] == ["organization"]
    assert deployment.name not in json.dumps(events[0].as_json())


def test_the_sensor_asks_for_a_run_that_does_what_waits(
    deployment: Deployment, made: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_HOME", str(deployment.home))
    monkeypatch.setenv("DATABASE_URL", deployment.database.url.render_as_string(hide_password=False))
    asked = deployment.ask(Canary(1))
    with dg.instance_for_test() as instance:
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(erasures_asked_for(context), dg.RunRequest)
        result = build_definitions().resolve_job_def("erase").execute_in_process(instance=instance)
        assert result.success
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(erasures_asked_for(context), dg.SkipReason)
    (made_of,) = result.asset_materializations_for_node("erasures")
    assert made_of.metadata["erased"].value == 1
    with deployment.database.transaction(SYSTEM) as transaction:
        assert erasures.get(transaction, asked).state == "done"


def test_what_a_killed_process_left_in_the_folder_for_temporary_files_goes(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old, young = tmp_path / "leads-abc" / "upload", tmp_path / "leads-def" / "upload"
    socket = tmp_path / "leads-ghi" / ".s.PGSQL.5432.lock"
    for path in (old, young, socket):
        path.parent.mkdir()
        path.write_text("Ada")
    for path in (old, socket):
        os.utime(path, (1, 1))
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["files_deleted"] == 1
    assert (old.exists(), young.exists(), socket.exists()) == (False, True, True)


def test_an_upload_that_is_deleted_while_others_are_looked_through_is_passed_over(
    deployment: Deployment, made: UUID
) -> None:
    second = deployment.file(csv_of([HEADERS, Canary(1).row, ["P", "Q", "p@example.com", ""]]))
    asked = deployment.ask(Canary(1))

    seen: list[int] = []

    def delete_the_second(looked_at: int) -> None:
        seen.append(looked_at)
        if len(seen) == 1:
            with deployment.database.transaction(deployment.organization) as transaction:
                uploads.delete(transaction, second)

    (done,) = erase_waiting(deployment.database, deployment.settings, "run", only=asked, progress=delete_the_second)
    assert seen == [1, 1]
    assert (done.state, done.outcome["uploads"], done.outcome["erased"]) == ("done", 1, 1)
