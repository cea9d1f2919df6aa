"""Organizations are kept apart twice: queries are scoped, and the database refuses the rest."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError

from leads_pipeline.errors import NotFound
from leads_pipeline.store import (
    audit,
    corrections,
    idempotency,
    llm,
    logins,
    memory,
    migrations,
    organizations,
    sessions,
    uploads,
)
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database, as_json
from leads_pipeline.types import MemoryKey
from leads_pipeline_tests.builders import mapped_upload


def test_every_table_has_forced_row_level_security(database: Database) -> None:
    assert migrations.check(database) == []


def plant(database: Database, organization: UUID) -> None:
    """A row of this organization in every table that holds an organization's rows."""
    upload_id, stored = mapped_upload(database, organization, {"Firma": "Company"})
    with database.transaction(organization) as transaction:
        corrections.correct(transaction, [Correction(stored["Firma"].id, "LastName")], single_valued=frozenset())
        organizations.save_lead_schema(transaction, {"fields": []}, after=0)
        organizations.create_token(transaction, organization)
        idempotency.reserve(transaction, "key", "POST /uploads")
        transaction.run(
            """INSERT INTO training_datasets (id, organization_id, version, status, parameters)
               VALUES (:id, :organization, 1, 'building', '{}')""",
            id=upload_id,
            organization=organization,
        )
        transaction.run(
            """INSERT INTO model_performance (id, organization_id, model_version, measured_on, columns)
               VALUES (:id, :organization, 'm', 'online', 0)""",
            id=upload_id,
            organization=organization,
        )
        llm.save_definitions(transaction, applied=True, definitions="d", amendments={}, evidence={}, gain={})
        llm.set_aside(transaction, date(2026, 11, 1), Decimal(1), budget=None)
        transaction.run(
            """INSERT INTO llm_answers (mapping_id, organization_id, endpoint, model, definitions, belief)
               VALUES (:mapping, :organization, 'decisions', 'm', 'd', 0.9)""",
            mapping=stored["Firma"].id,
            organization=organization,
        )
    with database.transaction(SYSTEM) as transaction:
        sessions.begin(
            transaction,
            role="organization",
            name="ann",
            source="token",
            lasts=timedelta(hours=1),
            organization=organization,
        )
        while audit.seal(transaction):
            pass


APPEND_ONLY = {"audit_events", "audit_seals"}
PLANTED = {
    "api_tokens", "audit_events", "audit_seals", "field_mappings", "field_patterns", "file_uploads", "idempotency_keys",
    "lead_schemas", "llm_answers", "llm_definitions", "llm_spending", "login_sessions", "memory_entries",
    "model_performance", "processing_jobs", "sheets", "training_datasets", "upload_contents", "user_corrections",
}  # fmt: skip


def tables(database: Database, *, with_organization: bool) -> list[str]:
    with database.transaction(SYSTEM) as transaction:
        rows = transaction.all(
            """SELECT c.relname AS name FROM pg_class c
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                 AND c.relname NOT IN ('alembic_version', 'organizations')
                 AND :wanted = EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id')
               ORDER BY 1""",
            wanted=with_organization,
        )
    return [row["name"] for row in rows]


def test_in_every_table_a_query_that_forgets_its_organization_finds_and_changes_nothing_of_others(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    plant(database, organization)
    found: set[str] = set()
    for table in tables(database, with_organization=True):
        theirs = f"FROM {table} WHERE organization_id = :theirs"
        with database.transaction(SYSTEM) as transaction:
            row = transaction.value(f"SELECT to_jsonb({table}) {theirs} LIMIT 1", theirs=organization)
        with database.transaction(other_organization) as transaction:
            assert transaction.value(f"SELECT count(*) {theirs}", theirs=organization) == 0, table
            everything = f"SELECT count(*) FROM {table} WHERE organization_id <> :own"
            assert transaction.value(everything, own=other_organization) == 0, table
        changes = (f"UPDATE {table} SET organization_id = :own WHERE organization_id = :theirs", f"DELETE {theirs}")
        for change in changes:
            values = {"own": other_organization, "theirs": organization}
            if table in APPEND_ONLY:
                with (
                    pytest.raises(ProgrammingError, match="permission denied"),
                    database.transaction(other_organization) as transaction,
                ):
                    transaction.run(change, **values)
            else:
                with database.transaction(other_organization) as transaction:
                    assert transaction.run(change, **values) == 0, table
        if row is None:
            continue
        found.add(table)
        record = f"(jsonb_populate_record(NULL::{table}, CAST(:row AS jsonb))).*"
        copy = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT {record}"
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            database.transaction(other_organization) as transaction,
        ):
            transaction.run(copy, row=as_json(row))
    assert found >= PLANTED


