"""A person's name, as salutation, first name, last name and suffix.

Rests on how names are written, not on who bears them: commas, particles, titles, scripts, capitals. No word is ever lost
or changed: the parts hold the words of the whole. What cannot be told apart is a last name as a whole, and said to be unsure.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from leads_pipeline.spreadsheets import value_words
from leads_pipeline.spreadsheets.name_words import (
    CHINESE_SURNAMES,
    COMPOUND_SURNAMES,
    COUPLE_WORDS,
    DEVOTIONS,
    HONORIFICS,
    JAPANESE_SURNAMES,
    KOREAN_COMPOUNDS,
    LOWER_PARTICLES,
    PARTICLES,
    SHORT_SUFFIXES,
    SPANISH_SURNAMES,
    SUFFIXES,
    TELLING_SUFFIXES,
    TITLE_TAILS,
    TITLES,
    TITLES_BY_LANGUAGE,
    VIETNAMESE_MIDDLES,
    VIETNAMESE_SURNAMES,
)  # fmt: skip
from leads_pipeline.spreadsheets.plain import plain


class Name(NamedTuple):
    """The parts of a name; each may be empty. `sure` is False where `last` is the whole, because nothing better is known."""

    salutation: str
    first: str
    last: str
    suffix: str
    sure: bool = True


MOST_WORDS = 9
"""A text of more words is no name of one person."""

_ODD = re.compile(r"[\d@/|;:<>=#*_\\\n]")
_CJK = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff々〆ヶ]+")
_KATAKANA = re.compile(r"[\u30a0-\u30ff]+")
_HAN_THEN_KANA = re.compile(r"([\u3400-\u9fff々ヶ]+)([\u3040-\u309f\u30a0-\u30ff]+)")
_DOTS = re.compile(r"[・･·‧]")
_PATRONYMIC = re.compile(r".{2,}(?:ович|евич|ьич|овна|евна|ична|івна|ївна|йович)", re.IGNORECASE)
_SLAVIC_SURNAME = re.compile(
    r".{2,}(?:ов|ев|ёв|ин|ын|ский|цкий|ова|ева|ёва|ина|ына|ская|цкая|енко|чук|щук|юк|ських|ський|ська)", re.IGNORECASE
)
_LATIN_ENDS = "\u0250"
_SPECIAL = frozenset(word.rstrip(".") for word in TITLES | SUFFIXES | SHORT_SUFFIXES | PARTICLES)
_COMPANY = (
    value_words.COMPANY_FORMS - TITLES - SUFFIXES - SHORT_SUFFIXES - PARTICLES - {"as", "ag", "sl", "se", "co", "me"}
)


def split_name(text: str, *, family_first: bool = False, language: str = "") -> Name:
    """The parts of `text`.

    `family_first` says that the column writes the family name first; `language` (ISO 639) what is known of its language,
    which matters where languages write alike and mean otherwise ("M." is a title in French, an initial in English).
    """
    words = text.split()
    if len(words) == 2 and not family_first and max(text) < _LATIN_ENDS:
        first, last = words
        if (
            first.isalpha()
            and last.isalpha()
            and first.istitle()
            and last.istitle()
            and first.lower() not in _SPECIAL
            and last.lower() not in _SPECIAL
        ):  # how most cells look
            return Name("", first, last, "")
    if not words:
        return Name("", "", "", "")
    if (
        len(words) > MOST_WORDS
        or _ODD.search(text.strip())
        or not _COMPANY.isdisjoint(plain(text).replace(",", " ").split())
    ):
        return _unsure(text)
    if _CJK.search(text):
        return _east_asian(text, language)
    if "," in text:
        return _with_commas(text, family_first=family_first, language=language)
    return _plain_order(words, family_first=family_first, language=language)


def _unsure(text: str) -> Name:
    return Name("", "", " ".join(text.split()), "", sure=False)


# --- Titles and suffixes -------------------------------------------------------------------------------------------


def _without_titles(words: list[str], language: str) -> tuple[list[str], list[str]]:
    """The titles that `words` begin with, and the rest, which is never empty."""
    titles = TITLES | TITLES_BY_LANGUAGE.get(language, frozenset())
    count = 0
    while count < len(words) - 1:
        word = plain(words[count]).rstrip(",")
        if word not in titles and not (count and word in TITLE_TAILS):
            break
        count += 1
    return words[:count], words[count:]


def _without_suffixes(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before the suffixes at the end, at least one, and the suffixes."""
    shouted = all(word.isupper() for word in words)
    end = len(words)
    while end > 1 and _is_suffix(words[end - 1], alone=end == 2, shouted=shouted):
        end -= 1
    return words[:end], words[end:]


