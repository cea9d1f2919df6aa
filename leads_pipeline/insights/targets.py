"""What performance should be, and whether it is: a verdict with its reason, and nothing said where too little was counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads_pipeline.insights.intervals import Estimate
from leads_pipeline.insights.trends import Drift
from leads_pipeline.types import NO_FIELD
from leads_pipeline.wording import counted

ACCURACY = 0.90
COVERAGE = 0.85
CALIBRATION = 0.05
IN_TIME = 0.95
COMMON_FIELDS = 12
ENOUGH_COLUMNS = 30
ENOUGH_TO_CALIBRATE, SURELY_CALIBRATED = 200, 1_000
"""Columns from which the error is told, and from which chance makes hardly any of it."""
ENOUGH_UPLOADS = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target is met. `sure` says whether a miss is more than chance explains; `figures` are for a plot."""

    met: bool
    reason: str
    sure: bool = False
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


def common_fields(measured: Sequence[Mapping[str, Any]]) -> Verdict:
    """Of the fields that most columns hold, each has to be found in more than 90 % of them."""
    fields = sorted(
        (row for row in measured if _is_of(row, "online") and row["field"] not in (None, NO_FIELD)),
        key=lambda row: (-row["reviewed"], row["field"]),
    )
    enough = [row for row in fields if row["reviewed"] >= ENOUGH_COLUMNS][:COMMON_FIELDS]
    if not enough:
        return Verdict(met=True, reason=f"No field has {ENOUGH_COLUMNS} columns in reviewed files yet.")
    missed = [row for row in enough if row["accuracy"] <= ACCURACY]
    figures = {f"accuracy/{row['field']}": round(row["accuracy"], 4) for row in enough}
    if not missed:
        return Verdict(met=True, reason=f"Of the {len(enough)} commonest fields, each is above 90 %.", figures=figures)
    named = ", ".join(f"{row['field']} {100 * row['accuracy']:.1f} % of {row['reviewed']:,}" for row in missed)
    sure = any(row["accuracy_high"] < ACCURACY for row in missed)
    return Verdict(met=False, reason=f"Not above 90 %: {named}.", sure=sure, figures=figures)


def coverage(measured: Sequence[Mapping[str, Any]]) -> Verdict:
    """So many columns have to be decided without a person."""
    row = whole(measured, "online")
    if row is None or row["columns"] < ENOUGH_COLUMNS:
        return Verdict(met=True, reason="Too few columns were mapped to say.")
    met = row["coverage"] >= COVERAGE
    return Verdict(
        met=met,
        reason=f"{100 * row['coverage']:.1f} % of {counted(row['columns'], 'column')} needed no person; 85 % is the target.",
        sure=row["coverage_high"] < COVERAGE,
        figures={"coverage": round(row["coverage"], 4)},
    )


def calibration(measured: Sequence[Mapping[str, Any]]) -> Verdict:
    """Confidence has to be near the share that is right: on the random sample where that is large enough."""
    audit, online = whole(measured, "audit"), whole(measured, "online")
    row = audit if audit is not None and audit["reviewed"] >= ENOUGH_TO_CALIBRATE else online
    if row is None or row["reviewed"] < ENOUGH_TO_CALIBRATE:
        return Verdict(met=True, reason=f"Fewer than {ENOUGH_TO_CALIBRATE} columns of reviewed files: too few to say.")
    error = row["calibration_error"]
    return Verdict(
        met=error <= CALIBRATION,
        reason=f"Confidence is off by {100 * error:.1f} points on {row['reviewed']:,} columns; 5 is the most.",
        sure=row["reviewed"] >= SURELY_CALIBRATED,
        figures={"calibration_error": round(error, 4)},
    )


def speed(measured: Sequence[Mapping[str, Any]], target_seconds: float) -> Verdict:
    """Files have to be mapped soon after they come."""
    row = whole(measured, "online")
    if row is None or row["in_time_share"] is None:
        return Verdict(met=True, reason="No file was mapped.")
    return Verdict(
        met=row["in_time_share"] >= IN_TIME,
        reason=f"Mapped within {target_seconds:g} s of arrival: {100 * row['in_time_share']:.1f} % of "
        f"{counted(row['uploads'], 'file')}; 95 % is the target. The work itself takes {row['seconds_per_upload']:.2f} s "
        "a file.",
        sure=row["uploads"] >= ENOUGH_UPLOADS,
        figures={
            "in_time": round(row["in_time_share"], 4),
            "seconds_per_upload": round(row["seconds_per_upload"], 3),
        },
    )


def corrections_fall(change: Estimate | None, *, reviewed: int) -> Verdict:
    """People have to correct fewer columns of a file than in the weeks before."""
    if change is None or reviewed < ENOUGH_UPLOADS:
        return Verdict(met=True, reason=f"Fewer than {ENOUGH_UPLOADS} files were reviewed: too few to compare.")
    moved = "fell" if change.value < 0 else "rose" if change.value > 0 else "stayed"
    return Verdict(
        met=change.low <= 0,
        reason=f"Corrections per file {moved} by {abs(change.value):.2f} over four weeks "
        f"(95 %: {change.low:+.2f} to {change.high:+.2f}).",
        sure=change.low > 0,
        figures={"change": round(change.value, 3), "low": round(change.low, 3), "high": round(change.high, 3)},
    )


def no_drift(drift: Drift) -> Verdict:
    """What comes in has to be what it was."""
    found = drift.findings()
    figures: dict[str, float] = {}
    if drift.confidence_shift is not None:
        figures["confidence_shift"] = round(drift.confidence_shift, 4)
    changes = {"new_headers": drift.new_headers, "accuracy": drift.accuracy, "corrections": drift.corrections}
    figures |= {name: round(change.value, 4) for name, change in changes.items() if change is not None}
    if not figures:
        return Verdict(met=True, reason="Too few files to compare this week with the four before.")
    return Verdict(met=not found, reason=" ".join(found) or "This week is like the four before.", figures=figures)


def whole(measured: Sequence[Mapping[str, Any]], basis: str) -> Mapping[str, Any] | None:
    """The measurement of all models, fields and languages together."""
    return next((row for row in measured if _is_of(row, basis) and row["field"] is None), None)


def _is_of(row: Mapping[str, Any], basis: str) -> bool:
    return row["measured_on"] == basis and row["model_version"] is None and row["language"] is None
