"""Leads, written in a child from the rows of a file and sent out piece by piece.

Rows are found again by the layouts that reading stored. Everything is text, so that phone numbers, ids and leading
zeros stay what they were; CSV and XLSX, which spreadsheet programs open, have their would-be formulas neutralised.
"""

import csv
import io
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import delimited, workbooks
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.neutral import RISKY, neutral
from leads_pipeline.spreadsheets.plans import ExportCheck, ExportPlan, FileFormat, SheetPlan
from leads_pipeline.spreadsheets.rows import Budget, Row, Table
from leads_pipeline.spreadsheets.shaping import Counts, steps_of

_PIECE_BYTES = 2**18
_ROW_GROUP = 20_000
_XLSX_CELL = 32_767

Send = Callable[[bytes], None]


def export_file(
    path: Path, kind: str, plan: ExportPlan, file_format: FileFormat, limits: Limits, *, send: Send, folder: Path
) -> None:
    """Write the leads of `plan` in `file_format` to `send`; `folder` may hold what has to be put together first."""
    header = ["_sheet", "_row", *plan.columns]
    leads = _leads(path, kind, plan, limits, Counts())
    if file_format == "csv":
        _write_csv(header, leads, send)
    elif file_format == "xlsx":
        _write_xlsx(header, leads, send, folder)
    else:
        _write_parquet(header, leads, send)


def check_file(path: Path, kind: str, plan: ExportPlan, limits: Limits) -> ExportCheck:
    """What an export would come to, without writing it."""
    counts = Counts()
    for _ in _leads(path, kind, plan, limits, counts):
        pass
    return counts.check()


def _leads(path: Path, kind: str, plan: ExportPlan, limits: Limits, counts: Counts) -> Iterator[list[str]]:
    """The rows of the export, sheet by sheet."""
    text = kind in delimited.KINDS
    budget = Budget(
        limits, limits.max_csv_cells if text else limits.max_workbook_cells, None if text else limits.max_rows
    )
    tables: dict[tuple[int, bool], Table] = {}
    for each in plan.sheets:
        layout = each.sheet.layout
        if text:
            table = Table(each.sheet.name, delimited.rows_of(path, delimited.dialect_of(layout), limits), {})
        else:
            second_reader = bool(layout.get("second_reader"))
            if not any(reader == second_reader for _, reader in tables):
                opened, _ = workbooks.open_workbook(path, kind, second_reader=second_reader)
                for one in opened:
                    position = one.layout["sheet"]
                    assert isinstance(position, int)
                    tables[position, second_reader] = one
            table = tables[layout["sheet"], second_reader]
        yield from _leads_of(each, budget.checked(table), plan, counts)


def _leads_of(plan: SheetPlan, rows: Iterator[Row], whole: ExportPlan, counts: Counts) -> Iterator[list[str]]:
    layout, name = plan.sheet.layout, plan.sheet.name
    left, columns = int(layout["left"]), whole.columns
    steps = steps_of(plan, columns, whole.tables, counts)
    sources = [tuple(left + index for index in plan.sources.get(column, ())) for column in columns]
    blank = max((index for source in sources for index in source), default=-1) + 1  # the index of a cell that is blank
    picks = [source[0] if len(source) == 1 else blank for source in sources]
    joined = [
        (position, source, plan.labels.get(columns[position], ()))
        for position, source in enumerate(sources)
        if len(source) > 1
    ]
    for number, texts in data_rows(rows, layout):
        cells = texts[:blank] + [""] * (blank + 1 - min(len(texts), blank))
        lead = [cells[index] for index in picks]
        for position, source, labels in joined:
            lead[position] = _joined([cells[index] for index in source], labels)
        for step in steps:
            step(texts, lead)
        counts.rows += 1
        yield [name, str(number), *lead]


def _joined(cells: list[str], labels: tuple[str, ...]) -> str:
    """The non-empty of several cells, as one."""
    if not labels:
        return "; ".join([cell for cell in cells if cell.strip()])
    labelled = zip(labels, cells, strict=True)
    return "\n".join([f"{label}: {cell}" if label else cell for label, cell in labelled if cell.strip()])


def data_rows(rows: Iterator[Row], layout: Any) -> Iterator[Row]:
    """Those of the table's rows that reading took for data."""
    first, last = layout["first"], layout["last"]
    skipped = iter(layout["skip"])
    skip_from, skip_to = next(skipped, (last + 1, last + 1))
    for row in rows:
        number = row[0]
        if number > last:
            return
        while number > skip_to:
            skip_from, skip_to = next(skipped, (last + 1, last + 1))
        if number < first or not row[1] or skip_from <= number <= skip_to:
            continue
        yield row


def _neutral_row(cells: list[str]) -> list[str]:
    return [neutral(cell) if cell and cell[0] in RISKY else cell for cell in cells]


def _write_csv(header: list[str], leads: Iterator[list[str]], send: Send) -> None:
    """RFC 4180 in UTF-8, with a byte order mark: without one, Excel takes the file for the local legacy encoding."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    writer.writerow(_neutral_row(header))
    for lead in leads:
        writer.writerow(_neutral_row(lead))
        if text.tell() > _PIECE_BYTES:
            send(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    send(text.getvalue().encode())


def _write_xlsx(header: list[str], leads: Iterator[list[str]], send: Send, folder: Path) -> None:
    xlsxwriter: Any = import_module("xlsxwriter")
    target = folder / "leads.xlsx"
    with xlsxwriter.Workbook(
        str(target), {"constant_memory": True, "tmpdir": str(folder), "strings_to_urls": False}
    ) as workbook:
        sheet = workbook.add_worksheet("Leads")
        sheet.freeze_panes(1, 2)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        bold = workbook.add_format({"bold": True})
        for column, cell in enumerate(_neutral_row(header)):
            sheet.write_string(0, column, cell, bold)
        for row, lead in enumerate(leads, 1):
            for column, cell in enumerate(_neutral_row(lead)):
                if len(cell) > _XLSX_CELL:
                    raise FileRejected(
                        "cell_too_large",
                        f"Row {lead[1]} would fill a cell with more characters than XLSX allows. Export as CSV.",
                    )
                if cell:
                    sheet.write_string(row, column, cell)
    with target.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            send(piece)


def _write_parquet(header: list[str], leads: Iterator[list[str]], send: Send) -> None:
    """All columns are strings; a blank cell is null."""
    pa, pq = _pyarrow()
    schema = pa.schema([(name, pa.string()) for name in header])
    rows: list[list[str]] = []
    with pq.ParquetWriter(pa.PythonFile(_Sink(send), mode="w"), schema, compression="zstd") as writer:
        for lead in leads:
            rows.append(lead)
            if len(rows) == _ROW_GROUP:
                writer.write_table(_arrow_table(rows, schema))
                rows = []
        if rows:
            writer.write_table(_arrow_table(rows, schema))


def _arrow_table(rows: list[list[str]], schema: Any) -> Any:
    pa, _ = _pyarrow()
    columns = [pa.array([cell or None for cell in cells], pa.string()) for cells in zip(*rows, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _pyarrow() -> tuple[Any, Any]:
    """pyarrow, which has no types, and is loaded by the few children that need it."""
    return import_module("pyarrow"), import_module("pyarrow.parquet")


class _Sink(io.RawIOBase):
    """A file that is only written to, and passed on at once."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._position += len(piece)
        self._send(piece)
        return len(piece)
