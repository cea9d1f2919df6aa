"""Corrections: what counts afterwards, what is remembered, and what can be taken back."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store import corrections, memory, uploads
from leads_pipeline.store.corrections import Correction, StoredCorrection
from leads_pipeline.store.database import Database
from leads_pipeline.types import ANYWHERE, MemoryEntry, MemoryKey
from leads_pipeline_tests.builders import mapped_upload, stored_mappings

SINGLE = frozenset({"Company", "Title", "Email"})
TARGETS: dict[str, str | None] = {"Firma": "Company", "Funktion": "Title", "Notiz": None, "Mail": "Email"}


def correct(database: Database, organization: UUID, *answers: Correction) -> list[StoredCorrection]:
    with database.transaction(organization) as transaction:
        return corrections.correct(transaction, answers, single_valued=SINGLE)


def undo(database: Database, organization: UUID, stored: StoredCorrection) -> None:
    with database.transaction(organization) as transaction:
        corrections.undo(transaction, stored.id, single_valued=SINGLE)


def recalled(database: Database, organization: UUID, header: str) -> list[MemoryEntry]:
    with database.transaction(organization) as transaction:
        return memory.recall(transaction, [MemoryKey(header, "text", "n")])


def remembered(database: Database, organization: UUID, header: str) -> dict[str | None, int]:
    """How many answers each field has in all surroundings together, which must be as many as in those of our sheets."""
    entries = recalled(database, organization, header)
    here, everywhere = (
        sum((Counter({each.target: each.answers}) for each in part), Counter[str | None]())
        for part in (
            [each for each in entries if each.key.neighbours != ANYWHERE],
            [each for each in entries if each.key.neighbours == ANYWHERE],
        )
    )
    assert here == everywhere
    return dict(everywhere)


def grown_older(database: Database, organization: UUID, stored: StoredCorrection, *, days: int) -> None:
    """Let an answer have been given earlier than it was."""
    with database.transaction(organization) as transaction:
        transaction.run(
            "UPDATE user_corrections SET created_at = created_at - make_interval(days => :days) WHERE id = :id",
            days=days,
            id=stored.id,
        )


def test_the_same_target_as_predicted_confirms(database: Database, organization: UUID) -> None:
    _, columns = mapped_upload(database, organization, TARGETS)
    (stored,) = correct(database, organization, Correction(columns["Firma"].id, "Company"))
    assert stored.kind == "confirmed"
    assert remembered(database, organization, "firma") == {"Company": 1}


def test_a_correction_counts_and_is_remembered_when_it_returns(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    correct(database, organization, Correction(columns["Notiz"].id, "Description"))
    after = stored_mappings(database, organization, upload_id)["Notiz"]
    assert (after.target, after.predicted, after.review, after.applied) == ("Description", None, "corrected", True)
    assert remembered(database, organization, "notiz") == {"Description": 1}


def test_no_target_is_an_answer_that_is_remembered(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    correct(database, organization, Correction(columns["Mail"].id, None))
    after = stored_mappings(database, organization, upload_id)["Mail"]
    assert (after.target, after.applied) == (None, False)
    assert remembered(database, organization, "mail") == {None: 1}


def test_giving_away_a_single_valued_field_unseats_its_holder_and_says_so(
    database: Database, organization: UUID
) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    (stored,) = correct(database, organization, Correction(columns["Notiz"].id, "Company"))
    assert stored.unseated == (columns["Firma"].id,)
    after = stored_mappings(database, organization, upload_id)
    assert (after["Firma"].target, after["Firma"].review) == (None, "unseated")
    assert remembered(database, organization, "firma") == {}


def test_undoing_gives_everything_back_as_it_was(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    (stored,) = correct(database, organization, Correction(columns["Notiz"].id, "Company"))
    undo(database, organization, stored)
    assert stored_mappings(database, organization, upload_id) == columns
    assert remembered(database, organization, "notiz") == {}
    with pytest.raises(NotFound):
        undo(database, organization, stored)


def test_a_field_that_has_a_new_holder_stays_there_when_the_first_move_is_undone(
    database: Database, organization: UUID
) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    (first,) = correct(database, organization, Correction(columns["Firma"].id, None))
    correct(database, organization, Correction(columns["Notiz"].id, "Company"))
    undo(database, organization, first)
    after = stored_mappings(database, organization, upload_id)
    assert after["Notiz"].target == "Company"
    assert after["Firma"].target is None


def test_a_second_thought_replaces_the_first_in_memory(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    correct(database, organization, Correction(columns["Notiz"].id, "Description"))
    (second,) = correct(database, organization, Correction(columns["Notiz"].id, "LeadSource"))
    assert remembered(database, organization, "notiz") == {"LeadSource": 1}
    undo(database, organization, second)
    assert remembered(database, organization, "notiz") == {"Description": 1}
    assert stored_mappings(database, organization, upload_id)["Notiz"].target == "Description"


def test_two_people_who_disagree_leave_a_conflict(database: Database, organization: UUID) -> None:
    for reviewer, target in (("ann", "Description"), ("bob", "Description"), ("cem", "LeadSource")):
        _, columns = mapped_upload(database, organization, TARGETS)
        correct(database, organization, Correction(columns["Notiz"].id, target, reviewer=reviewer))
    entries = [each for each in recalled(database, organization, "notiz") if each.key.neighbours != ANYWHERE]
    assert {(each.target, each.person, each.answers) for each in entries} == {
        ("Description", "ann", 1),
        ("Description", "bob", 1),
        ("LeadSource", "cem", 1),
    }


def test_an_answer_that_was_undone_leaves_no_trace_of_when_it_was_given(database: Database, organization: UUID) -> None:
    for age in (30, 0):
        _, columns = mapped_upload(database, organization, TARGETS)
        (stored,) = correct(database, organization, Correction(columns["Notiz"].id, "Description", reviewer="ann"))
        if age:
            grown_older(database, organization, stored, days=age)
    undo(database, organization, stored)
    ages = {round(each.age_days) for each in recalled(database, organization, "notiz")}
    assert ages == {30}


def test_a_deleted_upload_takes_with_it_what_it_taught(database: Database, organization: UUID) -> None:
    kept, deleted = (mapped_upload(database, organization, TARGETS) for _ in range(2))
    correct(database, organization, Correction(kept[1]["Notiz"].id, "Description"))
    correct(database, organization, Correction(deleted[1]["Notiz"].id, "Description"))
    correct(database, organization, Correction(deleted[1]["Mail"].id, None))
    with database.transaction(organization) as transaction:
        uploads.delete(transaction, deleted[0])
    assert remembered(database, organization, "notiz") == {"Description": 1}
    assert remembered(database, organization, "mail") == {}


def test_a_batch_with_one_unknown_mapping_changes_nothing(
    database: Database, organization: UUID, other_organization: UUID
) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    _, foreign = mapped_upload(database, other_organization, TARGETS)
    with pytest.raises(NotFound):
        correct(
            database,
            organization,
            Correction(columns["Notiz"].id, "Description"),
            Correction(foreign["Firma"].id, "Company"),
        )
    assert stored_mappings(database, organization, upload_id) == columns


def test_an_upload_that_changed_meanwhile_is_not_corrected_blindly(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    with database.transaction(organization) as transaction:
        version = uploads.upload(transaction, upload_id).version
    answer = Correction(columns["Notiz"].id, "Description")
    correct(database, organization, answer)
    with pytest.raises(StaleState) as refused, database.transaction(organization) as transaction:
        corrections.correct(transaction, [answer], single_valued=SINGLE, expected_version=version)
    assert refused.value.status == 412


def test_confirming_the_rest_makes_the_upload_reviewed(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    with database.transaction(organization) as transaction:
        corrections.review(
            transaction,
            upload_id,
            [Correction(columns["Notiz"].id, "Company")],
            rest_confirmed=True,
            single_valued=SINGLE,
        )
        found = uploads.upload(transaction, upload_id)
    assert (found.status, found.reviewed_count, found.corrected_count) == ("reviewed", 4, 2)
    assert remembered(database, organization, "firma") == {None: 1}


def test_silence_about_the_rest_is_no_evidence(database: Database, organization: UUID) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    with database.transaction(organization) as transaction:
        corrections.review(
            transaction,
            upload_id,
            [Correction(columns["Notiz"].id, "Description")],
            rest_confirmed=False,
            single_valued=SINGLE,
        )
        found = uploads.upload(transaction, upload_id)
    assert (found.status, found.reviewed_count) == ("mapped", 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(
        st.tuples(st.sampled_from(list(TARGETS)), st.sampled_from(["Company", "Title", "Email", "Description", None])),
        min_size=1,
        max_size=8,
    ),
    undone=st.lists(st.integers(0, 7), max_size=5),
)
def test_whatever_is_answered_and_undone_no_single_valued_field_is_held_twice(
    database: Database, organization: UUID, answers: list[tuple[str, str | None]], undone: list[int]
) -> None:
    upload_id, columns = mapped_upload(database, organization, TARGETS)
    stored = [correct(database, organization, Correction(columns[header].id, to))[0] for header, to in answers]
    for position in dict.fromkeys(undone):
        if position < len(stored):
            undo(database, organization, stored[position])
    after = stored_mappings(database, organization, upload_id).values()
    held = [row.target for row in after if row.target in SINGLE]
    assert len(held) == len(set(held))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(list(TARGETS)),
            st.sampled_from(["Company", "Title", "Description", None]),
            st.sampled_from([None, "ann", "bob"]),
        ),
        min_size=1,
        max_size=8,
    ),
    undone=st.lists(st.integers(0, 7), max_size=4),
    deleted=st.sets(st.integers(0, 2), max_size=2),
)
def test_memory_holds_the_answers_that_count_and_nothing_else(
    database: Database,
    organization: UUID,
    steps: list[tuple[int, str, str | None, str | None]],
    undone: list[int],
    deleted: set[int],
) -> None:
    with database.transaction(organization) as transaction:
        for (upload_id,) in [tuple(row.values()) for row in transaction.all("SELECT id FROM file_uploads")]:
            uploads.delete(transaction, upload_id)
        assert transaction.value("SELECT count(*) FROM memory_entries") == 0
    files = [mapped_upload(database, organization, TARGETS) for _ in range(3)]
    stored = [
        correct(database, organization, Correction(files[at][1][header].id, target, reviewer=reviewer))[0]
        for at, header, target, reviewer in steps
    ]
    for position in dict.fromkeys(undone):
        if position < len(stored):
            undo(database, organization, stored[position])
    with database.transaction(organization) as transaction:
        for at in deleted:
            uploads.delete(transaction, files[at][0])
        counted = transaction.all(COUNTED)
        kept = transaction.all(
            """SELECT header_key, target, person, answers, last_at, disputed FROM memory_entries WHERE neighbours <> ''
               ORDER BY header_key, target, person"""
        )
        together = transaction.all(
            """SELECT header_key, target, person, answers, last_at, disputed FROM memory_entries WHERE neighbours = ''
               ORDER BY header_key, target, person"""
        )
    assert kept == together == counted


COUNTED = """
    SELECT *, count(*) OVER (PARTITION BY header_key) > count(*) OVER (PARTITION BY header_key, target) AS disputed
    FROM (SELECT m.header_key, c.corrected AS target, coalesce(c.reviewer, '') AS person, count(*)::integer AS answers,
                 max(c.created_at) AS last_at
          FROM field_mappings m CROSS JOIN LATERAL (
              SELECT corrected, kind, reviewer, created_at FROM user_corrections
              WHERE mapping_id = m.id AND undone_at IS NULL ORDER BY position DESC LIMIT 1) c
          WHERE c.kind <> 'unseated' GROUP BY 1, 2, 3) a
    ORDER BY header_key, target, person"""
"""Memory, worked out anew from the answers."""
