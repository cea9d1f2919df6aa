"""A model that has learned from a training dataset: the shipped one, told what people have said since.

What the shipped model knows of how evidence is weighed stays: it was learned from hundreds of layouts. What headers mean is
learned anew from the dataset, as precedents and by the classifier of headers, which is drawn towards what it knew. Then
confidence is set right on files that were left out. So it takes seconds, and minutes for 100,000 examples.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping import LeadSchema, MappingModel
from leads_pipeline.mapping.assignment import assign
from leads_pipeline.mapping.kin import under_kin
from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.model import Calibration
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.precedents import Precedents
from leads_pipeline.mapping.probing import probe
from leads_pipeline.mapping.shared_words import told_apart
from leads_pipeline.training.calibrate import calibrate
from leads_pipeline.training.headers import Answer, curvature, update_meaning
from leads_pipeline.training.kinship import Guesses, guess, kin_of, strangers
from leads_pipeline.training.recipe import family_parts
from leads_pipeline.types import Sheet

Progress = Callable[[str], None]

RECIPE_VERSION = 5
"""Rises when the same dataset would make another model."""

PARTS = 3
"""Into so many parts families are divided, each of which is judged once by a model that has not seen it."""

MOST_JUDGED = 6_000
"""Columns that confidence is set right on, at most."""

MAJORITY = 0.5
"""An answer that fewer of those who spoke of the header gave is not learned."""

AGREED, UNANIMOUS = 2, 0.8
"""In so many families, and in this share of all that are known, a header means a field that it becomes a synonym of."""

TRUST = 300.0
"""How many columns the calibration of the shipped model counts for, beside those of the dataset."""


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A sheet of a dataset with what is right for each of its columns.

    `family` is the same for layouts that differ by a few columns. `weights` are 0 for columns that nobody has spoken of,
    `said` False for those that no person has, `agreement` the share of answers about such a column that said the same.
    """

    family: str
    split: str
    sheet: Sheet
    targets: tuple[str | None, ...]
    weights: tuple[float, ...]
    said: tuple[bool, ...]
    agreement: tuple[float, ...]


def refit(
    base: MappingModel,
    files: Sequence[LabelledFile],
    schema: LeadSchema,
    *,
    name: str,
    seed: int,
    progress: Progress = lambda _: None,
) -> MappingModel:
    """What `base` becomes when it learns from the files of the training split. Deterministic."""
    taught = [file for file in files if file.split == "train"]
    progress("what the shipped model knows")
    held = curvature(base.meaning, base.precedents.known)
    witnesses = _witnesses(base, taught, schema, seed=seed)
    judged = _cross_fitted(base, held, taught, witnesses, schema, seed=seed, progress=progress)
    progress("the whole")
    learned = replace(_taught(base, held, taught, witnesses, schema), version=name)
    learned = replace(
        learned,
        mapped=_recalibrated(base.mapped, judged, mapped=True),
        unmapped=_recalibrated(base.unmapped, judged, mapped=False),
        _prepared={},
    )
    return learned.carded({**base.card, "probe": probe(learned), "base": base.version})


@dataclass(frozen=True)
class Judged:
    """Columns that a model has not learned from: what it believed of its choice, whether that was right, and was a field."""

    belief: Floats
    right: NDArray[np.bool_]
    field: NDArray[np.bool_]


def _cross_fitted(
    base: MappingModel,
    held: Floats,
    taught: Sequence[LabelledFile],
    witnesses: Mapping[int, Guesses],
    schema: LeadSchema,
    *,
    seed: int,
    progress: Progress,
) -> Judged:
    """Every file, or as many as suffice, judged by a model that has learned from the families of the other parts."""
    parts = family_parts([file.family for file in taught], PARTS)
    chosen = sample(taught, MOST_JUDGED, seed=seed)
    beliefs: list[float] = []
    right: list[bool] = []
    mapped: list[bool] = []
    single = [each.single_valued for each in schema.fields]
    names = [*(each.name for each in schema.fields), None]
    for part in sorted(set(parts)):
        progress(f"files left out, part {part + 1} of {PARTS}")
        others = [file for file, each in zip(taught, parts, strict=True) if each != part]
        model = _taught(base, held, others, witnesses, schema)
        for at in chosen:
            if parts[at] != part:
                continue
            file = taught[at]
            belief = model.score(file.sheet, schema).probability
            choices: list[int] = assign(belief, single).tolist()
            for column, choice in enumerate(choices):
                if file.weights[column] > 0 and file.said[column]:
                    beliefs.append(float(belief[column, choice]))
                    right.append(names[choice] == file.targets[column])
                    mapped.append(choice < len(single))
    return Judged(np.array(beliefs, np.float32), np.array(right, bool), np.array(mapped, bool))


