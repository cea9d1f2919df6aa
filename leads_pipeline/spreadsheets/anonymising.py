"""Columns of a file without its people: what may be kept of them to learn from, made in a child from the file's rows.

Walks the rows twice: to take a sample of every column and make surrogates of it, and to hold each surrogate and each
header against every cell. Whatever fails is dropped and counted; nothing that failed leaves the child.
"""

import hmac
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path

from leads_pipeline.spreadsheets import delimited, surrogates, workbooks
from leads_pipeline.spreadsheets import value_words as public
from leads_pipeline.spreadsheets.categories import category_digest
from leads_pipeline.spreadsheets.exporting import data_rows
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.plans import AnonymisingPlan, Secrets
from leads_pipeline.spreadsheets.recognise import WORD, closed_world, findings, scrubbed
from leads_pipeline.spreadsheets.rows import Budget, Row, Table
from leads_pipeline.spreadsheets.sampling import Sample
from leads_pipeline.spreadsheets.surrogate_words import GIVEN_NAMES, WORDS
from leads_pipeline.spreadsheets.surrogates import Habits
from leads_pipeline.types import AnonymisedColumn, AnonymisedSheet, Sheet

_CHUNK_ROWS = 4_000
_LONGEST_CATEGORY = 40
_MOST_CATEGORIES = 30
_SHORTEST_WORD, _SHORTEST_NUMBER = 3, 5
"""What is shorter is in many cells of any file, and tells of nobody."""


def anonymise_file(path: Path, kind: str, plan: AnonymisingPlan, limits: Limits) -> list[AnonymisedSheet]:
    """Every sheet of `plan`, its columns in order. Raises `FileRejected`."""
    walks = [_Walk.of(sheet, plan.secrets) for sheet in plan.sheets]
    for walk, rows in zip(walks, _rows(path, kind, plan.sheets, limits), strict=True):
        walk.sample(rows)
    for walk, rows in zip(walks, _rows(path, kind, plan.sheets, limits), strict=True):
        walk.compare(rows)
    return [walk.outcome() for walk in walks]


@dataclass(slots=True)
class _Candidate:
    """A surrogate, and by what it could be recognised: itself, and its words and numbers that are not public."""

    text: str
    whole: str
    tokens: tuple[str, ...]
    failed: str | None = None


