"""The words that people write for values: data of ours, as complete and as unambiguous as it says."""

from importlib import resources

import pytest
import yaml

from leads_pipeline.mapping import LeadField, LeadSchema, default_schema
from leads_pipeline.mapping.values import FALSE, TRUE, Polarity, value_table
from leads_pipeline.spreadsheets import value_key

LISTS = ["lead_status", "industry", "salutation", "rating", "lead_source"]


def look_up(field: LeadField, text: str, polarity: Polarity = Polarity.STRAIGHT) -> str | None:
    return value_table(field, polarity).get(value_key(text))


def document(name: str) -> dict[str, dict[str, dict[str, list[str]]]]:
    return yaml.safe_load((resources.files("leads_pipeline.mapping.values") / f"{name}.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_the_values_of_the_schema_and_no_word_for_two_of_them(name: str) -> None:
    found = document(name)
    assert tuple(found["values"]) == default_schema()[found["field"]].picklist  # pyright: ignore[reportArgumentType]
    meanings: dict[str, str] = {}
    for value, languages in found["values"].items():
        for word in (value, *(word for words in languages.values() for word in words)):
            assert isinstance(word, str), f"{word!r} of {value} is not text to YAML; put it in quotes"
            assert meanings.setdefault(value_key(word), value) == value, f"{word} stands for two values"


def test_yes_and_no_are_never_the_same_word() -> None:
    for one, other in (("yes", "no"), ("granted", "refused"), ("agreed", "declined"), ("reversed", "straight")):
        sides = [
            {value_key(str(word)) for words in document("yes_no")[side].values() for word in words}
            for side in (one, other)
        ]
        assert not sides[0] & sides[1]


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("Status", "neu", "Open - Not Contacted"),
        ("Status", "open_not_contacted", "Open - Not Contacted"),
        ("Status", "В работе", "Working - Contacted"),
        ("Status", "成約", "Closed - Converted"),
        ("Status", "Closed Lost", "Closed - Not Converted"),
        ("Industry", "Information Technology & Services", "Technology"),
        ("Industry", "Gesundheitswesen", "Healthcare"),
        ("Industry", "não encontrado", None),
        ("Salutation", "Herr Dr.", "Dr."),
        ("Salutation", "MR", "Mr."),
        ("Salutation", "Mme", "Ms."),
        ("Rating", "🔥", "Hot"),
        ("LeadSource", "Fachmesse", "Trade Show"),
        ("LeadSource", "LinkedIn", None),
    ],
)
def test_values_are_known_in_many_languages(field: str, written: str, value: str | None) -> None:
    assert look_up(default_schema()[field], written) == value


# One country in twenty-two languages, and what people write instead of a name.
GERMANY = """
Germany Deutschland Allemagne Alemania Germania Alemanha Duitsland Niemcy Tyskland Saksa Německo Németország Almanya
Германия Німеччина Γερμανία ألمانيا גרמניה ドイツ 德国 德國 독일 เยอรมนี DE DEU
"""


@pytest.mark.parametrize("written", GERMANY.split())
def test_a_country_is_known_in_the_worlds_languages(written: str) -> None:
    assert look_up(default_schema()["Country"], written) == "Germany"


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("u.s.a.", "United States"), ("EE.UU.", "United States"), ("UK", "United Kingdom"), ("Scotland", "United Kingdom"),
        ("Czech Republic", "Czechia"), ("Holland", "Netherlands"), ("Türkei", "Türkiye"), ("Rep. of Korea", None),
        ("UAE", "United Arab Emirates"), ("Cote d'Ivoire", "Côte d'Ivoire"), ("no", "Norway"), ("Bavaria", None),
    ],
)  # fmt: skip
def test_what_people_write_for_a_country_is_known(written: str, country: str | None) -> None:
    assert look_up(default_schema()["Country"], written) == country


def test_an_organizations_own_values_are_meant_by_the_usual_words() -> None:
    schema = LeadSchema.from_json(
        {
            "extends": "default",
            "fields": [{"name": "Status", "picklist": ["New", "Contacted", "Qualified", "Lost", "Dead"]}],
        }
    )
    written = ["Neu", "en cours", "qualified", "verloren", "lost", "Kunde"]
    # "verloren" could mean "Lost" or "Dead", and "Kunde" is none of them.
    assert [look_up(schema["Status"], each) for each in written] == [
        "New",
        "Contacted",
        "Qualified",
        None,
        "Lost",
        None,
    ]


def test_countries_can_be_codes() -> None:
    schema = LeadSchema.from_json(
        {"extends": "default", "fields": [{"name": "Country", "picklist": ["DE", "AT", "CH"]}]}
    )
    assert [look_up(schema["Country"], each) for each in ("Deutschland", "AUT", "Suisse", "France")] == [
        "DE",
        "AT",
        "CH",
        None,
    ]


def test_a_custom_field_has_its_own_values_and_words_for_them() -> None:
    schema = LeadSchema.from_yaml("""
        fields:
          - {name: Size__c, type: picklist, picklist: [Small, Large], picklist_synonyms: {Small: [S, klein], Large: [XL]}}
    """)
    assert [look_up(schema["Size__c"], each) for each in ("small", "KLEIN", "xl", "medium")] == [
        "Small",
        "Small",
        "Large",
        None,
    ]
    assert LeadSchema.from_json(schema.as_json()) == schema


def test_words_for_a_value_that_is_not_there_are_refused() -> None:
    from leads_pipeline_tests.mapping.test_schema import pointer_of

    field = {"name": "Size__c", "picklist": ["Small"], "picklist_synonyms": {"Large": ["XL"]}}
    assert pointer_of({"fields": [field]}) == "/fields/0/picklist_synonyms"
    assert pointer_of({"fields": [field | {"picklist_synonyms": ["XL"]}]}) == "/fields/0/picklist_synonyms"


@pytest.mark.parametrize(
    ("written", "straight", "turned", "unclear"),
    [
        ("Yes", TRUE, FALSE, None),
        ("nein", FALSE, TRUE, None),
        ("1", TRUE, FALSE, None),
        ("✗", FALSE, TRUE, None),
        ("unsubscribed", FALSE, FALSE, FALSE),
        ("Opted-in", TRUE, TRUE, TRUE),
        ("購読中", TRUE, TRUE, TRUE),
        ("agreed", TRUE, None, TRUE),
        ("cleaned", None, None, None),
    ],
)
def test_consent_is_read_in_both_polarities(
    written: str, straight: str | None, turned: str | None, unclear: str | None
) -> None:
    field = default_schema()["OptIn"]
    assert [look_up(field, written, polarity) for polarity in Polarity] == [straight, turned, unclear]
