"""Dagster's storage, on one small pool of connections a process.

Dagster's own connects to PostgreSQL anew for every single question: 6 ms each, half of it CPU of ours and half the
server's, 30 times a second while nothing happens at all.
"""

import os
from functools import lru_cache
from typing import Any

from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config
from sqlalchemy import Engine, inspect

KEPT = 2
"""Connections that a process keeps once it has needed them: few, since a small hosted database allows 20 in all."""
MORE = 8
"""Connections beyond these, for as long as a thread of the daemon needs one; Dagster's own has no limit."""


class PooledStorage(DagsterPostgresStorage):
    """What `dagster.yaml` names as its storage. Makes the tables where there are none, as Dagster's own does."""

    def __init__(self, postgres_url: str, **options: Any) -> None:
        engine = _engine(postgres_url, os.getpid())
        super().__init__(postgres_url, **{**options, "should_autocreate_tables": not _has_tables(engine)})
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = engine  # noqa: SLF001

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig
    ) -> "PooledStorage":
        return cls(pg_url_from_config(config_value), inst_data=inst_data)


@lru_cache(maxsize=4)
def _engine(url: str, _process: int) -> Engine:
    """The pool for a database. One for all three parts of the storage, and for all instances: an instance is made for
    every evaluation of a sensor.
    """
    # A connection that was lost with a restarted server is noticed before it is used.
    return create_pg_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=KEPT, max_overflow=MORE, pool_pre_ping=True, pool_use_lifo=True
    )


_COMPLETE: set[Engine] = set()


def _has_tables(engine: Engine) -> bool:
    if engine not in _COMPLETE and {"runs", "event_logs", "jobs"} <= set(inspect(engine).get_table_names()):
        _COMPLETE.add(engine)
    return engine in _COMPLETE
