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
    counted: dict[str, int] = {}
    for value, times in Counter(values).items():
        cell = _clean(value)
        if cell and not _says_nothing(cell):
            counted[cell] = counted.get(cell, 0) + times
    if not counted:
        return ColumnProfile(rows=rows, filled=filled)
    total = sum(counted.values())
    shapes: dict[str, int] = {}
    alike: dict[tuple[str, ...], int] = {}
    for cell, times in counted.items():
        mask = _mask(cell)
        shape = _shape(mask)
        shapes[shape] = shapes.get(shape, 0) + times
        found = tuple(_kinds(cell, mask))
        alike[found] = alike.get(found, 0) + times
    kinds: Counter[str] = Counter()
    for found, times in alike.items():
        for kind in set(found):
            kinds[kind] += times
    for kind in _kinds_of_column(counted, total):
        kinds[kind] = total
    return ColumnProfile(
        rows=rows,
        filled=filled,
        sampled=len(counted),
        distinct=round(len(counted) / total, 3),
        mean_length=round(sum(len(cell) * times for cell, times in counted.items()) / total, 1),
        kinds={kind: round(times / total, 3) for kind, times in sorted(kinds.items())},
        shapes=tuple(shape for shape, _ in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:SHAPES]),
    )


def kinds_of(value: str) -> frozenset[str]:
    """Every kind that one value is of, by itself."""
    cell = _clean(value)
    return frozenset(_kinds(cell, _mask(cell))) if cell else frozenset()


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
_ASCII_MASK = "".join(_MASK[code] for code in range(128)).encode() + bytes(128)


def _mask(cell: str) -> str:
    """`cell`, masked: all of it where it is ASCII, which takes a tenth of the time; else as much as a shape shows."""
    if cell.isascii():
        return cell.encode().translate(_ASCII_MASK).decode()
    return cell[: SHAPE_LENGTH + 1].translate(_MASK)


def _shape(mask: str) -> str:
    return mask if len(mask) <= SHAPE_LENGTH else mask[: SHAPE_LENGTH - 1] + "…"


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
_POSTAL_FIGURES = {4: "postal_four", 5: "postal_five", 6: "postal_six"}
"""Those that are figures alone, by their length."""
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
_SITE_KINDS = tuple((site, kind) for kind, sites in _SITES.items() for site in sites)


def forced_prefix(cell: str) -> str:
    """What an ad platform or a spreadsheet has put before a value to make it text; mostly nothing."""
    match = _PREFIX.match(cell) if ":" in cell or cell[:1] == "'" else None
    return match[0] if match else ""


def _clean(value: str) -> str:
    cell = value.strip()
    return cell[len(forced_prefix(cell)) :] if ":" in cell or cell[:1] == "'" else cell


_LONGEST_NOTHING = max(map(len, words.NOTHING))


def _says_nothing(cell: str) -> bool:
    return len(cell) <= _LONGEST_NOTHING and cell.lower() in words.NOTHING


# The functions below see every cell of every sample: each adds to a list what it finds, and looks at the first character or
# at a count before it has a pattern look at all of a cell.


def _kinds(cell: str, mask: str) -> list[str]:
    """Every kind that `cell` is of, some of them twice."""
    found: list[str] = []
    first = cell[0]
    if "@" in cell:
        _addresses(cell, found)
    elif (first in "hHwW" and _URL.match(cell)) or ("." in cell and not first.isdigit() and _DOMAIN.fullmatch(cell)):
        _links(cell, found)
    elif first in "{[" and cell[-1] in "}]":
        found.append("json")
    elif cell.isdecimal():
        _figures(cell, found)
    else:
        if cell.isascii():
            digits = mask.count("9")
            lettered = "a" in mask or "A" in mask
        else:
            digits = 0 if cell.isalpha() else len(_DIGITS.findall(cell))
            lettered = _LETTER.search(cell) is not None
        tokens = _tokens(plain(cell)) if lettered or not digits else []
        if digits:
            _dates(cell, tokens, found)
            dated = bool(found)
            # 1.5 may be the first of May.
            if not dated or (found[0] == "day_month" and _is_decimal(cell)):
                _numbers(cell, digits, found, lettered=lettered)
            if dated or not lettered:
                return found
        _texts(cell, tokens, digits, found)
    return found


