"""What a person notices about proposals: the right fields, no silly ones, and an honest confidence."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from leads_pipeline.mapping import LeadSchema, default_schema, gate, load_model, map_sheet
from leads_pipeline.mapping.matcher import ALTERNATIVES, MOST_CERTAIN
from leads_pipeline.types import Candidate, Mapping, MemoryKey, Method
from leads_pipeline_tests.mapping.sheets import (
    BIRTH_DATES,
    CITIES,
    COMPANIES,
    COUNTRIES,
    EMAILS,
    FIRST_NAMES,
    LAST_NAMES,
    NAMES,
    OTHER_EMAILS,
    PHONES,
    POSTAL_CODES,
    YES_NO,
    mapped,
    sheet,
    targets,
)

# --- Fields that are easily confused -------------------------------------------------------------------------------


def test_a_consent_flag_is_never_an_email_address() -> None:
    found = targets({"Name": NAMES, "Email": EMAILS, "Email Opt-In": YES_NO, "Receive our e-mails?": YES_NO})
    assert found["Email"] == "Email"
    assert found["Email Opt-In"] == "OptIn"
    assert found["Receive our e-mails?"] not in {"Email", "Email2", "OwnerEmail"}


def test_consent_to_text_messages_is_not_consent_to_email() -> None:
    found = targets({"Name": NAMES, "Email consent": YES_NO, "SMS consent": YES_NO})
    assert found == {"Name": "FullName", "Email consent": "OptIn", "SMS consent": "SmsOptIn"}


def test_the_previous_company_is_no_field() -> None:
    found = targets({"Name": NAMES, "Previous company": COMPANIES, "Company": COMPANIES})
    assert (found["Previous company"], found["Company"]) == (None, "Company")


def test_the_first_of_two_email_columns_is_the_main_one() -> None:
    found = targets({"Name": NAMES, "Email": EMAILS, "Email 2": OTHER_EMAILS})
    assert (found["Email"], found["Email 2"]) == ("Email", "Email2")


def test_somebody_elses_email_address_is_no_field() -> None:
    found = targets({"Name": NAMES, "Email": EMAILS, "Manager's Email": OTHER_EMAILS})
    assert (found["Email"], found["Manager's Email"]) == ("Email", None)


def test_a_childs_birthday_is_not_the_birthday_of_the_lead() -> None:
    found = targets({"Name": NAMES, "Child birthday": BIRTH_DATES, "Birthday": BIRTH_DATES})
    assert (found["Child birthday"], found["Birthday"]) == (None, "Birthdate")


# --- Headers in other languages, without values, without names -----------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "email", "company", "phone", "city"),
    [
        ("Vorname", "Nachname", "E-Mail-Adresse", "Firma", "Telefon", "Ort"),
        ("Prénom", "Nom", "Adresse e-mail", "Société", "Téléphone", "Ville"),
        ("名", "姓", "メールアドレス", "会社名", "電話番号", "市区町村"),
        ("FIRST_NAME", "LAST_NAME", "EMAIL_ADDRESS", "COMPANY_NAME", "PHONE_NUMBER", "CITY"),
    ],
    ids=["German", "French", "Japanese", "shouted English"],
)
def test_headers_are_understood_in_other_languages(
    first: str, last: str, email: str, company: str, phone: str, city: str
) -> None:
    columns = {
        last: LAST_NAMES, first: FIRST_NAMES, email: EMAILS, company: COMPANIES, phone: PHONES, city: CITIES,
    }  # fmt: skip
    assert list(targets(columns).values()) == ["LastName", "FirstName", "Email", "Company", "Phone", "City"]


def test_a_file_without_values_is_mapped_by_its_headers() -> None:
    headers = ("First name", "Surname", "E-mail address", "Company", "Phone", "ZIP")
    found = mapped({header: [] for header in headers})
    assert [each.target for each in found.values()] == [
        "FirstName", "LastName", "Email", "Company", "Phone", "PostalCode",
    ]  # fmt: skip
    assert min(each.confidence for each in found.values()) >= 70


def test_columns_without_a_header_are_mapped_by_their_values() -> None:
    found = mapped(
        {
            f"Column {at}": cells
            for at, cells in enumerate((NAMES, EMAILS, PHONES, COMPANIES, POSTAL_CODES, COUNTRIES), start=1)
        }
    )
    by_values = [each.target for each in found.values()]
    assert by_values[:2] == ["FullName", "Email"]
    assert by_values[2] in {"Phone", "MobilePhone"}
    assert by_values[3:] == ["Company", "PostalCode", "Country"]


# --- Other schemas -------------------------------------------------------------------------------------------------


def _with(*documents: dict[str, object], without: str = "") -> LeadSchema:
    fields = [each for each in default_schema().as_json()["fields"] if each["name"] != without]
    return LeadSchema.from_json({"fields": [*fields, *documents]})


def test_a_custom_field_is_found_by_its_label_and_its_synonyms() -> None:
    schema = _with({"name": "FoodAllergies__c", "label": "Food allergies", "synonyms": ["dietary needs"]})
    cells = ["nuts", "milk", "eggs", "fish"]
    for header in ("Food allergies", "food_allergies", "Dietary Needs"):
        assert targets({"Name": NAMES, "Email": EMAILS, header: cells}, schema)[header] == "FoodAllergies__c"


def test_a_removed_field_is_never_proposed() -> None:
    schema = _with(without="Fax")
    found = mapped({"Name": NAMES, "Email": EMAILS, "Fax": PHONES, "Fax number": []}, schema)
    named = {each.target for each in found.values()} | {
        candidate.target for each in found.values() for candidate in each.alternatives
    }
    assert "Fax" not in named


def test_a_schema_of_one_field_gets_that_field_alone() -> None:
    schema = LeadSchema.from_json({"fields": [{"name": "Email", "type": "email"}]})
    assert targets({"Name": NAMES, "E-mail": EMAILS, "City": CITIES}, schema) == {
        "Name": None,
        "E-mail": "Email",
        "City": None,
    }


# --- What holds for every sheet ------------------------------------------------------------------------------------

_headers = st.one_of(
    st.sampled_from(
        ["Email", "E-mail", "Name", "First name", "Phone", "Company", "ID", "Column 1", "", "Notes?", "名"]
    ),
    st.text(max_size=30),
)
_cells = st.one_of(
    st.sampled_from([NAMES, EMAILS, PHONES, COMPANIES, YES_NO, BIRTH_DATES, [], ["zq77Xkw zq88Vpl"]]),
    st.lists(st.text(max_size=12), max_size=4),
)
_made_up = st.one_of(
    st.lists(st.tuples(_headers, _cells), min_size=1, max_size=12),
    st.lists(st.tuples(_headers, _cells), min_size=1, max_size=1),
    st.lists(st.tuples(_headers, _cells), min_size=3, max_size=3).map(lambda columns: columns * 100),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_made_up)
def test_every_sheet_gets_one_honest_mapping_for_each_column(columns: list[tuple[str, list[str]]]) -> None:
    schema = default_schema()
    made = sheet({f"{header}\t{at}": cells for at, (header, cells) in enumerate(columns)})
    found = map_sheet(made, schema, load_model())
    assert [each.index for each in found] == list(range(len(columns)))
    single = [each.target for each in found if each.target is not None and schema[each.target].single_valued]
    assert len(single) == len(set(single))
    for each in found:
        assert 0 <= each.confidence <= MOST_CERTAIN
        assert round(each.confidence, 1) == each.confidence
        assert len(each.alternatives) <= ALTERNATIVES
        assert each.target not in {candidate.target for candidate in each.alternatives}
        assert each.explanation
        assert len(each.explanation.splitlines()) == 1
        assert "zq77" not in each.explanation.lower()
    assert found == map_sheet(made, schema, load_model())


def test_a_sheet_without_columns_has_no_mappings() -> None:
    assert map_sheet(sheet({}), default_schema(), load_model()) == []


def test_a_header_of_several_lines_is_explained_on_one() -> None:
    found = mapped({"Company\nname of the\nattendee": COMPANIES, "Company\nname": COMPANIES, "Company": COMPANIES})
    assert all("\n" not in each.explanation for each in found.values())


def test_explanations_say_what_spoke_for_a_field() -> None:
    found = mapped({"Vorname": FIRST_NAMES, "Nachname": LAST_NAMES, "E-Mail-Adresse": EMAILS, "Ort": CITIES})
    assert "means City in German" in found["Ort"].explanation
    assert "all values look like e-mail addresses" in found["E-Mail-Adresse"].explanation


def test_explanations_say_what_the_same_header_meant_in_known_lists() -> None:
    found = mapped({"First Name": FIRST_NAMES, "Last Name": LAST_NAMES, "Email": EMAILS, "Marital Status": YES_NO})
    assert "known lists" in found["First Name"].explanation
    assert "the same header had none in" in found["Marital Status"].explanation


def test_explanations_of_no_field_say_what_the_header_speaks_of() -> None:
    found = mapped({"Name": NAMES, "Email": EMAILS, "Spouse Last Name": LAST_NAMES, "Expected Revenue": PHONES})
    assert "“spouse” speaks of another person than the lead" in found["Spouse Last Name"].explanation
    assert "the header stands for a price or another amount" in found["Expected Revenue"].explanation


# --- The gate ------------------------------------------------------------------------------------------------------


def _sure(target: str | None, confidence: float) -> Mapping:
    return Mapping(0, "h", target, confidence, Method.MODEL, (Candidate(None, 1.0),), "", MemoryKey("h", "text", "n"))


def test_the_gate_lets_pass_what_is_sure_enough() -> None:
    assert gate(_sure("City", 70.0), 70)
    assert not gate(_sure("City", 69.9), 70)
    assert gate(_sure(None, 70.0), 70)


@pytest.mark.parametrize("target", ["Email", "OptIn", "SmsOptIn", "OwnerName", "OwnerEmail", "OwnerId", "ExternalId"])
def test_the_gate_is_stricter_where_mistakes_hurt(target: str) -> None:
    assert not gate(_sure(target, 72.0), 70)
    assert gate(_sure(target, 90.0), 70)


def test_a_high_threshold_can_still_be_reached_by_the_stricter_fields() -> None:
    assert gate(_sure("Email", 95.0), 90)
    assert not gate(_sure("Email", 98.0), 99)
