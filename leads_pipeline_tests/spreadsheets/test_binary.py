"""Binary workbooks: zeros that a format shows, errors, merged cells."""

import csv
import io
import struct
from pathlib import Path
from typing import Any

import pytest
import xlwt

from leads_pipeline.spreadsheets import compound, read
from leads_pipeline.types import Workbook
from leads_pipeline_tests.spreadsheets.conftest import ReadBytes, exported, headers
from leads_pipeline_tests.spreadsheets.hostile import xlsb, xlsb_row


def an_xls(*, rows: int = 3) -> bytes:
    """Three people whose numbers are shown with zeros, in cells of all the kinds that Excel writes, then others."""
    book: Any = xlwt.Workbook()
    book.add_sheet("Empty")
    sheet = book.add_sheet("Leads")
    zips, phones, plain = (xlwt.easyxf(num_format_str=code) for code in ("00000", "0#########", "General"))
    for column, header in enumerate(["Name", "Zip", "Phone", "Score"]):
        sheet.write(0, column, header)
    for row in range(1, rows + 1):
        sheet.write(row, 0, ["Anna", "Bruno", "Clara"][row % 3 - 1])
        sheet.write(row, 1, 1067 + row, zips)
        sheet.write(row, 2, 301234567.0 if row % 2 else 99301234567, phones)
        if row != 2:
            sheet.write(row, 3, 7, plain)
    sheet.row(2).set_cell_error(3, "#REF!")
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


AN_XLSB = xlsb(
    xlsb_row(0, "Name", "Zip", "Score")
    + xlsb_row(1, "Anna", 1067.0, 7.0, style=1)
    + xlsb_row(2, "Bruno", 99099.0, None, style=1)
    + xlsb_row(3, "Clara", 8.5, 1.0, style=1),
    formats={170: "00000"},
)


def rows_of(tmp_path: Path, content: bytes, name: str) -> tuple[Workbook, list[list[str]]]:
    path = tmp_path / "file"
    path.write_bytes(content)
    workbook = read(path, name)
    return workbook, list(csv.reader(io.StringIO(exported(path, name, workbook).decode("utf-8-sig"))))


@pytest.mark.parametrize("rows", [3, 6_000])
def test_an_xls_keeps_the_zeros_that_it_shows(tmp_path: Path, rows: int) -> None:
    _, table = rows_of(tmp_path, an_xls(rows=rows), "leads.xls")
    assert [row[3:5] for row in table[1:4]] == [
        ["01068", "0301234567"],
        ["01069", "99301234567"],
        ["01070", "0301234567"],
    ]
    assert table[-1][3] == f"{1067 + rows:05}"


def test_an_xlsb_keeps_the_zeros_that_it_shows(tmp_path: Path) -> None:
    _, table = rows_of(tmp_path, AN_XLSB, "leads.xlsb")
    assert [row[3] for row in table[1:]] == ["01067", "99099", "8.5"]


@pytest.mark.parametrize(("content", "name", "cell"), [(an_xls(), "leads.xls", "D3"), (AN_XLSB, "leads.xlsb", "C3")])
def test_an_error_is_blank_and_said(read_bytes: ReadBytes, content: bytes, name: str, cell: str) -> None:
    (sheet,) = read_bytes(content, name).sheets
    assert sheet.columns[-1].profile.filled == 2
    (notice,) = [notice for notice in sheet.notices if notice.code == "cells_without_value"]
    assert notice.detail == f"1 cell holds an error and was left blank: {cell}."


def test_merged_cells_of_an_xlsb_belong_to_all_their_columns(read_bytes: ReadBytes) -> None:
    content = xlsb(
        xlsb_row(0, "Person", "", "Company", "")
        + xlsb_row(1, "First", "Last", "Name", "City")
        + xlsb_row(2, "Anna", "Albers", "Albers GmbH", "Bonn"),
        merged=[(0, 0, 0, 1), (0, 0, 2, 3)],
    )
    (sheet,) = read_bytes(content, "leads.xlsb").sheets
    assert headers(sheet) == ["Person First", "Person Last", "Company Name", "Company City"]


def test_a_chain_without_end_is_damage() -> None:
    content = bytearray(an_xls())
    (table,) = struct.unpack_from("<I", content, 76)
    for number in range(128):
        struct.pack_into("<I", content, (table + 1) * 512 + 4 * number, number)
    with pytest.raises(compound.Damaged):
        compound.stream(bytes(content), "Workbook")


@pytest.mark.parametrize("length", [0, 40, 600, 3000])
def test_a_compound_file_that_is_cut_off_is_damage(length: int) -> None:
    with pytest.raises(compound.Damaged):
        compound.stream(an_xls()[:length], "Workbook")
