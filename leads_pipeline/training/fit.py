"""Weights from examples: a softmax over fields and "none", with weights that all fields share and weights of each field.

Knows numbers only. What they mean is `mapping.evidence`'s business; where they come from, `recipe`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leads_pipeline.mapping.model import Layer, Places, Weighable, softmax
from leads_pipeline.mapping.phrase_index import Floats


@dataclass(frozen=True)
class Examples:
    """Columns with evidence and right answers.

    `among[column, place]` are the fields that are weighed, `evidence` speaks of. `right[column, place or none]` is 1 for
    the best answer, less for others that are right too, 0 for wrong ones. `weight` says how much a column counts.
    `seen[column, place]` is 0 where a field must do without weights of its own.
    """

    evidence: Weighable
    among: Places
    right: Floats
    weight: Floats
    seen: Floats


@dataclass(frozen=True)
class Penalty:
    """How strongly weights are drawn to zero: those that all fields share, those of single fields, those of "none"."""

    shared: float = 1.0
    fields: float = 4.0
    none: float = 2.0


Precise = np.ndarray[tuple[int], np.dtype[np.float64]]

BEST_ALONE = 0.6
"""How much of the loss asks for the best answer, rather than for any right one."""


def fit(examples: Examples, count: int, penalty: Penalty, *, iterations: int) -> Layer:
    """The weights for `count` fields that explain the answers best.

    Deterministic; the loss is convex but for the choice among right answers. Columns none of whose right answers is
    weighed teach nothing.
    """
    from scipy.optimize import minimize

    (every_pair, columns, none), among, right = examples.evidence, examples.among, examples.right
    rows, places, shared = every_pair.shape
    about = columns.shape[1]
    pairs = every_pair.reshape(rows * places, shared)
    best = (right >= 1.0).astype(np.float32)
    weight = examples.weight * right.any(axis=1)
    penalties = np.concatenate(
        [
            np.full(shared, penalty.shared),
            np.full(about * count, penalty.fields),
            np.full(none.shape[1], penalty.none),
        ]
    )

    def unpack(vector: Precise) -> Layer:
        weights = vector.astype(np.float32)
        own = shared + about * count
        return Layer(weights[:shared], weights[shared:own].reshape(about, count), weights[own:])

    def loss(vector: Precise) -> tuple[float, Precise]:
        layer = unpack(vector)
        logits = np.empty((rows, places + 1), np.float32)
        logits[:, :places] = (pairs @ layer.pairs).reshape(rows, places)
        logits[:, :places] += examples.seen * np.take_along_axis(columns @ layer.fields, among, axis=1)
        logits[:, places] = none @ layer.none
        chances = softmax(logits)
        hits = chances * right
        total = hits.sum(axis=1, keepdims=True) + 1e-12
        wanted = BEST_ALONE * best + (1 - BEST_ALONE) * hits / total
        value = -float(
            (
                weight
                * (BEST_ALONE * np.log((chances * best).sum(axis=1) + 1e-12) + (1 - BEST_ALONE) * np.log(total[:, 0]))
            ).sum()
        )
        error = (chances - wanted) * weight[:, None]
        of_places = np.ascontiguousarray(error[:, :places])
        of_fields = np.zeros((rows, count), np.float32)
        np.put_along_axis(of_fields, among, of_places * examples.seen, axis=1)
        gradient = np.concatenate(
            [of_places.reshape(-1) @ pairs, (columns.T @ of_fields).reshape(-1), error[:, places] @ none]
        ).astype(np.float64)
        return value + 0.5 * float((penalties * vector * vector).sum()), gradient + penalties * vector

    start: Precise = np.zeros(len(penalties))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 12})
    return unpack(found.x)


def stack(parts: Sequence[Examples]) -> Examples:
    """Several sets of examples as one."""
    return Examples(
        evidence=Weighable(*map(np.concatenate, zip(*(part.evidence for part in parts), strict=True))),
        among=np.concatenate([part.among for part in parts]),
        right=np.concatenate([part.right for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        seen=np.concatenate([part.seen for part in parts]),
    )
