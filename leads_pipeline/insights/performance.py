"""How well files are mapped: rates and intervals, from counts of columns and files.

Rows in, numbers out. `online` is measured on files that people reviewed as a whole: they choose which, so it may flatter or
belittle. `audit` is measured on those of them that were drawn at random, and says how many of the drawn ones were answered.
What a model does on a golden set is measured elsewhere and never mixed with either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from leads_pipeline.insights.intervals import Clusters, Estimate, clustered, mean, wilson
from leads_pipeline.types import NO_FIELD

Basis = Literal["online", "audit"]

UPLOAD_COUNTS = (
    "drawn", "uploads", "columns", "decided", "accepted", "correct", "columns_squared", "correct_squared",
    "columns_correct", "corrections", "corrections_squared", "llm_uploads", "llm_calls", "llm_tokens",
    "llm_unpriced_calls", "timed", "in_time", "llm_cost_usd", "work_seconds", "wait_seconds",
)  # fmt: skip
"""What is counted of files; `store.performance` says what each is."""

_COLUMN_KEYS = ("basis", "model_version", "language", "method", "predicted", "target", "decided", "band")
_COLUMN_COUNTS = ("columns", "confidence_sum", "new_headers")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one slice of a window: the files of one model version, language or field, None for all.

    Shares are between 0 and 1, None where nothing was counted; `_low` and `_high` bound the 95 % interval. `columns` are all
    that were mapped (to the field); `reviewed` those that hold it by what people said, and `accuracy` the share of them that
    was mapped to it; `mapped` are reviewed columns that were mapped to it (to any field), `wrong_map_rate` the share of them
    that holds another, or none. `audit_response` is the share of the drawn files that was reviewed.
    """

    model_version: str | None
    measured_on: Basis
    field: str | None
    language: str | None
    window_start: datetime
    window_end: datetime
    uploads: int | None
    reviewed_uploads: int | None
    columns: int
    reviewed: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    mapped: int
    wrong_map_rate: float | None
    wrong_map_low: float | None
    wrong_map_high: float | None
    coverage: float | None
    coverage_low: float | None
    coverage_high: float | None
    calibration_error: float | None
    corrections_per_upload: float | None
    corrections_low: float | None
    corrections_high: float | None
    memory_share: float | None
    llm_share: float | None
    llm_calls: int | None
    llm_tokens: int | None
    llm_cost_usd: float | None
    accepted: int | None
    cost_per_accepted_usd: float | None
    seconds_per_upload: float | None
    in_time_share: float | None
    new_header_share: float | None
    audit_response: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """The counts of a span of time: columns and files, as `store.performance` adds them up."""

    start: datetime
    end: datetime
    columns: pd.DataFrame
    uploads: pd.DataFrame

    @classmethod
    def of(
        cls,
        start: datetime,
        end: datetime,
        columns: Sequence[Mapping[str, Any]],
        uploads: Sequence[Mapping[str, Any]],
    ) -> "Window":
        """From rows; "no target" becomes `NO_FIELD`, so that a frame can group by it."""
        by_column = pd.DataFrame(list(columns), columns=[*_COLUMN_KEYS, *_COLUMN_COUNTS])
        by_column["predicted"] = by_column["predicted"].fillna(NO_FIELD)
        by_column["target"] = by_column["target"].fillna(NO_FIELD)
        by_upload = pd.DataFrame(list(uploads), columns=["basis", "model_version", "language", *UPLOAD_COUNTS])
        return cls(start, end, by_column, by_upload)

    def only(self, basis: Basis, model_version: str | None, language: str | None) -> "Window":
        """The part that is of one model version and language (None: of all), and counts for `basis`."""
        parts: list[pd.DataFrame] = []
        for frame in (self.columns, self.uploads):
            kept = pd.Series(data=True, index=frame.index)
            if basis == "audit":
                kept &= frame["basis"] == "audited"
            if model_version is not None:
                kept &= frame["model_version"] == model_version
            if language is not None:
                kept &= frame["language"] == language
            parts.append(frame[kept])
        return Window(self.start, self.end, *parts)


