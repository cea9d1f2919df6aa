"""The worker's lock, on a real PostgreSQL."""

import pytest
from sqlalchemy.engine import URL

from leads_pipeline.errors import SetupProblem
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.worker_lock import WorkerLock


def test_one_worker_at_a_time(database_url: URL) -> None:
    first, second = WorkerLock(database_url), WorkerLock(database_url)
    assert first.take()
    assert not second.take()
    assert first.take()
    first.release()
    assert second.take()
    second.release()


def test_a_lost_connection_is_made_again_and_the_lock_with_it(database: Database) -> None:
    lock = WorkerLock(database.url)
    assert lock.take()
    with database.transaction(SYSTEM) as transaction:
        transaction.all(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leads worker'"
        )
    assert lock.take()
    lock.release()


def test_a_database_that_is_away_is_said_in_a_sentence_without_the_password(database_url: URL) -> None:
    lock = WorkerLock(database_url.set(password="not-the-password"))
    with pytest.raises(SetupProblem, match="cannot be reached") as caught:
        lock.take()
    assert "not-the-password" not in caught.value.detail
