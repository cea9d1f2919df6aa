"""Figures as Markdown, for a person: tables of weeks and fields."""

from collections.abc import Sequence

from leads_pipeline.insights.intervals import Estimate
from leads_pipeline.insights.trends import Week

NOTHING = "–"


def weeks_table(weeks: Sequence[Week]) -> str:
    """One line for each week, newest first."""
    lines = [
        "| week from | files | reviewed | right | corrections per file | coverage | seconds per file |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for week in reversed(weeks):
        cells = [
            f"{week.monday}",
            f"{week.uploads:,}",
            f"{week.reviewed_uploads:,}",
            percent(week.accuracy),
            NOTHING if week.corrections is None else f"{week.corrections.value:.2f} ± {week.corrections.margin:.2f}",
            NOTHING if week.coverage is None else f"{100 * week.coverage:.1f} %",
            NOTHING if week.seconds_per_upload is None else f"{week.seconds_per_upload:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def percent(share: Estimate | None) -> str:
    """A share with its interval."""
    if share is None:
        return NOTHING
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
