"""How near the headers of a file are to the phrases that the fields of one schema go by.

What the similarities mean for a mapping is learned; here they are only measured.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.meaning import Meaning
from leads_pipeline.mapping.phrase_index import Floats, Match, Numbers, PhraseIndex, Spelled, bucket
from leads_pipeline.mapping.precedents import TOLD, Precedents
from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.text import words_of
from leads_pipeline.mapping.vocabulary import READINGS_KEPT, Reading, Vocabulary

SIMILARITIES = (
    "exact", "exact_here", "exact_alone", "bare", "inner", "grams", "grams_here", "covered", "explained", "jaccard",
    "jaccard_here", "ending", "beginning", *TOLD,
)  # fmt: skip
"""What `PhraseTable.compare` measures, in the order of its last axis; "here" is weighed by the file's language."""

_AT = {name: at for at, name in enumerate(SIMILARITIES)}
_OWN_LANGUAGE = "any"


@dataclass(frozen=True)
class Comparison:
    """How near each column's header is to each target: `similar[column, target, SIMILARITIES]`.

    `trust` tells how far each language of the table is that of the file (0 to 1), `described[column, field]` how much of the
    header, by the weight of its words, is found in what the schema says of the field.
    """

    similar: Floats
    trust: Floats
    described: Floats


@dataclass(frozen=True)
class PhraseTable:
    """The phrases of the fields of one schema, and of what is no field: the last target.

    Those of the lexicon and the schema's own (names, labels, synonyms) are two `_sides` that are compared alike.
    `taught[field]` is a field's number among those that `meaning` was learned for, -1 for another.
    `told` is what `precedents` need of the fields.
    `owned[target, marker]` tells how common a marker is in the target's phrases, `described` which fields speak of a stem in
    what the schema says of them.
    """

    vocabulary: Vocabulary
    precedents: Precedents
    meaning: Meaning
    taught: Numbers
    told: Numbers
    places: dict[str, int]
    owned: Floats
    described: dict[str, NDArray[np.intp]]
    _sides: tuple["_Side", "_Side"]
    _language_names: tuple[str, ...]
    _own_matches: dict[str, Match] = field(default_factory=dict[str, Match])

    @classmethod
    def of(cls, schema: LeadSchema, vocabulary: Vocabulary, precedents: Precedents, meaning: Meaning) -> "PhraseTable":
        """The table of `schema`."""
        places = {each.name: at for at, each in enumerate(schema.fields)}
        none = len(places)
        trained = {name: at for at, name in enumerate(meaning.trained)}
        own = _own_phrases(schema, vocabulary, set(meaning.trained))
        written = [vocabulary.divided(words_of(text)) for text, _, _ in own]
        index = PhraseIndex.of(own, Spelled.of(written), vocabulary.rarity)
        languages = tuple(sorted({language for _, language in (*vocabulary.index.groups, *index.groups)}))
        sides = (
            _Side.of(vocabulary.index, places, languages),
            _Side.of(index, places, languages),
        )
        marks = np.array([vocabulary.marks(words, "".join(words)) for words in written], np.float32)
        marked = (vocabulary.marked, np.add.reduceat(marks, index.starts, axis=0))
        owned = np.zeros((none + 1, len(vocabulary.markers)), np.float32)
        sizes = np.zeros(none + 1)
        for side, sums in zip(sides, marked, strict=True):
            kept = side.targets >= 0
            np.add.at(owned, side.targets[kept], sums[kept])
            np.add.at(sizes, side.targets[kept], side.sizes[kept])
        return cls(
            vocabulary=vocabulary,
            precedents=precedents,
            meaning=meaning,
            told=precedents.groups(places),
            taught=np.array([trained.get(name, -1) for name in places], np.int32),
            places=places,
            owned=np.sqrt(owned / np.maximum(1, sizes)[:, None]).astype(np.float32),
            described=_described(schema, vocabulary),
            _sides=sides,
            _language_names=languages,
        )

    def read(self, header: str) -> Reading:
        """A header, its words and markers."""
        return self.vocabulary.read(header)

    def compare(self, headers: Sequence[str]) -> Comparison:
        """Compare the headers of one file with all phrases. The file's language follows from its headers."""
        readings = [self.read(header) for header in headers]
        matches = ([each.match for each in readings], [self._own_match(header) for header in headers])
        trust = self._trust_in_languages(matches)
        similar = np.zeros((len(headers), len(self.places) + 1, len(SIMILARITIES)), np.float32)
        similar[:, :, -len(TOLD) :] = self.precedents.tell(readings, self.places, self.told)
        for side, found in zip(self._sides, matches, strict=True):
            here = trust[side.languages]
            side.compare_whole(similar, found, here)
            side.compare_parts(similar, found, here)
            side.compare_words(similar, found, here)
        exact = similar[:, :, _AT["exact_here"]]
        similar[:, :, _AT["exact_alone"]] = exact / np.maximum(exact.sum(axis=1, keepdims=True), 1e-6)
        return Comparison(similar, trust, self._explained(readings))

    def _explained(self, readings: Sequence[Reading]) -> Floats:
        rarity = self.vocabulary.rarity.words
        explained = np.zeros((len(readings), len(self.places)), np.float32)
        for row, reading in zip(explained, readings, strict=True):
            weights = {word: float(rarity[bucket(word)]) for word in reading.words if word not in _SAYING_NOTHING}
            total = sum(weights.values())
            for word, weight in weights.items():
                row[self.described.get(_stem(word), [])] += weight / total
        return explained

    def nearest(self, header: str, target: int, trust: Floats) -> str:
        """The phrase of `target` that shares most words with `header`, "" if none shares any."""
        found = [
            side.nearest(match, target, trust[side.languages])
            for side, match in zip(self._sides, self._both(header), strict=True)
        ]
        return max(found, key=lambda each: each[0])[1]

    def spoken(self, header: str, target: int, trust: Floats) -> list[str]:
        """The languages in which `header` is a phrase of `target`, the file's own first; "any" is the schema itself."""
        found = {
            int(side.languages[group])
            for side, match in zip(self._sides, self._both(header), strict=True)
            for group in match.exact.tolist()
            if side.targets[group] == target
        }
        return [self._language_names[each] for each in sorted(found, key=lambda each: (-float(trust[each]), each))]

    def _both(self, header: str) -> tuple[Match, Match]:
        return self.read(header).match, self._own_match(header)

    def _own_match(self, header: str) -> Match:
        known = self._own_matches.get(header)
        if known is None:
            if len(self._own_matches) >= READINGS_KEPT:
                self._own_matches.clear()
            known = self._own_matches[header] = self._sides[1].index.match(self.read(header).lookup)
        return known

    def _trust_in_languages(self, matches: Sequence[Sequence[Match]]) -> Floats:
        """How far each language is the file's (0 to 1): every header votes for those that know it."""
        names = self._language_names
        votes = np.zeros(len(names), np.float32)
        for both in zip(*matches, strict=True):
            spoken: set[int] = set()
            for side, match in zip(self._sides, both, strict=True):
                known = match.exact[side.targets[match.exact] >= 0]
                spoken.update(side.languages[known].tolist())
            votes[list(spoken)] += 1 / max(1, len(spoken))
        trust = (votes + 0.25) / (votes.max(initial=0) + 0.25)
        for name, least in ((_OWN_LANGUAGE, 1.0), ("en", 0.5)):
            if name in names:
                trust[names.index(name)] = max(trust[names.index(name)], least)
        return trust


