"""Whether a text holds something that tells of a person: addresses, numbers that lead to somebody, names.

Used on whatever is to be kept from a file: surrogates, which may hold no word but ours, and headers, which may hold
any. Errs on the side of finding something.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from itertools import chain

from leads_pipeline.spreadsheets import value_words as public
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.spreadsheets.surrogate_words import (
    CHARACTERS,
    CODE_LETTERS,
    GIVEN_NAMES,
    HEX_LETTERS,
    MORE_GIVEN_NAMES,
    PHONE_ENDING,
    WORDS,
)
from leads_pipeline.spreadsheets.words import HEADER_WORDS, HEADER_WORDS_WITHOUT_SPACES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MARK = "•"
"""What stands in a header where something was taken out."""

WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[^\W_]+")
_EMAIL = re.compile(r"[^\s@<>,;:()\"']+@([^\s@<>,;:()\"']+\.[^\W\d_][\w-]*)")
_HANDLE = re.compile(r"(?<![\w.])@([\w.]{2,40})")
_SITE = re.compile(r"(?:https?://|www\.)[^\s]+|\b(?:[\w-]+\.)+[a-z]{2,12}/[^\s]*", re.IGNORECASE)
_RESERVED_DOMAIN = re.compile(r"(?:.*\.)?(?:example|test|invalid|localhost)|(?:.*\.)?example\.(?:com|org|net)")
_NUMBER = re.compile(r"[+(]?[\d(][\d\s()./\u00a0–-]{5,}\d")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", re.IGNORECASE)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
_IDS = re.compile(
    r"""(?<![\w-])(?:
        (?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}        # United States: social security
      | [A-CEGHJ-PR-TW-Z]{2}[ ]?\d{2}[ ]?\d{2}[ ]?\d{2}[ ]?[A-D]   # United Kingdom: national insurance
      | [A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]       # Italy: codice fiscale
      | \d{8}[TRWAGMYFPDXBNJZSQVHLCKE] | [XYZ]\d{7}[TRWAGMYFPDXBNJZSQVHLCKE]   # Spain: DNI, NIE
      | \d{3}\.\d{3}\.\d{3}-\d{2}                           # Brazil: CPF
      | [12]\d{2}(?:0[1-9]|1[0-2])\d{5}\d{3}(?:[ ]?\d{2})?  # France: social security
      | (?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-+]\d{4}       # Sweden: personnummer
    )(?![\w-])""",
    re.VERBOSE | re.IGNORECASE,
)
_REGIONS = (
    "US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "BR", "IN", "JP", "AU", "MX", "TR", "CH", "AT", "BE", "DK", "NO",
    "PT", "FI", "CZ", "GR", "IL", "KR", "SG",
)  # fmt: skip
"""Where a number without a country may belong to somebody."""
_DATE = re.compile(r"\(?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))(?:[ T]\d{1,2}.*)?")
_DECIMAL = re.compile(r"\d{1,4}\.\d+")
_ZIP_PLUS_4 = re.compile(r"\d{5}-\d{4}")
_IP = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_RESERVED_IP = ("192.0.2.", "198.51.100.", "203.0.113.")
# Ranges that the countries' regulators keep for films and books, and figures that begin like no subscriber's number:
# they ring nobody's telephone.
_RESERVED_NUMBERS = re.compile(
    r"""(?:00)?1?\d{3}55501\d\d | [19]*55501\d\d
      | (?:0|(?:00)?44) (?:1632960 | 2079460 | 7700900 | 8081570) \d{3}
      | (?:0|(?:00)?49) (?:3023125 | 6990009 | 4066969 | 2214710 | 8999998) \d{3}
      | (?:0|(?:00)?33) (?:19900 | 26191 | 35301 | 46571 | 53649 | 63998) \d{4}
      | (?:0|(?:00)?61) (?:(?:25550 | 27010 | 35550 | 75550 | 85550) \d{4} | 491570\d{3})
      | (?:0|(?:00)?353) 2091\d{5}
      | (?:0|(?:00)?46) (?:3139006\d\d | 846500[45]\d\d)""",
    re.VERBOSE,
)

PUBLIC_SITES = _words("youtube.com tiktok.com xing.com github.com crunchbase.com vk.com pinterest.com")
"""Sites that the profile tells apart and that have no reserved name."""
_OF_ADDRESSES = _words("""
http https www com org net html htm php jpg jpeg png gif webp svg img image images avatar gravatar company profile example
test invalid linkedin twitter facebook instagram youtube tiktok xing github crunchbase pinterest mailto tel null none utc
gmt ext poste durchwahl
""")
_TEXT = frozenset(map(chr, range(32, 127))) | frozenset("“”‘’«»–—…·€£¥₹°〒。、・（）：；！？　\t\n")


def findings(text: str) -> frozenset[str]:
    """What kinds of personal data `text` holds: `email`, `handle`, `url`, `phone`, `ip`, `iban`, `card`, `id`."""
    return frozenset(kind for kind, _, _ in _spans(text))


def surrogate_findings(text: str, common: Callable[[str], bool] = lambda _: False) -> frozenset[str]:
    """The same of a surrogate, and `word`, `name` or `character` for whatever is not of our making.

    `common` says whether a whole text is a category that enough organizations use.
    """
    found = set(findings(text))
    if not common(text):
        found |= set(_foreign(text))
    return frozenset(found)


def scrubbed(header: str, of_people: Collection[str] = ()) -> tuple[str, frozenset[str]]:
    """A header without personal data, and what was taken out of it.

    `of_people` are words, in plain form, that the file's people are known to be called by.
    """
    spans = [*_spans(header), *_names(header, of_people)]
    if not spans:
        return header, frozenset()
    parts: list[str] = []
    at = 0
    for start, end in _merged(header, ((start, end) for _, start, end in spans)):
        parts += [header[at:start], MARK]
        at = end
    parts.append(header[at:])
    return "".join(parts), frozenset(kind for kind, _, _ in spans)


def _spans(text: str) -> Iterator[tuple[str, int, int]]:
    """What tells of a person, and where it stands."""
    figures = sum(map(str.isdigit, text))
    for kind, fewest, pattern, tells in _RECOGNISERS:
        if figures >= fewest:
            yield from ((kind, *match.span()) for match in pattern.finditer(text) if tells(match))


def _is_somebodys_site(address: str) -> bool:
    site = address.casefold().split("//")[-1].split("/")[0].split("?")[0].removeprefix("www.")
    return site not in PUBLIC_SITES and not _RESERVED_DOMAIN.fullmatch(site)


def _is_phone(text: str) -> bool:
    digits = "".join(filter(str.isdecimal, text))
    if not 7 <= len(digits) <= 15 or (text.isdecimal() and len(digits) < 8):
        return False
    if is_reserved_number(digits) or _DATE.fullmatch(text) or _DECIMAL.fullmatch(text) or _IP.fullmatch(text):
        return False
    if _ZIP_PLUS_4.fullmatch(text) or (text.isdecimal() and digits[-7:-2] == PHONE_ENDING):
        return False  # an id of ours, long enough to be a number, ends like nobody's
    import phonenumbers

    international = text.startswith("+") or digits.startswith("00")
    written = "+" + digits.removeprefix("00") if international else digits
    for region in (None,) if international else _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(written, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def is_reserved_number(digits: str) -> bool:
    """Whether the figures of a phone number lie in a range that is kept free for made-up numbers."""
    return _RESERVED_NUMBERS.fullmatch(digits) is not None


def _is_iban(text: str) -> bool:
    code = text.replace(" ", "").upper()
    if not 15 <= len(code) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in code[4:] + code[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(each) for each in text if each.isdecimal()]
    if digits[0] not in (2, 3, 4, 5, 6):
        return False
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_RECOGNISERS: tuple[tuple[str, int, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    ("email", 0, _EMAIL, lambda match: not _RESERVED_DOMAIN.fullmatch(match[1].casefold())),
    ("handle", 0, _HANDLE, lambda match: any(word not in closed_world() for word in _plain_words(match[1]))),
    ("url", 0, _SITE, lambda match: _is_somebodys_site(match[0])),
    ("phone", 7, _NUMBER, lambda match: _is_phone(match[0])),
    ("ip", 4, _IP, lambda match: not match[0].startswith(_RESERVED_IP)),
    ("iban", 10, _IBAN, lambda match: _is_iban(match[0])),
    ("card", 13, _CARD, lambda match: _is_card(match[0])),
    ("id", 7, _IDS, lambda _: True),
)
"""Each kind: the fewest figures that it needs, where to look, and whether what was found tells of a person."""


def _names(header: str, of_people: Collection[str]) -> Iterator[tuple[str, int, int]]:
    """Names in a header: given names with what follows them, and words that the file's people are called by."""
    words = [(match, plain(match[0])) for match in WORD.finditer(header)]
    for at, (match, low) in enumerate(words):
        if is_everyday(low) or len(low) < 2:
            continue
        if low in of_people or low in public.GIVEN_NAMES or low in MORE_GIVEN_NAMES:
            end = match.end()
            for following, word in words[at + 1 :]:
                between = header[end : following.start()]
                if not following[0][0].isupper() or is_everyday(word) or between not in (" ", "-", ", "):
                    break
                end = following.end()
            yield "name", match.start(), end


