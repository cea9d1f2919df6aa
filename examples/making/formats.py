"""Writing a grid of cells as a CSV, XLSX, XLS or ODS file, the same bytes each time.

What stands in the grids belongs to `english` and `elsewhere`. Workbooks keep numbers, dates and formulas as such.
"""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

import xlsxwriter
import xlwt
from odf import number, style, table, text
from odf.element import Element
from odf.opendocument import OpenDocumentSpreadsheet


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula with the value that the program which saved the file had computed."""

    text: str
    value: int


Cell = str | int | float | date | datetime | Formula | None


@dataclass(slots=True)
class Grid:
    """A sheet as a person sees it: its cells, and merged ranges as (first row, first column, last row, last column)."""

    name: str
    rows: list[list[Cell]] = field(default_factory=list[list[Cell]])
    merged: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])


def write_text(path: Path, grid: Grid, *, delimiter: str, encoding: str, line_end: str = "\r\n") -> None:
    """A text table. Formulas are written as their value, as every program does that exports one."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([["" if cell is None else str(_value(cell)) for cell in row] for row in grid.rows])
    path.write_bytes(out.getvalue().encode(encoding))


def write_xlsx(path: Path, grids: Sequence[Grid]) -> None:
    """A workbook as a program with styles and merged cells writes it."""
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": datetime(2026, 9, 14, 9, 30)})  # noqa: DTZ001 (workbooks know no time zones)
        bold = book.add_format({"bold": True})
        day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "m/d/yy h:mm"})
        for grid in grids:
            sheet = book.add_worksheet(grid.name)
            for r, row in enumerate(grid.rows):
                for c, cell in enumerate(row):
                    if isinstance(cell, Formula):
                        sheet.write_formula(r, c, cell.text, value=cell.value)
                    elif isinstance(cell, datetime):
                        sheet.write_datetime(r, c, cell, moment)
                    elif isinstance(cell, date):
                        sheet.write_datetime(r, c, datetime.combine(cell, time()), day)
                    elif isinstance(cell, str):
                        sheet.write_string(r, c, cell)
                    elif cell is not None:
                        sheet.write_number(r, c, cell)
            for top, left, bottom, right in grid.merged:
                sheet.merge_range(top, left, bottom, right, str(grid.rows[top][left]), bold)


def write_xls(path: Path, grid: Grid) -> None:
    """A workbook of the format before 2007."""
    book = xlwt.Workbook(encoding="cp1252")
    sheet = book.add_sheet(grid.name)
    day = xlwt.easyxf(num_format_str="D/M/YYYY")
    for r, row in enumerate(grid.rows):
        for c, cell in enumerate(row):
            value = _value(cell)
            if isinstance(value, date):
                sheet.write(r, c, value, day)
            elif value is not None:
                sheet.write(r, c, value)
    book.save(str(path))


def write_ods(path: Path, grid: Grid) -> None:
    """An OpenDocument spreadsheet."""
    document = OpenDocumentSpreadsheet()
    pattern = number.DateStyle(name="day")
    for part in (number.Year(style="long"), number.Text(text="-"), number.Month(style="long"), number.Text(text="-")):
        pattern.addElement(part)
    pattern.addElement(number.Day(style="long"))
    document.automaticstyles.addElement(pattern)
    dated = style.Style(name="dated", family="table-cell", datastylename="day")
    document.automaticstyles.addElement(dated)
    sheet = table.Table(name=grid.name)
    for row in grid.rows:
        line = table.TableRow()
        for cell in row:
            line.addElement(_ods_cell(_value(cell), dated))
        sheet.addElement(line)
    document.body.childNodes[0].addElement(sheet)
    packed = io.BytesIO()
    document.write(packed)
    path.write_bytes(_without_clock(packed.getvalue()))


def _ods_cell(value: str | float | date | None, dated: Element) -> Element:
    if value is None:
        return table.TableCell()
    if isinstance(value, date):
        cell = table.TableCell(valuetype="date", datevalue=value.isoformat(), stylename=dated)
    elif isinstance(value, str):
        cell = table.TableCell(valuetype="string")
    else:
        cell = table.TableCell(valuetype="float", value=value)
    cell.addElement(text.P(text=str(value)))
    return cell


def _value(cell: Cell) -> str | float | date | None:
    return cell.value if isinstance(cell, Formula) else cell


def _without_clock(packed: bytes) -> bytes:
    """The same archive with every entry dated 1980, so that the file does not change with the clock."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), kind)
    return out.getvalue()
