"""Trials of models, simulated: how often one that is not better is promoted, and how soon a better one is.

    python -m benchmarks.trials

Files have 20 columns, of which the champion has 5 % wrong on average, some files more than others. Somebody looks after each
reviewed file. The paired trial asks both models about each file; an even split shows each file to one of them, and compares
files by pairs, by the same test.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.training.sequential import ALPHA, MOST_UPLOADS, STAKES

COLUMNS, WRONG = 20, 0.05
RUNS = 1_000
Scores = NDArray[np.float64]


def files(random: np.random.Generator, count: int, *, mends: float, breaks: float) -> tuple[Scores, Scores, Scores]:
    """Columns of each file that the champion has wrong, that the challenger mends, and that it breaks."""
    share = random.beta(0.8, 0.8 / WRONG - 0.8, count)
    wrong = random.binomial(COLUMNS, share)
    mended = random.binomial(wrong, mends)
    broken = random.binomial(COLUMNS - wrong, breaks)
    return wrong.astype(float), mended.astype(float), broken.astype(float)


def paired(wrong: Scores, mended: Scores, broken: Scores) -> Scores:
    """The scores of the files when both models are asked about each."""
    del wrong
    return _shares(mended, broken)


def split(wrong: Scores, mended: Scores, broken: Scores) -> Scores:
    """The scores when files go to the two models in turn: one for each two files, 0 for the first of them."""
    challenger = wrong - mended + broken
    scores = np.zeros(len(wrong))
    half = len(wrong) // 2 * 2
    scores[1:half:2] = _shares(wrong[0:half:2], challenger[1:half:2])
    return scores


def _shares(more: Scores, less: Scores) -> Scores:
    return np.divide(more - less, more + less, out=np.zeros(len(more)), where=more + less > 0)


def decide(scores: Scores) -> tuple[str, int]:
    """What `weigh` decides, and after how many files."""
    better = np.exp(np.cumsum(np.log1p(STAKES * scores[:, None]), axis=0)).mean(axis=1)
    worse = np.exp(np.cumsum(np.log1p(-STAKES * scores[:, None]), axis=0)).mean(axis=1)
    over = np.flatnonzero(np.maximum(better, worse) >= 1 / ALPHA)
    if not len(over):
        return "open", len(scores)
    return ("promote" if better[over[0]] >= 1 / ALPHA else "stop"), int(over[0]) + 1


def simulate(
    design: Callable[[Scores, Scores, Scores], Scores], *, mends: float, breaks: float
) -> tuple[float, float, float]:
    """The shares that are promoted and stopped, and the median number of files until promotion."""
    random = np.random.default_rng(20261126)
    decisions = [decide(design(*files(random, MOST_UPLOADS, mends=mends, breaks=breaks))) for _ in range(RUNS)]
    promoted = [count for verdict, count in decisions if verdict == "promote"]
    stopped = sum(verdict == "stop" for verdict, _ in decisions)
    return len(promoted) / RUNS, stopped / RUNS, float(np.median(promoted)) if promoted else float("nan")


CASES = {
    "the same, in other places (10 % mended, as many broken)": (0.10, 0.10 * WRONG / (1 - WRONG)),
    "the same, nearly equal models (2 %)": (0.02, 0.02 * WRONG / (1 - WRONG)),
    "worse (5 % mended, twice as many broken)": (0.05, 0.10 * WRONG / (1 - WRONG)),
    "better by 10 % of the mistakes": (0.15, 0.05 * WRONG / (1 - WRONG)),
    "better by 20 % of the mistakes": (0.25, 0.05 * WRONG / (1 - WRONG)),
    "better by 40 % of the mistakes": (0.45, 0.05 * WRONG / (1 - WRONG)),
}


def main() -> None:
    """Print the table."""
    lines = ["| challenger | design | promoted | stopped | files until promoted (median) |", "|---|---|---:|---:|---:|"]
    for name, (mends, breaks) in CASES.items():
        for title, design in (("paired", paired), ("even split", split)):
            promoted, stopped, median = simulate(design, mends=mends, breaks=breaks)
            shown = "" if np.isnan(median) or promoted <= ALPHA else f"{median:.0f}"
            lines.append(f"| {name} | {title} | {promoted:.1%} | {stopped:.1%} | {shown} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
