"""What docs/accuracy.md shows: the tables between its marks, and the points of its plots. Its prose is written by hand."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from leads_pipeline.training.benchmark import Prediction
from leads_pipeline.training.corpus import IGNORE, Layout, labels

BINS = 10
MOST_CONFUSED = 22
"""Rows and columns of the confusion of fields: those with the most mistakes."""

NO_FIELD = "(none)"

PairFigures = tuple[float | None, float | None, float | None]
"""Precision, recall and F1; None where there is nothing to judge."""


def write(path: Path, tables: Mapping[str, str]) -> None:
    """Put each table where `path` has `<!-- NAME -->` and `<!-- /NAME -->`; ValueError for one without."""
    text = path.read_text("utf-8")
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not begin or not end:
            raise ValueError(f"{path.name} has no place for the table {name}.")
        text = f"{before}{begin}{table}\n{end}{after}"
    path.write_text(text, "utf-8")


# --- Tables --------------------------------------------------------------------------------------------------------


def peers_table(rows: Sequence[tuple[str, str, Mapping[str, Any], float]], failures: Mapping[str, str]) -> str:
    """One line for each matcher, the best first, and which did not run, by what error."""
    ranked = sorted(rows, key=lambda row: -(row[2]["accuracy_by_family"]["all"] or 0))
    return _table(
        ("", "accuracy", "English", "other", "precision", "recall", "empty mapped", "seconds a file", "set-up"),
        [
            (
                name,
                *(_share(found["accuracy_by_family"][which]) for which in ("all", "en", "other")),
                _share(found["mapped_precision"]),
                _share(found["mapped_recall"]),
                f"{found['empty_mapped']} of {found['empty_total']}",
                f"{seconds:.3f}",
                set_up,
            )
            for name, set_up, found, seconds in ranked
        ],
    ) + "".join(
        f"\n\n{name} did not run on the machine that made this table: {error}." for name, error in failures.items()
    )


def confidence_table(found: Mapping[str, Any]) -> str:
    """What is decided without a person, and how right that is, by threshold."""
    return (
        _table(
            ("confidence at least", "columns decided", "of them right"),
            [
                (f"{each['threshold']:g}", _share(each["coverage"]), _share(each["precision"]))
                for each in found["risk_coverage"]
            ],
        )
        + f"\n\nExpected calibration error: {found['ece']:.3f}. Families never opened: {_share(found['unopened'])}."
    )


def cases_table(
    found: Mapping[str, Mapping[str, PairFigures]], groups: Mapping[str, str], cases: Mapping[str, int]
) -> str:
    """F1 for each matcher and group of cases, the best first, and precision and recall over all of them."""
    ranked = sorted(found, key=lambda name: -(found[name]["all"][2] or 0))
    return _table(
        ("F1", *(f"{title} ({cases[group]})" for group, title in groups.items()), "all", "precision", "recall"),
        [
            (name, *(_share(found[name][group][2]) for group in (*groups, "all")), *map(_share, found[name]["all"][:2]))
            for name in ranked
        ],
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.3f}"


# --- Plots ---------------------------------------------------------------------------------------------------------


def risk_coverage(name: str, layouts: Sequence[Layout], predicted: Sequence[Sequence[Prediction]]) -> dict[str, Any]:
    """How many of the surest columns are right, at every hundredth of coverage. Ties are decided together."""
    judged = _judged(layouts, predicted)
    by_confidence: dict[float, list[bool]] = defaultdict(list)
    for confidence, right in judged:
        by_confidence[confidence].append(right)
    coverage: list[float] = []
    precision: list[float] = []
    taken = right = 0
    for confidence in sorted(by_confidence, reverse=True):
        taken += len(by_confidence[confidence])
        right += sum(by_confidence[confidence])
        if not coverage or taken / len(judged) - coverage[-1] >= 0.01 or taken == len(judged):
            coverage.append(round(taken / len(judged), 4))
            precision.append(round(right / taken, 4))
    return {"name": name, "coverage": coverage, "precision": precision}


def reliability(layouts: Sequence[Layout], predicted: Sequence[Sequence[Prediction]]) -> list[dict[str, float]]:
    """For each tenth of confidence that occurs: its mean, the share that is right, and how many columns."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in _judged(layouts, predicted):
        bins[min(int(confidence / 100 * BINS), BINS - 1)].append((confidence / 100, right))
    return [
        {
            "confidence": round(mean(confidence for confidence, _ in found), 4),
            "right": round(mean(right for _, right in found), 4),
            "columns": len(found),
        }
        for _, found in sorted(bins.items())
    ]


def confusion(layouts: Sequence[Layout], predicted: Sequence[Sequence[Prediction]]) -> dict[str, Any]:
    """How often which field was taken for which, mistakes alone; a column's right answer is the first of its labels."""
    mistakes = Counter(
        (_named(labels(gold)[0]), _named(prediction.label))
        for layout, row in zip(layouts, predicted, strict=True)
        for gold, prediction in zip(layout.gold, row, strict=True)
        if prediction.label not in labels(gold)
    )
    right = _most(Counter(missed for missed, _ in mistakes.elements()))
    taken = _most(Counter(field for _, field in mistakes.elements()))
    return {"right": right, "taken": taken, "counts": [[mistakes[each, field] for field in taken] for each in right]}


def _most(counted: Counter[str]) -> list[str]:
    """The most frequent names, in alphabetical order, "none" first."""
    most = [name for name, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST_CONFUSED]]
    return sorted(most, key=lambda name: (name != NO_FIELD, name))


def _named(label: str) -> str:
    return NO_FIELD if label == IGNORE else label


def _judged(layouts: Sequence[Layout], predicted: Sequence[Sequence[Prediction]]) -> list[tuple[float, bool]]:
    return [
        (prediction.confidence, prediction.label in labels(gold))
        for layout, row in zip(layouts, predicted, strict=True)
        for gold, prediction in zip(layout.gold, row, strict=True)
    ]
