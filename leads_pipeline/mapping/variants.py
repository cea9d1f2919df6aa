"""Under what a column is remembered, and which headers are near variants of each other.

"Mobile", "MOBILE" and "Mobile No." are written nearly the same; "Mobile" and "Handy" mean the same. "Email" and "Email
Status" are neither: all words that two variants do not share must be harmless.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from leads_pipeline.mapping.text import is_cjk
from leads_pipeline.mapping.vocabulary import Reading, Vocabulary
from leads_pipeline.types import ANYWHERE, ColumnProfile, MemoryKey, Sheet

AROUND = 2
"""How many columns on either side make up a column's surroundings."""

EDGE = "-" * 8
"""In place of half a fingerprint: there is no column on this side."""

LONGEST_HEADER = 200
LONGEST_FORM = 120

_CLASSES = (
    ("email", ("email", "email_within")),
    ("url", ("url",)),
    ("date", ("date",)),
    ("phone", ("phone", "phone_digits")),
    ("boolean", ("boolean",)),
    ("money", ("money", "percent", "decimal")),
    ("number", ("integer", "grouped", "range")),
    ("id", ("id", "uuid", "hex", "token")),
    ("long text", ("sentence", "long", "lines")),
)
_KIN = frozenset(
    frozenset(each)
    for each in (
        ("text", "long text"),
        ("phone", "number"),
        ("phone", "id"),
        ("number", "id"),
        ("number", "money"),
    )
)
# Words that change nothing, whatever stands beside them. "Contact", "primary" and "work" are not among them: a file may
# have the same thing of somebody else, or twice.
_HARMLESS = frozenset(("the", "a", "an", "of", "your", "my", "our", "please", "enter", "provide", "field"))
# "Mobile No." is "Mobile"; "Company No." is not "Company".
_NUMBER = frozenset(
    ("number", "no", "nummer", "numero", "numer", "numéro", "número", "nomor", "broj", "číslo", "cislo", "номер")
)
_PHONE = frozenset(
    (
        *(
            "phone",
            "telephone",
            "mobile",
            "cell",
            "cellphone",
            "fax",
            "landline",
            "telefon",
            "telefax",
            "handy",
            "mobil",
        ),
        *("mobiltelefon", "telefono", "telephone", "portable", "movil", "celular", "cellulare", "telefoon", "mobiel"),
        *("komorka", "komorkowy", "cep", "telefone", "puhelin", "ponsel", "телефон", "мобильный"),
    )
)
# Markers that tell two columns of one meaning apart.
_WHOSE = frozenset(
    (
        *("own_person", "other_person", "owner", "home", "business", "billing", "shipping", "other_block", "former"),
        "sms",
    )
)


def memory_keys(sheet: Sheet, vocabulary: Vocabulary) -> list[MemoryKey]:
    """Under what a confirmation of each column will be remembered, in column order."""
    classes = [value_class(column.profile) for column in sheet.columns]
    readings = [vocabulary.read(column.header) for column in sheet.columns]
    names = [
        f"column {column.index + 1} {kind}"
        if reading.header.nameless
        else " ".join(reading.header.words)[:LONGEST_HEADER]
        for column, reading, kind in zip(sheet.columns, readings, classes, strict=True)
    ]
    meant = [meanings(reading, vocabulary) for reading in readings]
    times = Counter(meaning for each in meant for meaning in each)
    return [
        MemoryKey(
            header=names[at],
            value_class=classes[at],
            neighbours=_surroundings(names, at),
            form=_form(readings[at], classes[at]),
            # What the sheet holds twice is told apart by its place, which a variant from another sheet knows nothing of.
            meaning=_meaning(readings[at], meant[at], vocabulary)
            if len(meant[at]) == 1 and times[meant[at][0]] == 1
            else "",
        )
        for at in range(len(names))
    ]


def meanings(reading: Reading, vocabulary: Vocabulary) -> tuple[str, ...]:
    """All that a header means by the lexicon, in whatever language: lead fields, and things that are none."""
    groups: list[int] = reading.match.exact.tolist()
    return tuple(sorted({vocabulary.index.groups[group][0] for group in groups}))


def value_class(profile: ColumnProfile) -> str:
    """What most values of a column are: `email`, `phone`, `text`, ..., or `empty`."""
    if not profile.sampled:
        return "empty"
    for name, kinds in _CLASSES:
        if max((profile.kinds.get(kind, 0.0) for kind in kinds), default=0.0) >= 0.5:
            return name
    return "text"


def kin(one: str, other: str) -> bool:
    """Whether two classes of values do not contradict each other: an empty column may be the same as a full one."""
    return one == other or "empty" in (one, other) or frozenset((one, other)) in _KIN


def beside(one: str, other: str) -> bool:
    """Whether two surroundings are the same on one side, where there are columns on it."""
    sides = ((one[:8], other[:8]), (one[8:], other[8:]))
    return any(mine == theirs and mine not in (EDGE, ANYWHERE) for mine, theirs in sides)


def _form(reading: Reading, kind: str) -> str:
    """The words of a header that matter, in no order and in the singular; empty where nothing remains."""
    words = [_singular(word) for word in reading.words]
    if kind == "phone" or not _PHONE.isdisjoint(words):
        words = [word for word in words if word not in _NUMBER]
    return " ".join(sorted(word for word in words if word not in _HARMLESS))[:LONGEST_FORM]


def _meaning(reading: Reading, meant: Sequence[str], vocabulary: Vocabulary) -> str:
    """The one thing that a header means, with whose it is: "Work phone" is not "Phone"."""
    markers = (
        name for name, mark in zip(vocabulary.marker_names, reading.marks, strict=True) if mark and name in _WHOSE
    )
    return " ".join((*meant, *markers))


def _singular(word: str) -> str:
    plural = len(word) > 4 and word.isascii() and word.endswith("s") and word[-2] not in "sui"
    return word[:-1] if plural and not is_cjk(word) else word


def _surroundings(names: Sequence[str], at: int) -> str:
    """A fingerprint of the names on either side, eight digits each, so that a column more on one side is recognised."""
    return _digest(names[max(0, at - AROUND) : at]) + _digest(names[at + 1 : at + 1 + AROUND])


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:8] if names else EDGE
