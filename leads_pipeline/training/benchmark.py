"""How good a model is on labelled header rows: the figures that `leads benchmark` prints.

Scoring follows the rules of the labels: a prediction is right when it is among a column's labels, names outside the label
schema left out of both; files count by family, so that a system with many layouts does not drown the rest.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from leads_pipeline.mapping import MappingModel, default_schema, load_model, map_sheet
from leads_pipeline.mapping.lexicon import read_lexicon
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.base_model import PROCESSES
from leads_pipeline.training.corpus import (
    IGNORE,
    LABEL_SCHEMA,
    Layout,
    is_unopened,
    labels,
    read_corpus,
    written_layouts,
)
from leads_pipeline.training.recipe import Kitchen, Recipe, family_parts, train

FOLDS = 5
"""Parts of the families that take turns in being held out."""
AUTO_THRESHOLD = 70.0
BINS = 10

Step = Callable[[int, int, str], None]
"""Told of progress: steps done, steps in all, and what is being done."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was proposed for one column, with a confidence of 0 to 100."""

    target: str | None
    confidence: float

    @property
    def label(self) -> str:
        """The target as it is scored: one outside the label schema counts as none."""
        return self.target if self.target in LABEL_SCHEMA else IGNORE


@dataclass(frozen=True, slots=True)
class _Judged:
    """One column, judged."""

    right: bool
    confidence: float
    mapped: bool
    has_target: bool
    is_empty: bool


def benchmark(
    corpus: Path,
    *,
    cross_validate: bool = False,
    predictions: bool = False,
    progress: Step = lambda _done, _total, _what: None,
) -> dict[str, Any]:
    """Map every layout of `corpus`, by the shipped model or, with `cross_validate`, by models that have not seen its family.

    Returns the figures as JSON takes them. `ece` is the expected calibration error over all columns, in 10 bins of equal
    width (Naeini et al. 2015). `unopened` repeats the accuracy for families that nothing was ever tuned on.
    Raises `RequestInvalid` for a corpus that cannot be read.
    """
    layouts = read_corpus(corpus)
    predicted, seconds, warnings = (
        _held_out(layouts, progress) if cross_validate else _by_shipped_model(layouts, progress)
    )
    result = figures(layouts, predicted)
    result["seconds_per_file"] = round(seconds / max(1, len(layouts)), 5)
    result["warnings"] = warnings
    if predictions:
        result["predictions"] = [
            [{"target": each.target, "confidence": each.confidence} for each in row] for row in predicted
        ]
    return result


def figures(layouts: Sequence[Layout], predicted: Sequence[Sequence[Prediction]]) -> dict[str, Any]:
    """The figures for these predictions, one list for each layout."""
    judged = [_judge(layout, row) for layout, row in zip(layouts, predicted, strict=True)]
    columns = [column for row in judged for column in row]
    mapped = [column for column in columns if column.mapped]
    with_target = [column for column in columns if column.has_target]
    empty = [column for column in columns if column.is_empty]
    pairs = list(zip(layouts, judged, strict=True))
    return {
        "accuracy_by_family": {
            "all": _by_family(pairs),
            "en": _by_family((layout, row) for layout, row in pairs if layout.english),
            "other": _by_family((layout, row) for layout, row in pairs if not layout.english),
        },
        "mapped_precision": _share(sum(column.right for column in mapped), len(mapped)),
        "mapped_recall": _share(sum(column.mapped and column.right for column in with_target), len(with_target)),
        "empty_mapped": sum(column.mapped for column in empty),
        "empty_total": len(empty),
        "auto": {"threshold": AUTO_THRESHOLD, **_decided(columns, AUTO_THRESHOLD)},
        "risk_coverage": [
            {"threshold": threshold, **_decided(columns, threshold)}
            for threshold in (50.0, 60.0, 70.0, 80.0, 90.0, 95.0)
        ],
        "ece": _calibration_error(columns),
        "unopened": _by_family((layout, row) for layout, row in pairs if is_unopened(layout.family)),
        "files": len(layouts),
        "columns": len(columns),
    }


