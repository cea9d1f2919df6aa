"""What needs somebody, told from figures: a sentence each, with where to go about it, the most urgent first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from leads_pipeline.insights.charts import duration, percent
from leads_pipeline.insights.intervals import Estimate
from leads_pipeline.insights.pictures import TARGET_ACCURACY
from leads_pipeline.wording import be, counted

LONGEST_WAIT_SECONDS = 120.0
"""A file is mapped within seconds; one that waits longer says that nobody is at work, or that too much came at once."""
NEARLY = 0.8
"""The part of a budget from which its end is announced."""

MOST_NAMED = 3
"""Organizations that are named at most."""


class Place(StrEnum):
    """Where to go about something."""

    UPLOADS = "uploads"
    QUEUE = "queue"
    REVIEW = "review"
    PATTERNS = "patterns"
    ACCURACY = "accuracy"
    RUN = "run"
    BUDGET = "budget"
    KEPT = "kept"
    MODEL = "model"
    BEGINNING = "beginning"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that needs somebody. `urgent`: it gets worse by itself. `which` names one thing at the place."""

    place: Place
    says: str
    urgent: bool = False
    which: str = ""


def items(
    totals: Mapping[str, Any],
    *,
    failures: Sequence[Mapping[str, Any]],
    disputed: int,
    accuracy: Estimate | None,
    spent: Mapping[str, Any],
    budget: float | None,
    failed_runs: Sequence[Mapping[str, Any]] = (),
    neglected: Sequence[tuple[str, int, datetime]] = (),
    name_them: bool = False,
    lost_model: int | None = None,
) -> list[Item]:
    """From figures as `store.overview` gives them; failures and failed runs are those of the last week.

    `neglected` are organizations with how many files they keep beyond their time, and when the oldest came; `name_them`
    where the reader may know whose they are. `lost_model` is the version of a champion that was withdrawn and not yet
    replaced.
    """
    if not totals["uploads"]:
        return [Item(Place.BEGINNING, "Nothing came in yet. Send a first file, and see what becomes of its columns.")]
    found: list[Item] = []
    if totals["waiting"] and totals["oldest_seconds"] > LONGEST_WAIT_SECONDS:
        waits = f"{counted(totals['waiting'], 'file')} {be(totals['waiting'], 'waits', 'wait')} to be mapped"
        found.append(
            Item(
                Place.QUEUE,
                f"{waits}, the oldest for {duration(totals['oldest_seconds'])}. Is the worker at work?",
                urgent=True,
            )
        )
    found += [
        Item(
            Place.RUN,
            f"{counted(row['runs'], 'run')} of {row['job']} failed this week.",
            urgent=True,
            which=row["newest_run"],
        )
        for row in failed_runs
    ]
    if accuracy is not None and accuracy.value < TARGET_ACCURACY:
        sure = accuracy.high < TARGET_ACCURACY
        found.append(
            Item(
                Place.ACCURACY,
                f"Of reviewed columns {percent(accuracy.value)} were right, where {percent(TARGET_ACCURACY)} are wanted"
                + (
                    "."
                    if sure
                    else f"; too few were reviewed to be sure ({percent(accuracy.low)} to {percent(accuracy.high)})."
                ),
                urgent=sure,
            )
        )
    if failures:
        failed = sum(row["uploads"] for row in failures)
        why = ", ".join(f"{row['uploads']:,} × {row['title'] or row['code']}" for row in failures[:3])
        found.append(Item(Place.UPLOADS, f"{counted(failed, 'file')} of this week could not be mapped: {why}."))
    if budget is not None and spent["cost_usd"] >= NEARLY * budget:
        used = f"${spent['cost_usd']:,.2f} of this month's ${budget:,.2f} for a language model are spent"
        found.append(
            Item(Place.BUDGET, f"{used}; {'it is asked no more' if spent['cost_usd'] >= budget else 'it ends soon'}.")
        )
    if lost_model is not None:
        says = (
            f"Model {lost_model} maps no more: its training dataset was withdrawn, as when a file in it is deleted. The model "
            "before maps until one is trained without, which takes minutes if enough is left to learn from."
        )
        found.append(Item(Place.MODEL, says))
    if neglected:
        found.append(Item(Place.KEPT, _kept(neglected, name_them=name_them), urgent=True))
    if totals["open_columns"]:
        columns, files = totals["open_columns"], totals["open"]
        says = f"{counted(columns, 'column')} of {counted(files, 'file')} {be(columns, 'waits', 'wait')} for a person's word."
        found.append(Item(Place.REVIEW, says))
    if disputed:
        says = f"People said different things about {counted(disputed, 'header')}; memory cannot be sure there."
        found.append(Item(Place.PATTERNS, says))
    return found


def _kept(neglected: Sequence[tuple[str, int, datetime]], *, name_them: bool) -> str:
    files = sum(count for _, count, _ in neglected)
    oldest = min(came for *_, came in neglected)
    named = [f"{name} {count:,}" for name, count, _ in neglected[:MOST_NAMED]]
    if more := len(neglected) - len(named):
        named.append(f"{counted(more, 'other')}")
    whose = f" ({', '.join(named)})" if name_them else ""
    return (
        f"{counted(files, 'file')} {be(files, 'is', 'are')} kept beyond {be(files, 'its', 'their')} time, the oldest since "
        f"{oldest:%Y-%m-%d}, because nobody has looked at what is open in {be(files, 'it', 'them')}{whose}. "
        f"Review {be(files, 'it', 'them')}, or delete {be(files, 'it', 'them')}."
    )
