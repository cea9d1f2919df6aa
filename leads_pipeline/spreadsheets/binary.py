"""What a binary workbook (`.xls`, `.xlsb`) says that its reader does not pass on: which cells hold an error, which numbers
are shown with leading zeros, and, of `.xlsb`, which cells are merged.

Walking the records of a sheet takes about a second for a million cells, so it is done only where a look at the bytes says
that there may be something to find. Runs in a child.
"""

import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from leads_pipeline.spreadsheets import compound
from leads_pipeline.spreadsheets.number_formats import Padding, ZeroFormat, zero_format
from leads_pipeline.spreadsheets.rows import LISTED, Area, reference

KINDS = frozenset({"xls", "xlsb"})

Styles = dict[int, ZeroFormat]
"""The formats with leading zeros, by the number of the cell style that has them."""

_Record = tuple[int, int, int]
"""The kind of a record, where its contents begin, and where they end."""


@dataclass(slots=True)
class Remarks:
    """About one sheet. `errors` counts cells; `references` names the first of them (`B3`)."""

    errors: int = 0
    references: list[str] = field(default_factory=list[str])
    padding: Padding = field(default_factory=Padding)
    merged: tuple[Area, ...] = ()

    def note_error(self, row: int, column: int) -> None:
        """Both count from 0."""
        self.errors += 1
        if len(self.references) < LISTED:
            self.references.append(reference(row + 1, column))


def remarks(path: Path, kind: str) -> dict[str, Remarks]:
    """For each sheet, by its name. None for a damaged workbook: its reader says so, or gets by."""
    try:
        return dict(_of_xls(path) if kind == "xls" else _of_xlsb(path))
    except (compound.Damaged, struct.error, IndexError, KeyError, ParseError, zipfile.BadZipFile):
        return {}


# --- .xls: BIFF5 and BIFF8 -----------------------------------------------------------------------------------------

_FORMULA, _EOF, _FILE_PASSWORD, _BOUND_SHEET, _MANY_RK, _XF = 0x06, 0x0A, 0x2F, 0x85, 0xBD, 0xE0
_NUMBER, _BOOLEAN_OR_ERROR, _RK, _FORMAT, _BOF = 0x203, 0x205, 0x27E, 0x41E, 0x809
_BIFF8 = 0x600
_IS_ERROR = 2
_XLS_ERROR = re.compile(rb"\x05\x02\x08\x00.{7}\x01|\x06\x00.{8}\x02.{5}\xff\xff", re.DOTALL)
"""What a cell with an error, or a formula that came to one, looks like; other bytes may, too."""


def _of_xls(path: Path) -> Iterator[tuple[str, Remarks]]:
    book = compound.stream(path.read_bytes(), "Workbook", "Book")
    sheets, styles = _globals(book)
    if styles or _XLS_ERROR.search(book):
        for name, start in sheets:
            yield name, _xls_sheet(book, start, styles)


def _records(book: bytes, at: int) -> Iterator[_Record]:
    """Records up to the end of the part that begins at `at`; parts within it are skipped."""
    depth = 0
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<2H", book, at)
        at += 4
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, at, at + length
        at += length


def _globals(book: bytes) -> tuple[list[tuple[str, int]], Styles]:
    """The sheets by name and place, and the styles."""
    sheets: list[tuple[str, int]] = []
    formats: dict[int, ZeroFormat] = {}
    styles, style = Styles(), 0
    wide = struct.unpack_from("<H", book, 4)[0] == _BIFF8
    for kind, at, end in _records(book, 0):
        if kind == _FILE_PASSWORD:
            raise compound.Damaged
        if kind == _BOUND_SHEET:
            sheets.append((_text(book, at + 6, end, wide=wide), struct.unpack_from("<I", book, at)[0]))
        elif kind == _FORMAT:
            code = _text(book, at + (3 if wide else 2), end, wide=wide)
            if (shown := zero_format(code)) is not None:
                formats[struct.unpack_from("<H", book, at)[0]] = shown
        elif kind == _XF:
            number = struct.unpack_from("<H", book, at + 2)[0]
            if number in formats:
                styles[style] = formats[number]
            style += 1
    return sheets, styles


def _text(book: bytes, length_at: int, end: int, *, wide: bool) -> str:
    """A text with its length (one byte is enough) in front, and in BIFF8 with a flag that says how it is written."""
    at = length_at + 1
    if not wide:
        return book[at:end].decode("cp1252", "replace")
    return book[at + 1 : end].decode("utf-16-le" if book[at] & 1 else "latin-1", "replace")


def _xls_sheet(book: bytes, start: int, styles: Styles) -> Remarks:
    found = Remarks()
    for kind, at, end in _records(book, start):
        for row, column, style in _xls_cells(book, kind, at, end):
            if style is None:
                found.note_error(row, column)
            elif style in styles:
                found.padding.note(row + 1, column, styles[style])
    return found


