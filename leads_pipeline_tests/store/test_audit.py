"""The audit trail: nobody changes it, and verification finds whoever did."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError

from leads_pipeline.store import audit, embedded, migrations, organizations
from leads_pipeline.store.audit import Anchor, Verification
from leads_pipeline.store.database import SYSTEM, Database, Transaction, connect
from leads_pipeline.store.ids import new_id
from leads_pipeline.types import Actor
from leads_pipeline_tests.builders import mapped_upload

TOKEN = Actor("token", "ab12CD34", bytes(16))


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Generator[Database]:
    """A database of its own, whose trail is tampered with."""
    home: Path = tmp_path_factory.mktemp("trail")
    with embedded.server(home) as url, connect(url) as database:
        migrations.upgrade(database)
        yield database
    embedded.wipe(home)


def empty(trail: Database) -> None:
    with trail.transaction(SYSTEM) as transaction:
        transaction.run("ALTER TABLE audit_events DISABLE TRIGGER audit_events_whole")
        transaction.run("ALTER TABLE audit_seals DISABLE TRIGGER audit_seals_whole")
        transaction.run("GRANT TRUNCATE ON audit_events, audit_seals TO CURRENT_USER")
        transaction.run("ALTER TABLE audit_head DISABLE TRIGGER audit_head_goes_on")
        transaction.run("TRUNCATE audit_events, audit_seals, audit_unsealed")
        transaction.run("UPDATE audit_head SET position = 0, hash = decode(repeat('00', 32), 'hex')")
        transaction.run("ALTER TABLE audit_head ENABLE TRIGGER audit_head_goes_on")


@pytest.fixture
def events(trail: Database) -> list[UUID]:
    """A whole chain of ten events, in its order."""
    empty(trail)
    with trail.transaction(SYSTEM, by=TOKEN) as transaction:
        for number in range(10):
            about = ("upload", new_id())
            audit.record(transaction, "upload.received", about, organization=new_id(), details={"size": number})
        assert audit.seal(transaction) == 10
        found = list(audit.every_event(transaction))
    assert verified(trail).whole
    return [event.id for event in sorted(found, key=lambda event: event.seal.position if event.seal else 0)]


def verified(database: Database, anchor: Anchor | None = None) -> Verification:
    with database.transaction(SYSTEM) as transaction:
        return audit.verify(transaction, anchor)


@contextmanager
def tampering(database: Database) -> Generator[Transaction]:
    """What somebody can do who owns the tables and means it."""
    tables = ("audit_events", "audit_seals", "audit_head")
    with database.transaction(SYSTEM) as transaction:
        for table in tables:
            transaction.run(f"GRANT ALL ON {table} TO CURRENT_USER")
            transaction.run(f"ALTER TABLE {table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY")
        yield transaction
        for table in tables:
            transaction.run(f"ALTER TABLE {table} ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY")


@pytest.mark.parametrize("change", ["UPDATE audit_events SET details = '{}'", "DELETE FROM audit_events",
                                    "TRUNCATE audit_events", "UPDATE audit_seals SET hash = sha256('x')",
                                    "DELETE FROM audit_seals", "TRUNCATE audit_seals",
                                    "UPDATE audit_head SET position = 0"])  # fmt: skip
@pytest.mark.usefixtures("organization")
def test_nobody_changes_what_was_recorded(database: Database, change: str) -> None:
    with database.transaction(SYSTEM) as transaction:
        audit.seal(transaction)
    with (
        database.transaction(SYSTEM) as transaction,
        pytest.raises(ProgrammingError, match=r"permission denied|only moves on"),
    ):
        transaction.run(change)


def test_a_trigger_refuses_what_a_grant_would_allow(trail: Database, events: list[UUID]) -> None:
    for change in ("UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_seals"):
        with trail.transaction(SYSTEM) as transaction:
            transaction.run("GRANT ALL ON audit_events, audit_seals TO CURRENT_USER")
            transaction.run("ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY")
            transaction.run("ALTER TABLE audit_seals NO FORCE ROW LEVEL SECURITY")
            with pytest.raises(ProgrammingError, match="append-only"):
                transaction.run(change)
    assert verified(trail).sealed == len(events)


ONE_BYTE = {
    "organization_id": "gen_random_uuid()",
    "happened_at": "happened_at + interval '1 microsecond'",
    "actor_kind": "'nobody'",
    "actor": "'ab12CD35'",
    "action": "'upload.receives'",
    "object_kind": "'uploads'",
    "object": "overlay(object placing 'x' from 1)",
    "network": "set_byte(network, 3, 1)",
    "details": """details || '{"size": 99}'""",
}


@pytest.mark.parametrize("column", ONE_BYTE)
def test_one_changed_byte_is_found(trail: Database, events: list[UUID], column: str) -> None:
    with tampering(trail) as transaction:
        changed = f"UPDATE audit_events SET {column} = {ONE_BYTE[column]} WHERE id = :id"
        assert transaction.run(changed, id=events[4]) == 1
    assert verified(trail).problems == [f"Event {events[4]}, sealed at 5, or its seal was changed."]


@pytest.mark.parametrize("change", ["hash = sha256('x')", "sealed_at = sealed_at + interval '1 microsecond'"])
def test_a_changed_seal_is_found(trail: Database, events: list[UUID], change: str) -> None:
    with tampering(trail) as transaction:
        transaction.run(f"UPDATE audit_seals SET {change} WHERE position = 5")
    assert verified(trail).problems[0] == f"Event {events[4]}, sealed at 5, or its seal was changed."


def test_a_deleted_event_is_found(trail: Database, events: list[UUID]) -> None:
    with tampering(trail) as transaction:
        transaction.run("DELETE FROM audit_events WHERE id = :id", id=events[4])
    assert verified(trail).problems == [f"Event {events[4]}, sealed at 5, is missing."]


def test_an_event_that_was_deleted_with_its_seal_is_found(trail: Database, events: list[UUID]) -> None:
    with tampering(trail) as transaction:
        transaction.run("DELETE FROM audit_events WHERE id = :id", id=events[4])
        transaction.run("DELETE FROM audit_seals WHERE position = 5")
    assert verified(trail).problems[0] == "The seals from 5 to 5 are missing."


def test_an_end_that_was_cut_off_is_found(trail: Database, events: list[UUID]) -> None:
    with tampering(trail) as transaction:
        transaction.run("DELETE FROM audit_seals WHERE position > 8")
        transaction.run("DELETE FROM audit_events WHERE id = ANY(CAST(:ids AS uuid[]))", ids=events[8:])
    assert verified(trail).problems == ["The chain ends at 8, its head says 10: seals are missing."]


def test_an_event_that_was_slipped_in_is_found(trail: Database, events: list[UUID]) -> None:
    with tampering(trail) as transaction:
        slip_in = """INSERT INTO audit_events SELECT (e).* FROM (SELECT jsonb_populate_record(e, :changes) AS e
                     FROM audit_events e WHERE e.id = :id) AS t"""
        transaction.run(
            slip_in.replace(":changes", "CAST(:changes AS jsonb)"), id=events[4], changes=f'{{"id": "{new_id()}"}}'
        )
    (problem,) = verified(trail).problems
    assert problem.endswith("is neither sealed nor waiting for it: it was slipped in.")


@pytest.mark.usefixtures("events")
def test_an_event_that_was_dated_back_before_it_was_sealed_is_found(trail: Database) -> None:
    with trail.transaction(SYSTEM) as transaction:
        audit.record(transaction, "upload.deleted")
    with tampering(trail) as transaction:
        transaction.run(
            "UPDATE audit_events SET happened_at = now() - interval '1 day' WHERE action = 'upload.deleted'"
        )
    with trail.transaction(SYSTEM) as transaction:
        audit.seal(transaction)
    (problem,) = verified(trail).problems
    assert problem.endswith("sealed at 11, was dated back.")


def test_events_that_have_waited_for_hours_while_nobody_sealed_are_whole(trail: Database) -> None:
    empty(trail)
    with trail.transaction(SYSTEM) as transaction:
        for action in ("upload.received", "upload.mapped"):
            audit.record(transaction, action)
    with tampering(trail) as transaction:
        transaction.run(
            "UPDATE audit_events SET happened_at = now() - interval '5 hours' WHERE action = 'upload.received'"
        )
        transaction.run(
            "UPDATE audit_events SET happened_at = now() - interval '3 hours' WHERE action = 'upload.mapped'"
        )
    for _ in range(2):
        with trail.transaction(SYSTEM) as transaction:
            assert audit.seal(transaction, most=1) == 1
    seen: list[tuple[int, int]] = []
    with trail.transaction(SYSTEM) as transaction:
        assert audit.verify(transaction, progress=lambda done, of: seen.append((done, of))).whole
    assert seen == [(2, 2)]


def test_an_event_that_was_deleted_before_it_was_sealed_is_missed(trail: Database, events: list[UUID]) -> None:
    with trail.transaction(SYSTEM) as transaction:
        audit.record(transaction, "upload.received")
    with tampering(trail) as transaction:
        transaction.run("DELETE FROM audit_events WHERE NOT id = ANY(CAST(:ids AS uuid[]))", ids=events)
    assert verified(trail).problems == ["1 events that waited for their seals are missing."]


def test_a_chain_that_was_written_anew_does_not_hold_an_anchor_from_before(trail: Database, events: list[UUID]) -> None:
    anchor = verified(trail).head
    assert verified(trail, anchor).whole
    with tampering(trail) as transaction:
        transaction.run("DELETE FROM audit_seals")
        transaction.run("UPDATE audit_head SET position = 0, hash = decode(repeat('00', 32), 'hex')")
        transaction.run("UPDATE audit_events SET actor = 'xx12CD34'")
        transaction.run("INSERT INTO audit_unsealed SELECT id FROM audit_events")
        assert audit.seal(transaction) == len(events)
    assert verified(trail).whole
    assert verified(trail, anchor).problems == [f"The chain does not hold the anchor {anchor}: it was rewritten."]


@pytest.mark.usefixtures("events")
def test_what_has_no_seal_yet_is_told(trail: Database) -> None:
    with trail.transaction(SYSTEM) as transaction:
        audit.record(transaction, "upload.received")
    found = verified(trail)
    assert (found.whole, found.sealed, found.waiting) == (True, 10, 1)
    assert found.oldest_seconds > 0


def test_an_event_is_there_if_and_only_if_what_it_tells_of_is(database: Database, organization: UUID) -> None:
    def tokens_made() -> list[str]:
        with database.transaction(organization) as transaction:
            return [event.action for event in audit.events(transaction, limit=50, action="token")]

    with suppress(LookupError), database.transaction(organization) as transaction:
        organizations.create_token(transaction, organization)
        raise LookupError
    assert tokens_made() == []
    with database.transaction(organization) as transaction:
        organizations.create_token(transaction, organization)
    assert tokens_made() == ["token.created"]


def test_an_organization_sees_its_own_events_alone(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    mapped_upload(database, organization, {"Firma": "Company"})
    with database.transaction(other_organization) as transaction:
        assert {event.organization_id for event in audit.every_event(transaction)} == {other_organization}
    with database.transaction(organization) as transaction:
        assert "upload.received" in {event.action for event in audit.events(transaction, limit=10)}


@pytest.mark.parametrize("text", ["ann@example.com", "Ann Miller", "x" * 81, "+49 30 123456", "Müller"])
def test_an_event_holds_no_text_that_somebody_wrote(database: Database, organization: UUID, text: str) -> None:
    with database.transaction(organization) as transaction, pytest.raises(ValueError, match="neither a number nor"):
        audit.record(transaction, "upload.received", details={"name": text})


def test_the_database_dates_events(database: Database, organization: UUID) -> None:
    before = datetime.now(UTC)
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO audit_events (id, organization_id, happened_at, actor_kind, actor, action)
               VALUES (:id, :organization, '2001-01-01', 'nobody', '', 'upload.received')""",
            id=new_id(),
            organization=organization,
        )
        (event,) = audit.events(transaction, limit=1)
    assert event.happened_at >= before