def _addresses(cell: str, found: list[str]) -> None:
    if _EMAIL.fullmatch(cell):
        found.append("email")
    elif _HANDLE.fullmatch(cell):
        found.append("handle")
    elif _EMAIL.search(cell):
        addresses = _EMAIL.findall(cell)
        found.append("email_within")
        if len(addresses) > 1:
            found.append("many")
        if len(cell) > 2 * sum(map(len, addresses)) + 20:
            found.append("sentence")
    else:
        found.append("text")


def _links(cell: str, found: list[str]) -> None:
    low = cell.lower()
    if " " in cell:
        found.append("sentence" if cell.count(" ") > 3 else "text")
        return
    found.append("url")
    for site, kind in _SITE_KINDS:
        if site in low:
            found += (kind, "social")
            if kind == "linkedin" and "/company/" in low:
                found.append("linkedin_company")
    if _IMAGE.search(low):
        found.append("image")
    path = low.split("//")[-1].rstrip("/")
    found.append("url_deep" if path.count("/") > 1 or "?" in path else "url_site")


def _figures(cell: str, found: list[str]) -> None:
    """Kinds of figures and nothing else."""
    size = len(cell)
    if _INTEGER.fullmatch(cell):
        _integers(cell, size, found)
    _phones(cell, size, found)
    if size in _POSTAL_FIGURES:
        found += ("postal", _POSTAL_FIGURES[size])
    if size <= 5:
        found.append("extension")


def _numbers(cell: str, digits: int, found: list[str], *, lettered: bool) -> None:
    """Kinds that hold figures among other characters."""
    size = len(cell)
    worded = cell[0].isalpha()
    if not worded:
        if _INTEGER.fullmatch(cell):
            _integers(cell, digits, found)
        elif cell[0] not in "+-(" and _GROUPED.fullmatch(cell):
            found.append("grouped")
        _phones(cell, digits, found)
    if size < 30:
        _quantities(cell, found, lettered=lettered)
    if size <= 10 and digits >= 2 and not (worded and cell[1:3].isalpha()) and _POSTAL_CODE.fullmatch(cell):
        _postals(cell, found)
    if digits <= 5 and (not worded or cell[0] in "xXeE") and _EXTENSION.fullmatch(cell):
        found.append("extension")
    if " " not in cell:
        _ids(cell, found)


def _phones(cell: str, digits: int, found: list[str]) -> None:
    if len(cell) <= 32 and digits >= 6 and _is_phone(cell, digits):
        found.append("phone")
        if cell[0] == "+" or cell.startswith("00"):
            found.append("phone_plus")


def _postals(cell: str, found: list[str]) -> None:
    for kind, pattern in _POSTAL.items():
        if pattern.fullmatch(cell):
            found += ("postal", kind)


def _integers(cell: str, digits: int, found: list[str]) -> None:
    found.append("integer")
    number = abs(int(float(cell)))
    if cell in ("0", "1"):
        found += ("zero_one", "boolean")
    if number < 100:
        found.append("small_number")
    if _YEAR.fullmatch(cell):
        found.append("year")
    if digits >= 10 and _EPOCH.fullmatch(cell):
        found.append("epoch")
    if 9 <= digits <= 13 and "." not in cell:
        found.append("phone_digits")
    if 30_000 < number < 60_000:
        found.append("date_serial")