def _xls_cells(book: bytes, kind: int, at: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """Row, column and style of the numbers in a record; of an error, no style."""
    if kind in (_NUMBER, _RK):
        yield struct.unpack_from("<3H", book, at)
    elif kind == _MANY_RK:
        row, first = struct.unpack_from("<2H", book, at)
        for column, place in enumerate(range(at + 4, end - 2, 6), first):
            yield row, column, struct.unpack_from("<H", book, place)[0]
    elif kind == _FORMULA:
        row, column, style = struct.unpack_from("<3H", book, at)
        if book[at + 12 : at + 14] != b"\xff\xff":
            yield row, column, style
        elif book[at + 6] == _IS_ERROR:
            yield row, column, None
    elif kind == _BOOLEAN_OR_ERROR and book[at + 7]:
        yield *struct.unpack_from("<2H", book, at), None


# --- .xlsb: BIFF12 -------------------------------------------------------------------------------------------------

_ROW, _CELL_RK, _CELL_ERROR, _CELL_REAL, _FORMULA_NUMBER, _FORMULA_ERROR = 0, 2, 3, 5, 9, 11
_WIDE_FORMAT, _WIDE_XF, _BUNDLE_SHEET, _CELL_STYLES, _CELL_STYLES_END = 44, 47, 156, 617, 618
_XLSB_ERROR = re.compile(rb"\x03\x09.{8}[\0\x07\x0f\x17\x1d\x24\x2a\x2b]|\x0b[\x0f-\xff]", re.DOTALL)
_MERGED = re.compile(rb"\xb1\x01\x04.{4}((?:\xb0\x01\x10.{16})+)", re.DOTALL)
_MERGED_BYTES = 19
_MOST_MERGED = 10_000


def _of_xlsb(path: Path) -> Iterator[tuple[str, Remarks]]:
    with zipfile.ZipFile(path) as archive:
        relations = fromstring(archive.read("xl/_rels/workbook.bin.rels"))
        targets = {each.get("Id"): each.get("Target", "") for each in relations}
        styles = _wide_styles(archive.read("xl/styles.bin")) if "xl/styles.bin" in archive.namelist() else Styles()
        book = archive.read("xl/workbook.bin")
        for kind, at, _ in _wide_records(book):
            if kind == _BUNDLE_SHEET:
                relation, end = _wide_text(book, at + 8)
                target = targets.get(relation, "")
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                if part in archive.namelist():
                    yield _wide_text(book, end)[0], _xlsb_sheet(archive.read(part), styles)


def _wide_records(part: bytes) -> Iterator[_Record]:
    at = 0
    while at < len(part):
        kind, at = _number(part, at, most=2)
        length, at = _number(part, at, most=4)
        yield kind, at, at + length
        at += length


def _number(part: bytes, at: int, *, most: int) -> tuple[int, int]:
    """A number in up to `most` bytes of 7 bits each, the lowest first, and where it ends."""
    number = 0
    for place in range(most):
        number |= (part[at + place] & 0x7F) << 7 * place
        if part[at + place] < 0x80:
            return number, at + place + 1
    return number, at + most


def _wide_text(part: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", part, at)
    end = at + 4 + (2 * length if length != 0xFFFFFFFF else 0)
    return part[at + 4 : end].decode("utf-16-le", "replace"), end


def _wide_styles(part: bytes) -> Styles:
    formats: dict[int, ZeroFormat] = {}
    styles, style, of_cells = Styles(), 0, False
    for kind, at, _ in _wide_records(part):
        if kind == _WIDE_FORMAT:
            shown = zero_format(_wide_text(part, at + 2)[0])
            if shown is not None:
                formats[struct.unpack_from("<H", part, at)[0]] = shown
        elif kind in (_CELL_STYLES, _CELL_STYLES_END):
            of_cells = kind == _CELL_STYLES
        elif kind == _WIDE_XF and of_cells:
            number = struct.unpack_from("<H", part, at + 2)[0]
            if number in formats:
                styles[style] = formats[number]
            style += 1
    return styles


def _xlsb_sheet(part: bytes, styles: Styles) -> Remarks:
    found = Remarks(merged=tuple(_areas(part)))
    if not styles and _XLSB_ERROR.search(part) is None:
        return found
    row = 0
    for kind, at, _ in _wide_records(part):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", part, at)
        elif kind in (_CELL_RK, _CELL_REAL, _FORMULA_NUMBER):
            column, style = struct.unpack_from("<2I", part, at)
            if style & 0xFFFFFF in styles:
                found.padding.note(row + 1, column, styles[style & 0xFFFFFF])
        elif kind in (_CELL_ERROR, _FORMULA_ERROR):
            found.note_error(row, struct.unpack_from("<I", part, at)[0])
    return found


def _areas(part: bytes) -> Iterator[Area]:
    match = _MERGED.search(part)
    if match:
        for at in range(0, min(len(match[1]), _MOST_MERGED * _MERGED_BYTES), _MERGED_BYTES):
            top, bottom, left, right = struct.unpack_from("<4I", match[1], at + 3)
            yield top + 1, left, bottom + 1, right
