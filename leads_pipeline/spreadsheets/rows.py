"""The rows of one table of a file, as every reader hands them on, and the limits that hold for all of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.types import Notice
from leads_pipeline.wording import counted

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")

LISTED = 10
"""Most cells, rows or columns that a notice names."""

Row = tuple[int, list[str]]
"""The number of a row in its file (from 1), and the texts of its cells."""

Area = tuple[int, int, int, int]
"""A merged area: first row, first column, last row, last column; rows count from 1, columns from 0."""


@dataclass(slots=True)
class Table:
    """A sheet, or the only table of a text file, before anything is known about its header.

    `rows` may be ragged and may be walked once. `layout` is what the reader needs to find this table again.
    `notices` may still grow while `rows` is walked.
    """

    name: str
    rows: Iterable[Row]
    layout: dict[str, object]
    merged: tuple[Area, ...] = ()
    escapes: bool = False
    """Whether characters may be written as Office does in XML: `_x000D_`."""
    notices: list[Notice] = field(default_factory=list[Notice])


@dataclass(slots=True)
class Budget:
    """What the tables of one file have used of its limits, together."""

    limits: Limits
    max_cells: int
    max_rows: int | None = None
    cells: int = 0
    characters: int = 0

    def use(self, cells: int) -> None:
        """Count cells that are not empty. Raises `FileRejected` (`too_many_cells`)."""
        self.cells += cells
        if self.cells > self.max_cells:
            raise too_many_cells(self.max_cells)

    def checked(self, table: Table) -> Iterator[Row]:
        """The rows of `table`, blank ones as empty lists, with the limits on rows and text kept.

        NUL characters, which no database takes, are removed, with a notice, and so are the halves of characters that
        decoding turned into NUL.
        """
        limits, cleaned, filled = self.limits, 0, 0
        longest, max_rows = limits.max_cell_characters, self.max_rows or 2**62
        allowance = 2 * (limits.max_unpacked_bytes + limits.max_csv_bytes)
        for number, cells in table.rows:
            joined = "".join(cells)
            if not joined or joined.isspace():
                yield number, []
                continue
            filled += 1
            if filled > max_rows:
                raise FileRejected(
                    "too_many_rows",
                    f"The file has more than {max_rows:,} rows. Split it into several files.",
                    extra={"limit": max_rows},
                )
            if len(cells) > limits.max_columns and sum(1 for cell in cells if cell) > limits.max_columns:
                raise too_many_columns(limits)
            if len(joined) > longest and max(map(len, cells)) > longest:
                raise FileRejected(
                    "cell_too_large",
                    f"Row {number} has a cell of more than {longest:,} characters.",
                    extra={"limit": longest, "row": number},
                )
            self.characters += len(joined)
            if self.characters > allowance:
                raise FileRejected("too_complex", "The cells of the file hold more text than a file of its size can.")
            if "\0" in joined:
                cleaned += 1
                yield number, [cell.replace("\0", "") for cell in cells]
            elif table.escapes and "_x" in joined:
                yield number, [unescaped(cell) for cell in cells]
            else:
                yield number, cells
        if cleaned:
            table.notices.append(
                Notice(
                    "characters_removed",
                    f"NUL characters and halves of characters were removed from {counted(cleaned, 'row')}.",
                    sheet=table.name,
                )
            )


def reference(row: int, column: int) -> str:
    """How people name a cell: row 3 (from 1) of column 1 (from 0) is `B3`."""
    letters, column = "", column + 1
    while column:
        column, place = divmod(column - 1, 26)
        letters = chr(ord("A") + place) + letters
    return f"{letters}{row}"


def without_value(errors: int, valueless: int, references: list[str], sheet: str | None) -> Notice:
    """That so many cells hold an error or a formula without a stored value; `references` names the first of them."""
    total = errors + valueless
    ends, were = ("s", "was") if total == 1 else ("", "were")
    kinds = [text for count, text in ((errors, "an error"), (valueless, "a formula without a stored value")) if count]
    listed = ", ".join(sorted(references)) + (", ..." if total > len(references) else "")
    detail = f"{counted(total, 'cell')} hold{ends} {' or '.join(kinds)} and {were} left blank: {listed}."
    return Notice("cells_without_value", detail, sheet)


def too_many_cells(limit: int) -> FileRejected:
    return FileRejected(
        "too_many_cells",
        f"The file has more than {limit:,} filled cells. Split it into several files.",
        extra={"limit": limit},
    )


def too_many_columns(limits: Limits) -> FileRejected:
    limit = limits.max_columns
    return FileRejected("too_many_columns", f"The file has more than {limit:,} columns.", extra={"limit": limit})


def unescaped(text: str) -> str:
    """`_x000D_` is how Office writes a character that XML cannot hold. NUL and surrogates stay out: no database takes them."""
    return _ESCAPE.sub(lambda match: _character(int(match[1], 16)), text) if "_x" in text else text


def _character(code: int) -> str:
    return "" if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)
