"""Weights from examples: a softmax over fields and "none", with weights that all fields share and weights of each field.

Knows numbers only. What they mean is `mapping.evidence`'s business; where they come from, `recipe`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leads_pipeline.mapping.model import Layer
from leads_pipeline.mapping.phrase_index import Floats


@dataclass(frozen=True)
class Examples:
    """Columns with evidence and right answers.

    `right[column, choice]` is 1 for the best answer, less for others that are right too, 0 for wrong ones. `weight` says
    how much a column counts. `seen[column, field]` is 0 where a field must do without weights of its own.
    """

    pairs: Floats
    columns: Floats
    none: Floats
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


def fit(examples: Examples, penalty: Penalty, *, iterations: int) -> Layer:
    """The weights that explain the answers best. Deterministic; the loss is convex but for the choice among right answers."""
    from scipy.optimize import minimize

    count, fields, shared = examples.pairs.shape
    about, none = examples.columns.shape[1], examples.none.shape[1]
    pairs = examples.pairs.reshape(count * fields, shared)
    best = (examples.right >= 1.0).astype(np.float32)
    weight = examples.weight[:, None]
    penalties = np.concatenate(
        [
            np.full(shared, penalty.shared),
            np.full(about * fields, penalty.fields),
            np.full(none, penalty.none),
        ]
    )

    def unpack(vector: Precise) -> Layer:
        weights = vector.astype(np.float32)
        own = shared + about * fields
        return Layer(weights[:shared], weights[shared:own].reshape(about, fields), weights[own:])

    def loss(vector: Precise) -> tuple[float, Precise]:
        layer = unpack(vector)
        logits = np.empty((count, fields + 1), np.float32)
        logits[:, :fields] = (pairs @ layer.pairs).reshape(count, fields)
        logits[:, :fields] += examples.seen * (examples.columns @ layer.fields)
        logits[:, fields] = examples.none @ layer.none
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        among = chances * examples.right
        total = among.sum(axis=1, keepdims=True) + 1e-12
        wanted = BEST_ALONE * best + (1 - BEST_ALONE) * among / total
        value = -float(
            (
                examples.weight
                * (BEST_ALONE * np.log((chances * best).sum(axis=1) + 1e-12) + (1 - BEST_ALONE) * np.log(total[:, 0]))
            ).sum()
        )
        error = (chances - wanted) * weight
        of_field_errors = np.ascontiguousarray(error[:, :fields])
        gradient = np.concatenate(
            [
                of_field_errors.reshape(-1) @ pairs,
                (examples.columns.T @ (of_field_errors * examples.seen)).reshape(-1),
                error[:, fields] @ examples.none,
            ]
        ).astype(np.float64)
        return value + 0.5 * float((penalties * vector * vector).sum()), gradient + penalties * vector

    start: Precise = np.zeros(shared + about * fields + none)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 12})
    return unpack(found.x)


def stack(parts: Sequence[Examples]) -> Examples:
    """Several sets of examples as one."""
    return Examples(
        pairs=np.concatenate([part.pairs for part in parts]),
        columns=np.concatenate([part.columns for part in parts]),
        none=np.concatenate([part.none for part in parts]),
        right=np.concatenate([part.right for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        seen=np.concatenate([part.seen for part in parts]),
    )
