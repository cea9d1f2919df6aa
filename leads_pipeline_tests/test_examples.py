"""The example spreadsheets: that their answers fit them, that they are read as meant, that nobody in them is real."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from leads_pipeline.demo.answers import Answers, SheetAnswer
from leads_pipeline.spreadsheets import read

EXAMPLES = Path(__file__).parent.parent / "examples"
ANSWERS = Answers.read(EXAMPLES)
TEXT_FORMATS = {
    "ad_form_leads.csv": ("utf-16", "\t"),
    "contactos.csv": ("utf-8-sig", "|"),
    "crm_export.csv": ("utf-8", ","),
    "kundenliste.csv": ("cp1252", ";"),
    "no_header.csv": ("utf-8", ","),
    "prospects_salon.csv": ("cp1252", ";"),
    "seminar.csv": ("cp932", ","),
    "welsh/cylchlythyr.csv": ("utf-8", ";"),
    "welsh/ffair.csv": ("utf-8", ","),
    "welsh/ymholiadau.csv": ("utf-8", ","),
    "welsh/unseen/cysylltiadau.csv": ("utf-8", ";"),
    "welsh/unseen/gweminar.csv": ("utf-8", ","),
}
NUMBERS_FOR_FICTION = re.compile(
    r"""(1?\d{3}55501\d\d(12|304)?)                                             # NANP, with extensions
    | (0|440?|00440?)?(207946|113496|114496|121496|161496)0\d{3} | (0|44)?7700900\d{3}  # Ofcom
    | (0|490?)(3023125|6990009|4066969|2214710|8999998)\d{3} | (0|49)17139200?\d\d      # Bundesnetzagentur
    | (0|33)(19900|26191|35301|46571|53649|63998)\d{4}                                  # Arcep
    """,
    re.VERBOSE,
)


def sheets_of(name: str) -> list[list[list[str]]]:
    """The cells of an example's sheets as they stand in the file."""
    if name in TEXT_FORMATS:
        encoding, delimiter = TEXT_FORMATS[name]
        text = (EXAMPLES / name).read_bytes().decode(encoding)
        return [list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))]
    book = CalamineWorkbook.from_path(EXAMPLES / name)
    return [
        [[str(cell) for cell in row] for row in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)]
        for sheet in book.sheet_names
    ]


def all_cells() -> Iterator[tuple[str, str]]:
    for name in ANSWERS.files:
        for rows in sheets_of(name):
            for row in rows:
                for cell in row:
                    yield name, cell


def sheet_answers() -> list[tuple[str, int, SheetAnswer]]:
    return [(name, position, sheet) for name, sheets in ANSWERS.files.items() for position, sheet in enumerate(sheets)]


def test_every_spreadsheet_has_its_answers() -> None:
    kinds = {".csv", ".xls", ".xlsx", ".ods"}
    assert {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.*") if path.suffix in kinds} == set(
        ANSWERS.files
    )


@pytest.mark.parametrize(("name", "position", "answer"), sheet_answers())
def test_the_headers_of_the_answers_stand_in_the_file(name: str, position: int, answer: SheetAnswer) -> None:
    rows = sheets_of(name)[position]
    first = next(place for place in range(len(rows[-1])) if any(row[place] for row in rows[-20:]))
    rows = [row[first:] for row in rows]
    above = [] if answer.header_row is None else rows[answer.header_row - 1 : answer.header_row + 1]
    for column in answer.columns:
        texts = {text for row in above for text in [" ".join(row[column.index].split())] if text}
        if answer.header_row is None:
            assert column.header == f"Column {column.index + 1}"
        else:
            name_without_count = column.header.removesuffix(" (2)")
            assert any(name_without_count == text or name_without_count.endswith(f" {text}") for text in texts)


@pytest.mark.parametrize("name", sorted(ANSWERS.files))
def test_an_example_is_read_as_its_maker_meant_it(name: str) -> None:
    workbook = read(EXAMPLES / name, Path(name).name)
    expected = ANSWERS.files[name]
    assert len(workbook.sheets) == len(expected)
    for sheet, answer in zip(workbook.sheets, expected, strict=True):
        assert answer.sheet in (None, sheet.name)
        assert (sheet.header_row, sheet.rows) == (answer.header_row, answer.rows)
        columns = {column.index: column.header for column in sheet.columns}
        assert {column.index: column.header for column in answer.columns}.items() <= columns.items()


def test_no_single_valued_field_is_the_best_answer_twice_in_a_sheet() -> None:
    for name, _, sheet in sheet_answers():
        best = [column.answers[0] for column in sheet.columns if column.answers[0] not in (None, "Tags")]
        assert len(best) == len(set(best)), name


def test_addresses_end_in_reserved_domains() -> None:
    domains = {
        (name, match[1].lower())
        for name, cell in all_cells()
        for match in re.finditer(r"(?:@|https?://|www\.)([\w.-]+\.[a-z]+)", cell, re.IGNORECASE)
    }
    assert domains
    assert {one for one in domains if not re.search(r"(^|\.)(example\.com|example|test)$", one[1])} == set()


def test_telephone_numbers_are_kept_free_for_fiction() -> None:
    numbers: set[tuple[str, str]] = set()
    for name, position, sheet in sheet_answers():
        phones = {
            column.index for column in sheet.columns if {"Phone", "MobilePhone", "Fax", "Phone2"} & set(column.answers)
        }
        rows = sheets_of(name)[position][sheet.header_row or 0 :]
        for row in rows:
            for index, cell in enumerate(row):
                text = cell.removesuffix(".0")
                if index in phones or re.match(r"\s*(\+|00)\d[\d /().-]{8,}$", text):
                    numbers.add((name, re.sub(r"\D", "", text)))
    numbers = {one for one in numbers if one[1]}
    assert len(numbers) > 1000
    assert {one for one in numbers if not NUMBERS_FOR_FICTION.fullmatch(one[1])} == set()


def test_the_maker_makes_the_same_files_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_examples.py", tmp_path], check=True, timeout=60)
    for name in [*ANSWERS.files, "answers.json"]:
        assert contents(tmp_path / name) == contents(EXAMPLES / name), name


def contents(path: Path) -> dict[str, bytes]:
    """The parts of a file: compression libraries differ in how they pack the same bytes."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return {part: archive.read(part) for part in archive.namelist()}
    return {"": path.read_bytes()}
