"""What is kept of a file to learn from holds none of its people: planted ones are never found again."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads_pipeline.spreadsheets import AnonymisingPlan, Secrets, anonymise, category_digest, read
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.spreadsheets.recognise import findings, scrubbed, surrogate_findings
from leads_pipeline.spreadsheets.surrogates import Habits, make, stays
from leads_pipeline.types import AnonymisedColumn

SECRETS = Secrets(seed=b"s" * 32, category_key=b"k" * 32, common=frozenset())

COLUMNS: Mapping[str, list[str]] = {
    "Name": ["Wilhelmina Quastenberg", "Peter Zwickelhuber", "Anna Knorpelmann", "Thomas Quastenberg"],
    "E-Mail": ["w.quastenberg@zwickel-ag.de", "peter@knorpelmann.com", "anna.k@zwickel-ag.de", "info@quast.org"],
    "Telefon": ["+49 171 8865432", "030 90298811", "0171/7654321", "+1 (415) 867-5309"],
    "Firma": ["Zwickelhuber GmbH", "Knorpelmann & Söhne KG", "Quast Holding AG", "Zwickelhuber GmbH"],
    "Straße": ["Quastenbergstraße 17", "Am Zwickel 4", "Knorpelgasse 22a", "Hauptstraße 1"],
    "PLZ": ["48653", "97421", "01327", "48653"],
    "Website": ["https://www.zwickelhuber.de/team/anna", "www.knorpelmann.com", "quast.org", "https://zwickel.de"],
    "LinkedIn": ["https://linkedin.com/in/wilhelmina-quastenberg", "https://www.linkedin.com/in/knorpel", "", ""],
    "Konto": ["DE89370400440532013000", "DE02120300000000202051", "", ""],
    "Kreditkarte": ["4111 1111 1111 1111", "5500-0000-0000-0004", "", ""],
    "SSN": ["536-90-4399", "078-05-1120", "", ""],
    "Geburtstag": ["1961-08-17", "1988-11-23", "1979-07-19", "1990-12-31"],
    "氏名": ["山田花江", "佐藤次郎", "鈴木京子", "高橋健一"],
    "Kunden-Nr": ["KD-8839921", "KD-8839922", "KD-7712345", "KD-5529871"],
    "Bemerkung": ["Frau Quastenberg ruft Freitag zurück.", "Zwickelhuber kennt den Chef", "", "bitte an Knorpelmann"],
    "Status": ["Open", "Closed", "Open", "Open"],
    "Land": ["Deutschland", "Deutschland", "Schweiz", "Deutschland"],
}
CANARIES = (
    "quast", "zwickel", "knorpel", "wilhelmina", "8865432", "90298811", "7654321", "8675309", "48653", "97421", "01327",
    "3704", "532013000", "4111", "5500", "536-90", "078-05", "1961", "1988-11", "花江", "次郎", "鈴木", "8839921", "7712345",
    "söhne", "freitag", "hauptstr",
)  # fmt: skip


def anonymised(
    tmp_path: Path, columns: Mapping[str, list[str]], secrets: Secrets = SECRETS
) -> dict[int, AnonymisedColumn]:
    path = tmp_path / "list.csv"
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(";".join(row) for row in rows) + "\n", "utf-8")
    workbook = read(path, "list.csv")
    (sheet,) = anonymise(path, "list.csv", AnonymisingPlan(workbook.sheets, secrets))
    return {column.index: column for column in sheet.columns}


def test_no_planted_person_is_ever_found_again(tmp_path: Path) -> None:
    kept = anonymised(tmp_path, COLUMNS)
    text = json.dumps([asdict(column) for column in kept.values()], ensure_ascii=False).casefold()
    assert [canary for canary in CANARIES if canary in text] == []
    assert all(column.surrogates for column in kept.values())


def test_a_header_that_names_somebody_is_scrubbed(tmp_path: Path) -> None:
    columns = {
        "Name": COLUMNS["Name"],
        "Anruf mit Wilhelmina Quastenberg": ["ja", "nein", "ja", "ja"],
        "Betreuer: jane.roe@zwickel-ag.de": ["x", "y", "x", "y"],
        "Zugesagt an Knorpelmann": ["1", "0", "1", "1"],
        "Rückruf 0171/7654321": ["1", "2", "1", "1"],
        "Ansprechpartner Telefon": COLUMNS["Telefon"],
    }
    headers = [column.header for column in anonymised(tmp_path, columns).values()]
    assert headers == [
        "Name", "Anruf mit •", "Betreuer: •", "Zugesagt an •", "Rückruf •", "Ansprechpartner Telefon",
    ]  # fmt: skip


def test_surrogates_lie_in_reserved_ranges_and_keep_the_country(tmp_path: Path) -> None:
    kept = anonymised(tmp_path, COLUMNS)
    emails, phones = kept[1].surrogates, kept[2].surrogates
    assert all(re.search(r"@[\w.-]+\.example$", email) for email in emails)
    assert any(phone.startswith("+49") for phone in phones)
    assert any(phone.startswith("+1 (") for phone in phones)
    assert not any(findings(phone) for phone in phones)
    assert phonenumbers.is_valid_number(phonenumbers.parse("+49 171 8865432", None))


def test_surrogates_look_like_the_values_to_the_profile() -> None:
    for values in COLUMNS.values():
        filled = [value for value in values if value]
        before = profile_column(filled, rows=4, filled=len(filled))
        made = make(filled, before, b"seed")
        after = profile_column(made, rows=4, filled=len(made))
        strong = {kind for kind, share in before.kinds.items() if share == 1 and kind not in ("unique", "rising")}
        assert strong - {kind for kind, share in after.kinds.items() if share > 0.5} <= {"company"}, (values, made)


def test_the_key_decides_which_surrogates_are_made(tmp_path: Path) -> None:
    other = Secrets(b"o" * 32, SECRETS.category_key, SECRETS.common)
    assert anonymised(tmp_path, COLUMNS) == anonymised(tmp_path, COLUMNS)
    assert anonymised(tmp_path, COLUMNS)[0].surrogates != anonymised(tmp_path, COLUMNS, other)[0].surrogates


def test_a_rare_category_is_kept_only_when_enough_organizations_have_it(tmp_path: Path) -> None:
    columns = {"Name": COLUMNS["Name"], "Sparte": ["Sonderposten", "Sonderposten", "Neuware", "Sonderposten"]}
    digest = category_digest("Sonderposten", SECRETS.category_key)
    rare = anonymised(tmp_path, columns)[1]
    assert digest in rare.categories
    assert "Sonderposten" not in rare.surrogates
    common = Secrets(SECRETS.seed, SECRETS.category_key, frozenset({digest}))
    kept = anonymised(tmp_path, columns, common)[1]
    assert "Sonderposten" in kept.surrogates
    assert "Neuware" not in kept.surrogates


def test_a_surrogate_that_some_row_holds_is_dropped_and_counted(tmp_path: Path) -> None:
    first = anonymised(tmp_path, {"Name": COLUMNS["Name"], "Kunde": COLUMNS["Firma"]})[1].surrogates
    planted = [*COLUMNS["Firma"], first[0]]
    columns = {"Name": [*COLUMNS["Name"], "Emma Sonstwer"], "Kunde": planted}
    kept = anonymised(tmp_path, columns)[1]
    assert first[0] not in kept.surrogates


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ada@byron.net", "email"), ("call +44 20 7123 4567", "phone"), ("GB29 NWBK 6016 1331 9268 19", "iban"),
        ("4111-1111-1111-1111", "card"), ("536-90-4399", "id"), ("85.214.132.117", "ip"), ("www.byron.net/ada", "url"),
    ],
)  # fmt: skip
def test_the_recognisers_find_what_leads_to_a_person(text: str, kind: str) -> None:
    assert kind in findings(text)


def test_a_word_that_is_not_ours_is_found_in_a_surrogate() -> None:
    assert surrogate_findings("Zilu Movma GmbH") == frozenset()
    assert surrogate_findings("Zilu Quastenberg GmbH") == {"word"}
    assert surrogate_findings("Heike Movma") == {"name"}


def test_everyday_headers_are_left_alone() -> None:
    for header in ("First Name", "Jan", "April 2025", "Vorname", "Phone 2", "E-Mail", "氏名", "Score (0-100)"):
        assert scrubbed(header) == (header, frozenset())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), min_size=1, max_size=8)
)
def test_no_word_of_any_text_survives_unless_it_is_public(values: list[str]) -> None:
    profile = profile_column(values, rows=len(values), filled=len(values))
    habits = Habits.of(profile)
    for surrogate in make(values, profile, b"seed"):
        assert stays(surrogate, habits) or surrogate_findings(surrogate) == frozenset()
