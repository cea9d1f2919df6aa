"""How performance moves: weeks beside each other, and whether what comes in is still what it was."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from leads_pipeline.insights.intervals import Estimate, clustered, difference, mean
from leads_pipeline.insights.performance import UPLOAD_COUNTS, clusters_of

SHIFTED, SHIFTING = 0.25, 0.10
"""A population stability index from which a distribution counts as another one, or as moving (Siddiqi 2006, *Credit Risk
Scorecards*)."""


@dataclass(frozen=True, slots=True)
class Week:
    """The files that were mapped in a week (UTC, from Monday). Shares and means None where nothing was counted."""

    monday: date
    uploads: int
    columns: int
    reviewed_uploads: int
    coverage: float | None
    accuracy: Estimate | None
    corrections: Estimate | None
    llm_calls_per_upload: float | None
    seconds_per_upload: float | None


def weeks(rows: Sequence[Mapping[str, Any]]) -> list[Week]:
    """From counts of files by week and basis, oldest first. Weeks without files are there, with nothing counted."""
    by_week: dict[date, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_week.setdefault(row["week"], []).append(row)
    if not by_week:
        return []
    first, last = min(by_week), max(by_week)
    mondays = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    return [_week(monday, by_week.get(monday, [])) for monday in mondays]


def together(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The counts of reviewed files, added up."""
    return _added([row for row in rows if row["basis"] != "unreviewed"])


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether a recent span differs from the one before it. Changes are None where one of the two has too little."""

    confidence_shift: float | None
    new_headers: Estimate | None
    accuracy: Estimate | None
    corrections: Estimate | None

    def findings(self) -> list[str]:
        """What has surely changed for the worse, a sentence each."""
        found: list[str] = []
        if self.confidence_shift is not None and self.confidence_shift >= SHIFTED:
            found.append(f"Confidences are not distributed as before (stability index {self.confidence_shift:.2f}).")
        if self.new_headers is not None and self.new_headers.low > 0:
            found.append(f"More headers are new: {_points(self.new_headers.value)} more of the columns.")
        if self.accuracy is not None and self.accuracy.high < 0:
            found.append(f"Accuracy fell by {_points(-self.accuracy.value)}.")
        if self.corrections is not None and self.corrections.low > 0:
            found.append(f"People correct {self.corrections.value:.2f} columns more of each file.")
        return found


def accuracy_change(recent: Mapping[str, float], before: Mapping[str, float]) -> Estimate | None:
    """By how much the accuracy of reviewed files changed."""
    after, ahead = clustered(clusters_of(recent)), clustered(clusters_of(before))
    return None if after is None or ahead is None else difference(after, ahead)


def corrections_change(recent: Mapping[str, float], before: Mapping[str, float]) -> Estimate | None:
    """By how much the corrections per reviewed file changed (Welch: the margins add in squares)."""
    after, ahead = _corrections(recent), _corrections(before)
    if after is None or ahead is None:
        return None
    change, margin = after.value - ahead.value, math.hypot(after.high - after.value, ahead.high - ahead.value)
    return Estimate(change, change - margin, change + margin)


def stability_index(before: Sequence[int], after: Sequence[int], *, at_least: int = 200) -> float | None:
    """The population stability index of two histograms over the same bands; None below `at_least` columns in either.

    Half a column is added to each band, so that an empty one is no infinity.
    """
    if min(sum(before), sum(after)) < at_least:
        return None
    bands = len(before)
    shares = [((one + 0.5) / (sum(before) + bands / 2), (two + 0.5) / (sum(after) + bands / 2))
              for one, two in zip(before, after, strict=True)]  # fmt: skip
    return sum((two - one) * math.log(two / one) for one, two in shares)


def _week(monday: date, rows: Sequence[Mapping[str, Any]]) -> Week:
    everything = _added(rows)
    reviewed = _added([row for row in rows if row["basis"] != "unreviewed"])
    return Week(
        monday=monday,
        uploads=int(everything["uploads"]),
        columns=int(everything["columns"]),
        reviewed_uploads=int(reviewed["uploads"]),
        coverage=_share(everything["decided"], everything["columns"]),
        accuracy=clustered(clusters_of(reviewed)),
        corrections=_corrections(reviewed),
        llm_calls_per_upload=_share(everything["llm_calls"], everything["uploads"]),
        seconds_per_upload=_share(everything["work_seconds"], everything["timed"]),
    )


def _added(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: float(sum(row[name] for row in rows)) for name in UPLOAD_COUNTS}


def _corrections(totals: Mapping[str, float]) -> Estimate | None:
    return mean(int(totals["uploads"]), totals["corrections"], totals["corrections_squared"])


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
