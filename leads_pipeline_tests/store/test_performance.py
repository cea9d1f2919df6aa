"""What is counted of files, day by day: what changed is counted anew, and nobody else's is seen."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.store import corrections, performance
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database, as_json
from leads_pipeline_tests.builders import claim_for, finish, mapped_upload, stored_mappings


def today() -> date:
    return datetime.now(UTC).date()


def measure(database: Database) -> None:
    measure_performance(database, target_seconds=30, today=today())


def online(database: Database, organization: UUID, field: str | None = None) -> dict[str, Any]:
    with database.transaction(organization) as transaction:
        rows = performance.newest(transaction)
    wanted = ("online", None, None, field)
    return next(
        row for row in rows if tuple(row[n] for n in ("measured_on", "model_version", "language", "field")) == wanted
    )


def review(database: Database, organization: UUID, upload: UUID, wrong: dict[UUID, str | None]) -> None:
    with database.transaction(organization) as transaction:
        corrections.review(
            transaction,
            upload,
            [Correction(mapping, target) for mapping, target in wrong.items()],
            rest_confirmed=True,
            single_valued=(),
        )


def draw(database: Database, organization: UUID, upload: UUID) -> None:
    with database.transaction(organization) as transaction:
        transaction.run("UPDATE file_uploads SET audit_share = 0.02 WHERE id = :id", id=upload)


def test_a_review_is_measured_with_what_it_corrected(database: Database, organization: UUID) -> None:
    first, columns = mapped_upload(database, organization, {"Firma": "Company", "Mail": "Email", "Nr": None})
    mapped_upload(database, organization, {"Firma": "Company"})
    review(database, organization, first, {columns["Firma"].id: "LastName"})
    measure(database)
    row = online(database, organization)
    assert (row["uploads"], row["reviewed_uploads"], row["columns"], row["reviewed"]) == (2, 1, 4, 3)
    assert (round(row["accuracy"], 3), row["corrections_per_upload"], row["coverage"]) == (0.667, 1.0, 0.75)
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["in_time_share"] == 1.0
    assert row["new_header_share"] == 0.75, "the second file's header was there before"
    assert online(database, organization, "LastName")["accuracy"] == 0.0
    assert online(database, organization, "Company")["wrong_map_rate"] == 1.0


def test_only_what_changed_is_counted_again(database: Database, organization: UUID) -> None:
    upload, columns = mapped_upload(database, organization, {"Firma": "Company"})
    mapped_upload(database, organization, {"Mail": "Email"})
    due = performance.count_what_changed(database, organization, target_seconds=30)
    assert (len(due.versions), due.days) == (2, [today()])
    assert not performance.count_what_changed(database, organization, target_seconds=30).versions
    review(database, organization, upload, {columns["Firma"].id: None})
    assert list(performance.count_what_changed(database, organization, target_seconds=30).versions) == [upload]
    measure(database)
    assert online(database, organization)["reviewed"] == 1


def test_a_file_that_is_mapped_again_another_day_leaves_the_day_it_was_counted_in(
    database: Database, organization: UUID
) -> None:
    upload, _ = mapped_upload(database, organization, {"Firma": "Company"})
    yesterday = today() - timedelta(days=1)
    with database.transaction(organization) as transaction:
        transaction.run("UPDATE file_uploads SET mapped_at = mapped_at - interval '1 day'")
    performance.count_what_changed(database, organization, target_seconds=30)
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO processing_jobs (id, organization_id, upload_id, kind)
               VALUES (gen_random_uuid(), :organization, :upload, 'remap')""",
            organization=organization,
            upload=upload,
        )
    finish(database, claim_for(database, upload), {"Firma": "Company", "Mail": "Email"})
    assert performance.count_what_changed(database, organization, target_seconds=30).days == [yesterday, today()]
    with database.transaction(organization) as transaction:
        before = performance.uploads_between(transaction, yesterday, today())
        after = performance.uploads_between(transaction, today(), today() + timedelta(days=1))
    assert before == []
    assert [(row["uploads"], row["columns"]) for row in after] == [(1, 2)]


def test_an_upload_that_somebody_is_changing_is_left_for_the_next_time(database: Database, organization: UUID) -> None:
    upload, columns = mapped_upload(database, organization, {"Firma": "Company"})
    with database.transaction(organization) as transaction:
        corrections.correct(transaction, [Correction(columns["Firma"].id, None)], single_valued=())
        # The lock is held until this is committed; counting neither waits for it nor takes the new version for counted.
        performance.count_what_changed(database, organization, target_seconds=30)
    assert list(performance.count_what_changed(database, organization, target_seconds=30).versions) == [upload]