@dataclass(frozen=True)
class _Side:
    """One index, and what its groups mean for a schema: `targets[group]` (-1: a field that the schema lacks).

    `order` sorts the groups that have a target by target; `present` are the targets, and `starts` where each begins.
    """

    index: PhraseIndex
    targets: Numbers
    languages: Numbers
    sizes: NDArray[np.intp]
    order: NDArray[np.intp]
    present: Numbers
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, index: PhraseIndex, places: dict[str, int], languages: Sequence[str]) -> "_Side":
        targets = np.array(
            [len(places) if name.startswith(NO_FIELD) else places.get(name, -1) for name, _ in index.groups], np.int32
        )
        order = np.argsort(targets, kind="stable")
        order = order[targets[order] >= 0]
        present, starts = np.unique(targets[order], return_index=True)
        return cls(
            index=index,
            targets=targets,
            languages=np.array([languages.index(language) for _, language in index.groups], np.int32),
            sizes=np.diff([*index.starts, len(index.phrases)]),
            order=order,
            present=present,
            starts=starts,
        )

    def compare_whole(self, similar: Floats, found: Sequence[Match], here: Floats) -> None:
        """Headers that are a phrase, or end or begin with one."""
        for row, match in zip(similar, found, strict=True):
            if match.exact.size:
                self._raise(row, "exact", match.exact, np.ones(len(match.exact), np.float32))
                self._raise(row, "exact_here", match.exact, here[match.exact])
            if match.bare.size:
                self._raise(row, "bare", match.bare, here[match.bare])
            if match.inner.size:
                self._raise(row, "inner", match.inner, here[match.inner])
            for name, hits in (("ending", match.endings), ("beginning", match.beginnings)):
                if hits.groups.size:
                    self._raise(row, name, hits.groups, hits.weights * (0.75 + 0.25 * here[hits.groups]))

    def compare_parts(self, similar: Floats, found: Sequence[Match], here: Floats) -> None:
        """Character n-grams: near spellings, compounds, inflections."""
        if not self.order.size:
            return
        cosine = np.stack([match.parts for match in found])[:, self.order]
        for name, values in (("grams", cosine), ("grams_here", cosine * (0.7 + 0.3 * here[self.order]))):
            best = np.maximum.reduceat(values, self.starts, axis=1)
            similar[:, self.present, _AT[name]] = np.maximum(similar[:, self.present, _AT[name]], best)

    def compare_words(self, similar: Floats, found: Sequence[Match], here: Floats) -> None:
        """Words in common, weighed by how telling each is."""
        for row, match in zip(similar, found, strict=True):
            if match.shared.size:
                self._raise(row, "covered", match.shared, match.covered)
                self._raise(row, "explained", match.shared, match.explained)
                self._raise(row, "jaccard", match.shared, match.jaccard)
                self._raise(row, "jaccard_here", match.shared, match.jaccard * (0.7 + 0.3 * here[match.shared]))

    def nearest(self, match: Match, target: int, here: Floats) -> tuple[float, str]:
        """How much of its words the nearest phrase of `target` shares with a header, and which it is."""
        places = np.flatnonzero(self.targets[match.shared] == target)
        if not places.size:
            return 0.0, ""
        values = match.jaccard[places] * (0.7 + 0.3 * here[match.shared[places]])
        best = int(values.argmax())
        return float(values[best]), self.index.phrases[match.nearest[places[best]]]

    def _raise(self, row: Floats, name: str, groups: Numbers, values: NDArray[np.floating]) -> None:
        """Let a similarity of the groups' targets be at least `values`."""
        targets = self.targets[groups]
        kept = targets >= 0
        np.maximum.at(row[:, _AT[name]], targets[kept], values[kept])


