"""Phrases that fields go by, as tables that a header can be compared with all at once.

What the similarities mean for a mapping is learned; here they are only measured.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.lexicon import NO_FIELD, Lexicon
from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.text import Header, divide, grams, is_cjk, read_header, words_of

Floats = NDArray[np.float32]

BUCKETS = 1 << 16
"""Words and n-grams are known by their hash, so that those of a custom field need no vocabulary."""

SIMILARITIES = (
    "exact", "exact_here", "exact_alone", "bare", "inner", "grams", "grams_here", "covered", "explained", "jaccard",
    "jaccard_here", "ending", "beginning",
)  # fmt: skip
"""What `PhraseTable.compare` measures, in the order of its last axis."""

_OWN_LANGUAGE = "any"


def bucket(text: str) -> int:
    """The number of a word or n-gram; the same in every process."""
    return zlib.crc32(text.encode("utf-8")) & (BUCKETS - 1)


@dataclass(frozen=True)
class Vocabulary:
    """What the whole lexicon knows about words: which exist, how telling each is, and which mark something.

    Built once from the lexicon, shipped with the model. `words` and `parts` weigh words and n-grams by rarity.
    """

    phrases: tuple[tuple[str, str, str], ...]
    markers: tuple[tuple[str, tuple[str, ...]], ...]
    words: Floats
    parts: Floats
    known: frozenset[str]

    @classmethod
    def of(cls, lexicon: Lexicon) -> "Vocabulary":
        spelled = [words_of(phrase) for phrase, _, _ in lexicon.phrases]
        joined = {"".join(words) for words in spelled if len(words) > 1}
        marking = [words_of(each) for _, words in lexicon.markers for each in words]
        known = {word for words in (*spelled, *marking) for word in words if len(word) > 1 and word not in joined}
        # A word without spaces counts as its parts, and one letter of Chinese can be a word.
        known |= {word for words in spelled for word in words if is_cjk(word) and len(words) == 1 and len(word) <= 4}
        word_counts: Counter[int] = Counter()
        part_counts: Counter[int] = Counter()
        for words in {tuple(part for word in words for part in divide(word, known.__contains__)) for words in spelled}:
            word_counts.update({bucket(word) for word in words})
            part_counts.update({bucket(gram) for gram in grams("".join(words))})
        return cls(
            phrases=lexicon.phrases,
            markers=lexicon.markers,
            words=_rarity(word_counts, len(spelled)),
            parts=_rarity(part_counts, len(spelled)),
            known=frozenset(known),
        )

    def divided(self, words: Iterable[str]) -> tuple[str, ...]:
        """`words` with those that are several known words written as one taken apart."""
        return tuple(part for word in words for part in divide(word, self.known.__contains__))

    @cached_property
    def marker_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.markers)

    @cached_property
    def _marking(self) -> tuple[dict[str, tuple[int, ...]], tuple[tuple[str, int], ...]]:
        """Marker classes by word or pair of words, and those of scripts without spaces."""
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


@dataclass(frozen=True)
class Comparison:
    """How near each column's header is to each target: `similar[column, target, SIMILARITIES]`.

    `nearest[column, target]` is the phrase of the target that shares most words with the header (-1: none does).
    """

    similar: Floats
    nearest: NDArray[np.int32]


@dataclass(frozen=True)
class PhraseTable:
    """The phrases of the fields of one schema, and of what is no field: the last target."""

    vocabulary: Vocabulary
    phrases: tuple[str, ...]
    targets: NDArray[np.int32]
    languages: NDArray[np.int32]
    language_names: tuple[str, ...]
    count: int
    owned: Floats
    _exact: dict[str, tuple[int, ...]]
    _words: Any
    _parts: Any
    _weights: Floats
    _ends: tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]
    _read: dict[str, "_Read"] = field(default_factory=dict[str, "_Read"])

    @classmethod
    def of(cls, schema: LeadSchema, vocabulary: Vocabulary) -> "PhraseTable":
        """The table of `schema`: what the lexicon says of its fields, with their names, labels and synonyms."""
        from scipy.sparse import csr_array

        index = {lead_field.name: at for at, lead_field in enumerate(schema.fields)}
        none = len(schema.fields)
        own = [
            (text, at, _OWN_LANGUAGE)
            for at, each in enumerate(schema.fields)
            for text in (each.label, each.name.removesuffix("__c"), each.api_name.removesuffix("__c"), *each.synonyms)
        ]
        known = [
            (text, none if target.startswith(NO_FIELD) else index.get(target, -1), language)
            for text, target, language in vocabulary.phrases
        ]
        rows = list(dict.fromkeys(row for row in (*known, *own) if row[1] >= 0))
        languages = sorted({language for _, _, language in rows})
        spelled = [vocabulary.divided(words_of(text)) for text, _, _ in rows]
        exact: dict[str, list[int]] = {}
        first: dict[str, list[int]] = {}
        last: dict[str, list[int]] = {}
        for at, words in enumerate(spelled):
            exact.setdefault("".join(words), []).append(at)
            if words:
                first.setdefault(words[0], []).append(at)
                last.setdefault(words[-1], []).append(at)
        word_rows = [sorted({bucket(word) for word in words}) for words in spelled]
        part_rows = [_weighed(grams("".join(words)), vocabulary.parts) for words in spelled]
        marks = np.array([vocabulary.marks(words, "".join(words)) for words in spelled], np.float32)
        targets = np.array([target for _, target, _ in rows], np.int32)
        owned = np.zeros((none + 1, len(vocabulary.markers)), np.float32)
        np.add.at(owned, targets, marks)
        owned /= np.maximum(1, np.bincount(targets, minlength=none + 1))[:, None]
        shape = (len(rows), BUCKETS)
        words_matrix = csr_array(
            (
                np.concatenate([vocabulary.words[row] for row in word_rows]),
                np.concatenate([np.array(row, np.int32) for row in word_rows]),
                np.cumsum([0, *map(len, word_rows)]).astype(np.int32),
            ),
            shape=shape,
        )
        parts_matrix = csr_array(
            (
                np.concatenate([weights for _, weights in part_rows]),
                np.concatenate([buckets for buckets, _ in part_rows]),
                np.cumsum([0, *(len(buckets) for buckets, _ in part_rows)]).astype(np.int32),
            ),
            shape=shape,
        )
        return cls(
            vocabulary=vocabulary,
            phrases=tuple(text for text, _, _ in rows),
            targets=targets,
            languages=np.array([languages.index(language) for _, _, language in rows], np.int32),
            language_names=tuple(languages),
            count=none + 1,
            owned=np.sqrt(owned),
            _exact={text: tuple(found) for text, found in exact.items()},
            _words=words_matrix.T.tocsr(),
            _parts=parts_matrix.T.tocsr(),
            _weights=np.array([vocabulary.words[row].sum() for row in word_rows], np.float32),
            _ends=(
                {word: tuple(found) for word, found in first.items()},
                {word: tuple(found) for word, found in last.items()},
            ),
        )

    def read(self, header: str) -> "_Read":
        """A header, its words and n-grams; remembered, since headers come again and again."""
        known = self._read.get(header)
        if known is None:
            if len(self._read) > _REMEMBERED:
                self._read.clear()
            known = self._read[header] = _Read.of(header, self)
        return known

    def compare(self, headers: Sequence[str]) -> Comparison:
        """Compare the headers of one file with all phrases. The file's language follows from its headers."""
        read = [self.read(header) for header in headers]
        trust = self._languages_of(read)
        similar = np.zeros((len(read), self.count, len(SIMILARITIES)), np.float32)
        nearest = np.full((len(read), self.count), -1, np.int32)
        for at, each in enumerate(read):
            self._compare_whole(similar[at], each, trust)
        self._compare_parts(similar, read, trust)
        self._compare_words(similar, nearest, read, trust)
        return Comparison(similar, nearest)

    def _languages_of(self, read: Sequence["_Read"]) -> Floats:
        """How far each phrase's language is the file's (0 to 1): every header votes for those that know it."""
        votes = np.zeros(len(self.language_names), np.float32)
        for each in read:
            if each.exact.size:
                spoken = np.unique(self.languages[each.exact])
                votes[spoken] += 1 / len(spoken)
        trust = (votes + 0.25) / (votes.max(initial=0) + 0.25)
        for name, least in ((_OWN_LANGUAGE, 1.0), ("en", 0.5)):
            if name in self.language_names:
                at = self.language_names.index(name)
                trust[at] = max(trust[at], least)
        return trust[self.languages]

    def _compare_whole(self, similar: Floats, each: "_Read", trust: Floats) -> None:
        """Headers that are a phrase as a whole."""
        if each.exact.size:
            targets, here = self.targets[each.exact], trust[each.exact]
            similar[targets, 0] = 1
            np.maximum.at(similar[:, 1], targets, here)
            similar[:, 2] = similar[:, 1] / similar[:, 1].sum()
        if each.bare.size:
            np.maximum.at(similar[:, 3], self.targets[each.bare], trust[each.bare])
        if each.inner.size:
            np.maximum.at(similar[:, 4], self.targets[each.inner], trust[each.inner])
        for column, rows, weights in (
            (11, each.ending, each.ending_weight),
            (12, each.beginning, each.beginning_weight),
        ):
            if rows.size:
                np.maximum.at(similar[:, column], self.targets[rows], weights * (0.75 + 0.25 * trust[rows]))

    def _compare_parts(self, similar: Floats, read: Sequence["_Read"], trust: Floats) -> None:
        """Character n-grams: near spellings, compounds, inflections."""
        rows, phrases, cosine = _product(self._parts, [each.parts for each in read])
        flat = rows * self.count + self.targets[phrases]
        for column, values in ((5, cosine), (6, cosine * (0.7 + 0.3 * trust[phrases]))):
            best = np.zeros(len(read) * self.count, np.float32)
            np.maximum.at(best, flat, values)
            similar[:, :, column] = best.reshape(len(read), self.count)

    def _compare_words(
        self, similar: Floats, nearest: NDArray[np.int32], read: Sequence["_Read"], trust: Floats
    ) -> None:
        """Words in common, weighed by how telling each is."""
        rows, phrases, common = _product(self._words, [(each.words, None) for each in read])
        totals = np.array([each.weight for each in read], np.float32)[rows]
        covered = common / self._weights[phrases]
        explained = common / np.maximum(totals, 1e-6)
        jaccard = common / np.maximum(totals + self._weights[phrases] - common, 1e-6)
        flat = rows * self.count + self.targets[phrases]
        measures = (
            (7, covered),
            (8, explained * (covered > 0.99)),
            (9, jaccard),
            (10, jaccard * (0.7 + 0.3 * trust[phrases])),
        )
        for column, values in measures:
            best = np.zeros(len(read) * self.count, np.float32)
            np.maximum.at(best, flat, values)
            similar[:, :, column] = best.reshape(len(read), self.count)
        order = np.argsort(jaccard, kind="stable")
        nearest.reshape(-1)[flat[order]] = phrases[order]


