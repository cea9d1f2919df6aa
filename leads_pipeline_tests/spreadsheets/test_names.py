"""Whole names as first and last name: a golden list, and that no word is ever lost."""

from collections import Counter
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from leads_pipeline.spreadsheets.names import Name, split_name

GOLDEN = [
    tuple(cell.strip() for cell in line.split("|"))
    for line in Path(__file__).with_name("golden_names.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_nearly_all_names_of_the_golden_list_are_split_right() -> None:
    wrong = [(row, split_name(row[0])) for row in GOLDEN if tuple(split_name(row[0])[:4]) != row[1:]]
    assert len(GOLDEN) >= 115
    assert len(wrong) / len(GOLDEN) <= 0.03, wrong


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("Kovács Anna Mária", "Anna Mária", "Kovács"), ("Doe Jane", "Jane", "Doe"), ("Doe, Jane", "Jane", "Doe")],
)
def test_a_column_that_writes_family_names_first_is_read_so(name: str, first: str, last: str) -> None:
    assert split_name(name, family_first=True)[1:3] == (first, last)


def test_a_language_settles_what_is_written_alike() -> None:
    assert split_name("M. Night") == Name("", "M.", "Night", "")
    assert split_name("M. Dupont", language="fr") == Name("M.", "", "Dupont", "")
    assert split_name("Elena Vidaurre Aldana", language="es")[1:3] == ("Elena", "Vidaurre Aldana")
    assert split_name("高橋誠", language="ja")[1:3] == ("誠", "高橋")


def test_what_is_no_name_of_one_person_stays_whole_and_is_said_to_be_unsure() -> None:
    for text in ("Nordwind GmbH", "jane@example.com", "John Smith and Jane Doe", "山田 Taro", "x " * 12):
        found = split_name(text)
        assert (found.first, found.last, found.sure) == ("", " ".join(text.split()), False)


_TELLING = """
Anna van der DE Dr. Prof. PhD Jr. MD Ma 山田 太郎 王 김민수 y & und Müller O'Brien da García López M. 様
ジョン・スミス Иванович
"""
_word = st.one_of(
    st.sampled_from(_TELLING.split()),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
)


@given(
    st.lists(_word, max_size=9),
    st.sampled_from([" ", ", ", ",", "\u3000"]),
    st.booleans(),
    st.sampled_from(["", "es", "fr", "ja"]),
)
@example(["Smith", "PhD"], ", ", False, "")
@example([",", ","], " ", False, "")
def test_no_character_of_a_name_is_lost(words: list[str], between: str, family_first: bool, language: str) -> None:
    text = between.join(words)
    found = split_name(text, family_first=family_first, language=language)
    assert _letters("".join(found[:4])) == _letters(text)


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in text if not character.isspace() and character not in ",・･·‧")
