"""Workbooks as tables: through the fast reader (calamine), or a second one for what the first does not understand.

The second reader is openpyxl for `.xlsx` and `.xlsm`, and `opendocument` for `.ods`; `.xls` and `.xlsb` have none.
All of them may meet files that end their process: nothing here is called outside of a child.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import python_calamine as calamine

from leads_pipeline.errors import FileRejected, LeadsError
from leads_pipeline.spreadsheets import binary, opendocument, openxml
from leads_pipeline.spreadsheets.cells import text_of
from leads_pipeline.spreadsheets.number_formats import Padding, shown_number, zero_format
from leads_pipeline.spreadsheets.rows import Row, Table, without_value
from leads_pipeline.types import Notice

SECOND_READER_KINDS = frozenset({"xlsx", "xlsm", "ods"})

_OPEN_XML = frozenset({"xlsx", "xlsm"})
_WITH_ESCAPES = frozenset({"xlsx", "xlsm", "xlsb"})


class Unreadable(Exception):
    """A reader gave up on the workbook; another one may do better. What it said may quote the file, and stays here."""


def open_workbook(path: Path, kind: str, *, second_reader: bool = False) -> tuple[list[Table], list[Notice]]:
    """The tables of a workbook, and notices about the file. Raises `FileRejected` and, also while rows are walked,
    `Unreadable`.
    """
    with _giving_up():
        if kind == "ods" and not second_reader:
            second_reader = opendocument.shows_leading_zeros(path)
    if not second_reader:
        return _open_with_calamine(path, kind)
    with _giving_up():
        if kind == "ods":
            tables, merged = opendocument.tables(path), opendocument.merged_areas(path)
            return [
                Table(name, _guarded(rows), {"sheet": i, "second_reader": True}, merged.get(name, ()))
                for i, (name, rows) in enumerate(tables)
            ], []
        return _open_with_openpyxl(path)


@contextmanager
def _giving_up() -> Generator[None]:
    """Whatever a reader raises means that it cannot read the file: they fail in as many ways as files are broken.

    A panic of a Rust library is no `Exception`, so nothing less than `BaseException` will do.
    """
    try:
        yield
    except (LeadsError, MemoryError, RecursionError, Unreadable, GeneratorExit):
        raise
    except calamine.PasswordError:
        raise protected() from None
    except BaseException as error:  # noqa: BLE001
        raise Unreadable(type(error).__name__) from None


def _guarded(rows: Iterator[Row]) -> Iterator[Row]:
    with _giving_up():
        yield from rows


def _open_with_calamine(path: Path, kind: str) -> tuple[list[Table], list[Notice]]:
    with _giving_up():
        workbook: Any = calamine.CalamineWorkbook.from_path(str(path))  # pyright: ignore[reportUnknownMemberType]
        metadata = workbook.sheets_metadata
        paddings = openxml.paddings(path) if kind in _OPEN_XML else {}
        remarks = binary.remarks(path, kind) if kind in binary.KINDS else {}
        merged = opendocument.merged_areas(path) if kind == "ods" else {}
    tables: list[Table] = []
    notices: list[Notice] = []
    for position, sheet in enumerate(metadata):
        if sheet.typ in (calamine.SheetTypeEnum.MacroSheet, calamine.SheetTypeEnum.Vba):
            notices.append(_skipped(sheet.name))
        elif sheet.typ == calamine.SheetTypeEnum.WorkSheet:
            table = Table(sheet.name, (), {"sheet": position}, escapes=kind in _WITH_ESCAPES)
            about = remarks.get(sheet.name) or binary.Remarks(
                padding=paddings.get(sheet.name) or Padding(), merged=merged.get(sheet.name, ())
            )
            table.rows = _calamine_rows(workbook, position, table, about)
            if sheet.visible != calamine.SheetVisibleEnum.Visible:
                table.notices.append(_hidden(sheet.name))
            if about.errors:
                table.notices.append(without_value(about.errors, 0, about.references, sheet.name))
            tables.append(table)
    return tables, notices


def _calamine_rows(workbook: Any, position: int, table: Table, about: binary.Remarks) -> Iterator[Row]:
    with _giving_up():
        sheet = workbook.get_sheet_by_index(position)
        if sheet.start is None:
            return
        table.merged = about.merged or tuple(
            (top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
        )
        rows = sheet.iter_rows()
    padded = bool(about.padding)
    for number, cells in enumerate(rows, 1):
        texts = [cell if cell.__class__ is str else text_of(cell) for cell in cells]
        if padded:
            about.padding.show(number, cells, texts)
        yield number, texts


def _open_with_openpyxl(path: Path) -> tuple[list[Table], list[Notice]]:
    # As a file, since openpyxl would judge a path by its suffix; it stays open for as long as rows are walked.
    workbook = openpyxl.load_workbook(path.open("rb"), read_only=True, data_only=True, keep_links=False)
    merged = openxml.merged_areas(path)
    tables: list[Table] = []
    notices: list[Notice] = []
    for position, sheet in enumerate(workbook.worksheets):
        if "macrosheets/" in str(getattr(sheet, "_worksheet_path", "")):
            notices.append(_skipped(sheet.title))
            continue
        sheet.reset_dimensions()
        table = Table(sheet.title, _guarded(_openpyxl_rows(sheet)), {"sheet": position, "second_reader": True})
        table.merged = merged.get(sheet.title, ())
        if sheet.sheet_state != "visible":
            table.notices.append(_hidden(sheet.title))
        tables.append(table)
    return tables, notices


def _openpyxl_rows(sheet: Any) -> Iterator[Row]:
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, ["" if cell.data_type == "e" else _openpyxl_text(cell) for cell in cells]


def _openpyxl_text(cell: Any) -> str:
    shown = zero_format(cell.number_format) if cell.data_type == "n" and cell.value is not None else None
    return (shown and shown_number(cell.value, shown)) or text_of(cell.value)


def protected() -> FileRejected:
    return FileRejected(
        "password_protected", "The file is protected by a password. Save it without one and send it again."
    )


def _skipped(name: str) -> Notice:
    return Notice("macro_sheet_skipped", "A sheet of macros was skipped; no macro is ever run.", name)


def _hidden(name: str) -> Notice:
    return Notice("hidden_sheet", "The sheet is hidden in the workbook; it was read all the same.", name)
