"""A file, read once as a stream, into sheets: which rows are data, what the columns are called and look like.

Runs in a child. What comes out has no cell of the file but its header.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import delimited, parts, workbooks
from leads_pipeline.spreadsheets.ambiguity import Ambiguity
from leads_pipeline.spreadsheets.body import Body
from leads_pipeline.spreadsheets.headers import HEAD, Header, find_header, unique_names
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.profile import profile_column
from leads_pipeline.spreadsheets.rows import LISTED, Budget, Row, Table, too_many_columns
from leads_pipeline.spreadsheets.sampling import Sample
from leads_pipeline.types import Column, Notice, Sheet, Workbook
from leads_pipeline.wording import counted

_CHUNK_CELLS = 40_000

_LEFT_OUT = {
    "total": ("totals_left_out", "Totals are no leads; left out"),
    "footer": ("footer_left_out", "Lines that belong to no row of the table were left out"),
    "second_table": ("second_table_left_out", "A second table stands below the first one and was left out"),
    "repeated_header": ("repeated_header_left_out", "The header is repeated further down; left out"),
}


def read_file(path: Path, name: str, kind: str, limits: Limits, *, second_reader: bool = False) -> Workbook:
    """Every table of the file, which its sender calls `name`. Raises `FileRejected`.

    A workbook that the first reader cannot read is read by the second one, here and now; `second_reader` is for a file
    that has ended a process already.
    """
    if kind in delimited.KINDS:
        table = delimited.open_table(path, PurePosixPath(name).stem, kind, limits)
        sheet = _read_table(table, 0, Budget(limits, limits.max_csv_cells))
        if isinstance(sheet, Notice):
            raise _nothing([sheet])
        return Workbook(kind, (sheet,))
    notices = parts.check(path, kind, limits)
    if not second_reader:
        try:
            return _read_workbook(path, kind, limits, notices, second_reader=False)
        except workbooks.Unreadable:
            if kind not in workbooks.SECOND_READER_KINDS:
                raise _damaged() from None
    try:
        return _read_workbook(path, kind, limits, notices, second_reader=True)
    except workbooks.Unreadable:
        raise _damaged() from None


def _read_workbook(path: Path, kind: str, limits: Limits, notices: list[Notice], *, second_reader: bool) -> Workbook:
    budget = Budget(limits, limits.max_workbook_cells, limits.max_rows)
    tables, more = workbooks.open_workbook(path, kind, second_reader=second_reader)
    notices = [*notices, *more]
    sheets: list[Sheet] = []
    for table in tables:
        sheet = _read_table(table, len(sheets), budget)
        if isinstance(sheet, Sheet):
            sheets.append(sheet)
        else:
            notices.append(sheet)
    if not sheets:
        raise _nothing(notices)
    return Workbook(kind, tuple(sheets), tuple(notices))


def _damaged() -> FileRejected:
    return FileRejected(
        "corrupt_file", "The workbook is damaged: no reader understands it. Open it, save it anew, send that."
    )


def _nothing(notices: Iterable[Notice]) -> FileRejected:
    if any(notice.code == "sheet_without_rows" for notice in notices):
        return FileRejected(
            "no_data_rows", "The file has a header and no row below it. Check that the export was complete."
        )
    return FileRejected("no_data", "The file has no cell with any text. Check that the export was complete.")


@dataclass(slots=True)
class _Columns:
    """What is known about the columns of the rows that passed so far."""

    budget: Budget
    samples: list[Sample] = field(default_factory=list[Sample])
    ambiguities: list[Ambiguity] = field(default_factory=list[Ambiguity])
    rows: int = 0

    def add(self, rows: list[list[str]]) -> None:
        self.rows += len(rows)
        filled = 0
        for position, cells in enumerate(itertools.zip_longest(*rows, fillvalue="")):
            if position == len(self.samples):
                self.samples.append(Sample())
                self.ambiguities.append(Ambiguity())
            values = [cell for cell in cells if cell and not cell.isspace()]
            if values:
                filled += len(values)
                self.samples[position].add(values)
                self.ambiguities[position].add(values)
        self.budget.use(filled)
        limit = self.budget.limits.max_columns
        if len(self.samples) > limit:
            used = sum(1 for sample in self.samples if sample.filled)
            if used > limit:
                raise too_many_columns(self.budget.limits)


def _read_table(table: Table, index: int, budget: Budget) -> Sheet | Notice:
    """The sheet that `table` holds, or a notice saying why it holds none."""
    rows = budget.checked(table)
    head = list(_head(rows))
    if not any(cells for _, cells in head):
        return Notice("sheet_empty", "The sheet is empty.", table.name)
    header = find_header(head, table.merged)
    body = Body.below(header, head)
    columns = _Columns(budget)
    if header.texts:
        columns.add([[""] * len(header.texts)])
        columns.rows = 0
    ragged = _Ragged(len(header.texts))
    pending: list[list[str]] = []
    for number, cells in body.rows(itertools.chain(head, rows)):
        if len(cells) != ragged.width:
            ragged.note(number, cells)
        pending.append(cells)
        if len(pending) * len(cells) >= _CHUNK_CELLS:
            columns.add(pending)
            pending = []
    if pending:
        columns.add(pending)
    if not columns.rows:
        return Notice("sheet_without_rows", "The sheet has a header and no row below it.", table.name)
    return _sheet(table, index, header, body, columns, ragged)


def _head(rows: Iterator[Row]) -> Iterator[Row]:
    filled = 0
    for row in rows:
        yield row
        filled += bool(row[1])
        if filled >= HEAD:
            return


@dataclass(slots=True)
class _Ragged:
    """Rows of a text table that have more or fewer cells than its header."""

    width: int
    long: list[int] = field(default_factory=list[int])
    count: int = 0

    def note(self, number: int, cells: list[str]) -> None:
        if not self.width:
            self.width = len(cells)
        elif len(cells) < self.width or any(cell.strip() for cell in cells[self.width :]):
            self.count += 1
            if len(self.long) < LISTED:
                self.long.append(number)


def _sheet(table: Table, index: int, header: Header, body: Body, columns: _Columns, ragged: _Ragged) -> Sheet:
    texts = [*header.texts, *[""] * (len(columns.samples) - len(header.texts))]
    used = [position for position, sample in enumerate(columns.samples) if sample.filled or texts[position].strip()]
    first, last = used[0], used[-1]
    if last - first >= columns.budget.limits.max_columns:
        raise FileRejected(
            "too_complex",
            f"The sheet has a cell far to the right of the others, in column {last + 1:,}; delete what stands there. "
            f"At most {columns.budget.limits.max_columns:,} columns are read.",
        )
    names = unique_names(texts[first : last + 1], last + 1 - first)
    notices = list(table.notices)
    if not header.rows:
        notices.append(Notice("no_header", "The table has no header; its columns were numbered.", table.name))
    for reason, ranges in body.left_out.items():
        code, sentence = _LEFT_OUT[reason]
        notices.append(Notice(code, f"{sentence}: {_rows_text(ranges)}.", table.name))
    if ragged.count and "delimiter" in table.layout:
        listed = ", ".join(map(str, ragged.long)) + (", ..." if ragged.count > len(ragged.long) else "")
        notices.append(
            Notice(
                "ragged_rows",
                f"{counted(ragged.count, 'row')} with more or fewer cells than the header; kept (row {listed}).",
                table.name,
            )
        )
    for code, what, ambiguous in (
        ("ambiguous_dates", "Day and month cannot be told apart", [each.dates for each in columns.ambiguities]),
        (
            "ambiguous_numbers",
            "Thousands and decimals cannot be told apart",
            [each.numbers for each in columns.ambiguities],
        ),
    ):
        concerned = [name for name, is_so in zip(names, ambiguous[first:], strict=False) if is_so]
        if concerned:
            listed = ", ".join(f'"{name[:60]}"' for name in concerned[:LISTED])
            notices.append(Notice(code, f"{what} in {listed}; the text was kept as it is.", table.name))
    return Sheet(
        index=index,
        name=table.name,
        header_row=header.row,
        columns=tuple(
            Column(
                position,
                name,
                profile_column(sample.values(), rows=columns.rows, filled=sample.filled),
            )
            for position, (name, sample) in enumerate(zip(names, columns.samples[first:], strict=False))
        ),
        rows=columns.rows,
        notices=tuple(notices),
        layout={
            **table.layout,
            "first": body.first,
            "last": body.last,
            "skip": sorted(rows for ranges in body.left_out.values() for rows in ranges if rows[0] <= body.last),
            "left": first,
            "headers": list(header.texts[first : last + 1]),
        },
    )


def _rows_text(ranges: list[tuple[int, int]]) -> str:
    listed = [str(first) if first == last else f"{first} to {last}" for first, last in ranges[:LISTED]]
    return (
        ("row " if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else "rows ")
        + ", ".join(listed)
        + (", ..." if len(ranges) > LISTED else "")
    )
