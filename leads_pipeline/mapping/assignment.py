"""Which column gets which field when all columns are decided together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.phrase_index import Floats


def assign(probability: Floats, single: Sequence[bool]) -> NDArray[np.intp]:
    """The choice for each column that makes most columns right, as expected, with no single-valued field twice.

    `probability[column, choice]`: the last choice is "no target", `single` tells of the others whether one column at most
    may have it. Only columns that want the same single-valued field have to be weighed against each other, by the
    Hungarian method (Kuhn 1955, through `scipy.optimize.linear_sum_assignment`).
    """
    count = len(probability)
    if not count:
        return np.zeros(0, np.intp)
    best = probability.argmax(axis=1)
    exclusive = np.array([*single, False])
    wanted = best[exclusive[best]]
    if len(wanted) == len(np.unique(wanted)):
        return best
    from scipy.optimize import linear_sum_assignment

    ones = np.flatnonzero(exclusive)
    shared = np.flatnonzero(~exclusive)
    # A column that gets none of the exclusive fields takes the best of the others: one private slot for each column.
    fallback = shared[probability[:, shared].argmax(axis=1)]
    gains = np.zeros((count, len(ones) + count), probability.dtype)
    gains[:, : len(ones)] = probability[:, ones] - probability[np.arange(count), fallback][:, None]
    rows, slots = linear_sum_assignment(gains, maximize=True)
    chosen = fallback.copy()
    for row, slot in zip(rows, slots, strict=True):
        if slot < len(ones) and gains[row, slot] > 0:
            chosen[row] = ones[slot]
    return chosen