_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class _Read:
    """A header, looked up: rows of the table that it is, begins or ends with, and its words and n-grams."""

    header: Header
    spelled: tuple[str, ...]
    exact: NDArray[np.int32]
    bare: NDArray[np.int32]
    inner: NDArray[np.int32]
    ending: NDArray[np.int32]
    ending_weight: Floats
    beginning: NDArray[np.int32]
    beginning_weight: Floats
    words: NDArray[np.int32]
    weight: float
    parts: tuple[NDArray[np.int32], Floats]
    marks: Floats

    @classmethod
    def of(cls, text: str, table: PhraseTable) -> "_Read":
        header = read_header(text)
        vocabulary, exact = table.vocabulary, table._exact  # noqa: SLF001 # one thing in two classes
        nothing = np.zeros(0, np.int32)
        words = () if header.nameless else vocabulary.divided(header.words)
        bare = () if header.nameless else vocabulary.divided(header.bare)
        joined = "".join(words)

        def rows(spelled: Sequence[str]) -> NDArray[np.int32]:
            found = exact.get("".join(spelled), ()) if spelled else ()
            return np.array(found, np.int32)

        whole = rows(words)
        inner_words = [word for word in bare if word not in _EMPTY_WORDS and not word.isdecimal()]
        ending, beginning = _ends(words, exact, vocabulary)
        return cls(
            header=header,
            spelled=words,
            exact=whole,
            bare=rows(bare) if bare != words else whole,
            inner=rows(inner_words),
            ending=ending[0],
            ending_weight=ending[1],
            beginning=beginning[0],
            beginning_weight=beginning[1],
            words=np.array(sorted({bucket(word) for word in words}), np.int32),
            weight=float(sum(vocabulary.words[bucket(word)] for word in set(words))),
            parts=_weighed(grams(joined), vocabulary.parts) if joined else (nothing, nothing.astype(np.float32)),
            marks=vocabulary.marks(words, joined),
        )


