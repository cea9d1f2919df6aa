"""Whether one model is better than another, decided as the evidence comes in: look whenever you like, stop when it is clear.

Each upload that people have reviewed as a whole gives one score in [-1, 1]: of the columns on which exactly one of the two is
right, how many more the challenger has than the champion, as a share. Against "the challenger is not better" (a mean score of
at most 0) a gambler bets on the next score; his capital is an e-process, and whoever is not better makes it reach 1/alpha at
any time with a chance of at most alpha (Ville's inequality), however often one looks. The bets are those of Waudby-Smith and
Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024), section 4: the mean over fixed fractions.
The same gambler on the other side tells when the challenger is worse.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

ALPHA = 0.05
"""The chance of promoting a challenger that is not better, and of stopping one that is not worse; at most, each."""

STAKES = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
"""The fractions of his capital that the gambler always bets, one purse each; the mean of the purses counts."""

MOST_UPLOADS = 2_000
"""Reviewed uploads after which nobody waits any longer for a difference that is too small to show."""

Verdict = Literal["promote", "stop", "open", "no difference"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the scores of `uploads` came to: capital won on "better" and on "worse" at their highest, and the mean score."""

    uploads: int
    decided: int
    better: float
    worse: float
    mean: float

    @property
    def verdict(self) -> Verdict:
        if self.better >= 1 / ALPHA:
            return "promote"
        if self.worse >= 1 / ALPHA:
            return "stop"
        return "no difference" if self.uploads >= MOST_UPLOADS else "open"


def score(wins: int, losses: int) -> float:
    """One upload's score: columns that only the challenger, and that only the champion has right."""
    return (wins - losses) / (wins + losses) if wins + losses else 0.0


def weigh(scores: Iterable[float]) -> Evidence:
    """The evidence of scores in the order in which the uploads were reviewed. It ends with the first decision."""
    log_better, log_worse = np.zeros(len(STAKES)), np.zeros(len(STAKES))
    better = worse = 1.0
    uploads = decided = 0
    total = 0.0
    for each in scores:
        uploads += 1
        if each:
            decided += 1
            total += each
            log_better += np.log1p(STAKES * each)
            log_worse += np.log1p(-STAKES * each)
            better = max(better, float(np.exp(log_better).mean()))
            worse = max(worse, float(np.exp(log_worse).mean()))
        if max(better, worse) >= 1 / ALPHA:
            break
    return Evidence(uploads, decided, better, worse, total / decided if decided else 0.0)
