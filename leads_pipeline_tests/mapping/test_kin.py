"""Lead schemas whose fields are called otherwise than ours, and mean the same."""

from dataclasses import replace

import pytest

from leads_pipeline.mapping import LeadSchema, gate, load_model
from leads_pipeline_tests.mapping.sheets import (
    CITIES,
    COMPANIES,
    EMAILS,
    FIRST_NAMES,
    LAST_NAMES,
    PHONES,
    mapped,
    targets,
)

LIST = {"Adres e-mail": EMAILS, "Numer telefonu": PHONES, "Nazwa firmy": COMPANIES, "Nazwisko": LAST_NAMES}


def schema(*fields: dict[str, str], **more: object) -> LeadSchema:
    return LeadSchema.from_json({"name": "own", "fields": list(fields), **more})


def test_a_field_that_is_labelled_like_one_of_ours_is_found_in_every_language() -> None:
    own = schema(
        {"name": "x1", "label": "E-Mail-Adresse", "type": "email"},
        {"name": "x2", "label": "Téléphone", "type": "phone"},
        {"name": "x3", "label": "Firma"},
        {"name": "x4", "label": "Surname"},
    )
    assert targets(LIST, own) == dict(zip(LIST, ("x1", "x2", "x3", "x4"), strict=True))


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Roof of our company", "string"),
        ("Company", "number"),
        ("Opt-in", "string"),
        ("CTY", "string"),
        ("Dachform", "string"),
    ],
)
def test_a_label_that_says_more_or_next_to_nothing_or_another_type_makes_no_kin(label: str, kind: str) -> None:
    assert load_model().kin_in(schema({"name": "x1", "label": label, "type": kind})) == {}


def test_where_names_say_nothing_it_is_not_sure_that_a_column_has_no_field() -> None:
    own = schema({"name": "X1", "label": "X1"}, {"name": "X2", "label": "X2"}, {"name": "X3", "label": "X3"})
    columns = {"First name": FIRST_NAMES, "Company": COMPANIES, "City": CITIES}
    assert all(each.target is None and not gate(each, 70) for each in mapped(columns, own).values())
    described = schema({"name": "x4", "label": "Surname"})
    assert all(gate(each, 70) for each in mapped(columns, described).values())


def test_a_field_that_is_email_by_another_name_must_be_as_sure_as_that() -> None:
    own = schema({"name": "x1", "label": "E-Mail-Adresse", "type": "email"})
    found = mapped(LIST, own)["Adres e-mail"]
    assert (found.target, found.kin) == ("x1", "Email")
    assert not gate(replace(found, confidence=75.0), 70)
    assert gate(replace(found, confidence=81.0), 70)


def test_a_schema_that_has_the_field_already_keeps_it() -> None:
    assert set(targets(LIST, schema({"name": "x3", "label": "Firma"}, extends="default")).values()) >= {
        "Company",
        "Email",
    }
