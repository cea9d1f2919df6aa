"""Whole addresses as street, city and so on: a golden list, that no word is ever lost, and that profiles tell of them."""

from collections import Counter
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from leads_pipeline.mapping.field_table import KINDS
from leads_pipeline.spreadsheets.addresses import Address, split_address
from leads_pipeline.spreadsheets.profile import profile_column

GOLDEN = [
    tuple(cell.strip().replace("\\n", "\n") for cell in line.split("|"))
    for line in Path(__file__).with_name("golden_addresses.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
WHOLE = [row for row in GOLDEN if row[1] != "?"]


def test_nearly_all_addresses_of_the_golden_list_are_split_right() -> None:
    wrong = [(row, split_address(row[0])) for row in GOLDEN if split_address(row[0]) != _expected(row)]
    assert len(GOLDEN) >= 85
    assert len(wrong) / len(GOLDEN) <= 0.03, wrong


def test_what_is_not_surely_a_whole_address_is_left_alone() -> None:
    assert [row[0] for row in GOLDEN if row[1] == "?" and split_address(row[0])] == []


_part = st.one_of(
    st.sampled_from([part for row in WHOLE for part in row[1:] if part]),
    st.from_regex(r"\d{1,6}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=15),
)


@given(st.lists(_part, min_size=1, max_size=6), st.sampled_from([", ", "\n", " ", "; ", " - "]))
def test_no_letter_or_digit_of_an_address_is_lost(parts: list[str], between: str) -> None:
    text = between.join(parts)
    found = split_address(text)
    if found is not None:
        assert found.street
        assert found.city
        assert _letters("".join(found)) == _letters(text)


def test_a_profile_tells_what_share_of_a_column_is_whole_addresses() -> None:
    cells = [row[0] for row in WHOLE[:8]] + ["Hauptstraße 5", "12 Elm St"]
    assert profile_column(cells, rows=10, filled=10).kinds["address"] == 0.8


def test_the_trained_model_does_not_look_at_whole_addresses() -> None:
    assert "address" not in KINDS


def _expected(row: tuple[str, ...]) -> Address | None:
    return None if row[1] == "?" else Address(*row[1:])


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in text if character.isalnum() or character in "々ー")
