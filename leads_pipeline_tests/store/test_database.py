"""Transactions that say several things in one message, and connections that outlive a server."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError

from leads_pipeline.store.database import SYSTEM, Database, Planned, connect


def test_what_is_put_off_is_done_in_order_before_what_comes_next(database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.later("CREATE TEMPORARY TABLE said (n integer, word text) ON COMMIT DROP")
        for n, word in enumerate(("50 %", "it's; DROP", ":n")):
            transaction.later("INSERT INTO said VALUES (:n, :word)", n=n, word=word)
        assert transaction.run("UPDATE said SET n = n + 10 WHERE word <> :word", word=":n") == 2
        rows = transaction.all("SELECT n, word FROM said ORDER BY n")
    assert rows == [{"n": 2, "word": ":n"}, {"n": 10, "word": "50 %"}, {"n": 11, "word": "it's; DROP"}]


def test_what_was_put_off_is_committed_at_the_end_and_forgotten_with_an_error(database: Database) -> None:
    kept, dropped = uuid4(), uuid4()
    insert = "INSERT INTO organizations (id, name) VALUES (:id, :name)"
    with database.transaction(SYSTEM) as transaction:
        transaction.later(insert, id=kept, name=f"Org {kept}")

    def fail() -> None:
        with database.transaction(SYSTEM) as transaction:
            transaction.later(insert, id=dropped, name=f"Org {dropped}")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with database.transaction(SYSTEM) as transaction:
        found = transaction.all("SELECT id FROM organizations WHERE id = ANY(:ids)", ids=[kept, dropped])
    assert found == [{"id": kept}]


def test_an_error_shows_no_values_of_what_was_sent_together(database: Database) -> None:
    def fail() -> None:
        with database.transaction(SYSTEM) as transaction:
            transaction.later("SELECT CAST(:name AS text)", name="Ada Lovelace")
            transaction.run("SELECT 1 / length(substr(:name, 1, 0))", name="Grace Hopper")

    with pytest.raises(DataError) as caught:
        fail()
    assert not {"Ada", "Grace"} & set(str(caught.value).replace("'", " ").split())


def test_what_is_planned_once_answers_like_any_statement(database_url: URL) -> None:
    said = Planned("SELECT CAST(:word AS text) || ' 100 %' AS word, :n + 1 AS n WHERE :n > 0")
    with connect(database_url, pool=1) as other:
        for n in (1, 2):
            with other.transaction(SYSTEM) as transaction:
                transaction.later(said, word="it's", n=n)
                assert transaction.all(said, word=":n", n=n) == [{"word": ":n 100 %", "n": n + 1}]
                assert transaction.all(said, word="", n=0) == []
        with other.engine.connect() as connection:
            # The next one knows no plans.
            connection.invalidate()
        with other.question(SYSTEM) as question:
            assert question.value(said, word="again", n=3) == "again 100 %"


def test_a_plan_outlives_the_transaction_that_failed_with_it(database_url: URL) -> None:
    inverse = Planned("SELECT 1 / CAST(:n AS integer)")
    with connect(database_url, pool=1) as database:
        for _ in range(2):
            with pytest.raises(DataError, match="division by zero"), database.transaction(SYSTEM) as transaction:
                transaction.value(inverse, n=0)
        with database.transaction(SYSTEM) as transaction:
            assert transaction.value(inverse, n=1) == 1


def test_a_question_sees_what_its_organization_may_see(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    count = "SELECT count(*) FROM organizations WHERE id = ANY(:ids)"
    ids = [organization, other_organization]
    with database.question(organization) as question:
        assert question.value(count, ids=ids) == 1
    with database.question(SYSTEM) as question:
        assert question.value(count, ids=ids) == 2
        # The scope was that of the first statement alone.
        assert question.value(count, ids=ids) == 0


def test_a_connection_that_the_server_has_ended_is_not_used_again(
    database: Database, database_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads_pipeline.store.database.SURE_SECONDS", 0.0)

    def place(asked: Database) -> int:
        with asked.question(SYSTEM) as question:
            return question.value("SELECT pg_backend_pid()")

    with connect(database_url, pool=1) as other:
        before = place(other)
        assert place(other) == before
        with database.transaction(SYSTEM) as transaction:
            # The second argument waits until it has ended.
            assert transaction.value("SELECT pg_terminate_backend(:pid, 10000)", pid=before)
        assert place(other) != before