@dataclass(slots=True)
class _Walk:
    """One sheet on its way: its samples, then its candidates, and what comparing them has shown so far."""

    sheet: Sheet
    secrets: Secrets
    habits: list[Habits]
    samples: list[Sample]
    candidates: list[list[_Candidate]] = field(default_factory=list[list[_Candidate]])
    categories: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    header_words: frozenset[str] = frozenset()
    of_people: set[str] = field(default_factory=set[str])

    @classmethod
    def of(cls, sheet: Sheet, secrets: Secrets) -> "_Walk":
        words = frozenset(
            plain(word) for column in sheet.columns for word in WORD.findall(column.header)
            if len(word) >= _SHORTEST_WORD or not word.isascii()
        )  # fmt: skip
        return cls(
            sheet=sheet,
            secrets=secrets,
            habits=[Habits.of(column.profile) for column in sheet.columns],
            samples=[Sample() for _ in sheet.columns],
            header_words=words,
        )

    def sample(self, rows: Iterable[Row]) -> None:
        """Walk the rows for a sample of each column, and make its surrogates."""
        for columns in self._chunks(rows):
            for sample, cells in zip(self.samples, columns, strict=True):
                sample.add(cells)
        for column, habits, sample in zip(self.sheet.columns, self.habits, self.samples, strict=True):
            seed = hmac.digest(self.secrets.seed, f"{self.sheet.index}/{column.index}".encode(), "sha256")
            values = sample.values()
            made = surrogates.make(values, column.profile, seed, self._is_common)
            self.candidates.append([self._candidate(text, habits) for text in made])
            self.categories.append(tuple(self._categories(values, habits)))

    def compare(self, rows: Iterable[Row]) -> None:
        """Walk the rows again and fail every candidate that some cell of its column gives away."""
        for columns in self._chunks(rows):
            for candidates, habits, cells in zip(self.candidates, self.habits, columns, strict=True):
                joined = "\n" + "\n".join(map(str.strip, cells)) + "\n"
                text = joined.lower() if joined.isascii() else plain.__wrapped__(joined)
                for candidate in candidates:
                    if candidate.failed is None:
                        candidate.failed = _failure(candidate, text)
                if habits.people:
                    self.of_people |= {word for word in self.header_words if _holds(text, word)}

    def outcome(self) -> AnonymisedSheet:
        return AnonymisedSheet(
            index=self.sheet.index,
            columns=tuple(self._column(position) for position in range(len(self.sheet.columns))),
        )

    def _column(self, position: int) -> AnonymisedColumn:
        column, candidates = self.sheet.columns[position], self.candidates[position]
        header, taken = scrubbed(column.header, self.of_people)
        failed = Counter(candidate.failed for candidate in candidates if candidate.failed is not None)
        good = [candidate.text for candidate in candidates if candidate.failed is None]
        return AnonymisedColumn(
            index=column.index,
            header=header,
            surrogates=tuple(good[: surrogates.MOST]),
            dropped={**{f"header_{kind}": 1 for kind in sorted(taken)}, **dict(sorted(failed.items()))},
            categories=self.categories[position],
        )

    def _chunks(self, rows: Iterable[Row]) -> Iterator[list[list[str]]]:
        """The filled cells of each column, some thousand rows at a time."""
        left, width = int(self.sheet.layout["left"]), len(self.sheet.columns)
        source = data_rows(iter(rows), self.sheet.layout)
        while chunk := list(islice(source, _CHUNK_ROWS)):
            columns = list(zip_longest(*(texts[left : left + width] for _, texts in chunk), fillvalue=""))[:width]
            filled = [[cell for cell in column if cell and not cell.isspace()] for column in columns]
            yield filled + [[] for _ in range(width - len(filled))]

    def _candidate(self, text: str, habits: Habits) -> _Candidate:
        if surrogates.stays(text, habits, self._is_common):
            return _Candidate(text, "", ())
        return _Candidate(text, f"\n{plain(text)}\n", tuple(_telling(text, habits)))

    def _is_common(self, value: str) -> bool:
        return bool(self.secrets.common) and category_digest(value, self.secrets.category_key) in self.secrets.common

    def _categories(self, values: Sequence[str], habits: Habits) -> Iterator[str]:
        """Digests of this column's values, where they are categories that no vocabulary has."""
        if not habits.categories:
            return
        distinct = {plain(value.strip()): value.strip() for value in values}
        if len(distinct) > _MOST_CATEGORIES:
            return
        for low, value in sorted(distinct.items()):
            words = set(WORD.findall(low))
            if 1 < len(value) <= _LONGEST_CATEGORY and words and low not in habits.whole and not findings(value) and (
                public.GIVEN_NAMES.isdisjoint(words)
            ):  # fmt: skip
                yield category_digest(value, self.secrets.category_key)


_OURS = frozenset(word for words in (*WORDS.values(), *GIVEN_NAMES.values()) for word in words)
_TOKEN = re.compile(r"[^\W_]+")


def _telling(text: str, habits: Habits) -> Iterator[str]:
    """The words and numbers of a surrogate that would tell of somebody if a cell had them too."""
    for token in _TOKEN.findall(plain(text)):
        if token.isdecimal():
            if len(token) >= _SHORTEST_NUMBER:
                yield token
        elif len(token) >= _SHORTEST_WORD and token not in habits.within and (
            token in _OURS or token not in closed_world()
        ):  # fmt: skip
            yield token


def _failure(candidate: _Candidate, text: str) -> str | None:
    """How the cells in `text`, one a line in plain form, give the candidate away; None where they do not."""
    if candidate.whole and candidate.whole in text:
        return "equal"
    return "contained" if any(_holds(text, token) for token in candidate.tokens) else None


def _holds(text: str, token: str) -> bool:
    """Whether `token` stands in `text` as a word of its own."""
    return token in text and re.search(rf"(?<![^\W_]){re.escape(token)}(?![^\W_])", text) is not None


def _rows(path: Path, kind: str, sheets: Sequence[Sheet], limits: Limits) -> Iterator[Iterable[Row]]:
    """The rows of each sheet, found again by the layout that reading stored."""
    text = kind in delimited.KINDS
    budget = Budget(
        limits, limits.max_csv_cells if text else limits.max_workbook_cells, None if text else limits.max_rows
    )
    opened: Mapping[tuple[object, bool], Table] = {}
    if not text:
        readers = {bool(sheet.layout.get("second_reader")) for sheet in sheets}
        opened = {
            (table.layout["sheet"], second): table
            for second in sorted(readers)
            for table in workbooks.open_workbook(path, kind, second_reader=second)[0]
        }
    for sheet in sheets:
        layout = sheet.layout
        if text:
            yield budget.checked(Table(sheet.name, delimited.rows_of(path, delimited.dialect_of(layout), limits), {}))
        else:
            yield budget.checked(opened[layout["sheet"], bool(layout.get("second_reader"))])
