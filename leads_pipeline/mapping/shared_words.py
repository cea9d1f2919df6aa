"""Headers without the words that all of a file's share, which tell nothing: "Home" where no address is at work or plain.

Weights have learned that an address at home is the second one, and a file by itself may prove them wrong. What a header says
is not changed for people, nor for memory: only for what is weighed.
"""

from collections import Counter
from dataclasses import replace

from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.types import Sheet


def told_apart(sheet: Sheet, vocabulary: Vocabulary) -> Sheet:
    """The same sheet, its headers without what tells none of them apart."""
    written = [column.header for column in sheet.columns]
    headers = _of_one_block(_without_prefix(written, vocabulary), vocabulary)
    if headers == written:
        return sheet
    columns = zip(sheet.columns, headers, strict=True)
    return replace(sheet, columns=tuple(replace(column, header=header) for column, header in columns))


def _without_prefix(headers: list[str], vocabulary: Vocabulary) -> list[str]:
    """Headers without the name of the table that systems write before those of its columns: `property_`, "Person - "."""
    words = [vocabulary.words(header) for header in headers]
    first = Counter(each[0] for each in words if len(each) > 1)
    prefix, times = first.most_common(1)[0] if first else ("", 0)
    if times < max(PREFIXED, sum(map(bool, words)) / 2) or not _names_a_table(prefix, vocabulary):
        return headers
    return [
        " ".join(each[1:]) if len(each) > 1 and each[0] == prefix else header
        for each, header in zip(words, headers, strict=True)
    ]


PREFIXED = 5
"""How many columns at least begin with a word that is not theirs."""


def _names_a_table(word: str, vocabulary: Vocabulary) -> bool:
    names = vocabulary.marker_names
    marks = {names[at] for at in vocabulary.marks((word,), word).nonzero()[0]}
    return word in _TABLES or marks == {"own_person"}


_TABLES = frozenset(
    ("property", "properties", "attribute", "attributes", "traits", "fields", "user", "profile", "person")
)


def _of_one_block(headers: list[str], vocabulary: Vocabulary) -> list[str]:
    """Headers of addresses without "home" or "shipping", where these are the only ones that the file has."""
    names, address = vocabulary.marker_names, vocabulary.addressing
    telling = [names.index(name) for name in _BLOCKS if name in names]
    second = [names.index(name) for block in _SECOND for name in block if name in names]
    if not any(vocabulary.marked_in(header)[at] for header in headers for at in second):
        return headers
    question = [at for at, name in enumerate(names) if name == "question"]
    bare: dict[int, str] = {}
    blocks: set[frozenset[int]] = set()
    for at, header in enumerate(headers):
        reading = vocabulary.read(header)
        block = frozenset(each for each in telling if reading.marks[each])
        text = " ".join(vocabulary.without(reading.words, block)) if block else header
        match = vocabulary.read(text).match if block else reading.match
        exact = address.intersection(match.exact.tolist())
        asked = any(reading.marks[each] for each in question)
        if exact or not (match.exact.size or asked or address.isdisjoint(match.endings.groups.tolist())):
            blocks.add(block)
            bare[at] = text
    if len(bare) < SEVERAL or len(blocks) > 1 or {names[at] for at in next(iter(blocks))} not in _SECOND:
        return headers
    return [bare.get(at, header) for at, header in enumerate(headers)]


SEVERAL = 2
"""How many columns make an address."""

_BLOCKS = (
    "home", "business", "billing", "shipping", "other_block", "mailing", "company", "other_person", "object", "owner",
)  # fmt: skip
_SECOND = ({"home"}, {"shipping"})
"""The blocks that would be the second, were there another."""
