"""What one cell is: its text, as a person reads it in the sheet, and the kind of thing that text looks like.

Kinds serve to tell header rows from data and to find ambiguous columns. What a column means is for `mapping` to say.
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from typing import Any


class Kind(Enum):
    """What a text looks like. Everything but `LABEL` and `PROSE` speaks against standing in a header."""

    EMAIL = auto()
    URL = auto()
    DATE = auto()
    NUMBER = auto()
    """Amounts, counts, ids and phone numbers: digits, with what stands between and around them."""
    CODE = auto()
    """Letters and at least four digits in one word, or something no label looks like, such as JSON."""
    BOOLEAN = auto()
    LABEL = auto()
    """Up to 80 characters of anything else."""
    PROSE = auto()


_EMAIL = re.compile(r"(?:mailto:)?[^\s@,;<>\"]+@[^\s@,;<>\"]+\.[^\s@.,;<>\"]{2,}")
_URL = re.compile(
    r"(?:https?://|www\.)\S+|(?:[\w-]+\.)+(?:com|org|net|de|io|co|uk|fr|example|test)(?:/\S*)?", re.IGNORECASE
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].*)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:,? .*)?"
    r"|\d{1,2}[. -](?:[A-Za-zäéûç]{3,9}\.?)[. ,-]+\d{2,4}(?:,? .*)?"
    r"|[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}(?:,? .*)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?"
    r"|\d{4}年\d{1,2}月\d{1,2}日.*"
)
_NUMBER = re.compile(
    r"(?:[$€£¥₹]|[A-Z]{3} )? ?[-+(]*\d[\d .,'’()/\u00a0\u202f-]*(?:%| ?[$€£¥₹]|(?: ?(?:x|ext\.?) ?\d+))?", re.IGNORECASE
)
_CODE = re.compile(r"(?=(?:\D*\d){4})(?=\D*\d)[^\s]*[A-Za-z][^\s]*|[{\[<].*[}\]>]", re.DOTALL)
_PATTERNS = (
    (Kind.EMAIL, _EMAIL),
    (Kind.DATE, _DATE),
    (Kind.NUMBER, _NUMBER),
    (Kind.URL, _URL),
    (Kind.CODE, _CODE),
)
_BOOLEANS = frozenset({"true", "false", "yes", "no", "ja", "nein", "oui", "non", "sí", "y", "n", "x", "wahr", "falsch"})
_YEAR = re.compile(r"(?:19|20)\d\d")


@lru_cache(maxsize=2**13)
def kind_of(text: str) -> Kind | None:
    """The kind of `text`, None for a blank one."""
    text = text.strip()
    if not text:
        return None
    if len(text) <= 254:
        for kind, pattern in _PATTERNS:
            if pattern.fullmatch(text):
                return kind
        if text.casefold() in _BOOLEANS:
            return Kind.BOOLEAN
    return Kind.LABEL if len(text) <= 80 else Kind.PROSE


def is_year(text: str) -> bool:
    """Whether `text` is a year, which may well be a header ("2024", "2025")."""
    return _YEAR.fullmatch(text.strip()) is not None


def text_of(value: object) -> str:
    """The text of a typed cell: integers without ".0", never scientific notation, dates as ISO, TRUE and FALSE.

    A midnight is a date (`2025-03-04`), other moments are `2025-03-04 16:30:00`, durations `30:15:00`.
    """
    convert = _TEXTS.get(value.__class__)
    return convert(value) if convert else str(value)


def _float_text(value: float) -> str:
    if value.is_integer() and -1e15 < value < 1e15:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return "" if text[-1] in "fn" else text  # inf, nan


def _moment_text(value: dt.datetime) -> str:
    if value.microsecond >= 500_000 and value.year < dt.MAXYEAR:
        value += dt.timedelta(seconds=1)  # serials are fractions of a day: 16:29:59.9999 is 16:30
    midnight = value.hour == value.minute == value.second == 0
    return value.date().isoformat() if midnight else value.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")


def _duration_text(value: dt.timedelta) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: str,
    type(None): lambda _: "",
    bool: lambda value: "TRUE" if value else "FALSE",
    int: str,
    float: _float_text,
    dt.datetime: _moment_text,
    dt.date: dt.date.isoformat,
    dt.time: lambda value: value.replace(microsecond=0).isoformat(),
    dt.timedelta: _duration_text,
}