def test_what_is_the_system_s_is_seen_by_no_organization(database: Database, organization: UUID) -> None:
    with database.transaction(SYSTEM) as transaction:
        logins.deployment_key(transaction, "network")
        logins.save_password(transaction, "admin", "a hash")
        logins.count_attempt(transaction, [b"somebody"])
    system = tables(database, with_organization=False)
    assert {"deployment_keys", "local_passwords", "login_attempts", "login_flows"} <= set(system)
    for table in system:
        with database.transaction(organization) as transaction:
            assert transaction.value(f"SELECT count(*) FROM {table}") == 0, table


def test_an_organization_sees_itself_alone(database: Database, organization: UUID, other_organization: UUID) -> None:
    with database.transaction(organization) as transaction:
        assert [item.id for item in organizations.organizations(transaction)] == [organization]
        assert transaction.run("UPDATE organizations SET name = 'x' WHERE id = :id", id=other_organization) == 0
        with pytest.raises(NotFound):
            organizations.organization(transaction, other_organization)


def test_nobody_writes_into_another_organization(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    upload_id, _ = mapped_upload(database, organization, {"Firma": "Company"})
    with database.transaction(other_organization) as transaction:
        assert transaction.run("UPDATE file_uploads SET filename = 'x' WHERE id = :id", id=upload_id) == 0
        assert transaction.run("DELETE FROM field_mappings WHERE upload_id = :id", id=upload_id) == 0
    with pytest.raises(ProgrammingError), database.transaction(other_organization) as transaction:
        transaction.run(
            "INSERT INTO lead_schemas (organization_id, version, body) VALUES (:id, 1, '{}')", id=organization
        )


def test_an_id_of_somebody_else_is_not_found(database: Database, organization: UUID, other_organization: UUID) -> None:
    upload_id, _ = mapped_upload(database, organization, {"Firma": "Company"})
    for act in (uploads.upload, uploads.delete, uploads.request_remap):
        with pytest.raises(NotFound), database.transaction(other_organization) as transaction:
            act(transaction, upload_id)


def test_shared_memory_tells_no_more_than_the_field_of_a_header_that_is_asked_for(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    _, columns = mapped_upload(database, organization, {"Firma": None, "Geheimes": None, "Werk": None, "Leer": "Title"})
    answers = {"Firma": "Company", "Geheimes": "Department", "Werk": "Plant__c", "Leer": None}
    with database.transaction(organization) as transaction:
        corrections.correct(
            transaction,
            [Correction(columns[header].id, target, reviewer="ann") for header, target in answers.items()],
            single_valued=(),
        )
    with database.transaction(SYSTEM) as transaction:
        for sharing in (organization, other_organization):
            organizations.change_organization(transaction, sharing, {"share_memory": True})
    asked = [MemoryKey(header, "text", "n", header, header) for header in ("firma", "werk", "leer")]
    with database.transaction(other_organization) as transaction:
        found = memory.recall(transaction, asked, sharable={"Company", "Department"})
        assert transaction.value("SELECT count(*) FROM memory_entries") == 0
    assert [(each.key.header, each.target, each.person, each.shared) for each in found] == [
        ("firma", "Company", "", True)
    ]
    with database.transaction(organization) as transaction:
        assert not any(each.shared for each in memory.recall(transaction, asked, sharable={"Company"}))
