"""The summary of a week: of the last whole one, for each organization and for all, readable and without anybody's headers."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.defs.recommendations import advise
from leads_pipeline.defs.weekly import write_summaries
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, weekly
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import mapped_upload


def test_a_week_is_summed_up_beside_the_one_before(database: Database, organization: UUID) -> None:
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday() + 7)
    for day, wrong in ((monday - timedelta(days=3), True), (monday, False), (monday + timedelta(days=6), False)):
        reviewed_on(database, organization, day, wrong=wrong)
    for _ in range(2):
        mapped_upload(database, organization, {"Rätsel": None})
    measure_performance(database, target_seconds=30, today=today)
    advise(database, Settings(), today=today)  # pyright: ignore[reportCallIssue]
    _, everybodys, _ = write_summaries(database, today=today)
    with database.transaction(organization) as transaction:
        found = weekly.newest(transaction)
    assert found is not None
    assert found["monday"] == monday
    assert "2 files with 4 columns, 2 of them reviewed as a whole." in found["body"]
    assert "| corrections per reviewed file | 0.00 | 1.00 |" in found["body"]
    assert "- Answer 1 column whose headers keep coming" in found["body"]
    assert found["figures"]["uploads"] == 2
    assert "Rätsel" not in everybodys
    with database.transaction(SYSTEM) as transaction:
        together = weekly.newest(transaction)
    assert together is not None
    assert together["body"] == everybodys


def test_a_week_that_is_summed_up_twice_has_one_summary(database: Database, organization: UUID) -> None:
    today = datetime.now(UTC).date()
    reviewed_on(database, organization, today - timedelta(days=today.weekday() + 7), wrong=False)
    measure_performance(database, target_seconds=30, today=today)
    write_summaries(database, today=today)
    write_summaries(database, today=today)
    with database.transaction(organization) as transaction:
        assert transaction.value("SELECT count(*) FROM weekly_summaries") == 1


def reviewed_on(database: Database, organization: UUID, day: date, *, wrong: bool) -> None:
    upload, columns = mapped_upload(database, organization, {"Firma": "Company", "Mail": "Email"})
    with database.transaction(organization) as transaction:
        answers = [Correction(columns["Firma"].id, "Title")] if wrong else []
        corrections.review(transaction, upload, answers, rest_confirmed=True, single_valued=())
        transaction.run("UPDATE file_uploads SET mapped_at = CAST(:day AS timestamptz) WHERE id = :id",
                        day=datetime(day.year, day.month, day.day, 12, tzinfo=UTC), id=upload)  # fmt: skip
