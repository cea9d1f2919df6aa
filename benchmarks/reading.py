"""Reading and exporting files: a workbook of everyday size, a large one beside openpyxl, a CSV of a million rows."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import xlsxwriter

from benchmarks.table import Figure, milliseconds, quantile, show
from leads_pipeline.spreadsheets import ExportPlan, SheetPlan, export, read, warm_up

TIMES = 40
SMALL_FILES = 400


def main() -> None:
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        figures = [*_everyday(Path(folder)), *_large_workbook(Path(folder)), *_million_rows(Path(folder))]
    show("Reading and exporting, child process included", figures)


def _everyday(folder: Path) -> list[Figure]:
    workbook, text = folder / "leads.xlsx", folder / "leads.csv"
    _write_workbook(workbook, rows=1_000, columns=30)
    text.write_text("Name,Email,City\n" + "".join(f"Person {n},person{n}@x.example,Bonn\n" for n in range(20)))
    reading, small = [_seconds(read, workbook) for _ in range(TIMES)], [_seconds(read, text) for _ in range(TIMES)]
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: read(text, text.name), range(SMALL_FILES)))
    rate = SMALL_FILES / (time.perf_counter() - started)
    return [
        Figure("xlsx, 1,000 x 30: median", milliseconds(quantile(reading, 0.5)), "at most 100 ms"),
        Figure("xlsx, 1,000 x 30: p95", milliseconds(quantile(reading, 0.95))),
        Figure("csv, 20 x 3: median", milliseconds(quantile(small, 0.5)), "at most 25 ms"),
        Figure("csv, 20 x 3: two threads", f"{rate:.0f} files/s", "at least 40 files/s"),
    ]


def _large_workbook(folder: Path) -> list[Figure]:
    path = folder / "large.xlsx"
    _write_workbook(path, rows=100_000, columns=20)
    ours = _seconds(read, path)
    started = time.perf_counter()
    rows = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
    cells = sum(len(row) for row in rows)
    theirs = time.perf_counter() - started
    return [
        Figure("xlsx, 100,000 x 20: ours, into columns and profiles", f"{ours:.1f} s", "at most 3 s"),
        Figure(f"xlsx, 100,000 x 20: openpyxl, into {cells:,} values", f"{theirs:.1f} s"),
    ]


def _million_rows(folder: Path) -> list[Figure]:
    path = folder / "million.csv"
    with path.open("w") as file:
        file.write(
            ",".join(f"{name} {block}" for block in range(4) for name in ("Name", "Email", "Phone", "Date", "Score"))
            + "\n"
        )
        for n in range(1_000_000):
            person = f"Person {n},person{n}@x.example,+49 30 {n:07d},2025-01-{n % 28 + 1:02d},{n / 7:.2f}"
            file.write(",".join([person] * 4) + "\n")
    # In a process of its own, whose peak memory is that of a parent that does nothing else.
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.reading", str(path)], check=True, capture_output=True, text=True
    ).stdout.split()
    reading, writing, parent, child = map(float, printed)
    return [
        Figure("csv, 1,000,000 x 20: read", f"{reading:.1f} s", "at most 25 s"),
        Figure("csv, 1,000,000 x 20: exported to csv", f"{writing:.1f} s", "at most 25 s"),
        Figure("csv, 1,000,000 x 20: parent, peak", f"{parent:.0f} MB", "at most 400 MB"),
        Figure("csv, 1,000,000 x 20: its children, peak", f"{child:.0f} MB"),
    ]


def _read_and_export(path: Path) -> None:
    """What the process of its own does: prints seconds, seconds, and the peaks of this process and its children in MB."""
    started = time.perf_counter()
    workbook = read(path, path.name)
    read_at = time.perf_counter()
    plan = ExportPlan(
        tuple(
            SheetPlan(sheet, {column.header: (column.index,) for column in sheet.columns}) for sheet in workbook.sheets
        ),
        tuple(column.header for column in workbook.sheets[0].columns),
    )
    for _ in export(path, path.name, plan, "csv"):
        pass
    done = time.perf_counter()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(read_at - started, done - read_at, own, _peak_of_children())


def _peak_of_children() -> float:
    """The nursery is waited for when it stops, and has waited for its children: only then are they counted."""
    from leads_pipeline.spreadsheets.children import stop

    stop()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _seconds(do: Callable[[Path, str], object], path: Path) -> float:
    started = time.perf_counter()
    do(path, path.name)
    return time.perf_counter() - started


def _write_workbook(path: Path, *, rows: int, columns: int) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Leads")
        date = workbook.add_format({"num_format": "yyyy-mm-dd"})
        names = ("Name", "Phone", "Signed", "Email", "Score")
        for column in range(columns):
            sheet.write_string(0, column, f"{names[column % 5]} {column // 5 + 1}")
        for row in range(1, rows + 1):
            for column in range(0, columns, 5):
                sheet.write_string(row, column, f"Person {row}")
                sheet.write_number(row, column + 1, 4_930_900_000 + row)
                sheet.write_number(row, column + 2, 45_000 + row % 700, date)
                sheet.write_string(row, column + 3, f"person{row}@x{column}.example")
                sheet.write_number(row, column + 4, round(row / 7, 2))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _read_and_export(Path(sys.argv[1]))
    else:
        main()
