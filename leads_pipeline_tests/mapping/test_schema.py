"""Lead schemas that people write, and what they are told when something is wrong."""

from typing import Any

import pytest

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.mapping import FieldType, LeadSchema, default_schema


def pointer_of(document: dict[str, Any]) -> str:
    with pytest.raises(RequestInvalid) as refused:
        LeadSchema.from_json(document)
    assert refused.value.code == "schema_invalid"
    return refused.value.extra["errors"][0]["pointer"]


def test_a_schema_survives_being_written_and_read() -> None:
    import yaml

    schema = default_schema()
    assert LeadSchema.from_json(schema.as_json()) == schema
    assert LeadSchema.from_yaml(yaml.safe_dump(schema.as_json(), allow_unicode=True)) == schema


def test_a_name_is_all_that_a_field_needs() -> None:
    schema = LeadSchema.from_yaml("fields: [{name: FavouriteColour__c}]")
    field = schema["FavouriteColour__c"]
    assert (field.label, field.type, field.single_valued) == ("Favourite colour", FieldType.STRING, True)


def test_a_fields_id_follows_from_its_name_alone() -> None:
    one = LeadSchema.from_json({"fields": [{"name": "A"}, {"name": "B"}]})
    other = LeadSchema.from_json({"fields": [{"name": "B", "label": "Bee"}]})
    assert one["B"].id == other["B"].id


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/fields"),
        ({"fields": []}, "/fields"),
        ({"fields": "Email"}, "/fields"),
        ({"fields": [{"name": "A"}], "version": -1}, "/version"),
        ({"fields": [{"name": "A"}], "name": " "}, "/name"),
        ({"fields": [{"name": "A"}], "removes": []}, "/removes"),
        ({"fields": [{"name": "A"}, "B"]}, "/fields/1"),
        ({"fields": [{"name": "A"}, {"label": "B"}]}, "/fields/1/name"),
        ({"fields": [{"name": "1A"}]}, "/fields/0/name"),
        ({"fields": [{"name": "A", "type": "colour"}]}, "/fields/0/type"),
        ({"fields": [{"name": "A", "type": ["email"]}]}, "/fields/0/type"),
        ({"fields": [{"name": "A", "single_valued": "yes"}]}, "/fields/0/single_valued"),
        ({"fields": [{"name": "A", "api_name": "a b"}]}, "/fields/0/api_name"),
        ({"fields": [{"name": "A", "synonyms": ["ok", ""]}]}, "/fields/0/synonyms/1"),
        ({"fields": [{"name": "A", "synonyms": "ok"}]}, "/fields/0/synonyms"),
        ({"fields": [{"name": "A", "id": "17"}]}, "/fields/0/id"),
        ({"fields": [{"name": "A", "colour": "red"}]}, "/fields/0/colour"),
        ({"fields": [{"name": "A"}, {"name": "a"}]}, "/fields/1/name"),
        ({"fields": [{"name": "A"}, {"name": "B", "api_name": "A"}]}, "/fields/1/api_name"),
    ],
)
def test_an_error_points_at_what_is_wrong(document: dict[str, Any], pointer: str) -> None:
    assert pointer_of(document) == pointer


def test_yaml_that_cannot_be_read_is_refused_with_its_line() -> None:
    with pytest.raises(RequestInvalid, match="near line 3"):
        LeadSchema.from_yaml("fields:\n  - {name: A\n")
    with pytest.raises(RequestInvalid):
        LeadSchema.from_yaml("- a\n- b\n")


# --- Extending the default -----------------------------------------------------------------------------------------


def test_a_schema_may_add_to_the_default() -> None:
    schema = LeadSchema.from_yaml("extends: default\nfields: [{name: Allergies__c, label: Food allergies}]")
    assert [each.name for each in schema.fields] == [*(each.name for each in default_schema().fields), "Allergies__c"]


def test_a_schema_may_remove_fields_of_the_default() -> None:
    schema = LeadSchema.from_yaml("extends: default\nremove: [Fax, Rating]")
    assert {each.name for each in default_schema().fields} - {each.name for each in schema.fields} == {"Fax", "Rating"}


def test_a_field_takes_the_place_of_the_one_of_its_name_and_keeps_what_it_does_not_say() -> None:
    schema = LeadSchema.from_yaml(
        "extends: default\nfields: [{name: Email, label: Primary mailbox, synonyms: [mailbox]}]"
    )
    before, after = default_schema()["Email"], schema["Email"]
    assert (after.label, after.synonyms) == ("Primary mailbox", ("mailbox",))
    assert (after.id, after.type, after.api_name, after.values) == (
        before.id,
        before.type,
        before.api_name,
        before.values,
    )
    assert [each.name for each in schema.fields] == [each.name for each in default_schema().fields]


def test_what_extends_the_default_is_stored_in_full() -> None:
    schema = LeadSchema.from_json({"extends": "default", "remove": ["Fax"]})
    assert LeadSchema.from_json(schema.as_json()) == schema
    assert "extends" not in schema.as_json()


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"extends": "salesforce"}, "/extends"),
        ({"extends": ["default"]}, "/extends"),
        ({"extends": "default", "remove": "Fax"}, "/remove"),
        ({"extends": "default", "remove": ["Fax", "Faxx"]}, "/remove/1"),
        ({"extends": "default", "remove": [{"name": "Fax"}]}, "/remove/0"),
        ({"fields": [{"name": "A"}], "remove": ["Fax"]}, "/remove"),
        ({"extends": "default", "fields": [{"name": "A"}, {"name": "Fax", "type": "colour"}]}, "/fields/1/type"),
        ({"extends": "default", "remove": ["Fax"], "fields": [{"name": "Fax"}]}, "/fields/0/name"),
        ({"extends": "default", "fields": [{"name": "A"}, {"name": "A"}]}, "/fields/1/name"),
        ({"extends": "default", "fields": [{"name": "Mail", "api_name": "Email"}]}, "/fields/0/api_name"),
        ({"extends": "default", "fields": [{"name": "FirstName", "api_name": "LastName"}]}, "/fields/0/api_name"),
        ({"extends": "default", "fields": [{"name": "email"}]}, "/fields/0/name"),
        ({"extends": "default", "fields": [{"name": ["A"]}]}, "/fields/0/name"),
        ({"extends": "default", "fields": {"name": "A"}}, "/fields"),
    ],
)
def test_an_error_in_an_extension_points_at_what_is_wrong(document: dict[str, Any], pointer: str) -> None:
    assert pointer_of(document) == pointer


def test_removing_every_field_leaves_no_schema() -> None:
    assert pointer_of({"extends": "default", "remove": [each.name for each in default_schema().fields]}) == "/fields"