def _by_shipped_model(layouts: Sequence[Layout], progress: Step) -> tuple[list[list[Prediction]], float, list[str]]:
    model = load_model()
    known = set(model.card.get("layouts", ()))
    overlap = sum(layout.digest in known for layout in layouts)
    flattery = (
        f"{overlap} of {len(layouts)} layouts were trained on, so these figures flatter the model; "
        "--cross-validate family holds them out."
    )
    predicted: list[list[Prediction]] = []
    for layout in layouts[:1]:
        _predict(model, layout)  # the first one prepares the schema, once for all
    begun = time.perf_counter()
    for done, layout in enumerate(layouts):
        progress(done, len(layouts), layout.family)
        predicted.append(_predict(model, layout))
    return predicted, time.perf_counter() - begun, [flattery] if overlap else []


def _held_out(layouts: Sequence[Layout], progress: Step) -> tuple[list[list[Prediction]], float, list[str]]:
    folds = min(FOLDS, len({layout.family for layout in layouts}))
    if folds < 2:
        return _by_shipped_model(layouts, progress)
    parts = family_parts([layout.family for layout in layouts], folds)
    kitchen = Kitchen.of(Vocabulary.of(read_lexicon()), Recipe())
    predicted: list[list[Prediction]] = [[] for _ in layouts]
    seconds = 0.0
    for part in range(folds):
        left_out = {layout.family for layout, each in zip(layouts, parts, strict=True) if each == part}
        seen = [layout for layout in (*layouts, *written_layouts()) if layout.family not in left_out]
        model = train(
            kitchen,
            seen,
            version=f"held-out-{part}",
            processes=PROCESSES,
            progress=lambda step, part=part: progress(part, folds, f"part {part + 1} of {folds}: {step}"),
        )
        begun = time.perf_counter()
        for at, layout in enumerate(layouts):
            if parts[at] == part:
                predicted[at] = _predict(model, layout)
        seconds += time.perf_counter() - begun
    progress(folds, folds, "done")
    return predicted, seconds, []


def _predict(model: MappingModel, layout: Layout) -> list[Prediction]:
    return [
        Prediction(mapping.target, mapping.confidence) for mapping in map_sheet(layout.sheet, default_schema(), model)
    ]


def _judge(layout: Layout, row: Sequence[Prediction]) -> list[_Judged]:
    judged: list[_Judged] = []
    for gold, prediction in zip(layout.gold, row, strict=True):
        remaining = labels(gold)
        judged.append(
            _Judged(
                right=prediction.label in remaining,
                confidence=prediction.confidence,
                mapped=prediction.label != IGNORE,
                has_target=remaining[0] != IGNORE,
                is_empty=set(remaining) == {IGNORE},
            )
        )
    return judged


def _decided(columns: Sequence[_Judged], threshold: float) -> dict[str, float | None]:
    """How many columns are decided without a person at `threshold` percent, and how many of them are right."""
    sure = [column for column in columns if column.confidence >= threshold]
    return {
        "coverage": _share(len(sure), len(columns)),
        "precision": _share(sum(column.right for column in sure), len(sure)),
    }


def _by_family(pairs: Iterable[tuple[Layout, Sequence[_Judged]]]) -> float | None:
    """The mean over families of the mean over their files of the share of right columns."""
    families: dict[str, list[float]] = defaultdict(list)
    for layout, row in pairs:
        families[layout.family].append(mean(column.right for column in row))
    return round(mean(mean(shares) for shares in families.values()), 4) if families else None


def _calibration_error(columns: Sequence[_Judged]) -> float | None:
    if not columns:
        return None
    bins: dict[int, list[_Judged]] = defaultdict(list)
    for column in columns:
        bins[min(int(column.confidence / 100 * BINS), BINS - 1)].append(column)
    gaps = [
        abs(sum(each.right for each in found) - sum(each.confidence for each in found) / 100) for found in bins.values()
    ]
    return round(sum(gaps) / len(columns), 4)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