def is_everyday(word: str) -> bool:
    """Whether a word, in plain form, is one that headers are made of."""
    return (
        word in HEADER_WORDS
        or word in public.MONTHS
        or word in public.JOB_WORDS
        or word in public.DEPARTMENT_WORDS
        or (not word.isascii() and word in HEADER_WORDS_WITHOUT_SPACES)
    )


def _merged(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans in order, those that touch or have nothing but space between them as one."""
    current: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if current is not None and not text[current[1] : start].strip(" -,"):
            current = (current[0], max(current[1], end))
        else:
            if current is not None:
                yield current
            current = (start, end)
    if current is not None:
        yield current


# --- The closed world of surrogates --------------------------------------------------------------------------------


@cache
def closed_world() -> frozenset[str]:
    """Every word, in plain form, that a surrogate may hold: ours, and those of public vocabularies without names."""
    vocabularies = (
        public.COUNTRY_CODES, public.COUNTRY_NAMES, public.STATE_CODES, public.STATE_NAMES, public.CITIES, public.LANGUAGES,
        public.LOCALES, public.CURRENCIES, public.YES_NO, public.SALUTATIONS, public.SUFFIXES, public.GENDERS,
        public.STATUS_WORDS, public.CONSENT_WORDS, public.SOURCE_WORDS, public.COMPANY_FORMS, public.COMPANY_MARKS,
        public.STREET_WORDS, public.STREET_ENDINGS, public.UNIT_WORDS, public.JOB_WORDS, public.DEPARTMENT_WORDS,
        public.INDUSTRY_WORDS, public.TIMEZONE_WORDS, public.MONTHS, public.NOTHING,
    )  # fmt: skip
    phrases = chain.from_iterable(vocabularies)
    ours = chain(chain.from_iterable(WORDS.values()), chain.from_iterable(GIVEN_NAMES.values()))
    return frozenset(word for phrase in phrases for word in WORD.findall(phrase)) | frozenset(ours) | _OF_ADDRESSES


@cache
def _ours() -> frozenset[str]:
    return frozenset(chain.from_iterable(CHARACTERS.values()))


def _plain_words(text: str) -> Iterator[str]:
    yield from (plain(word) for word in WORD.findall(text) if len(word) > 2)


def _foreign(text: str) -> Iterator[str]:
    """What in a surrogate is not of our making."""
    for token in _TOKEN.findall(text):
        if any(map(str.isdigit, token)) and any(map(str.isalpha, token)):
            if not _is_code(token):
                yield "word"
            continue
        for word in WORD.findall(token):
            if (len(word) > 2 or not word.isascii()) and plain(word) not in closed_world() and not _is_compound(word):
                yield "name" if plain(word) in public.GIVEN_NAMES else "word"
    if any(not (character in _TEXT or character.isalnum()) for character in text):
        yield "character"


def _is_code(token: str) -> bool:
    """Whether a token of letters and figures holds only letters that ids are given here, or a word and figures."""
    return all(
        set(run.casefold()) <= {*CODE_LETTERS, *HEX_LETTERS, "t"} or plain(run) in closed_world() or _is_compound(run)
        for run in WORD.findall(token)
    )


def _is_compound(word: str) -> bool:
    """Characters of ours with an ending or mark that is public ("甲乙株式会社"), or a word of ours ("lebastrasse")."""
    low = plain(word)
    for ending in chain(public.STREET_ENDINGS, public.COMPANY_MARKS):
        if low.endswith(ending) and low != ending:
            low = low.removesuffix(ending)
            break
        if low.startswith(ending) and low != ending:
            low = low.removeprefix(ending)
            break
    return not low or low in closed_world() or set(low) <= _ours_plain()


@cache
def _ours_plain() -> frozenset[str]:
    return frozenset(chain.from_iterable(plain(character) for character in _ours())) | _ours()