def _quantities(cell: str, found: list[str], *, lettered: bool) -> None:
    first = cell[0]
    worded = first.isalpha()
    if not worded and _is_decimal(cell):
        found.append("decimal")
        if _COORDINATE.fullmatch(cell):
            found.append("coordinate")
    elif cell[-1] == "%" and _PERCENT.fullmatch(cell):
        found.append("percent")
    elif (
        (cell[:3].lower() in _CURRENCY_CODES if worded else lettered) or "$" in cell or not cell.isascii()
    ) and _MONEY.fullmatch(cell):
        found.append("money")
    elif not worded and first not in "+-(" and _RANGE.fullmatch(cell):
        found.append("range")
    if first in "+-(gGuU" and _OFFSET.fullmatch(cell):
        found.append("timezone")


def _is_decimal(cell: str) -> bool:
    return ("." in cell or "," in cell) and _DECIMAL.fullmatch(cell) is not None


_CURRENCY_CODES = frozenset("usd eur gbp chf jpy inr sek dkk nok pln".split())  # noqa: SIM905 - words read better so


def _dates(cell: str, tokens: list[str], found: list[str]) -> None:
    form = _date_in_figures(cell) if cell[0].isdigit() or cell[0] == "-" else None
    if form == "day_month":
        found.append(form)
        return
    if form is None and len(cell) < 45 and cell[-1] != "?" and not words.MONTHS.isdisjoint(tokens):
        form = "date_words"
    if form is not None:
        found += ("date", form)
        if ":" in cell or len(cell) > 20:
            found.append("datetime")
    elif ":" in cell and _TIME.fullmatch(cell):
        found.append("time")


def _date_in_figures(cell: str) -> str | None:
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
    separated = sum(map(cell.count, " -./()"))
    if _is_decimal(cell):
        return False
    return 6 <= digits <= 18 and (separated >= 1 or (cell[0] == "0" and 9 <= digits <= 12))


def _ids(cell: str, found: list[str]) -> None:
    if ("." in cell or ":" in cell) and _IP.fullmatch(cell):
        found.append("ip")
    if len(cell) == 36 and _UUID.fullmatch(cell):
        found += ("uuid", "id")
    elif _HEX.fullmatch(cell):
        found += ("hex", "id")
    elif _TOKEN.fullmatch(cell) and not _DATE_ISO.match(cell):
        found += ("token", "id")
    elif _ID.fullmatch(cell):
        found.append("id")


_BETWEEN_TOKENS = re.compile(r"[\s/&+,]+")
_AROUND_TOKENS = '()[],;:!?"'


def _tokens(low: str) -> list[str]:
    if low.replace(" ", "").isalnum() and low[0] != " " != low[-1]:
        return low.split()
    return [token.strip(_AROUND_TOKENS) for token in _BETWEEN_TOKENS.split(low)]


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


_TELLING = frozenset(_WITHIN) | words.STREET_WORDS | words.TIMEZONE_WORDS
"""Words that tell something of a text in which they stand. Most texts have none of them."""


def _texts(cell: str, tokens: list[str], digits: int, found: list[str]) -> None:
    """Kinds that are words."""
    size = len(cell)
    low = plain(cell)
    if size <= 40:
        found += _WHOLE.get(low, ())
        if size <= 3:
            found += _SHORT.get(low, ())
    if size <= 80:
        telling = not _TELLING.isdisjoint(tokens)
        if telling:
            for token in tokens:
                found += _WITHIN.get(token, ())
        _names_of_things(cell, low, tokens, digits, found, telling=telling)
    if digits and size >= 10 and split_address(cell) is not None:
        found.append("address")
    if "_" in cell and _SNAKE.fullmatch(cell):
        found.append("snake")
    _forms(cell, tokens, digits, found)
    _spellings(cell, tokens, digits, found)