def sample(files: Sequence[LabelledFile], columns: int, *, seed: int) -> list[int]:
    """The numbers of files with about so many columns in all, the same every time."""
    order: list[int] = np.random.default_rng(seed).permutation(len(files)).tolist()
    chosen: list[int] = []
    total = 0
    for at in order:
        if total >= columns:
            break
        chosen.append(at)
        total += sum(weight > 0 for weight in files[at].weights)
    return sorted(chosen)


def _witnesses(
    base: MappingModel, files: Sequence[LabelledFile], schema: LeadSchema, *, seed: int
) -> Mapping[int, Guesses]:
    """What the columns of these files, or of as many as suffice, are taken for, by the identity of the file; of none where
    no field that people used could have kin.
    """
    own = strangers(base, schema)
    used = any(own.intersection(file.targets) for file in files)
    return {id(files[at]): guess(base, files[at]) for at in (sample(files, MOST_JUDGED, seed=seed) if used else ())}


def _taught(
    base: MappingModel,
    held: Floats,
    files: Sequence[LabelledFile],
    witnesses: Mapping[int, Guesses],
    schema: LeadSchema,
) -> MappingModel:
    """`base` with what these files say of headers; what unseen fields of an organization's own are called, too."""
    heard_of = [file for file in files if id(file) in witnesses]
    base = replace(base, kin=kin_of(base, heard_of, [witnesses[id(file)] for file in heard_of], schema), _prepared={})
    kin = base.kin_in(schema)
    schema = under_kin(schema, kin)
    files = [replace(file, targets=tuple(kin.get(name or "", name) for name in file.targets)) for file in files]
    known = {each.name for each in schema.fields} | set(base.trained)
    answers: list[Answer] = []
    told: list[tuple[str, str, str | None]] = []
    for file in files:
        count = sum(weight > 0 for weight in file.weights)
        told_of = told_apart(file.sheet, base.vocabulary).columns
        for at, (column, target, weight, said, agreement) in enumerate(
            zip(told_of, file.targets, file.weights, file.said, file.agreement, strict=True)
        ):
            if weight <= 0 or agreement < MAJORITY or (target is not None and target not in known):
                continue
            if given_away(base, file, at, schema):
                continue
            if target is None or target in base.trained:
                answers.append(Answer(column.header, file.family, target, weight * count**-0.5))
            if said:
                told.append((column.header, file.family, target))
    heard = Precedents.of(told, base.vocabulary)
    precedents = _extended(base.precedents, heard)
    return replace(
        base,
        precedents=precedents,
        synonyms=_synonyms(heard, precedents),
        meaning=update_meaning(base.meaning, answers, held, base.vocabulary),
        _prepared={},
    )


def given_away(model: MappingModel, file: LabelledFile, column: int, schema: LeadSchema) -> bool:
    """Whether a column has no target because another one has the field that its header speaks of, as "Business website" may
    have beside "Website": that says nothing of what the header means.
    """
    if file.targets[column] is not None:
        return False
    meant = model.meaning.likeliest(model.vocabulary.words(file.sheet.columns[column].header))
    return meant in file.targets and meant in schema.single_valued


def _synonyms(heard: Precedents, everywhere: Precedents) -> dict[str, tuple[str, ...]]:
    """Headers that mean one field in several families of the dataset, and hardly anything else anywhere."""
    found: dict[str, list[str]] = {}
    for words, target, families in heard.known:
        meant = everywhere.meant(words.replace(" ", ""))
        if target != NO_FIELD and families >= AGREED and meant[target] >= UNANIMOUS * meant.total():
            found.setdefault(target, []).append(words)
    return {target: tuple(texts) for target, texts in found.items()}


def _extended(base: Precedents, heard: Precedents) -> Precedents:
    counts = {(target, words): families for words, target, families in base.known}
    for words, target, families in heard.known:
        counts[target, words] = counts.get((target, words), 0) + families
    return Precedents(
        tuple((words, target, families) for (target, words), families in sorted(counts.items())), base.vocabulary
    )


def _recalibrated(base: Calibration, judged: Judged, *, mapped: bool) -> Calibration:
    """The curve of `base`, moved towards what the judged columns say, as far as there are many of them."""
    here = judged.field == mapped
    belief, right = judged.belief[here], judged.right[here]
    if len(belief) < _FEWEST_JUDGED:
        return base
    # What the shipped curve expects of these very beliefs counts as `TRUST` columns.
    expected = base(belief).astype(np.float64)
    weight = len(belief) / (len(belief) + TRUST)
    return calibrate(belief, weight * right + (1 - weight) * expected, np.ones(len(belief), np.float32))


_FEWEST_JUDGED = 100


def inputs_hash(base: str, dataset_hash: bytes, seed: int) -> bytes:
    """What a model is made from, as one hash: where this is equal, nothing has changed."""
    return hashlib.sha256(f"{RECIPE_VERSION}\n{base}\n{seed}\n".encode() + dataset_hash).digest()
