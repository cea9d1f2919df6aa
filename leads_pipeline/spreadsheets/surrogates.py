"""Values that look like a column's own and belong to nobody.

A surrogate keeps what the profile tells of a value (its kinds, its case, its punctuation, its country) and none of its
words or figures: those are made up (`surrogate_words`), lie in ranges that are reserved for examples, or are public words
that most of the column consists of ("Open", "GmbH", "Germany").
"""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from leads_pipeline.spreadsheets import value_words as public
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.profile import forced_prefix, kinds_of
from leads_pipeline.spreadsheets.recognise import PUBLIC_SITES, closed_world, findings, surrogate_findings
from leads_pipeline.spreadsheets.surrogate_words import (
    CHARACTERS,
    CODE_LETTERS,
    GIVEN_NAMES,
    HEX_LETTERS,
    PHONE_ENDING,
    WORDS,
)
from leads_pipeline.types import ColumnProfile

MOST = 5
"""Most surrogates that are kept of a column."""
CANDIDATES = 10
"""How many are made, since some will not do."""
LONGEST = 160
"""Longest surrogate, in characters: longer ones would say no more about a column."""
_TRIES = 6

Common = Callable[[str], bool]
"""Whether a value is a category that enough organizations use."""


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Habits:
    """What a whole column is like, by which its words are told: which public words are no secret in it.

    `whole` and `within` are the words that stay; the former where they are all of a value. `names` says that given names
    are among its values, `people` that its words may be what people are called.
    """

    whole: frozenset[str]
    within: frozenset[str]
    names: bool
    people: bool
    companies: bool
    streets: bool
    categories: bool

    @classmethod
    def of(cls, profile: ColumnProfile) -> "Habits":
        share = profile.kinds.get
        names = share("given_name", 0.0) >= 0.2
        whole = frozenset(word for kind, words in _WHOLE.items() if share(kind, 0.0) >= 0.5 for word in words)
        within = frozenset(
            word for kind, words in _WITHIN.items() if share(kind, 0.0) >= 0.3 and not names for word in words
        )
        personal = names or any(share(kind, 0.0) >= 0.2 for kind in _PERSONAL)
        return cls(
            whole=whole,
            within=within,
            names=names,
            people=names or _may_be_surnames(profile),
            companies="company" in profile.kinds and not names,
            streets=share("street", 0.0) >= 0.3,
            categories=not personal and (share("enumeration", 0.0) > 0 or profile.distinct <= 0.5),
        )


def _may_be_surnames(profile: ColumnProfile) -> bool:
    """Whether a column of capitalised words has nothing that would show them to be anything but names."""
    share = profile.kinds.get
    spelled = sum(share(kind, 0.0) for kind in ("one_name", "two_names", "three_names", "short_name"))
    known = max((share(kind, 0.0) for kind in _NO_NAMES), default=0.0)
    return spelled >= 0.6 and known < 0.3 and profile.distinct > 0.5


_NO_NAMES = (
    "company", "city", "country", "state_name", "job", "department", "industry", "status", "source", "language",
    "salutation", "consent", "gender", "street", "timezone",
)  # fmt: skip
_WHOLE = {
    "country": public.COUNTRY_NAMES, "country_code": public.COUNTRY_CODES, "state_name": public.STATE_NAMES,
    "state_code": public.STATE_CODES, "language": public.LANGUAGES, "salutation": public.SALUTATIONS,
    "suffix": public.SUFFIXES, "gender": public.GENDERS, "status": public.STATUS_WORDS, "consent": public.CONSENT_WORDS,
    "source": public.SOURCE_WORDS, "boolean": public.YES_NO, "currency": public.CURRENCIES, "locale": public.LOCALES,
    "timezone": public.TIMEZONE_WORDS,
}  # fmt: skip
_WITHIN = {
    "company": public.COMPANY_FORMS, "job": public.JOB_WORDS, "department": public.DEPARTMENT_WORDS,
    "industry": public.INDUSTRY_WORDS, "unit": public.UNIT_WORDS, "street": public.STREET_WORDS,
    "money": public.CURRENCIES, "date_words": public.MONTHS, "timezone": public.TIMEZONE_WORDS,
}  # fmt: skip
_PERSONAL = (
    "email", "email_within", "handle", "phone", "phone_digits", "street", "city", "given_name", "two_names", "three_names",
    "short_name", "url", "uuid", "hex", "token", "ip", "sentence", "postal", "date",
)  # fmt: skip


