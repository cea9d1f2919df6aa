"""What the parts of a workbook's archive hold, looked at as bytes before any spreadsheet reader sees them.

Counts what really unpacks, refuses XML that declares entities, rows and columns that no sheet has, and remembers
where formulas have no value. Runs in a child.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import ParseError

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import opendocument
from leads_pipeline.spreadsheets.archive import check_ratio, too_large
from leads_pipeline.spreadsheets.inspection import is_encrypted_package
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.openxml import sheet_names
from leads_pipeline.spreadsheets.rows import LISTED, too_many_cells, without_value
from leads_pipeline.spreadsheets.workbooks import protected
from leads_pipeline.types import Notice

_PIECE = 2**18
"""Small enough to stay in a processor's cache while it is looked at from several sides."""
_LONGEST_TAG = 1_024
_MAX_ROW, _MAX_COLUMN = 1_048_576, 16_384

_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']*)["']""")
_ENCODINGS = frozenset(
    {b"utf-8", b"utf8", b"utf-16", b"utf-16le", b"utf-16be", b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252"}
)
_OTHER_ENCODINGS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<", b"\x4c\x6f\xa7\x94")
"""UTF-32 and EBCDIC, which no workbook is written in."""
_IMPOSSIBLE = re.compile(rb'r="(?:([A-Z]{4}|[YZ][A-Z]{2}|X[G-Z][A-Z]|XF[E-Z])|[A-Z]{0,3}(\d{7,}))')
_IMPOSSIBLE_ROW = re.compile(rb'<row [^>]*?\br="(?:([A-Z])|(\d{7,}))')
_EVERY_CELL = 16 * 2**20
_REFERENCE = re.compile(rb'<c [^>]*?\br="([A-Z]{1,3}\d{1,7})"')
_NO_VALUE = (b"</f></c>", b"</f><v></v></c>", b"</f><v/></c>", b"</f><v /></c>")
_ODS_NO_VALUE = re.compile(
    rb':value-type="error"|<table:table-cell (?=[^>]*\btable:formula=)(?![^>]*\boffice:value-type=)'
)
"""Whether there is any; which ones, `opendocument` tells."""
_REPEATED = re.compile(rb'number-(rows|columns)-repeated="(\d+)"')


@dataclass(slots=True)
class _Cells:
    """Cells of one worksheet that need a word: how many, and where the first of them are."""

    size: int = 0
    errors: int = 0
    valueless: int = 0
    references: list[str] = field(default_factory=list[str])


def check(path: Path, kind: str, limits: Limits) -> list[Notice]:
    """Look at every part of the workbook. Returns notices; raises `FileRejected`."""
    if is_encrypted_package(path):
        raise protected()
    if kind == "xls":
        return []
    look = _Look(limits)
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(_to_its_end(info, limits)) as part:
                    look.at(info.filename.replace("\\", "/").lstrip("/"), look.counted(part, info))
            names = sheet_names(archive)
        if look.without_value and look.unpacked < _EVERY_CELL:
            look.count_in(opendocument.cells_without_value(path))
        elif look.without_value:
            look.notices.append(
                Notice("cells_without_value", "Cells without a value, such as errors, were left blank.")
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, ParseError, NotImplementedError, KeyError, ValueError):
        raise FileRejected("corrupt_file", "The workbook's archive is damaged. Save the file anew.") from None
    return look.notices + [
        without_value(cells.errors, cells.valueless, cells.references, names.get(part, part if kind == "ods" else None))
        for part, cells in look.sheets.items()
        if cells.errors or cells.valueless
    ]


def _to_its_end(info: zipfile.ZipInfo, limits: Limits) -> zipfile.ZipInfo:
    """The entry with a size that no honest one has, so that it is unpacked to its end whatever it claims to be."""
    entry = copy(info)
    entry.file_size = limits.max_unpacked_bytes + _PIECE
    return entry


@dataclass(slots=True)
class _Look:
    """What the parts that were looked at so far add up to."""

    limits: Limits
    notices: list[Notice] = field(default_factory=list[Notice])
    sheets: dict[str, _Cells] = field(default_factory=dict[str, _Cells])
    unpacked: int = 0
    values: int = 0
    without_value: bool = False

    def at(self, name: str, pieces: Iterator[bytes]) -> None:
        """Look at one part, piece by piece."""
        lowered = name.casefold()
        if lowered.endswith("vbaproject.bin"):
            self.notices.append(
                Notice("macros_ignored", "The workbook has macros. They were ignored; no macro is ever run.")
            )
        if not lowered.endswith((".xml", ".rels", ".vml")):
            for _ in pieces:
                pass
        elif lowered.endswith(".xml") and "worksheets/" in lowered:
            self.sheets[name] = self._worksheet(_checked_markup(pieces))
        else:
            end = b""
            for piece in _checked_markup(pieces):
                if lowered == "content.xml":
                    _check_repetitions(end + piece)
                    self.without_value = self.without_value or _ODS_NO_VALUE.search(end + piece) is not None
                elif lowered == "meta-inf/manifest.xml" and b"encryption-data" in end + piece:
                    raise protected()
                end = piece[-_LONGEST_TAG:]

    def count_in(self, found: Iterator[tuple[str, str, bool]]) -> None:
        """Note cells of an OpenDocument sheet: its name, a reference, whether it is an error."""
        for sheet, reference, error in found:
            cells = self.sheets.setdefault(sheet, _Cells())
            cells.errors += error
            cells.valueless += not error
            if len(cells.references) < LISTED:
                cells.references.append(reference)

    def counted(self, part: IO[bytes], claimed: zipfile.ZipInfo) -> Iterator[bytes]:
        """Unpack one part, holding what really comes against the limits."""
        size = 0
        while piece := part.read(_PIECE):
            size += len(piece)
            self.unpacked += len(piece)
            if self.unpacked > self.limits.max_unpacked_bytes:
                raise too_large(self.limits)
            check_ratio(size, claimed.compress_size, self.limits)
            yield piece
        if size > claimed.file_size:
            raise zipfile.BadZipFile("larger than it claims to be")

    def _worksheet(self, pieces: Iterator[bytes]) -> _Cells:
        cells, rest = _Cells(), b""
        for piece in pieces:
            both = rest + piece
            cut = both.rfind(b"</c>") + 4  # whole cells only, unless one is longer than a piece
            if cut < 4:
                cut = max(0, len(both) - 4096)
            cells.size += cut
            self.values += _look_at_cells(both[:cut], cells)
            rest = both[cut:]
            if self.values > self.limits.max_workbook_cells:
                raise too_many_cells(self.limits.max_workbook_cells)
        self.values += _look_at_cells(rest, cells)
        return cells


def _checked_markup(pieces: Iterator[bytes]) -> Iterator[bytes]:
    end: bytes | None = None
    for piece in pieces:
        if end is None:
            _check_prolog(piece)
            end = b""
        _check_declarations(end + piece)
        yield piece
        end = piece[-32:]


def _check_prolog(start: bytes) -> None:
    """XML that readers may take for one encoding and others for another is refused, whatever it holds."""
    if start[:3] == b"\xef\xbb\xbf":
        start = start[3:]
    if start[:4] in _OTHER_ENCODINGS:
        raise _forbidden()
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = start[2:].replace(b"\0", b"")
    elif start[:1] == b"\0" or start[1:2] == b"\0":
        start = start.replace(b"\0", b"")
    declared = _ENCODING.match(start[:400].lstrip())
    if declared and declared[1].strip().lower() not in _ENCODINGS:
        raise _forbidden()


def _check_declarations(piece: bytes) -> None:
    if b"!" not in piece:
        return
    if b"<!" in piece and any(mark in piece for mark in _FORBIDDEN):
        raise _forbidden()
    if b"\0!\0" in piece and any(mark in piece.replace(b"\0", b"") for mark in _FORBIDDEN):
        raise _forbidden()


def _forbidden() -> FileRejected:
    return FileRejected("xml_forbidden", "The workbook's XML declares entities or an odd encoding. Save the file anew.")


def _check_repetitions(piece: bytes) -> None:
    for what, count in _REPEATED.findall(piece):
        if int(count) > (_MAX_ROW if what == b"rows" else _MAX_COLUMN):
            raise FileRejected(
                "too_complex", "The workbook repeats a row or column more often than a sheet has room for."
            )


def _look_at_cells(piece: bytes, cells: _Cells) -> int:
    """Note what is odd about the cells in `piece`; returns how many have a value."""
    # Looking at every cell of a large sheet takes long; there, its rows must do, and the limit on computing time.
    for match in (_IMPOSSIBLE if cells.size < _EVERY_CELL else _IMPOSSIBLE_ROW).finditer(piece):
        if match[1] or int(match[2]) > _MAX_ROW:
            raise FileRejected(
                "corrupt_file", "A cell of the workbook stands where no sheet has one. Save the file anew."
            )
    for mark in (b' t="e"', *(_NO_VALUE if b"</f>" in piece else ())):
        found = piece.count(mark)
        if found:
            if mark in _NO_VALUE:
                cells.valueless += found
            else:
                cells.errors += found
            _note_references(piece, mark, cells)
    return piece.count(b"</v>") + piece.count(b"</is>")


def _note_references(piece: bytes, mark: bytes, cells: _Cells) -> None:
    position = -1
    while len(cells.references) < LISTED and (position := piece.find(mark, position + 1)) >= 0:
        cell = piece.rfind(b"<c ", 0, position + 1)
        reference = _REFERENCE.match(piece, cell) if cell >= 0 else None
        if reference:
            cells.references.append(reference[1].decode())