_EMPTY_WORDS = frozenset(
    "contact lead customer client person attendee invitee registrant participant your my our the a an primary main guest member "
    "current default please enter what is of de la le du des do da di il el lo der die das ihr ihre votre su seu sua "
    "please provide field value custom hs prefix usuario kunde kunden cliente klient".split()
)


def _ends(
    words: Sequence[str], exact: dict[str, tuple[int, ...]], vocabulary: Vocabulary
) -> tuple[tuple[NDArray[np.int32], Floats], tuple[NDArray[np.int32], Floats]]:
    """Phrases that `words` ends with or begins with, each with the share of the header's weight that it makes up."""
    weights = [float(vocabulary.words[bucket(word)]) for word in words]
    total = sum(weights) or 1.0
    found: list[tuple[NDArray[np.int32], Floats]] = []
    for parts in (
        [(words[at:], weights[at:]) for at in range(1, len(words))],
        [(words[:at], weights[:at]) for at in range(1, len(words))],
    ):
        rows: list[int] = []
        shares: list[float] = []
        for part, part_weights in parts:
            hits = exact.get("".join(part), ())
            rows += hits
            shares += [sum(part_weights) / total] * len(hits)
        found.append((np.array(rows, np.int32), np.array(shares, np.float32)))
    return found[0], found[1]


