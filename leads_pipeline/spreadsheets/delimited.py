"""Text tables: CSV and TSV in the dialects that are met, read as a stream of rows.

Python's `csv` module does the parsing: at 1,000,000 rows a few seconds slower than the fast readers, and right about
quoted line breaks, CR alone, ragged rows and row numbers, where those are silently wrong or give up.
"""

import codecs
import csv
import io
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets.encodings import find_encoding
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.rows import Row, Table
from leads_pipeline.types import Notice

KINDS = frozenset({"csv", "tsv"})

_SAMPLE_CHARACTERS = 2**18
_SAMPLE_ROWS = 400
_END = "\ue000end of file\ue000"
_HALVES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]|\xed[\xa0-\xbf](?:[\x80-\xbf]|\Z)")
"""A character beyond the first 65,536 as two halves of three bytes each, or a half that lost the other."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written: everything that is needed to read it again."""

    encoding: str
    delimiter: str | None
    mixed: bool = False
    has_nul: bool = False
    escape: str | None = None
    preamble: int = 0
    """Lines before the first row that belong to no table (`sep=;`)."""


def open_table(path: Path, name: str, kind: str, limits: Limits) -> Table:
    """The table of a text file, called `name`, its dialect found out. Raises `FileRejected`."""
    encoding = find_encoding(path, limits)
    dialect = Dialect(encoding.name, None, encoding.mixed, encoding.has_nul)
    with _open(path, dialect) as file:
        sample = file.read(_SAMPLE_CHARACTERS)
    dialect = _find_dialect(sample, dialect, tabs_first=kind == "tsv", whole=len(sample) < _SAMPLE_CHARACTERS)
    notices: list[Notice] = []
    if encoding.mixed:
        notices.append(
            Notice("encoding_mixed", "Most of the file is UTF-8; bytes that are not were read as Windows-1252.")
        )
    elif not encoding.certain:
        notices.append(Notice("encoding_guessed", f"The file is not UTF-8; it was read as {encoding.name}."))
    if encoding.has_nul:
        notices.append(Notice("characters_removed", "NUL characters were removed."))
    return Table(name, rows_of(path, dialect, limits), layout=asdict(dialect), notices=notices)


def dialect_of(layout: Mapping[str, Any]) -> Dialect:
    """The dialect that `open_table` put into a table's layout."""
    return Dialect(**{each.name: layout[each.name] for each in fields(Dialect)})


def rows_of(path: Path, dialect: Dialect, limits: Limits) -> Iterator[Row]:
    """Every record of the file with its number, from 1; a blank line is a record without cells.

    Raises `FileRejected`: `csv_malformed` with the line where an unclosed quote opens, `cell_too_large`.
    """
    csv.field_size_limit(limits.max_cell_characters)
    with _open(path, dialect) as file:
        lines: Iterable[str] = file
        for _ in range(dialect.preamble):
            next(file, None)
        if dialect.has_nul:
            lines = (line.replace("\0", "") for line in file)
        reader = _reader(itertools.chain(lines, [_END]), dialect)
        number = dialect.preamble
        record, cells = number, [""]
        line = 0
        try:
            for record, cells in enumerate(reader, number + 1):
                if cells and cells[-1][-1:] == _END[-1] and cells[-1].endswith(_END):
                    break
                yield record, cells
                line = reader.line_num
        except csv.Error:
            if reader.line_num - line <= 1:
                raise FileRejected(
                    "cell_too_large",
                    f"Row {record + 1} has a cell of more than {limits.max_cell_characters:,} characters.",
                    extra={"limit": limits.max_cell_characters, "row": record + 1},
                ) from None
            raise _unclosed(line + 1 + dialect.preamble) from None
        if cells != [_END]:
            raise _unclosed(line + 1 + dialect.preamble)


class _Reader(Protocol):
    """What `csv.reader` returns, whose type has no public name."""

    line_num: int

    def __iter__(self) -> "_Reader": ...

    def __next__(self) -> list[str]: ...


def _unclosed(line: int) -> FileRejected:
    return FileRejected(
        "csv_malformed", f"The row that begins on line {line} opens a quote that is never closed.", extra={"line": line}
    )


def _reader(lines: Iterable[str], dialect: Dialect) -> "_Reader":
    return csv.reader(
        lines,
        delimiter=dialect.delimiter or "\x1f",  # a table of one column: something that occurs in no text
        escapechar=dialect.escape,
        doublequote=dialect.escape is None,
    )


def _open(path: Path, dialect: Dialect) -> io.TextIOWrapper:
    errors = "leads_cp1252" if dialect.mixed else "leads_utf" if dialect.encoding.startswith("utf") else "leads_drop"
    return path.open(encoding=dialect.encoding, errors=errors, newline="")


def _as_halves(error: UnicodeError) -> tuple[str | bytes, int]:
    """Two halves of a character that stand one after the other as that character; anything else as NUL, which is removed
    from every table, with a notice.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    halves = _HALVES.match(error.object, error.start) if error.encoding.startswith("utf-8") else None
    if halves is None:
        return "\0", error.end
    text = halves[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return text or "\0", halves.end()


def _as_cp1252(error: UnicodeError) -> tuple[str | bytes, int]:
    """Decode what is not UTF-8 as Windows' western encoding, which mixed files are mixed with."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if _HALVES.match(error.object, error.start):
        return _as_halves(error)
    broken = error.object[error.start : error.end]
    return broken.decode("cp1252", "replace"), error.end


def _drop(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes that a legacy encoding leaves undefined stand for nothing."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "", error.end


codecs.register_error("leads_utf", _as_halves)
codecs.register_error("leads_cp1252", _as_cp1252)
codecs.register_error("leads_drop", _drop)


def _find_dialect(sample: str, dialect: Dialect, *, tabs_first: bool, whole: bool) -> Dialect:
    first = sample.partition("\n")[0].rstrip("\r").strip('"')
    if first.lower().startswith("sep=") and len(first) == 5:
        return replace(dialect, delimiter=first[4], preamble=1)
    escapes = (None, "\\") if '\\"' in sample else (None,)
    candidates = [
        replace(dialect, delimiter=delimiter, escape=escape)
        for escape in escapes
        for delimiter in ("\t,;|" if tabs_first else ",;\t|")
    ]
    score, best = max(
        ((_consistency(sample, each, whole=whole), each) for each in candidates), key=lambda pair: pair[0]
    )
    return best if score > 0 else replace(best, delimiter=None)


def _consistency(sample: str, dialect: Dialect, *, whole: bool) -> float:
    """How well `sample` falls into rows of one width: the share of rows of the commonest width above one, and a little
    for the width itself, since a delimiter that occurs in texts now and then makes narrow rows.
    """
    csv.field_size_limit(2**24)
    try:
        rows = itertools.islice(_reader(io.StringIO(sample, newline=""), dialect), _SAMPLE_ROWS)
        widths = [len(cells) for cells in rows if len(cells) > 1 or any(cells)]
    except csv.Error:
        return 0.0
    if not whole and len(widths) > 1:
        widths.pop()  # cut off in the middle
    wide = Counter(width for width in widths if width > 1)
    if not wide:
        return 0.0
    width, count = max(wide.items(), key=lambda item: item[1] * math.log2(item[0] + 1))
    near = sum(number for other, number in wide.items() if other != width)
    return (count + near / 4) / len(widths) * (1 + math.log2(width) / 4)
