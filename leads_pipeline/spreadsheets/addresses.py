"""A whole postal address in one cell, as street, city, state, postal code and country.

Knows the forms of addresses of some countries, and no place by name but countries, states and counties. No word is ever
lost: what is before the city is the street. Where it is not sure where the city begins, there is no answer.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from leads_pipeline.spreadsheets import value_words as words
from leads_pipeline.spreadsheets.address_words import (
    AU_STATES,
    CA_PROVINCES,
    COUNTRY_CODES,
    IT_PROVINCES,
    NO_CITY,
    STREET_ENDS,
    TELLING_STREET_WORDS,
    US_STATES,
)  # fmt: skip
from leads_pipeline.spreadsheets.plain import plain


class Address(NamedTuple):
    """The parts of an address; all but `street` and `city` may be empty."""

    street: str
    city: str
    state: str = ""
    postal: str = ""
    country: str = ""


LONGEST = 300
"""A longer text is no address, in characters."""

_SEPARATOR = re.compile(r"\s*(?:[\n\r;|•·]+|,(?!\d{3}\b(?!\d))|、)\s*")
_HAS_DIGIT = re.compile(r"\d")
_HINT = re.compile(r"\d{4}|\d{3}\s\d{2}|\d{2}-\d{3}|\d[A-Za-z](?:[ -]?\d|[A-Za-z])|[\n\r;|•·,]\s*[A-Z]{2}\b")
"""What every address has, those of Japan apart: four figures in a row or a postal code of another form, or a state's code
between commas. Most texts have none, and need no further look.
"""


_US_ZIP = r"(?P<postal>\d{5}(?:-\d{4})?)"
_UK_POSTCODE = r"(?P<postal>(?:[A-Za-z]{1,2}\d[A-Za-z\d]?\s?\d[A-Za-z]{2}|GIR\s?0AA))"
_CA_POSTCODE = r"(?P<postal>[A-Za-z]\d[A-Za-z][ -]?\d[A-Za-z]\d)"
_BEFORE = (
    r"(?P<postal>\d{4}\s?[A-Z]{2}|(?:[A-Z]{1,3}[-–]\s?)?\d{5}(?:-\d{3})?|\d{3}\s\d{2}|\d{2}-\d{3}|\d{4}-\d{3}"
    r"|(?:[A-Z]{1,3}[-–]\s?)?\d{4}|\d{6})"
)
"""Postal codes that stand before the city."""

_STATE_AND_ZIP = re.compile(
    rf"(?:(?P<city>.+?)\s+)?(?P<state>[A-Z]{{2}}|[A-Z][A-Za-z]+(?:\s[A-Z][a-z]+)?)\.?\s+{_US_ZIP}"
)
_PROVINCE_AND_CODE = re.compile(rf"(?:(?P<city>.+?)\s+)?(?P<state>[A-Z]{{2}})\s+{_CA_POSTCODE}")
_STATE_AND_FOUR = re.compile(r"(?:(?P<city>.+?)\s+)?(?P<state>[A-Z]{2,3})\s+(?P<postal>\d{4})")
_UK_END = re.compile(rf"(?:(?P<city>.+?)\s+)?{_UK_POSTCODE}")
_CODE_AND_CITY = re.compile(rf"{_BEFORE}\s+(?P<city>\D.*)", re.DOTALL)
_ALL_IN_ONE = re.compile(rf"(?P<street>.+?)[\s–-]+{_BEFORE}\s+(?P<city>[^\d\s][^\d]*)", re.DOTALL)
_CODE_ALONE = re.compile(
    r"\d{4}\s?[A-Z]{2}|(?:[A-Z]{1,3}[-–]\s?)?\d{4,6}|\d{5}-\d{3,4}|\d{3}\s\d{2,3}|\d{2}-\d{3}|\d{4}-\d{3}"
)
_CITY_AND_CODE = re.compile(
    r"(?P<city>[^\d]+?)[\s-]+(?P<postal>\d{5,6}|\d{5}-\d{3}|\d{3}-\d{4}|\d{3}\s\d{2,3}|\d{4}(?:\s?[A-Z]{2})?)"
)
_WITH_PROVINCE = re.compile(r"(?P<city>.+?)(?:\s+\(?(?P<state>[A-Z]{2})\)?|\s+\((?P<name>[^)\d]+)\))")
_CITY_DASH_STATE = re.compile(r"(?P<city>[^\d/-]+?)\s*[-/–]\s*(?P<state>[A-Z]{2})")
_CEDEX = re.compile(r"\s+cedex(?:\s+\d{1,2})?$", re.IGNORECASE)
_DISTRICT = re.compile(r"\s+(?:cedex(?:\s+\d{1,2})?|\d{1,2})$", re.IGNORECASE)
"""What may follow a city: the French mail's own districts, and the numbers of Prague's and Vienna's."""

