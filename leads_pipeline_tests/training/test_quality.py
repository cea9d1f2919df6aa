"""The score of a dataset says why, and the gate says what is missing."""

import pytest

from leads_pipeline.errors import DatasetRefused
from leads_pipeline.training.quality import judge, require_good_enough

GOOD = {
    "examples": 500, "templates": 40, "disputed": 0, "mean_quality": 90.0, "evidence": {"reviewed": 500},
    "fields": {"Email": 100, "": 400}, "splits": {"train": 400, "test": 100},
}  # fmt: skip


def test_a_large_reviewed_dataset_loses_nothing_but_for_its_one_sidedness() -> None:
    quality = judge(GOOD)
    assert [reason.code for reason in quality.reasons] == ["one_sided"]
    assert quality.score == 96


def test_reasons_come_with_the_points_that_they_cost_the_dearest_first() -> None:
    quality = judge(
        {**GOOD, "examples": 20, "templates": 2, "disputed": 5, "splits": {"train": 20}, "fields": {"Email": 9}}
    )
    points = [reason.points for reason in quality.reasons]
    assert points == sorted(points, reverse=True)
    assert quality.score == pytest.approx(100 - sum(points))
    assert {"few_examples", "few_templates", "disputed", "nothing_to_test_on"} <= {
        each.code for each in quality.reasons
    }


def test_the_gate_says_everything_that_is_missing() -> None:
    require_good_enough(GOOD, 96.0, "frozen", version=3)
    with pytest.raises(DatasetRefused) as refused:
        require_good_enough({**GOOD, "examples": 4, "templates": 1}, 20.0, "withdrawn", version=3)
    assert refused.value.extra["missing"] == [
        "it is withdrawn; generate a new one",
        "6 more examples are needed: review more columns",
        "1 more layout is needed: review files of another source",
        "its quality is 20.0, below 30",
    ]
