"""Cells that a spreadsheet program would run as formulas, made harmless in what is exported for such programs.

An apostrophe in front makes Excel, LibreOffice and Google Sheets take a cell as text. Values that are wholly a phone
number or a number are left alone: they are what `+` and `-` in lead lists nearly always are, and harmless.
"""

import re

_STARTERS = "=+-@＝＋－＠﹢﹣﹦﹫−"
_SPACES = (
    " \x0b\x0c\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
_BREAKS = "\t\r\n"

RISKY = frozenset(_STARTERS + _SPACES + _BREAKS)
"""What a cell begins with that is worth asking `neutral` about: asking for every cell would cost more than writing it."""

_NUMBER = re.compile(r"[-+−]?(?:\d+(?:[.,'\u00a0\u202f ]\d{3})*|\d*)(?:[.,]\d+)?(?:[eE][-+]?\d{1,3})?(?: ?[%€$£])?")
_PHONE = re.compile(r"[+＋]?(?: ?\(?\d[\d ().\-/\u00a0]*)(?: ?(?:x|ext\.?|#) ?\d{1,6})?")


_PLAIN_PHONE = re.compile(r"\+\d[\d ]{6,20}")
"""How most phone numbers are written: worth a look before the full one."""


def neutral(text: str) -> str:
    """`text`, with an apostrophe in front if a spreadsheet program might run it."""
    if _PLAIN_PHONE.fullmatch(text):
        return text
    start = text.lstrip(_SPACES + _BREAKS)
    if text[:1] not in _BREAKS and (not start or start[0] not in _STARTERS):
        return text
    whole = text.strip()
    if any(character.isdigit() for character in whole):
        if text[:1] not in _BREAKS and _NUMBER.fullmatch(whole):
            return text
        if text[:1] not in _BREAKS and _PHONE.fullmatch(whole) and 7 <= sum(map(str.isdigit, whole)) <= 20:
            return text
    return "'" + text if text else text