_ENDS_IN_NUMBER = re.compile(r".*\D\s?\d+\s?[A-Za-z]?(?:\s?[-/]\s?\d*\s?[A-Za-z]?)?", re.DOTALL)
_BOX = re.compile(r"\b(?:p\.?\s?o\.?\s?box|box|postfach|postbus|apartado|casella|boite|bp|bte)\b", re.IGNORECASE)

_JP_POSTAL = r"(?:〒?\s?(?P<postal>[0-9０-９]{3}[-‐－ー−]?[0-9０-９]{4})\s*)"
_JAPANESE = re.compile(
    rf"(?:日本国?[、,\s]*)?{_JP_POSTAL}?[、,\s]*"
    r"(?P<state>東京都|北海道|(?:大阪|京都)府|(?:神奈川|和歌山|鹿児島|[^\s\d]{2})県)[\s、,]*"
    r"(?P<city>(?:四日市|廿日市|市川|市原|野々市|余市郡余市|[^\s市区町村\d]{1,6}郡[^\s町村\d]{1,6}(?=[町村]))[市町村]"
    r"|[^\s市\d]{1,6}市(?:[^\s区町市\d]{1,4}区)?|[^\s区\d]{1,5}区|[^\s町村\d]{1,5}[町村])[\s、,]*"
    rf"(?P<street>.*?)[\s、,]*(?:〒?\s?(?P<after>[0-9]{{3}}-[0-9]{{4}}))?",
    re.DOTALL,
)


def split_address(text: str) -> Address | None:
    """The parts of `text`; None when it is not a whole address, or not surely one."""
    if len(text) > LONGEST or not _HAS_DIGIT.search(text):
        return None
    if not text.isascii() and any(mark in text for mark in "都道府県"):
        return _japanese(text.strip())
    if not _HINT.search(text):
        return None
    parts = [part for part in _SEPARATOR.split(text.strip(" ,;.\n\r\t")) if part]
    if not parts or (len(parts) == 1 and len(parts[0].split()) < 4):
        return None
    country, others = _without_country(parts)
    if country:
        found = _without_a_country(others, abroad=True)
        if found is not None:
            return found._replace(country=country)
    return _without_a_country(parts, abroad=False)


def _without_country(parts: list[str]) -> tuple[str, list[str]]:
    """The country at the end, and what stands before it."""
    last = parts[-1]
    if len(parts) > 1 and _is_country(last):
        return last, parts[:-1]
    pieces = last.split()
    for size in (4, 3, 2, 1):
        if len(pieces) > size:
            name = " ".join(pieces[-size:])
            if _is_country(name) and (size > 1 or len(name) > 2) and not name.isdecimal():
                return name, [*parts[:-1], " ".join(pieces[:-size])]
    return "", parts


def _is_country(text: str) -> bool:
    return text in COUNTRY_CODES or (len(text) > 3 and plain(text).rstrip(".") in words.COUNTRY_NAMES)


def _without_a_country(parts: list[str], *, abroad: bool) -> Address | None:
    for form in _FORMS:
        found = form(parts)
        if found is not None and _is_whole(found, abroad=abroad):
            return found
    return None


