"""Whether a file holds a certain person, wherever in it: looked for in a child, in every cell and in the bytes around them.

What comes out says yes or no, in how many rows, and which of the texts that it was asked about (headers, names of sheets)
tell of the person as well; no cell leaves the child.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import delimited, workbooks
from leads_pipeline.spreadsheets import value_words as public
from leads_pipeline.spreadsheets.encodings import find_encoding
from leads_pipeline.spreadsheets.identifiers import Person
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.recognise import WORD, closed_world, is_everyday
from leads_pipeline.spreadsheets.rows import Budget, Row, Table
from leads_pipeline.spreadsheets.surrogate_words import MORE_GIVEN_NAMES

ARCHIVES = frozenset({"xlsx", "xlsm", "xlsb", "ods"})
PARQUET = "parquet"

_CHUNK_ROWS = 2_000
_BLOCK_BYTES = 2**20
_OVERLAP_BYTES = 1_024
_LONGEST_BYTES = 32_768
"""Of a formula or a note beside a cell."""
_PART_BYTES = 8 * 2**20
"""Largest part of a workbook, beside its sheets, that is read as a text."""
_MOST_ROWS = 1_000
"""Of the person's rows, so many tell by which words the person is known."""
_SHORTEST_WORD = 3
_TAGS = re.compile(r"<[^>]*>")
_END_OF_CELLS = b"</sheetData>"
_BESIDE = re.compile(
    rb"<f\b[^>]*>[^<]*</f>|<office:annotation\b.*?</office:annotation>|\btable:formula=\"[^\"]*\"", re.DOTALL
)
_EMBEDDED = (".xlsx", ".xlsm", ".docx", ".docm", ".pptx", ".odt", ".ods")
_PICTURES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".emf",
    ".wmf",
    ".pict",
    ".pdf",
)
_PICTURE_BEGINS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff[\xe0\xe1]")
"""In a file without parts: what nearly all pictures in it are stored as."""
_CELLS = re.compile(r"[,;\t|]")


@dataclass(frozen=True, slots=True)
class Found:
    """What looking for a person came to.

    `rows` counts those that hold the person; a file may hold one without a row, as in a comment. `told` are the positions
    of the texts that tell. Where a file is not `readable`, only its bytes were looked through. What is drawn in its `pictures`
    was not looked at, so many are there.
    """

    held: bool
    readable: bool
    rows: int = 0
    told: tuple[int, ...] = ()
    pictures: int = 0


def find_in_file(
    path: Path, kind: str, person: Person, texts: Sequence[str], limits: Limits, *, bytes_alone: bool
) -> Found:
    """Look for `person` in the file; `texts` are judged by what the person's rows say. `bytes_alone` parses nothing."""
    if bytes_alone:
        return Found(_in_bytes(path, kind, person), readable=False)
    known = _Known()
    readable = held = False
    try:
        for rows in _tables(path, kind, limits):
            known.look(rows, person)
        held = _beside_the_cells(path, kind, person)
        readable = True
    except (FileRejected, workbooks.Unreadable, *_DAMAGED):
        held = _in_bytes(path, kind, person)
    return Found(
        held or known.rows > 0,
        readable,
        known.rows,
        tuple(at for at, text in enumerate(texts) if person.is_in(text) or known.is_told_by(text)),
        _pictures(path, kind) if readable else 0,
    )


