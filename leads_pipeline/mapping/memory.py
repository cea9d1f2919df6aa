"""What an organization's people have confirmed, and how sure that makes us: for the same header, and for near variants.

Fetching entries and keeping them is the store's work. Which headers are variants of each other is `variants`' business.
Only entries of one organization, and those that others share with it, may be in a `Memory`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leads_pipeline.mapping.schema import LeadSchema, default_schema
from leads_pipeline.mapping.variants import beside, kin
from leads_pipeline.types import ANYWHERE, MemoryEntry, MemoryKey

HALF_LIFE_DAYS = 180.0
"""An answer that is so much older than another one weighs half as much against it.

Age counts in a dispute only: what a column means does not wear out, but of two contradicting answers the older one more
likely speaks of how things were. Those who send lists change them about once a year, so one new answer outweighs two
that are more than a year old, and does not outweigh two of this half-year.
"""


class Kind(StrEnum):
    """By what an answer was recalled, nearest first."""

    SAME = "same"
    BESIDE = "beside"
    ELSEWHERE = "elsewhere"
    SPELLING = "spelling"
    MEANING = "meaning"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Certainty:
    """How often one undisputed answer of a kind is right: that a column is a field, or that it has no target.

    `contrary` is for an answer that goes against all that the lexicon knows about the header.
    """

    field: float
    none: float
    contrary: float


# Measured on files of other systems than the one that the answer was given for; docs/architecture.md has the figures. The
# first two are not: the same sender's file again, or with a column more, is where a person's word simply holds. Few
# variants were answered with "no target", so these are held for less certain than they turned out.
CERTAINTY = {
    Kind.SAME: Certainty(0.985, 0.985, 0.985),
    Kind.BESIDE: Certainty(0.97, 0.97, 0.97),
    Kind.ELSEWHERE: Certainty(0.975, 0.97, 0.60),
    Kind.SPELLING: Certainty(0.98, 0.90, 0.60),
    Kind.MEANING: Certainty(0.975, 0.93, 0.0),
    Kind.SHARED: Certainty(0.90, 0.0, 0.30),
}
EMPTY = 0.99
"""By what the certainty is multiplied where one of the two columns has no values, or they differ in kind a little."""

OUTWEIGHS = 0.96
"""From this certainty on, an undisputed answer counts more than whatever the model says; below, both are weighed."""

LEAST = 0.2
"""What is less certain is not worth mentioning."""

UNNAMED_GAIN, UNNAMED_MOST = 0.25, 1.5
"""Who answers without a name may be one person or many: each further answer counts so much of a person, up to so many."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """A remembered answer for a column: `certainty` (0 to 1) that it is right here, by what `kind` of likeness.

    `support` people said so, of whichever `header` that was; `against` are other answers, with how many people gave each.
    `outweighs` tells whether it counts more than the model. `wish` is what the newest of them asked to be done with the
    cells.
    """

    target: str | None
    certainty: float
    kind: Kind
    header: str
    support: int
    against: tuple[tuple[str | None, int], ...]
    outweighs: bool
    wish: str | None

    @property
    def same_header(self) -> bool:
        """Whether this was answered about the very header, in this organization."""
        return self.kind in (Kind.SAME, Kind.BESIDE, Kind.ELSEWHERE)


class Memory:
    """An organization's confirmed mappings, ready to be recalled."""

    def __init__(self, entries: Iterable[MemoryEntry]) -> None:
        self._by_header: dict[str, list[MemoryEntry]] = {}
        self._by_form: dict[str, list[MemoryEntry]] = {}
        self._by_meaning: dict[str, list[MemoryEntry]] = {}
        for entry in entries:
            if entry.answers <= 0:
                continue
            self._by_header.setdefault(entry.key.header, []).append(entry)
            if entry.key.neighbours == ANYWHERE and not entry.shared:
                for words, index in ((entry.key.form, self._by_form), (entry.key.meaning, self._by_meaning)):
                    if words:
                        index.setdefault(words, []).append(entry)

    def __bool__(self) -> bool:
        return bool(self._by_header)

    def recall(self, key: MemoryKey, schema: LeadSchema, meanings: Sequence[str] = ()) -> Recollection | None:
        """The best answer for `key`, None if nobody has said anything that holds here.

        `meanings` is what the lexicon knows about the header. An answer to a field that `schema` has no more is none.
        """
        for kind, found in self._levels(key):
            held = [each for each in found if each.target is None or each.target in schema]
            # What the values say counts before what is alike: an empty column may be the same as a full one.
            for entries, factor in (
                ([each for each in held if each.key.value_class == key.value_class], 1.0),
                ([each for each in held if kin(each.key.value_class, key.value_class)], EMPTY),
            ):
                recollection = _weigh(entries, kind, factor, meanings) if entries else None
                if recollection is not None and recollection.certainty >= LEAST:
                    return recollection
        return None

    def _levels(self, key: MemoryKey) -> Iterable[tuple[Kind, list[MemoryEntry]]]:
        called = self._by_header.get(key.header, ())
        own = [each for each in called if not each.shared]
        yield Kind.SAME, [each for each in own if each.key.neighbours == key.neighbours != ANYWHERE]
        yield Kind.BESIDE, [each for each in own if beside(each.key.neighbours, key.neighbours)]
        yield Kind.ELSEWHERE, [each for each in own if each.key.neighbours == ANYWHERE]
        yield Kind.SPELLING, self._by_form.get(key.form, []) if key.form else []
        yield Kind.MEANING, self._by_meaning.get(key.meaning, []) if key.meaning else []
        yield Kind.SHARED, [each for each in called if each.shared]


NOTHING_REMEMBERED = Memory(())


def sharable_fields() -> frozenset[str]:
    """The fields that answers may be shared about between organizations: those that are nobody's own."""
    return frozenset(each.name for each in default_schema().fields)


def contrary(target: str | None, meanings: Sequence[str]) -> bool:
    """Whether an answer goes against all that the lexicon knows about a header, which is nothing about custom fields."""
    if not meanings or target in meanings:
        return False
    return target in default_schema() if target is not None else all(each in default_schema() for each in meanings)


@dataclass(slots=True)
class _Voices:
    """Who gave one answer: `weight` in people, the newest counting most, and how many there are."""

    weight: float = 0.0
    strength: float = 0.0
    people: int = 0
    age_days: float = float("inf")


def _weigh(entries: Sequence[MemoryEntry], kind: Kind, factor: float, meanings: Sequence[str]) -> Recollection | None:
    """The answer with most people behind it, the newer ones counting more. Whoever said otherwise lowers the certainty."""
    voices = _voices(entries)
    target = max(voices, key=lambda each: (voices[each].weight, -voices[each].age_days, each is not None, each or ""))
    agreeing = voices[target]
    against = sum(each.weight for answer, each in voices.items() if answer != target)
    measured = CERTAINTY[kind]
    usual = measured.contrary if contrary(target, meanings) else measured.none if target is None else measured.field
    if kind is Kind.MEANING and contrary(target, meanings):
        return None
    sure = 1 - (1 - usual * factor) / (1 + 0.5 * max(0.0, agreeing.strength - 1)) if usual else 0.0
    return Recollection(
        target=target,
        certainty=sure * (agreeing.weight + 0.5) / (agreeing.weight + 0.5 + against),
        kind=kind,
        header=next(each.key.header for each in entries if each.target == target),
        support=agreeing.people,
        against=tuple(
            sorted(
                ((answer, each.people) for answer, each in voices.items() if answer != target),
                key=lambda each: (-each[1], each[0] or ""),
            )
        ),
        outweighs=sure >= OUTWEIGHS,
        wish=min((each for each in entries if each.target == target), key=lambda each: each.age_days).wish,
    )


def _voices(entries: Sequence[MemoryEntry]) -> dict[str | None, _Voices]:
    """The answers, and who gives them now: of a person who is named, only the newest answer."""
    newest: dict[tuple[str, str | None], tuple[float, int]] = {}
    shared = any(entry.shared for entry in entries)
    for entry in entries:
        age, answers = newest.get((entry.person, entry.target), (float("inf"), 0))
        newest[entry.person, entry.target] = (min(age, entry.age_days), answers + entry.answers)
    last = {person: min(age for (other, _), (age, _) in newest.items() if other == person) for person, _ in newest}
    youngest = min(last.values())
    voices: dict[str | None, _Voices] = {}
    for (person, target), (age, answers) in sorted(newest.items(), key=lambda each: each[1][0]):
        if person and age > last[person]:
            continue
        voice = voices.setdefault(target, _Voices())
        several = float(answers) if shared else min(UNNAMED_MOST, 1 + UNNAMED_GAIN * (answers - 1))
        strength = 1.0 if person else several
        voice.strength += strength
        voice.weight += strength * 0.5 ** ((age - youngest) / HALF_LIFE_DAYS)
        voice.people += answers if shared else 1
        voice.age_days = min(voice.age_days, age)
    return voices
