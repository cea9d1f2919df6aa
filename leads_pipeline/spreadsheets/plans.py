"""What is to be exported, and what is done to its cells; what is to be anonymised: jobs for a child that reads a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leads_pipeline.types import Sheet

FileFormat = Literal["csv", "xlsx", "parquet"]


@dataclass(frozen=True, slots=True)
class Split:
    """One column of the file that fills several of the output.

    `source` is its index, `column` the output column of the whole cell. `fills` names the output column of each part
    (`salutation`, `first`, `last`, `suffix` of a name; `street`, `city`, `state`, `postal`, `country` of an address). A cell
    whose own output column changes by that is kept in the column `original` (None: nowhere). `family_first` and `language`
    are what is known of the names.
    """

    source: int
    column: str
    of: Literal["name", "address"]
    fills: Mapping[str, str]
    original: str | None = None
    family_first: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class Normalised:
    """An output column whose values are looked up in the plan's table `table`. A cell that changes is kept in `original`."""

    column: str
    table: str
    original: str | None = None


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """The leads of one sheet. `sources` names, for each output column that this sheet fills, the indexes of the columns
    it comes from; the non-empty cells of several are joined with "; ", or, where `labels` has a label for each of them,
    stand on lines of their own behind their labels.
    """

    sheet: Sheet
    sources: Mapping[str, tuple[int, ...]]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    splits: tuple[Split, ...] = ()
    normalised: tuple[Normalised, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """One table over `sheets`: `_sheet`, `_row` (the row of the file, from 1), then `columns` in this order.

    `tables` are the values that cells are normalised to, by `shaping.value_key` of what people write.
    """

    sheets: tuple[SheetPlan, ...]
    columns: tuple[str, ...]
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """What an export comes to, in numbers: its rows; for each output column the cells that were changed, those whose
    value no table knows, and those that were to be split and are left whole because it is not sure where.
    """

    rows: int = 0
    changed: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: Mapping[str, int] = field(default_factory=dict[str, int])
    unsure: Mapping[str, int] = field(default_factory=dict[str, int])


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
