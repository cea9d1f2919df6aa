"""Number formats that show more figures than a number has: `00000` shows the postal code 1067 as 01067.

Only formats of figures and of characters between them are known here; every other one leaves a number as it is.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape

_PART = r"""(?:\\.|"[^"]*"|[-\ :()+0#])"""
_CODE = re.compile(rf"(?:\[\$[^\]]*\])?(?:\[<=(?P<limit>\d{{1,15}})\])?(?P<pattern>{_PART}+)")
_PARTS = re.compile(_PART)
_MOST_RUNS = 200_000
_LONGEST = 15
"""Most figures of a number that a workbook keeps exactly."""


@dataclass(frozen=True, slots=True)
class ZeroFormat:
    """Patterns of figures, each with the greatest number that it is for: the first one that fits is used."""

    patterns: tuple[tuple[int | None, tuple[str, ...]], ...]

    def text(self, number: int) -> str | None:
        """`number` as the format shows it; None where it does not say."""
        for limit, parts in self.patterns:
            if limit is None or number <= limit:
                return _filled(parts, number)
        return None


@lru_cache(maxsize=256)
def zero_format(code: str) -> ZeroFormat | None:
    r"""What a number format is, by its code (`00000`, `[<=99999]00000;00000\-0000`), if it may show leading zeros."""
    patterns: list[tuple[int | None, tuple[str, ...]]] = []
    for section in code.split(";")[:2]:
        match = _CODE.fullmatch(section)
        if match is None:
            break
        parts = tuple(_PARTS.findall(match["pattern"]))
        start = parts.index("0") if "0" in parts else len(parts)
        if sum(map(_is_figure, parts[start:])) < 2 or len(set(map(_is_figure, parts[:start]))) > 1:
            break
        patterns.append((int(match["limit"]) if match["limit"] else None, parts))
        if not match["limit"]:
            break
    return ZeroFormat(tuple(patterns)) if patterns else None


def zero_format_in_xml(code: str) -> ZeroFormat | None:
    """The same for a code as it stands in an attribute."""
    return zero_format(unescape(code))


def _is_figure(part: str) -> bool:
    return part in ("0", "#")


def _filled(parts: tuple[str, ...], number: int) -> str:
    """The figures of `number` in the places of a pattern, from the right; zeros where it has none left."""
    first_zero = parts.index("0")
    figures = str(number)
    out: list[str] = []
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at]
        if not _is_figure(part):
            out.append(part[1:] if part[0] == "\\" else part.strip('"'))
        elif figures or at >= first_zero:
            is_last = not any(map(_is_figure, parts[:at]))
            out.append(figures if is_last and figures else figures[-1:] or "0")
            figures = "" if is_last else figures[:-1]
    return "".join(reversed(out))


@dataclass(slots=True)
class _Run:
    first: int
    last: int
    shown: ZeroFormat


@dataclass(slots=True)
class Padding:
    """Which cells of a sheet have such a format: for each column, the rows from and to which it holds."""

    _columns: dict[int, list[_Run]] = field(default_factory=dict[int, list[_Run]])
    _noted: int = 0

    def note(self, row: int, column: int, shown: ZeroFormat) -> None:
        """`row` counts from 1, `column` from 0; rows of a column come in order, or are not noted."""
        runs = self._columns.setdefault(column, [])
        if runs and runs[-1].last >= row:
            return
        if runs and runs[-1].shown == shown and runs[-1].last == row - 1:
            runs[-1].last = row
        elif self._noted < _MOST_RUNS:
            self._noted += 1
            runs.append(_Run(row, row, shown))

    def show(self, row: int, values: list[object], texts: list[str]) -> None:
        """Put into `texts` how the numbers among a row's `values` are shown. Rows are asked for in order."""
        for column, runs in self._columns.items():
            while runs and runs[0].last < row:
                runs.pop(0)
            if runs and runs[0].first <= row and column < len(values):
                texts[column] = shown_number(values[column], runs[0].shown) or texts[column]

    def __bool__(self) -> bool:
        return bool(self._columns)


def shown_number(value: object, shown: ZeroFormat) -> str | None:
    """A whole number of 0 or more by its format; None for everything else."""
    if value.__class__ not in (int, float):
        return None
    number = float(value)  # pyright: ignore[reportArgumentType]
    return shown.text(int(number)) if number.is_integer() and 0 <= number < 10**_LONGEST else None
