"""What is measured of counts: rates by field, honest calibration, and the random sample apart from the rest."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from leads_pipeline.insights import targets
from leads_pipeline.insights.performance import UPLOAD_COUNTS, Measurement, Window, measure
from leads_pipeline.insights.trends import stability_index, weeks
from leads_pipeline.types import NO_FIELD

END = datetime(2026, 11, 1, tzinfo=UTC)


def columns(count: int, predicted: str | None, target: str | None, **others: Any) -> dict[str, Any]:
    given = {"basis": "reviewed", "model_version": "m", "language": "en", "method": "model", "decided": True}
    given |= {"confidence_sum": 95.0 * count, "band": 9, "new_headers": 0}
    return {**given, "columns": count, "predicted": predicted, "target": target, **others}


def files(count: int, **others: Any) -> dict[str, Any]:
    given: dict[str, Any] = dict.fromkeys(UPLOAD_COUNTS, 0)
    return {**given, "basis": "reviewed", "model_version": "m", "language": "en", "uploads": count, **others}


def measured(cells: list[dict[str, Any]], uploads: list[dict[str, Any]]) -> dict[tuple[str, str | None], Measurement]:
    """By what it was measured on, and field; of all models and languages."""
    found = measure(Window.of(END - timedelta(days=28), END, cells, uploads))
    return {
        (each.measured_on, each.field): each for each in found if (each.model_version, each.language) == (None,) * 2
    }


def test_a_field_is_found_where_it_stands_and_wrong_where_another_does() -> None:
    found = measured(
        [columns(8, "Email", "Email"), columns(2, None, "Email"), columns(5, "Email", None), columns(20, None, None)],
        [files(5, columns=35, correct=28)],
    )
    email, nothing = found["online", "Email"], found["online", NO_FIELD]
    assert (email.reviewed, email.accuracy, email.mapped) == (10, 0.8, 13)
    assert email.wrong_map_rate == pytest.approx(5 / 13)
    assert (nothing.reviewed, nothing.accuracy) == (25, 0.8)
    whole = found["online", None]
    assert (whole.reviewed, whole.accuracy) == (35, 0.8)
    assert whole.wrong_map_rate == pytest.approx(5 / 13)


def test_what_nobody_reviewed_counts_for_coverage_and_not_for_accuracy() -> None:
    found = measured(
        [
            columns(10, "Email", "Email"),
            columns(90, "Email", None, basis="unreviewed", decided=False, band=3),
        ],
        [files(1, columns=10, correct=10), files(9, basis="unreviewed", columns=90)],
    )
    whole = found["online", None]
    assert (whole.columns, whole.reviewed, whole.accuracy, whole.coverage) == (100, 10, 1.0, 0.1)


def test_the_random_sample_stands_apart_and_says_how_many_answered() -> None:
    found = measured(
        [columns(90, "Email", "Email"), columns(10, "Email", None, basis="audited")],
        [
            files(9, columns=90, correct=90),
            files(1, basis="audited", drawn=1, columns=10),
            files(3, basis="unreviewed", drawn=3, columns=30),
        ],
    )
    assert found["online", None].accuracy == 0.9
    assert found["audit", None].accuracy == 0.0
    assert found["audit", None].audit_response == 0.25


def test_confidence_that_means_what_it_says_has_no_calibration_error() -> None:
    honest = [
        columns(95, "Email", "Email", confidence_sum=9500.0 * 0.95),
        columns(5, "Email", None, confidence_sum=500.0 * 0.95),
    ]
    boastful = [columns(50, "Email", "Email", confidence_sum=4750.0), columns(50, None, "Email", confidence_sum=4750.0)]
    uploads = [files(10, columns=100)]
    assert measured(honest, uploads)["online", None].calibration_error == pytest.approx(0, abs=1e-9)
    assert measured(boastful, uploads)["online", None].calibration_error == pytest.approx(0.45)


def test_a_cost_that_is_not_known_in_full_is_not_told() -> None:
    cells = [columns(10, "Email", "Email", method="llm")]
    known = measured(cells, [files(1, llm_calls=1, llm_tokens=900, llm_cost_usd=0.02, accepted=10)])
    unknown = measured(
        cells, [files(1, llm_calls=2, llm_tokens=900, llm_cost_usd=0.02, llm_unpriced_calls=1, accepted=10)]
    )
    assert known["online", None].cost_per_accepted_usd == pytest.approx(0.002)
    assert known["online", None].llm_share == 1.0
    assert unknown["online", None].llm_cost_usd is None
    assert unknown["online", None].llm_tokens == 900


def test_nothing_measured_is_nothing_missed() -> None:
    for verdict in (targets.common_fields([]), targets.coverage([]), targets.calibration([]), targets.speed([], 30)):
        assert verdict.met
        assert not verdict.figures


def test_a_common_field_that_is_often_missed_is_named() -> None:
    rows = [
        {"measured_on": "online", "model_version": None, "language": None, "field": field, "reviewed": 200,
         "accuracy": accuracy, "accuracy_high": accuracy + 0.04}
        for field, accuracy in (("Email", 0.97), ("Company", 0.85), ("Title", 0.93))
    ]  # fmt: skip
    verdict = targets.common_fields(rows)
    assert not verdict.met
    assert verdict.sure
    assert "Company 85.0 % of 200" in verdict.reason
    assert "Title" not in verdict.reason


def test_weeks_without_files_are_shown_as_such() -> None:
    rows = [files(2, week=date(2026, 10, 5), columns=20, correct=18), files(1, week=date(2026, 10, 19), columns=10)]
    shown = weeks(rows)
    assert [(week.monday.day, week.uploads) for week in shown] == [(5, 2), (12, 0), (19, 1)]
    assert shown[0].accuracy is not None
    assert shown[0].accuracy.value == 0.9
    assert shown[1].accuracy is None


def test_the_same_confidences_have_not_shifted_and_others_have() -> None:
    usual = [0, 0, 5, 10, 20, 40, 80, 150, 300, 900]
    assert stability_index(usual, usual) == pytest.approx(0)
    shifted = stability_index(usual, usual[::-1])
    assert shifted is not None
    assert shifted > 0.25
    assert stability_index([1, 2], [100, 200]) is None
