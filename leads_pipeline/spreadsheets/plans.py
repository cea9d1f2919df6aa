"""What is to be exported, and what is to be anonymised: jobs for a child that reads a file once more."""

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


@dataclass(frozen=True, slots=True)
class Secrets:
    """What surrogates of one upload are made with, all of it of the upload's own organization.

    `seed` decides which they are. `category_key` makes the digests under which categories are counted over
    organizations, and `common` are the digests of those that enough of them use.
    """

    seed: bytes
    category_key: bytes
    common: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnonymisingPlan:
    """Sheets as they were read, with their columns and profiles, and what their surrogates are made with."""

    sheets: tuple[Sheet, ...]
    secrets: Secrets
