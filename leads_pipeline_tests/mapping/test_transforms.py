"""What is proposed to be done with cells: names and addresses split, long texts merged, values looked up."""

from typing import Any

import pytest

from leads_pipeline.mapping import (
    ColumnTarget,
    LeadSchema,
    Memory,
    default_schema,
    leads_plan,
    load_model,
    memory_keys,
    transforms,
)
from leads_pipeline.types import MemoryEntry
from leads_pipeline_tests.mapping.sheets import (
    CITIES,
    COUNTRIES,
    EMAILS,
    FIRST_NAMES,
    LAST_NAMES,
    NAMES,
    POSTAL_CODES,
    YES_NO,
    mapped,
    sheet,
)  # fmt: skip

ADDRESSES = [
    "Hauptstr. 5, 10115 Berlin, Germany", "8 rue de Lyon, 75001 Paris", "10 High St, London SW1A 2AA",
    "Calle Mayor 5, 28013 Madrid",
]  # fmt: skip
STREETS = ["Hauptstr. 5", "8 rue de Lyon", "10 High St", "Calle Mayor 5"]


def decided(*columns: tuple[str, str | None], schema: LeadSchema | None = None, **more: Any) -> list[Any]:
    """What is decided for columns of these headers and targets; `more` is said of the first of them."""
    targets = [
        ColumnTarget(0, at, header, target, applied=True, **(more if at == 0 else {}))
        for at, (header, target) in enumerate(columns)
    ]
    return transforms(targets, schema or default_schema())


# --- Names ---------------------------------------------------------------------------------------------------------


def test_a_full_name_fills_first_and_last_name() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS})["Name"]
    assert found.target == "FullName"
    assert found.transform == {
        "kind": "split", "of": "name", "fields": ["FirstName", "LastName", "Salutation", "Suffix"]
    }  # fmt: skip


def test_a_full_name_beside_first_and_last_name_is_left_alone() -> None:
    found = mapped({"Full name": NAMES, "First name": FIRST_NAMES, "Last name": LAST_NAMES, "Email": EMAILS})
    assert found["Full name"].target == "FullName"
    assert found["Full name"].transform is None


def test_a_full_name_fills_what_no_other_column_does() -> None:
    (name, _, _) = decided(("Name", "FullName"), ("Vorname", "FirstName"), ("Anrede", "Salutation"))
    assert name["fields"] == ["LastName", "Suffix"]


@pytest.mark.parametrize(
    ("header", "family_first", "language"),
    [
        ("Name", None, None),
        ("Nachname, Vorname", True, "de"),
        ("Last Name, First Name", True, None),
        ("Apellidos y nombre", True, "es"),
        ("Nombre completo", None, "es"),
        ("Prénom et nom", None, "fr"),
        ("Név", True, None),
        ("Họ và tên", True, None),
        ("ФИО", True, None),
        ("氏名", None, "ja"),
    ],
)
def test_a_header_tells_in_which_order_names_are_written(
    header: str, family_first: bool | None, language: str | None
) -> None:
    (found,) = decided((header, "FullName"))
    assert (found.get("family_first"), found.get("language")) == (family_first, language)


# --- Addresses -----------------------------------------------------------------------------------------------------


def test_a_column_of_whole_addresses_is_split() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS, "Address": ADDRESSES})["Address"]
    assert found.target == "Street"
    assert found.transform is not None
    assert found.transform["fields"] == ["Street", "City", "State", "PostalCode", "Country"]


def test_a_street_is_not_split() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS, "Address": STREETS})["Address"]
    assert (found.target, found.transform) == ("Street", None)


def test_whole_addresses_beside_city_and_postal_code_are_left_alone() -> None:
    found = mapped({"Name": NAMES, "Address": ADDRESSES, "City": CITIES, "Postal code": POSTAL_CODES})["Address"]
    assert (found.target, found.transform) == ("Street", None)


def test_a_street_is_split_if_a_person_asks_for_it() -> None:
    (found, _) = decided(("Street", "Street"), ("Country", "Country"), wish="split")
    assert found == {"kind": "split", "of": "address", "fields": ["Street", "City", "State", "PostalCode"]}


# --- Long texts ----------------------------------------------------------------------------------------------------


def test_several_texts_are_merged_under_their_headers() -> None:
    found = decided(("Notes", "Description"), ("Comment\nof the visitor:", "Description"), ("City", "City"))
    assert found == [
        {"kind": "merge", "fields": ["Description"], "label": "Notes"},
        {"kind": "merge", "fields": ["Description"], "label": "Comment of the visitor"},
        None,
    ]


def test_one_text_alone_is_not_merged() -> None:
    assert decided(("Notes", "Description"), ("City", "City")) == [None, None]


