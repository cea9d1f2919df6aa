"""One line for a person: the evidence that decided. Speaks of headers, shapes and neighbours; never quotes a cell."""

from collections.abc import Sequence

import numpy as np

from leads_pipeline.mapping.field_table import KIND_AT
from leads_pipeline.mapping.memory import Recollection
from leads_pipeline.mapping.model import Scores
from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.types import Sheet

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nb": "Norwegian", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

_LOOKS = {
    "email": "e-mail addresses", "url": "web addresses", "phone": "telephone numbers",
    "phone_digits": "telephone numbers", "date": "dates", "postal": "postal codes", "country": "countries",
    "country_code": "country codes", "state_code": "state codes", "state_name": "states", "city": "cities",
    "street": "streets", "company": "companies", "job": "job titles", "salutation": "forms of address",
    "gender": "genders", "language": "languages", "locale": "language codes", "timezone": "time zones",
    "currency": "currencies", "boolean": "yes or no", "money": "amounts of money", "integer": "numbers",
    "range": "ranges of numbers", "uuid": "record ids", "id": "ids", "given_name": "first names",
    "two_names": "names of persons", "one_name": "single names", "linkedin": "LinkedIn addresses",
    "twitter": "Twitter addresses", "facebook": "Facebook addresses", "sentence": "sentences",
    "unit": "parts of an address", "industry": "industries", "department": "departments",
    "status": "states of a lead", "source": "sources of leads", "consent": "consents", "suffix": "name suffixes",
    "linkedin_company": "LinkedIn pages of companies", "url_site": "web sites", "coordinate": "coordinates",
    "image": "pictures", "year": "years", "many": "lists", "decimal": "numbers",
}  # fmt: skip

_MARKED = {
    "other_person": "it speaks of another person",
    "former": "it speaks of the past",
    "shipping": "it belongs to a shipping address",
    "phonetic": "it tells how a name is pronounced",
    "type": "it tells the type of something",
    "sms": "it speaks of text messages",
    "technical": "it is technical",
    "question": "it is a question",
    "count": "it counts something",
    "money": "it is an amount",
    "object": "it describes another record than the lead",
    "home": "it is private, and there is a business counterpart",
    "other_block": "it is a further one of its kind",
}
_LIKELY = 0.25

LONGEST_HEADER = 60
"""How much of another column's header an explanation quotes, in characters."""


def explain(sheet: Sheet, at: int, choice: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> str:
    """Why column `at` got `choice` (the number of a field, or of "none" after the last)."""
    if choice == len(schema.fields):
        return _why_none(sheet, at, chosen, scores, schema)
    reasons = [
        reason
        for reason in (
            _of_header(at, choice, scores, schema),
            _of_values(sheet, at, choice, scores),
            _of_neighbours(at, chosen, schema),
        )
        if reason
    ]
    text = "; ".join(reasons) or "nothing else fits as well"
    return text[0].upper() + text[1:] + "."


def explain_memory(recollection: Recollection) -> str:
    """Why an answer was recalled."""
    where = "in the same surroundings" if recollection.same_surroundings else "in another file"
    times = "once" if recollection.support == 1 else f"{recollection.support} times"
    against = (
        f", and contradicted {recollection.conflicts} times"
        if recollection.conflicts > 1
        else ", and contradicted once"
    )
    return f"Your people confirmed this for the same header {where} {times}{against if recollection.conflicts else ''}."


def _of_header(at: int, choice: int, scores: Scores, schema: LeadSchema) -> str:
    table, comparison, header = scores.prepared.table, scores.evidence.comparison, scores.headers[at]
    similar = comparison.similar[at, choice]
    label = schema.fields[choice].label
    if similar[0]:
        spoken = table.spoken(header, choice, comparison.trust)
        foreign = [LANGUAGES[each] for each in spoken if each in LANGUAGES]
        if "en" in spoken or "any" in spoken or not foreign:
            return f"the header is a usual name for {label}"
        return f"the header means {label} in {foreign[0]}"
    if similar[9] >= _LIKELY:
        return f"the header is close to “{table.nearest(header, choice, comparison.trust)}”"
    if similar[5] >= 0.4:
        return f"the header is spelled much like a name for {label}"
    return ""


def _of_values(sheet: Sheet, at: int, choice: int, scores: Scores) -> str:
    profile = sheet.columns[at].profile
    if not profile.sampled:
        return ""
    expected = scores.prepared.fields.expected[choice]
    fitting = [
        (share, kind)
        for kind, share in profile.kinds.items()
        if kind in _LOOKS and kind in KIND_AT and expected[KIND_AT[kind]]
    ]
    if not fitting:
        return ""
    share, kind = max(fitting)
    return f"{round(100 * share)} % of the values look like {_LOOKS[kind]}" if share >= 0.3 else ""


def _of_neighbours(at: int, chosen: Sequence[int], schema: LeadSchema) -> str:
    beside = [
        schema.fields[chosen[other]].label
        for other in (at - 1, at + 1)
        if 0 <= other < len(chosen) and chosen[other] < len(schema.fields)
    ]
    return f"{' and '.join(beside)} stand{'s' if len(beside) == 1 else ''} beside it" if beside else ""


def _why_none(sheet: Sheet, at: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> str:
    none = len(schema.fields)
    table, evidence = scores.prepared.table, scores.evidence
    best = int(np.argmax(scores.probability[at, :none])) if none else 0
    rivals = [other for other, choice in enumerate(chosen) if choice == best and other != at]
    if scores.probability[at, best] >= 0.2 and rivals and schema.fields[best].single_valued:
        rival = _on_one_line(sheet.columns[rivals[0]].header)
        return f"No field: {schema.fields[best].label} fits the column “{rival}” better."
    if evidence.comparison.similar[at, none, 9] >= 0.5:
        nearest = table.nearest(scores.headers[at], none, evidence.comparison.trust)
        return f"No field: the header is close to “{nearest}”, which no lead field holds."
    marks = table.read(sheet.columns[at].header).marks
    for marker, words in _MARKED.items():
        if marker in table.vocabulary.marker_names and marks[table.vocabulary.marker_names.index(marker)]:
            return f"No field: going by its header, {words}."
    if not sheet.columns[at].profile.sampled:
        return "No field: the header is not known, and there are no values to go by."
    return "No field: neither the header nor the values point to a lead field."


def _on_one_line(header: str) -> str:
    text = " ".join(header.split())
    return text if len(text) <= LONGEST_HEADER else text[: LONGEST_HEADER - 1] + "…"