def _names_of_things(cell: str, low: str, tokens: list[str], digits: int, found: list[str], *, telling: bool) -> None:
    """Companies, streets, units and time zones, by how they are put together; `telling`: by which words, too."""
    if not cell.isascii() and any(mark in low for mark in words.COMPANY_MARKS):
        found.append("company")
    if _is_street(cell, tokens, digits, telling=telling):
        found.append("street")
    if digits and _may_be_unit(cell) and _UNIT.fullmatch(cell) and not cell.isdigit():
        found.append("unit")
    if ("/" in cell and _ZONE.fullmatch(cell)) or (
        telling
        and len(cell) > 2
        and not words.TIMEZONE_WORDS.isdisjoint(tokens)
        and ("time" in tokens or len(tokens) == 1)
    ):
        found.append("timezone")


_FLOORS = frozenset({"og", "fl", "st", "et", "pi"})


def _may_be_unit(cell: str) -> bool:
    """A word that a unit begins with is one for a floor."""
    return not cell[0].isalpha() or not cell.isascii() or cell[:2].lower() in _FLOORS


_STREET_BEGINNINGS = ("calle", "rua", "via", "rue", "ul.")


def _is_street(cell: str, tokens: list[str], digits: int, *, telling: bool) -> bool:
    if not digits:
        return len(tokens) > 1 and ((telling and tokens[-1] in words.STREET_WORDS) or tokens[0] in _STREET_BEGINNINGS)
    if [token for token in tokens if token.rstrip("0123456789-/").endswith(words.STREET_ENDINGS)]:
        return True
    return telling and not words.STREET_WORDS.isdisjoint(tokens) and _NUMBER_AND_WORD.fullmatch(cell) is not None


_SCRIPTS = (
    ("kana", re.compile(r"[\u3040-\u30ff]")),
    ("han", re.compile(r"[\u4e00-\u9fff]")),
    ("hangul", re.compile(r"[\uac00-\ud7a3]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("arabic", re.compile(r"[\u0600-\u06ff]")),
    ("hebrew", re.compile(r"[\u0590-\u05ff]")),
)


def _forms(cell: str, tokens: list[str], digits: int, found: list[str]) -> None:
    """The script, and whether the words make sentences, lines or a list."""
    size = len(cell)
    if not cell.isascii():
        script = next((kind for kind, pattern in _SCRIPTS if pattern.search(cell)), None)
        if script is not None:
            found.append(script)
            if script in ("han", "kana", "hangul") and 2 <= size <= 5 and not digits:
                found.append("short_name")
    if "\n" in cell:
        found.append("lines")
    if len(tokens) >= 6 or size > 60 or cell[-1] in "?!。" or ". " in cell:
        found.append("sentence")
    if size > 120:
        found.append("long")
    if (
        not digits
        and 2 <= size <= 60
        and ("," in cell or ";" in cell or "|" in cell or " ::: " in cell)
        and all(0 < len(part) < 40 for part in _LIST.split(cell))
    ):
        found.append("many")


def _spellings(cell: str, tokens: list[str], digits: int, found: list[str]) -> None:
    """How many words, and in which case."""
    count = len(tokens)
    if digits or len(cell) > 50 or not 1 <= count <= 4:
        return
    if cell.isupper():
        found.append("upper")
    elif cell.islower():
        found.append("lower")
    named = cell.split() if cell.replace(" ", "").isalpha() else _WORD.findall(cell)
    if len(named) == count and not [word for word in named if word[0].islower()]:
        found.append(("one_name", "two_names", "three_names", "four_names")[count - 1])
    elif count == 1:
        found.append("one_word")


# --- Kinds of a whole column ---------------------------------------------------------------------------------------


def _kinds_of_column(counted: Mapping[str, int], total: int) -> Iterator[str]:
    distinct = len(counted)
    if total >= 8 and distinct <= max(3, total // 5):
        yield "enumeration"
    if distinct == 1 and total >= 3:
        yield "constant"
    if (
        total == distinct >= 3
        and all(cell.isdecimal() and len(cell) < 16 for cell in counted)
        and all(before < after for before, after in pairwise(map(int, counted)))
    ):
        yield "rising"
    if distinct == total >= 2:
        yield "unique"
