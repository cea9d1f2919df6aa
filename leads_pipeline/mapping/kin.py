"""A lead schema's own fields that are ones of the default schema by another name: their kin.

The model knows fields by name. What it has learned of `Email` holds for a field `KD_MAIL` that is the same, as soon as
somebody says so: the label, or the people who use it (`training.kinship`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter

from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.schema import FieldType, LeadField, LeadSchema, default_schema
from leads_pipeline.mapping.vocabulary import Vocabulary

NEARLY_ALL = 0.8
"""So many of the languages that know a label must know it for one field."""
SHORT = 3
"""So few letters in one language alone are no name: a company in Vietnam is a city elsewhere (`cty`)."""


def namesake(own: LeadField, vocabulary: Vocabulary) -> str | None:
    """The default field that the label of `own` is nothing but a name for, if `own` may hold the same values."""
    reading = vocabulary.read(own.label)
    exact: list[int] = reading.match.exact.tolist()
    called = Counter(vocabulary.index.groups[group][0] for group in exact)
    kin, times = max(called.items(), key=itemgetter(1), default=(NO_FIELD, 0))
    if kin not in default_schema() or times < NEARLY_ALL * called.total():
        return None
    if times == 1 and len("".join(reading.words)) <= SHORT:
        return None
    ours = default_schema()[kin].type
    # A text may be anything but a yes or no, which can be asked for the other way round.
    fits = own.type is ours or (own.type is FieldType.STRING and ours is not FieldType.BOOLEAN)
    return kin if fits else None


def under_kin(schema: LeadSchema, kin: Mapping[str, str]) -> LeadSchema:
    """`schema` with each field that has kin under its name, holding what that holds where it does not say itself."""

    def named(own: LeadField) -> LeadField:
        name = kin.get(own.name)
        if name is None:
            return own
        ours = default_schema()[name]
        untold = own.type is FieldType.STRING
        return replace(own, name=name, type=ours.type if untold else own.type, values=own.values or ours.values)

    return replace(schema, fields=tuple(map(named, schema.fields))) if kin else schema


def says_nothing(own: LeadField, vocabulary: Vocabulary) -> bool:
    """Whether neither a description nor the better part of its label tells what a field is."""
    words = vocabulary.words(own.label)
    known = sum(len(word) for word in words if word in vocabulary.known)
    return not own.description and known < 0.5 * sum(map(len, words))
