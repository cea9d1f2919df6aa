"""Bytes to sheets: what tables a spreadsheet holds, where their headers are and what their columns look like, and their
rows again as an export of leads, or as columns without people to learn from; and whether a file holds a certain person.

Every file is read in a child process with limits; nothing in this process ever parses a spreadsheet, and no cell leaves
the child but in an export. No database, no Dagster, no network; what a column means is for `mapping` to say.
"""

import signal
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from leads_pipeline.errors import ExportTooLarge, FileRejected
from leads_pipeline.spreadsheets import transfer
from leads_pipeline.spreadsheets.categories import category_digest
from leads_pipeline.spreadsheets.children import ChildDied, ask, warm_up
from leads_pipeline.spreadsheets.filenames import safe_filename
from leads_pipeline.spreadsheets.finding import Found
from leads_pipeline.spreadsheets.identifiers import Person, person
from leads_pipeline.spreadsheets.inspection import KINDS, inspect
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.plans import (
    AnonymisingPlan,
    ExportCheck,
    ExportPlan,
    FileFormat,
    Normalised,
    Secrets,
    SheetPlan,
    Split,
)
from leads_pipeline.spreadsheets.shaping import value_key
from leads_pipeline.spreadsheets.transfer import person_from_json, person_to_json
from leads_pipeline.types import AnonymisedSheet, Workbook

__all__ = [
    "KINDS",
    "MAX_XLSX_ROWS",
    "AnonymisingPlan",
    "ExportCheck",
    "ExportPlan",
    "FileFormat",
    "Found",
    "Limits",
    "Normalised",
    "Person",
    "Secrets",
    "SheetPlan",
    "Split",
    "anonymise",
    "category_digest",
    "check_export",
    "export",
    "find",
    "inspect",
    "person",
    "person_from_json",
    "person_to_json",
    "read",
    "safe_filename",
    "value_key",
    "warm_up",
]

_DEFAULTS = Limits()

MAX_XLSX_ROWS = 100_000
"""Most leads that are exported as XLSX."""

_TEXT_KINDS = frozenset({"csv", "tsv"})
_SECOND_READER_KINDS = frozenset({"xlsx", "xlsm", "ods"})
_OUT_OF_BOUNDS = (-signal.SIGXCPU, -signal.SIGKILL)
_WALL_PER_CPU_SECOND = 1.5
"""How much longer than its CPU time a text table may take: two may be read on one core, from a cold disk."""


def read(path: Path, filename: str, limits: Limits = _DEFAULTS) -> Workbook:
    """Read the file at `path`, which its sender calls `filename`, into sheets, in a child process.

    Safe to call from several threads. Raises `FileRejected`, whatever the file does to its child.
    """
    kind = inspect(path, filename, limits)
    job = {"task": "read", "path": str(path.absolute()), "name": filename, "kind": kind}
    last = ChildDied(0)
    for second_reader in (False, True) if kind in _SECOND_READER_KINDS else (False,):
        try:
            return transfer.workbook_from_json(_answer(_ask({**job, "second_reader": second_reader}, kind, limits)))
        except ChildDied as death:
            last = death
            if death.exit_code in _OUT_OF_BOUNDS:  # a slower reader would only end in the same way
                break
    raise _rejected(last, kind)


def export(
    path: Path, filename: str, plan: ExportPlan, file_format: FileFormat, limits: Limits = _DEFAULTS
) -> Iterator[bytes]:
    """The leads of a file that was read before, as the pieces of a CSV, XLSX or Parquet file.

    One table over the sheets of `plan`: `_sheet`, `_row`, then the plan's columns. Nothing is held in this process but
    the piece at hand; a slow consumer slows the child. Closing the iterator early ends the child. Raises
    `FileRejected` and `ExportTooLarge`, the latter at once.
    """
    kind = inspect(path, filename, limits)
    rows = sum(each.sheet.rows for each in plan.sheets)
    if file_format == "xlsx" and rows > MAX_XLSX_ROWS:
        raise ExportTooLarge(
            f"{rows:,} leads are more than the {MAX_XLSX_ROWS:,} that are written as XLSX. Export as CSV or Parquet.",
            extra={"limit": MAX_XLSX_ROWS},
        )
    return _export(path, kind, plan, file_format, limits)


