"""From troubled headers to advice, from advice that was followed to what it brought: on a real database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.defs.recommendations import advise
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, organizations, recommendations
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import mapped_upload
from leads_pipeline_tests.conftest import new_organization


def today() -> date:
    return datetime.now(UTC).date()


class Office:
    """An organization whose advice is made when asked for."""

    def __init__(self, database: Database, organization: UUID) -> None:
        self.database, self.organization = database, organization
        self.settings = Settings()  # pyright: ignore[reportCallIssue]

    def advised(self, days: int = 0) -> dict[str, dict[str, Any]]:
        """Its recommendations by kind, `days` from now."""
        day = today() + timedelta(days=days)
        measure_performance(self.database, target_seconds=30, today=day)
        advise(self.database, self.settings, today=day)
        with self.database.transaction(self.organization) as transaction:
            return {row["kind"]: row for row in recommendations.newest(transaction, limit=100)}

    def correct(self, mapping: UUID, target: str | None, *, reviewer: str | None = None) -> None:
        with self.database.transaction(self.organization) as transaction:
            corrections.correct(transaction, [Correction(mapping, target, reviewer=reviewer)], single_valued=())

    def later(self, days: int) -> None:
        """As if all that happened had happened so many days ago."""
        with self.database.transaction(self.organization) as transaction:
            transaction.run("UPDATE file_uploads SET mapped_at = mapped_at - :days, version = version + 1",
                            days=timedelta(days=days))  # fmt: skip
            transaction.run("UPDATE recommendations SET closed_at = closed_at - :days", days=timedelta(days=days))


@pytest.fixture
def office(database: Database, organization: UUID) -> Office:
    return Office(database, organization)


def test_columns_to_answer_are_recommended_until_they_are_answered(office: Office, database: Database) -> None:
    files = [mapped_upload(database, office.organization, {"Firma": "Company", "Rätsel": None}) for _ in range(3)]
    _, columns = files[-1]
    found = office.advised()["review_columns"]
    (column,) = found["evidence"]["columns"]
    assert (column["header"], column["seen"], column["undecided"]) == ("Rätsel", 3, 3)
    assert column["mapping_id"] == str(columns["Rätsel"].id), "the newest one"
    assert found["reviews_saved"] == pytest.approx(2.9)
    assert office.advised()["review_columns"]["id"] == found["id"], "advice that still holds stays the same advice"
    office.correct(columns["Rätsel"].id, "Title")
    assert "review_columns" not in office.advised(), "memory knows the header now"


def test_advice_that_was_followed_is_closed_and_its_gain_checked(office: Office, database: Database) -> None:
    asked = [mapped_upload(database, office.organization, {"Rätsel": None})[1]["Rätsel"].id for _ in range(2)]
    expected = office.advised()["review_columns"]["reviews_saved"]
    office.correct(asked[0], "Title")
    assert "review_columns" not in office.advised()
    office.later(20)
    for _ in range(4):
        mapped_upload(database, office.organization, {"Rätsel": "Title"})
    office.advised()
    with database.transaction(office.organization) as transaction:
        (checked,) = recommendations.checked(transaction, limit=10)
    assert checked["outcome"]["columns"] == 4
    assert checked["outcome"]["reviews_saved"] == 2.0
    assert checked["outcome"]["reviews_error"] == pytest.approx(2.0 - expected)
    with database.transaction(SYSTEM) as transaction:
        record = recommendations.track_record(transaction)
    assert record["review_columns"][1] >= 2.0


def test_people_who_contradict_each_other_are_told_so(office: Office, database: Database) -> None:
    for reviewer, target in (("ann", "Email"), ("bob", None)):
        _, columns = mapped_upload(database, office.organization, {"Kontakt": "Email", "Firma": "Company"})
        office.correct(columns["Kontakt"].id, target, reviewer=reviewer)
    found = office.advised()["resolve_conflict"]
    assert found["title"] == "Agree on what 'Kontakt' is"
    assert {each["target"] for each in found["evidence"]["answers"]} == {"Email", None}


def test_people_who_contradict_each_other_beside_other_columns_are_told_so_if_columns_wait(
    office: Office, database: Database
) -> None:
    for beside, reviewer, target in (("Firma", "ann", "Email"), ("Ort", "bob", None)):
        _, columns = mapped_upload(database, office.organization, {"Kontakt": "Email"}, neighbours=beside)
        office.correct(columns["Kontakt"].id, target, reviewer=reviewer)
    assert "resolve_conflict" not in office.advised(), "it may well mean one thing here and another there"
    _, columns = mapped_upload(database, office.organization, {"Kontakt": None}, neighbours="Branche")
    found = office.advised()["resolve_conflict"]
    assert found["because"].startswith("Beside other columns each time, people say")
    assert (found["accuracy_gain"], found["reviews_saved"] > 0) == (None, True)
    (answer,) = found["steps"][1]["body"]["corrections"]
    assert answer["mapping_id"] == str(columns["Kontakt"].id), "one that waits"


def test_columns_that_compete_for_a_field_speak_for_another_field(office: Office, database: Database) -> None:
    for _ in range(5):
        _, columns = mapped_upload(database, office.organization, {"Tel": None, "Zentrale": "Phone"})
        with database.transaction(office.organization) as transaction:
            corrections.correct(transaction, [Correction(columns["Tel"].id, "Phone")], single_valued={"Phone"})
    assert office.advised()["split_field"]["evidence"] == {"field": "Phone", "files": 5, "headers": ["Zentrale"]}


def test_the_organization_s_own_threshold_counts(office: Office, database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, office.organization, {"auto_apply_threshold": 100})
    headers: dict[str, str | None] = {f"Firma {n}": "Company" for n in range(150)}
    upload, _ = mapped_upload(database, office.organization, headers)
    with database.transaction(office.organization) as transaction:
        transaction.run("UPDATE field_mappings SET decided = false WHERE upload_id = :id", id=upload)
        corrections.review(transaction, upload, [], rest_confirmed=True, single_valued=())
    assert office.advised()["lower_threshold"]["title"] == "Apply mappings from 90 % on"


def test_nobody_sees_what_others_are_advised(office: Office, database: Database) -> None:
    for _ in range(2):
        mapped_upload(database, office.organization, {"Rätsel": None})
    assert office.advised()
    with database.transaction(new_organization(database)) as transaction:
        assert recommendations.newest(transaction, limit=10) == []
        assert transaction.value("SELECT count(*) FROM recommendations") == 0


def test_corrections_of_one_that_does_not_share_speak_for_a_model_of_its_own(
    office: Office, database: Database
) -> None:
    headers: dict[str, str | None] = {f"Firma {n}": "Company" for n in range(50)}
    _, columns = mapped_upload(database, office.organization, headers)
    with database.transaction(office.organization) as transaction:
        made = [Correction(column.id, "Title") for column in columns.values()]
        corrections.correct(transaction, made, single_valued=())
    assert office.advised()["retrain"]["evidence"]["corrections"] == 50


def test_corrections_of_those_who_share_speak_for_training_the_shared_model(office: Office, database: Database) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, office.organization, {"share_training": True})
    headers: dict[str, str | None] = {f"Firma {n}": "Company" for n in range(50)}
    _, columns = mapped_upload(database, office.organization, headers)
    with database.transaction(office.organization) as transaction:
        made = [Correction(column.id, "Title") for column in columns.values()]
        corrections.correct(transaction, made, single_valued=())
    assert "retrain" not in office.advised(), "it is the deployment's"
    with database.transaction(SYSTEM) as transaction:
        kinds = [row["kind"] for row in recommendations.newest(transaction, limit=10)]
    assert kinds == ["retrain"]
