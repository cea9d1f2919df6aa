"""Columns of dates and numbers that can be read in two ways: their text is kept, and a notice says so.

03/04/2025 is April 3rd or March 4th; `1.234` is a thousand or a little more than one. A single cell of the column that
only one reading fits decides for all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DATE = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})\b")
_SIGN, _UNIT = r"\s*[-+]?(?:[$€£¥] ?)?", r"(?: ?[$€£¥%])?\s*"
_GROUPED = re.compile(_SIGN + r"[1-9]\d{0,2}[.,]\d{3}" + _UNIT)
_DOTS = re.compile(_SIGN + r"(?:(?:\d+|\d{1,3}(?:\.\d{3})+),\d+|\d{1,3}(?:\.\d{3}){2,})" + _UNIT)
_COMMAS = re.compile(_SIGN + r"(?:(?:\d+|\d{1,3}(?:,\d{3})+)\.\d+|\d{1,3}(?:,\d{3}){2,})" + _UNIT)
"""Numbers that group thousands by dots, or by commas, beyond doubt; `_GROUPED` are those that say nothing."""


@dataclass(slots=True)
class Ambiguity:
    """What the cells of one column, seen so far, say about its dates and numbers."""

    _dates: int = 0
    _dates_decided: bool = False
    _grouped: int = 0
    _dots: bool = False
    _commas: bool = False

    def add(self, values: Sequence[str]) -> None:
        """Look at further cells, none of them blank. Columns of something else cost a glance at a few of them."""
        probe = values[:: max(1, len(values) // 8)]
        if not self._dates_decided and any(map(_DATE.match, probe)):
            self._add_dates(values)
        if not (self._dots and self._commas) and any(map(_looks_grouped, probe)):
            self._add_numbers(values[:50])
            # Once a cell has decided, a few of the rest will do to see whether others decide against it.
            self._add_numbers(values[50 :: 16 if self._dots or self._commas else 1])

    def _add_dates(self, values: Sequence[str]) -> None:
        for match in map(_DATE.match, values):
            if match:
                first, second = int(match[1]), int(match[2])
                if first > 12 or second > 12:
                    self._dates_decided = True
                    return
                self._dates += first != second

    def _add_numbers(self, values: Sequence[str]) -> None:
        for value in values:
            if _GROUPED.fullmatch(value):
                self._grouped += 1
            elif _DOTS.fullmatch(value):
                self._dots = True
            elif _COMMAS.fullmatch(value):
                self._commas = True
            if self._dots and self._commas:
                return

    @property
    def dates(self) -> bool:
        """Whether day and month cannot be told apart."""
        return self._dates > 0 and not self._dates_decided

    @property
    def numbers(self) -> bool:
        """Whether a dot or comma may group thousands or begin decimals: `1.234` alone, or both ways in one column."""
        return (self._dots and self._commas) or (self._grouped > 0 and not self._dots and not self._commas)


def _looks_grouped(value: str) -> bool:
    return ("." in value or "," in value) and any(pattern.fullmatch(value) for pattern in (_GROUPED, _DOTS, _COMMAS))
