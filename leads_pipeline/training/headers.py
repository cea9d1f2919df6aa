"""Learning what headers mean as texts: the classifier of `mapping.meaning`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.meaning import CLUES, Meaning, clues
from leads_pipeline.mapping.text import words_of
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.fit import Precise


@dataclass(frozen=True, slots=True)
class Answer:
    """A header of a labelled file, the family of the file, the header's field (None: it has none), and its weight."""

    header: str
    family: str
    target: str | None
    weight: float


LEXICON_WEIGHT = 0.3
"""How much a phrase of the lexicon counts beside a header of average weight."""

OFTEN = 2
"""A clue that stands in one text alone teaches nothing about others."""

PENALTY, ITERATIONS = 0.3, 30


def learn_meaning(
    answers: Sequence[Answer], vocabulary: Vocabulary, trained: Sequence[str], imagined: Sequence[Answer] = ()
) -> Meaning:
    """What headers and the phrases of the lexicon teach about the fields `trained`, by softmax regression (L-BFGS).

    `imagined` headers, which no file was seen with, count like phrases of the lexicon.
    """
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix

    index = {name: at for at, name in enumerate(trained)}
    none, classes = len(trained), len(trained) + 1
    mean = float(np.mean([answer.weight for answer in answers])) if answers else 1.0
    taught: dict[tuple[tuple[str, ...], int], float] = {}
    for answer in answers:
        key = vocabulary.read(answer.header).words, none if answer.target is None else index[answer.target]
        taught[key] = taught.get(key, 0.0) + answer.weight / mean
    for words, target in vocabulary.spoken():
        if target.startswith(NO_FIELD) or target in index:
            key = vocabulary.divided(words), none if target.startswith(NO_FIELD) else index[target]
            taught[key] = taught.get(key, 0.0) + LEXICON_WEIGHT
    for answer in imagined:
        if answer.target is None or answer.target in index:
            key = vocabulary.divided(words_of(answer.header)), none if answer.target is None else index[answer.target]
            taught[key] = taught.get(key, 0.0) + LEXICON_WEIGHT
    texts = [clues(words) for words, _ in taught]
    right = np.array([place for _, place in taught])
    weights = np.array(list(taught.values()), np.float32)

    ends = np.cumsum([0, *map(len, texts)])
    buckets = np.fromiter((bucket for text in texts for bucket in text), np.int32, ends[-1])
    values = np.fromiter((value for text in texts for value in text.values()), np.float32, ends[-1])
    known = np.flatnonzero(np.bincount(buckets, minlength=CLUES) >= OFTEN).astype(np.int32)
    kept = np.isin(buckets, known)
    inputs = csr_matrix(
        (values[kept], np.searchsorted(known, buckets[kept]), np.concatenate([[0], np.cumsum(kept)])[ends]),
        shape=(len(texts), len(known)),
    )
    turned = inputs.T.tocsr()
    wanted = np.zeros((len(texts), classes), np.float32)
    wanted[np.arange(len(texts)), right] = 1
    size = len(known) * classes

    def loss(vector: Precise) -> tuple[float, Precise]:
        logits = inputs @ vector[:size].astype(np.float32).reshape(-1, classes) + vector[size:].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        value = -float((weights * np.log((chances * wanted).sum(axis=1) + 1e-12)).sum())
        error = (chances - wanted) * weights[:, None]
        gradient = np.concatenate([(turned @ error).reshape(-1), error.sum(axis=0)]).astype(np.float64)
        return value + 0.5 * PENALTY * float(vector @ vector), gradient + PENALTY * vector

    start: Precise = np.zeros(size + classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS, "maxcor": 5})
    vector: NDArray[np.float64] = found.x
    # Kept at half precision: what a header means is not known to four digits.
    learned = vector[:size].astype(np.float16).astype(np.float32).reshape(-1, classes)
    return Meaning(tuple(trained), known, learned, vector[size:].astype(np.float32))
