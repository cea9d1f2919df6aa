"""Fields that an organization adds, which no training has seen, are found by what their definition says."""

from benchmarks.custom_fields import find, read_fields
from leads_pipeline.mapping import LeadSchema, default_schema, load_model, map_sheet
from leads_pipeline.training.corpus import sheet_of


def test_most_columns_find_the_custom_field_that_they_hold() -> None:
    fields = read_fields()
    found = find(fields, fields, load_model())
    assert sum(each.right for each in found) >= 0.85 * len(found)
    as_labelled = [each for each in found if each.place == 0]
    assert sum(each.right for each in as_labelled) >= 0.93 * len(as_labelled)


def test_a_column_of_another_field_is_not_given_to_a_custom_one() -> None:
    fields = read_fields()
    added, others = fields[::2], fields[1::2]
    names = {each.name for each in added}
    assert sum(each.target in names for each in find(others, added, load_model())) == 0


def test_the_fields_tried_are_none_of_the_default_schema() -> None:
    assert not {each.name for each in read_fields()} & {each.name for each in default_schema().fields}


def test_the_word_that_an_organization_puts_before_its_fields_hides_none() -> None:
    labels = ("Roof Type", "Shading", "Panel Brand", "Grid Operator")
    own = [{"name": f"Acme_{label.replace(' ', '_')}__c", "label": f"Acme {label}"} for label in labels]
    schema = LeadSchema.from_json({"extends": "default", "fields": own})
    sheet = sheet_of(["First Name", "Last Name", "Email", *labels], [[]] * (3 + len(labels)))
    targets = [mapping.target for mapping in map_sheet(sheet, schema, load_model())]
    assert targets[3:] == [each["name"] for each in own]


def test_what_remains_of_a_name_is_not_taken_for_a_word_that_has_a_meaning() -> None:
    own = [{"name": f"Clinic_{part}__c", "label": f"Clinic {part.lower()}"} for part in ("Name", "Phone", "City")]
    schema = LeadSchema.from_json({"extends": "default", "fields": own})
    sheet = sheet_of(["Name", "Email", "Phone", "City", "Clinic phone"], [[]] * 5)
    targets = [mapping.target for mapping in map_sheet(sheet, schema, load_model())]
    assert targets == ["FullName", "Email", "Phone", "City", "Clinic_Phone__c"]


def test_what_a_field_is_described_as_speaks_for_it() -> None:
    sheet = sheet_of(["First Name", "Last Name", "Email", "Roof material"], [[], [], [], ["tile", "slate"]])
    found: list[str | None] = []
    for description in ("", "Material that the roof is made of."):
        field = {"name": "Roof__c", "label": "Roof", "description": description}
        schema = LeadSchema.from_json({"extends": "default", "fields": [field]})
        found.append(map_sheet(sheet, schema, load_model())[-1].target)
    assert found == [None, "Roof__c"]
