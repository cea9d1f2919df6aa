"""Many phrases, ready to be compared with a header all at once: inverted tables over hashed words and n-grams.

Phrases that mean the same in one language are one group: only the nearest of them counts. What a group means for a
schema, and how far a language is that of the file, is not known here.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.text import grams

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]

BUCKETS = 1 << 16
"""Words and n-grams are known by their hash, so that those of a custom field need no vocabulary."""


def bucket(text: str) -> int:
    """The number of a word or n-gram; the same in every process."""
    return zlib.crc32(text.encode("utf-8")) & (BUCKETS - 1)


def word_buckets(words: Sequence[str]) -> list[int]:
    """The numbers of words, in rising order. One that comes again has another number: "name" is less than "name, name"."""
    times: Counter[str] = Counter()
    found: set[int] = set()
    for word in words:
        times[word] += 1
        found.add(bucket(word if times[word] == 1 else f"{word} {times[word]}"))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Rarity:
    """How telling each word and each n-gram is, by bucket."""

    words: Floats
    parts: Floats


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different length: row `n` is `buckets[ends[n]:ends[n + 1]]`, in rising order."""

    ends: Numbers
    buckets: NDArray[np.uint16]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        ends = np.cumsum([0, *map(len, rows)]).astype(np.int32)
        return cls(ends, np.array([each for row in rows for each in row], np.uint16))


@dataclass(frozen=True, slots=True)
class Spelled:
    """Phrases, taken apart: without spaces, as hashed words, and as hashed n-grams, as often as they occur."""

    joined: tuple[str, ...]
    words: Ragged
    parts: Ragged

    @classmethod
    def of(cls, phrases: Iterable[tuple[str, ...]]) -> "Spelled":
        words = list(phrases)
        joined = tuple("".join(each) for each in words)
        return cls(
            joined,
            Ragged.of([word_buckets(each) for each in words]),
            Ragged.of([sorted(bucket(gram) for gram in grams(each)) for each in joined]),
        )


