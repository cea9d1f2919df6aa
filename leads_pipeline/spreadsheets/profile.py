"""What a column's cells look like, as shares and masked shapes: all that later rooms ever learn about cells.

Runs in the reading child on at most a hundred values of a column. What a profile means for a lead field is not
decided here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from leads_pipeline.spreadsheets import value_words as words
from leads_pipeline.spreadsheets.addresses import split_address
from leads_pipeline.spreadsheets.plain import plain
from leads_pipeline.types import ColumnProfile

SHAPES = 5
"""Most masked shapes that a profile holds."""

SHAPE_LENGTH = 40
"""Longest masked shape, in characters."""


def profile_column(values: Sequence[str], *, rows: int, filled: int) -> ColumnProfile:
    """Measure a sample of a column's filled cells.

    `rows` and `filled` count the whole column. The shares of kinds are those among the sampled values without "null" and
    its like; a value can be of several kinds (a LinkedIn address is a URL too).
    """
    cells = [cell for cell in map(_clean, values) if cell and cell.lower() not in words.NOTHING]
    if not cells:
        return ColumnProfile(rows=rows, filled=filled)
    counted = Counter(cells)
    total = len(cells)
    kinds: Counter[str] = Counter()
    for cell, times in counted.items():
        for kind in set(_kinds(cell)):
            kinds[kind] += times
    for kind in _kinds_of_column(cells, counted):
        kinds[kind] = total
    shapes = Counter(_shape(cell) for cell in cells)
    return ColumnProfile(
        rows=rows,
        filled=filled,
        sampled=len(counted),
        distinct=round(len(counted) / total, 3),
        mean_length=round(sum(map(len, cells)) / total, 1),
        kinds={kind: round(times / total, 3) for kind, times in sorted(kinds.items())},
        shapes=tuple(shape for shape, _ in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:SHAPES]),
    )


def kinds_of(value: str) -> frozenset[str]:
    """Every kind that one value is of, by itself."""
    cell = _clean(value)
    return frozenset(_kinds(cell)) if cell else frozenset()


# --- Shapes --------------------------------------------------------------------------------------------------------


class _Mask(dict[int, str]):
    def __missing__(self, code: int) -> str:
        character = chr(code)
        if unicodedata.category(character)[0] == "N":
            mask = "9"
        elif character.isupper() or character.istitle():
            mask = "A"
        elif character.isalpha() or unicodedata.category(character)[0] == "M":
            mask = "a"
        elif character.isspace() or not character.isprintable():
            mask = " "
        else:
            mask = character
        self[code] = mask
        return mask


_MASK = _Mask()


def _shape(cell: str) -> str:
    shape = cell[: SHAPE_LENGTH + 1].translate(_MASK)
    return shape if len(shape) <= SHAPE_LENGTH else shape[: SHAPE_LENGTH - 1] + "…"


# --- Kinds of one value --------------------------------------------------------------------------------------------

# Prefixes by which ad platforms and spreadsheets force text: `p:+4930...`, `z:10115`, a leading apostrophe.
_PREFIX = re.compile(r"(?:p|z|l|c|f|ag|as|tel|mailto):(?=\S)|'(?=[\d+=@-])", re.IGNORECASE)

_EMAIL = re.compile(r"[^\s@<>,;:]+@[^\s@<>,;]+\.[^\W\d_][\w-]*", re.UNICODE)
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[a-z]{2,12}(?:/\S*)?", re.IGNORECASE)
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg)\b|gravatar|avatar", re.IGNORECASE)
_IP = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}", re.IGNORECASE)
_ID = re.compile(r"(?=.*\d)[A-Za-z]{1,8}[-_:#/]?(?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]*\d[A-Za-z0-9]*|\d+[-_][A-Za-z0-9_-]+")
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{9,}")

_INTEGER = re.compile(r"[-+]?\d{1,15}(?:\.0)?")
_GROUPED = re.compile(r"\d{1,3}(?:[,.' \u00a0]\d{3})+")
_DECIMAL = re.compile(r"[-+]?\d{1,3}(?:[,. ']?\d{3})*[.,]\d+")
_MONEY = re.compile(
    r"(?:[$€£¥₹₪₩₴₽]|[A-Z]{0,3}\$|R\$|(?:usd|eur|gbp|chf|jpy|inr|sek|dkk|nok|pln)\b)\s?-?[\d.,' ]+[kmb]?"
    r"|-?[\d.,' ]+[kmb]?\s?(?:[$€£¥₹₪₩₴₽]|(?:usd|eur|gbp|chf|jpy|inr|sek|dkk|nok|pln|zł|kr|руб|грн|円|元)\b\.?)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"[-+]?[\d.,]+\s?%")
_RANGE = re.compile(
    r"[$€£]?[\d.,]+[kmb]?\s?(?:-|–|to|bis|à|a)\s?[$€£]?[\d.,]+[kmb]?|[\d.,]+[kmb]?\+|[<>]=?\s?\d[\d.,]*", re.IGNORECASE
)
_COORDINATE = re.compile(r"-?1?\d{1,2}\.\d{3,}")

_DATE_ISO = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?=$|[T ])")
_DATE_NUMBERS = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?=$|[T, ])")
_DATE_CJK = re.compile(r"\d{4}\s?[年년]\s?\d{1,2}\s?[月월](?:\s?\d{1,2}\s?[日일])?")
_DAY_MONTH = re.compile(r"(?:--)?(\d{1,2})[-/.](\d{1,2})\.?")
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\s?(?:[ap]\.?m\.?)?", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d(?:\.0)?")
_EPOCH = re.compile(r"1[0-9]{9}(?:\d{3})?")

_PHONE = re.compile(
    r"(?:\+|00)?[\d(][\d\s()./\u00a0–-]{5,22}\d(?:\s?(?:x|ext\.?|poste|#|durchwahl|dw)\s?\d{1,6})?", re.IGNORECASE
)
_EXTENSION = re.compile(r"(?:x|ext\.?|-)?\s?\d{1,5}", re.IGNORECASE)
_DIGITS = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")

_POSTAL = {
    "postal_us": re.compile(r"\d{5}-\d{4}"),
    "postal_five": re.compile(r"\d{5}"),
    "postal_uk": re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", re.IGNORECASE),
    "postal_ca": re.compile(r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d", re.IGNORECASE),
    "postal_nl": re.compile(r"\d{4} ?[A-Z]{2}"),
    "postal_four": re.compile(r"\d{4}"),
    "postal_six": re.compile(r"\d{6}"),
    "postal_jp": re.compile(r"〒? ?\d{3}-\d{4}"),
    "postal_dash": re.compile(r"\d{2}-\d{3}|\d{4}-\d{3}|\d{5}-\d{3}|\d{3} \d{2}"),
    "postal_marked": re.compile(r"(?:[A-Z]{1,2}-)\d{4,5}|AD\d{3}|LV-\d{4}"),
}
_POSTAL_CODE = re.compile("|".join(f"(?:{pattern.pattern})" for pattern in _POSTAL.values()), re.IGNORECASE)

_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?", re.UNICODE)
_SNAKE = re.compile(r"[^\W_]+(?:_[^\W_]+)+[?!,.]*", re.UNICODE)
_HANDLE = re.compile(r"@[\w.]{2,40}")
_OFFSET = re.compile(r"(?:(?:utc|gmt)\s?)?[+-]\d{1,2}(?::?\d{2})?|\(?(?:utc|gmt)[^)]{0,8}\)?.*", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?")
_NUMBER_AND_WORD = re.compile(
    r"(?:\d+[A-Za-z]?(?:[-/]\d+[A-Za-z]?)?,?\s+\D.*|\D+\s\d+\s?[A-Za-z]?(?:[-/, ].*)?)", re.DOTALL
)
_UNIT = re.compile(r"#\s?\w{1,5}|\d+[A-Za-z]?|(?:\d+\.?\s?)?(?:og|fl|floor|stock|etage|piso|階)\b.*", re.IGNORECASE)
_LIST = re.compile(r" ::: |[;|]|,\s?")

_SITES = {
    "linkedin": ("linkedin.com", "linkedin.example"),
    "twitter": ("twitter.com", "//x.com", "www.x.com", "twitter.example"),
    "facebook": ("facebook.com", "fb.com", "fb.me", "facebook.example"),
    "instagram": ("instagram.com", "instagram.example"),
    "other_social": ("youtube.com", "tiktok.com", "xing.com", "github.com", "crunchbase.com", "vk.com", "pinterest."),
}


def forced_prefix(cell: str) -> str:
    """What an ad platform or a spreadsheet has put before a value to make it text; mostly nothing."""
    match = _PREFIX.match(cell) if ":" in cell or cell[:1] == "'" else None
    return match[0] if match else ""


def _clean(value: str) -> str:
    cell = value.strip()
    return cell[len(forced_prefix(cell)) :]


def _kinds(cell: str) -> Iterator[str]:
    """Every kind that `cell` is of."""
    if "@" in cell:
        yield from _addresses(cell)
        return
    if (cell[0] in "hHwW" and _URL.match(cell)) or ("." in cell and _DOMAIN.fullmatch(cell) and not cell[0].isdigit()):
        yield from _links(cell)
        return
    if cell[0] in "{[" and cell[-1] in "}]":
        yield "json"
        return
    if cell.isdecimal():
        yield from _numbers(cell, len(cell), lettered=False)
        return
    digits = 0 if cell.isalpha() else len(_DIGITS.findall(cell))
    lettered = _LETTER.search(cell) is not None
    tokens = _tokens(plain(cell)) if lettered or not digits else []
    if digits:
        dates = tuple(_dates(cell, tokens))
        yield from dates
        # 1.5 may be the first of May.
        if not dates or (dates == ("day_month",) and _DECIMAL.fullmatch(cell)):
            yield from _numbers(cell, digits, lettered=lettered)
        if dates or not lettered:
            return
    yield from _texts(cell, tokens, digits)


def _addresses(cell: str) -> Iterator[str]:
    if _EMAIL.fullmatch(cell):
        yield "email"
    elif _HANDLE.fullmatch(cell):
        yield "handle"
    elif _EMAIL.search(cell):
        found = _EMAIL.findall(cell)
        yield "email_within"
        if len(found) > 1:
            yield "many"
        if len(cell) > 2 * sum(map(len, found)) + 20:
            yield "sentence"
    else:
        yield "text"


def _links(cell: str) -> Iterator[str]:
    low = cell.lower()
    if " " in cell:
        yield "sentence" if cell.count(" ") > 3 else "text"
        return
    yield "url"
    for kind, sites in _SITES.items():
        if any(site in low for site in sites):
            yield kind
            yield "social"
            if kind == "linkedin" and "/company/" in low:
                yield "linkedin_company"
    if _IMAGE.search(low):
        yield "image"
    path = low.split("//")[-1].rstrip("/")
    yield "url_deep" if path.count("/") > 1 or "?" in path else "url_site"


def _numbers(cell: str, digits: int, *, lettered: bool) -> Iterator[str]:
    """Kinds that hold digits."""
    size = len(cell)
    if not cell[0].isalpha():
        if _INTEGER.fullmatch(cell):
            yield from _integers(cell, digits)
        elif _GROUPED.fullmatch(cell):
            yield "grouped"
        if size <= 32 and digits >= 6 and _is_phone(cell, digits):
            yield "phone"
            if cell[0] == "+" or cell.startswith("00"):
                yield "phone_plus"
    if size < 30 and digits < size:
        yield from _quantities(cell, lettered=lettered)
    if size <= 10 and _POSTAL_CODE.fullmatch(cell):
        yield from _postals(cell)
    if digits <= 5 and _EXTENSION.fullmatch(cell):
        yield "extension"
    if digits < size and " " not in cell:
        yield from _ids(cell)


def _postals(cell: str) -> Iterator[str]:
    for kind, pattern in _POSTAL.items():
        if pattern.fullmatch(cell):
            yield "postal"
            yield kind


def _integers(cell: str, digits: int) -> Iterator[str]:
    yield "integer"
    number = abs(int(float(cell)))
    if cell in ("0", "1"):
        yield "zero_one"
        yield "boolean"
    if number < 100:
        yield "small_number"
    if _YEAR.fullmatch(cell):
        yield "year"
    if _EPOCH.fullmatch(cell):
        yield "epoch"
    if 9 <= digits <= 13 and "." not in cell:
        yield "phone_digits"
    if 30_000 < number < 60_000:
        yield "date_serial"


def _quantities(cell: str, *, lettered: bool) -> Iterator[str]:
    first = cell[0]
    if not first.isalpha() and _DECIMAL.fullmatch(cell):
        yield "decimal"
        if _COORDINATE.fullmatch(cell):
            yield "coordinate"
    elif cell[-1] == "%" and _PERCENT.fullmatch(cell):
        yield "percent"
    elif (lettered or "$" in cell or not cell.isascii()) and _MONEY.fullmatch(cell):
        yield "money"
    elif not first.isalpha() and _RANGE.fullmatch(cell):
        yield "range"
    if first in "+-(gGuU" and _OFFSET.fullmatch(cell):
        yield "timezone"


def _dates(cell: str, tokens: list[str]) -> Iterator[str]:
    form = _date_in_figures(cell)
    if form == "day_month":
        yield form
        return
    if form is None and len(cell) < 45 and cell[-1] != "?" and not words.MONTHS.isdisjoint(tokens):
        form = "date_words"
    if form is not None:
        yield "date"
        yield form
        if ":" in cell or len(cell) > 20:
            yield "datetime"
    elif ":" in cell and _TIME.fullmatch(cell):
        yield "time"


def _date_in_figures(cell: str) -> str | None:
    if not (cell[0].isdigit() or cell[0] == "-"):
        return None
    if _DATE_ISO.match(cell) or (not cell.isascii() and _DATE_CJK.match(cell)):
        return "date_iso"
    if _DATE_NUMBERS.match(cell):
        return "date_numbers"
    match = _DAY_MONTH.fullmatch(cell)
    if match is None:
        return None
    one, other = sorted(map(int, match.groups()))
    return "day_month" if 1 <= one <= 12 and other <= 31 else None


def _is_phone(cell: str, digits: int) -> bool:
    if not _PHONE.fullmatch(cell):
        return False
    if cell[0] == "+":
        return 7 <= digits <= 18
    if cell[0] == "(" or cell.startswith("00"):
        return 7 <= digits <= 20
    separated = sum(character in " -./()" for character in cell)
    if _DECIMAL.fullmatch(cell):
        return False
    return 6 <= digits <= 18 and (separated >= 1 or (cell[0] == "0" and 9 <= digits <= 12))


def _ids(cell: str) -> Iterator[str]:
    if ("." in cell or ":" in cell) and _IP.fullmatch(cell):
        yield "ip"
    if _UUID.fullmatch(cell):
        yield "uuid"
        yield "id"
    elif _HEX.fullmatch(cell):
        yield "hex"
        yield "id"
    elif _TOKEN.fullmatch(cell) and not _DATE_ISO.match(cell):
        yield "token"
        yield "id"
    elif _ID.fullmatch(cell):
        yield "id"


def _tokens(low: str) -> list[str]:
    return [token.strip('()[],;:!?"') for token in re.split(r"[\s/&+,]+", low)]


def _kinds_by_word(vocabularies: Mapping[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """For each word the kinds that it shows."""
    kinds: dict[str, tuple[str, ...]] = {}
    for kind, vocabulary in vocabularies.items():
        for word in vocabulary:
            kinds[word] = (*kinds.get(word, ()), kind)
    return kinds


_WHOLE = _kinds_by_word(
    {
        "country": words.COUNTRY_NAMES,
        "state_name": words.STATE_NAMES,
        "city": words.CITIES,
        "language": words.LANGUAGES,
        "salutation": words.SALUTATIONS,
        "suffix": words.SUFFIXES,
        "gender": words.GENDERS,
        "status": words.STATUS_WORDS,
        "consent": words.CONSENT_WORDS,
        "source": words.SOURCE_WORDS,
        "boolean": words.YES_NO,
        "currency": words.CURRENCIES,
        "locale": words.LOCALES,
    }
)
_SHORT = _kinds_by_word({"country_code": words.COUNTRY_CODES, "state_code": words.STATE_CODES})
_WITHIN = _kinds_by_word(
    {
        "company": words.COMPANY_FORMS,
        "job": words.JOB_WORDS,
        "department": words.DEPARTMENT_WORDS,
        "industry": words.INDUSTRY_WORDS,
        "unit": words.UNIT_WORDS,
        "given_name": words.GIVEN_NAMES,
    }
)


def _texts(cell: str, tokens: list[str], digits: int) -> Iterator[str]:
    """Kinds that are words."""
    size = len(cell)
    low = plain(cell)
    if size <= 40:
        yield from _WHOLE.get(low, ())
        if size <= 3:
            yield from _SHORT.get(low, ())
    if size <= 80:
        for token in tokens:
            yield from _WITHIN.get(token, ())
        yield from _names_of_things(cell, low, tokens, digits)
    if digits and size >= 10 and split_address(cell) is not None:
        yield "address"
    if "_" in cell and _SNAKE.fullmatch(cell):
        yield "snake"
    yield from _forms(cell, tokens, digits)
    yield from _spellings(cell, tokens, digits)


def _names_of_things(cell: str, low: str, tokens: list[str], digits: int) -> Iterator[str]:
    """Companies, streets, units and time zones, by how they are put together."""
    if not cell.isascii() and any(mark in low for mark in words.COMPANY_MARKS):
        yield "company"
    if _is_street(cell, tokens, digits):
        yield "street"
    if digits and _UNIT.fullmatch(cell) and not cell.isdigit():
        yield "unit"
    if ("/" in cell and _ZONE.fullmatch(cell)) or (
        len(cell) > 2 and not words.TIMEZONE_WORDS.isdisjoint(tokens) and ("time" in tokens or len(tokens) == 1)
    ):
        yield "timezone"


def _is_street(cell: str, tokens: list[str], digits: int) -> bool:
    if not digits:
        return len(tokens) > 1 and (
            tokens[-1] in words.STREET_WORDS or tokens[0] in ("calle", "rua", "via", "rue", "ul.")
        )
    if any(token.rstrip("0123456789-/").endswith(words.STREET_ENDINGS) for token in tokens):
        return True
    return bool(_NUMBER_AND_WORD.fullmatch(cell)) and not words.STREET_WORDS.isdisjoint(tokens)


_SCRIPTS = (
    ("kana", re.compile(r"[\u3040-\u30ff]")),
    ("han", re.compile(r"[\u4e00-\u9fff]")),
    ("hangul", re.compile(r"[\uac00-\ud7a3]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("arabic", re.compile(r"[\u0600-\u06ff]")),
    ("hebrew", re.compile(r"[\u0590-\u05ff]")),
)


def _forms(cell: str, tokens: list[str], digits: int) -> Iterator[str]:
    """The script, and whether the words make sentences, lines or a list."""
    size = len(cell)
    if not cell.isascii():
        script = next((kind for kind, pattern in _SCRIPTS if pattern.search(cell)), None)
        if script is not None:
            yield script
            if script in ("han", "kana", "hangul") and 2 <= size <= 5 and not digits:
                yield "short_name"
    if "\n" in cell:
        yield "lines"
    if len(tokens) >= 6 or size > 60 or cell[-1] in "?!。" or ". " in cell:
        yield "sentence"
    if size > 120:
        yield "long"
    if not digits and 2 <= size <= 60 and _LIST.search(cell) and all(0 < len(part) < 40 for part in _LIST.split(cell)):
        yield "many"


def _spellings(cell: str, tokens: list[str], digits: int) -> Iterator[str]:
    """How many words, and in which case."""
    count = len(tokens)
    if digits or len(cell) > 50 or not 1 <= count <= 4:
        return
    if cell.isupper():
        yield "upper"
    elif cell.islower():
        yield "lower"
    named = _WORD.findall(cell)
    if len(named) == count and not any(word[0].islower() for word in named):
        yield ("one_name", "two_names", "three_names", "four_names")[count - 1]
    elif count == 1:
        yield "one_word"


# --- Kinds of a whole column ---------------------------------------------------------------------------------------


def _kinds_of_column(cells: Sequence[str], counted: Counter[str]) -> Iterator[str]:
    if len(cells) >= 8 and len(counted) <= max(3, len(cells) // 5):
        yield "enumeration"
    if len(counted) == 1 and len(cells) >= 3:
        yield "constant"
    if len(cells) >= 3 and len(counted) == len(cells) and all(cell.isdecimal() and len(cell) < 16 for cell in cells):
        numbers = [int(cell) for cell in cells]
        if all(before < after for before, after in pairwise(numbers)):
            yield "rising"
    if len(counted) == len(cells) >= 2:
        yield "unique"
