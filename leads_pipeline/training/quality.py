"""How good a dataset is, why, and whether a model may learn from it.

Single examples are scored by the database (`store.datasets`); here it is about the whole: one number with its reasons,
and a gate that says what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leads_pipeline.errors import DatasetRefused
from leads_pipeline.wording import be, counted

FEWEST_EXAMPLES = 10
FEWEST_TEMPLATES = 2
LOWEST_SCORE = 30.0
MOST_DISPUTED = 0.3
"""The bar that `require_good_enough` holds a dataset to."""

ENOUGH_EXAMPLES, ENOUGH_TEMPLATES = 300, 20
"""From how many on more of them does not raise the score."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a dataset scores less than 100: `points` lost, in a sentence."""

    code: str
    points: float
    detail: str


@dataclass(frozen=True, slots=True)
class Quality:
    """A score of 0 to 100 and what it lost points for, the most costly first."""

    score: float
    reasons: tuple[Reason, ...]


def judge(facts: Mapping[str, Any]) -> Quality:
    """Score a dataset by its counts (`store.datasets.facts`)."""
    examples, templates = facts["examples"], facts["templates"]
    of = max(1, examples)
    disputed, unreviewed = facts["disputed"] / of, facts["evidence"].get("unreviewed", 0) / of
    largest = max(facts["fields"].values(), default=0) / of
    tested = facts["splits"].get("test", 0)
    candidates = (
        Reason(
            "examples_weak",
            round(max(0.0, 85 - facts["mean_quality"]) * 0.6, 1),
            f"The mean score of its examples is {facts['mean_quality']:.1f}.",
        ),
        Reason(
            "few_examples",
            round(25 * (1 - min(1.0, examples / ENOUGH_EXAMPLES)), 1),
            f"It has {counted(examples, 'example')}; up to {ENOUGH_EXAMPLES} each one helps.",
        ),
        Reason(
            "few_templates",
            round(15 * (1 - min(1.0, templates / ENOUGH_TEMPLATES)), 1),
            f"They come from {counted(templates, 'layout')} of files; from {ENOUGH_TEMPLATES} on, it is no one's habit alone.",
        ),
        Reason(
            "disputed", round(40 * disputed, 1), f"{disputed:.0%} of them are disputed: the same header, other answers."
        ),
        Reason("unreviewed", round(20 * unreviewed, 1), f"{unreviewed:.0%} of them nobody has reviewed."),
        Reason(
            "nothing_to_test_on",
            0.0 if tested else 8.0,
            "No layout of it fell to the golden set, so nothing is held out.",
        ),
        Reason(
            "one_sided", round(20 * max(0.0, largest - 0.6), 1), f"{largest:.0%} of them have one and the same answer."
        ),
    )
    lost = tuple(sorted((reason for reason in candidates if reason.points > 0), key=lambda reason: -reason.points))
    return Quality(round(max(0.0, 100 - sum(reason.points for reason in lost)), 1), lost)


def missing(facts: Mapping[str, Any], score: float | None, status: str) -> list[str]:
    """What keeps a model from learning from this dataset, a sentence each; empty where nothing does."""
    found: list[str] = []
    if status != "frozen":
        found.append(f"it is {status}; generate a new one")
    examples, templates = facts.get("examples", 0), facts.get("templates", 0)
    if (lacks := FEWEST_EXAMPLES - examples) > 0:
        found.append(f"{counted(lacks, 'more example')} {be(lacks, 'is', 'are')} needed: review more columns")
    if (lacks := FEWEST_TEMPLATES - templates) > 0:
        found.append(f"{counted(lacks, 'more layout')} {be(lacks, 'is', 'are')} needed: review files of another source")
    if examples and facts.get("disputed", 0) / examples > MOST_DISPUTED:
        found.append(f"more than {MOST_DISPUTED:.0%} of its answers are disputed: settle the conflicts on its card")
    if score is not None and score < LOWEST_SCORE:
        found.append(f"its quality is {score:.1f}, below {LOWEST_SCORE:.0f}")
    return found


def require_good_enough(facts: Mapping[str, Any], score: float | None, status: str, *, version: int) -> None:
    """Raise `DatasetRefused`, saying what is missing, unless a model may learn from the dataset."""
    if lacking := missing(facts, score, status):
        raise DatasetRefused(
            f"No model learns from training dataset {version}: {'; '.join(lacking)}.", extra={"missing": lacking}
        )
