"""What is to be exported: which columns of which sheets become which columns of the leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from leads_pipeline.types import Sheet

FileFormat = Literal["csv", "xlsx", "parquet"]


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """The leads of one sheet. `sources` names, for each output column that this sheet fills, the indexes of the columns
    it comes from; the non-empty cells of several are joined with "; ".
    """

    sheet: Sheet
    sources: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """One table over `sheets`: `_sheet`, `_row` (the row of the file, from 1), then `columns` in this order."""

    sheets: tuple[SheetPlan, ...]
    columns: tuple[str, ...]
