"""What the home page says needs somebody, from figures."""

from datetime import UTC, datetime
from typing import Any

from leads_pipeline.insights.attention import Item, Place, items
from leads_pipeline.insights.intervals import Estimate

WELL: dict[str, Any] = {
    "failures": [],
    "disputed": 0,
    "accuracy": Estimate(0.97, 0.95, 0.98),
    "spent": {"cost_usd": 0.1},
    "budget": 10.0,
}


TOTALS = {"uploads": 9, "waiting": 0, "oldest_seconds": 0, "open": 0, "open_columns": 0}


def told(**more: Any) -> list[Item]:
    totals = {name: more.pop(name, well) for name, well in TOTALS.items()}
    return items(totals, **{**WELL, **more})


def test_a_system_that_is_well_needs_nobody() -> None:
    assert told() == []
    assert told(waiting=3, oldest_seconds=5) == []


def test_an_empty_system_says_how_to_begin() -> None:
    (only,) = told(uploads=0)
    assert only.place is Place.BEGINNING


def test_files_that_wait_long_are_urgent() -> None:
    (only,) = told(waiting=1, oldest_seconds=3600)
    assert only.urgent
    assert only.says == "1 file waits to be mapped, the oldest for 1 h. Is the worker at work?"


def test_accuracy_under_the_target_is_urgent_only_where_it_is_sure() -> None:
    (sure,) = told(accuracy=Estimate(0.8, 0.75, 0.85))
    (unsure,) = told(accuracy=Estimate(0.8, 0.55, 0.95))
    assert (sure.urgent, unsure.urgent) == (True, False)
    assert "too few were reviewed to be sure (55 % to 95 %)" in unsure.says


def test_the_end_of_a_budget_is_announced() -> None:
    assert "it ends soon" in told(spent={"cost_usd": 9.0})[0].says
    assert "it is asked no more" in told(spent={"cost_usd": 10.0})[0].says
    assert told(spent={"cost_usd": 900.0}, budget=None) == []


def test_files_kept_beyond_their_time_are_told_with_whose_they_are_where_that_may_be_known() -> None:
    kept = [(name, count, datetime(2026, 3, day, tzinfo=UTC)) for name, count, day in (("Acme", 5, 9), ("Beta", 2, 3))]
    (item,) = told(neglected=kept, name_them=True)
    assert (item.place, item.urgent) == (Place.KEPT, True)
    assert item.says == (
        "7 files are kept beyond their time, the oldest since 2026-03-03, because nobody has looked at what is open in them "
        "(Acme 5, Beta 2). Review them, or delete them."
    )
    (own,) = told(neglected=kept[:1])
    assert "Acme" not in own.says
    (many,) = told(neglected=kept * 3, name_them=True)
    assert "(Acme 5, Beta 2, Acme 5, 3 others)" in many.says


def test_a_champion_that_was_withdrawn_is_told_of_with_why() -> None:
    (item,) = told(lost_model=7)
    assert (item.place, item.urgent) == (Place.MODEL, False)
    assert item.says.startswith("Model 7 maps no more: its training dataset was withdrawn")


def test_failures_disputes_open_columns_and_failed_runs_are_told_with_their_numbers() -> None:
    found = told(
        failures=[{"code": "no_data_rows", "title": "No rows", "uploads": 2}],
        open=1,
        open_columns=4,
        disputed=2,
        failed_runs=[{"job": "map_waiting_uploads", "runs": 2, "newest_run": "abc"}],
    )
    assert [item.place for item in found] == [Place.RUN, Place.UPLOADS, Place.REVIEW, Place.PATTERNS]
    assert found[0].which == "abc"
    assert found[1].says == "2 files of this week could not be mapped: 2 × No rows."
    assert found[2].says == "4 columns of 1 file wait for a person's word."