def make(values: Sequence[str], profile: ColumnProfile, seed: bytes, common: Common = lambda _: False) -> list[str]:
    """Up to `CANDIDATES` surrogates for a column of which `values` are a sample, in no order of the file's.

    Which ones is up to `seed`. None holds personal data by `surrogate_findings`; that they differ from every value of the
    column is for the caller to check, who knows them all.
    """
    # Reproducible for whoever holds the organization's key, and for nobody else.
    chance = random.Random(seed)  # noqa: S311
    habits = Habits.of(profile)
    made: dict[str, None] = {}
    for value in _chosen(values, chance):
        surrogate = _surrogate(value, habits, chance, common)
        if surrogate:
            made.setdefault(surrogate)
    found = list(made)
    chance.shuffle(found)
    return found


def stays(value: str, habits: Habits, common: Common = lambda _: False) -> bool:
    """Whether a value may be kept as it is: all of it is public in this column, or a common category."""
    if plain(value) in habits.whole or (habits.categories and common(value)):
        return True
    pieces = _PIECE.findall(plain(value))
    return bool(habits.within) and all(piece in habits.within or not piece[0].isalnum() for piece in pieces)


def _chosen(values: Sequence[str], chance: random.Random) -> list[str]:
    """Values that together show what the column is like: each combination of kinds in proportion, up to `CANDIDATES`."""
    cells = [cell for value in values if (cell := value.strip()) and plain(cell) not in public.NOTHING]
    distinct = list(dict.fromkeys(cells))
    chance.shuffle(distinct)
    if len(distinct) <= CANDIDATES:
        return distinct
    groups: dict[frozenset[str], list[str]] = {}
    for cell in distinct:
        groups.setdefault(kinds_of(cell), []).append(cell)
    ordered = sorted(groups.values(), key=len, reverse=True)
    chosen: list[str] = []
    for group in ordered:
        chosen += group[: max(1, round(CANDIDATES * len(group) / len(distinct)))]
    return chosen[:CANDIDATES]


def _surrogate(value: str, habits: Habits, chance: random.Random, common: Common) -> str | None:
    """One surrogate for `value`, of the same kinds if that can be had; None where every try would leak."""
    cell = unicodedata.normalize("NFC", value)[:LONGEST]
    if stays(cell, habits, common):
        return cell
    if prefix := forced_prefix(cell):
        made = _surrogate(cell[len(prefix) :], habits, chance, common)
        return made and prefix + made
    wanted = kinds_of(cell)
    best: tuple[int, str] | None = None
    for _ in range(_TRIES):
        for made in _made(cell, wanted, habits, chance):
            candidate = "".join(map(_allowed, made)).strip()
            if not candidate or plain(candidate) == plain(cell) or surrogate_findings(candidate, lambda _: False):
                continue
            apart = len(kinds_of(candidate) ^ wanted)
            if best is None or apart < best[0]:
                best = (apart, candidate)
        if best is not None and best[0] == 0:
            break
    return None if best is None else best[1]


def _allowed(character: str) -> str:
    """Characters that cannot carry a word: figures, letters, and everyday punctuation."""
    return (
        character if character.isalnum() or character.isspace() or ord(character) < 127 or character in _MARKS else ""
    )


_MARKS = "“”‘’«»–—…·€£¥₹°〒。、・（）：；！？"


def _made(cell: str, kinds: frozenset[str], habits: Habits, chance: random.Random) -> Iterator[str]:
    """Candidates, the likeliest first."""
    if "@" in cell:
        yield _with_addresses(cell, habits, chance)
    elif "url" in kinds:
        yield _link(cell, kinds, habits, chance)
    elif "ip" in kinds:
        yield (
            "2001:db8::" + format(chance.randrange(16**4), "x")
            if ":" in cell
            else f"192.0.2.{chance.randrange(1, 255)}"
        )
    elif "uuid" in kinds:
        made = f"00000000-0000-4000-8000-{chance.randrange(16**12):012x}"
        yield made.upper() if cell.isupper() else made
    elif kinds & {"date", "time", "day_month"}:
        yield _date(cell, habits, chance)
    elif "phone" in kinds or ("phone_digits" in kinds and cell.isdecimal()):
        yield from _phones(cell, chance)
    elif "city" in kinds:
        yield _city(cell, chance)
    else:
        yield _words(cell, habits, chance)