def _is_suffix(word: str, *, alone: bool = False, shouted: bool = False) -> bool:
    """`alone`: it would leave a single word; `shouted`: all words are in capitals, which then say nothing."""
    low = plain(word)
    if low in SUFFIXES:
        return True
    # Yo-Yo Ma has no master's degree, and Jung Ba no bachelor's.
    telling = low in TELLING_SUFFIXES if shouted else word.isupper()
    return low in SHORT_SUFFIXES and not alone and ("." in word or telling)


# --- Commas --------------------------------------------------------------------------------------------------------


def _with_commas(text: str, *, family_first: bool, language: str) -> Name:
    """`Last, First`, with titles and suffixes wherever people put them."""
    pieces = [piece.split() for piece in text.split(",")]
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return _unsure(text)
    head, *tails = pieces
    suffixes: list[str] = []
    titles: list[str] = []
    rest: list[list[str]] = []
    for tail in tails:
        if all(_is_suffix(word) for word in tail):
            suffixes += tail
        elif all(plain(word) in TITLES or plain(word) in TITLE_TAILS for word in tail):
            titles += tail
        else:
            rest.append(tail)
    if not rest:
        found = _plain_order(head, family_first=family_first, language=language)
        return found._replace(
            salutation=" ".join([*found.salutation.split(), *titles]),
            suffix=" ".join([*found.suffix.split(), *suffixes]),
        )
    if len(rest) > 1:
        return _unsure(text)
    before, family = _without_titles(head, language)
    family, after = _without_suffixes(family)
    more, given = _without_titles(rest[0], language)
    given, last_suffixes = _without_suffixes(given)
    moved = len(given)
    while moved > 1 and given[moved - 1] in LOWER_PARTICLES:  # Berg, Jan van den
        moved -= 1
    given, particles = given[:moved], given[moved:]
    return Name(
        " ".join([*before, *more, *titles]),
        " ".join(given),
        " ".join([*particles, *family]),
        " ".join([*after, *last_suffixes, *suffixes]),
    )


# --- Words in a row ------------------------------------------------------------------------------------------------


def _plain_order(words: list[str], *, family_first: bool, language: str) -> Name:
    titles, core = _without_titles(words, language)
    core, suffixes = _without_suffixes(core)
    salutation, suffix = " ".join(titles), " ".join(suffixes)
    if len(core) == 1:
        return Name(salutation, "", core[0], suffix)
    divided = _divided(core, family_first=family_first, language=language)
    if divided is None:
        return _unsure(" ".join(words))
    first, last = divided
    return Name(salutation, " ".join(first), " ".join(last), suffix)


def _divided(words: list[str], *, family_first: bool, language: str) -> tuple[Sequence[str], Sequence[str]] | None:
    """First and last names; None where they cannot be told."""
    couple = next((at for at, word in enumerate(words) if plain(word) in COUPLE_WORDS), None)
    if couple is not None:
        # "John & Jane Smith" share a name; "John Smith & Jane Doe" are two people.
        return (words[:-1], words[-1:]) if couple == 1 and len(words) >= 4 else None
    for divide in (_by_capitals, _by_patronymic):
        found = divide(words)
        if found is not None:
            return found
    if family_first or _is_vietnamese(words):
        start = 0
        while start < len(words) - 2 and words[start] in LOWER_PARTICLES:
            start += 1
        return words[start + 1 :], words[: start + 1]
    if words[0] in LOWER_PARTICLES and len(words) <= 3:  # van Gogh; de la Cruz
        return (), words
    at = _family_name_begins(words, language)
    return words[:at], words[at:]


