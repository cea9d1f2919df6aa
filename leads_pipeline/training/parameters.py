"""What a training dataset is asked for with: one model for REST, the command line and the launchpad."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, Field, field_validator, model_validator

EVIDENCE = ("corrected", "confirmed", "reviewed", "unreviewed")
Evidence = Literal["corrected", "confirmed", "reviewed", "unreviewed"]
Scope = Literal["shared", "organization"]


class DatasetParameters(BaseModel):
    """Which examples a dataset takes. Every one of them is part of its card."""

    scope: Scope = Field(
        default="organization",
        description="`organization`: examples of one organization; `shared`: of all that share their training data.",
    )
    min_confidence: float | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=100,
        description="Confidence, in percent, from which unreviewed mappings count. Left out: MIN_CONFIDENCE_THRESHOLD.",
    )
    evidence: list[str] = Field(
        default=list(EVIDENCE),
        min_length=1,
        max_length=4,
        description="What counts: `corrected`, `confirmed`, `reviewed` (with the rest of a file), `unreviewed`.",
    )
    unreviewed_weight: float = Field(
        default=0.3, strict=True, gt=0, le=1, description="How much an unreviewed mapping weighs."
    )
    since: str | None = Field(
        default=None, description="Only answers from this day on (UTC), `2026-01-31`. Left out: all."
    )
    until: str | None = Field(
        default=None, description="Only answers up to and including this day (UTC). Left out: all."
    )
    max_per_field: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=1_000_000,
        description="Most examples of one lead field, the best of them. Left out: all.",
    )

    @field_validator("evidence")
    @classmethod
    def _known(cls, evidence: list[str]) -> list[str]:
        if not set(evidence) <= set(EVIDENCE):
            raise ValueError(f"it is some of {', '.join(EVIDENCE)}")
        return [each for each in EVIDENCE if each in evidence]

    @field_validator("since", "until")
    @classmethod
    def _day(cls, day: str | None) -> str | None:
        try:
            return None if day is None else date.fromisoformat(day).isoformat()
        except ValueError:
            raise ValueError("that is no day; write it as 2026-01-31") from None

    @model_validator(mode="after")
    def _in_order(self) -> "DatasetParameters":
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("`since` is after `until`")
        return self

    def window(self) -> tuple[datetime | None, datetime | None]:
        """From when to before when answers count."""
        since, until = (None if day is None else date.fromisoformat(day) for day in (self.since, self.until))
        return (
            None if since is None else datetime.combine(since, time(), UTC),
            None if until is None else datetime.combine(until + timedelta(days=1), time(), UTC),
        )