def test_a_text_that_lost_its_field_to_another_is_proposed_to_be_merged() -> None:
    texts = [
        "She asked for a demo, and for prices.",
        "Call after the fair.",
        "Wants to hear more about it.",
        "Met at the booth.",
    ]
    found = mapped({"Name": NAMES, "Email": EMAILS, "Notes": texts, "Comments": texts[::-1]})
    assert {found["Notes"].target, found["Comments"].target} == {"Description", None}
    for header in ("Notes", "Comments"):
        assert found[header].transform == {"kind": "merge", "fields": ["Description"], "label": header}


def test_texts_that_people_merged_are_merged_in_the_next_file() -> None:
    columns = {
        "Name": NAMES,
        "Budget remarks": ["small", "large", "none", "open"],
        "Next steps": ["call", "mail", "wait", "x"],
    }
    keys = memory_keys(sheet(columns), load_model().vocabulary)
    memory = Memory([MemoryEntry(key, "Description") for key in keys[1:]])
    found = mapped(columns, memory=memory)
    assert [found[header].target for header in list(columns)[1:]] == ["Description", "Description"]
    assert found["Next steps"].transform == {"kind": "merge", "fields": ["Description"], "label": "Next steps"}


# --- Values --------------------------------------------------------------------------------------------------------


def test_pick_lists_and_countries_are_looked_up() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS, "Country": COUNTRIES, "Lead Status": ["New", "Lost", "Won", "New"]})
    assert found["Country"].transform == {"kind": "value_map", "fields": ["Country"]}
    assert found["Lead Status"].transform == {"kind": "value_map", "fields": ["Status"]}
    assert found["Email"].transform is None


@pytest.mark.parametrize(
    ("header", "polarity"),
    [
        ("Email opt-in", None), ("Newsletter", None), ("Consent to e-mail", None), ("メルマガ登録", None),
        ("Unsubscribed", "reversed"), ("Email Opt Out", "reversed"), ("HasOptedOutOfEmail", "reversed"),
        ("Do not email", "reversed"), ("Vom Newsletter abgemeldet", "reversed"), ("Désabonné", "reversed"),
        ("No enviar correo", "reversed"), ("Отписан", "reversed"), ("配信停止", "reversed"), ("退订", "reversed"),
        ("수신거부", "reversed"), ("Opt in / opt out", "unclear"), ("Subscribed (not unsubscribed)", "unclear"),
    ],
)  # fmt: skip
def test_a_header_tells_what_yes_means_for_consent(header: str, polarity: str | None) -> None:
    (found,) = decided((header, "OptIn"))
    assert found.get("polarity") == polarity


def test_a_field_that_is_itself_a_refusal_is_not_turned_round_by_its_own_words() -> None:
    schema = LeadSchema.from_json({"fields": [{"name": "DoNotCall__c", "type": "boolean"}]})
    (same,) = decided(("Do not call", "DoNotCall__c"), schema=schema)
    (other,) = decided(("May be called", "DoNotCall__c"), schema=schema)
    assert (same.get("polarity"), other.get("polarity")) == (None, "reversed")


def test_a_consent_column_of_a_whole_file_has_its_polarity() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS, "Unsubscribed": YES_NO})["Unsubscribed"]
    assert found.target == "OptIn"
    assert found.transform == {"kind": "value_map", "fields": ["OptIn"], "polarity": "reversed"}


# --- What people say, and other schemas ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["FullName", "Country", "OptIn"])
def test_a_person_can_refuse_a_transform(target: str) -> None:
    assert decided(("Header", target), wish="none") == [None]


def test_a_schema_without_the_parts_has_nothing_to_split_into() -> None:
    schema = LeadSchema.from_json({"extends": "default", "remove": ["FirstName", "LastName"]})
    assert decided(("Name", "FullName"), schema=schema) == [None]


def test_a_plan_holds_only_what_its_columns_need() -> None:
    columns = [
        ColumnTarget(0, 0, "Name", "FullName", applied=True),
        ColumnTarget(0, 1, "Vorname", "FirstName", applied=False),
        ColumnTarget(0, 2, "Status", None, applied=False),
    ]
    made = sheet({"Name": NAMES, "Vorname": FIRST_NAMES, "Status": NAMES})
    plan = leads_plan([made], columns, default_schema(), keep_unmapped=True)
    # The first name of a column that is not applied does not keep the whole name from filling it.
    assert plan.columns == ("FirstName", "LastName", "FullName", "Salutation", "Suffix", "Vorname", "Status (original)")
    assert list(plan.tables) == ["Salutation\0straight"]
    bare = leads_plan([made], columns, default_schema(), transformed=False)
    assert (bare.columns, bare.tables) == (("FullName",), {})


def test_originals_and_unmapped_columns_never_share_a_name() -> None:
    columns = [
        ColumnTarget(0, 0, "Lead status", "Status", applied=True),
        ColumnTarget(0, 1, "Status", None, applied=False),
        ColumnTarget(0, 2, "Status (original)", None, applied=False),
    ]
    made = sheet({column.header: NAMES for column in columns})
    plan = leads_plan([made], columns, default_schema(), keep_unmapped=True)
    assert len(set(plan.columns)) == len(plan.columns) == 4
