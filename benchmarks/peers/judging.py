"""From a peer's scores to what it would propose, and to figures: the same rules for all.

A peer gives every pair of column and field a score. The one-to-one assignment of most total score is taken (Kuhn 1955), and
of that what reaches a cut-off; the peer gets, in hindsight, the cut-off that is best for it on the very files it is judged on.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from leads_pipeline.training.benchmark import Prediction

CUT_OFFS = tuple(step / 40 for step in range(41))

Assigned = list[tuple[str | None, float]]
"""For each column, the field that it was assigned to and the score of that."""


def assigned(pairs: Sequence[tuple[int, int, float]], columns: int, fields: Sequence[str]) -> Assigned:
    """The one-to-one assignment of most total score; a column without any scored field gets none, with 0."""
    scores = np.zeros((columns, len(fields)))
    for column, field, score in pairs:
        scores[column, field] = max(score, scores[column, field])
    found: Assigned = [(None, 0.0)] * columns
    for column, field in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
        if scores[column, field] > 0:
            found[int(column)] = (fields[int(field)], float(scores[column, field]))
    return found


def cut(row: Assigned, cut_off: float) -> list[Prediction]:
    """What reaches the cut-off, with its score for a confidence; what does not is "none", the surer the lower its score."""
    return [
        Prediction(field, 100 * score)
        if field is not None and score >= cut_off
        else Prediction(None, 100 - 100 * score)
        for field, score in row
    ]


def best_cut(rows: Sequence[Assigned], worth: Callable[[list[list[Prediction]]], float]) -> tuple[float, Any]:
    """The cut-off of most worth, the highest of equals, and what it leaves."""
    best = max(CUT_OFFS, key=lambda cut_off: (worth([cut(row, cut_off) for row in rows]), cut_off))
    return best, [cut(row, best) for row in rows]