def test_drawn_files_are_measured_apart(database: Database, organization: UUID) -> None:
    chosen, columns = mapped_upload(database, organization, {"Firma": "Company"})
    review(database, organization, chosen, {columns["Firma"].id: None})
    drawn, _ = mapped_upload(database, organization, {"Firma": "Company", "Mail": "Email"})
    silent, _ = mapped_upload(database, organization, {"Firma": "Company"})
    for upload in (drawn, silent):
        draw(database, organization, upload)
    review(database, organization, drawn, {})
    measure(database)
    with database.transaction(organization) as transaction:
        rows = {row["measured_on"]: row for row in performance.newest(transaction)[::-1] if row["field"] is None}
    assert round(rows["online"]["accuracy"], 3) == 0.667
    assert (rows["audit"]["accuracy"], rows["audit"]["reviewed"]) == (1.0, 2)
    with database.transaction(organization) as transaction:
        whole = [row for row in performance.newest(transaction) if row["audit_response"] is not None]
    assert [row["audit_response"] for row in whole] == [0.5]


def test_what_all_organizations_come_to_is_seen_by_the_system_alone(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    for owner in (organization, other_organization):
        upload, _ = mapped_upload(database, owner, {"Firma": "Company"})
        review(database, owner, upload, {})
    measure(database)
    assert online(database, organization)["uploads"] == 1
    with database.transaction(SYSTEM) as transaction:
        together = performance.newest(transaction)[0]
    assert together["uploads"] >= 2
    with database.transaction(organization) as transaction:
        assert transaction.value("SELECT count(*) FROM model_performance WHERE organization_id IS NULL") == 0


def test_a_day_has_one_measurement_however_often_it_is_made(database: Database, organization: UUID) -> None:
    mapped_upload(database, organization, {"Firma": "Company"})
    measure(database)
    mapped_upload(database, organization, {"Mail": "Email"})
    measure(database)
    with database.transaction(organization) as transaction:
        history = performance.history(transaction, since=datetime.now(UTC) - timedelta(days=3))
    assert [(row["measured_on"], row["uploads"]) for row in history] == [("online", 2)]


def test_columns_are_counted_by_week_and_field(database: Database, organization: UUID) -> None:
    upload, columns = mapped_upload(database, organization, {"Firma": "Company", "Name": "Company", "Nr": None})
    review(database, organization, upload, {columns["Name"].id: "LastName"})
    measure(database)
    with database.transaction(organization) as transaction:
        rows = performance.columns_by_week(transaction, today() - timedelta(days=7), today() + timedelta(days=1))
    counted = {row["field"]: (row["proposed"], row["held"], row["correct"]) for row in rows}
    assert counted == {"Company": (2, 1, 1), "LastName": (0, 1, 0), None: (1, 1, 1)}
    assert stored_mappings(database, organization, upload)["Name"].target == "LastName"


def test_what_a_model_came_to_before_it_was_used_stands_apart(database: Database, organization: UUID) -> None:
    name = f"shared-{organization.hex[:12]}"
    share = {"columns": 200, "candidate": 0.95, "champion": 0.9, "difference": 0.05}
    metrics = {"golden set": {**share, "wrong_maps": {"candidate": 0.02}, "fields": {"": share, "Email": share}},
               "held-out layouts": {"columns": 0}}  # fmt: skip
    with database.transaction(SYSTEM) as transaction:
        transaction.run(
            """INSERT INTO mapping_models (id, name, status, base, inputs_hash, content_hash, feature_version, metrics)
               VALUES (:id, :name, 'candidate', 'base', sha256('a'), sha256('b'), 1, CAST(:metrics AS jsonb))""",
            id=organization,
            name=name,
            metrics=as_json(metrics),
        )
    measure(database)
    measure(database)
    with database.transaction(organization) as transaction:
        rows = {row["field"]: row for row in performance.offline(transaction) if row["model_version"] == name}
        assert performance.newest(transaction) == []
    assert set(rows) == {None, "(none)", "Email"}
    assert (rows[None]["measured_on"], rows[None]["accuracy"], rows[None]["wrong_map_rate"]) == ("golden", 0.95, 0.02)
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM mapping_models WHERE name = :name", name=name)
