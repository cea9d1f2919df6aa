"""One line for a person: the evidence that decided. Speaks of headers, shapes and neighbours; never quotes a cell."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from leads_pipeline.mapping.field_table import KIND_AT
from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.memory import Kind, Recollection
from leads_pipeline.mapping.model import Scores
from leads_pipeline.mapping.phrases import SIMILARITIES
from leads_pipeline.mapping.schema import LeadSchema, default_schema
from leads_pipeline.mapping.vocabulary import Reading, Vocabulary
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
    "currency": "currencies", "boolean": "yes or no", "money": "amounts of money", "integer": "whole numbers",
    "range": "ranges of numbers", "uuid": "record ids", "id": "ids", "given_name": "first names",
    "two_names": "names of people", "one_name": "single names", "linkedin": "LinkedIn profiles",
    "twitter": "Twitter addresses", "facebook": "Facebook addresses", "sentence": "sentences",
    "unit": "floors, suites or buildings", "industry": "industries", "department": "departments",
    "status": "words for a status", "source": "names of sources", "consent": "consent given or refused",
    "suffix": "name suffixes", "linkedin_company": "LinkedIn pages of companies", "url_site": "web sites",
    "coordinate": "coordinates", "image": "pictures", "year": "years", "many": "lists of several things",
    "decimal": "numbers",
}  # fmt: skip

_THINGS = {
    "photo": "a picture",
    "family": "a relative or an emergency contact",
    "anniversary": "an anniversary",
    "manager": "the person's manager",
    "assistant": "the person's assistant",
    "referrer": "who referred the person",
    "initials": "initials",
    "phonetic": "how a name is pronounced",
    "pager": "a pager or a further fax",
    "messaging": "a messenger or another social network",
    "gov_id": "an official, bank or card number",
    "office": "an office or a room",
    "po_box": "a PO box",
    "county": "a county or district",
    "hobby": "personal circumstances",
    "account_admin": "a user account",
    "technical": "technical details",
    "ad": "an advertisement or a form",
    "amounts": "a price or another amount",
    "counts": "a count or a rate",
    "other_date": "another date than those of a lead",
    "record_kind": "the type of something",
    "running_number": "the number of a row",
    "priority_flags": "a flag or a free slot",
    "other_company": "another company or job, such as a former one",
    "company_facts": "a fact about the company that no lead field holds",
    "object_names": "another record, such as an order or an event",
    "property": "the state, owner or worth of a thing, not of the lead",
    "school": "a school or a year of it",
    "owner_contact": "how to reach who looks after the lead, or their position",
    "created_by": "who made, changed or looks after the record",
}
"""What the phrases of the lexicon stand for that are no lead field, by their name there."""

_SOMETHING = "something that no lead field holds"

_OTHERS = {
    "other_person": "{word} speaks of another person than the lead",
    "former": "{word} speaks of the past",
    "shipping": "{word} speaks of a delivery, not of the person's own address",
}
_MARKED = {
    "phonetic": "{word} speaks of how a name is pronounced",
    "sms": "{word} speaks of text messages",
    "type": "{word} speaks of the type of something",
    "technical": "{word} speaks of something technical",
    "count": "{word} speaks of a count",
    "money": "{word} speaks of an amount",
    "object": "{word} speaks of another record than the lead",
    "question": "the header is a question about something else",
    "home": "{word} speaks of the private side, and the file has a business one",
    "other_block": "{word} speaks of a further one of its kind",
}
"""What the markers of the lexicon say of a header."""

_EXACT, _GRAMS, _WORDS = (SIMILARITIES.index(name) for name in ("exact", "grams", "jaccard"))
_LIKELY = 0.25
_CLOSE = 0.5
_NEARLY = 0.1

LONGEST = 200
"""How long an explanation may become by a further reason, in characters."""

_RECALLED = {
    Kind.SAME: "the same header in the same surroundings",
    Kind.BESIDE: "the same header beside the same columns",
    Kind.ELSEWHERE: "the same header in another file",
    Kind.SPELLING: "“{}”, which is written nearly the same",
    Kind.MEANING: "“{}”, which means the same",
    Kind.SHARED: "the same header",
}

LONGEST_HEADER = 60
"""How much of a header, a label or a phrase an explanation quotes, in characters."""

FEW = 3
"""Up to how many different values are too few for a share."""

GOES_WITH = 1.0
"""From which log-odds on a field is worth naming as a neighbour."""


def explain(sheet: Sheet, at: int, choice: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> str:
    """Why column `at` got `choice` (the number of a field, or of "none" after the last)."""
    if choice == len(schema.fields):
        reasons = _why_none(sheet, at, chosen, scores, schema)
        return f"No field: {_listed(reasons)}."
    reasons = (
        _of_header(at, choice, scores, schema),
        _of_values(sheet, at, choice, scores),
        _of_neighbours(at, choice, chosen, scores, schema),
        _of_rival(at, choice, chosen, scores, schema),
    )
    text = _listed(reasons) or "nothing else fits as well"
    return text[0].upper() + text[1:] + "."


def explain_memory(recollection: Recollection, schema: LeadSchema) -> str:
    """Why an answer was recalled, and who said otherwise."""
    many, shared = recollection.support > 1, recollection.kind is Kind.SHARED
    if shared:
        who = f"{recollection.support} organizations that share" if many else "an organization that shares"
        who += f" {'their' if many else 'its'} memory with you"
    else:
        who = f"{recollection.support} of your people" if many else "one of your people"
    where = _RECALLED[recollection.kind].format(_short(recollection.header))
    return f"Confirmed by {who} for {where}.{explain_dispute(recollection, schema)}"


def explain_dispute(recollection: Recollection | None, schema: LeadSchema) -> str:
    """That people's answers contradict each other, "" if they don't."""
    if recollection is None or not recollection.against:
        return ""
    said = ((recollection.target, recollection.support), *recollection.against)
    listed = ", ".join(
        f"{people} for {'no field' if target is None else schema[target].label}" for target, people in said
    )
    whose = "The organizations that share their memory" if recollection.kind is Kind.SHARED else "Your people"
    return f" {whose} disagree: {listed}."


def _listed(reasons: Iterable[str]) -> str:
    """The reasons that there are, the first ones if all are too long."""
    text = ""
    for reason in filter(None, reasons):
        longer = f"{text}; {reason}" if text else reason
        if text and len(longer) > LONGEST - len("No field: ."):
            break
        text = longer
    return text


# --- Why a field ---------------------------------------------------------------------------------------------------


def _of_header(at: int, choice: int, scores: Scores, schema: LeadSchema) -> str:
    """What the header means, and what the same header meant elsewhere."""
    table, comparison, header = scores.prepared.table, scores.evidence.comparison, scores.headers[at]
    similar = comparison.similar[at, choice]
    label = _label(choice, scores, schema)
    same, known = _precedents(at, scores.prepared.fields.names[choice], scores)
    elsewhere = _lists(same, known)
    if similar[_EXACT]:
        language = _language(table.spoken(header, choice, comparison.trust))
        meaning = f"the header means {label} in {language}" if language else f"the header is a usual name for {label}"
        return f"{meaning}, as in {elsewhere}" if known > 1 and same > known / 2 else meaning
    if known > 1 and same > known / 2:
        return f"the same header meant {label} in {elsewhere}"
    if similar[_WORDS] >= _LIKELY and (nearest := table.nearest(header, choice, comparison.trust)):
        return f"the header is close to “{_short(nearest)}”, a name for {label}"
    if similar[_GRAMS] >= 0.4:
        return f"the header is spelled much like a name for {label}"
    return ""


def _label(choice: int, scores: Scores, schema: LeadSchema) -> str:
    """What a field is called, and the default one that it is by another name, if it is."""
    label, kin = _short(schema.fields[choice].label), scores.prepared.kin.get(schema.fields[choice].name)
    ours = label if kin is None else default_schema()[kin].label
    return label if ours.casefold() == label.casefold() else f"{label} ({ours})"


def _of_values(sheet: Sheet, at: int, choice: int, scores: Scores) -> str:
    share, kind = _fitting(sheet, at, choice, scores)
    return _share(sheet, at, share, kind) if share >= 0.3 else ""


def _of_neighbours(at: int, choice: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> str:
    """The fields beside it that usually stand beside such a column."""
    affinity = scores.prepared.affinity
    beside = [
        _short(schema.fields[chosen[other]].label)
        for other, goes in ((at - 1, affinity.left), (at + 1, affinity.right))
        if 0 <= other < len(chosen) and chosen[other] < len(schema.fields) and goes[chosen[other], choice] >= GOES_WITH
    ]
    return f"{' and '.join(beside)} stand{'s' if len(beside) == 1 else ''} beside it" if beside else ""


def _of_rival(at: int, choice: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> str:
    """What else it might well be."""
    others = scores.probability[at].copy()
    others[choice] = 0
    second = int(np.argmax(others))
    if others[second] < _CLOSE * scores.probability[at, choice]:
        return ""
    if second == len(schema.fields):
        return "it may also have no field"
    taken = schema.fields[second].single_valued and second in chosen
    return "" if taken else f"{_short(schema.fields[second].label)} came close"


# --- Why none ------------------------------------------------------------------------------------------------------


def _why_none(sheet: Sheet, at: int, chosen: Sequence[int], scores: Scores, schema: LeadSchema) -> list[str]:
    none = len(schema.fields)
    best = int(np.argmax(scores.probability[at, :none])) if none else 0
    rivals = [other for other, choice in enumerate(chosen) if choice == best and other != at]
    if scores.probability[at, best] >= 0.2 and rivals and schema.fields[best].single_valued:
        rival = _short(sheet.columns[rivals[0]].header)
        return [f"{_short(schema.fields[best].label)} fits the column “{rival}” better"]
    reasons = _of_no_field(at, scores)
    if not reasons and (other := _of_other_values(sheet, at, best, scores, schema)):
        return [other]
    if not reasons:
        empty = not sheet.columns[at].profile.sampled
        means = scores.prepared.table.meaning.likeliest(scores.prepared.table.read(scores.headers[at]).words)
        if scores.unnamed[at] >= _NEARLY and means is not None:
            reasons = [f"the header means {default_schema()[means].label}, and no name in your schema says so"]
        else:
            reasons = [
                "the header points to no lead field, and "
                + ("there are no values to go by" if empty else "the values do not either")
            ]
        if scores.probability[at, best] >= _NEARLY:
            reasons.append(f"{_short(schema.fields[best].label)} came closest")
    return reasons


def _of_no_field(at: int, scores: Scores) -> list[str]:
    """What the header stands for instead of a lead field, and what the same header meant elsewhere."""
    table, comparison = scores.prepared.table, scores.evidence.comparison
    reading, none = table.read(scores.headers[at]), comparison.similar.shape[1] - 1
    same, known = _precedents(at, NO_FIELD, scores)
    told = f"the same header had none in {_lists(same, known)}" if known > 1 and same > known / 2 else ""
    means = _of_marks(reading, table.vocabulary, _OTHERS)
    if not means and comparison.similar[at, none, _EXACT]:
        language = _language(table.spoken(scores.headers[at], none, comparison.trust))
        means = f"{f'in {language} ' if language else ''}the header stands for {_thing(reading, table.vocabulary)}"
    if not means and comparison.similar[at, none, _WORDS] >= _CLOSE:
        means = _near(reading, table.vocabulary)
    return [each for each in (means or _of_marks(reading, table.vocabulary, _MARKED), told) if each]


def _of_marks(reading: Reading, vocabulary: Vocabulary, among: Mapping[str, str]) -> str:
    """The first class of markers in the header, and the word that is one."""
    for marker, means in among.items():
        if marker in vocabulary.marker_names and reading.marks[vocabulary.marker_names.index(marker)]:
            return means.format(word=_marking(reading, vocabulary, marker))
    return ""


def _near(reading: Reading, vocabulary: Vocabulary) -> str:
    """The nearest phrase for something that no lead field holds."""
    match = reading.match
    groups = [vocabulary.index.groups[int(group)][0] for group in match.shared]
    near = [
        (float(match.jaccard[at]), vocabulary.index.phrases[int(match.nearest[at])], name)
        for at, name in enumerate(groups)
        if name.startswith(NO_FIELD)
    ]
    if not near:
        return ""
    _, phrase, name = max(near)
    return f"the header is close to “{_short(phrase)}”, which stands for {_THINGS.get(name[1:], _SOMETHING)}"


def _marking(reading: Reading, vocabulary: Vocabulary, marker: str) -> str:
    """The word of a header that marks it so."""
    place = vocabulary.marker_names.index(marker)
    for size in (1, 2, 3):
        for begin in range(len(reading.words) - size + 1):
            words = reading.words[begin : begin + size]
            if len(words) < len(reading.words) and vocabulary.marks(words, "".join(words))[place]:
                return f"“{_short(' '.join(words))}”"
    return "the header"


def _of_other_values(sheet: Sheet, at: int, best: int, scores: Scores, schema: LeadSchema) -> str:
    """That the values are none of the likeliest field, though the header is like a name for it."""
    if not sheet.columns[at].profile.sampled or not schema.fields:
        return ""
    if scores.evidence.comparison.similar[at, best, _WORDS] < _LIKELY or _fitting(sheet, at, best, scores)[0] > 0:
        return ""
    shares = sheet.columns[at].profile.kinds
    share, kind = max(((shares[kind], kind) for kind in _TELLING if kind in shares), default=(0.0, ""))
    label = _short(schema.fields[best].label)
    return f"{_share(sheet, at, share, kind)}, which {label} does not hold" if share >= _CLOSE else ""


_TELLING = (
    "email", "url", "phone", "date", "money", "boolean", "uuid", "integer", "sentence", "country", "street", "company",
    "two_names", "job",
)  # fmt: skip


# --- Words ---------------------------------------------------------------------------------------------------------


def _precedents(at: int, name: str, scores: Scores) -> tuple[int, int]:
    """In how many known lists the same header meant `name`, and in how many it stands at all."""
    table = scores.prepared.table
    meant = table.precedents.meant(table.read(scores.headers[at]).lookup.joined)
    return meant[name], meant.total()


def _lists(same: int, known: int) -> str:
    if same == known:
        return "both known lists" if known == 2 else f"all {known} known lists"
    return f"{same} of {known} known lists"


def _thing(reading: Reading, vocabulary: Vocabulary) -> str:
    """What a header stands for that is a phrase for no lead field."""
    names = [vocabulary.index.groups[int(group)][0] for group in reading.match.exact]
    return next((_THINGS.get(name[1:], _SOMETHING) for name in names if name.startswith(NO_FIELD)), _SOMETHING)


def _language(spoken: Sequence[str]) -> str:
    """The language of a header that is not to be understood without saying."""
    foreign = [LANGUAGES[each] for each in spoken if each in LANGUAGES]
    return "" if "en" in spoken or "any" in spoken or not foreign else foreign[0]


def _fitting(sheet: Sheet, at: int, choice: int, scores: Scores) -> tuple[float, str]:
    """The largest share of values that look like what a field holds, and what they look like."""
    expected = scores.prepared.fields.expected[choice]
    return max(
        (
            (share, kind)
            for kind, share in sheet.columns[at].profile.kinds.items()
            if kind in _LOOKS and kind in KIND_AT and expected[KIND_AT[kind]]
        ),
        default=(0.0, ""),
    )


def _share(sheet: Sheet, at: int, share: float, kind: str) -> str:
    looks = _LOOKS[kind]
    if share >= 0.995:
        few = sheet.columns[at].profile.sampled <= FEW
        return f"the few values look like {looks}" if few else f"all values look like {looks}"
    return f"{round(100 * share)} % of the values look like {looks}"


def _short(text: str) -> str:
    """On one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_HEADER else line[: LONGEST_HEADER - 1] + "…"
