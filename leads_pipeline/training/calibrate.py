"""From what a model believes to the chance that it is right, by isotonic regression on families it has not seen."""

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.model import Calibration
from leads_pipeline.mapping.phrase_index import Floats

KNOTS = 24
"""Most steps of a calibration: few enough that each rests on many columns."""


def calibrate(belief: Floats, right: NDArray[np.bool_] | NDArray[np.float64], weight: Floats) -> Calibration:
    """The rising curve from belief to share of right answers that fits best, and never says 0 or 1.

    `right` may be chances of being right, too.
    """
    if len(belief) < KNOTS:
        return Calibration(np.array([0.0, 1.0], np.float32), np.array([0.0, 1.0], np.float32))
    order = np.argsort(belief, kind="stable")
    values, hits, weights = belief[order], right[order].astype(float), weight[order].astype(float)
    weights /= weights.mean()
    groups = [chunk for chunk in np.array_split(np.arange(len(values)), KNOTS) if len(chunk)]
    middle = np.array([np.average(values[chunk], weights=weights[chunk]) for chunk in groups])
    mass = np.array([weights[chunk].sum() for chunk in groups])
    share = np.array([(weights[chunk] @ hits[chunk] + middle[at]) / (mass[at] + 1) for at, chunk in enumerate(groups)])
    risen = _rising(share, mass)
    raw = np.concatenate([[0.0], middle, [1.0]])
    curve = np.concatenate([[min(0.02, risen[0])], risen, [max(risen[-1], min(0.995, float(values[-1])))]])
    return Calibration(raw.astype(np.float32), np.clip(curve, 0.01, 0.995).astype(np.float32))


def _rising(share: NDArray[np.float64], mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pool neighbours that fall until all rise."""
    pools: list[tuple[float, float, int]] = []
    for value, size in zip(share, mass, strict=True):
        pool = (float(value), float(size), 1)
        while pools and pools[-1][0] > pool[0]:
            before = pools.pop()
            total = before[1] + pool[1]
            pool = ((before[0] * before[1] + pool[0] * pool[1]) / total, total, before[2] + pool[2])
        pools.append(pool)
    return np.array([value for value, _, times in pools for _ in range(times)])