def _is_whole(address: Address, *, abroad: bool) -> bool:
    street, city = address.street, (_DISTRICT if len(address.postal) > 4 else _CEDEX).sub("", address.city)
    if not street or not city or len(city) > 40 or _HAS_DIGIT.search(city) or len(city.split()) > 5:
        return False
    tokens = _tokens(city)
    if tokens[0] in NO_CITY or not city[0].isalpha() or (len(tokens) > 1 and _names_a_street(tokens)):
        return False
    numbered = bool(_HAS_DIGIT.search(street))
    if len(address.postal) == 4 and address.postal.isdecimal() and not address.state:
        # Four figures may be a house number: then the rest must speak for an address.
        return numbered and (abroad or _ENDS_IN_NUMBER.fullmatch(street) is not None or _has_street_word(street))
    return numbered or _has_street_word(street) or _BOX.search(street) is not None or len(address.postal) >= 5


def _tokens(text: str) -> list[str]:
    return plain(text).replace("(", " ").replace(")", " ").split() or [""]


def _names_a_street(tokens: Iterable[str]) -> bool:
    return any(token in TELLING_STREET_WORDS or token.endswith(_TELLING_ENDINGS) for token in tokens)


_TELLING_ENDINGS = ("strasse", "straße", "str.", "straat", "gasse", "laan")


def _has_street_word(street: str) -> bool:
    tokens = _tokens(street)
    return not words.STREET_WORDS.isdisjoint(tokens) or any(token.endswith(words.STREET_ENDINGS) for token in tokens)


# --- The forms -----------------------------------------------------------------------------------------------------


def _with_state(pattern: re.Pattern[str], is_state: Callable[[str], bool]) -> Callable[[list[str]], Address | None]:
    """A form whose last part ends in state and postal code, the city before them or a part of its own."""

    def form(parts: list[str]) -> Address | None:
        match = pattern.fullmatch(parts[-1])
        if match is None or not is_state(match["state"]):
            return None
        state, postal, city = match["state"], match["postal"], match["city"]
        if city is None:
            return (
                _address(parts[:-2], parts[-2], state, postal) if len(parts) > 2 else _run_on(parts[:-1], state, postal)
            )
        if len(parts) > 1 and not _HAS_DIGIT.search(city) and not _names_a_street(_tokens(city)):
            return _address(parts[:-1], city, state, postal)
        return _run_on([*parts[:-1], city], state, postal)

    return form


def _run_on(parts: list[str], state: str, postal: str) -> Address | None:
    """Street and city without a comma between them: the city begins after the last word that belongs to a street."""
    if not parts:
        return None
    tokens = parts[-1].split()
    last = -1
    for at, token in enumerate(tokens):
        low = plain(token).rstrip(".")
        if low in STREET_ENDS or low in words.UNIT_WORDS or (at and _HAS_DIGIT.search(token)):
            last = at
            if low in words.UNIT_WORDS and at + 1 < len(tokens) and len(tokens[at + 1]) <= 4:
                last = at + 1
    if last < 1 or last + 1 >= len(tokens):
        return None
    return _address([*parts[:-1], " ".join(tokens[: last + 1])], " ".join(tokens[last + 1 :]), state, postal)


def _state_last(parts: list[str]) -> Address | None:
    """Street, city, state: no postal code."""
    if len(parts) < 3 or parts[-1] not in US_STATES or not _HAS_DIGIT.search(parts[0]):
        return None
    return _address(parts[:-2], parts[-2], parts[-1], "")


def _british(parts: list[str]) -> Address | None:
    match = _UK_END.fullmatch(parts[-1])
    if match is None:
        return None
    before, city = parts[:-1], match["city"]
    if city and (not before or _names_a_street(_tokens(city)) or _HAS_DIGIT.search(city)):
        return _run_on([*before, city], "", match["postal"])
    if city:
        before = [*before, city]
    if len(before) > 2 and plain(before[-1]) in words.STATE_NAMES:
        return _address(before[:-2], before[-2], before[-1], match["postal"])
    return _address(before[:-1], before[-1], "", match["postal"]) if len(before) > 1 else None


