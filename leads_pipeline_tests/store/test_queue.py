"""The queue: nothing is lost, nothing is done twice, nobody starves."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from leads_pipeline.errors import FileRejected, StaleClaim
from leads_pipeline.store import queue, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.queue import Done, Job
from leads_pipeline_tests.builders import claim_for, finish, received
from leads_pipeline_tests.conftest import new_organization

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)


@pytest.fixture(autouse=True)
def empty_queue(database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM processing_jobs")


def claim(database: Database, limit: int = 10, lease: timedelta = MINUTE) -> list[Job]:
    with database.transaction(SYSTEM) as transaction:
        return queue.claim(transaction, limit=limit, lease=lease, run_id="run")


def test_an_upload_waits_until_it_is_claimed_and_is_claimed_once(database: Database, organization: UUID) -> None:
    upload_id = received(database, organization)
    assert [job.upload_id for job in claim(database)] == [upload_id]
    assert claim(database) == []


def test_a_small_organization_does_not_wait_behind_a_large_one(database: Database) -> None:
    large, small = new_organization(database), new_organization(database)
    for _ in range(20):
        received(database, large)
    last = received(database, small)
    assert last in [job.upload_id for job in claim(database, limit=4)]


def test_a_job_whose_lease_ran_out_is_taken_over_and_the_first_worker_is_refused(
    database: Database, organization: UUID
) -> None:
    received(database, organization)
    (first,) = claim(database, lease=AT_ONCE)
    (second,) = claim(database)
    assert second.id == first.id
    with pytest.raises(StaleClaim), database.transaction(organization) as transaction:
        queue.finish(transaction, first, Done("model", 0, 1, 1))
    with database.transaction(organization) as transaction:
        queue.finish(transaction, second, Done("model", 0, 1, 1))


def test_a_file_that_ends_every_attempt_fails_as_poison(database: Database, organization: UUID) -> None:
    upload_id = received(database, organization)
    for _ in range(queue.MOST_ATTEMPTS):
        assert len(claim(database, lease=AT_ONCE)) == 1
    assert claim(database) == []
    with database.transaction(organization) as transaction:
        found = uploads.upload(transaction, upload_id)
    assert found.status == "failed"
    assert found.problem is not None
    assert found.problem["code"] == "poison"


def test_a_job_given_back_before_it_began_has_not_used_up_an_attempt(database: Database, organization: UUID) -> None:
    received(database, organization)
    for _ in range(queue.MOST_ATTEMPTS + 2):
        (job,) = claim(database)
        with database.transaction(SYSTEM) as transaction:
            queue.give_back(transaction, job, tried=False)
    assert len(claim(database)) == 1


def test_many_drains_at_once_take_each_upload_once(database: Database, organization: UUID) -> None:
    expected = {received(database, organization) for _ in range(40)}
    taken: list[UUID] = []

    def work() -> None:
        while jobs := claim(database, limit=3):
            taken.extend(job.upload_id for job in jobs)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.extend(job.upload_id for job in claim(database, limit=100))
    assert sorted(taken) == sorted(expected)


def test_a_bad_file_is_a_row_with_an_error(database: Database, organization: UUID) -> None:
    upload_id = received(database, organization)
    job = claim_for(database, upload_id)
    with database.transaction(organization) as transaction:
        queue.fail(transaction, job, FileRejected("corrupt_file", "The file is damaged."))
    with database.transaction(organization) as transaction:
        found = uploads.upload(transaction, upload_id)
    assert (found.status, found.problem and found.problem["code"]) == ("failed", "corrupt_file")


def test_a_remap_makes_a_new_generation_and_the_old_mappings_no_longer_count(
    database: Database, organization: UUID
) -> None:
    upload_id = received(database, organization)
    finish(database, claim_for(database, upload_id), {"Firma": "Company"})
    with database.transaction(organization) as transaction:
        assert uploads.request_remap(transaction, upload_id).status == "received"
    finish(database, claim_for(database, upload_id), {"Firma": "Title"})
    with database.transaction(organization) as transaction:
        found = uploads.upload(transaction, upload_id)
    assert (found.generation, found.status, found.column_count) == (2, "mapped", 1)


def test_a_drain_counts_as_alive_while_its_heart_beats(database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM drains")
        assert not queue.drain_is_alive(transaction)
        drain = queue.begin_drain(transaction, "run")
        assert queue.drain_is_alive(transaction)
        transaction.run("UPDATE drains SET heartbeat_at = now() - interval '1 minute'")
        assert not queue.drain_is_alive(transaction)
        queue.heartbeat(transaction, drain)
        assert queue.drain_is_alive(transaction)
        queue.end_drain(transaction, drain, "nothing waits")
        assert not queue.drain_is_alive(transaction)
