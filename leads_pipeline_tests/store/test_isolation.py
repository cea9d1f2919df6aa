"""Organizations are kept apart twice: queries are scoped, and the database refuses the rest."""

from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError

from leads_pipeline.errors import NotFound
from leads_pipeline.store import migrations, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import mapped_upload


def test_every_table_has_forced_row_level_security(database: Database) -> None:
    assert migrations.check(database) == []


def test_a_query_that_forgets_its_organization_finds_nothing_of_others(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    mapped_upload(database, organization, {"Firma": "Company"})
    with database.transaction(SYSTEM) as transaction:
        tables = [
            row["table_name"]
            for row in transaction.all(
                """SELECT table_name FROM information_schema.columns
                   WHERE table_schema = 'public' AND column_name = 'organization_id' ORDER BY table_name"""
            )
        ]
    assert len(tables) >= 12
    for table in tables:
        with database.transaction(other_organization) as transaction:
            foreign = transaction.value(
                f"SELECT count(*) FROM {table} WHERE organization_id <> :organization", organization=other_organization
            )
        assert foreign == 0, table


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
