"""Where the header of a table is, in its first rows, and what its columns are called.

Real tables have titles, dates of export and blank lines above the header, headers of two lines, or none at all. Every
early row is scored as a header for the rows below it: a header fills the columns that the rows below fill, has texts
above numbers, dates and addresses, repeats nothing, and often has one of a few hundred everyday words.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from leads_pipeline.spreadsheets.cells import Kind, is_year, kind_of
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.rows import Area, Row
from leads_pipeline.spreadsheets.value_words import CITIES, COMPANY_FORMS, COUNTRY_NAMES, GIVEN_NAMES, STATE_NAMES
from leads_pipeline.spreadsheets.words import HEADER_WORDS, HEADER_WORDS_WITHOUT_SPACES

HEAD = 60
"""How many rows that are not blank are looked at."""

_CANDIDATES = 40
_BODY = 30
_LONGEST_NAME = 4
_ALIKE = 0.2
"""The share of a column's cells that must be of the same sort as the first one to say that it is one of them."""
_PLACES = CITIES | COUNTRY_NAMES | STATE_NAMES
_VALUES = frozenset({Kind.EMAIL, Kind.URL, Kind.DATE, Kind.NUMBER, Kind.CODE})


@dataclass(frozen=True, slots=True)
class Header:
    """A header: the numbers of its rows (none: the table has no header), and for each column, from the first one of the
    file, what stands there (blank where nothing does). `body` is the number of the first row below.
    """

    rows: tuple[int, ...]
    texts: tuple[str, ...]
    body: int

    @property
    def row(self) -> int | None:
        """The row on which the header begins."""
        return self.rows[0] if self.rows else None


def find_header(head: Sequence[Row], merged: Sequence[Area] = ()) -> Header:
    """The header of the table whose first rows are `head`; there must be one that is not blank."""
    rows = [(number, cells) for number, cells in head if cells]
    kinds = [[kind_of(cell) for cell in cells] for _, cells in rows]
    table = _Rows(rows, kinds)
    candidates = list(table.candidates()) or [0]
    best = max(candidates, key=lambda index: (table.score(index), -index))
    if not table.is_header(best):
        first = _first_of_body(table)
        return Header((), (), rows[first][0])
    start, end = _extent(table, best, merged)
    texts = _joined(table, start, end, merged)
    return Header(tuple(rows[index][0] for index in range(start, end + 1)), texts, rows[end][0] + 1)


def unique_names(texts: Sequence[str], width: int) -> list[str]:
    """Names for `width` columns: the header's texts on one line, "Column 4" for none, "Email (2)" for a repeated one."""
    names: list[str] = []
    taken: set[str] = set()
    wanted = [" ".join(text.split()) for text in texts[:width]] + [""] * (width - len(texts))
    reserved = {name.casefold() for name in wanted if name}
    for position, text in enumerate(wanted, 1):
        base = text or f"Column {position}"
        name, count = base, 1
        while (
            name.casefold() in taken
            or (count > 1 and name.casefold() in reserved)
            or (not text and name.casefold() in reserved)
        ):
            count += 1
            name = f"{base} ({count})"
        taken.add(name.casefold())
        names.append(name)
    return names


