"""Organizations whose lead schema is all their own: what their fields turn out to be another name for."""

from dataclasses import replace

from leads_pipeline.mapping import LeadSchema, MappingModel, load_model, map_sheet
from leads_pipeline.training.kinship import kin_of, strangers
from leads_pipeline.training.refit import LabelledFile, refit
from leads_pipeline_tests.mapping.sheets import CITIES, COMPANIES, EMAILS, PHONES, sheet

OWN = LeadSchema.from_json({
    "name": "own",
    "fields": [
        {"name": "Kunde_Mail", "label": "Kunde A", "type": "email"},
        {"name": "Kunde_Rufnr", "label": "Kunde B", "type": "phone"},
        {"name": "Kunde_Haus", "label": "Kunde C"},
        {"name": "Dachform", "label": "Dachform"},
    ],
})  # fmt: skip


def reviewed(family: str, mail: str, phone: str, company: str, *, targets: tuple[str | None, ...]) -> LabelledFile:
    """A list of one system whose columns people have answered."""
    made = sheet({mail: EMAILS, phone: PHONES, company: COMPANIES})
    return LabelledFile(family, "train", made, targets, (1.0,) * 3, (True,) * 3, (1.0,) * 3)


FILES = [
    reviewed("a", "E-Mail", "Telefon", "Firma", targets=("Kunde_Mail", "Kunde_Rufnr", "Kunde_Haus")),
    reviewed("b", "Email address", "Phone", "Company", targets=("Kunde_Mail", "Kunde_Rufnr", None)),
]


def targets_by(model: MappingModel, schema: LeadSchema) -> list[str | None]:
    """What a model makes of a list in a language that none of the files has."""
    polish = sheet({"Adres e-mail": EMAILS, "Numer telefonu": PHONES, "Nazwa firmy": COMPANIES})
    return [each.target for each in map_sheet(polish, schema, model)]


def test_a_field_that_people_use_like_one_of_ours_is_found_under_names_that_only_ours_is_known_by() -> None:
    model = refit(load_model(), FILES, OWN, name="own", seed=1)
    assert model.kin == {"Kunde_Mail": "Email", "Kunde_Rufnr": "Phone"}
    before, after = targets_by(load_model(), OWN), targets_by(model, OWN)
    assert before[1] is None
    assert after[:2] == ["Kunde_Mail", "Kunde_Rufnr"]
    assert targets_by(MappingModel.unpacked(model.packed(), load_model()), OWN) == after


def test_it_is_said_what_a_field_is_kin_of_and_which_name_says_nothing() -> None:
    model = refit(load_model(), FILES, OWN, name="own", seed=1)
    polish = sheet({"Adres e-mail": EMAILS, "Miasto": CITIES})
    mail, city = (each.explanation for each in map_sheet(polish, OWN, model))
    assert mail.startswith("The header means Kunde A (Email) in Polish")
    assert city == "No field: the header means City, and no name in your schema says so."


def test_one_family_is_enough_only_where_the_label_says_the_same() -> None:
    assert refit(load_model(), FILES[:1], OWN, name="own", seed=1).kin == {}
    speaking = replace(OWN, fields=tuple(replace(each, label="Kundenmail") for each in OWN.fields))
    assert refit(load_model(), FILES[:1], speaking, name="own", seed=1).kin == {"Kunde_Mail": "Email"}


def test_what_half_of_the_families_contradict_is_not_learned() -> None:
    guesses = [("Email", "Phone", "Company")] * 4
    disputed = [
        reviewed(family, "E-Mail", "Telefon", "Firma", targets=("Kunde_Mail", None, "Dachform" if at % 2 else None))
        for at, family in enumerate("abcd")
    ]
    assert kin_of(load_model(), disputed, guesses, OWN) == {"Kunde_Mail": "Email"}


def test_files_that_have_the_column_and_give_it_no_field_count_against_it() -> None:
    elsewhere = [
        reviewed(family, "E-Mail", "Telefon", "Firma", targets=(None, "Kunde_Rufnr" if family == "z" else None, None))
        for family in "wxyz"
    ]
    assert refit(load_model(), [*FILES, *elsewhere], OWN, name="own", seed=1).kin == {}


def test_a_schema_that_has_the_field_itself_shares_nothing() -> None:
    both = LeadSchema.from_json(
        {"extends": "default", "fields": [{"name": "Kunde_Mail", "label": "Kunde", "type": "email"}]}
    )
    assert strangers(load_model(), both) == frozenset()
    model = refit(load_model(), FILES, OWN, name="own", seed=1)
    assert targets_by(model, both) == targets_by(load_model(), both) == ["Email", "Phone", "Company"]
