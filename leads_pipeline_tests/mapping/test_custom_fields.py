"""Fields that an organization adds, which no training has seen, are found by what their definition says."""

from benchmarks.custom_fields import find, read_fields
from leads_pipeline.mapping import default_schema, load_model


def test_most_columns_find_the_custom_field_that_they_hold() -> None:
    fields = read_fields()
    found = find(fields, fields, load_model())
    assert sum(each.right for each in found) >= 0.75 * len(found)
    as_labelled = [each for each in found if each.place == 0]
    assert sum(each.right for each in as_labelled) >= 0.93 * len(as_labelled)


def test_a_column_of_another_field_is_not_given_to_a_custom_one() -> None:
    fields = read_fields()
    added, others = fields[::2], fields[1::2]
    names = {each.name for each in added}
    assert sum(each.target in names for each in find(others, added, load_model())) == 0


def test_the_fields_tried_are_none_of_the_default_schema() -> None:
    assert not {each.name for each in read_fields()} & {each.name for each in default_schema().fields}
