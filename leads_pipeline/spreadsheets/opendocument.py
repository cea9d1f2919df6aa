"""The second reader of `.ods`: `content.xml` as a stream of events, repeated rows and cells written out with care."""

import itertools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from leads_pipeline.spreadsheets.cells import text_of
from leads_pipeline.spreadsheets.rows import Area, Row, reference

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")


_ZEROS = re.compile(rb'office:value="(\d{1,15})"[^>]*><text:p>(0[0-9 ()-]+)</text:p>')
_SHOWN = re.compile(r"0[0-9 ()-]+")
_SPANNED = re.compile(rb'number-(?:columns|rows)-spanned="(?!1")')
_ROWS_WITH_SPANS = 20_000
_PIECE = 2**18
_LONGEST_CELL = 1_000


def shows_leading_zeros(path: Path) -> bool:
    """Whether a number is shown with zeros that only its format has, which the first reader does not tell of."""
    end = b""
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        while piece := content.read(_PIECE):
            both = end + piece
            if b"<text:p>0" in both and any(_is_padded(*found) for found in _ZEROS.findall(both)):
                return True
            end = both[-_LONGEST_CELL:]
    return False


def _is_padded(number: bytes | str, shown: bytes | str) -> bool:
    figures = "".join(filter(str.isdecimal, shown.decode() if isinstance(shown, bytes) else shown))
    return len(figures) > 1 and int(figures) == int(number) and len(figures) > len(str(int(number)))


def tables(path: Path) -> list[tuple[str, Iterator[Row]]]:
    """The names of the sheets, each with its rows. The file is read through once for each sheet that is walked."""
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        names = [element.get(f"{_TABLE}name", "") for _, element in _events(content) if element.tag == f"{_TABLE}table"]
    return [(name, _rows(path, position)) for position, name in enumerate(names)]


def merged_areas(path: Path) -> dict[str, tuple[Area, ...]]:
    """For each sheet, by its name, its merged areas, those of the first rows of the file: headers are what they matter for."""
    found: dict[str, list[Area]] = {}
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        if not _has_spans(content):
            return {}
    sheet, number, left = "", 1, _ROWS_WITH_SPANS
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        for _, element in _events(content):
            if element.tag == f"{_TABLE}table":
                sheet, number = element.get(f"{_TABLE}name", ""), 1
                continue
            found.setdefault(sheet, []).extend(_areas(element, number))
            number += int(element.get(f"{_TABLE}number-rows-repeated", "1"))
            left -= 1
            if not left:
                break
    return {name: tuple(areas) for name, areas in found.items()}


def _has_spans(content: IO[bytes]) -> bool:
    end = b""
    while piece := content.read(_PIECE):
        if _SPANNED.search(end + piece):
            return True
        end = piece[-_LONGEST_CELL:]
    return False


def _areas(row: ET.Element, number: int) -> Iterator[Area]:
    column = 0
    for cell in row:
        if cell.tag in _CELLS:
            wide = int(cell.get(f"{_TABLE}number-columns-spanned", "1"))
            high = int(cell.get(f"{_TABLE}number-rows-spanned", "1"))
            if wide > 1 or high > 1:
                yield number, column, number + high - 1, column + wide - 1
            column += int(cell.get(f"{_TABLE}number-columns-repeated", "1"))


def cells_without_value(path: Path) -> Iterator[tuple[str, str, bool]]:
    """The cells that hold an error or a formula without a stored value: sheet, reference (`B3`), whether it is an error.

    Repeated rows and cells count once. The file is read through.
    """
    sheet, number = "", 1
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        for _, element in _events(content):
            if element.tag == f"{_TABLE}table":
                sheet, number = element.get(f"{_TABLE}name", ""), 1
                continue
            column = 0
            for cell in element:
                if cell.tag not in _CELLS:
                    continue
                error = _is_error(cell)
                if error or (cell.get(f"{_TABLE}formula") is not None and cell.get(f"{_OFFICE}value-type") is None):
                    yield sheet, reference(number, column), error
                column += int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            number += int(element.get(f"{_TABLE}number-rows-repeated", "1"))


def _is_error(cell: ET.Element) -> bool:
    return cell.get(f"{_CALC}value-type") == "error"


def _events(content: IO[bytes]) -> Iterator[tuple[str, ET.Element]]:
    for event, element in ET.iterparse(content, events=("start", "end")):  # noqa: S314
        if event == "end":
            if element.tag == f"{_TABLE}table-row":
                yield event, element
                element.clear()
        elif element.tag == f"{_TABLE}table":
            yield event, element


def _rows(path: Path, wanted: int) -> Iterator[Row]:
    number, table = 1, -1
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        for _, element in _events(content):
            if element.tag == f"{_TABLE}table":
                table += 1
                if table > wanted:
                    return
            elif table == wanted:
                repeated = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
                cells = _cells(element)
                if cells:
                    for offset in range(repeated):
                        yield number + offset, list(cells)
                number += repeated


def _cells(row: ET.Element) -> list[str]:
    cells: list[str] = []
    blanks = 0
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        text = _text(cell)
        if text:
            cells += itertools.repeat("", blanks)
            cells += itertools.repeat(text, repeated)
            blanks = 0
        else:
            blanks += repeated
    return cells


def _text(cell: ET.Element) -> str:
    if _is_error(cell):
        return ""
    kind = cell.get(f"{_OFFICE}value-type")
    if kind == "date":
        moment = cell.get(f"{_OFFICE}date-value", "").partition(".")[0].replace("T", " ")
        return moment.removesuffix(" 00:00:00")
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value", "").upper()
    shown = "\n".join(_paragraph(each) for each in cell if each.tag == f"{_TEXT}p")
    if kind in ("float", "currency", "percentage"):
        number = text_of(float(cell.get(f"{_OFFICE}value", "nan")))
        return shown if _SHOWN.fullmatch(shown) and number.isdecimal() and _is_padded(number, shown) else number
    return shown


def _paragraph(element: ET.Element) -> str:
    pieces = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            pieces.append(" " * min(int(child.get(f"{_TEXT}c", "1")), 1_000))
        elif child.tag == f"{_TEXT}tab":
            pieces.append("\t")
        elif child.tag == f"{_TEXT}line-break":
            pieces.append("\n")
        elif child.tag != f"{_OFFICE}annotation":
            pieces.append(_paragraph(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
