"""The model that maps: weights for the evidence, learned in `training`, shipped as npz and JSON.

A model scores; which columns get which fields in the end is `assign`'s business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from leads_pipeline.mapping.evidence import Evidence, gather
from leads_pipeline.mapping.field_table import FieldTable
from leads_pipeline.mapping.phrase_index import Floats, Ragged, Rarity, Spelled
from leads_pipeline.mapping.phrases import PhraseTable
from leads_pipeline.mapping.schema import LeadSchema
from leads_pipeline.mapping.surroundings import Affinity, gather_context
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.types import Sheet

ARTIFACT = "base_model"
"""Name of the shipped files, beside this module: `base_model.npz` and `base_model.json`."""


@dataclass(frozen=True)
class Layer:
    """One round of scoring: weights shared by all fields, weights of single fields, and those of "none".

    A field that training has not seen has no weights of its own, and does on the shared ones.
    """

    pairs: Floats
    fields: Floats
    none: Floats

    def logits(self, pairs: Floats, columns: Floats, none: Floats, known: "KnownFields") -> Floats:
        """Scores `[column, field or none]` before they become probabilities."""
        shared = pairs @ self.pairs
        shared[:, known.here] += columns @ self.fields[:, known.trained]
        return np.concatenate([shared, (none @ self.none)[:, None]], axis=1)


@dataclass(frozen=True)
class KnownFields:
    """Which fields of a schema (`here`) training has seen, and under which number (`trained`)."""

    here: tuple[int, ...]
    trained: tuple[int, ...]

    @classmethod
    def of(cls, names: tuple[str, ...], trained: tuple[str, ...]) -> "KnownFields":
        index = {name: at for at, name in enumerate(trained)}
        here = tuple(at for at, name in enumerate(names) if name in index)
        return cls(here, tuple(index[names[at]] for at in here))


@dataclass(frozen=True)
class Calibration:
    """Turns what the model believes into the chance that it is right: piecewise linear, rising."""

    raw: Floats
    right: Floats

    def __call__(self, beliefs: Floats) -> Floats:
        return np.interp(beliefs, self.raw, self.right).astype(np.float32)


@dataclass(frozen=True)
class Prepared:
    """A schema as the model sees it; made once for each schema."""

    table: PhraseTable
    fields: FieldTable
    known: KnownFields
    affinity: Affinity


@dataclass(frozen=True)
class Scores:
    """What the model believes: `probability[column, field or none]`, with the evidence that it was drawn from."""

    headers: tuple[str, ...]
    probability: Floats
    evidence: Evidence
    prepared: Prepared


@dataclass(frozen=True)
class MappingModel:
    """A trained matcher. `version` names what it was trained from."""

    version: str
    vocabulary: Vocabulary
    trained: tuple[str, ...]
    first: Layer
    second: Layer
    affinity: Affinity
    mapped: Calibration
    unmapped: Calibration
    card: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _prepared: dict[int, Prepared] = field(default_factory=dict[int, Prepared], repr=False, compare=False)

    def prepare(self, schema: LeadSchema) -> Prepared:
        """What `schema` needs before a sheet can be scored. Kept for the schemas in use."""
        found = self._prepared.get(schema.digest)
        if found is None:
            if len(self._prepared) >= _SCHEMAS_KEPT:
                self._prepared.pop(next(iter(self._prepared)))
            fields = FieldTable.of(schema)
            known = KnownFields.of(fields.names, self.trained)
            found = Prepared(
                PhraseTable.of(schema, self.vocabulary), fields, known, _placed(self.affinity, known, len(fields.names))
            )
            self._prepared[schema.digest] = found
        return found

    def score(self, sheet: Sheet, schema: LeadSchema) -> Scores:
        """What the model believes of every column of `sheet`."""
        prepared = self.prepare(schema)
        evidence = gather(sheet, prepared.table, prepared.fields)
        first = softmax(self.first.logits(evidence.pairs, evidence.columns, evidence.none, prepared.known))
        pairs, columns = gather_context(sheet, first, prepared.table, prepared.fields, prepared.affinity)
        return Scores(
            headers=tuple(column.header for column in sheet.columns),
            probability=softmax(self.second.logits(*join(evidence, pairs, columns), prepared.known)),
            evidence=evidence,
            prepared=prepared,
        )

    def carded(self, card: Mapping[str, Any]) -> "MappingModel":
        """The same model with a card that says what it was made from."""
        return replace(self, card=card)

    # --- Files ---

    def save(self, directory: Path) -> None:
        """Write the model as `base_model.npz` and `base_model.json` into `directory`."""
        np.savez_compressed(
            directory / f"{ARTIFACT}.npz",
            **{name: getattr(layer, part) for name, layer, part in _layers(self)},
            affinity_left=self.affinity.left,
            affinity_right=self.affinity.right,
            mapped=np.stack([self.mapped.raw, self.mapped.right]),
            unmapped=np.stack([self.unmapped.raw, self.unmapped.right]),
            rarity_words=self.vocabulary.rarity.words,
            rarity_parts=self.vocabulary.rarity.parts,
            phrase_words=self.vocabulary.spelled.words.buckets,
            phrase_words_ends=self.vocabulary.spelled.words.ends,
            phrase_parts=self.vocabulary.spelled.parts.buckets,
            phrase_parts_ends=self.vocabulary.spelled.parts.ends,
            phrase_marks=self.vocabulary.marked,
        )
        document = {
            "version": self.version,
            "trained": self.trained,
            "phrases": [
                [*key, [text for text, _, _ in group]]
                for key, group in groupby(self.vocabulary.phrases, key=itemgetter(1, 2))
            ],
            "joined": " ".join(self.vocabulary.spelled.joined),
            "markers": self.vocabulary.markers,
            "known": sorted(self.vocabulary.known),
            "card": self.card,
        }
        (directory / f"{ARTIFACT}.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, directory: Path) -> "MappingModel":
        """Read a model that `save` wrote."""
        document = json.loads((directory / f"{ARTIFACT}.json").read_text("utf-8"))
        with np.load(directory / f"{ARTIFACT}.npz", allow_pickle=False) as arrays:
            return cls(
                version=document["version"],
                vocabulary=Vocabulary(
                    phrases=tuple(
                        (text, target, language) for target, language, texts in document["phrases"] for text in texts
                    ),
                    markers=tuple((marker, tuple(words)) for marker, words in document["markers"]),
                    rarity=Rarity(arrays["rarity_words"], arrays["rarity_parts"]),
                    known=frozenset(document["known"]),
                    spelled=Spelled(
                        tuple(document["joined"].split(" ")),
                        Ragged(arrays["phrase_words_ends"], arrays["phrase_words"]),
                        Ragged(arrays["phrase_parts_ends"], arrays["phrase_parts"]),
                    ),
                    marked=arrays["phrase_marks"],
                ),
                trained=tuple(document["trained"]),
                first=Layer(arrays["first_pairs"], arrays["first_fields"], arrays["first_none"]),
                second=Layer(arrays["second_pairs"], arrays["second_fields"], arrays["second_none"]),
                affinity=Affinity(arrays["affinity_left"], arrays["affinity_right"]),
                mapped=Calibration(*arrays["mapped"]),
                unmapped=Calibration(*arrays["unmapped"]),
                card=document["card"],
            )


@lru_cache(maxsize=1)
def load_model() -> MappingModel:
    """The shipped model. Read once in a process."""
    with resources.as_file(resources.files("leads_pipeline.mapping")) as directory:
        return MappingModel.read(directory)


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (raised / raised.sum(axis=-1, keepdims=True)).astype(np.float32, copy=False)


def join(evidence: Evidence, pairs: Floats, columns: Floats) -> tuple[Floats, Floats, Floats]:
    """The evidence of the second round: that of the first, and what the rest of the file adds."""
    return (
        np.concatenate([evidence.pairs, pairs], axis=2),
        np.concatenate([evidence.columns, columns], axis=1),
        np.concatenate([evidence.none, columns], axis=1),
    )


_SCHEMAS_KEPT = 64


def _layers(model: MappingModel) -> list[tuple[str, Layer, str]]:
    return [
        (f"{name}_{part}", layer, part)
        for name, layer in (("first", model.first), ("second", model.second))
        for part in ("pairs", "fields", "none")
    ]


def _placed(affinity: Affinity, known: KnownFields, count: int) -> Affinity:
    """Affinities in the order of a schema's fields; none for those that training has not seen."""

    def place(matrix: Floats) -> Floats:
        placed = np.zeros((count + 1, count + 1), np.float32)
        here, trained = [*known.here, count], [*known.trained, matrix.shape[0] - 1]
        placed[np.ix_(here, here)] = matrix[np.ix_(trained, trained)]
        return placed

    return Affinity(place(affinity.left), place(affinity.right))
