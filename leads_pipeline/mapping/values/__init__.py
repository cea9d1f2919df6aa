"""The values of pick-lists and of consent, and what people write for them in the world's languages.

The words are data, one YAML file for each list, that a native speaker can read and correct. Countries come from ISO 3166 in
all its translations, by the library pycountry, with a file of what people write beside those. Looking values up in an
export is `spreadsheets.shaping`'s work.
"""

import gettext
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Any, cast

from leads_pipeline.mapping.schema import FieldType, LeadField
from leads_pipeline.mapping.text import words_of
from leads_pipeline.spreadsheets import value_key

TRUE, FALSE = "true", "false"
"""The values of a field that is yes or no."""

Table = Mapping[str, str]
"""A field's value for each way of writing it, by `value_key`."""


class Polarity(StrEnum):
    """What "yes" says under a header, as to the field: the same, the opposite, or nothing that is sure."""

    STRAIGHT = "straight"
    REVERSED = "reversed"
    UNCLEAR = "unclear"


_LISTS = {
    "Status": "lead_status",
    "Industry": "industry",
    "Salutation": "salutation",
    "Rating": "rating",
    "LeadSource": "lead_source",
}
_COUNTRY = "Country"
_COUNTRY_LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it", "ja",
    "ko", "lt", "lv", "nb_NO", "nl", "pl", "pt", "pt_BR", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi",
    "zh_CN", "zh_TW",
)  # fmt: skip


def has_values(lead_field: LeadField) -> bool:
    """Whether the cells of a field can be normalised: it is yes or no, or has a list of values."""
    if lead_field.type is FieldType.BOOLEAN or lead_field.picklist:
        return True
    return lead_field.name == _COUNTRY or (lead_field.type is FieldType.PICKLIST and lead_field.name in _LISTS)


def value_table(lead_field: LeadField, polarity: Polarity = Polarity.STRAIGHT) -> Table:
    """How the cells of a field are normalised. `polarity` matters to fields that are yes or no."""
    if lead_field.type is FieldType.BOOLEAN:
        return _yes_no_table(polarity)
    return _picklist_table(lead_field.name, lead_field.picklist, lead_field.picklist_synonyms)


def polarity(header: str, lead_field: LeadField) -> Polarity:
    """What "yes" says under `header`: under "Unsubscribed", the opposite of an e-mail consent.

    A field may itself be turned round ("Do not call"); then such a header agrees with it.
    """
    asked, meant = _polarity(header), _polarity(f"{lead_field.name.removesuffix('__c')} {lead_field.label}")
    if asked is Polarity.UNCLEAR or meant is Polarity.UNCLEAR:
        return Polarity.UNCLEAR
    return Polarity.STRAIGHT if asked is meant else Polarity.REVERSED


# --- Pick-lists ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _picklist_table(name: str, picklist: tuple[str, ...], synonyms: tuple[tuple[str, tuple[str, ...]], ...]) -> Table:
    """The words of a list's value stand for the value of `picklist` that they mean, if only one of them means it.

    So an organization whose statuses are "New" and "Lost" need not say that "Neu" is the former.
    """
    vocabulary = _vocabulary_of(name)
    if not picklist:
        picklist = tuple(dict.fromkeys(vocabulary.values()))
    meant: dict[str, list[str]] = {}
    for value in picklist:
        standard = vocabulary.get(value_key(value))
        if standard is not None:
            meant.setdefault(standard, []).append(value)
    table = {key: meant[standard][0] for key, standard in vocabulary.items() if len(meant.get(standard, ())) == 1}
    table |= {value_key(value): value for value in picklist}
    return table | {value_key(word): value for value, words in synonyms for word in words}


