"""Learning what headers mean as texts: the classifier of `mapping.meaning`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.lexicon import NO_FIELD
from leads_pipeline.mapping.meaning import CLUES, Meaning, clues
from leads_pipeline.mapping.phrase_index import Floats, Numbers
from leads_pipeline.mapping.text import words_of
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.fit import Precise

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


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

    index = {name: at for at, name in enumerate(trained)}
    none, classes = len(trained), len(trained) + 1
    mean = float(np.mean([answer.weight for answer in answers])) if answers else 1.0
    taught: dict[tuple[tuple[str, ...], int], float] = {}
    for answer in answers:
        key = vocabulary.words(answer.header), none if answer.target is None else index[answer.target]
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

    times = np.bincount(np.fromiter((bucket for text in texts for bucket in text), np.int32), minlength=CLUES)
    known = np.flatnonzero(times >= OFTEN).astype(np.int32)
    inputs = _matrix(texts, known)
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


def update_meaning(base: Meaning, answers: Sequence[Answer], held: Floats, vocabulary: Vocabulary) -> Meaning:
    """What `base` becomes when it hears more answers about headers, without those that it was learned from.

    Each weight is drawn towards what it was, the more so the more it is `held` by what told of it (`curvature`).
    """
    from scipy.optimize import minimize

    if not answers:
        return base
    index = {name: at for at, name in enumerate(base.trained)}
    classes = len(base.trained) + 1
    mean = float(np.mean([answer.weight for answer in answers]))
    taught: dict[tuple[tuple[str, ...], int], float] = {}
    for answer in answers:
        key = vocabulary.words(answer.header), classes - 1 if answer.target is None else index[answer.target]
        taught[key] = taught.get(key, 0.0) + answer.weight / mean
    texts = [clues(words) for words, _ in taught]
    times = np.bincount(np.fromiter((bucket for text in texts for bucket in text), np.int32), minlength=CLUES)
    new = np.setdiff1d(np.flatnonzero(times >= OFTEN), base.known).astype(np.int32)
    buckets = np.sort(np.concatenate([base.known, new]))
    weights = np.zeros((len(buckets), classes), np.float32)
    weights[np.searchsorted(buckets, base.known)] = base.weights

    # Only what the answers speak of can change; all else stays as it is.
    spoken = np.flatnonzero(np.isin(buckets, np.flatnonzero(times)))
    inputs = _matrix(texts, buckets)[:, spoken]
    turned = inputs.T.tocsr()
    wanted = np.zeros((len(texts), classes), np.float32)
    wanted[np.arange(len(texts)), [place for _, place in taught]] = 1
    share = np.array(list(taught.values()), np.float32)
    start = np.concatenate([weights[spoken].reshape(-1), base.bias]).astype(np.float64)
    penalties = np.concatenate(
        [
            (PENALTY + held[np.searchsorted(base.known, buckets[spoken]).clip(max=len(base.known) - 1)]
             * np.isin(buckets[spoken], base.known)[:, None]).reshape(-1),
            np.full(classes, _HEAVY),
        ]
    )  # fmt: skip
    size = len(spoken) * classes

    def loss(vector: Precise) -> tuple[float, Precise]:
        logits = inputs @ vector[:size].astype(np.float32).reshape(-1, classes) + vector[size:].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        value = -float((share * np.log((chances * wanted).sum(axis=1) + 1e-12)).sum())
        error = (chances - wanted) * share[:, None]
        gradient = np.concatenate([(turned @ error).reshape(-1), error.sum(axis=0)]).astype(np.float64)
        away = vector - start
        return value + 0.5 * float((penalties * away * away).sum()), gradient + penalties * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": UPDATES, "maxcor": 5})
    weights[spoken] = found.x[:size].astype(np.float16).astype(np.float32).reshape(-1, classes)
    return Meaning(base.trained, buckets, weights, found.x[size:].astype(np.float32))


UPDATES = 25

_HEAVY = 1_000.0
"""How common each meaning is does not follow from what people had to correct."""


def curvature(base: Meaning, known: Sequence[tuple[str, str, int]]) -> Floats:
    """How much the headers that `base` was learned from hold each of its weights: `[clue, field or none]`.

    `known` are their words, what they meant, and in how many families. The curvature of the loss at `base` stands for them
    (Laplace's approximation, as in Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, PNAS 2017).
    """
    texts = [clues(tuple(words.split(" "))) for words, _, _ in known]
    inputs = _matrix(texts, base.known)
    logits = inputs @ base.weights + base.bias
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    families = np.array([count for _, _, count in known], np.float32)[:, None]
    return inputs.multiply(inputs).T.tocsr() @ (families * chances * (1 - chances))


def _matrix(texts: Sequence[dict[int, float]], buckets: Numbers) -> "csr_matrix":
    """One row for each text, one column for each of `buckets`, which rise; other clues are left out."""
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *map(len, texts)])
    found = np.fromiter((bucket for text in texts for bucket in text), np.int32, ends[-1])
    values = np.fromiter((value for text in texts for value in text.values()), np.float32, ends[-1])
    kept = np.isin(found, buckets)
    return csr_matrix(
        (values[kept], np.searchsorted(buckets, found[kept]), np.concatenate([[0], np.cumsum(kept)])[ends]),
        shape=(len(texts), len(buckets)),
    )
