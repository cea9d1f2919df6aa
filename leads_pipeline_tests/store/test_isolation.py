"""Organizations are kept apart twice: queries are scoped, and the database refuses the rest."""

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError, ProgrammingError

from leads_pipeline.errors import NotFound
from leads_pipeline.store import (
    corrections,
    logins,
    memory,
    migrations,
    organizations,
    uploads,
)
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database, SystemScope, Transaction
from leads_pipeline.types import MemoryKey
from leads_pipeline_tests.builders import mapped_upload


def test_every_table_has_forced_row_level_security(database: Database) -> None:
    assert migrations.check(database) == []


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


VALUES = {
    "uuid": "gen_random_uuid()", "text": "'x'", "boolean": "false", "jsonb": "'{}'", "bytea": "'\\x00'", "date": "now()",
    "timestamp with time zone": "now()", "integer": "1", "bigint": "2^62", "smallint": "1", "numeric": "1", "real": "1",
    "double precision": "1",
}  # fmt: skip
"""A value of each type, for a row that means nothing."""


def row_for(transaction: Transaction, table: str, owner: str) -> str:
    """The statement that inserts a row of this owner, an SQL expression, whatever columns the table has.

    The table's own rules on values are dropped first; the transaction is to be rolled back.
    """
    for rule in transaction.all(
        "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype IN ('c', 'f')",
        table=table,
    ):
        transaction.run(f'ALTER TABLE {table} DROP CONSTRAINT "{rule["conname"]}"')
    columns = transaction.all(
        """SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
           WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped AND attname <> 'organization_id'
             AND attnotnull AND NOT atthasdef AND attidentity = ''""",
        table=table,
    )
    values = [f"'{{}}'::{each['type']}" if each["type"].endswith("[]") else VALUES[each["type"]] for each in columns]
    names = ", ".join(["organization_id", *(each["name"] for each in columns)])
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join([owner, *values])})"


@contextmanager
def undone(database: Database) -> Generator[Transaction]:
    """A transaction of the system's that is rolled back."""
    with database.engine.connect() as connection, connection.begin() as begun:
        transaction = Transaction(connection, SYSTEM)
        act_as(transaction, SYSTEM)
        yield transaction
        begun.rollback()


def act_as(transaction: Transaction, scope: UUID | SystemScope) -> None:
    organization, name = (str(scope), "organization") if isinstance(scope, UUID) else ("", scope.value)
    transaction.run(
        "SELECT set_config('leads.organization', :organization, true), set_config('leads.scope', :name, true)",
        organization=organization,
        name=name,
    )


def touched(transaction: Transaction, statement: str) -> int:
    """How many rows the statement changes; a trigger that refuses it altogether counts as none."""
    point = transaction.connection.begin_nested()
    try:
        return transaction.run(statement)
    except DBAPIError:
        return 0
    finally:
        point.rollback()


def is_refused(transaction: Transaction, statement: str) -> bool:
    """Whether row-level security refuses the statement."""
    point = transaction.connection.begin_nested()
    try:
        transaction.run(statement)
    except ProgrammingError as error:
        return "row-level security" in str(error)
    finally:
        point.rollback()
    return False


def test_in_every_table_a_query_that_forgets_its_organization_finds_and_changes_nothing_of_others(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    every = tables(database, with_organization=True)
    assert len(every) >= 25
    for table in every:
        with undone(database) as transaction:
            theirs = row_for(transaction, table, f"'{organization}'")
            of_theirs = f"FROM {table} WHERE organization_id = '{organization}'"
            before = transaction.value(f"SELECT count(*) {of_theirs}")
            transaction.run(theirs)
            assert transaction.value(f"SELECT count(*) {of_theirs}") == before + 1, table
            act_as(transaction, other_organization)
            assert transaction.value(f"SELECT count(*) {of_theirs}") == 0, table
            assert (
                transaction.value(f"SELECT count(*) FROM {table} WHERE organization_id <> '{other_organization}'") == 0
            ), table
            assert touched(transaction, f"UPDATE {table} SET organization_id = '{other_organization}'") == 0, table
            assert touched(transaction, f"DELETE FROM {table}") == 0, table
            assert is_refused(transaction, theirs), table
            assert is_refused(transaction, theirs.replace(f"'{organization}'", "NULL")), table
            act_as(transaction, SYSTEM)
            assert transaction.value(f"SELECT count(*) {of_theirs}") == before + 1, table


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
