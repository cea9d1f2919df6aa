"""Transactions that say several things in one message, and connections that outlive a server."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError

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


def test_after_warming_up_every_connection_knows_its_plans_and_none_was_carried_out(database_url: URL) -> None:
    insert = Planned("INSERT INTO organizations (id, name) VALUES (CAST(:id AS uuid), CAST(:name AS text))")
    told = "SELECT generic_plans FROM pg_prepared_statements WHERE name = :name"
    with connect(database_url, pool=2) as warm:
        warm.warm_up([insert])
        with warm.transaction(SYSTEM) as one, warm.transaction(SYSTEM) as other:
            assert one.value(told, name=insert.name) == other.value(told, name=insert.name) == 1
            assert one.value("SELECT count(*) FROM organizations WHERE name IS NULL") == 0


def test_a_transaction_in_which_nothing_is_asked_says_nothing(database_url: URL) -> None:
    said: list[str] = []
    with connect(database_url, pool=1) as quiet:
        event.listen(quiet.engine, "before_cursor_execute", lambda _, __, statement, *_rest: said.append(statement))
        with quiet.transaction(SYSTEM):
            pass
        assert said == []
        with quiet.transaction(SYSTEM) as transaction:
            assert transaction.value("SELECT 1") == 1
    assert [each.count(";") for each in said] == [2, 0]


def test_a_transaction_that_failed_leaves_its_connection_as_it_was(database_url: URL) -> None:
    insert = "INSERT INTO organizations (id, name) VALUES (:id, :name)"
    half = uuid4()

    def fail(database: Database, wrong: str) -> None:
        with database.transaction(SYSTEM) as transaction:
            transaction.run(insert, id=half, name=f"Org {half}")
            transaction.run(wrong)

    with connect(database_url, pool=1) as database:
        for wrong in ("SELECT 1 / 0", "SELECT pg_terminate_backend(pg_backend_pid())"):
            with pytest.raises(DBAPIError):
                fail(database, wrong)
            with database.transaction(SYSTEM) as transaction:
                assert transaction.value("SELECT count(*) FROM organizations WHERE id = :id", id=half) == 0


def test_rows_come_in_blocks_whether_or_not_all_of_them_are_wanted(database: Database) -> None:
    numbers = "SELECT n FROM generate_series(1, :last) n"
    with database.transaction(SYSTEM) as transaction:
        for last in (5, 6):
            sizes = [len(block) for block in transaction.stream(numbers, block=3, last=last)]
            assert sizes == [3, last - 3]
        for _ in range(2):
            first = transaction.stream(numbers, block=2, last=5)
            assert [row[0] for row in next(iter(first))] == [1, 2]
            first.close()


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
