"""What people confirmed acts on the next file."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads_pipeline.mapping import LeadSchema, Memory, default_schema, load_model, map_sheet, memory_keys
from leads_pipeline.types import ANYWHERE, Mapping, MemoryEntry, MemoryKey, Method
from leads_pipeline_tests.mapping.sheets import (
    BIRTH_DATES,
    CITIES,
    COMPANIES,
    COUNTRIES,
    EMAILS,
    FIRST_NAMES,
    NAMES,
    PHONES,
    POSTAL_CODES,
    YES_NO,
    mapped,
    sheet,
)

FIRST_FILE = {"Name": NAMES, "Badge Co.": COMPANIES, "Email": EMAILS}
SAME_SENDER = {"Name": NAMES[::-1], "Badge Co.": COMPANIES[::-1], "Email": EMAILS[::-1]}
OTHER_SENDER = {"Phone": PHONES, "badge co": COMPANIES, "City": CITIES}


def _keys(columns: ReadOnly[str, Sequence[str]]) -> dict[str, MemoryKey]:
    made = sheet(columns)
    keys = memory_keys(made, load_model().vocabulary)
    return {column.header: key for key, column in zip(keys, made.columns, strict=True)}


def _answer(
    columns: ReadOnly[str, Sequence[str]],
    header: str,
    target: str | None,
    *,
    person: str = "ann",
    age_days: float = 0.0,
    answers: int = 1,
) -> list[MemoryEntry]:
    """What is remembered of an answer about a column: in its surroundings, and in all together."""
    key = _keys(columns)[header]
    return [MemoryEntry(place, target, answers, person, age_days) for place in (key, replace(key, neighbours=ANYWHERE))]


def _confirmed(
    target: str | None, *, person: str = "ann", age_days: float = 0.0, answers: int = 1
) -> list[MemoryEntry]:
    return _answer(FIRST_FILE, "Badge Co.", target, person=person, age_days=age_days, answers=answers)


def test_a_confirmed_mapping_is_right_on_the_next_file() -> None:
    found = mapped(SAME_SENDER, memory=Memory(_confirmed("Industry")))["Badge Co."]
    assert (found.target, found.method) == ("Industry", Method.MEMORY)
    assert found.confidence >= 95
    assert "Confirmed by one of your people" in found.explanation


def test_a_confirmed_absence_of_a_field_is_remembered_too() -> None:
    found = mapped(SAME_SENDER, memory=Memory(_confirmed(None)))["Badge Co."]
    assert (found.target, found.method) == (None, Method.MEMORY)


def test_in_other_surroundings_a_memory_counts_less() -> None:
    memory = Memory(_confirmed("Industry"))
    near, far = mapped(SAME_SENDER, memory=memory)["Badge Co."], mapped(OTHER_SENDER, memory=memory)["badge co"]
    assert (near.target, far.target) == ("Industry", "Industry")
    assert far.confidence < near.confidence


def test_a_memory_does_not_touch_other_headers_or_other_kinds_of_values() -> None:
    memory = Memory(_confirmed("Industry"))
    assert mapped({"Name": NAMES, "Company": COMPANIES}, memory=memory)["Company"].target == "Company"
    assert mapped({"Name": NAMES, "Badge Co.": EMAILS}, memory=memory)["Badge Co."].target != "Industry"


def test_a_column_that_is_empty_this_time_is_recognised() -> None:
    found = mapped({**SAME_SENDER, "Badge Co.": []}, memory=Memory(_confirmed("Industry")))["Badge Co."]
    assert (found.target, found.method) == ("Industry", Method.MEMORY)


def test_contradictions_lower_the_confidence_and_are_told() -> None:
    undisputed = Memory([*_confirmed("Industry"), *_confirmed("Industry", person="bob")])
    disputed = Memory([*_confirmed("Industry"), *_confirmed("Industry", person="bob"), *_confirmed(None, person="cem")])
    sure, unsure = (mapped(SAME_SENDER, memory=memory)["Badge Co."] for memory in (undisputed, disputed))
    assert unsure.target == "Industry"
    assert unsure.confidence < sure.confidence - 10
    assert "Your people disagree: 2 for Industry, 1 for no field." in unsure.explanation
    assert "disagree" not in sure.explanation


def test_people_count_and_not_how_often_one_of_them_answers() -> None:
    memory = Memory(
        [
            *_confirmed("Department", answers=20),
            *_confirmed("Industry", person="bob"),
            *_confirmed("Industry", person="cem"),
        ]
    )
    assert mapped(SAME_SENDER, memory=memory)["Badge Co."].target == "Industry"


def test_one_slip_does_not_undo_what_was_answered_many_times_without_a_name() -> None:
    memory = Memory(
        [
            *_confirmed("Industry", person="", answers=20, age_days=3),
            *_confirmed("Department", person="", age_days=0),
        ]
    )
    found = mapped(SAME_SENDER, memory=memory)["Badge Co."]
    assert (found.target, found.confidence < 70) == ("Industry", True)


def test_who_changes_their_mind_does_not_contradict_themselves() -> None:
    memory = Memory([*_confirmed("Department", age_days=5, answers=7), *_confirmed("Industry", age_days=1)])
    found = mapped(SAME_SENDER, memory=memory)["Badge Co."]
    assert (found.target, "disagree" in found.explanation) == ("Industry", False)


def test_of_two_contradicting_answers_the_newer_one_counts() -> None:
    old = [*_confirmed("Department", age_days=400), *_confirmed("Department", person="bob", age_days=400)]
    memory = Memory([*old, *_confirmed("Industry", person="cem", age_days=2)])
    assert mapped(SAME_SENDER, memory=memory)["Badge Co."].target == "Industry"


def test_age_alone_makes_an_answer_no_less_sure() -> None:
    young, old = (mapped(SAME_SENDER, memory=Memory(_confirmed("Industry", age_days=age))) for age in (0, 2000))
    assert young["Badge Co."] == old["Badge Co."]


def test_a_memory_of_a_field_that_the_schema_lost_is_ignored() -> None:
    fields = [each for each in default_schema().as_json()["fields"] if each["name"] != "Industry"]
    schema = LeadSchema.from_json({"fields": fields})
    memory = Memory(_confirmed("Industry"))
    assert mapped(SAME_SENDER, schema, memory) == mapped(SAME_SENDER, schema)
    others = Memory([*_confirmed("Industry"), *_confirmed("Department", person="bob", age_days=300)])
    assert mapped(SAME_SENDER, schema, others)["Badge Co."].target == "Department"


def test_two_columns_do_not_both_get_a_remembered_single_valued_field() -> None:
    columns = {"Name": NAMES, "Badge Co.": COMPANIES, "Company": COMPANIES}
    memory = Memory(_answer(columns, "Badge Co.", "Company"))
    found = mapped(columns, memory=memory)
    assert [found[header].target for header in ("Badge Co.", "Company")].count("Company") == 1
    assert found["Badge Co."].target == "Company"


def test_keys_hold_no_cell() -> None:
    made = sheet({"Company": COMPANIES, "": EMAILS, "Column 3": ["zq77Xkw"]})
    assert not any(
        cell.lower() in f"{key.header} {key.value_class} {key.neighbours} {key.form} {key.meaning}".lower()
        for key in memory_keys(made, load_model().vocabulary)
        for cell in [*COMPANIES, *EMAILS, "zq77"]
    )


def test_headers_written_differently_have_the_same_key() -> None:
    one = _keys({"BADGE_CO": COMPANIES, "Email": EMAILS})["BADGE_CO"]
    other = _keys({"Badge Co.": COMPANIES, "E-mail": EMAILS})["Badge Co."]
    assert one.header == other.header


def test_every_mapping_tells_the_key_that_its_confirmation_will_have() -> None:
    made = sheet(FIRST_FILE)
    found = map_sheet(made, default_schema(), load_model())
    assert [each.memory_key for each in found] == memory_keys(made, load_model().vocabulary)


# --- Near variants -------------------------------------------------------------------------------------------------

CUSTOM = LeadSchema.from_json(
    {"extends": "default", "fields": [{"name": name} for name in ("Badge__c", "Cell__c", "Plant__c")]}
)
"""A schema with fields of an organization's own, of which neither model nor lexicon knows anything."""


