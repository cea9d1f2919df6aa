"""What the tests of the reader share: a folder to write a file into, and the public door to read it through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import ExportPlan, Limits, SheetPlan, export, read
from leads_pipeline.types import Sheet, Workbook

ReadBytes = Callable[..., Workbook]


@pytest.fixture
def read_bytes(tmp_path: Path) -> ReadBytes:
    """Write `content` to a file and read it under `name`."""

    def read_it(content: bytes, name: str = "leads.csv", limits: Limits | None = None) -> Workbook:
        path = tmp_path / "file"
        path.write_bytes(content)
        return read(path, name, limits or Limits())

    return read_it


@pytest.fixture
def refusal(read_bytes: ReadBytes) -> Callable[..., FileRejected]:
    """The error that a file ends with."""

    def refuse(content: bytes, name: str = "leads.csv", limits: Limits | None = None) -> FileRejected:
        with pytest.raises(FileRejected) as caught:
            read_bytes(content, name, limits)
        return caught.value

    return refuse


def headers(sheet: Sheet) -> list[str]:
    return [column.header for column in sheet.columns]


def codes(workbook: Workbook) -> set[str]:
    """The codes of all notices, of the file and of its sheets."""
    return {
        notice.code for notice in (*workbook.notices, *(each for sheet in workbook.sheets for each in sheet.notices))
    }


def whole_plan(workbook: Workbook) -> ExportPlan:
    """Every column of every sheet under its own name."""
    return ExportPlan(
        sheets=tuple(
            SheetPlan(sheet, {column.header: (column.index,) for column in sheet.columns}) for sheet in workbook.sheets
        ),
        columns=tuple(dict.fromkeys(column.header for sheet in workbook.sheets for column in sheet.columns)),
    )


def exported(path: Path, name: str, workbook: Workbook, file_format: str = "csv") -> bytes:
    return b"".join(export(path, name, whole_plan(workbook), file_format))  # pyright: ignore[reportArgumentType]
