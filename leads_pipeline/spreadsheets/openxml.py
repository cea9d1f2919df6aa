"""What an Office Open XML workbook says that its readers do not pass on: names of parts, merged areas, number formats.

For packages that `parts` has checked. Looks at bytes, and parses no more than small parts.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from defusedxml.ElementTree import fromstring

from leads_pipeline.spreadsheets.number_formats import Padding, ZeroFormat, zero_format_in_xml
from leads_pipeline.spreadsheets.rows import Area

_PIECE = 2**18
_NUMBER_FORMAT = re.compile(rb"<(?:\w+:)?numFmt [^>]*>")
_ATTRIBUTE = re.compile(r"""\b(numFmtId|formatCode)=(?:"([^"]*)"|'([^']*)')""")
_MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MOST_MERGED = 10_000


def sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """The names of the sheets by the names of their parts, where the workbook has its usual shape."""
    try:
        workbook = fromstring(archive.read("xl/workbook.xml"))
        relations = fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return {}
    targets = {each.get("Id"): each.get("Target", "") for each in relations}
    names: dict[str, str] = {}
    for element in workbook.iter():
        if element.tag.endswith("}sheet"):
            ids = [value for key, value in element.attrib.items() if key.endswith("}id")]
            target = targets.get(ids[0], "") if ids else ""
            names[target.lstrip("/") if target.startswith("/") else f"xl/{target}"] = element.get("name", "")
    return names


def paddings(path: Path) -> dict[str, Padding]:
    """For each sheet, by its name, the cells whose numbers are shown with leading zeros. Sheets without are left out."""
    found: dict[str, Padding] = {}
    with zipfile.ZipFile(path) as archive:
        styles = _zero_styles(archive)
        if styles:
            for part, name in sheet_names(archive).items():
                if part in archive.namelist() and (padding := _padding(archive, part, styles)):
                    found[name] = padding
    return found


def merged_areas(path: Path) -> dict[str, tuple[Area, ...]]:
    """For each sheet, by its name, its merged areas."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: tuple(_areas(archive, part))
            for part, name in sheet_names(archive).items()
            if part in archive.namelist()
        }


def _zero_styles(archive: zipfile.ZipFile) -> dict[bytes, ZeroFormat]:
    """The formats of the cells' styles, by the number that a cell names its style by."""
    try:
        markup = archive.read("xl/styles.xml")
    except KeyError:
        return {}
    formats: dict[str, ZeroFormat] = {}
    for element in _NUMBER_FORMAT.findall(markup):
        members = {name: one or other for name, one, other in _ATTRIBUTE.findall(element.decode("utf-8", "replace"))}
        shown = zero_format_in_xml(members.get("formatCode", ""))
        if shown is not None:
            formats[members.get("numFmtId", "")] = shown
    if not formats:
        return {}
    of_cells = next((each for each in fromstring(markup).iter() if each.tag.endswith("}cellXfs")), ())
    ids = [each.get("numFmtId", "") for each in of_cells]
    return {str(index).encode(): formats[each] for index, each in enumerate(ids) if each in formats}


def _padding(archive: zipfile.ZipFile, part: str, styles: dict[bytes, ZeroFormat]) -> Padding:
    cell = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})" s="(%b)"' % b"|".join(styles))
    padding, columns = Padding(), dict[bytes, int]()
    for piece in _pieces(archive, part):
        for letters, row, style in cell.findall(piece):
            if letters not in columns:
                columns[letters] = _column(letters)
            padding.note(int(row), columns[letters], styles[style])
    return padding


def _areas(archive: zipfile.ZipFile, part: str) -> Iterator[Area]:
    count = 0
    for piece in _pieces(archive, part):
        if b"<mergeCell " in piece:
            for left, top, right, bottom in _MERGED.findall(piece):
                count += 1
                if count > _MOST_MERGED:
                    return
                yield int(top), _column(left), int(bottom), _column(right)


def _pieces(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A part in pieces that end where an element does, unless one is longer than a piece."""
    rest = b""
    with archive.open(part) as file:
        while piece := file.read(_PIECE):
            both = rest + piece
            cut = both.rfind(b">") + 1 or len(both)
            yield both[:cut]
            rest = both[cut:]
    yield rest


def _column(letters: bytes) -> int:
    """A is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
