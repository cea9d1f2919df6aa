"""One plain form for text that people write in many ways: without case, accents and presentation forms.

Used for comparing words only; nothing that a person sees is ever shown in this form.
"""

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "ı": "i", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th",
        "أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي", "ـ": "", "ی": "ي", "ک": "ك", "ە": "ه",
        "‘": "'", "’": "'", "ʼ": "'", "`": "'", "´": "'", "״": '"', "״".upper(): '"', "׳": "'", "“": '"', "”": '"',
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "\u200b": "", "\u200e": "", "\u200f": "", "\ufeff": "", "\xad": "",
    }
)  # fmt: skip
# Accents of European scripts, Hebrew points and Arabic vowel signs. The marks of Japanese and Indian scripts stay.
_MARKS = (
    *map(chr, range(0x0300, 0x0370)),
    *map(chr, range(0x0591, 0x05C8)),
    *map(chr, range(0x064B, 0x0653)),
)
_DROP = dict.fromkeys(map(ord, _MARKS))


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """`text` in lower case, without accents, with one form for each letter: "ÉTÉ" and "été" are both "ete"."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(_DROP)
    return unicodedata.normalize("NFC", decomposed.casefold()).translate(_LETTERS)
