"""Intervals are those of the papers, and as wide as clusters make them."""

import pytest

from leads_pipeline.insights.intervals import Clusters, Estimate, clustered, design_effect, difference, mean, wilson


def of_files(*files: tuple[int, int]) -> Clusters:
    """Files of so many columns, so many of them right."""
    return Clusters(
        count=len(files),
        size=sum(n for n, _ in files),
        hits=sum(k for _, k in files),
        size_squared=sum(n * n for n, _ in files),
        hits_squared=sum(k * k for _, k in files),
        size_hits=sum(n * k for n, k in files),
    )


def test_a_share_has_the_interval_that_wilson_published() -> None:
    # Newcombe 1998, table I: 81 of 263.
    share = wilson(81, 263)
    assert share is not None
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)


def test_a_share_of_nothing_is_unknown_and_one_of_all_is_not_certain() -> None:
    assert wilson(0, 0) is None
    everything = wilson(29, 29)
    assert everything is not None
    assert (everything.high, round(everything.low, 4)) == (1.0, 0.8830)


def test_a_change_of_a_share_has_the_interval_that_newcombe_published() -> None:
    # Newcombe 1998 (interval estimation for the difference), example 56 of 70 and 48 of 80, method 10.
    after, before = wilson(56, 70), wilson(48, 80)
    assert after is not None
    assert before is not None
    change = difference(after, before)
    assert (round(change.low, 4), round(change.high, 4)) == (0.0524, 0.3339)


def test_files_that_are_right_or_wrong_as_a_whole_say_less_than_their_columns() -> None:
    whole = of_files(*[(20, 20)] * 8, *[(20, 0)] * 2)
    mixed = of_files(*[(20, 16)] * 10)
    assert design_effect(whole) == pytest.approx(20 * 10 / 9)
    assert design_effect(mixed) == 1.0
    one, other = clustered(whole), clustered(mixed)
    assert one is not None
    assert other is not None
    assert one.value == other.value == 0.8
    assert one.margin > 3 * other.margin


def test_a_mean_is_never_said_to_be_below_nothing() -> None:
    assert mean(0, 0, 0) is None
    few = mean(4, 2, 4)
    assert few is not None
    assert few.value == 0.5
    assert few.low == 0.0
    assert mean(10, 20, 40) == Estimate(2.0, 2.0, 2.0)