# --- Words ---------------------------------------------------------------------------------------------------------

_PIECE = re.compile(r"[^\W_]+|[\W_]+")
_RUN = re.compile(r"\d+|[^\W\d_]+")
_UNSPACED = {"han", "kana", "hiragana", "hangul", "thai", "devanagari"}


def _words(cell: str, habits: Habits, chance: random.Random) -> str:
    """Every word and number replaced, what lies between them kept."""
    return "".join(piece if not piece[0].isalnum() else _token(piece, habits, chance) for piece in _PIECE.findall(cell))


def _token(token: str, habits: Habits, chance: random.Random) -> str:
    low = plain(token)
    if low in habits.within or low in _KEPT:
        return token
    runs = _RUN.findall(token)
    code = len(runs) > 1 and token.isascii() and len(token) <= 64
    letters = HEX_LETTERS if code and set(low) <= set("0123456789abcdef") else CODE_LETTERS
    return "".join(
        _figures(run, chance) if run[0].isdigit()
        else _code(run, letters, chance) if code and low not in habits.within and plain(run) not in habits.within
        else _word(run, habits, chance)
        for run in runs
    )  # fmt: skip


_KEPT = _words_of("am pm st nd rd th utc gmt ext")


def _code(run: str, letters: str, chance: random.Random) -> str:
    return "".join(_cased(chance.choice(letters), each) for each in run)


def _cased(letter: str, like: str) -> str:
    return letter.upper() if like.isupper() else letter


def _word(word: str, habits: Habits, chance: random.Random) -> str:
    low = plain(word)
    if low in habits.within:
        return word
    script = _script(word)
    if script in _UNSPACED:
        return _unspaced(word, script, habits, chance)
    if habits.streets and (ending := next((each for each in public.STREET_ENDINGS if low.endswith(each)), None)):
        stem = word[: len(word) - len(ending)] if len(low) == len(word) else ""
        if len(stem) > 2:
            return _word(stem, habits, chance) + word[len(stem) :]
    if len(word) <= 2 and word.isascii():
        return "".join(_cased(chance.choice("bcdfghjklmnpqrtvwxyz"), each) for each in word)
    if habits.names and low in public.GIVEN_NAMES and script in GIVEN_NAMES:
        return _like(word, chance.choice(GIVEN_NAMES[script]))
    pool = WORDS.get(script, WORDS["latin"])
    nearest = sorted(pool, key=lambda each: (abs(len(each) - len(word)), chance.random()))[:8]
    return _like(word, chance.choice(nearest))


def _like(original: str, word: str) -> str:
    """`word` in the case of `original`."""
    if original.isupper() and len(original) > 1:
        return word.upper()
    return word.capitalize() if original[:1].isupper() else word


def _unspaced(word: str, script: str, habits: Habits, chance: random.Random) -> str:
    """Each character replaced, but for the endings and marks that are public in such a column."""
    marks = (*(public.COMPANY_MARKS if habits.companies else ()), *(public.STREET_ENDINGS if habits.streets else ()))
    if habits.names and plain(word) in public.GIVEN_NAMES and (names := GIVEN_NAMES.get(script)):
        return chance.choice(names)
    for mark in marks:
        if word.endswith(mark) and word != mark:
            return _unspaced(word.removesuffix(mark), script, habits, chance) + mark
        if word.startswith(mark) and word != mark:
            return mark + _unspaced(word.removeprefix(mark), script, habits, chance)
    return "".join(chance.choice(CHARACTERS.get(_script(each), CHARACTERS["han"])) for each in word)


@cache
def _script(word: str) -> str:
    first = unicodedata.name(word[0], "").partition(" ")[0].lower()
    return {"cjk": "han", "katakana": "kana"}.get(first, first)


# --- Figures -------------------------------------------------------------------------------------------------------


