"""Leads out: the rows that were read, in the columns that were asked for, harmless to open."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from leads_pipeline.errors import ExportTooLarge
from leads_pipeline.spreadsheets import ExportPlan, Limits, SheetPlan, export, read
from leads_pipeline.types import Sheet
from leads_pipeline_tests.spreadsheets.conftest import exported

LEADS = (
    "Kundenliste\r\n\r\nId;Vorname;Nachname;Telefon;Telefon 2;Notiz\r\n"
    "007;Jürgen;Müller;+49 221 5550101;;=cmd|' /C calc'!A0\r\n"
    "\r\n"
    "008;Bärbel;Groß;0221 5550102;0221 5550103;-2+3\r\n"
    "Summe;2;;;;\r\n"
).encode("cp1252")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(LEADS)
    return path


def plan_for(sheet: Sheet) -> ExportPlan:
    sources = {"ExternalId": (0,), "FullName": (1, 2), "Phone": (3, 4), "Description": (5,)}
    return ExportPlan((SheetPlan(sheet, sources),), ("ExternalId", "FullName", "Phone", "Description", "City"))


EXPECTED = [
    ["_sheet", "_row", "ExternalId", "FullName", "Phone", "Description", "City"],
    ["kunden", "4", "007", "Jürgen; Müller", "+49 221 5550101", "'=cmd|' /C calc'!A0", ""],
    ["kunden", "6", "008", "Bärbel; Groß", "0221 5550102; 0221 5550103", "'-2+3", ""],
]


def test_csv_is_what_excel_opens_right(path: Path) -> None:
    (sheet,) = read(path, "kunden.csv").sheets
    content = b"".join(export(path, "kunden.csv", plan_for(sheet), "csv"))
    assert content.startswith(b"\xef\xbb\xbf_sheet,_row,")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) == EXPECTED
    assert content.count(b"\r\n") == 3


def test_xlsx_holds_texts_alone(path: Path) -> None:
    (sheet,) = read(path, "kunden.csv").sheets
    content = b"".join(export(path, "kunden.csv", plan_for(sheet), "xlsx"))
    rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
    assert [[cell or "" for cell in row] for row in rows] == EXPECTED


def test_parquet_holds_the_text_as_it_is(path: Path) -> None:
    (sheet,) = read(path, "kunden.csv").sheets
    table = pq.read_table(io.BytesIO(b"".join(export(path, "kunden.csv", plan_for(sheet), "parquet"))))
    assert {str(field.type) for field in table.schema} == {"string"}
    assert table.column("Description").to_pylist() == ["=cmd|' /C calc'!A0", "-2+3"]
    assert table.column("City").to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("cell", "harmless"),
    [
        ("=1+1", False),
        ("@SUM(A1)", False),
        ("+cmd|' /C calc'!A0", False),
        ("-2+3", False),
        ("  =1+1", False),
        ("\u00a0=1+1", False),
        ("\t=1+1", False),
        ("\n=1+1", False),
        ("＝1+1", False),
        ("＠SUM", False),
        ("-", False),
        ("+49 30 5550101", True),
        ("+1 (212) 555-0142", True),
        ("+1-212-555-0142 ext. 5", True),
        ("-12.50", True),
        ("-1.234,50", True),
        ("+5 %", True),
        ("-1e-5", True),
        ("a=b", True),
        ("jane@x.example", True),
        ("'=1", True),
        ("00123", True),
    ],
)
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_would_be_formulas_are_neutralised(tmp_path: Path, cell: str, harmless: bool, file_format: str) -> None:
    path = tmp_path / "file"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["Name", "Email", "Note"], ["Anna", "anna@x.example", cell]])
    path.write_bytes(text.getvalue().encode())
    content = exported(path, "leads.csv", read(path, "leads.csv"), file_format)
    if file_format == "csv":
        found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1][4]
    else:
        found = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]["E2"].value
    assert found == (cell if harmless else "'" + cell)


def test_sheets_become_one_table(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with xlsxwriter.Workbook(str(path)) as workbook:
        for name, header in (("Hall 1", ["Name", "Email"]), ("Hall 2", ["Email", "Full name"])):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(2, 1, header)
            sheet.write_row(3, 1, [f"{name} a", f"{name} b"])
    first, second = read(path, "leads.xlsx").sheets
    plan = ExportPlan(
        (SheetPlan(first, {"Name": (0,), "Email": (1,)}), SheetPlan(second, {"Email": (0,), "Name": (1,)})),
        ("Name", "Email"),
    )
    rows = list(csv.reader(io.StringIO(b"".join(export(path, "leads.xlsx", plan, "csv")).decode("utf-8-sig"))))
    assert rows[1:] == [["Hall 1", "4", "Hall 1 a", "Hall 1 b"], ["Hall 2", "4", "Hall 2 b", "Hall 2 a"]]


def test_numbers_dates_and_booleans_are_written_as_a_person_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as workbook:
        sheet = workbook.add_worksheet()
        moment = workbook.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        sheet.write_row(0, 0, ["Phone", "Amount", "Tiny", "Signed", "Called", "Active", "Id"])
        sheet.write_row(1, 0, [4930901820, 0.1, 1e-10])
        sheet.write_number(1, 3, 45_000, workbook.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write_number(1, 4, 45_000.6875, moment)
        sheet.write_boolean(1, 5, True)
        sheet.write_string(1, 6, "00042")
    content = exported(path, "leads.xlsx", read(path, "leads.xlsx")).decode("utf-8-sig")
    assert content.splitlines()[1].split(",")[2:] == [
        "4930901820", "0.1", "0.0000000001", "2023-03-15", "2023-03-15 16:30:00", "TRUE", "00042"
    ]  # fmt: skip


def test_dates_of_1904_are_right(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with xlsxwriter.Workbook(str(path), {"date_1904": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["Name", "Signed"])
        sheet.write_string(1, 0, "Anna")
        sheet.write_number(1, 1, 43_538, workbook.add_format({"num_format": "yyyy-mm-dd"}))
    assert b"Anna,2023-03-15" in exported(path, "leads.xlsx", read(path, "leads.xlsx"))


def test_more_leads_than_xlsx_takes_are_refused_at_once(path: Path) -> None:
    (sheet,) = read(path, "kunden.csv").sheets
    large = Sheet(sheet.index, sheet.name, sheet.header_row, sheet.columns, rows=100_001, layout=sheet.layout)
    with pytest.raises(ExportTooLarge) as caught:
        export(path, "kunden.csv", plan_for(large), "xlsx")
    assert (caught.value.code, caught.value.status) == ("too_many_rows_for_xlsx", 422)


def test_an_export_streams_and_may_be_left_early(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Name,Email\n" + "".join(f"Person {n},person{n}@x.example\n" for n in range(60_000)))
    workbook = read(path, "leads.csv", Limits())
    pieces: Iterator[bytes] = export(
        path, "leads.csv", ExportPlan((SheetPlan(workbook.sheets[0], {"Name": (0,)}),), ("Name",)), "csv"
    )
    first = list(itertools.islice(pieces, 2))
    assert all(len(piece) < 2**20 for piece in first)
    pieces.close()  # pyright: ignore[reportAttributeAccessIssue] - the iterator is a generator
    assert sum(map(len, exported(path, "leads.csv", workbook).splitlines())) > 2_000_000
