"""The lock that keeps a database to one worker at a time."""

from contextlib import suppress

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from leads_pipeline.errors import SetupProblem
from leads_pipeline.store.database import reason, shown

_LOCK = 0x6C656164776F726B  # "leadwork"


class WorkerLock:
    """A PostgreSQL advisory lock, held by a connection of its own: it is free again when that ends, however it ends.

    Needs a session: a connection pooler in transaction mode cannot keep it.
    """

    def __init__(self, database: URL) -> None:
        self._engine = create_engine(
            database,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"application_name": "leads worker", "connect_timeout": 10},
        )
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Whether the lock is ours, now or still. Connects again, and asks again, when the connection was lost.

        Raises `SetupProblem` when the database cannot be reached.
        """
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.execute(text("SELECT 1"))
                return True
            self.release()
        try:
            connection = self._engine.connect()
            taken = bool(connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar_one())
        except OperationalError as error:
            raise SetupProblem(f"The database {shown(self._engine.url)} cannot be reached: {reason(error)}.") from error
        if taken:
            self._connection = connection
        else:
            connection.close()
        return taken

    def release(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.close()
            self._connection = None