def _by_capitals(words: list[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """The French and the official way: Jean DUPONT, DUPONT Jean."""
    shouted = [word.isupper() and "." not in word and (len(word) > 2 or word.lower() in PARTICLES) for word in words]
    if not any(shouted) or not any(word[-1].islower() and word not in LOWER_PARTICLES for word in words):
        return None
    count = len(words)
    first = shouted.index(True)
    last = count - shouted[::-1].index(True)
    between = all(flag or words[at].lower() in PARTICLES for at, flag in enumerate(shouted) if first <= at < last)
    if not between:
        return None
    if first == 0 and last < count:
        return words[last:], words[:last]
    while first > 1 and words[first - 1].lower() in PARTICLES:
        first -= 1
    return (words[:first], words[first:]) if last == count and first > 0 else None


def _by_patronymic(words: list[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """Russian and Ukrainian names, whose order the patronymic, or the endings, give away."""
    if words[0].isascii():
        return None
    if len(words) == 3:
        if _PATRONYMIC.fullmatch(words[2]) and not _PATRONYMIC.fullmatch(words[1]):
            return words[1:], words[:1]
        if _PATRONYMIC.fullmatch(words[1]):
            return words[:2], words[2:]
    if len(words) == 2 and _SLAVIC_SURNAME.fullmatch(words[0]) and not _SLAVIC_SURNAME.fullmatch(words[1]):
        return words[1:], words[:1]
    return None


def _is_vietnamese(words: list[str]) -> bool:
    return 3 <= len(words) <= 4 and plain(words[0]) in VIETNAMESE_SURNAMES and plain(words[1]) in VIETNAMESE_MIDDLES


def _family_name_begins(words: list[str], language: str) -> int:
    """The index of the first word of the family name, given names being in front."""
    last = len(words) - 1
    at = 1
    while at < last:
        word = words[at]
        # A capital particle may be a name of its own ("Di"), but hardly in the middle.
        if word.lower() in PARTICLES and (word in LOWER_PARTICLES or word.istitle()):
            end = at
            while end < last and words[end].lower() in PARTICLES:
                end += 1
            if plain(words[end]) in DEVOTIONS and end < last:  # María del Carmen, José de Jesús
                at = end + 1
                continue
            return at
        if plain(word) in ("y", "i", "e") and at >= 2:  # Ortega y Gasset
            return at - 1
        at += 1
    if last >= 2 and (language == "es" or _is_spanish(words)):
        return last - 1
    return last


def _is_spanish(words: list[str]) -> bool:
    """Whether the last two words are both family names, and not the one before the last a second given name."""
    middle, end = plain(words[-2]), plain(words[-1])
    return middle in SPANISH_SURNAMES and end in SPANISH_SURNAMES


# --- Chinese, Japanese, Korean -------------------------------------------------------------------------------------


def _east_asian(text: str, language: str) -> Name:
    if any(character.isalpha() and ord(character) < 0x2E80 for character in text):
        return _unsure(text)  # two scripts: probably the same name twice
    words = text.split()
    salutation = ""
    for honorific in HONORIFICS:
        if words[-1] == honorific and len(words) > 1:
            salutation, words = honorific, words[:-1]
            break
        if words[-1].endswith(honorific) and len(words[-1]) > len(honorific) + 1:
            salutation, words = honorific, [*words[:-1], words[-1].removesuffix(honorific)]
            break
    whole = " ".join(words)
    if len(words) == 1 and _DOTS.search(whole):
        given, _, family = whole.rpartition(_DOTS.findall(whole)[-1])
        return Name(salutation, given, family, "")
    if len(words) > 1:
        if all(_KATAKANA.fullmatch(word) for word in words) and language != "ja":
            return Name(salutation, " ".join(words[:-1]), words[-1], "")
        return Name(salutation, " ".join(words[1:]), words[0], "")
    at = _family_characters(whole, language)
    if at is None:
        return Name(salutation, "", whole, "", sure=False)
    return Name(salutation, whole[at:], whole[:at], "")


def _family_characters(name: str, language: str) -> int | None:
    """How many characters of a name without spaces are the family name; None where that cannot be told."""
    size = len(name)
    if _HANGUL.fullmatch(name):
        return _begins(name, ((KOREAN_COMPOUNDS, 2),)) or (1 if 2 <= size <= 4 else None)
    mixed = _HAN_THEN_KANA.fullmatch(name)
    if mixed:
        return len(mixed[1])
    if not _HAN.fullmatch(name) or not 2 <= size <= 6:
        return None
    return _chinese(name) if language == "zh" else _japanese(name) or (None if language == "ja" else _chinese(name))


def _japanese(name: str) -> int | None:
    if name in JAPANESE_SURNAMES and len(name) > 1:
        return len(name)
    found = _begins(name, ((JAPANESE_SURNAMES, 3), (JAPANESE_SURNAMES, 2)))
    return found or (1 if len(name) == 2 and name[0] in JAPANESE_SURNAMES and name[0] not in CHINESE_SURNAMES else None)


def _chinese(name: str) -> int | None:
    single = 1 if len(name) <= 3 and name[0] in CHINESE_SURNAMES else None
    return _begins(name, ((COMPOUND_SURNAMES, 2),)) or single


def _begins(name: str, lists: Sequence[tuple[frozenset[str], int]]) -> int | None:
    """The length of the first of these beginnings that `name` has, something being left."""
    return next((length for known, length in lists if length < len(name) and name[:length] in known), None)
