"""What amendments are proposed to definitions of fields, and when one has proved to help."""

import pytest

from leads_pipeline.mapping import default_schema
from leads_pipeline.mapping.definitions import Definitions, Gain, Reviewed, amended, propose, seen

BEFORE = Definitions(default_schema())
HEADERS = [header for header in (f"Branche {number}" for number in range(60)) if seen(header)]


def test_headers_that_were_mistaken_in_the_same_way_amend_both_definitions() -> None:
    said, right = propose((Reviewed(header, "Title", "Industry") for header in HEADERS[:4]), BEFORE)
    assert (said.field, right.field) == ("Industry", "Title")
    assert said.text.startswith("Also columns such as “Branche ")
    assert right.text.endswith("they hold Industry.")
    assert {each.header for each in right.evidence} == set(HEADERS[:4])
    after = amended(BEFORE, [said, right])
    assert after.version != BEFORE.version
    assert right.text in after.of({"Title"})[0]["is"]


def test_a_mistake_that_was_made_now_and_then_amends_nothing() -> None:
    twice = [Reviewed(header, "Title", "Industry") for header in HEADERS[:2]]
    same = [Reviewed(HEADERS[0], "Title", None)] * 9
    right = [Reviewed(header, "Industry", "Industry") for header in HEADERS]
    assert propose([*twice, *same, *right], BEFORE) == []


def test_an_amendment_names_no_persons_address_and_no_header_that_it_is_measured_on() -> None:
    kept = [f"Mail of ada{number}@example.com" for number in range(40)]
    (amendment,) = propose((Reviewed(header, "Email", None) for header in kept), BEFORE)
    assert "@" not in amendment.text
    assert all(seen(each.header) for each in amendment.evidence)
    assert 5 < len(amendment.evidence) < 35


@pytest.mark.parametrize(
    ("better", "worse", "proven"),
    [(5, 0, True), (4, 0, False), (9, 1, True), (6, 3, False), (0, 0, False), (0, 5, False)],
)
def test_a_gain_is_proven_when_chance_does_not_explain_it(better: int, worse: int, proven: bool) -> None:
    pairs = [(False, True)] * better + [(True, False)] * worse + [(True, True)] * 50 + [(False, False)] * 7
    gain = Gain.of(pairs)
    assert gain.proven is proven
    assert (gain.columns, gain.after - gain.before) == (57 + better + worse, better - worse)
