"""The model that maps: weights for the evidence, learned in `training`, shipped as npz and JSON.

A model scores; which columns get which fields in the end is `assign`'s business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.evidence import Evidence, gather
from leads_pipeline.mapping.field_table import FieldTable
from leads_pipeline.mapping.kin import namesake, says_nothing, under_kin
from leads_pipeline.mapping.meaning import Meaning
from leads_pipeline.mapping.phrase_index import Floats, Ragged, Rarity, Spelled
from leads_pipeline.mapping.phrases import PhraseTable
from leads_pipeline.mapping.precedents import Precedents
from leads_pipeline.mapping.schema import LeadSchema, default_schema
from leads_pipeline.mapping.shared_words import told_apart
from leads_pipeline.mapping.surroundings import FILE_FIELDS, Affinity, gather_context, neighbours
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.types import Sheet

Places = NDArray[np.intp]

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

    def beliefs(self, evidence: "Weighable", known: "KnownFields", among: Places | None = None) -> Floats:
        """Probabilities `[column, field or none]`; with `among`, only those fields of a column are weighed."""
        if among is None:
            among = np.broadcast_to(np.arange(known.count), (len(evidence.columns), known.count))
        else:
            evidence = evidence._replace(pairs=evidence.pairs[np.arange(len(among))[:, None], among])
        return self.beliefs_among(evidence, known, among)

    def beliefs_among(self, evidence: "Weighable", known: "KnownFields", among: Places) -> Floats:
        """The same, where the pairs of the evidence are those of the fields `among` alone."""
        own = np.zeros((len(evidence.columns), known.count), np.float32)
        own[:, known.here] = evidence.columns @ self.fields[:, known.trained]
        logits = evidence.pairs @ self.pairs + np.take_along_axis(own, among, axis=1)
        believed = softmax(np.concatenate([logits, (evidence.none @ self.none)[:, None]], axis=1))
        whole = np.zeros((len(believed), known.count + 1), np.float32)
        np.put_along_axis(whole, among, believed[:, :-1], axis=1)
        whole[:, -1] = believed[:, -1]
        return whole


class Weighable(NamedTuple):
    """Evidence that a layer weighs: `pairs[column, field, :]`, `columns[column, :]`, `none[column, :]`."""

    pairs: Floats
    columns: Floats
    none: Floats


@dataclass(frozen=True)
class KnownFields:
    """Which of the `count` fields of a schema training has seen (`here`), and under which number (`trained`)."""

    count: int
    here: tuple[int, ...]
    trained: tuple[int, ...]

    @classmethod
    def of(cls, names: tuple[str, ...], trained: tuple[str, ...]) -> "KnownFields":
        index = {name: at for at, name in enumerate(trained)}
        here = tuple(at for at, name in enumerate(names) if name in index)
        return cls(len(names), here, tuple(index[names[at]] for at in here))


@dataclass(frozen=True)
class Calibration:
    """Turns what the model believes into the chance that it is right: piecewise linear, rising."""

    raw: Floats
    right: Floats

    def __call__(self, beliefs: Floats) -> Floats:
        return np.interp(beliefs, self.raw, self.right).astype(np.float32)


@dataclass(frozen=True)
class Prepared:
    """A schema as the model sees it; made once for each schema. `unnamed` counts the fields whose names say nothing."""

    table: PhraseTable
    fields: FieldTable
    known: KnownFields
    affinity: Affinity
    kin: Mapping[str, str]
    unnamed: int


@dataclass(frozen=True)
class Scores:
    """What the model believes: `probability[column, field or none]`, with the evidence that it was drawn from.

    `unnamed[column]` is the chance that "none" is a field of the schema whose name says nothing to the model.
    """

    headers: tuple[str, ...]
    probability: Floats
    unnamed: Floats
    evidence: Evidence
    prepared: Prepared


@dataclass(frozen=True)
class MappingModel:
    """A trained matcher. `version` names what it was trained from.

    `synonyms` are headers that people in several families of files agree on, by field: phrases beside the schema's own.
    `kin` says which fields of an organization's own are trained ones by another name.
    """

    version: str
    vocabulary: Vocabulary
    precedents: Precedents
    meaning: Meaning
    trained: tuple[str, ...]
    first: Layer
    second: Layer
    affinity: Affinity
    mapped: Calibration
    unmapped: Calibration
    card: Mapping[str, Any] = field(default_factory=dict[str, Any])
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    kin: Mapping[str, str] = field(default_factory=dict[str, str])
    _prepared: dict[int, Prepared] = field(default_factory=dict[int, Prepared], repr=False, compare=False)

    def prepare(self, schema: LeadSchema) -> Prepared:
        """What `schema` needs before a sheet can be scored. Kept for the schemas in use."""
        found = self._prepared.get(schema.digest)
        if found is None:
            if len(self._prepared) >= _SCHEMAS_KEPT:
                self._prepared.pop(next(iter(self._prepared)))
            kin = self.kin_in(schema)
            spoken = self._spoken(under_kin(schema, kin))
            fields = FieldTable.of(spoken)
            known = KnownFields.of(fields.names, self.trained)
            found = Prepared(
                PhraseTable.of(spoken, self.vocabulary, self.precedents, self.meaning),
                fields,
                known,
                _placed(self.affinity, known, len(fields.names)),
                kin,
                sum(each.name not in self.trained and says_nothing(each, self.vocabulary) for each in spoken.fields),
            )
            self._prepared[schema.digest] = found
        return found

    def _spoken(self, schema: LeadSchema) -> LeadSchema:
        """`schema` with the synonyms that the model has learned."""
        if not self.synonyms:
            return schema
        fields = [replace(each, synonyms=(*each.synonyms, *self.synonyms.get(each.name, ()))) for each in schema.fields]
        return replace(schema, fields=tuple(fields))

    def kin_in(self, schema: LeadSchema) -> Mapping[str, str]:
        """The trained field that each field of the schema's own is by another name, where one is: by what people did with it,
        or because its label is nothing but a name for it. A field that the schema has itself is nobody's kin.
        """
        names = {each.name for each in schema.fields}
        missing = set(self.trained) - names
        found = {name: kin for name, kin in self.kin.items() if name in names and kin in missing}
        for each in schema.fields if missing else ():
            if each.name not in found and each.name not in self.trained:
                kin = namesake(each, self.vocabulary)
                if kin in missing and kin not in found.values():
                    found[each.name] = kin
        return found

    def score(self, sheet: Sheet, schema: LeadSchema) -> Scores:
        """What the model believes of every column of `sheet`."""
        prepared = self.prepare(schema)
        sheet = told_apart(sheet, self.vocabulary)
        evidence = gather(sheet, prepared.table, prepared.fields)
        first = self.first.beliefs(Weighable(evidence.pairs, evidence.columns, evidence.none), prepared.known)
        context = gather_context(sheet, first, prepared.table, prepared.fields)
        joined = join(evidence, *context, neighbours(first, prepared.affinity))
        return Scores(
            headers=tuple(column.header for column in sheet.columns),
            probability=reluctant(
                self.second.beliefs(joined, prepared.known, shortlist(first)), prepared.known, evidence
            ),
            unnamed=self._unnamed(sheet, prepared),
            evidence=evidence,
            prepared=prepared,
        )

    def _unnamed(self, sheet: Sheet, prepared: Prepared) -> Floats:
        """By header, the chance that a column which seems to hold a field that the schema lacks holds one of those whose names
        say nothing: it does as likely as not, unless there are more such columns than such fields.
        """
        missing = np.setdiff1d(np.arange(len(self.trained)), prepared.known.trained)
        if not prepared.unnamed or not missing.size or not sheet.columns:
            return np.zeros(len(sheet.columns), np.float32)
        meant = np.stack([self.meaning.chances(self.vocabulary.words(column.header)) for column in sheet.columns])
        lacked = meant[:, missing].sum(axis=1)
        return lacked * min(0.5, prepared.unnamed / float(lacked.sum()))

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
            clues=self.meaning.known,
            clue_weights=self.meaning.weights.astype(np.float16),
            clue_bias=self.meaning.bias,
        )
        document = {
            "version": self.version,
            "trained": self.trained,
            "phrases": [
                [*key, [text for text, _, _ in group]]
                for key, group in groupby(self.vocabulary.phrases, key=itemgetter(1, 2))
            ],
            "precedents": self.precedents.known,
            "joined": " ".join(self.vocabulary.spelled.joined),
            "markers": self.vocabulary.markers,
            "known": sorted(self.vocabulary.known),
            "card": self.card,
            **({"synonyms": self.synonyms} if self.synonyms else {}),
            **({"kin": self.kin} if self.kin else {}),
        }
        (directory / f"{ARTIFACT}.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, directory: Path) -> "MappingModel":
        """Read a model that `save` wrote."""
        document = json.loads((directory / f"{ARTIFACT}.json").read_text("utf-8"))
        with np.load(directory / f"{ARTIFACT}.npz", allow_pickle=False) as arrays:
            vocabulary = Vocabulary(
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
            )
            return cls(
                version=document["version"],
                vocabulary=vocabulary,
                precedents=Precedents(tuple(map(tuple, document["precedents"])), vocabulary),
                meaning=Meaning(
                    tuple(document["trained"]),
                    arrays["clues"],
                    arrays["clue_weights"].astype(np.float32),
                    arrays["clue_bias"],
                ),
                trained=tuple(document["trained"]),
                first=Layer(arrays["first_pairs"], arrays["first_fields"], arrays["first_none"]),
                second=Layer(arrays["second_pairs"], arrays["second_fields"], arrays["second_none"]),
                affinity=Affinity(arrays["affinity_left"], arrays["affinity_right"]),
                mapped=Calibration(*arrays["mapped"]),
                unmapped=Calibration(*arrays["unmapped"]),
                card=document["card"],
                synonyms={name: tuple(texts) for name, texts in document.get("synonyms", {}).items()},
                kin=document.get("kin", {}),
            )

    def packed(self) -> bytes:
        """Both files as one: the same model is the same bytes."""
        with TemporaryDirectory(prefix="leads-model-") as directory:
            self.save(Path(directory))
            sink = BytesIO()
            with ZipFile(sink, "w", ZIP_DEFLATED) as archive:
                for name in (f"{ARTIFACT}.json", f"{ARTIFACT}.npz"):
                    # By its name alone, so that no time of day gets in.
                    archive.writestr(ZipInfo(name), (Path(directory) / name).read_bytes(), ZIP_DEFLATED)
        return sink.getvalue()

    @classmethod
    def unpacked(cls, content: bytes, like: "MappingModel") -> "MappingModel":
        """Read what `packed` made. What takes the most room, the words, is shared with the model `like` if it is equal."""
        with TemporaryDirectory(prefix="leads-model-") as directory:
            with ZipFile(BytesIO(content)) as archive:
                for name in (f"{ARTIFACT}.json", f"{ARTIFACT}.npz"):
                    (Path(directory) / name).write_bytes(archive.read(name))
            found = cls.read(Path(directory))
        ours, theirs = found.vocabulary, like.vocabulary
        if (ours.phrases, ours.markers, ours.known) != (theirs.phrases, theirs.markers, theirs.known):
            return found
        return replace(found, vocabulary=theirs, precedents=Precedents(found.precedents.known, theirs))


def shipped_card() -> tuple[str, Mapping[str, Any]]:
    """The version of the shipped model and its card, without the model: that takes a twentieth of the time."""
    text = (resources.files("leads_pipeline.mapping") / f"{ARTIFACT}.json").read_text("utf-8")
    document = json.loads(text)
    return document["version"], document["card"]


@lru_cache(maxsize=1)
def load_model() -> MappingModel:
    """The shipped model, ready to map onto the default schema. Read once in a process; takes one to two seconds."""
    with resources.as_file(resources.files("leads_pipeline.mapping")) as directory:
        model = MappingModel.read(directory)
    model.prepare(default_schema())
    return model


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (raised / raised.sum(axis=-1, keepdims=True)).astype(np.float32, copy=False)


SHORTLIST = 12
"""How many fields of each column the second round weighs. The right one is among them in 999 of 1,000 columns."""


def shortlist(first: Floats) -> Places:
    """The likeliest fields of each column, going by a first opinion `first[column, field or none]`."""
    fields = first[:, :-1]
    size = min(SHORTLIST, fields.shape[1])
    return np.sort(np.argsort(-fields, axis=1, kind="stable")[:, :size], axis=1)


RELUCTANCE = 2.0
"""How much likelier than none a field must be: a wrong map costs more than a missed one."""


OWN_FIELD = 4.0
"""How much more is believed of a field that only this schema has: somebody added it because files hold it."""

DESCRIBED, _ALL_WORDS = 5.0, 0.99
"""How much more yet, when all words of a header stand in the field's label, synonyms or description. Some of them do not
do: "Coverage amount" is no amount of a donation.