def measure(window: Window) -> list[Measurement]:
    """Everything that is measured of a window: all together, each field, each model version, and each language."""
    return list(_measure(window))


def _measure(window: Window) -> Iterator[Measurement]:
    drawn, answered = _audit(window.uploads)
    for basis in ("online", "audit"):
        response = answered / drawn if basis == "audit" and drawn else None
        everything = window.only(basis, None, None)
        if everything.uploads.empty:
            continue
        yield _whole(everything, basis, None, None, response)
        for field in sorted({*everything.columns["predicted"], *_reviewed(everything.columns)["target"]}):
            yield _of_field(everything, basis, field)
        for version in sorted(set(everything.uploads["model_version"])):
            yield _whole(everything.only(basis, version, None), basis, version, None, None)
        for language in sorted(set(everything.uploads["language"])):
            yield _whole(everything.only(basis, None, language), basis, None, language, None)


def _whole(
    window: Window, basis: Basis, model_version: str | None, language: str | None, response: float | None
) -> Measurement:
    """Of all fields together."""
    columns, totals = window.columns, totals_of(window.uploads)
    reviewed = _reviewed(columns)
    of_reviewed = totals_of(_reviewed(window.uploads))
    accuracy = clustered(clusters_of(of_reviewed))
    mapped = reviewed[reviewed["predicted"] != NO_FIELD]
    wrong = mapped[mapped["predicted"] != mapped["target"]]
    wrong_maps = wilson(_count(wrong), _count(mapped))
    coverage = wilson(_count(columns[columns["decided"]]), _count(columns))
    corrections = mean(
        int(of_reviewed["uploads"]), float(of_reviewed["corrections"]), float(of_reviewed["corrections_squared"])
    )
    unknown_cost = bool(totals["llm_unpriced_calls"])
    cost = None if unknown_cost else float(totals["llm_cost_usd"])
    return Measurement(
        model_version=model_version,
        measured_on=basis,
        field=None,
        language=language,
        window_start=window.start,
        window_end=window.end,
        uploads=int(totals["uploads"]),
        reviewed_uploads=int(of_reviewed["uploads"]),
        columns=_count(columns),
        reviewed=_count(reviewed),
        **_three("accuracy", "accuracy", accuracy),
        mapped=_count(mapped),
        **_three("wrong_map_rate", "wrong_map", wrong_maps),
        **_three("coverage", "coverage", coverage),
        calibration_error=calibration_error(reviewed),
        **_three("corrections_per_upload", "corrections", corrections),
        memory_share=_share(_count(columns[columns["method"] == "memory"]), _count(columns)),
        llm_share=_share(_count(columns[columns["method"] == "llm"]), _count(columns)),
        llm_calls=int(totals["llm_calls"]),
        llm_tokens=int(totals["llm_tokens"]),
        llm_cost_usd=cost,
        accepted=int(totals["accepted"]),
        cost_per_accepted_usd=None if cost is None else _share(cost, int(totals["accepted"])),
        seconds_per_upload=_share(float(totals["work_seconds"]), int(totals["timed"])),
        in_time_share=_share(int(totals["in_time"]), int(totals["timed"])),
        new_header_share=_share(int(columns["new_headers"].sum()), _count(columns)),
        audit_response=response,
    )