def _weighed(found: Iterable[str], rarity: Floats) -> tuple[NDArray[np.int32], Floats]:
    """The n-grams of a text as a vector of length 1."""
    counts = Counter(bucket(gram) for gram in found)
    buckets = np.array(sorted(counts), np.int32)
    weights = np.array([1 + np.log(counts[int(each)]) for each in buckets], np.float32) * rarity[buckets]
    length = float(np.sqrt((weights * weights).sum()))
    return buckets, weights / length if length else weights


def _rarity(counts: Counter[int], total: int) -> Floats:
    rarity = np.full(BUCKETS, np.log((total + 1) / 1.0), np.float32)
    for at, times in counts.items():
        rarity[at] = np.log((total + 1) / (times + 0.5))
    return rarity


def _product(
    table: Any, rows: Sequence[tuple[NDArray[np.int32], Floats | None]]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """Sparse rows times a sparse table: the cells that are not zero, as row, column and value."""
    from scipy.sparse import csr_array

    indices = np.concatenate([buckets for buckets, _ in rows]) if rows else np.zeros(0, np.int32)
    data = [np.ones(len(buckets), np.float32) if weights is None else weights for buckets, weights in rows]
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in rows)]).astype(np.int32)
    left = csr_array(
        (np.concatenate(data) if data else np.zeros(0, np.float32), indices, ends), shape=(len(rows), BUCKETS)
    )
    product = (left @ table).tocoo()
    return product.row.astype(np.int64), product.col.astype(np.int32), product.data.astype(np.float32)