@dataclass(frozen=True, slots=True)
class Lookup:
    """A header as it is compared: `joined` as a whole, `bare` without what stands in brackets, `inner` without empty words.

    `endings` and `beginnings` are what it ends and begins with, each with the share of its weight that this makes up.
    `words` and `parts` are buckets, those of the n-grams with weights that make a vector of length 1.
    """

    joined: str
    bare: str
    inner: str
    endings: tuple[tuple[str, float], ...]
    beginnings: tuple[tuple[str, float], ...]
    words: tuple[int, ...]
    weight: float
    parts: tuple[int, ...]
    part_weights: Floats

    @classmethod
    def of(cls, words: Sequence[str], bare: Sequence[str], inner: Sequence[str], rarity: Rarity) -> "Lookup":
        joined = "".join(words)
        weights = [float(rarity.words[bucket(word)]) for word in words]
        total = sum(weights) or 1.0
        buckets = word_buckets(words)
        cuts = range(1, len(words))
        counts = Counter(bucket(gram) for gram in grams(joined)) if joined else Counter[int]()
        parts = sorted(counts)
        part_weights = (1 + np.log([counts[each] for each in parts])) * rarity.parts[parts] if parts else np.zeros(0)
        length = float(np.sqrt((part_weights * part_weights).sum()))
        return cls(
            joined=joined,
            bare="".join(bare),
            inner="".join(inner),
            endings=tuple(("".join(words[at:]), sum(weights[at:]) / total) for at in cuts),
            beginnings=tuple(("".join(words[:at]), sum(weights[:at]) / total) for at in cuts),
            words=tuple(buckets),
            weight=float(rarity.words[buckets].sum()),
            parts=tuple(parts),
            part_weights=(part_weights / length if length else part_weights).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Hits:
    """Groups, and how much speaks for each."""

    groups: Numbers
    weights: Floats


@dataclass(frozen=True, slots=True)
class Match:
    """How near a header is to each group of phrases.

    `exact`, `bare` and `inner` are groups with a phrase that the header is; `parts[group]` is the best cosine of n-grams;
    the rest is about the groups that share a word with it (`shared`): `nearest` is the phrase with the highest `jaccard`.
    """

    exact: Numbers
    bare: Numbers
    inner: Numbers
    endings: Hits
    beginnings: Hits
    parts: Floats
    shared: Numbers
    covered: Floats
    explained: Floats
    jaccard: Floats
    nearest: Numbers


@dataclass(frozen=True)
class PhraseIndex:
    """The tables. `groups[group]` is what its phrases mean and in which language; `starts[group]` its first phrase."""

    phrases: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    starts: Numbers
    _group_of: Numbers
    _whole: dict[str, tuple[int, ...]]
    _words: "_Postings"
    _parts: "_Postings"
    _weights: Floats

    @classmethod
    def of(cls, phrases: Sequence[tuple[str, str, str]], spelled: Spelled, rarity: Rarity) -> "PhraseIndex":
        """The index of `phrases`: text, meaning, language. Those of one meaning and language should stand together."""
        groups: list[tuple[str, str]] = []
        starts: list[int] = []
        for at, (_, meaning, language) in enumerate(phrases):
            if not groups or groups[-1] != (meaning, language):
                groups.append((meaning, language))
                starts.append(at)
        group_of = np.repeat(np.arange(len(groups), dtype=np.int32), np.diff([*starts, len(phrases)]))
        whole: dict[str, tuple[int, ...]] = {}
        for joined, group in zip(spelled.joined, group_of.tolist(), strict=True):
            found = whole.get(joined, ())
            if joined and group not in found:
                whole[joined] = (*found, group)
        words = _Postings.of(spelled.words, rarity.words, unit=False)
        return cls(
            phrases=tuple(text for text, _, _ in phrases),
            groups=tuple(groups),
            starts=np.array(starts, np.int32),
            _group_of=group_of,
            _whole=whole,
            _words=words,
            _parts=_Postings.of(spelled.parts, rarity.parts, unit=True),
            _weights=np.bincount(words.phrases, words.values, len(phrases)).astype(np.float32),
        )

    def match(self, lookup: Lookup) -> Match:
        """Compare a header with all phrases."""
        cosine = self._parts.dot(lookup.parts, lookup.part_weights, len(self.phrases))
        hit, found = self._words.sums(lookup.words)
        shared, starts, sizes = _runs(self._group_of[hit])
        covered = found / self._weights[hit]
        explained = found / max(lookup.weight, 1e-6) * (covered > 0.99)
        jaccard = found / np.maximum(lookup.weight + self._weights[hit] - found, 1e-6)
        best = _best(jaccard, starts)
        winners = np.flatnonzero(jaccard == np.repeat(best, sizes))
        return Match(
            exact=self._groups_called(lookup.joined),
            bare=self._groups_called(lookup.bare),
            inner=self._groups_called(lookup.inner),
            endings=self._hits(lookup.endings),
            beginnings=self._hits(lookup.beginnings),
            parts=_best(cosine, self.starts).astype(np.float32),
            shared=shared,
            covered=_best(covered, starts).astype(np.float32),
            explained=_best(explained, starts).astype(np.float32),
            jaccard=best.astype(np.float32),
            nearest=hit[winners[np.searchsorted(winners, starts)]].astype(np.int32),
        )

    def _groups_called(self, joined: str) -> Numbers:
        return np.array(self._whole.get(joined, ()), np.int32)

    def _hits(self, parts: Sequence[tuple[str, float]]) -> Hits:
        found = [(group, share) for joined, share in parts for group in self._whole.get(joined, ())]
        return Hits(
            np.array([group for group, _ in found], np.int32), np.array([share for _, share in found], np.float32)
        )


@dataclass(frozen=True, slots=True)
class _Postings:
    """Which phrases hold each bucket, and with what weight: those of `b` are at `ends[b]` up to `ends[b + 1]`."""

    ends: Numbers
    phrases: Numbers
    values: Floats

    @classmethod
    def of(cls, rows: Ragged, rarity: Floats, *, unit: bool) -> "_Postings":
        """From rows of buckets. With `unit`, what occurs more often weighs more, and each row has the length 1."""
        row = np.repeat(np.arange(len(rows.ends) - 1, dtype=np.int32), np.diff(rows.ends))
        first = np.ones(len(row), bool)
        first[1:] = (row[1:] != row[:-1]) | (rows.buckets[1:] != rows.buckets[:-1])
        starts = np.flatnonzero(first).astype(np.int32)
        row, buckets = row[starts], rows.buckets[starts]
        values = rarity[buckets]
        if unit:
            times = np.diff(starts, append=np.int32(len(first)))
            values *= (1 + np.log(times, dtype=np.float32)).astype(np.float32)
            length = np.sqrt(np.bincount(row, values * values, len(rows.ends) - 1))
            values /= np.maximum(length, 1e-12).astype(np.float32)[row]
        order = np.argsort(buckets, kind="stable").astype(np.int32)
        ends = np.concatenate([[0], np.cumsum(np.bincount(buckets, minlength=BUCKETS))]).astype(np.int32)
        return cls(ends, row[order], values[order])

    def dot(self, buckets: Sequence[int], weights: Floats, count: int) -> NDArray[np.float64]:
        """The product of each of `count` phrases with a vector that is `weights` in `buckets`."""
        if not buckets:
            return np.zeros(count)
        spans = self._spans(buckets)
        values = np.concatenate([self.values[span] for span in spans])
        values *= np.repeat(weights, [span.stop - span.start for span in spans])
        return np.bincount(np.concatenate([self.phrases[span] for span in spans]), values, count)

    def sums(self, buckets: Sequence[int]) -> tuple[Numbers, NDArray[np.float64]]:
        """The phrases that hold any of a few buckets, in rising order, each with the sum of what these weigh in it."""
        spans = self._spans(buckets)
        if not spans:
            return np.zeros(0, np.int32), np.zeros(0)
        phrases = np.concatenate([self.phrases[span] for span in spans])
        order = np.argsort(phrases, kind="stable")
        found, starts, _ = _runs(phrases[order])
        if not len(found):
            return found, np.zeros(0)
        values = np.concatenate([self.values[span] for span in spans])
        return found, np.add.reduceat(values[order].astype(np.float64), starts)

    def _spans(self, buckets: Sequence[int]) -> list[slice]:
        places = np.array(buckets, np.intp)
        return list(map(slice, self.ends[places].tolist(), self.ends[places + 1].tolist()))


def _runs(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Each run of equal values: the value, where it begins, and how long it is."""
    if not len(values):
        return values, np.zeros(0, np.intp), np.zeros(0, np.intp)
    bounds = np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)]))
    starts = bounds[:-1]
    return values[starts], starts, bounds[1:] - starts


def _best(values: NDArray[np.float64], starts: NDArray[Any]) -> NDArray[np.float64]:
    """The highest value of each run."""
    return np.maximum.reduceat(values, starts) if len(starts) else np.zeros(0)