def is_known_word(text: str) -> bool:
    """Whether a header-like text holds one of the everyday words of headers."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(
        r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", text)).casefold()
    )
    return any(word in HEADER_WORDS for word in words) or (
        not folded.isascii() and any(word in folded for word in HEADER_WORDS_WITHOUT_SPACES)
    )


def sort_of(text: str) -> str | None:
    """What a label surely names, a person, a company or a place; None for what may as well be a header."""
    folded = plain(" ".join(text.split()))
    if folded in _PLACES:
        return "place"
    words = folded.split()
    if len(words) > 1 and words[-1] in COMPANY_FORMS:
        return "company"
    return "person" if words and len(words) <= _LONGEST_NAME and words[0] in GIVEN_NAMES else None


def is_label(text: str, kind: Kind | None) -> bool:
    """Whether a text may stand in a header: a label, a question, or a year."""
    if kind is Kind.NUMBER:
        return is_year(text)
    if kind is Kind.PROSE:
        return len(text) <= 300 or text.rstrip().endswith("?")
    return kind in (Kind.LABEL, Kind.BOOLEAN) and any(character.isalpha() for character in text)


@dataclass(slots=True)
class _Rows:
    rows: list[Row]
    kinds: list[list[Kind | None]]

    def candidates(self) -> Iterator[int]:
        """Early rows of labels that are not below data, and have rows below them unless nothing else is there."""
        widest = data_above = 0
        for index in range(min(len(self.rows), _CANDIDATES)):
            width = len(self.filled(index))
            if self.may_be_header(index):
                if data_above <= 2 and (index + 1 < len(self.rows) or width > widest):
                    yield index
            else:
                data_above += 1
            widest = max(widest, width)

    def may_be_header(self, index: int) -> bool:
        """Whether fewer than half of a row's cells are values: a glance that spares most rows the full look."""
        kinds = [kind for kind in self.kinds[index] if kind]
        values = sum(
            kind in _VALUES and not is_year(cell)
            for cell, kind in zip(self.rows[index][1], self.kinds[index], strict=True)
            if kind
        )
        return 2 * values < len(kinds)

    def filled(self, index: int) -> list[int]:
        return [column for column, kind in enumerate(self.kinds[index]) if kind]

    def body_kinds(self, index: int) -> dict[int, Counter[Kind]]:
        """For each column that the rows below `index` fill, the kinds of its cells."""
        found: dict[int, Counter[Kind]] = {}
        for kinds in self.kinds[index + 1 : index + 1 + _BODY]:
            for column, kind in enumerate(kinds):
                if kind:
                    found.setdefault(column, Counter())[kind] += 1
        return found

    def evidence(self, index: int) -> "_Evidence":
        cells, kinds = self.rows[index][1], self.kinds[index]
        filled = self.filled(index)
        body = self.body_kinds(index)
        counts = {column: sum(counter.values()) for column, counter in body.items()}
        most = max(counts.values(), default=0)
        # Columns that hardly any row fills belong to footers, second tables and stray notes.
        usual = {column for column, count in counts.items() if count >= max(1, most * 0.05)}
        typed = {
            column
            for column in usual
            for kind, count in body[column].most_common(1)
            if kind in _VALUES and count >= 0.6 * counts[column]
        }
        for_header = against = 0
        for column in typed:
            if column >= len(kinds) or not kinds[column]:
                continue
            if kinds[column] in _VALUES and not (is_year(cells[column]) and not self._years(index, column)):
                against += 1
            else:
                for_header += 1
        texts = [cells[column].strip().casefold() for column in filled]
        below = [
            {row[column].strip().casefold() for _, row in self.rows[index + 1 : index + 1 + _BODY] if column < len(row)}
            for column in filled
        ]
        recurring = sum(
            text in values and kinds[column] is not Kind.BOOLEAN
            for text, values, column in zip(texts, below, filled, strict=True)
        )
        size = max(1, len(filled))
        return _Evidence(
            filled=len(filled),
            cover=len(usual.intersection(filled)) / max(1, len(usual)),
            labels=sum(is_label(cells[column], kinds[column]) for column in filled) / size,
            distinct=len(set(texts)) / size,
            contrast=(for_header - against) / max(1, for_header + against),
            typed=for_header + against,
            words=sum(is_known_word(cells[column]) for column in filled if is_label(cells[column], kinds[column]))
            / size,
            recurring=recurring / size,
            values=sum(kinds[column] in (Kind.EMAIL, Kind.URL, Kind.DATE) for column in filled)
            + sum(kinds[column] in (Kind.NUMBER, Kind.CODE) and not is_year(cells[column]) for column in filled),
            width=len(usual),
            below=len(self.rows) - index - 1,
        )

    def alike(self, index: int) -> float:
        """The share of a row's cells that name a person, a company or a place, as the cells below them do."""
        cells, filled = self.rows[index][1], self.filled(index)
        found = 0
        for column in filled:
            sort = sort_of(cells[column])
            if sort is None:
                continue
            below = [
                row[column]
                for _, row in self.rows[index + 1 : index + 1 + _BODY]
                if column < len(row) and row[column].strip()
            ]
            found += bool(below) and sum(sort_of(text) == sort for text in below) >= _ALIKE * len(below)
        return found / max(1, len(filled))

    def _years(self, index: int, column: int) -> bool:
        below = [
            row[column]
            for _, row in self.rows[index + 1 : index + 1 + _BODY]
            if column < len(row) and row[column].strip()
        ]
        return bool(below) and sum(map(is_year, below)) > len(below) / 2

    def score(self, index: int) -> float:
        evidence = self.evidence(index)
        score = (
            3.0 * evidence.cover
            + 2.0 * evidence.labels
            + 1.0 * evidence.distinct
            + 2.0 * evidence.contrast
            + 2.5 * evidence.words
            - 2.0 * evidence.recurring
            - 1.0 * min(1.0, 2 * evidence.values / max(1, evidence.filled))
            - 0.05 * index
        )
        if not evidence.below and index:
            score -= 3.0
        if evidence.filled == 1 and evidence.width > 1:
            score -= 2.0
        return score

    def is_header(self, index: int) -> bool:
        """Whether the row that looks most like a header is one. Without a doubt it is: nearly all tables have one."""
        evidence = self.evidence(index)
        if evidence.labels < 0.5:
            return False
        if not evidence.below:
            return evidence.values == 0 and (index > 0 or evidence.words > 0 or evidence.filled > 1)
        doubt = 0.0
        if evidence.typed:
            doubt -= 1.5 * evidence.contrast
        doubt += 2.0 * evidence.recurring
        doubt += 1.5 * min(1.0, evidence.values / max(1, evidence.filled) * 3)
        doubt -= 2.0 * min(1.0, 2 * evidence.words)
        doubt -= 0.25
        if not evidence.typed and (alike := self.alike(index)) >= 1 / 3:
            # Texts above texts: nothing but what they name tells a header from the first person of the list.
            doubt += 3.0 * alike
        return doubt <= 0