def _own_phrases(schema: LeadSchema, vocabulary: Vocabulary, trained: Container[str]) -> list[tuple[str, str, str]]:
    """What a schema calls its fields itself."""
    shorter = _without_prefix(schema, vocabulary, trained)
    return [
        (text, each.name, _OWN_LANGUAGE)
        for each in schema.fields
        for text in dict.fromkeys(
            (
                *(each.label, each.name.removesuffix("__c"), each.api_name.removesuffix("__c")),
                *shorter.get(each.name, ()),
                *each.synonyms,
            )
        )
    ]


def _without_prefix(schema: LeadSchema, vocabulary: Vocabulary, trained: Container[str]) -> dict[str, list[str]]:
    """What an organization's own fields are called without the word that it puts before many: `Acme_Roof_Type__c`.

    Not where what remains is a word for something else, or for two of them.
    """
    own = [each for each in schema.fields if each.name not in trained]
    called = {each.name: {words_of(each.label), words_of(each.name.removesuffix("__c"))} for each in own}
    first = Counter(word for forms in called.values() for word in {form[0] for form in forms if len(form) > 1})
    shorter = {
        name: {" ".join(form[1:]) for form in forms if len(form) > 1 and first[form[0]] >= PREFIXED}
        for name, forms in called.items()
    }
    times = Counter(text for texts in shorter.values() for text in texts)
    return {
        name: sorted(text for text in texts if times[text] == 1 and not vocabulary.read(text).match.exact.size)
        for name, texts in shorter.items()
    }


PREFIXED = 3
"""A word that begins the names of so many of an organization's own fields tells nothing of them."""


def _described(schema: LeadSchema, vocabulary: Vocabulary) -> dict[str, NDArray[np.intp]]:
    """Which fields speak of each stem in their label, synonyms and description."""
    found: dict[str, set[int]] = {}
    for at, each in enumerate(schema.fields):
        for text in (each.label, each.description, *each.synonyms):
            for word in vocabulary.divided(words_of(text)):
                if word not in _SAYING_NOTHING:
                    found.setdefault(_stem(word), set()).add(at)
    return {stem: np.array(sorted(fields), np.intp) for stem, fields in found.items()}


def _stem(word: str) -> str:
    """The same for most inflections of a word: "practitioners" and "practitioner"."""
    return word[:_STEM] if word.isascii() and word.isalpha() else word


_STEM = 5

_SAYING_NOTHING = frozenset((
    "a", "an", "and", "any", "are", "as", "at", "be", "by", "can", "did", "do", "does", "for", "from", "has",
    "have", "how", "if", "in", "is", "it", "its", "like", "many", "much", "not", "of", "on", "one", "or", "our",
    "several", "so", "such", "that", "the", "their", "them", "there", "this", "to", "was", "we", "what", "when",
    "where", "whether", "which", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
))  # fmt: skip
