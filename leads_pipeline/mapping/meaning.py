"""What a header means as a text, by its words and letters: a learned classifier of headers alone.

The lexicon and precedents look a header up; this judges one that nobody has written before.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.phrase_index import Floats, Numbers
from leads_pipeline.mapping.text import grams
from leads_pipeline.mapping.vocabulary import READINGS_KEPT, Reading

CLUES = 1 << 15
"""Words, pairs of words and n-grams are known by their hash."""

MOST_GRAMS = 60
LEAST = 1e-4
"""No chance is taken for less than this."""

MEANT = ("log", "against_none", "chance")
"""What `Meaning.tell` measures for each field; of having no field it gives two numbers."""


def clues(words: Sequence[str]) -> dict[int, float]:
    """What speaks in a header's words, by hash, each with its weight."""
    found: dict[str, float] = {f"n{min(len(words), 6)}": 0.5}
    for word in words:
        found["w" + word] = 1.0
    for one, other in pairwise(words):
        found[f"b{one} {other}"] = 1.0
    if words:
        found["f" + words[0]] = found["l" + words[-1]] = 0.7
    for gram in islice(grams("".join(words)), MOST_GRAMS):
        found["g" + gram] = found.get("g" + gram, 0.0) + 0.35
    hashed: dict[int, float] = {}
    for clue, weight in found.items():
        bucket = zlib.crc32(clue.encode()) & (CLUES - 1)
        hashed[bucket] = hashed.get(bucket, 0.0) + weight
    return hashed


@dataclass(frozen=True)
class Meaning:
    """A softmax regression over the fields `trained` and none: `weights[clue, field or none]`.

    The clues are those `known` by hash, in rising order.
    """

    trained: tuple[str, ...]
    known: Numbers
    weights: Floats
    bias: Floats
    _heard: dict[str, Floats] = field(default_factory=dict[str, Floats], repr=False, compare=False)

    def tell(
        self, readings: Sequence[Reading], here: Numbers, untaught: NDArray[np.bool_] | None
    ) -> tuple[Floats, Floats]:
        """Evidence `[column, field, MEANT]`, and `[column, 2]` of having no field.

        `here[field]` is the field's number among the trained ones, -1 for another. What is meant by `untaught[field]`
        counts as none.
        """
        pairs = np.zeros((len(readings), len(here), len(MEANT)), np.float32)
        pairs[:, :, 0] = np.log(LEAST) / 2
        if not readings:
            return pairs, np.zeros((0, 2), np.float32)
        logs = np.stack([self._hear(each.words) for each in readings])
        told = here >= 0
        if untaught is not None:
            told = told & ~untaught
            unknown = here[(here >= 0) & untaught]
            logs[:, -1] = np.log(np.exp(logs[:, -1]) + np.exp(logs[:, unknown]).sum(axis=1))
            logs[:, unknown] = np.log(LEAST)
        of_fields = logs[:, here[told]]
        pairs[:, told, 0] = of_fields
        pairs[:, told, 1] = of_fields - logs[:, -1:]
        pairs[:, told, 2] = np.exp(of_fields)
        return pairs, np.stack([logs[:, -1], logs[:, :-1].max(axis=1)], axis=1)

    def chances(self, words: Sequence[str]) -> Floats:
        """How likely a header of these words speaks of each trained field, and of none: the last."""
        return np.exp(self._hear(words))

    def likeliest(self, words: Sequence[str]) -> str | None:
        """The field that a header of these words speaks of, None where it rather speaks of none."""
        best = int(self._hear(words).argmax())
        return self.trained[best] if best < len(self.trained) else None

    def _hear(self, words: Sequence[str]) -> Floats:
        text = " ".join(words)
        heard = self._heard.get(text)
        if heard is None:
            if len(self._heard) >= READINGS_KEPT:
                self._heard.clear()
            heard = self._heard[text] = self._logs(clues(words))
        return heard

    def _logs(self, found: dict[int, float]) -> Floats:
        buckets = np.fromiter(found, np.int32, len(found))
        values = np.fromiter(found.values(), np.float32, len(found))
        places = np.minimum(np.searchsorted(self.known, buckets), max(0, len(self.known) - 1))
        here = self.known[places] == buckets
        logits = values[here] @ self.weights[places[here]] + self.bias
        chances = np.exp(logits - logits.max())
        return np.log(np.maximum(chances / chances.sum(), LEAST)).astype(np.float32)
