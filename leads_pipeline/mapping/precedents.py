"""What headers turned out to mean in files whose answers are known, and how near a new header is to one of those.

The lexicon says what words mean; precedents say what was right where a header stood in a real list, "no field" included.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.phrase_index import Floats, Match, Numbers, PhraseIndex, Spelled
from leads_pipeline.mapping.vocabulary import READINGS_KEPT, Reading, Vocabulary

TOLD = ("told", "told_often", "told_otherwise", "told_words", "told_parts")
"""What `Precedents.tell` measures for each target.

The share of the files with this very header in which it meant the target, how many they are, the share that said
otherwise; how near the nearest header of the target is by its words, and by its spelling (all 0 to 1).
"""


@dataclass(frozen=True)
class Precedents:
    """Headers as words joined by spaces, what they meant (a field's name, or `NO_FIELD`), and in how many families of
    files: `known`, sorted by meaning.
    """

    known: tuple[tuple[str, str, int], ...]
    vocabulary: Vocabulary = field(repr=False)
    _matches: dict[str, Match] = field(default_factory=dict[str, Match], repr=False, compare=False)

    @classmethod
    def of(cls, answers: Iterable[tuple[str, str, str | None]], vocabulary: Vocabulary) -> "Precedents":
        """From answers: a header, the family of files it stood in, the name of its field or None."""
        families: dict[tuple[str, str], set[str]] = {}
        for header, family, target in answers:
            words = vocabulary.words(header)
            if words:
                families.setdefault((target or NO_FIELD, " ".join(words)), set()).add(family)
        return cls(
            tuple((words, target, len(found)) for (target, words), found in sorted(families.items())), vocabulary
        )

    def tell(self, readings: Sequence[Reading], places: dict[str, int], groups: Numbers) -> Floats:
        """How near each header is to what is known of each target: `[column, target, TOLD]`.

        `places` are the numbers of the fields, that of "no field" comes after them; `groups` are `groups(places)`.
        """
        told = np.zeros((len(readings), len(places) + 1, len(TOLD)), np.float32)
        if not self.known:
            return told
        here = groups >= 0
        for row, reading in zip(told, readings, strict=True):
            times = [
                (places.get(target, len(places) if target == NO_FIELD else -1), count)
                for target, count in self._times.get(reading.lookup.joined, ())
            ]
            total = sum(count for _, count in times)
            for target, count in times:
                if target >= 0:
                    row[target, 0] = count / (total + 0.5)
                    row[target, 1] = min(1.0, np.log1p(count) / 3)
            row[:, 2] = total / (total + 0.5) - row[:, 0]
            match = self._match(reading)
            row[groups[here], 4] = match.parts[here]
            words = groups[match.shared]
            row[words[words >= 0], 3] = match.jaccard[words >= 0]
        return told

    def meant(self, joined: str) -> Counter[str]:
        """What a header with these very words, written as one, meant: field or `NO_FIELD`, in how many families of files."""
        meant: Counter[str] = Counter()
        for target, count in self._times.get(joined, ()):
            meant[target] += count
        return meant

    def _match(self, reading: Reading) -> Match:
        header = " ".join(reading.words)
        known = self._matches.get(header)
        if known is None:
            if len(self._matches) >= READINGS_KEPT:
                self._matches.clear()
            known = self._matches[header] = self._index.match(reading.lookup)
        return known

    def groups(self, places: dict[str, int]) -> Numbers:
        """The numbers of the targets that headers are known for, in the index's order; -1 for a field not in the schema."""
        return np.array(
            [len(places) if name == NO_FIELD else places.get(name, -1) for name, _ in self._index.groups], np.int32
        )

    @cached_property
    def _index(self) -> PhraseIndex:
        return PhraseIndex.of(
            [(words, target, "") for words, target, _ in self.known],
            Spelled.of([tuple(words.split(" ")) for words, _, _ in self.known]),
            self.vocabulary.rarity,
        )

    @cached_property
    def _times(self) -> dict[str, list[tuple[str, int]]]:
        times: dict[str, list[tuple[str, int]]] = {}
        for words, target, count in self.known:
            times.setdefault(words.replace(" ", ""), []).append((target, count))
        return times
