"""What people confirmed acts on the next file."""

from leads_pipeline.mapping import LeadSchema, Memory, default_schema, load_model, map_sheet, memory_keys
from leads_pipeline.types import MemoryEntry, MemoryKey, Method
from leads_pipeline_tests.mapping.sheets import CITIES, COMPANIES, EMAILS, NAMES, PHONES, mapped, sheet

FIRST_FILE = {"Name": NAMES, "Badge Co.": COMPANIES, "Email": EMAILS}
SAME_SENDER = {"Name": NAMES[::-1], "Badge Co.": COMPANIES[::-1], "Email": EMAILS[::-1]}
OTHER_SENDER = {"Phone": PHONES, "badge co": COMPANIES, "City": CITIES}


def _key(columns: dict[str, list[str]], header: str) -> MemoryKey:
    made = sheet(columns)
    return next(key for key, column in zip(memory_keys(made), made.columns, strict=True) if column.header == header)


def _confirmed(target: str | None, *, support: int = 1, conflicts: int = 0) -> MemoryEntry:
    return MemoryEntry(_key(FIRST_FILE, "Badge Co."), target, support, conflicts)


def test_a_confirmed_mapping_is_right_on_the_next_file() -> None:
    found = mapped(SAME_SENDER, memory=Memory([_confirmed("Industry")]))["Badge Co."]
    assert (found.target, found.method) == ("Industry", Method.MEMORY)
    assert found.confidence >= 95
    assert "confirmed" in found.explanation


def test_a_confirmed_absence_of_a_field_is_remembered_too() -> None:
    found = mapped(SAME_SENDER, memory=Memory([_confirmed(None)]))["Badge Co."]
    assert (found.target, found.method) == (None, Method.MEMORY)


def test_in_other_surroundings_a_memory_counts_less() -> None:
    memory = Memory([_confirmed("Industry")])
    near, far = mapped(SAME_SENDER, memory=memory)["Badge Co."], mapped(OTHER_SENDER, memory=memory)["badge co"]
    assert (near.target, far.target) == ("Industry", "Industry")
    assert far.confidence < near.confidence


def test_a_memory_does_not_touch_other_headers_or_other_kinds_of_values() -> None:
    memory = Memory([_confirmed("Industry")])
    assert mapped({"Name": NAMES, "Company": COMPANIES}, memory=memory)["Company"].target == "Company"
    assert mapped({"Name": NAMES, "Badge Co.": EMAILS}, memory=memory)["Badge Co."].target != "Industry"


def test_a_column_that_is_empty_this_time_is_recognised() -> None:
    found = mapped({**SAME_SENDER, "Badge Co.": []}, memory=Memory([_confirmed("Industry")]))["Badge Co."]
    assert (found.target, found.method) == ("Industry", Method.MEMORY)


def test_contradictions_lower_the_confidence() -> None:
    undisputed = mapped(SAME_SENDER, memory=Memory([_confirmed("Industry", support=2)]))["Badge Co."]
    disputed = mapped(SAME_SENDER, memory=Memory([_confirmed("Industry", support=2, conflicts=1)]))["Badge Co."]
    assert disputed.confidence < undisputed.confidence


def test_the_answer_with_most_support_counts() -> None:
    memory = Memory([_confirmed("Department", support=1), _confirmed("Industry", support=3)])
    found = mapped(SAME_SENDER, memory=memory)["Badge Co."]
    assert found.target == "Industry"
    assert found.confidence < 90


def test_a_memory_of_a_field_that_the_schema_lost_is_ignored() -> None:
    fields = [each for each in default_schema().as_json()["fields"] if each["name"] != "Industry"]
    schema = LeadSchema.from_json({"fields": fields})
    memory = Memory([_confirmed("Industry", support=5)])
    assert mapped(SAME_SENDER, schema, memory) == mapped(SAME_SENDER, schema)


def test_an_answer_that_was_undone_is_forgotten() -> None:
    memory = Memory([_confirmed("Industry", support=0)])
    assert mapped(SAME_SENDER, memory=memory) == mapped(SAME_SENDER)


def test_two_columns_do_not_both_get_a_remembered_single_valued_field() -> None:
    columns = {"Name": NAMES, "Badge Co.": COMPANIES, "Company": COMPANIES}
    memory = Memory([MemoryEntry(_key(columns, "Badge Co."), "Company", 3)])
    found = mapped(columns, memory=memory)
    assert [found[header].target for header in ("Badge Co.", "Company")].count("Company") == 1
    assert found["Badge Co."].target == "Company"


def test_keys_hold_no_cell() -> None:
    made = sheet({"Company": COMPANIES, "": EMAILS, "Column 3": ["zq77Xkw"]})
    assert not any(
        cell.lower() in f"{key.header} {key.value_class} {key.neighbours}".lower()
        for key in memory_keys(made)
        for cell in [*COMPANIES, *EMAILS, "zq77"]
    )


def test_headers_written_differently_have_the_same_key() -> None:
    one = _key({"BADGE_CO": COMPANIES, "Email": EMAILS}, "BADGE_CO")
    other = _key({"Badge Co.": COMPANIES, "E-mail": EMAILS}, "Badge Co.")
    assert one.header == other.header


def test_every_mapping_tells_the_key_that_its_confirmation_will_have() -> None:
    made = sheet(FIRST_FILE)
    found = map_sheet(made, default_schema(), load_model())
    assert [each.memory_key for each in found] == memory_keys(made)