def _of_field(window: Window, basis: Basis, field: str) -> Measurement:
    """Of one field. A file has it hardly more than once, so its columns are as good as independent."""
    proposed = window.columns[window.columns["predicted"] == field]
    reviewed = _reviewed(window.columns)
    holding = reviewed[reviewed["target"] == field]
    found = _count(holding[holding["predicted"] == field])
    mapped = reviewed[reviewed["predicted"] == field]
    return Measurement(
        model_version=None,
        measured_on=basis,
        field=field,
        language=None,
        window_start=window.start,
        window_end=window.end,
        uploads=None,
        reviewed_uploads=None,
        columns=_count(proposed),
        reviewed=_count(holding),
        **_three("accuracy", "accuracy", wilson(found, _count(holding))),
        mapped=_count(mapped),
        **_three("wrong_map_rate", "wrong_map", wilson(_count(mapped) - found, _count(mapped))),
        **_three("coverage", "coverage", wilson(_count(proposed[proposed["decided"]]), _count(proposed))),
        calibration_error=calibration_error(mapped),
        corrections_per_upload=None,
        corrections_low=None,
        corrections_high=None,
        memory_share=_share(_count(proposed[proposed["method"] == "memory"]), _count(proposed)),
        llm_share=_share(_count(proposed[proposed["method"] == "llm"]), _count(proposed)),
        llm_calls=None,
        llm_tokens=None,
        llm_cost_usd=None,
        accepted=None,
        cost_per_accepted_usd=None,
        seconds_per_upload=None,
        in_time_share=None,
        new_header_share=_share(int(proposed["new_headers"].sum()), _count(proposed)),
        audit_response=None,
    )


OFFLINE = {"golden": "golden set", "held_out": "held-out layouts"}
"""What is measured before a model is used, by the names that its metrics have for it."""


def offline(model: str, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Measurements of a model by its metrics: shares that are right on columns that it was not trained on, of all fields and
    of each. What nothing fell to is left out.
    """
    found: list[dict[str, Any]] = []
    for measured_on, name in OFFLINE.items():
        whole = metrics.get(name)
        if not whole or not whole["columns"]:
            continue
        parts = [(None, whole), *((field or NO_FIELD, each) for field, each in whole["fields"].items())]
        for field, each in parts:
            columns = each["columns"]
            found.append(
                {
                    "model_version": model,
                    "measured_on": measured_on,
                    "field": field,
                    "columns": columns,
                    "reviewed": columns,
                    **_three("accuracy", "accuracy", wilson(each["candidate"] * columns, columns)),
                    "wrong_map_rate": whole["wrong_maps"]["candidate"] if field is None else None,
                }
            )
    return found


def calibration_error(reviewed: pd.DataFrame) -> float | None:
    """How far confidence is from the share that is right, over tenths of confidence (expected calibration error)."""
    total = _count(reviewed)
    if not total:
        return None
    correct = reviewed["columns"].where(reviewed["predicted"] == reviewed["target"], 0)
    by_band = pd.DataFrame(
        {"band": reviewed["band"], "correct": correct, "confidence": reviewed["confidence_sum"] / 100}
    ).groupby("band")
    sums = by_band.sum()
    return float(np.abs(sums["correct"] - sums["confidence"]).sum() / total)


def totals_of(uploads: pd.DataFrame) -> Mapping[str, float]:
    """Counts of files, added up."""
    return {name: float(uploads[name].sum()) for name in UPLOAD_COUNTS}


def clusters_of(totals: Mapping[str, float]) -> Clusters:
    """Counts of reviewed files, as clusters of columns that were right."""
    names = ("uploads", "columns", "correct", "columns_squared", "correct_squared", "columns_correct")
    return Clusters(*(int(totals[name]) for name in names))


def _audit(uploads: pd.DataFrame) -> tuple[int, int]:
    """How many files were drawn at random, and how many of those were reviewed as a whole."""
    audited = uploads[uploads["basis"] == "audited"]
    return int(uploads["drawn"].sum()), int(audited["uploads"].sum())


def _reviewed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["basis"] != "unreviewed"]


def _count(columns: pd.DataFrame) -> int:
    return int(columns["columns"].sum())


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _three(value: str, bounds: str, estimate: Estimate | None) -> dict[str, Any]:
    return {
        value: None if estimate is None else estimate.value,
        f"{bounds}_low": None if estimate is None else estimate.low,
        f"{bounds}_high": None if estimate is None else estimate.high,
    }