def _figures(run: str, chance: random.Random) -> str:
    """A number of as many figures. Long ones, which may be somebody's, are put together so that they are nobody's."""
    if len(run) >= 8:
        return _nobodys(len(run), run.startswith("0"), chance)
    if len(run) == 4 and run[:2] in ("19", "20"):
        return run[:2] + f"{chance.randrange(26):02d}"
    first = "0" if run[0] == "0" and len(run) > 1 else str(chance.randrange(1, 10))
    return first + "".join(str(chance.randrange(10)) for _ in run[1:])


def _nobodys(length: int, zero: bool, chance: random.Random) -> str:
    prefix = _free_prefix(length, zero)
    return prefix + "".join(str(chance.randrange(10)) for _ in range(length - len(prefix)))


_PADS = ("1", "9", "7", "4", "12", "91", "85", "36", "67", "23", "58")


@cache
def _free_prefix(length: int, zero: bool) -> str:
    """Figures that no telephone number of this length begins with, two free ones after them."""
    fill = length - len(PHONE_ENDING) - 2
    lead = "0" if zero else ""
    reserved = {10: "019900", 11: "01632960"}.get(length, "") if zero else "202555010"[:8] if length == 10 else ""
    pads = [pad for pad in _PADS if not (zero and pad[0] == "0")]
    candidates = [
        reserved,
        *(lead + (pad * length)[: fill - len(lead)] + PHONE_ENDING for pad in pads if fill >= len(lead)),
    ]
    candidates += [lead + (pad * length)[: length - 2 - len(lead)] for pad in pads]
    samples = ("07", "42", "96")
    for candidate in filter(None, candidates):
        rest = length - len(candidate)
        if not any(findings(candidate + (sample * 2)[:rest]) for sample in samples):
            return candidate
    return lead + "1" * (length - 2 - len(lead))


def _phones(cell: str, chance: random.Random) -> Iterator[str]:
    """Numbers of the same country and spelling that ring nobody's telephone."""
    digits = "".join(filter(str.isdecimal, cell))
    extension = re.search(r"[^\d\s()./+–-].*$", cell)
    if extension:
        inner = "".join(filter(str.isdecimal, extension[0]))
        head, tail = cell[: extension.start()], re.sub(r"\d", lambda _: str(chance.randrange(1, 10)), extension[0])
        for made in _phones(head, chance) if len(digits) - len(inner) >= 7 else ():
            yield made + tail
        return
    if cell.lstrip("(").startswith("+") or digits.startswith("00"):
        zeros = 2 if digits.startswith("00") else 0
        code = _country_code(digits[zeros:])
        national = len(digits) - zeros - len(code)
        start = digits[:zeros] + code
        for prefix in _RESERVED_ABROAD.get(code, ()):
            rest = national - len(prefix)
            if 2 <= rest <= 4:
                yield _spelled(cell, start + prefix + "".join(str(chance.randrange(10)) for _ in range(rest)))
        yield _spelled(cell, start + "0" * max(0, national - 2) + f"{chance.randrange(100):02d}"[-national:])
        return
    if len(digits) == 10 and digits[0] != "0":
        yield _spelled(cell, f"{chance.choice(('202', '303', '404', '512'))}{PHONE_ENDING}{chance.randrange(100):02d}")
    if len(digits) == 11 and digits[0] == "1":
        yield _spelled(cell, f"1202{PHONE_ENDING}{chance.randrange(100):02d}")
    if len(digits) == 7:
        yield _spelled(cell, f"{PHONE_ENDING}{chance.randrange(100):02d}")
    yield _spelled(cell, _nobodys(len(digits), digits[0] == "0", chance))
    yield _spelled(cell, "9" * (len(digits) - 7) + f"{PHONE_ENDING}{chance.randrange(100):02d}")


_RESERVED_ABROAD = {
    "1": ("20255501", "30355501"),
    "44": ("1632960", "2079460", "7700900"),
    "49": ("3023125", "6990009", "4066969"),
    "33": ("19900", "63998"),
    "61": ("25550", "491570"),
}


def _country_code(digits: str) -> str:
    import phonenumbers

    for length in (1, 2, 3):
        if int(digits[:length] or 0) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length]
    return digits[:2]