def _next(
    confirmed: tuple[str, Sequence[str], str | None], header: str, cells: Sequence[str], around: str = "City"
) -> Mapping:
    """What becomes of a column of another file when another header was confirmed."""
    old, old_cells, target = confirmed
    memory = Memory(_answer({"Name": NAMES, old: old_cells, "Email 9": EMAILS}, old, target))
    return mapped({"Lead": NAMES, header: cells, around: CITIES}, CUSTOM, memory)[header]


@pytest.mark.parametrize(
    ("old", "new", "cells"),
    [
        ("Mobile", "Mobile No.", PHONES),
        ("Mobile No.", "mobile", PHONES),
        ("Mobile", "Mobile Number", []),
        ("Mobile", "Your mobile", PHONES),
        ("Badge Color", "badge_colors", COMPANIES),
        ("BadgeColor", "Color of the badge", COMPANIES),
        ("Cell", "Cell #", PHONES),
        ("Mobile", "Handynummer", PHONES),
        ("Téléphone portable", "Mobiltelefon", PHONES),
        ("Vorname", "First name", FIRST_NAMES),
        ("Firmenname", "Azienda", COMPANIES),
        ("Postleitzahl", "郵便番号", POSTAL_CODES),
    ],
)
def test_a_near_variant_of_a_confirmed_header_gets_the_same_field(old: str, new: str, cells: list[str]) -> None:
    found = _next((old, cells or PHONES, "Cell__c"), new, cells)
    assert (found.target, found.method) == ("Cell__c", Method.MEMORY)
    assert found.confidence >= 95
    assert "Confirmed by one of your people for “" in found.explanation