def _code_before_city(parts: list[str]) -> Address | None:
    """80331 München; 1012 AB Amsterdam; 20121 Milano (MI); 44100 Guadalajara, Jalisco."""
    before, last, state = parts[:-1], parts[-1], ""
    match = _CODE_AND_CITY.fullmatch(last)
    if match is None and len(parts) > 2 and _is_state(last):
        match = _CODE_AND_CITY.fullmatch(parts[-2])
        before, state = parts[:-2], last
    if match is None or not before:
        return None
    city = match["city"]
    if not state:
        city, state = _without_province(city)
    return _address(before, city, state, match["postal"])


def _without_province(city: str) -> tuple[str, str]:
    match = _WITH_PROVINCE.fullmatch(city)
    if match is None:
        return city, ""
    if match["name"]:
        return match["city"], match["name"]
    return (match["city"], match["state"]) if match["state"] in IT_PROVINCES else (city, "")


def _all_in_one(parts: list[str]) -> Address | None:
    """Hauptstr. 5 80331 München: the last part holds street, postal code and city."""
    match = _ALL_IN_ONE.fullmatch(parts[-1])
    if match is None:
        return None
    street, postal = match["street"], match["postal"]
    if len(postal) == 4 and not _ENDS_IN_NUMBER.fullmatch(street):
        return None
    if not _HAS_DIGIT.search(street) and not _has_street_word(street):
        return None
    city, state = _without_province(match["city"])
    return _address([*parts[:-1], street], city, state, postal)


def _code_apart(parts: list[str]) -> Address | None:
    """Street, 80331, München; street, München, 80331; street, Guadalajara, Jalisco, 44100; São Paulo - SP, 01310-100."""
    if len(parts) < 3:
        return None
    if _CODE_ALONE.fullmatch(parts[-1]):
        postal, rest = parts[-1], parts[:-1]
        if len(rest) > 2 and (_is_state(rest[-1]) or rest[-1] in US_STATES):
            return _address(rest[:-2], rest[-2], rest[-1], postal)
        match = _CITY_DASH_STATE.fullmatch(rest[-1])
        if match is not None:
            return _address(rest[:-1], match["city"], match["state"], postal)
        return _address(rest[:-1], rest[-1], "", postal)
    if _CODE_ALONE.fullmatch(parts[-2]) and len(parts[-2]) > 4:
        return _address(parts[:-2], parts[-1], "", parts[-2])
    return None


def _city_before_code(parts: list[str]) -> Address | None:
    """Street, München 80331; street, Mumbai - 400001; street, Tokyo 100-0001."""
    match = _CITY_AND_CODE.fullmatch(parts[-1])
    if match is None or len(parts) < 2 or (len(match["postal"]) == 4 and not _ENDS_IN_NUMBER.fullmatch(parts[-2])):
        return None
    return _address(parts[:-1], match["city"].rstrip(" -"), "", match["postal"])


def _is_state(text: str) -> bool:
    return plain(text).rstrip(".") in words.STATE_NAMES or text.upper() in ("CDMX", "NRW")


def _address(street: Iterable[str], city: str, state: str, postal: str) -> Address:
    return Address(", ".join(street), city, state, postal)


_FORMS = (
    _with_state(_STATE_AND_ZIP, lambda state: state in US_STATES or (len(state) > 2 and _is_state(state))),
    _with_state(_PROVINCE_AND_CODE, CA_PROVINCES.__contains__),
    _with_state(_STATE_AND_FOUR, AU_STATES.__contains__),
    _british,
    _code_before_city,
    _code_apart,
    _city_before_code,
    _all_in_one,
    _state_last,
)


def _japanese(text: str) -> Address | None:
    match = _JAPANESE.fullmatch(text)
    if match is None or not match["street"]:
        return None
    return Address(match["street"], match["city"], match["state"], match["postal"] or match["after"] or "")