def _spelled(cell: str, digits: str) -> str:
    """`digits` with what stands between the figures of `cell`."""
    left = iter(digits)
    return "".join(next(left, "") if each.isdecimal() else each for each in cell) + "".join(left)


_DATE_PART = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)


def _date(cell: str, habits: Habits, chance: random.Random) -> str:
    """Another day and time in the same spelling: figures of two count 1 to 12, which is good for each of them."""
    parts: list[str] = []
    for part in _DATE_PART.findall(cell):
        if not part[0].isdigit():
            low = plain(part)
            known = low in public.MONTHS or low in public.TIMEZONE_WORDS or len(part) <= 2 or low in closed_world()
            parts.append(part if known or not part[0].isalpha() else _word(part, habits, chance))
        elif len(part) == 4:
            parts.append(str(chance.randrange(2001, 2020)))
        elif len(part) <= 2:
            parts.append(str(chance.randrange(1, 10)) if len(part) == 1 else f"{chance.randrange(1, 13):02d}")
        else:
            parts.append(_figures(part, chance))
    return "".join(parts)


# --- Addresses -----------------------------------------------------------------------------------------------------

_EMAIL = re.compile(r"([^\s@<>,;:()\"']+)@([^\s@<>,;:()\"']+)")


def _with_addresses(cell: str, habits: Habits, chance: random.Random) -> str:
    """E-mail addresses at reserved domains, handles, and the words around them."""
    parts: list[str] = []
    at = 0
    for match in _EMAIL.finditer(cell):
        parts += [_words(cell[at : match.start()], habits, chance), _mailbox(match[1], habits, chance), "@"]
        parts.append(_latin_word(match[2].partition(".")[0], chance) + ".example")
        at = match.end()
    parts.append(_words(cell[at:], habits, chance))
    return "".join(parts)


def _mailbox(local: str, habits: Habits, chance: random.Random) -> str:
    return "".join(
        _latin_word(piece, chance) if piece.isalpha()
        else _figures(piece, chance) if piece.isdecimal()
        else _token(piece, habits, chance) if piece[0].isalnum()
        else piece if piece in (".", "-", "_", "+") else "."
        for piece in re.findall(r"\d+|[^\W\d_]+|[\W_]", local)
    )  # fmt: skip


def _latin_word(word: str, chance: random.Random) -> str:
    if 1 <= len(word) <= 2:
        return "".join(chance.choice("bcdfghjklmnpqrtvwxyz") for _ in word)
    nearest = sorted(WORDS["latin"], key=lambda each: (abs(len(each) - len(word)), chance.random()))[:12]
    return chance.choice(nearest)


_SOCIAL = {"linkedin": "linkedin.example", "twitter": "twitter.example", "facebook": "facebook.example",
           "instagram": "instagram.example"}  # fmt: skip
_KEPT_IN_LINKS = _words_of("in company pub profile http https www html htm php jpg jpeg png gif webp svg avatar")


def _link(cell: str, kinds: frozenset[str], habits: Habits, chance: random.Random) -> str:
    scheme, slashes, rest = cell.rpartition("//")
    host, slash, path = rest.partition("/")
    www = "www." if host.lower().startswith("www.") else ""
    site = next((_SOCIAL[kind] for kind in _SOCIAL if kind in kinds), None)
    if site is None and "other_social" in kinds:
        site = next((each for each in sorted(PUBLIC_SITES) if each in host.lower()), None)
    name = site or _latin_word(host.lower().removeprefix("www.").partition(".")[0], chance) + ".example"
    scheme = scheme if scheme.lower() in ("http:", "https:", "") else "https:"
    made = "".join(
        piece if not piece[0].isalnum() or piece.lower() in _KEPT_IN_LINKS
        else _latin_word(piece, chance) if piece.isalpha()
        else _token(piece, habits, chance)
        for piece in _PIECE.findall(path)
    )  # fmt: skip
    return f"{scheme}{slashes}{www}{name}{slash}{made}"


def _city(cell: str, chance: random.Random) -> str:
    script = _script(cell)
    others = [each for each in sorted(public.CITIES) if _script(each) == script and (" " in each) == (" " in cell)]
    return " ".join(_like(cell, each) for each in chance.choice(others).split()) if others else ""
