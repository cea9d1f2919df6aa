"""How the base model is made from labelled layouts: variation, two rounds of scoring, calibration.

Everything that is learned is learned from the layouts passed in, so that holding out some of them holds out all of it.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.assignment import assign
from leads_pipeline.mapping.evidence import Evidence, gather
from leads_pipeline.mapping.field_table import FieldTable
from leads_pipeline.mapping.model import KnownFields, Layer, MappingModel, join, softmax
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.phrases import PhraseTable
from leads_pipeline.mapping.schema import LeadSchema, default_schema
from leads_pipeline.mapping.surroundings import Affinity, gather_context
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.calibrate import calibrate
from leads_pipeline.training.corpus import IGNORE, Layout
from leads_pipeline.training.fit import Examples, Penalty, fit, stack
from leads_pipeline.training.variation import TURNED, varied

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """What training leaves to choose; these were chosen by families held out."""

    folds: int = 4
    copies: int = 1
    iterations: int = 60
    first: Penalty = field(default=Penalty(shared=0.3, fields=1.5, none=0.6))
    second: Penalty = field(default=Penalty(shared=0.3, fields=2.0, none=0.8))
    seed: int = 20261124


@dataclass(frozen=True)
class Case:
    """A layout, or a variation of one, with its evidence."""

    layout: Layout
    evidence: Evidence
    right: Floats
    weight: Floats
    seen: Floats
    original: bool


@dataclass(frozen=True)
class Kitchen:
    """What does not depend on the layouts that are learned from: words, fields, and the evidence in each layout."""

    schema: LeadSchema
    vocabulary: Vocabulary
    table: PhraseTable
    fields: FieldTable
    recipe: Recipe

    @classmethod
    def of(cls, vocabulary: Vocabulary, recipe: Recipe) -> "Kitchen":
        schema = default_schema()
        return cls(schema, vocabulary, PhraseTable.of(schema, vocabulary), FieldTable.of(schema), recipe)

    def cases(self, layouts: Sequence[Layout]) -> list[Case]:
        """Every layout with its variations."""
        sources = Counter(layout.family for layout in layouts)
        made: list[Case] = []
        for layout in layouts:
            share = 1 / (sources[layout.family] * max(1, len(layout.gold)))
            for copy in range(self.recipe.copies + 1):
                random = np.random.default_rng([self.recipe.seed, copy, int(layout.digest[:8], 16)])
                variant = layout if copy == 0 else varied(layout, random, self.vocabulary)
                made.append(self._case(variant, share, random, original=copy == 0))
        total = float(np.mean(np.concatenate([case.weight for case in made if case.original])))
        return [
            Case(each.layout, each.evidence, each.right, each.weight / total, each.seen, each.original) for each in made
        ]

    def _case(self, layout: Layout, share: float, random: np.random.Generator, *, original: bool) -> Case:
        names = self.fields.names
        index = {name: at for at, name in enumerate(names)}
        right = np.zeros((len(layout.gold), len(names) + 1), np.float32)
        for at, gold in enumerate(layout.gold):
            for place, name in enumerate(gold):
                target = len(names) if name == IGNORE else index[name]
                right[at, target] = max(right[at, target], 1.0 if place == 0 else 0.5)
        seen = np.ones(len(names), np.float32)
        if not original:
            seen[random.random(len(names)) < UNSEEN] = 0
        return Case(
            layout=layout,
            evidence=gather(layout.sheet, self.table, self.fields),
            right=right,
            weight=np.full(len(layout.gold), share**0.5 * (1.0 if original else 0.5), np.float32),
            seen=np.broadcast_to(seen, (len(layout.gold), len(names))),
            original=original,
        )


UNSEEN = 0.15
"""Share of fields that a variation treats as if training had never seen them, as it has not seen custom fields."""


@dataclass(frozen=True)
class _Rounds:
    first: Layer
    second: Layer
    affinity: Affinity


def train(kitchen: Kitchen, cases: Sequence[Case], *, version: str, progress: Progress) -> MappingModel:
    """A model from `cases`.

    The second round learns from what the first says of families that it has not seen, and calibration from what both say
    of such families: `folds` parts of the families take turns in being left out.
    """
    recipe = kitchen.recipe
    parts = _parts([case.layout.family for case in cases], recipe.folds)
    everything = KnownFields.of(kitchen.fields.names, kitchen.fields.names)
    opinions: list[Floats | None] = [None] * len(cases)
    for part in range(recipe.folds):
        progress(f"first round, part {part + 1} of {recipe.folds}")
        layer = fit(
            _first(cases, [at for at, each in enumerate(parts) if each != part]),
            recipe.first,
            iterations=recipe.iterations,
        )
        for at, each in enumerate(parts):
            if each == part:
                evidence = cases[at].evidence
                opinions[at] = softmax(layer.logits(evidence.pairs, evidence.columns, evidence.none, everything))
    first_opinions = [opinion for opinion in opinions if opinion is not None]
    first = fit(_first(cases, range(len(cases))), recipe.first, iterations=recipe.iterations)

    beliefs: list[Floats] = []
    hits: list[NDArray[np.bool_]] = []
    nones: list[NDArray[np.bool_]] = []
    single = [each.single_valued for each in kitchen.schema.fields]
    for part in range(recipe.folds):
        progress(f"second round, part {part + 1} of {recipe.folds}")
        inside = [at for at, each in enumerate(parts) if each != part]
        affinity = _affinity(kitchen, [cases[at] for at in inside])
        layer = fit(
            _second(kitchen, cases, inside, first_opinions, affinity), recipe.second, iterations=recipe.iterations
        )
        for at, each in enumerate(parts):
            if each == part and cases[at].original:
                pairs, columns = gather_context(
                    cases[at].layout.sheet, first_opinions[at], kitchen.table, kitchen.fields, affinity
                )
                belief = softmax(layer.logits(*join(cases[at].evidence, pairs, columns), everything))
                chosen = assign(belief, single)
                rows = np.arange(len(chosen))
                beliefs.append(belief[rows, chosen])
                hits.append(cases[at].right[rows, chosen] > 0)
                nones.append(chosen == len(single))
    progress("the whole")
    affinity = _affinity(kitchen, cases)
    second = fit(
        _second(kitchen, cases, range(len(cases)), first_opinions, affinity),
        recipe.second,
        iterations=recipe.iterations,
    )
    belief, hit, none = np.concatenate(beliefs), np.concatenate(hits), np.concatenate(nones)
    weight = np.concatenate(
        [
            case.weight
            for part in range(recipe.folds)
            for case, each in zip(cases, parts, strict=True)
            if each == part and case.original
        ]
    )
    return MappingModel(
        version=version,
        vocabulary=kitchen.vocabulary,
        trained=kitchen.fields.names,
        first=first,
        second=second,
        affinity=affinity,
        mapped=calibrate(belief[~none], hit[~none], weight[~none]),
        unmapped=calibrate(belief[none], hit[none], weight[none]),
    )


def _first(cases: Sequence[Case], chosen: Sequence[int]) -> Examples:
    return stack(
        [
            Examples(case.evidence.pairs, case.evidence.columns, case.evidence.none, case.right, case.weight, case.seen)
            for case in (cases[at] for at in chosen)
        ]
    )


def _second(
    kitchen: Kitchen, cases: Sequence[Case], chosen: Sequence[int], opinions: Sequence[Floats], affinity: Affinity
) -> Examples:
    made: list[Examples] = []
    for at in chosen:
        case = cases[at]
        pairs, columns = gather_context(case.layout.sheet, opinions[at], kitchen.table, kitchen.fields, affinity)
        made.append(Examples(*join(case.evidence, pairs, columns), case.right, case.weight, case.seen))
    return stack(made)


def _parts(families: Sequence[str], count: int) -> list[int]:
    """Which part each layout belongs to: whole families, of about equal number of layouts, the same every time."""
    sizes = Counter(families)
    loads = [0] * count
    part_of: dict[str, int] = {}
    for family in sorted(sizes, key=lambda each: (-sizes[each], hashlib.sha256(each.encode()).hexdigest())):
        part_of[family] = loads.index(min(loads))
        loads[part_of[family]] += sizes[family]
    return [part_of[family] for family in families]


def family_parts(families: Sequence[str], count: int) -> list[int]:
    """For cross-validation: a part for each layout, so that no family is in two parts."""
    return _parts(families, count)


def _affinity(kitchen: Kitchen, cases: Sequence[Case]) -> Affinity:
    """Log-odds of standing next to each other, drawn to zero where little was seen."""
    names = kitchen.fields.names
    index = {IGNORE: len(names), **{name: at for at, name in enumerate(names)}}
    first, last = index["FirstName"], index["LastName"]
    turned = {first: last, last: first}
    beside = np.zeros((len(names) + 1, len(names) + 1))
    for case in cases:
        if not case.original:
            continue
        row = [index[gold[0]] for gold in case.layout.gold]
        share = min(1.0, 20 / len(row))
        for one, other in pairwise(row):
            beside[one, other] += share
            # In many countries the last name comes first, and what surrounds the two is the same.
            if one in turned or other in turned:
                beside[turned.get(one, one), turned.get(other, other)] += TURNED * share
    total = beside.sum() or 1.0
    expected = beside.sum(axis=1, keepdims=True) * beside.sum(axis=0, keepdims=True) / total
    odds = np.log((beside + 3) / (expected + 3)).astype(np.float32)
    return Affinity(left=odds, right=odds.T.copy())
