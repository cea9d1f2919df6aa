"""What is done with the cells of a lead before it is written: names and addresses split, values normalised.

Compiled once for a sheet, then applied row by row. Which column gets what is `mapping`'s decision, and in the plan.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from leads_pipeline.spreadsheets import value_words
from leads_pipeline.spreadsheets.addresses import split_address
from leads_pipeline.spreadsheets.names import split_name
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.plans import ExportCheck, Normalised, SheetPlan, Split

Step = Callable[[list[str], list[str]], None]
"""Changes a lead (the output's cells) in place, given the row's cells."""

_MOST_KNOWN = 20_000
_PUNCTUATION = re.compile(r"[\s_.,:;!?/|()\[\]\"'*&+–-]+")


def value_key(text: str) -> str:
    """Under what a value is looked up: without case, accents and punctuation. "No-go" is "no_go"."""
    low = plain(text)
    return _PUNCTUATION.sub(" ", low).strip() or low.strip()


class Counts:
    """What was done so far, by output column."""

    def __init__(self) -> None:
        self.rows = 0
        self.changed: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()

    def check(self) -> ExportCheck:
        return ExportCheck(self.rows, dict(self.changed), dict(self.unknown), dict(self.unsure))


def steps_of(
    plan: SheetPlan, columns: Sequence[str], tables: Mapping[str, Mapping[str, str]], counts: Counts
) -> list[Step]:
    """What is done with each row of a sheet, in order. Splitting comes first: its parts are normalised, too."""
    at = {column: position for position, column in enumerate(columns)}
    left = int(plan.sheet.layout["left"])
    splits = [(_name_step if split.of == "name" else _address_step)(split, left, at, counts) for split in plan.splits]
    return [*splits, *(_value_step(each, at, tables[each.table], counts) for each in plan.normalised)]


def _name_step(split: Split, left: int, at: Mapping[str, int], counts: Counts) -> Step:
    source, family_first, language = left + split.source, split.family_first, split.language
    parts = ("salutation", "first", "last", "suffix")
    filled = [(part, at[split.fills[name]]) for part, name in enumerate(parts) if name in split.fills]

    def step(cells: list[str], lead: list[str]) -> None:
        text = cells[source] if source < len(cells) else ""
        if text and not text.isspace():
            name = split_name(text, family_first=family_first, language=language)
            texts = name[:4]
            for part, position in filled:
                lead[position] = texts[part]
            if not name.sure:
                counts.unsure[split.column] += 1

    return step


def _address_step(split: Split, left: int, at: Mapping[str, int], counts: Counts) -> Step:
    source = left + split.source
    parts = ("street", "city", "state", "postal", "country")
    filled = [(part, at[split.fills[name]]) for part, name in enumerate(parts) if name in split.fills]
    original = None if split.original is None else at[split.original]

    def step(cells: list[str], lead: list[str]) -> None:
        text = cells[source] if source < len(cells) else ""
        if not text or text.isspace():
            return
        address = split_address(text)
        if address is None:
            counts.unsure[split.column] += 1
            return
        for part, position in filled:
            lead[position] = address[part]
        counts.changed[split.column] += 1
        if original is not None:
            lead[original] = text

    return step


def _value_step(each: Normalised, at: Mapping[str, int], table: Mapping[str, str], counts: Counts) -> Step:
    position, column = at[each.column], each.column
    original = None if each.original is None else at[each.original]
    known = _Known(table)

    def step(_cells: list[str], lead: list[str]) -> None:
        text = lead[position]
        if not text:
            return
        value = known[text]
        if value is None:
            counts.unknown[column] += 1
        elif value != text:
            lead[position] = value
            counts.changed[column] += 1
            # What an address was split into has its original in whole already.
            if original is not None:
                lead[original] = lead[original] or text

    return step


class _Known(dict[str, str | None]):
    """The schema's value for each cell seen so far: itself for a blank one, None where the table knows none."""

    def __init__(self, table: Mapping[str, str]) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, text: str) -> str | None:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        key = value_key(text)
        value = self._table.get(key)
        if value is None and (not key or plain(text.strip()) in value_words.NOTHING):
            value = text
        self[text] = value
        return value