@pytest.mark.parametrize(
    ("old", "cells", "new", "new_cells"),
    [
        ("Email", EMAILS, "Email Opt-in", YES_NO),
        ("Email", EMAILS, "Email Status", ["valid", "valid", "bounced", "valid"]),
        ("Email", EMAILS, "Manager Email", EMAILS),
        ("Email", EMAILS, "Work Email 2", EMAILS),
        ("Email", EMAILS, "Email 2", EMAILS),
        ("Email", EMAILS, "Spouse E-Mail", EMAILS),
        ("Email", EMAILS, "E-Mail des Vorgesetzten", EMAILS),
        ("Company", COMPANIES, "Company Size", ["10", "200", "35", "7"]),
        ("Company", COMPANIES, "Company No.", ["10443", "2001", "3507", "7112"]),
        ("Company", COMPANIES, "Previous Company", COMPANIES),
        ("Company", COMPANIES, "Company Type", ["LLC", "Inc", "GmbH", "LLC"]),
        ("Company", COMPANIES, "Parent company", COMPANIES),
        ("Mobile", PHONES, "Mobile OS", ["iOS", "Android", "iOS", "iOS"]),
        ("Mobile", PHONES, "Mobile opt in", YES_NO),
        ("Mobile", PHONES, "Emergency mobile", PHONES),
        ("Mobile", PHONES, "Mobile 2", PHONES),
        ("Phone", PHONES, "Assistant's phone", PHONES),
        ("Phone", PHONES, "Phone Ext.", ["12", "44", "310", "7"]),
        ("Owner", NAMES, "Ownership", ["Private", "Public", "Private", "Private"]),
        ("Rating", ["Hot", "Warm", "Cold", "Hot"], "Review Rating", ["4.5", "3.9", "4.1", "5.0"]),
        ("First name", FIRST_NAMES, "Child First Name", FIRST_NAMES),
        ("City", CITIES, "Shipping City", CITIES),
        ("Birthday", BIRTH_DATES, "Child Birthday", BIRTH_DATES),
        ("Country", COUNTRIES, "Billing Country", COUNTRIES),
        ("Title", ["CEO", "CTO", "Buyer", "Sales"], "Previous title", ["CEO", "CTO", "Buyer", "Sales"]),
        ("Name", NAMES, "Company Name", COMPANIES),
    ],
)
def test_a_trap_that_looks_like_a_confirmed_header_is_not_a_variant_of_it(
    old: str, cells: list[str], new: str, new_cells: list[str]
) -> None:
    for contents in (new_cells, []):
        found = _next((old, cells, "Badge__c"), new, contents)
        assert found.target != "Badge__c"
        assert found.method is not Method.MEMORY