@lru_cache(maxsize=16)
def _vocabulary_of(name: str) -> Table:
    """The standard value of each word that is known for a field; empty for a field without a list of ours."""
    if name == _COUNTRY:
        return _countries()
    if name not in _LISTS:
        return {}
    table: dict[str, str] = {}
    for value, words in _read(_LISTS[name])["values"].items():
        for word in (value, *_all_words(words)):
            table.setdefault(value_key(word), value)
    return table


def _countries() -> Table:
    """Names in all languages, and codes of two and three letters, of the countries of ISO 3166, by their English names."""
    import pycountry

    english: dict[str, str] = {}
    for country in pycountry.countries:
        value = str(getattr(country, "common_name", country.name))
        for word in (country.alpha_2, country.alpha_3, *_names(country)):
            english[value_key(word)] = value
    translated: dict[str, str | None] = {}
    for language in _COUNTRY_LANGUAGES:
        catalogue = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
        for country in pycountry.countries:
            value = english[value_key(country.alpha_2)]
            for name in _names(country):
                key = value_key(catalogue.gettext(name))
                if translated.setdefault(key, value) != value:
                    translated[key] = None  # one name for two countries
    ours = {
        value_key(word): english[value_key(code)]
        for code, words in _read("country")["values"].items()
        for word in cast("list[str]", words)
    }
    return {key: value for key, value in translated.items() if value is not None} | english | ours


def _names(country: Any) -> Iterator[str]:
    for kind in ("name", "common_name", "official_name"):
        name = getattr(country, kind, None)
        if name:
            yield str(name)


# --- Yes and no ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=3)
def _yes_no_table(polarity: Polarity) -> Table:
    document = _read("yes_no")
    table = _keys(document["granted"], TRUE) | _keys(document["refused"], FALSE)
    if polarity is not Polarity.REVERSED:
        table = _keys(document["agreed"], TRUE) | _keys(document["declined"], FALSE) | table
    if polarity is Polarity.UNCLEAR:
        return table
    yes, no = (TRUE, FALSE) if polarity is Polarity.STRAIGHT else (FALSE, TRUE)
    return table | _keys(document["yes"], yes) | _keys(document["no"], no)


@lru_cache(maxsize=4096)
def _polarity(text: str) -> Polarity:
    words = words_of(text)
    reversing, plain = (_mentions(words, _phrases_of("yes_no", kind)) for kind in ("reversed", "straight"))
    if reversing and plain:
        return Polarity.UNCLEAR
    return Polarity.REVERSED if reversing else Polarity.STRAIGHT


def _keys(words: Mapping[str, list[str]], value: str) -> dict[str, str]:
    return {value_key(word): value for word in _all_words(words)}


# --- The order of names --------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def order_of_names(header: str) -> tuple[bool, str]:
    """What the header of a column of whole names tells: whether the family name comes first, and the language."""
    document, words = _read("name_order"), words_of(header)
    family_first = _mentions(words, _phrases_of("name_order", "family_first"))
    for language, phrases in document["language"].items():
        if _mentions(words, frozenset(words_of(phrase) for phrase in phrases)):
            return family_first, str(language)
    return family_first, ""


# --- Reading -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _phrases_of(file: str, kind: str) -> frozenset[tuple[str, ...]]:
    return frozenset(words_of(phrase) for phrase in _all_words(_read(file)[kind]))


def _mentions(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    """Whether one of the phrases stands among `words`, in a row; scripts without spaces are looked into."""
    joined = "".join(words)
    return any(
        any(words[at : at + len(phrase)] == phrase for at in range(len(words) - len(phrase) + 1))
        or (not phrase[0].isascii() and len(phrase) == 1 and phrase[0] in joined and ord(phrase[0][0]) > 0x2E80)
        for phrase in phrases
    )


def _all_words(by_language: Mapping[str, Iterable[str]]) -> Iterator[str]:
    for words in by_language.values():
        yield from words


@lru_cache(maxsize=16)
def _read(name: str) -> dict[str, Any]:
    import yaml

    text = (resources.files("leads_pipeline.mapping.values") / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
