"""Figures as Markdown, for a person: a table of weeks, and the summary of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from leads_pipeline.insights.intervals import Estimate, difference
from leads_pipeline.insights.trends import Week
from leads_pipeline.wording import counted

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


def summary_of(
    week: Week,
    before: Week | None,
    *,
    advice: Sequence[Mapping[str, Any]],
    checked: Sequence[Mapping[str, Any]],
    drift: Sequence[str] = (),
) -> str:
    """What a week came to, beside the one before; what to do next, and what came of earlier advice.

    `advice` and `checked` have a `title`; of advice `reviews_saved` and `effort_minutes`, of what was checked an `outcome`.
    """
    earlier = [NOTHING] * len(_figures(week)) if before is None else [then for _, then in _figures(before)]
    lines = [f"### Week from {week.monday}", "", _sentence(week), ""]
    lines += [
        "| | this week | the week before |",
        "|---|---:|---:|",
        *(f"| {name} | {now} | {then} |" for (name, now), then in zip(_figures(week), earlier, strict=True)),
        "",
    ]
    if before is not None and week.accuracy is not None and before.accuracy is not None:
        change = difference(week.accuracy, before.accuracy)
        said = "no more than chance explains" if change.low <= 0 <= change.high else "more than chance explains"
        lines += [f"Accuracy moved by {100 * change.value:+.1f} points: {said}.", ""]
    lines += [*drift, ""] if drift else []
    if advice:
        lines += ["**What would help most**", ""]
        lines += [f"- {each['title']}{_worth(each)}" for each in advice]
        lines += [""]
    if checked:
        lines += ["**What earlier advice brought**", ""]
        lines += [f"- {each['title']}: {_brought(each['outcome'])}" for each in checked]
    return "\n".join(lines).rstrip() + "\n"


def _sentence(week: Week) -> str:
    if not week.uploads:
        return "No file was mapped."
    reviewed = (
        f"{week.reviewed_uploads:,} of them reviewed as a whole" if week.reviewed_uploads else "none of them reviewed"
    )
    return f"{counted(week.uploads, 'file')} with {counted(week.columns, 'column')}, {reviewed}."


def _figures(week: Week) -> list[tuple[str, str]]:
    return [
        ("files", f"{week.uploads:,}"),
        ("right, of reviewed columns", percent(week.accuracy)),
        ("corrections per reviewed file", NOTHING if week.corrections is None else f"{week.corrections.value:.2f}"),
        ("columns that needed nobody", NOTHING if week.coverage is None else f"{100 * week.coverage:.1f} %"),
        ("language model calls per file", _two_digits(week.llm_calls_per_upload)),
        ("seconds per file", _two_digits(week.seconds_per_upload)),
    ]


def _two_digits(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _worth(advice: Mapping[str, Any]) -> str:
    if advice["reviews_saved"] is None:
        return f" ({advice['effort_minutes']:g} min)"
    return f" (about {advice['reviews_saved']:,.0f} reviews in four weeks, {advice['effort_minutes']:g} min)"


def _brought(outcome: Mapping[str, Any]) -> str:
    saved = f"{outcome['reviews_saved']:,.0f} reviews saved"
    error = outcome["reviews_error"]
    return saved if error is None else f"{saved}, {abs(error):,.0f} {'more' if error >= 0 else 'fewer'} than expected"


def percent(share: Estimate | None) -> str:
    """A share with its interval."""
    if share is None:
        return NOTHING
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
