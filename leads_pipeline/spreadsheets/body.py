"""Which rows below a header are data: not totals, not footers, not a second table further down, not the header again.

Works on a stream, with a few rows of lookahead where a blank row makes a part of the sheet end, and a few rows held
back for what stands at the very end.
"""

import itertools
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from leads_pipeline.spreadsheets.cells import Kind, kind_of
from leads_pipeline.spreadsheets.headers import Header, is_known_word, is_label
from leads_pipeline.spreadsheets.rows import Row

_HELD_BACK = 12
_LOOKAHEAD = 6
_FIRM = frozenset({Kind.EMAIL, Kind.URL, Kind.DATE, Kind.NUMBER, Kind.CODE})
_TOTAL = re.compile(
    r"""(?: (?:(?:grand|overall|report)[ -]*)? (?:sub[ -]?)? totals?
            (?:[ ](?:rows?|records?|leads?|contacts?|count|général|general|geral))?
        | (?:gesamt|zwischen)?(?:summe|ergebnis) | gesamt | insgesamt
        | (?:sous-)?total | somme | totale?(?:[ ]generale)? | (?:sub)?totaal
        | razem | suma(?:[ ]totală)? | celkem | spolu | összesen | (?:genel[ ])?toplam
        | итого | всего | сума | разом | σύνολο
        | 合计 | 合計 | 总计 | 總計 | 小计 | 小計 | 총계 | 합계 | 소계
        | sum | count | average )""",
    re.IGNORECASE | re.VERBOSE,
)
_FOOTER = re.compile(
    r"""© | \b(?: export(?:ed|iert)? | generated | created[ ](?:by|on|at) | printed | page[ ]\d | confidential
        | copyright | filter(?:ed|s)? | report | source | end[ ]of | note: | disclaimer | records?\b.*\d | rows?\b.*\d
        | erstellt | stand: | quelle | seite[ ]\d | vertraulich | ende
        | généré | exporté | fuente | página | pagina | fonte )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(slots=True)
class Body:
    """The data rows of one table. Walk `rows` once; `left_out` and `last` are complete afterwards.

    `left_out` maps a reason (`total`, `footer`, `second_table`, `repeated_header`) to the rows that were left out for it.
    """

    header: Header
    usual: float
    typed: dict[int, Kind]
    left_out: dict[str, list[tuple[int, int]]] = field(default_factory=dict[str, list[tuple[int, int]]])
    first: int = 0
    last: int = 0
    _texts: list[str] = field(default_factory=list[str])

    @classmethod
    def below(cls, header: Header, head: Sequence[Row]) -> "Body":
        """What is to be expected below `header`, judged by those rows of `head` that are below it."""
        rows = cls._first_block(header, head)
        kinds: dict[int, Counter[Kind]] = {}
        fills: list[int] = []
        for cells in rows:
            found = [(column, kind) for column, cell in enumerate(cells) if (kind := kind_of(cell))]
            fills.append(len(found))
            for column, kind in found:
                kinds.setdefault(column, Counter())[kind] += 1
        typed = {
            column: kind
            for column, counter in kinds.items()
            for kind, count in counter.most_common(1)
            if kind in _FIRM and count >= 2 and count >= 0.7 * counter.total()
        }
        texts = [text.strip().casefold() for text in header.texts]
        while texts and not texts[-1]:
            texts.pop()
        return cls(header, median(fills) if fills else 0.0, typed, _texts=texts)

    @staticmethod
    def _first_block(header: Header, head: Sequence[Row]) -> list[list[str]]:
        """The rows down to a blank one that has at least three above it: below may be another table."""
        block: list[list[str]] = []
        for number, cells in head:
            if number >= header.body:
                if cells:
                    block.append(cells)
                elif len(block) >= 3:
                    break
        return block

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Those of `rows` that are data, blank ones left out."""
        held: deque[Row] = deque()
        for row in self._above_the_end(iter(rows)):
            held.append(row)
            if len(held) > _HELD_BACK:
                yield self._data(held.popleft())
        while len(held) > 1 and (reason := self._ending(held[-1][1])):
            self._leave_out(reason, held.pop()[0])
        while held:
            yield self._data(held.popleft())

    def _above_the_end(self, source: Iterator[Row]) -> Iterator[Row]:
        """The rows without what blank rows, or the header repeated, give away as no data."""
        ahead: deque[Row] = deque()
        gap = begun = False
        first_text = self._texts[0] if self._texts else None
        while (row := ahead.popleft() if ahead else next(source, None)) is not None:
            number, cells = row
            if number < self.header.body:
                continue
            if not cells:
                gap = True
                continue
            if first_text is not None and cells[0].strip().casefold() == first_text and self._repeats_header(cells):
                self._leave_out("repeated_header", number)
                gap = False
                continue
            if gap and begun:
                ahead.extend(itertools.islice(source, _LOOKAHEAD - len(ahead)))
                reason = self._judge([row, *ahead])
                if reason == "second_table":
                    self._leave_out_all(number, itertools.chain(ahead, source))
                    return
                if reason:
                    self._leave_out(reason, number)
                    continue
            gap, begun = False, True
            yield row

    def _leave_out_all(self, number: int, below: Iterable[Row]) -> None:
        last = max((other for other, cells in below if cells), default=number)
        self.left_out.setdefault("second_table", []).append((number, last))

    def _data(self, row: Row) -> Row:
        self.first = self.first or row[0]
        self.last = row[0]
        return row

    def _leave_out(self, reason: str, number: int) -> None:
        rows = self.left_out.setdefault(reason, [])
        if rows and rows[-1][1] == number - 1:
            rows[-1] = (rows[-1][0], number)
        else:
            rows.append((number, number))

    def _repeats_header(self, cells: Sequence[str]) -> bool:
        texts = [cell.strip().casefold() for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        return len(texts) > 1 and texts == self._texts

    def _judge(self, rows: Sequence[Row]) -> str | None:
        """Why the first of `rows`, which stands below a blank row, is no data; None where it is."""
        block = list(self._until_blank(rows))
        cells = block[0]
        if self._is_total(cells):
            return "total"
        filled = sum(1 for cell in cells if cell.strip())
        if self.usual >= 3 and filled <= max(1.0, self.usual * 0.2) and not self._conforms(cells):
            rest = [each for each in block[1:] if sum(1 for cell in each if cell.strip()) > filled]
            if rest and self._begins_second_table(rest):
                return "second_table"
            text = next(cell.strip() for cell in cells if cell.strip())
            if len(text.split()) > 1 or _FOOTER.search(text) or rest or len(block) == len(rows):
                return "footer"
        if self._begins_second_table(block):
            return "second_table"
        return None

    @staticmethod
    def _until_blank(rows: Sequence[Row]) -> Iterator[list[str]]:
        for _, cells in rows:
            if not cells:
                return
            yield cells

    def _begins_second_table(self, block: Sequence[Sequence[str]]) -> bool:
        cells = block[0]
        labels = [(column, cell) for column, cell in enumerate(cells) if cell.strip()]
        if len(labels) < 2 or len(block) < 2 or not all(is_label(cell, kind_of(cell)) for _, cell in labels):
            return False
        columns = [
            column for column in self.typed if any(column < len(row) and row[column].strip() for row in block[1:])
        ]
        alike = [
            column
            for column in columns
            if any(column < len(row) and kind_of(row[column]) is self.typed[column] for row in block[1:])
        ]
        if columns and len(alike) > len(columns) / 2:
            return False
        known = sum(is_known_word(cell) for _, cell in labels) / len(labels)
        values_below = any(kind_of(cell) in _FIRM for row in block[1:] for cell in row)
        width = len(labels)
        return (bool(columns) and (known > 0.3 or values_below)) or (
            known >= 0.5 and bool(self.typed) and width < self.usual * 0.7
        )

    def _ending(self, cells: Sequence[str]) -> str | None:
        """Why a last row is no data, None where it is."""
        if self._is_total(cells):
            return "total"
        texts = [cell.strip() for cell in cells if cell.strip()]
        if self.usual >= 3 and len(texts) == 1 and not self._conforms(cells):
            words = texts[0].split()
            if len(words) >= 4 or _FOOTER.search(texts[0]):
                return "footer"
        return None

    def _conforms(self, cells: Sequence[str]) -> bool:
        """Whether some cell has the kind of value that its column has elsewhere."""
        return any(column < len(cells) and kind_of(cells[column]) is kind for column, kind in self.typed.items())

    def _is_total(self, cells: Sequence[str]) -> bool:
        filled = [(column, cell.strip()) for column, cell in enumerate(cells) if cell.strip()]
        if not filled or len(filled) > max(2.0, self.usual * 0.6):
            return False
        text = re.sub(r"[\s:=#]*[\d.,]*\s*$", "", filled[0][1])
        if not _TOTAL.fullmatch(text):
            return False
        return (
            any(kind_of(cell) is Kind.NUMBER for _, cell in filled[1:])
            or len(text) < len(filled[0][1])
            or len(filled) == 1
        )
