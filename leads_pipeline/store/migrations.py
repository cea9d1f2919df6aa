"""Bringing the database to the newest schema, and telling whether it is there."""

from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import CHECKOUT
from leads_pipeline.store.database import SYSTEM, Database

_LOCK = 0x6C65616473  # "leads": two processes that start at once migrate one after the other.

_MOST_COUNTED = 100_000
"""Rows that counting is quick for."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where the schema stands. `revision` is None for an empty database."""

    revision: str | None
    newest: str
    rows: dict[str, int]

    @property
    def current(self) -> bool:
        return self.revision == self.newest


def upgrade(database: Database) -> str:
    """Apply what is missing, in one transaction, and return the revision reached.

    Raises `SetupProblem` for a role that row-level security does not hold.
    """
    require_ordinary_role(database)
    config = _config()
    with database.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return _newest()


def status(database: Database) -> Status:
    """The revision, and how many rows each table holds; of large ones an estimate, the planner's."""
    with database.transaction(SYSTEM) as transaction:
        tables = transaction.all(
            """SELECT relname, reltuples::bigint AS estimate FROM pg_class
               WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
               ORDER BY relname"""
        )
        # The planner knows nothing of a table that nobody has analysed yet, and its guess may be old.
        rows = {
            each["relname"]: each["estimate"]
            if each["estimate"] > _MOST_COUNTED
            else transaction.value(f'SELECT count(*) FROM "{each["relname"]}"')
            for each in tables
        }
    return Status(_revision(database), _newest(), rows)


def is_current(database: Database) -> bool:
    """Whether the schema is the one that this code was written for."""
    return _revision(database) == _newest()


def _revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table_schema": "public"}).get_current_revision()


def check(database: Database) -> list[str]:
    """What is wrong with the database, one sentence each; empty when all is well."""
    revision, newest = _revision(database), _newest()
    problems = [problem] if (problem := _unheld_role(database)) else []
    if revision is None:
        return [*problems, "The tables are missing: run `leads db upgrade`."]
    if revision != newest:
        problems.append(f"The schema is at revision {revision}, not {newest}: run `leads db upgrade`.")
    with database.transaction(SYSTEM) as transaction:
        open_tables = transaction.all(
            """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND relname <> 'alembic_version' AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname"""
        )
        problems += [f"Table {row['relname']} has no forced row-level security." for row in open_tables]
    return problems


def dagster_tables(database: Database) -> str | None:
    """The version of Dagster whose tables there are; None before any were made."""
    with database.engine.connect() as connection:
        return connection.execute(text("SELECT obj_description(to_regnamespace('dagster'), 'pg_namespace')")).scalar()


def note_dagster_tables(database: Database, version: str) -> None:
    """Remember for which version of Dagster its tables were made."""
    with database.engine.begin() as connection:
        # COMMENT takes no parameters.
        literal = connection.execute(text("SELECT quote_literal(:version)"), {"version": version}).scalar()
        connection.execute(text(f"COMMENT ON SCHEMA dagster IS {literal}"))


def require_ordinary_role(database: Database) -> None:
    """Raise `SetupProblem` for a role that row-level security does not hold: organizations would be kept apart by queries
    alone.
    """
    if problem := _unheld_role(database):
        raise SetupProblem(problem)


def _unheld_role(database: Database) -> str | None:
    with database.transaction(SYSTEM) as transaction:
        role = transaction.one(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user",
        )
    if not (role["rolsuper"] or role["rolbypassrls"]):
        return None
    right = "is a superuser" if role["rolsuper"] else "has BYPASSRLS"
    return (
        f"The database role {role['rolname']} {right}, so row-level security would not keep organizations apart. Make an "
        "ordinary one and name it in DATABASE_URL: CREATE ROLE leads LOGIN PASSWORD '...'; "
        "CREATE DATABASE leads OWNER leads;"
    )


def require_current(database: Database) -> None:
    """Raise `SetupProblem` unless the schema is the one that this code was written for, and our role an ordinary one."""
    require_ordinary_role(database)
    revision, newest = _revision(database), _newest()
    if revision != newest:
        raise SetupProblem(
            f"The database is at revision {revision or 'none'}, this code needs {newest}: run `leads db upgrade`."
        )


def reset(database: Database) -> None:
    """Drop our tables and Dagster's, and make ours anew. Everything stored is gone; other tables are left alone."""
    config = _config()
    with database.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.execute(text("DROP SCHEMA IF EXISTS dagster CASCADE"))
    upgrade(database)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _newest() -> str:
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest
