"""What the whole lexicon knows about words: which exist, how telling each is, and which mark something.

Built once in `training` and shipped with the model. Which phrases mean fields of a schema is `phrases`' business.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.field_table import GROUPS
from leads_pipeline.mapping.lexicon import NO_FIELD, Lexicon
from leads_pipeline.mapping.phrase_index import (
    BUCKETS,
    Floats,
    Lookup,
    Match,
    PhraseIndex,
    Rarity,
    Spelled,
    bucket,
    word_buckets,
)
from leads_pipeline.mapping.text import Header, divide, grams, is_cjk, read_header, words_of


@dataclass(frozen=True, slots=True)
class Reading:
    """A header, read: its words, the classes of markers among them, and the phrases of the lexicon that it is like.

    `lookup` is what other phrases can be compared with.
    """

    header: Header
    words: tuple[str, ...]
    marks: Floats
    lookup: Lookup
    match: Match


@dataclass(frozen=True)
class Vocabulary:
    """The words of a lexicon. `marked[group, marker]` counts the phrases of a group that hold a marker."""

    phrases: tuple[tuple[str, str, str], ...]
    markers: tuple[tuple[str, tuple[str, ...]], ...]
    rarity: Rarity
    known: frozenset[str]
    spelled: Spelled
    marked: Floats
    _readings: dict[str, Reading] = field(default_factory=dict[str, Reading], repr=False, compare=False)

    @classmethod
    def of(cls, lexicon: Lexicon) -> "Vocabulary":
        written = [words_of(phrase) for phrase, _, _ in lexicon.phrases]
        apart = {
            "".join(words) for (phrase, _, _), words in zip(lexicon.phrases, written, strict=True) if " " in phrase
        }
        known = _known_words(written, apart, [words_of(each) for _, words in lexicon.markers for each in words])
        words = [_divided(each, known) for each in written]
        word_counts: Counter[int] = Counter()
        part_counts: Counter[int] = Counter()
        for distinct in set(words):
            word_counts.update(word_buckets(distinct))
            part_counts.update({bucket(gram) for gram in grams("".join(distinct))})
        bare = cls(
            phrases=lexicon.phrases,
            markers=lexicon.markers,
            rarity=Rarity(_rarity(word_counts, len(words)), _rarity(part_counts, len(words))),
            known=known,
            spelled=Spelled.of(words),
            marked=np.zeros((0, len(lexicon.markers)), np.float32),
        )
        marks = np.array([bare.marks(each, "".join(each)) for each in words], np.float32)
        object.__setattr__(bare, "marked", np.add.reduceat(marks, bare.index.starts, axis=0))
        return bare

    @cached_property
    def index(self) -> PhraseIndex:
        """All phrases, to be compared with headers."""
        return PhraseIndex.of(self.phrases, self.spelled, self.rarity)

    @cached_property
    def no_field(self) -> frozenset[int]:
        """The groups of phrases that are no field."""
        return frozenset(at for at, (target, _) in enumerate(self.index.groups) if target.startswith(NO_FIELD))

    @cached_property
    def spoken_of(self) -> tuple[str, ...]:
        """The fields that have phrases."""
        return tuple(sorted({target for target, _ in self.index.groups if not target.startswith(NO_FIELD)}))

    @cached_property
    def counting(self) -> frozenset[int]:
        """The groups of phrases that say of a column that it counts the rows."""
        return frozenset(
            at for at, (target, _) in enumerate(self.index.groups) if target == f"{NO_FIELD}running_number"
        )

    @cached_property
    def addressing(self) -> frozenset[int]:
        """The groups of phrases that mean a part of an address."""
        return frozenset(at for at, (target, _) in enumerate(self.index.groups) if target in GROUPS["address"])

    def spoken(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every phrase as words, and what it means."""
        for text, target, _ in self.phrases:
            yield words_of(text), target

    def divided(self, words: Iterable[str]) -> tuple[str, ...]:
        """`words` with those that are several known words written as one taken apart."""
        return _divided(words, self.known)

    @cached_property
    def marker_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.markers)

    def marks(self, words: Sequence[str], joined: str) -> Floats:
        """Which classes of markers stand among `words`: 1 or 0 for each of `marker_names`."""
        spelled, within = self._marking
        flags = np.zeros(len(self.markers), np.float32)
        for size in (1, 2, 3):
            for at in range(len(words) - size + 1):
                for found in spelled.get(" ".join(words[at : at + size]), ()):
                    flags[found] = 1
        if any(map(is_cjk, words)):
            for mark, found in within:
                if mark in joined:
                    flags[found] = 1
        return flags

    def without(self, words: Sequence[str], markers: Container[int]) -> tuple[str, ...]:
        """`words` but for those, alone or up to three together, that mark one of `markers`."""
        spelled, _ = self._marking
        left: list[str] = []
        at = 0
        while at < len(words):
            sizes = (
                size
                for size in (3, 2, 1)
                if any(each in markers for each in spelled.get(" ".join(words[at : at + size]), ()))
            )
            size = min(next(sizes, 0), len(words) - at)
            if not size:
                left.append(words[at])
            at += max(1, size)
        return tuple(left)

    def read(self, header: str) -> Reading:
        """A header, looked up in the lexicon; remembered, since headers come again and again."""
        known = self._readings.get(header)
        if known is None:
            if len(self._readings) >= READINGS_KEPT:
                self._readings.clear()
            known = self._readings[header] = self._read(header)
        return known

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a header, without looking it up: a hundredth of the work of `read`."""
        known = self._readings.get(text)
        if known is not None:
            return known.words
        header = read_header(text)
        return () if header.nameless else self.divided(header.words)

    def marked_in(self, text: str) -> Floats:
        """The classes of markers among the words of a header, without looking it up."""
        known = self._readings.get(text)
        if known is not None:
            return known.marks
        words = self.words(text)
        return self.marks(words, "".join(words))

    def _read(self, text: str) -> Reading:
        header = read_header(text)
        words = self.words(text)
        bare = () if header.nameless else self.divided(header.bare)
        inner = tuple(word for word in bare if word not in _EMPTY_WORDS and not word.isdecimal())
        lookup = Lookup.of(words, bare, inner, self.rarity)
        return Reading(header, words, self.marks(words, lookup.joined), lookup, self.index.match(lookup))

    @cached_property
    def _marking(self) -> tuple[dict[str, tuple[int, ...]], tuple[tuple[str, int], ...]]:
        """Marker classes by up to three words, and those of scripts without spaces."""
        spelled: dict[str, set[int]] = {}
        within: list[tuple[str, int]] = []
        for at, (_, phrases) in enumerate(self.markers):
            for phrase in phrases:
                words = self.divided(words_of(phrase))
                if words and all(map(is_cjk, words)):
                    within.append(("".join(words), at))
                else:
                    spelled.setdefault(" ".join(words), set()).add(at)
        return {word: tuple(sorted(classes)) for word, classes in spelled.items()}, tuple(within)


READINGS_KEPT = 2_000
"""Most headers that are remembered; each takes about 20 kB."""

# What stands around the words that matter: "Please enter your ...", "Contact ...".
_EMPTY_WORDS = frozenset(
    (
        *("contact", "lead", "customer", "client", "person", "attendee", "invitee", "registrant", "participant"),
        *("homeowner", "policyholder", "prospect", "applicant", "buyer", "borrower", "enquirer", "donor"),
        *("guest", "member", "your", "my", "our", "the", "a", "an", "primary", "main", "current", "default", "please"),
        *("enter", "provide", "what", "is", "of", "field", "value", "custom", "hs", "prefix"),
        *("de", "la", "le", "du", "des", "do", "da", "di", "il", "el", "lo", "der", "die", "das"),
        *("ihr", "ihre", "votre", "su", "seu", "sua", "usuario", "kunde", "kunden", "cliente", "klient"),
    )
)


def _known_words(
    phrases: Sequence[tuple[str, ...]], apart: set[str], markers: Sequence[tuple[str, ...]]
) -> frozenset[str]:
    """The words that others can be divided into: those that nobody writes `apart`, with spaces between.

    A hyphen does not make two words: "Vor-Name" is "Vorname", and no "Name".
    """
    known = {word for words in (*phrases, *markers) for word in words if len(word) > 1 and word not in apart}
    # A word without spaces counts as its parts, and one letter of Chinese can be a word.
    known |= {words[0] for words in phrases if len(words) == 1 and is_cjk(words[0]) and len(words[0]) <= 4}
    return frozenset(known)


def _divided(words: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(part for word in words for part in divide(word, known.__contains__))


def _rarity(counts: Counter[int], total: int) -> NDArray[np.float32]:
    rarity = np.full(BUCKETS, np.log((total + 1) / 1.0), np.float32)
    for at, times in counts.items():
        rarity[at] = np.log((total + 1) / (times + 0.5))
    return rarity
