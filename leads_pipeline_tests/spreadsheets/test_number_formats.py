"""Numbers whose leading zeros are in their format alone: postal codes, ids and phone numbers keep them."""

import csv
import io
from dataclasses import asdict
from pathlib import Path

import pytest
import xlsxwriter

from leads_pipeline.spreadsheets import Limits, read
from leads_pipeline.spreadsheets.children import ask
from leads_pipeline.spreadsheets.number_formats import zero_format
from leads_pipeline.spreadsheets.transfer import workbook_from_json
from leads_pipeline.types import Workbook
from leads_pipeline_tests.spreadsheets.conftest import exported, headers
from leads_pipeline_tests.spreadsheets.hostile import ods, ods_row

EXPECTED = [
    ["Anna", "01067", "0301234567", "02139-3001", "7"],
    ["Bruno", "99099", "0891234567", "10115-0000", "8.5"],
    ["Clara", "00000", "", "00601-0001", "2025-03-04"],
]


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("00000", 1067, "01067"),
        ("00000", 123456, "123456"),
        ("[$-407]00000;-00000", 1067, "01067"),
        ("[<=99999]00000;00000\\-0000", 1067, "01067"),
        ("[<=99999]00000;00000\\-0000", 21393001, "02139-3001"),
        ("000\\-00\\-0000", 12345678, "012-34-5678"),
        ("0#########", 301234567, "0301234567"),
        ('"0"000', 7, "0007"),
        ("#00", 7, "07"),
    ],
)
def test_a_number_is_shown_as_its_format_says(code: str, number: int, shown: str) -> None:
    found = zero_format(code)
    assert found is not None
    assert found.text(number) == shown


@pytest.mark.parametrize(
    "code", ["General", "0", "0.00", "#,##0", "0%", "00.0", "yyyy-mm-dd", "hh:mm", "0.00E+00", "@", "##\\-000", ""]
)
def test_other_formats_leave_a_number_as_it_is(code: str) -> None:
    assert zero_format(code) is None


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "leads.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        made.add_worksheet("Empty")
        sheet = made.add_worksheet("Leads & more")
        formats = [made.add_format({"num_format": code}) for code in ("00000", "0#########", "00000\\-0000")]
        date = made.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["Name", "Zip", "Phone", "Zip+4", "Score"])
        sheet.write_column(1, 0, ["Anna", "Bruno", "Clara"])
        sheet.write_column(1, 1, [1067, 99099, 0], formats[0])
        sheet.write_column(1, 2, [301234567, 891234567], formats[1])
        sheet.write_column(1, 3, [21393001, 101150000, 6010001], formats[2])
        sheet.write_column(1, 4, [7, 8.5])
        sheet.write_number(3, 4, 45720, date)
    return path


def test_a_workbook_is_read_and_exported_with_the_zeros_that_it_shows(workbook: Path) -> None:
    found = read(workbook, "leads.xlsx")
    zips = found.sheets[0].columns[1]
    assert zips.profile.shapes == ("99999",)
    rows = list(csv.reader(io.StringIO(exported(workbook, "leads.xlsx", found).decode("utf-8-sig"))))
    assert [row[2:] for row in rows[1:]] == EXPECTED


def read_by_the_second_reader(path: Path) -> Workbook:
    """What comes of a workbook that has ended the first reader's process."""
    job = {"task": "read", "path": str(path), "name": path.name, "kind": "xlsx", "second_reader": True}
    answer = ask({**job, "limits": asdict(Limits()), "cpu_seconds": 20}, wall_seconds=30)
    with pytest.raises(StopIteration) as end:
        next(answer)
    return workbook_from_json(end.value.value)


def test_the_second_reader_shows_them_too(workbook: Path) -> None:
    first, second = read(workbook, workbook.name), read_by_the_second_reader(workbook)
    assert second.sheets[0].layout["second_reader"]
    assert second.sheets[0].columns == first.sheets[0].columns
    rows = list(csv.reader(io.StringIO(exported(workbook, workbook.name, second).decode("utf-8-sig"))))
    assert [row[2:] for row in rows[1:]] == EXPECTED


def test_the_second_reader_sees_merged_cells(tmp_path: Path) -> None:
    path = tmp_path / "merged.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        sheet = made.add_worksheet("Leads")
        sheet.merge_range("A1:B1", "Person")
        sheet.merge_range("C1:D1", "Company")
        sheet.write_row(1, 0, ["First", "Last", "Name", "City"])
        sheet.write_row(2, 0, ["Anna", "Albers", "Albers GmbH", "Bonn"])
    names = ["Person First", "Person Last", "Company Name", "Company City"]
    assert headers(read(path, path.name).sheets[0]) == headers(read_by_the_second_reader(path).sheets[0]) == names


def test_an_opendocument_sheet_keeps_the_zeros_that_it_shows(tmp_path: Path) -> None:
    numbers = [("Anna", "1067", "01067"), ("Bruno", "99099", "99099"), ("Clara", "0.5", "00.50")]
    rows = [
        ods_row(name).replace(
            "</table:table-row>",
            f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{shown}</text:p>'
            "</table:table-cell></table:table-row>",
        )
        for name, value, shown in numbers
    ]
    path = tmp_path / "leads.ods"
    path.write_bytes(ods(ods_row("Name", "Zip") + "".join(rows)))
    exports = exported(path, "leads.ods", read(path, "leads.ods")).decode("utf-8-sig")
    assert [row[3] for row in csv.reader(io.StringIO(exports))] == ["Zip", "01067", "99099", "0.5"]


def test_an_opendocument_sheet_has_merged_cells_for_both_readers(tmp_path: Path) -> None:
    def group(text: str) -> str:
        attributes = 'office:value-type="string" table:number-columns-spanned="2" table:number-rows-spanned="1"'
        return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell><table:covered-table-cell/>"

    groups = f"<table:table-row>{group('Person')}{group('Company')}</table:table-row>"
    people = ods_row("First", "Last", "Name", "Zip") + ods_row("Anna", "Albers", "Albers GmbH", "1067")
    padded = '<table:table-cell office:value-type="float" office:value="1067"><text:p>01067</text:p></table:table-cell>'
    zeros = ods_row("Anna", "Albers", "Albers GmbH").replace("</table:table-row>", padded + "</table:table-row>")
    path = tmp_path / "leads.ods"
    for rows in (people, people + zeros):  # The second reader takes over where there are zeros to show.
        path.write_bytes(ods(groups + rows))
        (sheet,) = read(path, path.name).sheets
        assert headers(sheet) == ["Person First", "Person Last", "Company Name", "Company Zip"]
