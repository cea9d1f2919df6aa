"""What the lists are made of: columns with their right answers, crowds of leads, and the disorder of real files.

The lists themselves are in `english` and `elsewhere`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from . import invented
from .formats import Cell, Grid
from .invented import Lead, Region

START = datetime(2026, 9, 14, 9, 0)  # noqa: DTZ001 (the files carry no time zone either)

PRODUCTS = ("Tray sealers", "Shrink film", "Label printers", "Paper liners", "Spare parts")
REPS = ("Perdita Sallow", "Kit Wren", "Tove Osier")
NOTES = (
    "Wants a quote for 3 lines",
    "Call after 2 pm, ask for the workshop",
    "met at lunch; knows Kit",
    "Send brochure",
    "Budget approved - decision in Q4",
    "has one of our older machines, not happy",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A header, what stands below it, and the right lead fields, best first (None: no target).

    With `answers` empty nothing is expected of the column.
    """

    header: str
    cell: Callable[[Lead, Random], Cell]
    answers: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sheet is: its name (None in text tables), header row from 1 (None: no header), data rows, its columns."""

    sheet: str | None
    header_row: int | None
    rows: int
    columns: list[tuple[int, str, tuple[str | None, ...]]]

    def as_json(self) -> dict[str, Any]:
        columns = [{"index": index, "header": header, "answers": answers} for index, header, answers in self.columns]
        return {"sheet": self.sheet, "header_row": self.header_row, "rows": self.rows, "columns": columns}


def col(header: str, cell: Callable[[Lead, Random], Cell], *answers: str | None) -> Column:
    """A column and its right answers, best first (None: no target)."""
    return Column(header, cell, answers)


GAP = Column("", lambda *_: None, ())
"""A column that somebody left empty."""


def crowd(region: Region, size: int, rng: Random, *, repeats: bool = True) -> list[Lead]:
    """`size` leads of a region; with `repeats`, some of them stand in the list twice."""
    leads = [invented.lead(region, rng) for _ in range(size)]
    if repeats:
        for _ in range(max(1, size // 30)):
            leads[rng.randrange(size // 2, size)] = leads[rng.randrange(size // 2)]
    return leads


def layout(
    name: str | None,
    columns: Sequence[Column],
    leads: Sequence[Lead],
    rng: Random,
    *,
    above: Sequence[list[Cell]] = (),
    below: Sequence[list[Cell]] = (),
    header: bool = True,
) -> tuple[Grid, Answer]:
    """The cells of a list, with the lines above and below it, and what a reader should find."""
    grid = Grid(name or "", [list(row) for row in above])
    if header:
        grid.rows.append([column.header or None for column in columns])
    grid.rows += [[column.cell(lead, rng) for column in columns] for lead in leads]
    grid.rows += [list(row) for row in below]
    first = next(place for place, column in enumerate(columns) if column.answers)
    told = [
        (index, name, column.answers)
        for index, (column, name) in enumerate(zip(columns[first:], _names(columns[first:]), strict=True))
        if column.answers
    ]
    return grid, Answer(name, len(above) + 1 if header else None, len(leads), told)


def _names(columns: Sequence[Column]) -> list[str]:
    """What a reader calls the columns: on one line, numbered where blank, numbered on where repeated."""
    names: list[str] = []
    for index, column in enumerate(columns):
        name = " ".join(column.header.split()) or f"Column {index + 1}"
        names.append(f"{name} (2)" if name in names else name)
    return names


def blank(share: float, rng: Random, cell: Cell) -> Cell:
    """The cell, or nothing in `share` (0 to 1) of the cases."""
    return None if rng.random() < share else cell


def untidy(text: str, rng: Random) -> str:
    """The text as people leave it: mostly right, sometimes shouted, in small letters, or with spaces around it."""
    return rng.choice((*[text] * 16, text.upper(), text.lower(), f"{text} ", f" {text}"))


def pick(rng: Random, options: str | Sequence[str]) -> str:
    """One of the options, given as a sequence or as words separated by ", "."""
    return rng.choice(options.split(", ") if isinstance(options, str) else options)


def digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def number(phone: str) -> int:
    """A telephone number as a spreadsheet program keeps it that was not told otherwise."""
    return int(digits(phone)[-10:])


def day(rng: Random, first_year: int, last_year: int) -> date:
    return date(rng.randint(first_year, last_year), rng.randint(1, 9), rng.randint(1, 28))


def stamp(rng: Random) -> str:
    moment = START - timedelta(minutes=rng.randint(0, 600_000))
    return moment.isoformat(sep=" ")