@dataclass(frozen=True, slots=True)
class _Evidence:
    filled: int
    cover: float
    labels: float
    distinct: float
    contrast: float
    typed: int
    words: float
    recurring: float
    values: int
    width: int
    below: int


def _first_of_body(table: _Rows) -> int:
    """The first row of a table without a header: titles are narrower than its rows."""
    usual = median(len(table.filled(index)) for index in range(len(table.rows)))
    for index in range(len(table.rows)):
        if len(table.filled(index)) >= min(usual, max(2.0, usual * 0.4)):
            return index
    return 0


def _extent(table: _Rows, best: int, merged: Sequence[Area]) -> tuple[int, int]:
    """The first and last row of the header of which `best` is one row."""
    end = best
    while end + 2 < len(table.rows) and end - best < 3 and _continues_header(table, end + 1):
        end += 1
    start = best
    while start > 0 and best - start < 2 and _heads_groups(table, start - 1, start, merged):
        start -= 1
    return start, end


def _continues_header(table: _Rows, index: int) -> bool:
    """Whether the row below a header row is one more: labels alone, where the rows below have values."""
    number, cells = table.rows[index]
    if number != table.rows[index - 1][0] + 1:
        return False
    if all(_is_machine_name(cell) for cell in cells if cell.strip()):
        return True
    evidence = table.evidence(index)
    return (
        evidence.values == 0
        and evidence.filled >= 2
        and evidence.labels >= 0.99
        and evidence.distinct >= 0.6
        and not evidence.recurring
        and evidence.typed >= 2
        and evidence.contrast >= 0.99
        and evidence.typed
        >= 0.6
        * sum(
            1 for counter in table.body_kinds(index).values() for kind, _ in counter.most_common(1) if kind in _VALUES
        )
        and evidence.words > 0.3
    )


def _is_machine_name(text: str) -> bool:
    """Survey tools write a line of JSON below their headers."""
    return text.strip().startswith("{") and text.strip().endswith("}")


def _heads_groups(table: _Rows, upper: int, lower: int, merged: Sequence[Area]) -> bool:
    """Whether a row is the upper line of a header: names of groups of columns, or the first words of long names."""
    (number, cells), (below, below_cells) = table.rows[upper], table.rows[lower]
    if below != number + 1:
        return False
    filled = table.filled(upper)
    if not all(is_label(cells[column], table.kinds[upper][column]) for column in filled):
        return False
    lower_filled = table.filled(lower)
    width = len(set(filled) | set(lower_filled))
    spans = [area for area in merged if area[0] == number and area[1] in filled]
    across = [area for area in spans if area[3] > area[1] and area[2] == number]
    down = [area for area in spans if area[2] >= below]
    if any(area[3] - area[1] + 1 >= width for area in across):
        return False  # a title over the whole table
    if across or down:
        return len(filled) >= 2 or bool(across and min(lower_filled, default=0) < across[0][1])
    if len(filled) < 2:
        return False
    complements = [column for column in filled if column not in lower_filled]
    texts = [below_cells[column].strip().casefold() for column in lower_filled]
    repeats = len(set(texts)) < len(texts)
    return bool(complements and len(lower_filled) >= len(filled) / 2 and not set(filled) <= set(complements)) or (
        repeats and len(filled) < len(lower_filled)
    )


def _joined(table: _Rows, start: int, end: int, merged: Sequence[Area]) -> tuple[str, ...]:
    """The header's rows read from top to bottom, the names of groups repeated over the columns that they span."""
    width = max(len(table.rows[index][1]) for index in range(start, end + 1))
    parts: list[list[str]] = [[] for _ in range(width)]
    for index in range(start, end + 1):
        number, cells = table.rows[index]
        texts = [cell.strip() for cell in cells] + [""] * (width - len(cells))
        if index > start and any(map(_is_machine_name, texts)):
            continue
        if index < end:
            texts = _spread(number, texts, table.rows[end][1], merged)
        for column, text in enumerate(texts):
            if text and (not parts[column] or parts[column][-1].casefold() != text.casefold()):
                parts[column].append(text)
    return tuple(" ".join(part) for part in parts)


def _spread(number: int, texts: list[str], below: Sequence[str], merged: Sequence[Area]) -> list[str]:
    areas = [area for area in merged if area[0] <= number <= area[2]]
    spread = list(texts)
    if areas:
        for first_row, first, _, last in areas:
            if first_row == number and first < len(texts):
                for column in range(first, min(last, len(texts) - 1) + 1):
                    spread[column] = spread[column] or texts[first]
        return spread
    current = ""
    for column, text in enumerate(texts):
        current = text or current
        if not text and column < len(below) and below[column].strip():
            spread[column] = current
    return spread
