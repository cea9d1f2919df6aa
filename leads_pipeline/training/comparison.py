"""Two models on the same files, column by column: what the newer one gains, and whether it may take over.

Files were kept out of what both learned from. Intervals come from drawing families of layouts anew (the cluster bootstrap of
Field and Welsh, JRSS B 2007): columns of one layout are right or wrong together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping import LeadSchema, MappingModel, map_sheet
from leads_pipeline.training.corpus import IGNORE, Layout
from leads_pipeline.training.refit import LabelledFile
from leads_pipeline.wording import counted

DRAWS = 1_000
CONFIDENCE = 95

MARGIN = 0.02
"""The share of a field's columns by which a model may be worse on it; one column it may always lose."""
OVERALL_MARGIN = 0.005
"""The same for all columns together."""
WORTH = 10
"""So many columns must be won for each without a field that is lost beyond the margin."""

FIELDS_THAT_MATTER = (
    "FirstName", "LastName", "FullName", "Email", "Phone", "MobilePhone", "Company", "Title", "Street", "City", "State",
    "PostalCode", "Country", "Website", "LeadSource", "OptIn", "SmsOptIn", "Description", None,
)  # fmt: skip
"""Those that a lead is worth nothing without, those whose mistakes hurt, and "no target"."""


@dataclass(frozen=True)
class Paired:
    """Columns that both models have judged. `field[column]` is what is right, a field's name or None."""

    families: Sequence[str]
    fields: Sequence[str | None]
    before: NDArray[np.bool_]
    after: NDArray[np.bool_]
    before_mapped: NDArray[np.bool_]
    after_mapped: NDArray[np.bool_]

    @property
    def columns(self) -> int:
        return len(self.fields)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares (0 to 1) that are right before and after, with an interval of the difference; wins and losses are columns."""

    columns: int
    before: float
    after: float
    low: float
    high: float
    wins: int
    losses: int

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "champion": round(self.before, 4),
            "candidate": round(self.after, 4),
            "difference": round(self.after - self.before, 4),
            "interval": [round(self.low, 4), round(self.high, 4)],
            "wins": self.wins,
            "losses": self.losses,
        }


def pair(
    before: MappingModel, after: MappingModel, files: Sequence[LabelledFile | Layout], schema: LeadSchema
) -> Paired:
    """What both models make of the columns that somebody has spoken of."""
    families: list[str] = []
    fields: list[str | None] = []
    hits: list[tuple[bool, bool, bool, bool]] = []
    for file in files:
        old, new = (map_sheet(file.sheet, schema, model) for model in (before, after))
        for column, answers in enumerate(_answers(file)):
            if not answers:
                continue
            families.append(file.family)
            fields.append(answers[0])
            one, other = old[column].target, new[column].target
            hits.append((one in answers, other in answers, one is not None, other is not None))
    table = np.array(hits, bool).reshape(len(hits), 4)
    return Paired(families, fields, *(table[:, at] for at in range(4)))


def _answers(file: LabelledFile | Layout) -> Sequence[tuple[str | None, ...]]:
    """The right answers of each column, best first; none where nobody has said one."""
    if isinstance(file, Layout):
        return [tuple(None if name == IGNORE else name for name in gold) for gold in file.gold]
    return [
        (target,) if weight > 0 and said else ()
        for target, weight, said in zip(file.targets, file.weights, file.said, strict=True)
    ]


def figures(paired: Paired, *, seed: int) -> Figures:
    """The figures of all columns together."""
    return _figures(paired, np.ones(paired.columns, bool), seed)


def by_field(paired: Paired, *, seed: int) -> dict[str | None, Figures]:
    """The figures of each field, the most frequent first."""
    fields = np.array([each or "" for each in paired.fields])
    names, counts = np.unique(fields, return_counts=True)
    order = sorted(range(len(names)), key=lambda at: (-counts[at], names[at]))
    return {str(names[at]) or None: _figures(paired, fields == names[at], seed) for at in order}


def _figures(paired: Paired, here: NDArray[np.bool_], seed: int) -> Figures:
    before, after = paired.before[here], paired.after[here]
    if not len(before):
        return Figures(0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    gain = after.astype(int) - before.astype(int)
    of_family: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for family, each in zip(np.array(paired.families)[here], gain.tolist(), strict=True):
        of_family[family][0] += each
        of_family[family][1] += 1
    table = np.array(list(of_family.values()))
    drawn = np.random.default_rng(seed).integers(0, len(table), (DRAWS, len(table)))
    shares = table[drawn, 0].sum(axis=1) / table[drawn, 1].sum(axis=1)
    low, high = np.percentile(shares, [(100 - CONFIDENCE) / 2, (100 + CONFIDENCE) / 2])
    return Figures(
        len(before), float(before.mean()), float(after.mean()), float(low), float(high),
        int((gain > 0).sum()), int((gain < 0).sum()),
    )  # fmt: skip


def wrong_maps(paired: Paired) -> tuple[float, float]:
    """The share of columns mapped to a field where another, or none, was right: before and after."""
    if not paired.columns:
        return 0.0, 0.0
    return (
        float((paired.before_mapped & ~paired.before).mean()),
        float((paired.after_mapped & ~paired.after).mean()),
    )


def objections(sets: Mapping[str, Paired], *, seed: int, kin: Mapping[str, str] | None = None) -> list[str]:
    """What speaks against the newer model, a sentence each; empty where it may become a candidate.

    An organization's own field matters if the one that it is `kin` of does. Columns without a field may be lost where ten
    times as many are won in all: a model that maps hardly anything is right on every one of them.
    """
    matter = {*FIELDS_THAT_MATTER, *(name for name, of in (kin or {}).items() if of in FIELDS_THAT_MATTER)}
    found: list[str] = []
    for name, paired in sets.items():
        whole = figures(paired, seed=seed)
        if _lost(whole) > max(1, OVERALL_MARGIN * whole.columns):
            found.append(
                f"on the {name} it is right on {whole.after:.1%} of {whole.columns:,} columns where the champion is right "
                f"on {whole.before:.1%}"
            )
        for field, each in by_field(paired, seed=seed).items():
            if field is None and -_lost(whole) >= WORTH * _lost(each):
                continue
            if field in matter and _lost(each) > max(1, MARGIN * each.columns):
                found.append(
                    f"on the {name} it has lost {_lost(each)} of {counted(each.columns, 'column')} of {field or 'no target'}, "
                    f"more than the margin of {MARGIN:.0%}"
                )
    return found


def _lost(figures: Figures) -> int:
    return figures.losses - figures.wins