@dataclass(slots=True)
class _Known:
    """The person's rows, and by which cells and words of them the person could be recognised."""

    rows: int = 0
    cells: set[str] = field(default_factory=set[str])
    words: set[str] = field(default_factory=set[str])

    def look(self, rows: Iterable[Row], person: Person) -> None:
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK_ROWS)):
            # Most chunks hold nobody who is looked for, which one look at all of their cells tells.
            everything = "\n".join(["\n".join(cells) for _, cells in chunk])
            if not person.is_identified_in(everything):
                continue
            for _, cells in chunk:
                if any(person.is_identified_in(cell) for cell in cells):
                    self._add(cells)

    def is_told_by(self, text: str) -> bool:
        low = plain(text.strip())
        words = [plain(word) for word in WORD.findall(text)]
        if low in self.cells and not all(map(is_everyday, words)):
            return True
        return not self.words.isdisjoint(words)

    def _add(self, cells: Sequence[str]) -> None:
        self.rows += 1
        if self.rows > _MOST_ROWS:
            return
        for cell in cells:
            low = plain(cell.strip())
            if len(low) >= _SHORTEST_WORD:
                self.cells.add(low)
                self.words.update(filter(_tells, map(plain, WORD.findall(cell))))


def _tells(word: str) -> bool:
    """Whether a word of a person's row leads to the person: a name, or one that no vocabulary has."""
    if len(word) < _SHORTEST_WORD and word.isascii():
        return False
    if word in public.GIVEN_NAMES or word in MORE_GIVEN_NAMES:
        return not is_everyday(word)
    return word not in closed_world() and not is_everyday(word)


# --- Cells ---------------------------------------------------------------------------------------------------------


def _tables(path: Path, kind: str, limits: Limits) -> Iterator[Iterable[Row]]:
    """The rows of every table of the file, from its first row on: headers, titles and totals included."""
    if kind == PARQUET:
        yield _parquet_rows(path)
    elif kind in delimited.KINDS:
        yield _text_rows(path, kind, limits)
    else:
        yield from _workbook_tables(path, kind, limits)


def _workbook_tables(path: Path, kind: str, limits: Limits) -> Iterator[Iterable[Row]]:
    failed = False
    for second_reader in (False, True) if kind in workbooks.SECOND_READER_KINDS else (False,):
        try:
            tables, _ = workbooks.open_workbook(path, kind, second_reader=second_reader)
            for table in tables:
                yield _whole(table, limits)
        except workbooks.Unreadable:
            failed = True
            continue
        return
    if failed:
        raise workbooks.Unreadable


def _whole(table: Table, limits: Limits) -> Iterator[Row]:
    return Budget(limits, limits.max_workbook_cells, limits.max_rows).checked(table)


def _text_rows(path: Path, kind: str, limits: Limits) -> Iterator[Row]:
    """The records of a text table; where it is none, its lines, cut at whatever may be a delimiter."""
    try:
        yield from delimited.open_table(path, path.name, kind, limits).rows
    except FileRejected:
        try:
            encoding = find_encoding(path, limits).name
        except FileRejected:
            encoding = "latin-1"
        with path.open(encoding=encoding, errors="replace") as file:
            for number, line in enumerate(file, 1):
                yield number, _CELLS.split(line)


def _parquet_rows(path: Path) -> Iterator[Row]:
    file: Any = import_module("pyarrow.parquet").ParquetFile(str(path))
    number = 0
    for batch in file.iter_batches(batch_size=_CHUNK_ROWS):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            yield number, ["" if value is None else str(value) for value in values]


# --- Bytes ---------------------------------------------------------------------------------------------------------


def _in_bytes(path: Path, kind: str, person: Person) -> bool:
    """Whether an address stands anywhere in the file's bytes, those of an archive unpacked."""
    if kind in ARCHIVES:
        try:
            with zipfile.ZipFile(path) as archive:
                for part in archive.infolist():
                    with archive.open(part) as file:
                        if _in_blocks(file.read, person):
                            return True
        except _DAMAGED:
            pass  # what can be said is said of its bytes
    with path.open("rb") as file:
        return _in_blocks(file.read, person)


def _beside_the_cells(path: Path, kind: str, person: Person) -> bool:
    """Whether a comment, a property, a link or whatever else a workbook has beside its cells tells of the person."""
    if kind == "xls":
        with path.open("rb") as file:
            return _in_blocks(file.read, person)
    if kind not in ARCHIVES:
        return False
    with zipfile.ZipFile(path) as archive:
        return any(_in_part(archive, part, person) for part in archive.infolist())