Training cannot tell: the fields that it knows are known by much more than by what the schema says of them. Both numbers were
chosen by sixteen fields made up for it, so that no column of another field is given one; not by `benchmarks/custom_fields.py`.
"""


def reluctant(beliefs: Floats, known: KnownFields, evidence: Evidence) -> Floats:
    """Beliefs `[column, field or none]` in which "none" counts for more than fields, but for those of the schema's own."""
    weights = np.full((len(beliefs), known.count + 1), OWN_FIELD * RELUCTANCE, np.float32)
    weights[:, :-1] *= np.where(evidence.comparison.described > _ALL_WORDS, DESCRIBED, 1)
    weights[:, list(known.here)] = 1
    weights[:, :-1] *= evidence.doubt
    weights[:, -1] = RELUCTANCE
    weighed = beliefs * weights
    return (weighed / weighed.sum(axis=1, keepdims=True)).astype(np.float32, copy=False)


def join(evidence: Evidence, pairs: Floats, columns: Floats, *more: Floats) -> Weighable:
    """The evidence of the second round: that of the first, and what the rest of the file adds, to pairs perhaps `more`.

    Which fields a file holds anywhere says nothing about one of its columns having none, and few files teach that it does.
    """
    return Weighable(
        np.concatenate([evidence.pairs, pairs, *more], axis=2),
        np.concatenate([evidence.columns, columns], axis=1),
        np.concatenate([evidence.none, columns[:, FILE_FIELDS:]], axis=1),
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
