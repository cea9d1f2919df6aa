"""How the base model is made from labelled layouts: variation, two rounds of scoring, calibration.

Everything that is learned is learned from the layouts passed in, so that holding out some of them holds out all of it.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.assignment import assign
from leads_pipeline.mapping.evidence import HOPEFUL, Evidence, gather
from leads_pipeline.mapping.field_table import FieldTable
from leads_pipeline.mapping.model import (
    Calibration,
    KnownFields,
    Layer,
    MappingModel,
    Places,
    Weighable,
    join,
    reluctant,
    shortlist,
)
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.phrases import PhraseTable
from leads_pipeline.mapping.precedents import Precedents
from leads_pipeline.mapping.schema import LeadSchema, default_schema
from leads_pipeline.mapping.shared_words import told_apart
from leads_pipeline.mapping.surroundings import Affinity, gather_context, neighbours
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.bystanders import Bystanders, Donors, lenders
from leads_pipeline.training.calibrate import calibrate
from leads_pipeline.training.corpus import IGNORE, Layout
from leads_pipeline.training.fit import Examples, Penalty, fit, stack
from leads_pipeline.training.headers import Answer, learn_meaning
from leads_pipeline.training.parallel import at_once, on_one_core, spread
from leads_pipeline.training.variation import TURNED, varied

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """What training leaves to choose; these were chosen by families held out.

    `varied` is the share of layouts that are learned from in a second form, too, `beset` that of those with columns about
    others; `real` how much a layout of a real file counts beside a written one.
    """

    folds: int = 4
    varied: float = 0.5
    beset: float = 0.5
    real: float = 4.0
    iterations: int = 70
    first: Penalty = field(default=Penalty(shared=1.0, fields=6.0, none=6.0))
    second: Penalty = field(default=Penalty(shared=2.0, fields=8.0, none=20.0))
    seed: int = 20261124


@dataclass(frozen=True)
class Case:
    """A layout, or a variation of one, with its evidence. `part` tells with which families it is held out."""

    layout: Layout
    part: int
    evidence: Evidence
    right: Floats
    weight: Floats
    seen: Floats
    original: bool


@dataclass(frozen=True)
class Kitchen:
    """What does not depend on the layouts that are learned from: words and fields."""

    schema: LeadSchema
    vocabulary: Vocabulary
    fields: FieldTable
    known: KnownFields
    bystanders: Bystanders
    recipe: Recipe

    @classmethod
    def of(cls, vocabulary: Vocabulary, recipe: Recipe) -> "Kitchen":
        schema = default_schema()
        fields = FieldTable.of(schema)
        return cls(
            schema, vocabulary, fields, KnownFields.of(fields.names, fields.names), Bystanders(vocabulary), recipe
        )

    def prepared(
        self, layouts: Sequence[Layout], progress: Progress = lambda _: None, *, processes: int = 1
    ) -> tuple[list[Case], PhraseTable]:
        """Every layout with its variations, in the light of precedents from the other parts, and the table of them all."""
        parts = family_parts([layout.family for layout in layouts], self.recipe.folds)
        layouts = [replace(each, sheet=told_apart(each.sheet, self.vocabulary)) for each in layouts]
        larder = Larder(self, tuple(layouts), tuple(parts), lenders(layouts))
        table: PhraseTable | None = None
        made: list[Case] = []
        for part, found in enumerate(spread(evidence_of, larder, [None, *sorted(set(parts))], processes)):
            if isinstance(found, PhraseTable):
                table = found
            else:
                made += found
                progress(f"evidence, part {part} of {self.recipe.folds}")
        assert table is not None
        total = float(np.mean(np.concatenate([case.weight for case in made if case.original])))
        return [replace(case, weight=case.weight / total) for case in made], table

    def table(self, answers: Sequence[Answer]) -> PhraseTable:
        """The phrases of the default schema, with what `answers` tell of headers."""
        told = Precedents.of(((each.header, each.family, each.target) for each in answers), self.vocabulary)
        meaning = learn_meaning(answers, self.vocabulary, self.fields.names, self.bystanders.answers())
        return PhraseTable.of(self.schema, self.vocabulary, told, meaning)

    def case(
        self,
        layout: Layout,
        part: int,
        table: PhraseTable,
        weight: float | NDArray[np.float64],
        random: np.random.Generator,
        *,
        original: bool,
    ) -> Case:
        layout = replace(layout, sheet=told_apart(layout.sheet, self.vocabulary))
        names = self.fields.names
        index = {name: at for at, name in enumerate(names)}
        right = np.zeros((len(layout.gold), len(names) + 1), np.float32)
        for at, gold in enumerate(layout.gold):
            for place, name in enumerate(gold):
                target = len(names) if name == IGNORE else index[name]
                right[at, target] = max(right[at, target], 1.0 if place == 0 else 0.5)
        untaught = np.zeros(len(names), bool) if original else random.random(len(names)) < UNSEEN
        return Case(
            layout=layout,
            part=part,
            evidence=gather(layout.sheet, table, self.fields, untaught),
            right=right,
            weight=np.broadcast_to(np.asarray(weight, np.float32), (len(layout.gold),)),
            seen=np.broadcast_to((~untaught).astype(np.float32), (len(layout.gold), len(names))),
            original=original,
        )


@dataclass(frozen=True)
class Larder:
    """All that the evidence of any part is made from: `parts[layout]` tells to which part each layout belongs."""

    kitchen: Kitchen
    layouts: tuple[Layout, ...]
    parts: tuple[int, ...]
    donors: Donors


def evidence_of(larder: Larder, part: int | None) -> list[Case] | PhraseTable:
    """The layouts of one part with their variations, in the light of precedents from the other parts.

    Of no part (None): the precedents of all, which make the table of the model itself.
    """
    kitchen = larder.kitchen
    divided = list(zip(larder.layouts, larder.parts, strict=True))
    table = kitchen.table(answers(layout for layout, each in divided if each != part))
    if part is None:
        return table
    sources = Counter(layout.family for layout in larder.layouts)
    made: list[Case] = []
    for layout in (layout for layout, each in divided if each == part):
        share = 1 / (sources[layout.family] * max(1, len(layout.gold)))
        weight = share**0.5 * (1.0 if layout.written else kitchen.recipe.real)
        random = np.random.default_rng([kitchen.recipe.seed, int(layout.digest[:8], 16)])
        made.append(kitchen.case(layout, part, table, weight, random, original=True))
        if random.random() < kitchen.recipe.varied:
            variant = varied(layout, random, kitchen.vocabulary)
            made.append(kitchen.case(variant, part, table, weight / 2, random, original=False))
        if random.random() < kitchen.recipe.beset:
            crowded, new = kitchen.bystanders.beset(layout, random, larder.donors)
            weights = weight * np.where(new, NEW, OLD)
            made.append(kitchen.case(crowded, part, table, weights, random, original=False))
    return made


def answers(layouts: Iterable[Layout]) -> list[Answer]:
    """What labelled layouts tell of headers."""
    return [
        Answer(column.header, layout.family, None if gold[0] == IGNORE else gold[0], len(layout.gold) ** -0.5)
        for layout in layouts
        for column, gold in zip(layout.sheet.columns, layout.gold, strict=True)
    ]


NEW, OLD = 1.5, 0.25
"""How much columns about others count, and those beside them, of what the layout itself counts."""

UNSEEN = 0.15
"""Share of fields that a variation treats as if training had never seen them, as it has not seen custom fields."""


def train(
    kitchen: Kitchen,
    layouts: Sequence[Layout],
    *,
    version: str,
    processes: int = 1,
    progress: Progress = lambda _: None,
) -> MappingModel:
    """A model from `layouts`; the same one, however many `processes` share the work.

    The second round learns from what the first says of families that it has not seen, and calibration from what both say
    of such families: `folds` parts of the families take turns in being left out.
    """
    with on_one_core():
        cases, table = kitchen.prepared(layouts, progress, processes=processes)
        opinions = first_opinions(kitchen, cases, progress, threads=processes)
        examples = in_context(kitchen, table, cases, opinions)
        progress("what files say of their columns")
        affinity = affinity_of(kitchen, cases)
        beliefs: dict[int, Floats] = {}

        def judge(part: int) -> None:
            beliefs.update(_beliefs_of_part(kitchen, cases, examples, opinions, part))
            progress(f"second round, part {part + 1} of {kitchen.recipe.folds}")

        layers: dict[str, Layer] = {}

        def learn(name: str, layer: Callable[[], Layer]) -> None:
            layers[name] = layer()
            progress(f"{name} round, the whole")

        at_once(
            [
                partial(learn, "second", lambda: _second_layer(kitchen, beside(examples, opinions, affinity))),
                *(partial(judge, part) for part in range(kitchen.recipe.folds)),
                partial(learn, "first", lambda: _first_layer(kitchen, cases)),
            ],
            processes,
        )
    mapped, unmapped = _calibrations(kitchen, cases, dict(sorted(beliefs.items())))
    return MappingModel(
        version=version,
        vocabulary=kitchen.vocabulary,
        precedents=table.precedents,
        meaning=table.meaning,
        trained=kitchen.fields.names,
        first=layers["first"],
        second=layers["second"],
        affinity=affinity,
        mapped=mapped,
        unmapped=unmapped,
    )


def first_opinions(kitchen: Kitchen, cases: Sequence[Case], progress: Progress, *, threads: int = 1) -> list[Floats]:
    """What the first round says of each case when it has not seen its part."""
    opinions: dict[int, Floats] = {}

    def judge(part: int) -> None:
        layer = _first_layer(kitchen, [case for case in cases if case.part != part])
        for at, case in enumerate(cases):
            if case.part == part:
                opinions[at] = layer.beliefs(_alone(case.evidence), kitchen.known)
        progress(f"first round, part {part + 1} of {kitchen.recipe.folds}")

    at_once([partial(judge, part) for part in range(kitchen.recipe.folds)], threads)
    return [opinions[at] for at in range(len(cases))]


def _beliefs_of_part(
    kitchen: Kitchen, cases: Sequence[Case], examples: Sequence[Examples], opinions: Sequence[Floats], part: int
) -> dict[int, Floats]:
    """What the second round says of the originals of a part that it has not seen, by the number of the case."""
    affinity = affinity_of(kitchen, [case for case in cases if case.part != part])
    placed = beside(examples, opinions, affinity)
    layer = _second_layer(kitchen, [each for each, case in zip(placed, cases, strict=True) if case.part != part])
    beliefs: dict[int, Floats] = {}
    for at, case in enumerate(cases):
        if case.part == part and case.original:
            belief = layer.beliefs_among(placed[at].evidence, kitchen.known, placed[at].among)
            beliefs[at] = reluctant(belief, kitchen.known, case.evidence)
    return beliefs


def _first_layer(kitchen: Kitchen, cases: Sequence[Case]) -> Layer:
    examples = [_among(_alone(case.evidence), likely(case), case) for case in cases]
    return fit(stack(examples), kitchen.known.count, kitchen.recipe.first, iterations=kitchen.recipe.iterations)


def likely(case: Case) -> Places:
    """The fields that the first round learns to tell apart in each column: those that anything speaks for, and the right ones.

    The others are told apart by the same weights, and have less of everything.
    """
    hope = case.evidence.pairs[:, :, HOPEFUL].sum(axis=2) + 10 * case.right[:, :-1]
    return np.sort(np.argpartition(-hope, LIKELY - 1, axis=1)[:, :LIKELY], axis=1)


LIKELY = 18


def _among(evidence: Weighable, among: Places, case: Case) -> Examples:
    """What a case teaches about the fields `among` those that there are."""
    rows = np.arange(len(among))[:, None]
    return Examples(
        evidence._replace(pairs=evidence.pairs[rows, among]),
        among,
        np.concatenate([np.take_along_axis(case.right, among, axis=1), case.right[:, -1:]], axis=1),
        case.weight,
        np.take_along_axis(case.seen, among, axis=1),
    )


def in_context(
    kitchen: Kitchen, table: PhraseTable, cases: Sequence[Case], opinions: Sequence[Floats]
) -> list[Examples]:
    """What the second round learns from, but for what stands `beside` each column."""
    return [
        _among(
            join(case.evidence, *gather_context(case.layout.sheet, opinion, table, kitchen.fields)),
            shortlist(opinion),
            case,
        )
        for case, opinion in zip(cases, opinions, strict=True)
    ]


def beside(examples: Sequence[Examples], opinions: Sequence[Floats], affinity: Affinity) -> list[Examples]:
    """The examples, in the light of which fields stand beside which."""
    placed: list[Examples] = []
    for each, opinion in zip(examples, opinions, strict=True):
        rows = np.arange(len(each.among))[:, None]
        near = neighbours(opinion, affinity)[rows, each.among]
        pairs = np.concatenate([each.evidence.pairs, near], axis=2)
        placed.append(replace(each, evidence=each.evidence._replace(pairs=pairs)))
    return placed


def _second_layer(kitchen: Kitchen, examples: Sequence[Examples]) -> Layer:
    return fit(stack(examples), kitchen.known.count, kitchen.recipe.second, iterations=kitchen.recipe.iterations)


def _alone(evidence: Evidence) -> Weighable:
    return Weighable(evidence.pairs, evidence.columns, evidence.none)


def _calibrations(
    kitchen: Kitchen, cases: Sequence[Case], beliefs: dict[int, Floats]
) -> tuple[Calibration, Calibration]:
    """Belief to chance, for columns that got a field and for those that got none; every column counts alike."""
    single = [each.single_valued for each in kitchen.schema.fields]
    judged: list[tuple[Floats, NDArray[np.bool_], Floats, NDArray[np.bool_]]] = []
    for at, belief in beliefs.items():
        chosen, rows = assign(belief, single), np.arange(len(belief))
        hits = cases[at].right[rows, chosen] > 0
        weight = np.full(len(belief), 1.0 if cases[at].layout.written else FILES, np.float32)
        judged.append((belief[rows, chosen], hits, weight, chosen == len(single)))
    belief, hit, weight, none = (np.concatenate(each) for each in zip(*judged, strict=True))
    return calibrate(belief[~none], hit[~none], weight[~none]), calibrate(belief[none], hit[none], weight[none])


FILES = 16.0
"""How much a column of a real file counts in calibration beside one of a layout written for training.

Those were written to be hard: by them alone, confidence is too modest on real files.
"""


def family_parts(families: Sequence[str], count: int) -> list[int]:
    """Which part each layout belongs to: whole families, of about equal number of layouts, the same every time."""
    sizes = Counter(families)
    loads = [0] * count
    part_of: dict[str, int] = {}
    for family in sorted(sizes, key=lambda each: (-sizes[each], hashlib.sha256(each.encode()).hexdigest())):
        part_of[family] = loads.index(min(loads))
        loads[part_of[family]] += sizes[family]
    return [part_of[family] for family in families]


def affinity_of(kitchen: Kitchen, cases: Sequence[Case]) -> Affinity:
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