def check_export(path: Path, filename: str, plan: ExportPlan, limits: Limits = _DEFAULTS) -> ExportCheck:
    """What an export by `plan` would come to, in numbers: takes a reading of the file, and writes nothing.

    Raises `FileRejected`.
    """
    kind = inspect(path, filename, limits)
    job = {"task": "check", "path": str(path.absolute()), "kind": kind, "plan": transfer.plan_to_json(plan)}
    try:
        return ExportCheck(**_answer(_ask(job, kind, limits, long=True)))
    except ChildDied as death:
        raise _rejected(death, kind) from None


def anonymise(path: Path, filename: str, plan: AnonymisingPlan, limits: Limits = _DEFAULTS) -> list[AnonymisedSheet]:
    """What may be kept of a file that was read before, to learn from: its columns without its people, in a child process.

    Raises `FileRejected`.
    """
    kind = inspect(path, filename, limits)
    job = {"task": "anonymise", "path": str(path.absolute()), "kind": kind, "plan": transfer.anonymising_to_json(plan)}
    try:
        return transfer.anonymised_from_json(_answer(_ask(job, kind, limits, long=True)))
    except ChildDied as death:
        raise _rejected(death, kind) from None


def find(path: Path, filename: str, person: Person, limits: Limits = _DEFAULTS, *, texts: Sequence[str] = ()) -> Found:
    """Whether the file holds the person, in a child process, and which of `texts` tell of the person as its rows do.

    Never raises for what a file is: one that ends its readers is looked through as bytes, and not `readable`.
    """
    kind = PurePosixPath(filename).suffix.lower().removeprefix(".")
    job = {"task": "find", "path": str(path.absolute()), "kind": kind, "person": transfer.person_to_json(person)}
    for bytes_alone in (False, True):
        try:
            answer = _answer(_ask({**job, "texts": list(texts), "bytes_alone": bytes_alone}, kind, limits, long=True))
        except (ChildDied, FileRejected):
            continue
        return Found(answer["held"], answer["readable"], answer["rows"], tuple(answer["told"]), answer["pictures"])
    return Found(held=False, readable=False)


def _export(path: Path, kind: str, plan: ExportPlan, file_format: FileFormat, limits: Limits) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="leads-export-") as folder:
        job = {
            "task": "export",
            "path": str(path.absolute()),
            "kind": kind,
            "plan": transfer.plan_to_json(plan),
            "file_format": file_format,
            "folder": folder,
        }
        try:
            yield from _ask(job, kind, limits, long=True)
        except ChildDied as death:
            raise _rejected(death, kind) from None


def _ask(
    job: dict[str, Any], kind: str, limits: Limits, *, long: bool = False
) -> Generator[bytes, None, dict[str, Any]]:
    # Walking a file once more and doing something with its rows gets the time of the largest text table.
    long = long or kind in _TEXT_KINDS
    cpu_seconds = limits.csv_cpu_seconds if long else limits.reader_cpu_seconds
    wall_seconds = limits.csv_cpu_seconds * _WALL_PER_CPU_SECOND if long else limits.reader_wall_seconds
    return ask({**job, "limits": asdict(limits), "cpu_seconds": cpu_seconds}, wall_seconds=wall_seconds)


def _answer(pieces: Generator[bytes, None, dict[str, Any]]) -> dict[str, Any]:
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value


def _rejected(death: ChildDied, kind: str) -> FileRejected:
    """What the way in which a child died says about its file."""
    if death.exit_code == -signal.SIGXCPU:
        return FileRejected("too_complex", "Reading the file takes more computing than one file is given. Split it.")
    if death.exit_code >= 0:
        return FileRejected("parse_failed", "The reader failed on the file. Open it, save it anew and send that.")
    if death.exit_code in _OUT_OF_BOUNDS or kind in _SECOND_READER_KINDS:
        return FileRejected("too_complex", "Reading the file needs more memory than one file is given. Split it.")
    return FileRejected(
        "corrupt_file", "The file is damaged in a way that ends its reader. Open it, save it anew, send that."
    )
