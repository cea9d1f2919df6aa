"""What the shipped model becomes when it is told what people said."""

from leads_pipeline.mapping import default_schema, load_model, map_sheet
from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.training.refit import LabelledFile, refit
from leads_pipeline_tests.mapping.sheets import sheet

SCHEMA = default_schema()


def told(family: str, header: str, target: str | None) -> LabelledFile:
    """A file in which people said what `header` means."""
    made = sheet({"E-Mail": ["ada@example.com"], header: ["Alpha", "Beta"]})
    return LabelledFile(family, "train", made, ("Email", target), (1.0, 1.0), (True, True), (1.0, 1.0))


def after(*files: LabelledFile) -> list[str | None]:
    """What a model that has learned from the files makes of a Wirkstoff and of a fax number in another list."""
    model = refit(load_model(), files, SCHEMA, name="m", seed=1)
    other = sheet({"Wirkstoff": ["Gamma"], "Fax": ["+49 30 1234568"], "Handy": ["+49 171 1234567"]})
    return [each.target for each in map_sheet(other, SCHEMA, model)]


def test_a_word_that_no_lexicon_knows_is_learned_when_two_families_agree_on_it() -> None:
    assert after(told("a", "Wirkstoff", "Product"), told("b", "Wirkstoff", "Product")) == [
        "Product",
        "Fax",
        "MobilePhone",
    ]


def test_what_one_family_says_of_a_known_header_is_not_taken_for_all() -> None:
    assert after(told("a", "Fax", "Email2"), told("b", "Wirkstoff", None)) == [None, "Fax", "MobilePhone"]


def test_that_a_field_went_to_another_column_of_the_file_says_nothing_of_a_header() -> None:
    websites = sheet(
        {"Website": ["https://a.example"], "Business Website": ["https://b.example"], "Wirkstoff": ["Alpha"]}
    )
    files = [
        LabelledFile(family, "train", websites, ("Website", None, None), (1.0,) * 3, (True,) * 3, (1.0,) * 3)
        for family in "ab"
    ]
    model, before = refit(load_model(), files, SCHEMA, name="m", seed=1), load_model()
    assert model.precedents.meant("businesswebsite") == before.precedents.meant("businesswebsite")
    assert model.precedents.meant("wirkstoff") == {NO_FIELD: 2}
    other = sheet({"Business Website": ["https://c.example"], "Fax": ["+49 30 1234568"], "Wirkstoff": ["Gamma"]})
    assert [each.target for each in map_sheet(other, SCHEMA, model)] == ["Website", "Fax", None]
