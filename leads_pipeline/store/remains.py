"""What PostgreSQL keeps of rows that were deleted, and how it is cleared away.

A deleted row stays in the pages of its table until something else is written there, values of it in the planner's statistics,
and all of it in the write-ahead log. What is found in tables is `forgetting`'s business.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from leads_pipeline.logs import where
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded
from leads_pipeline.store.database import Database

log = structlog.get_logger()

SMALL_BYTES = 256 * 2**20
"""A table with its indexes up to this size is written anew within seconds, in which nobody else gets at it."""
PATIENCE = "3s"
"""How long writing a table anew waits for whoever uses it. Whoever comes after waits as well."""


def clear_tables(database: Database, tables: Iterable[str], beat: Callable[[], None] = lambda: None) -> list[str]:
    """Write tables anew with what is in them now, and have the planner's samples of them taken again.

    Tables that are large or in use are vacuumed instead: their free space keeps what was in it until it is used. These are
    returned. `beat` is called after each; tables that are not there are passed over.
    """
    left = [table for table in tables if not _cleared(database, table, beat)]
    _cleared(database, "pg_catalog.pg_statistic", beat)
    return left


def clear_log(settings: Settings) -> None:
    """Have the embedded server's log begin anew, so that nothing of before is in it. A server by URL is its operator's."""
    if settings.database_url is None:
        embedded.clear_log(settings.home)


def _cleared(database: Database, table: str, beat: Callable[[], None]) -> bool:
    with _impatient(database) as connection:
        size = connection.execute(text("SELECT pg_total_relation_size(to_regclass(:table))"), {"table": table}).scalar()
        if size is None:
            return True
        for way in ("FULL, ANALYZE", "ANALYZE") if size <= SMALL_BYTES else ("ANALYZE",):
            try:
                connection.execute(text(f"VACUUM ({way}) {table}"))
            except DBAPIError as error:
                log.warning("a table was not cleared", table=table, way=way, error=where(error))
            else:
                beat()
                return way != "ANALYZE"
    beat()
    return False


@contextmanager
def _impatient(database: Database) -> Iterator[Connection]:
    """A connection without transactions that gives up soon where a table is in use."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
        try:
            yield connection
        finally:
            connection.execute(text("RESET lock_timeout"))