def _in_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, person: Person) -> bool:
    """Whether one part tells of the person: an address anywhere in it, a number where the part holds text beside cells."""
    with archive.open(part) as file:
        if _in_blocks(file.read, person):
            return True
    name = part.filename.lower()
    if name.endswith(_EMBEDDED):
        return _in_embedded(archive, part, person)
    if not name.endswith((".xml", ".rels", ".vml")) or name.endswith("sharedstrings.xml"):
        return False
    with archive.open(part) as file:
        if "/worksheets/" in name or name == "content.xml":
            # The values of its cells were looked at as the numbers that they are.
            return any(_in_markup(text, person) for text in _beside_values(file.read))
        return _in_markup(file.read(_PART_BYTES).decode("utf-8", "replace"), person)


def _in_embedded(archive: zipfile.ZipFile, part: zipfile.ZipInfo, person: Person) -> bool:
    """Whether a document within the workbook tells of the person; what is within that in turn is looked at as bytes."""
    with archive.open(part) as file:
        content = file.read(_PART_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as embedded:
            for each in embedded.infolist():
                with embedded.open(each) as inner:
                    if _in_markup(inner.read(_PART_BYTES).decode("utf-8", "replace"), person):
                        return True
    except _DAMAGED:
        pass  # its bytes were looked at
    return False


def _pictures(path: Path, kind: str) -> int:
    """How many pictures the file has, those of documents within it and a preview of its first page included."""
    if kind == "xls":
        return len(_PICTURE_BEGINS.findall(path.read_bytes()))
    if kind not in ARCHIVES:
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(_pictures_of(archive, part) for part in archive.infolist())


def _pictures_of(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    name = part.filename.lower()
    if not name.endswith(_EMBEDDED):
        return name.endswith(_PICTURES)
    with archive.open(part) as file:
        content = file.read(_PART_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as embedded:
            return sum(each.lower().endswith(_PICTURES) for each in embedded.namelist())
    except _DAMAGED:
        return 0


def _in_markup(text: str, person: Person) -> bool:
    """Whether markup tells: in an attribute, or in what is read once the tags are taken out, which may stand within a word."""
    return person.is_identified_in(text) or person.is_identified_in(_TAGS.sub("", text))


def _beside_values(read: Callable[[int], bytes]) -> Iterator[str]:
    """What a sheet's markup says beside the values of cells: formulas, notes, and what stands after the cells, such as headers
    of pages and what a cell may hold.
    """
    before = b""
    while block := read(_BLOCK_BYTES):
        both = before + block
        for found in _BESIDE.finditer(both):
            yield found[0].decode("utf-8", "replace")
        before = both[-_LONGEST_BYTES:]
        if _END_OF_CELLS in both:
            yield (both[both.index(_END_OF_CELLS) :] + read(_PART_BYTES)).decode("utf-8", "replace")
            return


def _in_blocks(read: Callable[[int], bytes], person: Person) -> bool:
    """Whether an address of the person stands in what is read, as eight or sixteen bits a character."""
    needles = [(form, width) for email in person.emails for form, width in ((email.encode(), 1), (_wide(email), 2))]
    before = b""
    while needles and (block := read(_BLOCK_BYTES)):
        lowered = before + block.lower()
        for needle, width in needles:
            at = lowered.find(needle)
            while at >= 0:
                around = lowered[max(0, at - width) : at + len(needle) + 2 * width]
                if person.is_identified_in(around.decode("utf-8" if width == 1 else "utf-16-le", "replace")):
                    return True
                at = lowered.find(needle, at + 1)
        before = lowered[-_OVERLAP_BYTES:]
    return False


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


_DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError)
"""What a damaged, encrypted or made-up archive raises when it is unpacked."""