def test_a_language_twin_with_other_values_is_not_the_same() -> None:
    assert _next(("Telefon", PHONES, "Cell__c"), "Phone", YES_NO).target != "Cell__c"


def test_a_language_twin_of_what_a_file_holds_twice_is_not_recalled() -> None:
    memory = Memory(_answer({"Vorname": FIRST_NAMES, "Rufname": FIRST_NAMES}, "Vorname", "Plant__c"))
    twice = mapped({"First name": FIRST_NAMES, "Given name": FIRST_NAMES}, CUSTOM, memory)
    assert "Plant__c" not in [each.target for each in twice.values()]


def test_an_answer_against_the_usual_meaning_holds_for_its_own_file_but_is_no_rule_for_others() -> None:
    confirmed = ("Company", COMPANIES, "Department")
    memory = Memory(_answer({"Name": NAMES, "Company": COMPANIES, "Email": EMAILS}, "Company", "Department"))
    again = mapped({"Name": NAMES, "Company": COMPANIES, "Email": EMAILS}, CUSTOM, memory)["Company"]
    assert (again.target, again.method) == ("Department", Method.MEMORY)
    assert _next(confirmed, "Company", COMPANIES).target == "Company"
    assert _next(confirmed, "Firma", COMPANIES).target == "Company"


def test_no_target_is_not_carried_over_to_what_usually_has_one() -> None:
    assert _next(("Email", EMAILS, None), "E-Mail-Adresse", EMAILS).target == "Email"
    assert _next(("Vorname", FIRST_NAMES, None), "First name", FIRST_NAMES).target == "FirstName"


def test_a_column_more_on_one_side_does_not_make_a_file_unknown() -> None:
    columns = {"Name": NAMES, "Email": EMAILS, "Company": COMPANIES, "City": CITIES, "Phone": PHONES}
    wider = {"Name": NAMES, "Email": EMAILS, "Company": COMPANIES, "Booth": ["1", "2", "3", "4"], "City": CITIES}
    found = mapped(wider, memory=Memory(_answer(columns, "Company", "Department")))["Company"]
    assert (found.target, found.method) == ("Department", Method.MEMORY)
    assert "beside the same columns" in found.explanation


_WORDS = st.sampled_from(
    [
        "status",
        "size",
        "type",
        "manager",
        "2",
        "opt in",
        "id",
        "url",
        "spouse",
        "old",
        "os",
        "date",
        "count",
        "owner",
        "code",
    ]
)


@given(
    old=st.sampled_from(["Email", "Mobile", "Company", "Phone", "City", "Badge"]),
    words=st.lists(_WORDS, min_size=1),
    before=st.booleans(),
)
def test_no_word_that_says_something_is_passed_over(old: str, words: list[str], *, before: bool) -> None:
    new = " ".join([*words, old] if before else [old, *words])
    keys = _keys({old: [], "x": CITIES}), _keys({new: [], "x": CITIES})
    assert keys[0][old].form != keys[1][new].form


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Industry", "Department", None]), st.sampled_from(["", "ann", "bob"]), st.floats(0, 900)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whoever_contradicts_makes_an_answer_no_surer(given_answers: list[tuple[str | None, str, float]]) -> None:
    entries = [
        each for target, person, age in given_answers for each in _confirmed(target, person=person, age_days=age)
    ]
    key, schema = _keys(SAME_SENDER)["Badge Co."], default_schema()
    before = Memory(entries).recall(key, schema)
    assert before is not None
    other = "Rating"
    after = Memory([*entries, *_confirmed(other, person="zoe", age_days=901)]).recall(key, schema)
    assert after is not None
    assert after.target in (before.target, other)
    assert after.certainty < before.certainty
    assert (other, 1) in after.against or after.target == other
