"""The test that may be looked at at any time."""

import numpy as np
import pytest

from leads_pipeline.training.sequential import ALPHA, MOST_UPLOADS, score, weigh


def test_models_that_are_equally_good_are_seldom_told_apart_however_often_one_looks() -> None:
    random = np.random.default_rng(20261126)
    verdicts = [weigh(random.choice([-1.0, 1.0], size=400)).verdict for _ in range(300)]
    for wrong in ("promote", "stop"):
        assert verdicts.count(wrong) / len(verdicts) <= ALPHA


@pytest.mark.parametrize(("share", "verdict"), [(0.8, "promote"), (0.2, "stop")])
def test_a_clear_difference_is_seen_soon(share: float, verdict: str) -> None:
    random = np.random.default_rng(1)
    found = weigh(random.choice([1.0, -1.0], p=[share, 1 - share], size=400))
    assert found.verdict == verdict
    assert found.uploads < 60


def test_uploads_on_which_both_say_the_same_decide_nothing_and_end_the_wait_at_last() -> None:
    assert weigh([0.0] * 100).verdict == "open"
    assert weigh([0.0] * MOST_UPLOADS).verdict == "no difference"
    assert weigh([]).better == 1.0


def test_the_columns_of_one_upload_count_as_one_look() -> None:
    assert [score(3, 1), score(0, 2), score(0, 0)] == [0.5, -1.0, 0.0]
